"""The template of a person: what is kept of reference faces, as JSON in a record.

It holds vectors alone, no pixels. It stands under ``private`` in the record's notes, which is never published.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.sidecar import PRIVATE, Sidecar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STAGE = "identity"
MOST_FACES = 8
MOST_DIMENSIONS = 2048
_HINT = "run `imajin identity --reference FILE` on it, or give verify-identity the --reference"


@dataclass(frozen=True)
class Template:
    """Vectors of a person's faces, float32 of shape (n, d), and the model and revision that gave them."""

    model: str
    revision: str
    vectors: NDArray[np.float32]

    def to_json(self) -> dict[str, Any]:
        """What is kept: little-endian float32 in base64, and its digest."""
        data = self.vectors.astype("<f4").tobytes()
        return {
            "model": self.model,
            "revision": self.revision,
            "shape": list(self.vectors.shape),
            "float32": base64.b64encode(data).decode(),
            "sha256": sha256(data),
        }


def template_of(value: Any) -> Template:
    """A template from its JSON. Raises ValueError for anything that is none: a sidecar is data that anybody can edit."""
    import numpy as np

    if not isinstance(value, Mapping):
        raise ValueError("it is no object")
    model, revision, shape, text = (value.get(key) for key in ("model", "revision", "shape", "float32"))
    if not (isinstance(model, str) and isinstance(revision, str) and isinstance(text, str)):
        raise ValueError("it names no model, revision or numbers")
    rows, columns = _shape(shape)
    if len(text) > 2 * 4 * rows * columns:
        raise ValueError("it holds more numbers than it says")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("its numbers are not base64") from None
    if len(data) != 4 * rows * columns or sha256(data) != value.get("sha256"):
        raise ValueError("its numbers are not those that its digest is of")
    vectors = np.frombuffer(data, "<f4").astype(np.float32).reshape(rows, columns)
    if not np.isfinite(vectors).all() or float(np.abs(vectors).max()) > 1e3:
        raise ValueError("its numbers describe no face")
    return Template(model, revision, vectors)


def _shape(shape: Any) -> tuple[int, int]:
    if not (isinstance(shape, Sequence) and len(shape) == 2 and all(type(value) is int for value in shape)):
        raise ValueError("its shape is none")
    rows, columns = shape
    if not (1 <= rows <= MOST_FACES and 2 <= columns <= MOST_DIMENSIONS):
        raise ValueError(f"a shape of {rows} × {columns} is out of bounds")
    return rows, columns


def asked_for(sidecar: Sidecar) -> Template | None:
    """The template that the asset's latest `identity` record holds; None where no reference was asked for.

    Raises NoVerdictError where one was, and its template is gone or damaged: no verdict is never a pass.
    """
    record = next((one for one in reversed(sidecar.stages) if one.stage == STAGE), None)
    if record is None or record.status == "skipped":
        return None
    private = record.notes.get(PRIVATE)
    value = private.get("template") if isinstance(private, Mapping) else None
    if record.status != "passed" or value is None:
        raise NoVerdictError("a reference was asked for, and its template is not in the sidecar (any more)", hint=_HINT)
    try:
        return template_of(value)
    except ValueError as error:
        raise NoVerdictError(f"the template in the sidecar cannot be used: {error}", hint=_HINT) from None


def distances(template: Template, vectors: NDArray[np.float32]) -> list[float]:
    """Of each face (``vectors``, shape (n, d)) the mean Euclidean distance to the template's.

    Raises NoVerdictError where the two are of different length, or a distance is no number.
    """
    import numpy as np

    if vectors.shape[1:] != template.vectors.shape[1:]:
        raise NoVerdictError("the template and the picture's faces were described by different numbers", hint=_HINT)
    found = np.linalg.norm(vectors[:, None, :].astype(np.float64) - template.vectors[None], axis=2).mean(axis=1)
    values = [float(value) for value in found]
    if not all(map(math.isfinite, values)):
        raise NoVerdictError("a distance between faces is no number")
    return values
