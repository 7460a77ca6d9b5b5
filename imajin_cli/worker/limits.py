"""The worker's bounds, and what follows from the machine."""

from __future__ import annotations

import os
from typing import Any

IDLE_SECONDS = 300.0
QUEUE = 256
"""Most commands that wait; the next one does its work itself."""

CLIENTS = 512
FRAME_SECONDS = 10.0
"""A client that has not said what it wants by then is hung up on."""

STALL_SECONDS = 30.0
"""A command that has waited so long, with none ending meanwhile, is told to do its work itself."""

GRACE_SECONDS = 3.0
"""After a cancel, so long may a process unwind; then it is killed."""

START_SECONDS = 60.0
"""A model process that is not there by then counts as broken."""


def cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))


def memory_mib() -> int:
    """MiB of memory that this process may use: the machine's, or its control group's where that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path, encoding="ascii") as file:
                text = file.read(64).strip()
        except OSError:
            continue
        if text.isdigit():
            total = min(total, int(text))
    return max(total >> 20, 256)


def settled(given: dict[str, Any]) -> dict[str, float]:
    """Every bound as a number: what was configured, else what fits the machine."""
    at_once = given.get("at_once") or cores()
    minutes = given.get("idle_minutes")
    return {
        "idle_seconds": minutes * 60 if minutes else IDLE_SECONDS,
        "at_once": at_once,
        "painting": given.get("painting") or 1,
        "processes": given.get("processes") or max(16, 4 * cores()),
        "memory_mib": given.get("memory_mib") or memory_mib() // 4,
    }
