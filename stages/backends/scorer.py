"""imajin-aesthetic: our own small scorer of pictures, embedded in the package, run by onnxruntime on one thread.

It was trained in pairs to rank clean pictures over damaged ones (training/aesthetic); its numbers mean something only
beside those of other pictures of the same asset class.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import BackendError, MissingError
from imajin_cli.contract.need import loaded
from imajin_cli.stages.backends.onnx import open_session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "imajin-aesthetic"
LICENCE = "Apache-2.0"
FOLDER = Path(__file__).parent.parent / "aesthetics" / "compiled"
WEIGHTS = "scorer.onnx"
_HINT = "pip install --force-reinstall imajin"


@lru_cache(maxsize=4)
def revision(folder: Path = FOLDER) -> str:
    """Digest of the weights, 12 hex digits; "absent" where the file is missing."""
    try:
        return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:12]
    except OSError:
        return "absent"


class Embedded:
    """The embedded scorer, loaded on first use. The same picture always gives the same number."""

    name, licence = NAME, LICENCE

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self._session: Any = None

    @property
    def revision(self) -> str:
        """Digest of the weights."""
        return revision(self.folder)

    def _read(self) -> bytes:
        path = self.folder / WEIGHTS
        try:
            return path.read_bytes()
        except OSError:
            raise MissingError(f"{NAME}: its file {WEIGHTS} is missing", hint=_HINT) from None

    def close(self) -> None:
        """Let go of the session; the next use opens another."""
        self._session = None

    def score(self, whole: NDArray[np.uint8], patches: NDArray[np.uint8], numbers: NDArray[np.float32]) -> float:
        """The learned score of a picture: its whole view (5, 96, 96), near ones (4, 4, 48, 48), and its numbers (n,).

        Raises MissingError where onnxruntime or the weights are not there, BackendError for what is no number.
        """
        import numpy as np

        if self._session is None:
            self._session = open_session(self._read)
            loaded(NAME, self.close)
        feed = {"whole": whole[None], "patches": patches[None], "numbers": numbers[None]}
        found = np.asarray(self._session.run(None, feed)[0], np.float64).ravel()
        if found.shape != (1,):
            raise BackendError(f"{NAME}: it gave shape {found.shape} instead of one number")
        if not np.isfinite(found).all():
            raise BackendError(f"{NAME}: its score is not finite")
        return float(found[0])


@lru_cache(maxsize=1)
def shared() -> Embedded:
    """The process's scorer; it loads with the first picture."""
    return Embedded()
