"""A lease that this process was started with: `imajin gpu run`, or a parent that passed its descriptor on."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from imajin_cli.contract.errors import ImajinError
from imajin_cli.devices.device import Device
from imajin_cli.devices.files import read_all
from imajin_cli.devices.holder import read
from imajin_cli.devices.probe import devices
from imajin_cli.devices.session import Grant

VARIABLE = "IMAJIN_LEASE"


class Inherited(NamedTuple):
    """A lease that another process acquired and gave to this one."""

    device: Device
    id: str
    mib: int
    descriptor: int

    def covers(self, device: str, mib: int) -> bool:
        """Whether a request for ``mib`` on ``device`` is a part of it."""
        return mib <= self.mib and device in ("auto", self.device.id, self.device.uuid)

    def shared(self) -> Grant:
        """A grant of its own descriptor, which keeps the lease alive too."""
        return Grant(-1, self.id, self.mib, os.dup(self.descriptor), time.monotonic())


def described(grant_id: str, mib: int, device: Device, descriptor: int) -> str:
    """What ``$IMAJIN_LEASE`` says of a lease that is passed on."""
    return f"{descriptor}:{grant_id}:{mib}:{device.uuid}"


def inherited() -> Inherited | None:
    """The lease of ``$IMAJIN_LEASE``; None where there is none, or its descriptor is not here or is something else."""
    parts = os.environ.get(VARIABLE, "").split(":", 3)
    if len(parts) != 4 or not (parts[0].isdigit() and parts[2].isdigit() and len(parts[0]) < 8 and len(parts[2]) < 9):
        return None
    descriptor, mib = int(parts[0]), int(parts[2])
    try:
        _, fields = read(read_all(descriptor))
    except OSError:
        return None
    if (fields.get("id"), fields.get("mib"), fields.get("device")) != (parts[1], mib, parts[3]):
        return None
    try:
        found = next((device for device in devices() if device.uuid == parts[3]), None)
    except ImajinError:
        return None
    return None if found is None else Inherited(found, parts[1], mib, descriptor)
