"""`imajin batch` on one core and on two, in turns: rate, processor time, memory. ``python -m benchmarks.batch --jobs 500``.

Both batches run at the same time, and only one of them at any moment: the other one is stopped (SIGSTOP), and its clock
with it. So what else the machine does falls on both alike, and each is one whole command with its start-up in it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
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
# Seconds of the turn of two processes; one process has twice that, so that both are done at about the same time. A stopped
# layer of `moderate` must not run out of its time limit (60 s).
TURN = 6.0
GLANCE = 0.05


def write_jobs(path: Path, count: int) -> None:
    """``count`` different jobs of 512 px, published as PNG and WebP, through every gate."""
    jobs = ({"prompt": PROMPTS[i % len(PROMPTS)], "seed": i, "size": "512x512", "name": f"p{i}"} for i in range(count))
    path.write_text("".join(json.dumps(job) + "\n" for job in jobs))


class Batch:
    """A batch that can be stopped. ``seconds`` is how long it has run, stops left out."""

    def __init__(self, folder: Path, to: str, cores: int) -> None:
        command = [sys.executable, "-m", "imajin_cli", "batch", "jobs.jsonl", "--jobs", str(cores), "--json", "-o", to]
        self._out = folder / f"{to}.events"
        self.seconds = self.processor_seconds = 0.0
        self.code: int | None = None
        self._since: float | None = time.perf_counter()
        with self._out.open("wb") as out:
            # In a group of its own, so that all its processes are stopped together.
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=out, stderr=subprocess.DEVNULL, start_new_session=True
            )

    def stop(self) -> None:
        """Stop its clock and it."""
        if self.code is None and self._since is not None:
            os.killpg(self.process.pid, signal.SIGSTOP)
            self.seconds += time.perf_counter() - self._since
            self._since = None

    def go(self, seconds: float) -> bool:
        """Let it run for ``seconds``, or to its end; whether it has ended."""
        if self.code is not None:
            return True
        if self._since is None:
            self._since = time.perf_counter()
            os.killpg(self.process.pid, signal.SIGCONT)
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            found, status, used = os.wait4(self.process.pid, os.WNOHANG)
            if found:
                self.seconds += time.perf_counter() - self._since
                # Of its processes too: it waits for them before it ends.
                self.processor_seconds = used.ru_utime + used.ru_stime
                self.code = self.process.returncode = os.waitstatus_to_exitcode(status)
                return True
            time.sleep(GLANCE)
        return False

    def kill(self) -> None:
        """End it, whatever state it is in."""
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def job_seconds(self) -> list[float]:
        """Seconds of each job, as its events say."""
        events = [json.loads(line) for line in self._out.read_bytes().splitlines()]
        return [event["seconds"] for event in events if event["event"] == "job"]


def run_batch(folder: Path, to: str, cores: int) -> tuple[float, list[float], list[float]]:
    """Seconds of one undisturbed batch, of each of its jobs, and the memory of all its processes (MiB) as it went."""
    one = Batch(folder, to, cores)
    try:
        with memory_of(one.process.pid) as seen:
            one.go(float("inf"))
    finally:
        one.kill()
    return one.seconds, one.job_seconds(), seen


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


def in_turns(folder: Path) -> tuple[dict[int, Batch], list[float]]:
    """Batches of one process and of two over the folder's jobs, run in turns; and the memory of the second."""
    for cores in (1, 2):
        (folder / f"c{cores}").mkdir()
        (folder / f"c{cores}" / "jobs.jsonl").write_bytes((folder / "jobs.jsonl").read_bytes())
    batches = {cores: _stopped(folder / f"c{cores}", cores) for cores in (1, 2)}
    try:
        with memory_of(batches[2].process.pid) as seen:
            while any(one.code is None for one in batches.values()):
                for cores, one in batches.items():
                    one.go(TURN * (2 if cores == 1 else 1))
                    one.stop()
    finally:
        for one in batches.values():
            one.kill()
    return batches, [value for value in seen if value > 0]


def _stopped(folder: Path, cores: int) -> Batch:
    one = Batch(folder, "dist", cores)
    one.stop()
    return one


def measure(count: int = 60) -> dict[str, float]:
    """The rate on two cores over that on one, and what tells why it is not two; memory late over early."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_jobs(folder / "jobs.jsonl", min(count, 2))
        # So that the files of all models are in memory for both.
        run_batch(folder, "warm", 1)
        write_jobs(folder / "jobs.jsonl", count)
        batches, memory = in_turns(folder)
        for cores, one in batches.items():
            assert one.code == 0, f"the batch on {cores} ended with {one.code}"
            assert len(one.job_seconds()) == count, f"{len(one.job_seconds())} of {count} jobs ended"
    one, two = batches[1], batches[2]
    third = max(1, len(memory) // 3)
    return {
        f"assets a second on one core ({count} jobs)": count / one.seconds,
        f"assets a second on two cores ({count} jobs)": count / two.seconds,
        "two cores over one": one.seconds / two.seconds,
        "processor seconds an asset, one core": one.processor_seconds / count,
        "processor seconds an asset, two cores": two.processor_seconds / count,
        "cores that one process got": one.processor_seconds / one.seconds,
        "cores that two processes got": two.processor_seconds / two.seconds,
        "memory of three processes, MiB": max(memory),
        "memory in the last third over the middle third": max(memory[-third:]) / max(memory[third:-third] or memory),
    }


def main() -> None:
    """Print every number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=60, help="how many jobs each batch does")
    for label, value in measure(parser.parse_args().jobs).items():
        print(f"{label}: {value:.3f}")


if __name__ == "__main__":
    main()
