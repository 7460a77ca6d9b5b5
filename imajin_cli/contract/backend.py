"""Large models that several commands may share: a backend that does many items at once, and how a stage asks it.

    class Scorer(Backend):
        def need(self) -> Need: ...
        def batch(self, items): ...

    (found,) = ask("my_package.scorer:Scorer", {"weights": path}, [{"pixels": pixels.tobytes()}])

In a command that works for itself, the backend is loaded in its process. In the worker it has one process, in which the
items of all commands meet: the model is loaded once, and what several ask for at a time is done together.
"""

from __future__ import annotations

import importlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from imajin_cli.contract.errors import BackendError
from imajin_cli.contract.need import Need, is_loaded, loaded

Item = Mapping[str, Any]
"""What is asked about, and what is found: values are bytes (pixels, numbers of a fixed layout), or what JSON holds."""

Settings = Mapping[str, Any]
"""What a backend is made with (JSON): which weights, which number format."""


class Backend(ABC):
    """A model. ``most`` items are done at once at most: 1 where a result would depend, even in its last digit, on the

    items beside it. It loads with the first batch, when its lease is had.
    """

    most: ClassVar[int] = 16

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @abstractmethod
    def need(self) -> Need:
        """What it takes of a device; a stage that asks it lists the same among its needs, with ``shared`` set."""

    @abstractmethod
    def batch(self, items: Sequence[Item]) -> Sequence[Item]:
        """One result for each of ``items``, in their order. The same item always gives the same result."""

    def close(self) -> None:
        """Let go of what was loaded; the next batch loads it again."""
        raise BackendError(f"{type(self).__name__} cannot let go of what it has loaded")


Asker = Callable[[str, Settings, Sequence[Item]], list[Item]]

_here: dict[tuple[str, str], Backend] = {}
_asker: list[Asker] = []


def ask(target: str, settings: Settings, items: Sequence[Item]) -> list[Item]:
    """What the backend ``target`` ("module:Class"), made with ``settings``, finds for each of ``items``.

    Raises the ImajinError that it raises, BackendError where it fails in another way or its process crashes twice.
    """
    if not items:
        return []
    if _asker:
        return _asker[-1](target, settings, items)
    backend = made(target, settings)
    found: list[Item] = []
    for at in range(0, len(items), backend.most):
        found += done(backend, items[at : at + backend.most])
    return found


def made(target: str, settings: Settings) -> Backend:
    """The one backend of this process that is ``target`` with ``settings``; its weights load with the first batch."""
    key = (target, json.dumps(settings, sort_keys=True))
    if key not in _here:
        module, _, name = target.partition(":")
        _here[key] = getattr(importlib.import_module(module), name)(dict(settings))
    return _here[key]


def done(backend: Backend, items: Sequence[Item]) -> list[Item]:
    """One batch, here. Raises BackendError where not every item has a result."""
    found = list(backend.batch(items))
    model = backend.need().model
    if not is_loaded(model):
        loaded(model, None if type(backend).close is Backend.close else backend.close)
    if len(found) != len(items):
        raise BackendError(f"{type(backend).__name__} gave {len(found)} results for {len(items)} items")
    return found


def is_elsewhere() -> bool:
    """Whether shared backends have a process of their own, which takes their leases."""
    return bool(_asker)


def send_elsewhere(asker: Asker | None) -> None:
    """Have ``ask`` ask another process, as the worker's model processes do; None: this one."""
    _asker[:] = [] if asker is None else [asker]
