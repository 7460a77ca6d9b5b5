"""NVIDIA GPUs and their MIG instances as the driver tells, through nvidia-ml-py where that is installed.

Calls: NVML API Reference Guide. No answer is believed unseen: a device that the driver talks nonsense of is left out, and said.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from imajin_cli.devices.device import Device, nonsense
from imajin_cli.devices.units import MIB
from imajin_cli.devices.visible import visible


class Found(NamedTuple):
    """The devices that can be used, and a line on each thing that is wrong."""

    devices: list[Device]
    notes: list[str]


def nvidia_devices() -> Found:
    """Every GPU or MIG instance that CUDA_VISIBLE_DEVICES leaves, in the order in which CUDA numbers them."""
    library = _library()
    if library is None:
        here = os.path.exists("/proc/driver/nvidia/version")
        return Found(
            [], ["an NVIDIA driver is here, but not the package nvidia-ml-py: its GPUs are not seen"] if here else []
        )
    try:
        library.nvmlInit()
    except Exception as error:  # noqa: BLE001 (a driver's binding raises what it likes; without it there is no GPU)
        absent = type(error).__name__ in ("NVMLError_LibraryNotFound", "NVMLError_DriverNotLoaded")
        return Found([], [] if absent else [f"the NVIDIA driver does not answer: {error}"])
    notes: list[str] = []
    groups = list(_groups(library, notes))
    by_uuid = {part.uuid: part for group in groups for part in group}
    setting = os.environ.get("CUDA_VISIBLE_DEVICES")
    chosen = visible([[part.uuid for part in group] for group in groups], setting)
    devices = [
        Device(f"cuda:{index}", uuid, by_uuid[uuid].name, "cuda", by_uuid[uuid].total, by_uuid[uuid].free)
        for index, uuid in enumerate(chosen)
    ]
    by_order = setting is not None and any(part.strip().isdigit() for part in setting.split(","))
    if by_order and len({d.name for d in by_uuid.values()}) > 1 and os.environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
        notes.append("GPUs differ and CUDA_DEVICE_ORDER is not PCI_BUS_ID: CUDA may number them otherwise; name UUIDs")
    return Found(devices, notes)


def nvidia_free(uuid: str) -> int | None:
    """MiB that the driver says are free on one device; None where it does not answer, or talks nonsense."""
    library = _library()
    if library is None:
        return None
    try:
        library.nvmlInit()
        handle = library.nvmlDeviceGetHandleByUUID(uuid)
        memory = library.nvmlDeviceGetMemoryInfo(handle)
        total, free = int(memory.total) // MIB, int(memory.free) // MIB
    except Exception:  # noqa: BLE001 (whatever the binding raises, nothing is known, and so nothing is granted)
        return None
    return None if nonsense(uuid, total, free) else free


class _Part(NamedTuple):
    uuid: str
    name: str
    total: int
    free: int | None


def _library() -> Any:
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml


def _groups(library: Any, notes: list[str]) -> Iterator[list[_Part]]:
    """One list a GPU, in NVML's order: the GPU itself, or its MIG instances. One that cannot be used leaves its place empty."""
    try:
        count = min(int(library.nvmlDeviceGetCount()), 256)
    except Exception as error:  # noqa: BLE001
        notes.append(f"the NVIDIA driver does not say how many GPUs there are: {error}")
        return
    for index in range(count):
        try:
            handle = library.nvmlDeviceGetHandleByIndex(index)
            handles = list(_instances(library, handle)) if _is_split(library, handle) else [handle]
        except Exception as error:  # noqa: BLE001
            notes.append(f"GPU {index}: the driver does not answer: {error}")
            yield []
            continue
        parts = [_part(library, each, f"GPU {index}", notes) for each in handles]
        yield [part for part in parts if part is not None]


def _is_split(library: Any, handle: Any) -> bool:
    try:
        current, _ = library.nvmlDeviceGetMigMode(handle)
    except Exception:  # noqa: BLE001 (GPUs that cannot be split answer with an error)
        return False
    return bool(current == 1)


def _instances(library: Any, handle: Any) -> Iterator[Any]:
    for index in range(min(int(library.nvmlDeviceGetMaxMigDeviceCount(handle)), 64)):
        try:
            yield library.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
        except Exception as error:
            # Places between instances are empty.
            if type(error).__name__ != "NVMLError_NotFound":
                raise


def _part(library: Any, handle: Any, label: str, notes: list[str]) -> _Part | None:
    try:
        uuid, name = _text(library.nvmlDeviceGetUUID(handle)), _text(library.nvmlDeviceGetName(handle))
        memory = library.nvmlDeviceGetMemoryInfo(handle)
        total, free = int(memory.total) // MIB, int(memory.free) // MIB
    except Exception as error:  # noqa: BLE001
        notes.append(f"{label}: the driver does not answer: {error}")
        return None
    wrong = nonsense(uuid, total, free)
    if wrong is not None:
        notes.append(f"{label} is left out, the driver talks nonsense: {wrong}")
        return None
    return _Part(uuid, "".join(c for c in name if c.isprintable())[:80], total, free)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
