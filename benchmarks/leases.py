"""A lease taken and given back, beside 50 live ones, against bare filelock, and PyPI's reslock where it is installed."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

LIVE = 50
MIB = 100
ROUNDS = 1500

_HOLDER = f"""\
import sys
from imajin_cli.devices import lease
held = [lease.acquire(mib={MIB}, wait=0) for _ in range({LIVE})]
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def live_leases(folder: Path) -> Iterator[None]:
    """Another process that holds 50 leases, and the environment in which they are."""
    settings = {"IMAJIN_LEDGER": str(folder / "ledger"), "IMAJIN_DEVICES": "sim:0=24576"}
    with mock.patch.dict(os.environ, settings):
        process = subprocess.Popen(
            [sys.executable, "-c", _HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.communicate()


def ours() -> None:
    from imajin_cli.devices import lease

    lease.acquire(mib=MIB, wait=0).release()


def bare(folder: Path) -> Callable[[], None]:
    from filelock import FileLock

    lock = FileLock(folder / "bare.lock")

    def cycle() -> None:
        lock.acquire()
        lock.release()

    return cycle


def peer(folder: Path) -> Callable[[], None] | None:
    """reslock with as many live leases, where it is installed: one state file, holders known by their process id."""
    try:
        from reslock import ResourcePool
    except ImportError:
        return None
    pool = ResourcePool(folder / "reslock.json")
    pool.set_resources({"vram_mb": 24576})
    held = [pool.try_acquire(vram_mb=MIB) for _ in range(LIVE)]
    assert None not in held

    def cycle() -> None:
        pool.try_acquire(vram_mb=MIB).release()

    return cycle


def timed(variants: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each call; all take turns."""
    found: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 50):
        # The order turns too, so that nobody always comes after the same.
        for name, work in [*variants.items()][:: 1 if number % 2 else -1]:
            started = time.perf_counter()
            work()
            if number >= 50:
                found[name].append((time.perf_counter() - started) * 1000)
    return found


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Median and 99th percentile in ms, and the ratios that count."""
    with tempfile.TemporaryDirectory() as name, live_leases(Path(name)):
        variants: dict[str, Callable[[], None]] = {"a lease": ours, "bare filelock": bare(Path(name))}
        other = peer(Path(name))
        if other is not None:
            variants["reslock"] = other
        found = timed(variants, rounds)
    result: dict[str, float] = {}
    tails = {}
    for label, times in found.items():
        tails[label] = statistics.quantiles(times, n=100)[98]
        result[f"{label}: acquire and release, median ms"] = statistics.median(times)
        result[f"{label}: acquire and release, 99th percentile ms"] = tails[label]
    result["a lease over bare filelock, 99th percentile"] = tails["a lease"] / tails["bare filelock"]
    return result


if __name__ == "__main__":
    for row, value in measure().items():
        print(f"{row}: {value:.3f}")
