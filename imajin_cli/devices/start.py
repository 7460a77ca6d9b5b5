"""Becoming another program, which takes the lease along."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

from imajin_cli.devices.inherited import VARIABLE, described

if TYPE_CHECKING:
    from imajin_cli.devices.device import Device
    from imajin_cli.devices.held import Lease


def environment_for(device: Device, base: Mapping[str, str]) -> dict[str, str]:
    """``base`` with the variables that leave a program this one device to see: by UUID, and no GPU where it is the CPU."""
    shown = "" if device.kind == "cpu" else device.uuid
    if device.kind == "rocm":
        # HIP takes numbers, or UUIDs of the form GPU-….
        return {**base, "HIP_VISIBLE_DEVICES": device.id.partition(":")[2]}
    return {**base, "CUDA_VISIBLE_DEVICES": shown, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def start(held: Lease, program: list[str]) -> NoReturn:
    """Replace this process by ``program``, with the locked descriptor open in it: the lease ends when it does.

    Raises OSError where it cannot be run; the lease is then still held.
    """
    descriptor = held.descriptor
    environment = environment_for(held.device, os.environ)
    environment[VARIABLE] = described(held.id, held.mib, held.device, descriptor)
    _restore_signals()
    os.set_inheritable(descriptor, True)
    try:
        os.execvpe(program[0], program, environment)  # noqa: S606 (running a program is what the command is for)
    finally:
        os.set_inheritable(descriptor, False)


def _restore_signals() -> None:
    """Python ignores these, and exec would pass that on."""
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
