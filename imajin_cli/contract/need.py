"""What a model takes of a device, and which models this process has loaded.

A stage says what its models need (`Stage.needs`); the runtime takes a lease of it in this process before the first of them
loads, and tells here on which device. A backend says here what it has loaded and how that is forgotten, so that the
runtime can drop the models that were not used for longest where another one needs their memory.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Need:
    """What one model takes of a device.

    ``model`` is its name, with its revision where several may be used; ``mib`` is what to reserve until peaks of this
    model, ``dtype``, ``size`` ("1024x1024") and ``batch`` were measured, at most all of the device. ``device`` is "cpu",
    "auto" (any GPU, else the CPU), a name ("cuda:0") or a UUID. ``on_cpu`` is what it needs instead where "auto" comes to
    mean the CPU, which computes in another number format.
    """

    model: str
    mib: int
    device: str = "cpu"
    dtype: str = ""
    size: str = ""
    batch: int = 1
    # A backend that commands share has it (contract/backend.py): in the worker the lease is its process's.
    shared: bool = False
    on_cpu: Need | None = None


_forget: dict[str, list[Callable[[], object] | None]] = {}
_places: dict[str, str] = {}


def loaded(model: str, forget: Callable[[], object] | None = None) -> None:
    """Say that ``model`` is loaded; ``forget`` lets go of it, so that its memory is free once nobody uses it.

    Without one it stays for as long as this process.
    After ``forget`` the backend must be able to load it again, which asks for a new lease.
    """
    _forget.setdefault(model, []).append(forget)


def is_loaded(model: str) -> bool:
    """Whether a backend has said that ``model`` is loaded."""
    return model in _forget


def can_be_dropped(models: Iterable[str]) -> bool:
    """Whether it was said of each of ``models`` how it is forgotten."""
    return all(None not in _forget.get(model, [None]) for model in models)


def drop(models: Iterable[str]) -> None:
    """Forget ``models``: what they hold is freed as soon as nobody refers to it; what torch keeps of it goes back too."""
    for model in models:
        for forget in _forget.pop(model, []):
            if forget is not None:
                forget()
        _places.pop(model, None)
    gc.collect()
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def place(model: str, device: str) -> None:
    """Say on which device ``model`` has its lease: as torch names it ("cuda:0", "cpu", "mps")."""
    _places[model] = device


def device_of(model: str) -> str:
    """The device on which ``model`` has its lease; "cpu" where nobody took one."""
    return _places.get(model, "cpu")
