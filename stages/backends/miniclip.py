"""imajin-mini-clip: our own small image and text encoder, embedded in the package, run by onnxruntime on one thread.

The image side is an ONNX graph whose weights are stored in half precision and computed in single. The text side is
two linear layers over the frozen text embedder's vector plus a table of word vectors, small enough for NumPy.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import BackendError, MissingError
from imajin_cli.contract.need import loaded
from imajin_cli.stages.backends.threads import onnx_settings, settle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imajin_cli.stages.backends.named import Named
    from imajin_cli.stages.backends.parts import Parts
    from imajin_cli.stages.backends.things import Things

NAME = "imajin-mini-clip"
LICENCE = "Apache-2.0"
DIMENSIONS = 256
SIDE = 48
FOLDER = Path(__file__).parent.parent / "semantics" / "compiled"
IMAGE, TEXT, VOCABULARY, SAMPLE = "image.onnx", "text.safetensors", "vocabulary.json", "sample.safetensors"
THINGS = "things.safetensors"
PARTS, TITLES = "parts.safetensors", "parts.json"
NAMED = "named.safetensors"
FILES = (IMAGE, TEXT, VOCABULARY, SAMPLE, THINGS, PARTS, TITLES, NAMED)
_TYPES = {"F16": "<f2", "F32": "<f4", "I8": "i1"}
_HINT = "pip install --force-reinstall imajin"


@lru_cache(maxsize=4)
def revision(folder: Path = FOLDER) -> str:
    """Digest of the weights, 12 hex digits; "absent" where a file is missing."""
    digest = hashlib.sha256()
    try:
        for name in FILES:
            digest.update((folder / name).read_bytes())
    except OSError:
        return "absent"
    return digest.hexdigest()[:12]


def digest(path: Path) -> str:
    """The first 12 hex digits of a file's sha256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def normed(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of ``x`` with length one; a row of nothing stays nothing."""
    import numpy as np

    made: NDArray[np.float32] = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)
    return made


