"""onnxruntime sessions of model files that lie inside installed packages: found, checked by digest, opened once, kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import MissingError
from imajin_cli.stages.backends.threads import onnx_settings, settle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ModelFile:
    """A model inside a package: where it lies, how many bytes it has, its digest and licence, and what installs it."""

    name: str
    package: str
    file: str
    size: int
    sha256: str
    licence: str
    install: str

    def path(self) -> Path:
        """The file, whose package is not imported. Raises MissingError where it is not there, or is another file."""
        spec = find_spec(self.package)
        path = Path(spec.origin).parent / self.file if spec is not None and spec.origin is not None else None
        if path is None or not path.is_file():
            raise MissingError(f"the model {self.name} is not installed", hint=self.install)
        return path

    def read(self) -> bytes:
        """The file's bytes. Raises MissingError where it is not there, or its digest is another."""
        try:
            data = self.path().read_bytes()
        except OSError as error:
            raise MissingError(f"the model {self.name} cannot be read: {error.strerror}", hint=self.install) from error
        if hashlib.sha256(data).hexdigest() != self.sha256:
            hint = f"{self.install} --force-reinstall"
            raise MissingError(f"the model {self.name} is damaged or of another version", hint=hint)
        return data

    def state(self) -> str:
        """What a result depends on, without reading the file: the model's digest, or that it is not there."""
        try:
            there = self.path().stat().st_size == self.size
        except (MissingError, OSError):
            return f"{self.name} absent"
        return f"{self.name} {self.sha256[:12]}" if there else f"{self.name} other"


class Network:
    """An ONNX model, opened on first use and kept."""

    def __init__(self, file: ModelFile, *, optimise: bool = True, threads: int = 1) -> None:
        self.file = file
        self._optimise = optimise
        self._threads = threads
        self._session: Any = None

    def session(self) -> Any:
        """The open session. Raises MissingError where onnxruntime or the model is not there, or cannot be opened."""
        if self._session is None:
            settle(self._threads)
            try:
                import onnxruntime
            except ImportError as error:
                raise MissingError("onnxruntime is not installed", hint="pip install 'onnxruntime>=1.30,<1.31'") from error
            options = onnxruntime.SessionOptions()
            settings = onnx_settings(self._threads)
            entries: Any = settings.pop("config_entries")
            for name, value in entries.items():
                options.add_session_config_entry(name, value)
            for name, setting in settings.items():
                setattr(options, name, setting)
            options.log_severity_level = 3
            if not self._optimise:
                options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            self._session = onnxruntime.InferenceSession(self.file.read(), options, providers=["CPUExecutionProvider"])
        return self._session

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
def network(file: ModelFile, *, optimise: bool = True) -> Network:
    """The one network of ``file`` in this process."""
    return Network(file, optimise=optimise)
