"""onnxruntime sessions of models of the catalogue: found, checked by digest, opened once, kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import MissingError
from imajin_cli.contract.need import loaded
from imajin_cli.stages.backends.threads import onnx_settings, settle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def open_session(
    read: Callable[[], bytes], *, threads: int = 1, optimise: bool = True, one_shape: bool = True
) -> Any:
    """An onnxruntime session of the model whose bytes ``read`` gives. Raises MissingError without onnxruntime.

    Without ``one_shape`` it keeps no memory between runs: its pool never gives back what the largest input took, and plans
    a layout for each new shape, so that a network whose pictures are all of other sizes would grow with every one.
    """
    settle(threads)
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingError("onnxruntime is not installed", hint="pip install 'onnxruntime>=1.30,<1.31'") from error
    options = onnxruntime.SessionOptions()
    settings = onnx_settings(threads)
    entries: Any = settings.pop("config_entries")
    for name, value in entries.items():
        options.add_session_config_entry(name, value)
    for name, setting in settings.items():
        setattr(options, name, setting)
    options.log_severity_level = 3
    if not one_shape:
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(read(), options, providers=["CPUExecutionProvider"])


class Network:
    """An ONNX model, by its name in the model catalogue, opened on first use and kept."""

    def __init__(self, name: str, *, optimise: bool = True, threads: int = 1, one_shape: bool = True) -> None:
        self.name = name
        self._one_shape = one_shape
        self._optimise = optimise
        self._threads = threads
        self._session: Any = None

    def session(self) -> Any:
        """The open session. Raises MissingError where onnxruntime or the model is not there, or cannot be opened."""
        if self._session is None:
            from imajin_cli.models.store import read

            self._session = open_session(
                lambda: read(self.name), threads=self._threads, optimise=self._optimise, one_shape=self._one_shape
            )
            loaded(self.name, self.close)
        return self._session

    def close(self) -> None:
        """Let go of the session; the next use opens another."""
        self._session = None

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The model's first output for its one input."""
        session = self.session()
        result: NDArray[np.float32] = session.run(None, {session.get_inputs()[0].name: batch})[0]
        return result

    def metadata(self) -> Mapping[str, str]:
        """What the model's author wrote into its file, by key."""
        found: Mapping[str, str] = self.session().get_modelmeta().custom_metadata_map
        return found


@lru_cache(maxsize=16)
def network(name: str, *, optimise: bool = True, one_shape: bool = True) -> Network:
    """The one network of the model ``name`` in this process."""
    return Network(name, optimise=optimise, one_shape=one_shape)


def state(name: str) -> str:
    """What a result depends on, without reading the model: its name and revision in the catalogue, or that it is absent."""
    from imajin_cli.models import store

    return store.state(name)