class MiniClip:
    """The encoder, loaded on first use. Both sides give unit vectors of `DIMENSIONS` numbers; same input, same output."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self._session: Any = None
        self._text: dict[str, NDArray[np.float32]] | None = None
        self._things: Things | None = None
        self._parts: Parts | None = None
        self._named: Named | None = None

    def _path(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise MissingError(f"{NAME}: its file {name} is missing", hint=_HINT)
        return path

    def load(self) -> Any:
        """The onnxruntime session. Raises MissingError where onnxruntime or the weights are not there."""
        if self._session is None:
            settle(1)
            try:
                import onnxruntime
            except ImportError as error:
                raise MissingError(f"{NAME}: onnxruntime is not installed", hint="pip install onnxruntime") from error
            options = onnxruntime.SessionOptions()
            for key, value in onnx_settings(1).items():
                if isinstance(value, dict):
                    for name, setting in value.items():
                        options.add_session_config_entry(name, setting)
                else:
                    setattr(options, key, value)
            options.log_severity_level = 3
            path = str(self._path(IMAGE))
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            loaded(NAME, self.close)
        return self._session

    def close(self) -> None:
        """Let go of the session and the tables; the next use reads them again."""
        self._session = self._text = self._things = self._parts = self._named = None

    def image(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors of pictures (n, 3, 48, 48) in -1..1. Raises BackendError for NaN or a wrong shape in or out."""
        return self.see(pixels)[0]

    def see(self, pixels: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Vectors (n, 256) of pictures (n, 3, 48, 48), and where each subject seems to be (n, 3): middle and side, in shares.

        Raises BackendError for NaN or a wrong shape in or out.
        """
        if pixels.ndim != 4 or pixels.shape[1:] != (3, SIDE, SIDE):
            raise BackendError(f"{NAME}: pictures of shape {pixels.shape} instead of (n, 3, 48, 48)")
        vectors, boxes = self.load().run(None, {"pixels": pixels})
        return _checked(vectors, len(pixels), "image encoder"), _checked(boxes, len(pixels), "subject's box", 3)

    @property
    def tables(self) -> dict[str, NDArray[np.float32]]:
        """The text side's weights by name."""
        if self._text is None:
            tables = tensors(self._path(TEXT))
            for name in ("words", "memory_keys"):
                tables[name] = tables[name] * tables.pop(f"{name}_scale")[:, None]
            self._text = tables
        return self._text

    @property
    def vocabulary(self) -> dict[str, int]:
        """Word → its row of the word table; row 0 is no word."""
        words = json.loads(self._path(VOCABULARY).read_text(encoding="utf-8"))
        return {word: row + 1 for row, word in enumerate(words)}

    def text(self, embedded: NDArray[np.float32], ids: list[list[int]]) -> NDArray[np.float32]:
        """Vectors of texts from their embeddings (n, 384, as the embedder gives them) and word rows. Raises BackendError."""
        import numpy as np

        t = self.tables
        centred = normed(embedded - t["mean"])
        hidden = centred @ t["up_weight"].T + t["up_bias"]
        hidden = 0.5 * hidden * (1 + np.tanh(0.7978845608 * (hidden + 0.044715 * hidden**3)))
        out = hidden @ t["down_weight"].T + t["down_bias"] + centred @ t["skip_weight"].T + t["skip_bias"]
        bags = [t["words"][rows].sum(0) / np.sqrt(len(rows)) if rows else np.zeros(DIMENSIONS) for rows in ids]
        out = (out + np.stack(bags) + self._remembered(centred)).astype(np.float32)
        norm = np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)
        return _checked(out / norm, len(embedded), "text head")

    @property
    def things(self) -> Things:
        """The memory of which things texts call for."""
        if self._things is None:
            from imajin_cli.stages.backends.things import Things

            self._things = Things(self.folder)
        return self._things

    @property
    def parts(self) -> Parts:
        """What each of the composer's drawings looks like to the encoder."""
        if self._parts is None:
            from imajin_cli.stages.backends.parts import Parts

            self._parts = Parts(self.folder)
        return self._parts

    @property
    def named(self) -> Named:
        """What icons of each name that many sets share look like to the encoder."""
        if self._named is None:
            from imajin_cli.stages.backends.named import Named

            self._named = Named(self.folder)
        return self._named

    def called_for(self, embedded: NDArray[np.float32]) -> NDArray[np.float32]:
        """How much more than by any text each thing is called for by texts, (n, things), from the embedder's vectors."""
        return self.things.called_for(embedded, self.tables["mean"])

    def _remembered(self, centred: NDArray[np.float32]) -> NDArray[np.float32]:
        """What is added for captions of training that a text is near to (n, 256): a softmax over cosines and "nothing"."""
        import numpy as np

        t = self.tables
        heat = float(np.exp(t["memory_heat"]))
        near = centred @ t["memory_keys"].T * heat
        most = np.maximum(near.max(1, keepdims=True), t["memory_nothing"] * heat)
        share = np.exp(near - most)
        total = share.sum(1, keepdims=True) + np.exp(t["memory_nothing"] * heat - most)
        added: NDArray[np.float32] = (share / total) @ t["memory_values"][t["memory_owner"].astype(int)]
        return added

    def sample(self) -> dict[str, NDArray[np.float32]]:
        """The fixed sample that scores are ranked against: "prompts" and "pictures", unit vectors (k, 256) each."""
        vectors = tensors(self._path(SAMPLE))
        return {key: _checked(vectors[key], len(vectors[key]), f"sample of {key}") for key in ("prompts", "pictures")}


def tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """The tensors of a safetensors file by name, in single precision. Raises BackendError for a file that is none.

    The format: eight bytes of length, a JSON header that says type, shape and place of each, then the numbers.
    """
    import numpy as np

    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8:start])
        found = {}
        for name, about in header.items():
            if name != "__metadata__":
                low, high = about["data_offsets"]
                numbers = np.frombuffer(data[start + low : start + high], _TYPES[about["dtype"]])
                found[name] = numbers.reshape(about["shape"]).astype(np.float32)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackendError(f"{NAME}: {path.name} is no safetensors file that can be read") from error
    return found


def _checked(vectors: NDArray[Any], count: int, layer: str, width: int = DIMENSIONS) -> NDArray[np.float32]:
    import numpy as np

    if vectors.shape != (count, width):
        raise BackendError(f"{NAME}: its {layer} gave shape {vectors.shape} instead of {(count, width)}")
    if not np.isfinite(vectors).all():
        raise BackendError(f"{NAME}: its {layer} gave numbers that are not finite")
    return np.asarray(vectors, np.float32)


@lru_cache(maxsize=1)
def shared() -> MiniClip:
    """The process's encoder; it loads with the first picture."""
    return MiniClip()
