"""`imajin batch` on one core and on two: the rate, and the memory of all its processes. ``python -m benchmarks.batch [JOBS]``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROMPTS = (
    "an empty inbox", "a lost robot", "payment failed", "a rocket launch", "no search results", "a broken cable",
    "welcome aboard", "the plants are thirsty", "upload finished", "a sleeping cat", "offline", "a bakery on the corner",
)  # fmt: skip


def write_jobs(path: Path, count: int) -> None:
    """``count`` different jobs of 512 px, published as PNG and WebP, through every gate."""
    jobs = ({"prompt": PROMPTS[i % len(PROMPTS)], "seed": i, "size": "512x512", "name": f"p{i}"} for i in range(count))
    path.write_text("".join(json.dumps(job) + "\n" for job in jobs))


def run_batch(folder: Path, to: str, cores: int) -> tuple[float, list[float], list[float]]:
    """Seconds of the whole process, of each job, and the memory of all its processes (MiB) as it went."""
    command = [sys.executable, "-m", "imajin_cli", "batch", "jobs.jsonl", "--jobs", str(cores), "--json", "-o", to]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with memory_of(process.pid) as seen:
        out, _ = process.communicate()
    seconds = time.perf_counter() - started
    events = [json.loads(line) for line in out.splitlines()]
    return seconds, [event["seconds"] for event in events if event["event"] == "job"], seen


@contextmanager
def memory_of(pid: int) -> Iterator[list[float]]:
    """Resident MiB of ``pid`` and its children, once a quarter of a second."""
    seen: list[float] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.25):
            seen.append(sum(map(_resident, [pid, *_children(pid)])))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def measure(count: int = 60) -> dict[str, float]:
    """The rate on two cores over that on one, taking turns, the best of two each; memory late over early."""
    rates = {1: 0.0, 2: 0.0}
    memory: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_jobs(folder / "jobs.jsonl", count)
        for turn in range(2):
            for cores in rates:
                seconds, jobs, seen = run_batch(folder, f"t{turn}c{cores}", cores)
                assert len(jobs) == count, f"{len(jobs)} of {count} jobs ended"
                rates[cores] = max(rates[cores], count / seconds)
                memory = seen if cores == 2 else memory
    third = max(1, len(memory) // 3)
    return {
        f"assets a second on one core ({count} jobs)": rates[1],
        f"assets a second on two cores ({count} jobs)": rates[2],
        "two cores over one": rates[2] / rates[1],
        "memory of three processes, MiB": max(memory),
        "memory in the last third over the middle third": max(memory[-third:]) / max(memory[third:-third] or memory),
    }


if __name__ == "__main__":
    for label, value in measure(*map(int, sys.argv[1:2])).items():
        print(f"{label}: {value:.3f}")
