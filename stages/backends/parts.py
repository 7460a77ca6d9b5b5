"""Which of the composer's drawings a picture shows, told from the embedded encoder's vectors of it, in NumPy.

Told in two ways. By looks, by linear discriminant analysis (Fisher 1936; Rao 1948): the vectors of a drawing in many scenes
are taken to be normal about a mean, with one covariance for all drawings, so that its likelihood is linear in the vector. And
by name: the cosine with the vector of its title, in deviations over a sample of pictures, which is linear too. Made by
``training/clip/parts.py``.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import BackendError, MissingError
from imajin_cli.stages.backends.miniclip import FOLDER, NAME, PARTS, TITLES, tensors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HINT = "pip install --force-reinstall imajin"


class Parts:
    """The drawings that are known, read on first use; same input, same output."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    def _file(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise MissingError(f"{NAME}: its file {name} is missing", hint=_HINT)
        return path

    @cached_property
    def tables(self) -> dict[str, NDArray[np.float32]]:
        """``looks`` and ``names`` (drawings, width), ``looks_bias`` and ``names_bias`` (drawings,). Raises MissingError and
        BackendError.
        """
        found = tensors(self._file(PARTS))
        if any(len(found.get(name, ())) != len(self.places) for name in ("looks", "looks_bias", "names", "names_bias")):
            raise BackendError(f"{NAME}: its table of drawings cannot be read")
        return found

    @cached_property
    def _read(self) -> tuple[dict[str, int], dict[str, list[str]]]:
        try:
            found = json.loads(self._file(TITLES).read_text(encoding="utf-8"))
            places = {str(title): at for at, title in enumerate(found["titles"])}
            return places, {str(name): [str(title) for title in titles] for name, titles in found["also"].items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BackendError(f"{NAME}: its titles of drawings cannot be read") from error

    @property
    def places(self) -> dict[str, int]:
        """Title → row. Raises MissingError and BackendError."""
        return self._read[0]

    @property
    def also(self) -> dict[str, list[str]]:
        """Name of a part or a situation → titles of what is drawn for it besides. Raises MissingError and BackendError."""
        return self._read[1]

    def shown(self, views: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Probabilities of drawings (n, drawings) by their looks and by their names, all equally likely beforehand.

        ``views`` are the vectors (n, k, width) of pictures' views. The nearer ones speak, in the mean; the first view, the whole,
        is asked where it is alone.
        """
        import numpy as np

        near = (views[:, 1:] if views.shape[1] > 1 else views).mean(1)
        unit = near / np.maximum(np.linalg.norm(near, axis=1, keepdims=True), 1e-6)
        return self._likely(near, "looks"), self._likely(unit, "names")

    def _likely(self, vectors: NDArray[np.float32], by: str) -> NDArray[np.float32]:
        import numpy as np

        logits = vectors @ self.tables[by].T + self.tables[f"{by}_bias"]
        share = np.exp(logits - logits.max(-1, keepdims=True))
        found: NDArray[np.float32] = (share / share.sum(-1, keepdims=True)).astype(np.float32)
        if not np.isfinite(found).all():
            raise BackendError(f"{NAME}: which drawing is shown came out as no number")
        return found
