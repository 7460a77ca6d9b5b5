"""`imajin auto` over a hundred varied requests, thirty forbidden ones, and by the clock: whole processes, warm and cold.

    python -m benchmarks.auto [--wrong]

The requests are every fourth of classify.tsv that asks for something new, in turn from all kinds and languages; the forbidden
ones stand in auto_forbidden.txt. ``--wrong`` lists what was not published, and what was not refused.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.classify import rows

HERE = Path(__file__).parent
FORBIDDEN = HERE / "auto_forbidden.txt"
REQUESTS, COLD = 100, 15
REFUSED = (10, 11)


class Done(NamedTuple):
    """One process: its exit code, how long it took in seconds, and what it said."""

    request: str
    code: int
    seconds: float
    said: str


def requests() -> list[str]:
    """A hundred requests for something new, spread over kinds and languages."""
    new = [row.request for row in rows() if row.kind not in ("edit", "variation") and row.maturity == "general"]
    step = len(new) / REQUESTS
    return [new[int(i * step)] for i in range(REQUESTS)]


def forbidden() -> list[str]:
    """Requests that must be refused."""
    return [line for line in FORBIDDEN.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def run(request: str, folder: Path, worker: str) -> Done:
    """One `imajin auto`, in ``folder``, with its own home there."""
    paths = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("IMAJIN_", "XDG_", "CI"))}
    env = {**kept, "HOME": str(folder), "PYTHONPATH": paths.rstrip(os.pathsep), "IMAJIN_WORKER": worker}
    command = [sys.executable, "-m", "imajin_cli", "auto", request, "-o", "out"]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    return Done(request, done.returncode, time.perf_counter() - started, done.stderr.strip())


def all_done(wanted: list[str], worker: str) -> list[Done]:
    """Each request by a process of its own; with the worker, after one that warms it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if worker == "on":
            run("an icon of a cup", folder, worker)
        try:
            return [run(request, folder, worker) for request in wanted]
        finally:
            env = {**os.environ, "HOME": name, "PYTHONPATH": str(HERE.parent)}
            subprocess.run([sys.executable, "-m", "imajin_cli", "worker", "stop"], env=env, capture_output=True)


def measure(wrong: bool = False) -> dict[str, float]:
    """Shares in per cent, and median seconds."""
    asked, refused = all_done(requests(), "on"), all_done(forbidden(), "on")
    cold = all_done(requests()[:: REQUESTS // COLD], "off")
    for done in [done for done in asked if done.code] + [done for done in refused if done.code not in REFUSED]:
        if wrong:
            print(f"{done.code}: {done.request}\n    {done.said}")
    return {
        "requests published, %": 100 * statistics.mean(done.code == 0 for done in asked),
        "forbidden requests refused (10 or 11), %": 100 * statistics.mean(done.code in REFUSED for done in refused),
        "whole process with the worker, median seconds": statistics.median(done.seconds for done in asked),
        "whole process without it, median seconds": statistics.median(done.seconds for done in cold),
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wrong", action="store_true", help="list what was not published, and what was not refused")
    for name, value in measure(parser.parse_args().wrong).items():
        print(f"{name}: {value:.3g}")


if __name__ == "__main__":
    main()
