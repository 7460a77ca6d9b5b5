"""What a process of the worker has: leases, and memory of its own."""

from __future__ import annotations

import sys
import threading
from typing import Any


def leases() -> tuple[Any, ...]:
    """The device leases that a backend in this process holds: none where nobody has asked for any."""
    module = sys.modules.get("imajin_cli.devices.lease")
    return () if module is None else module.held()


def give_way(idle: float) -> bool:
    """While a command waits, let go of models that earlier ones loaded, that it has not used, and whose lease is wanted.

    ``idle``: seconds since it began. Whether there is still something that could be wanted. Only the thread that would use
    them may do that.
    """
    module: Any = sys.modules.get("imajin_cli.run.leasing")
    if module is None or threading.current_thread() is not threading.main_thread():
        return False
    return bool(module.residence.give_way(idle))


def memory_mib() -> int:
    """MiB that this process alone takes up: its memory that no other process shares."""
    try:
        with open("/proc/self/smaps_rollup", encoding="ascii") as file:
            lines = [line.split() for line in file]
    except OSError:
        return 0
    return sum(int(line[1]) for line in lines if line[0].startswith("Private_")) >> 10
