"""Which devices there are, and how much of one is free now."""

from __future__ import annotations

import os
import re
from functools import cache

from imajin_cli.contract.errors import UsageError
from imajin_cli.devices.device import Device, nonsense
from imajin_cli.devices.host import cpu_device
from imajin_cli.devices.nvidia import nvidia_devices, nvidia_free
from imajin_cli.devices.torchside import torch_devices

SIMULATED = "IMAJIN_DEVICES"


def devices() -> list[Device]:
    """Every device that this process may use: GPUs first, in CUDA's order, then the CPU.

    ``$IMAJIN_DEVICES`` stands in for all of them (for the CPU only where it names it), for tests:
    "sim:0=24576,cuda:0=8192/6000" is a device of 24,576 MiB and one of 8,192 of which its driver says 6,000 are free.
    Raises UsageError where that cannot be read.
    """
    return survey()[0]


def survey() -> tuple[list[Device], list[str]]:
    """The devices, and a line on each thing that is wrong with one. Raises UsageError."""
    setting = os.environ.get(SIMULATED)
    if setting:
        return [_simulated(entry) for entry in setting.split(",")], []
    found = nvidia_devices()
    gpus = found.devices or torch_devices()
    return [*gpus, cpu_device()], found.notes


def candidates(wanted: str) -> list[Device]:
    """The devices that ``wanted`` may mean: an id, a UUID or its unmistakable beginning; "auto": every GPU, else the CPU.

    Raises UsageError for a name that means none, or several.
    """
    if wanted == "cpu" and not _names_cpu():
        # Without a look at the GPUs, whose drivers take their time.
        return [cpu_device()]
    found = devices()
    if wanted == "auto":
        return [device for device in found if device.kind != "cpu"] or found
    exact = [device for device in found if wanted in (device.id, device.uuid)]
    if wanted in ("cuda", "gpu"):
        exact = [device for device in found if device.kind != "cpu"]
    fitting = exact or [device for device in found if len(wanted) >= 6 and device.uuid.startswith(wanted)]
    if not fitting:
        there = ", ".join(f"{device.id} ({device.uuid})" for device in found)
        raise UsageError(f"there is no device {wanted[:60]}", hint=f"there are: {there}; imajin gpu status")
    if len(fitting) > 1 and not exact:
        raise UsageError(f"{wanted[:60]} may mean several devices", hint=", ".join(d.uuid for d in fitting))
    return fitting


def _names_cpu() -> bool:
    """Whether what stands in for devices has a CPU among them."""
    return any(entry.strip().startswith("cpu=") for entry in os.environ.get(SIMULATED, "").split(","))


def free_mib(device: Device) -> int | None:
    """MiB of ``device`` that its driver, or the system, says are free now; None where it does not say, or talks nonsense."""
    if device.kind == "simulated":
        return device.free_mib
    if device.kind == "cpu":
        return cpu_device().free_mib
    if device.kind == "cuda":
        return nvidia_free(device.uuid)
    return next((other.free_mib for other in torch_devices() if other.uuid == device.uuid), None)


@cache
def _simulated(entry: str) -> Device:
    match = re.fullmatch(r"\s*([a-z]{1,12}(?::\d{1,3})?)=(\d{1,8})(?:/(\d{1,8}))?\s*", entry, re.ASCII)
    if match is None:
        raise UsageError(f"${SIMULATED}: {entry[:40]!r} is not NAME=MIB or NAME=MIB/FREE, such as sim:0=24576")
    total = int(match[2])
    free = int(match[3]) if match[3] is not None else total
    uuid = "SIM-" + match[1].replace(":", "-")
    wrong = nonsense(uuid, total, free)
    if wrong is not None:
        raise UsageError(f"${SIMULATED}: {match[1]}: {wrong}")
    return Device(match[1], uuid, "simulated", "simulated", total, free)
