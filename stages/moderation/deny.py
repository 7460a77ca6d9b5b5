"""People who may not be shown: faces against a local list of embeddings.

A list is JSON: ``{"model": "face-embedding-dlib", "faces": [{"name": "…", "embedding": [128 numbers]}]}``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.sidecar import Score
from imajin_cli.stages.moderation.model import Finding, Flag

if TYPE_CHECKING:
    from imajin_cli.stages.moderation.views import Views

LAYER = "identity"
DISTANCE = 0.6
"""Faces nearer than this are of one person (dlib's own threshold, 99.38 % right on Labeled Faces in the Wild)."""
MODELS = ("face-embedding-dlib", "dlib-face-recognition-resnet")
"""The one model that a list may be made with, by its name in the model catalogue, and by the name of its file."""
MAX_BYTES = 256 << 20
_DIMENSIONS = 128
_HINT = "repair it, or take it out of moderate.deny_lists"


class DenyList:
    """Named embeddings: ``vectors`` is float32 of shape (n, 128)."""

    def __init__(self, names: list[str], rows: list[list[float]], digest: str) -> None:
        import numpy as np

        self.names = names
        self.vectors = np.array(rows, np.float32).reshape(-1, _DIMENSIONS)
        self.sha256 = digest


def judge(views: Views, lists: Sequence[str], most: float) -> Finding:
    """Compare every face with every entry; one nearer than ``most`` is denied.

    Raises NoVerdictError for a list that cannot be read, MissingError and BackendError where faces cannot be compared.
    """
    finding = Finding(LAYER)
    if not lists:
        finding.state = "not configured"
        finding.notes["lists"] = "none configured: nobody was looked up"
        return finding
    loaded = {name: load(name) for name in lists}
    finding.notes["lists"] = {name: len(one.names) for name, one in loaded.items()}
    best = _nearest(views, loaded)
    if best is None:
        return finding
    distance, who, name = best
    finding.scores.append(
        Score(name="face_distance", value=round(distance, 4), threshold=most, op=">=", passed=distance >= most)
    )
    if views.drawing.drawn:
        finding.notes["drawn"] = "drawn faces: the network learnt from photographs, so a distance says little"
    if distance < most:
        finding.flags[Flag.DENY_LIST] = f"{who!r} of {name}, at a distance of {distance:.2f}, under {most:g}"
    return finding


def _nearest(views: Views, lists: dict[str, DenyList]) -> tuple[float, str, str] | None:
    """(distance, name, list) of the nearest entry to any face; None without a face."""
    import numpy as np

    from imajin_cli.stages.backends.faces import embeddings

    best: tuple[float, str, str] | None = None
    for seen in views.faces:
        for vector in embeddings(seen.pixels, seen.faces):
            for name, one in lists.items():
                distances = np.linalg.norm(one.vectors - vector, axis=1)
                at = int(distances.argmin())
                if best is None or distances[at] < best[0]:
                    best = (float(distances[at]), one.names[at], name)
    return best


def load(path: str) -> DenyList:
    """Read a deny list, once for each state of the file. Raises NoVerdictError for one that is absent, empty or no list."""
    try:
        place = Path(path).expanduser().absolute()
        state = place.stat()
        if state.st_size > MAX_BYTES:
            raise NoVerdictError(
                f"the deny list {path}: has {state.st_size} bytes, at most {MAX_BYTES} are read", hint=_HINT
            )
        return _load(place, state.st_mtime_ns, state.st_size)
    except (OSError, RuntimeError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or error
        raise NoVerdictError(f"the deny list {path}: {why}", hint=_HINT) from error


@lru_cache(maxsize=16)
def _load(place: Path, changed: int, size: int) -> DenyList:
    del changed, size
    data = place.read_bytes()
    names, rows = parse(json.loads(data))
    return DenyList(names, rows, sha256(data))


def parse(document: Any) -> tuple[list[str], list[list[float]]]:
    """Names and embeddings of a list's JSON. Raises ValueError for anything else."""
    faces = document.get("faces") if isinstance(document, dict) else None
    if not isinstance(faces, list) or not faces:
        raise ValueError("holds no faces")
    if document.get("model") not in MODELS:
        raise ValueError(f"was made with another model than {MODELS[0]}")
    names, rows = [], []
    for number, face in enumerate(faces, 1):
        row = face.get("embedding") if isinstance(face, dict) else None
        if not isinstance(row, list) or len(row) != _DIMENSIONS or not all(_is_number(value) for value in row):
            raise ValueError(f"face {number} has no embedding of {_DIMENSIONS} numbers")
        names.append(str(face.get("name", number)))
        rows.append([float(value) for value in row])
    return names, rows


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 1e3
