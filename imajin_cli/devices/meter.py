"""How much of a device this process uses, now and at most: what corrects later reservations.

Sources: proc(5) for /proc/self/status and clear_refs; torch's memory management notes for reserved memory; NVML API
Reference Guide for the memory of one process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from imajin_cli.devices.device import Device
from imajin_cli.devices.units import MIB

# What a CUDA program takes beside its tensors where NVML does not tell: the context and the libraries' code.
CONTEXT_MIB = 600
_RESET_PEAK = "5"


def used(device: Device) -> int | None:
    """MiB of ``device`` that this process has now; None where that cannot be known."""
    if device.kind == "cpu":
        return _status("VmRSS")
    torch = _torch(device)
    if torch is None:
        return None if device.kind == "simulated" else 0
    if device.kind == "mps":
        return int(torch.mps.driver_allocated_memory()) // MIB
    reserved = int(torch.cuda.memory_reserved(device.id)) // MIB
    return reserved + _context(device, reserved) if reserved else 0


def restart(device: Device) -> None:
    """Have `peak` count from now on, where the system can do that; else it counts from the process's beginning."""
    torch = _torch(device)
    if torch is not None and device.kind != "mps":
        torch.cuda.reset_peak_memory_stats(device.id)
    if device.kind == "cpu":
        try:
            with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
                file.write(_RESET_PEAK)
        except OSError:
            return  # a kernel without it: the process's own peak, which is no less


def peak(device: Device) -> int | None:
    """MiB of ``device`` that this process had at most since `restart`; None where that cannot be known."""
    if device.kind == "cpu":
        return _status("VmHWM")
    torch = _torch(device)
    if torch is None or device.kind == "mps":
        return used(device) or None
    most = int(torch.cuda.max_memory_reserved(device.id)) // MIB
    return most + _context(device, int(torch.cuda.memory_reserved(device.id)) // MIB) if most else None


def _torch(device: Device) -> Any:
    return sys.modules.get("torch") if device.kind in ("cuda", "rocm", "mps") else None


def _status(name: str) -> int | None:
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            found = next((line for line in file if line.startswith(f"{name}:")), "")
    except OSError:
        return None
    words = found.split()
    return int(words[1]) // 1024 if len(words) == 3 and words[1].isdigit() else None


def _context(device: Device, reserved: int) -> int:
    """MiB beside torch's own, by what NVML says of this process; processes in a container may be unknown to it."""
    library: Any = sys.modules.get("pynvml")
    if device.kind != "cuda" or library is None:
        return CONTEXT_MIB
    try:
        handle = library.nvmlDeviceGetHandleByUUID(device.uuid)
        running: Iterable[Any] = library.nvmlDeviceGetComputeRunningProcesses(handle)
        mine = next((one.usedGpuMemory for one in running if one.pid == os.getpid()), None)
    except Exception:  # noqa: BLE001 (whatever the binding raises, nothing is known)
        mine = None
    return CONTEXT_MIB if mine is None else max(0, int(mine) // MIB - reserved)
