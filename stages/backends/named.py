"""Which names of icons a text is near to, and which of them a picture looks like: a table beside the encoder, in NumPy.

The encoder puts pictures and texts into one space by one rule for all; that rounds away much of what is known of a name that
many icon sets draw. So the names that several sets share are kept, each with its text's vector and what its icons look like,
by linear discriminant analysis (Fisher 1936; Rao 1948) with the means of seldom drawn names drawn to the middle (James and
Stein 1961). A text calls for the names that it is near to; how far the picture bears them out is told as `things.agreement`
tells it. Made by ``training/clip/named.py``.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import BackendError, MissingError
from imajin_cli.stages.backends.miniclip import FOLDER, NAME, NAMED, tensors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HEAT, NOTHING = 15.0, 0.3
"""How fast a name's share falls with its cosine's distance, and the cosine at which nothing is known; on icons of calibration."""
_HINT = "pip install --force-reinstall imajin"


class Named:
    """The names that are known, read on first use; same input, same output."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    @cached_property
    def tables(self) -> dict[str, NDArray[np.float32]]:
        """``keys`` and ``looks`` (names, 256), ``looks_bias`` (names,). Raises MissingError and BackendError."""
        path = self.folder / NAMED
        if not path.is_file():
            raise MissingError(f"{NAME}: its file {NAMED} is missing", hint=_HINT)
        found = tensors(path)
        try:
            for name in ("keys", "looks"):
                found[name] = found[name] * found.pop(f"{name}_scale")[:, None]
            whole = found["keys"].shape == found["looks"].shape == (len(found["looks_bias"]), found["looks"].shape[1])
        except (KeyError, ValueError, IndexError) as error:
            raise BackendError(f"{NAME}: its table of names cannot be read") from error
        if not whole:
            raise BackendError(f"{NAME}: its table of names cannot be read")
        return found

    def called_for(self, texts: NDArray[np.float32]) -> NDArray[np.float32]:
        """How much more each name is called for by texts, unit vectors (n, 256), than by any text (n, names); 1 where
        nothing is known.
        """
        import numpy as np

        near = texts @ self.tables["keys"].T * HEAT
        most = np.maximum(near.max(1, keepdims=True), NOTHING * HEAT)
        share, none = np.exp(near - most), np.exp(NOTHING * HEAT - most)
        return _checked((share * near.shape[1] + none) / (share.sum(1, keepdims=True) + none), "what is called for")

    def shown(self, views: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of each name (n, names) by the vectors (n, k, 256) of pictures' views, all equally likely beforehand.

        The whole, the first view, weighs as much as all nearer ones together.
        """
        import numpy as np

        near = views[:, 1:] if views.shape[1] > 1 else views
        logits = (views[:, 0] + near.mean(1)) / 2 @ self.tables["looks"].T + self.tables["looks_bias"]
        share = np.exp(logits - logits.max(-1, keepdims=True))
        return _checked(share / share.sum(-1, keepdims=True), "what is shown")


def _checked(values: NDArray[np.float32], what: str) -> NDArray[np.float32]:
    import numpy as np

    if not np.isfinite(values).all():
        raise BackendError(f"{NAME}: {what} by name came out as no number")
    return np.asarray(values, np.float32)
