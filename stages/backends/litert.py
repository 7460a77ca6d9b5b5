"""tflite networks of the model catalogue, run by ai-edge-litert: found, checked by digest, opened once, kept."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import BackendError, MissingError
from imajin_cli.contract.need import loaded
from imajin_cli.stages.backends.threads import settle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def run(name: str, batch: NDArray[np.float32], *, file: str | None = None, extra: str) -> list[NDArray[np.float32]]:
    """All outputs of the model ``name`` (its ``file``, by default the first) for its one input, float32, in the file's order.

    ``extra`` is what pip is told to install where the runtime is absent. Raises MissingError where it or the model is absent,
    BackendError for an input or a result that makes no sense.
    """
    import numpy as np

    interpreter = opened(name, file, extra)
    (taken,) = interpreter.get_input_details()
    if tuple(taken["shape"]) != batch.shape:
        raise BackendError(f"{name} takes a batch of shape {tuple(taken['shape'])}, not {batch.shape}")
    interpreter.set_tensor(taken["index"], np.ascontiguousarray(batch, np.float32))
    interpreter.invoke()
    found = [np.array(interpreter.get_tensor(one["index"]), np.float32) for one in interpreter.get_output_details()]
    if not all(np.isfinite(one).all() for one in found):
        raise BackendError(f"{name} gave a result that is no number")
    return found


@lru_cache(maxsize=8)
def opened(name: str, file: str | None, extra: str) -> Any:
    """The interpreter of a model's file, ready to run. Raises MissingError where the runtime or the model is absent."""
    from imajin_cli.models.store import read

    settle(1)
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise MissingError("ai-edge-litert is not installed", hint=f"pip install imajin[{extra}]") from error
    interpreter = Interpreter(model_content=read(name, file), num_threads=1)
    interpreter.allocate_tensors()
    loaded(name, opened.cache_clear)
    return interpreter
