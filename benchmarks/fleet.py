"""A simulator of a batch on a fleet: measured stage costs in, time and what it waits for out. ``python -m benchmarks.fleet``.

Every node has cores and, maybe, GPUs. A job's CPU stages take a core, ``generate`` a GPU where the fleet has any; publishing
into a folder is one at a time, and rewrites that folder's manifest. Models load once a process. ``--check`` holds the
simulator against real batches of one process and of two.
"""

from __future__ import annotations

import argparse
import bisect
import heapq
import json
import random
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.batch import run_batch, write_jobs

DRAWN = "generate"
# A node that was lost is back after this long.
RESTART_SECONDS = 60.0
# Nodes, GPUs and cores of each, folders that are published into.
SHAPES = (
    (1, 0, 2, 1),
    (5, 0, 16, 10),
    (50, 0, 16, 100),
    (10, 1, 8, 10),
    (10, 1, 2, 10),
    (125, 8, 64, 1),
    (125, 8, 64, 100),
)


@dataclass(frozen=True)
class Fleet:
    """What does the jobs. ``lose_every`` is the mean of a node's hours until it is lost, 0 for never."""

    nodes: int
    cores: int = 2
    gpus: int = 0
    folders: int = 1
    load_seconds: float = 2.0
    lose_every: float = 0.0


@dataclass(frozen=True)
class Costs:
    """Seconds of each stage, a row a job that was measured; ``gpu`` replaces ``generate`` on a fleet with GPUs.

    ``locked`` is the part of publishing that a folder's lock is held for.
    """

    rows: tuple[dict[str, float], ...]
    gpu: float = 0.0
    locked: float = 0.003


@dataclass(frozen=True)
class Found:
    """What a simulated batch comes to, in seconds; the shares are of the time that was there to be used."""

    seconds: float
    core_share: float
    gpu_share: float
    lock_share: float
    redone: int


class Losses:
    """When each node is lost: the gaps are exponential with the fleet's mean."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self._mean = fleet.lose_every * 3600
        self._chances = [random.Random(f"{seed}:{node}") for node in range(fleet.nodes)]
        self._times: list[list[float]] = [[] for _ in range(fleet.nodes)]

    def within(self, node: int, start: float, end: float) -> float | None:
        """The first loss of ``node`` from ``start`` to ``end``, None where it lives through."""
        if not self._mean:
            return None
        times = self._times[node]
        while not times or times[-1] <= end:
            times.append((times[-1] if times else 0.0) + self._chances[node].expovariate(1 / self._mean))
        at = times[bisect.bisect_left(times, start)]
        return at if at < end else None


def simulate(jobs: int, fleet: Fleet, costs: Costs, seed: int = 0) -> Found:
    """A run of ``jobs`` whose costs are drawn from those measured: the earliest free core takes the next job."""
    chance = random.Random(seed)
    losses = Losses(fleet, seed)
    # (free from, node, whether its models are still to be loaded)
    cores = [(0.0, node, True) for node in range(fleet.nodes) for _ in range(fleet.cores)]
    gpus = [[0.0] * fleet.gpus for _ in range(fleet.nodes)]
    locks = [0.0] * fleet.folders
    busy = last = 0.0
    redone = done = 0
    while done < jobs:
        free, node, cold = heapq.heappop(cores)
        row = costs.rows[chance.randrange(len(costs.rows))]
        start = free + (fleet.load_seconds if cold else 0.0)
        drawn = fleet.gpus == 0
        work = sum(seconds for stage, seconds in row.items() if drawn or stage != DRAWN)
        end = start + work
        if not drawn:
            end = _after(gpus[node], end, costs.gpu)
        end = _publish(locks, done, end, costs.locked)
        lost = losses.within(node, free, end)
        if lost is not None:
            redone += 1
            heapq.heappush(cores, (lost + RESTART_SECONDS, node, True))
            continue
        busy += work
        last = max(last, end)
        done += 1
        heapq.heappush(cores, (end, node, False))
    return Found(
        seconds=last,
        core_share=busy / (last * fleet.nodes * fleet.cores),
        gpu_share=done * costs.gpu / (last * fleet.nodes * fleet.gpus) if fleet.gpus else 0.0,
        lock_share=done * costs.locked / (last * fleet.folders),
        redone=redone,
    )


def _after(places: list[float], ready: float, seconds: float) -> float:
    """The end of work that needs one of ``places`` and is ready at ``ready``."""
    at = min(range(len(places)), key=places.__getitem__)
    places[at] = max(ready, places[at]) + seconds
    return places[at]


def _publish(locks: list[float], number: int, ready: float, seconds: float) -> float:
    folder = number % len(locks)
    locks[folder] = max(ready, locks[folder]) + seconds
    return locks[folder]


def costs_of(folder: Path) -> Costs:
    """The costs that the sidecars of a published folder state, each picture's stages a row."""
    rows = []
    for path in sorted(folder.glob("*.png.json")):
        stages = json.loads(path.read_bytes())["stages"]
        rows.append({record["stage"]: float(record["seconds"]) for record in stages})
    if not rows:
        raise SystemExit(f"{folder}: holds no sidecars of published pictures")
    return Costs(tuple(rows))


def measured(jobs: int) -> tuple[Costs, float, dict[int, float]]:
    """Costs from a batch on one core, the seconds that a process takes to load, and real seconds by number of processes."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_jobs(folder / "jobs.jsonl", jobs)
        # A first one alone, so that files are in memory for all that follow.
        run_batch(folder, "warm", 2)
        real = {}
        for cores in (1, 2):
            real[cores], _, _ = run_batch(folder, f"c{cores}", cores)
        costs = costs_of(folder / "c1")
        inside = sum(sum(row.values()) for row in costs.rows[1:])
        return costs, max(0.0, real[1] - inside), real


def check(jobs: int) -> int:
    """The simulator against real batches; 0 where it is within a fifth."""
    costs, load, real = measured(jobs)
    code = 0
    for cores, seconds in real.items():
        told = simulate(jobs, Fleet(nodes=1, cores=cores, load_seconds=load), costs).seconds
        ratio = told / seconds
        code = code if 0.8 <= ratio <= 1.25 else 1
        print(f"{jobs} jobs, {cores} processes: {seconds:.1f} s real, {told:.1f} s simulated, ratio {ratio:.2f}")
    return code


def table(costs: Costs, gpu: float) -> None:
    """What fleets of several sizes do with 100,000 jobs."""
    print("| nodes | GPUs each | cores each | folders | hours | cores busy | GPUs busy | locks busy | jobs redone |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for nodes, gpus, cores, folders in SHAPES:
        fleet = Fleet(nodes, cores, gpus, folders, lose_every=500)
        found = simulate(100_000, fleet, replace(costs, gpu=gpu if gpus else 0.0))
        print(
            f"| {nodes} | {gpus} | {cores} | {folders} | {found.seconds / 3600:.2f} | {found.core_share:.0%} "
            f"| {found.gpu_share:.0%} | {found.lock_share:.0%} | {found.redone} |"
        )


def main() -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="hold the simulator against real batches")
    parser.add_argument("--jobs", type=int, default=40)
    parser.add_argument("--from", dest="folder", type=Path, help="take the costs from this published folder")
    parser.add_argument("--gpu-seconds", type=float, default=1.0, help="what a picture takes on a GPU (an assumption)")
    given = parser.parse_args()
    if given.check:
        return check(given.jobs)
    costs = costs_of(given.folder) if given.folder else measured(given.jobs)[0]
    table(costs, given.gpu_seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
