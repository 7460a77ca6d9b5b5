"""The machine's own memory as a device."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

from imajin_cli.devices.cgroup import cores, memory_limit, read
from imajin_cli.devices.device import Device
from imajin_cli.devices.units import MIB


def cpu_device(root: Path = Path("/")) -> Device:
    """The CPU: RAM as the kernel and the tightest control group allow it, swap not counted.

    Its UUID is that of this boot, so that machines which share a folder do not share a CPU, and of the group that limits it,
    so that containers with limits of their own do not share one either. ``root`` is where /proc and /sys are looked for.
    """
    total, free = _ram(root)
    limit = memory_limit(root)
    identity = read(root / "proc/sys/kernel/random/boot_id") or platform.node()
    if limit is not None and limit.limit // MIB < total:
        total = max(1, limit.limit // MIB)
        free = min(free, total, max(0, limit.limit - limit.used) // MIB)
        identity += f" {limit.identity}"
    uuid = "CPU-" + hashlib.sha256(identity.encode()).hexdigest()[:16]
    count = cores(root)
    name = f"{count:g} core{'s' if count != 1 else ''}"
    return Device("cpu", uuid, name, "cpu", total, min(free, total))


def _ram(root: Path) -> tuple[int, int]:
    """MiB in all, and MiB that programs can have without swapping."""
    lines = (line.partition(":") for line in (read(root / "proc/meminfo") or "").splitlines())
    values = {name: rest.split()[0] for name, _, rest in lines if rest.split()}
    total, free = values.get("MemTotal", ""), values.get("MemAvailable", values.get("MemFree", ""))
    if total.isdigit() and free.isdigit() and int(total) >= 1024:
        return int(total) // 1024, int(free) // 1024
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MIB
        return pages, pages
    # A system that tells nothing: as much as the smallest machine of today.
    return 4096, 4096
