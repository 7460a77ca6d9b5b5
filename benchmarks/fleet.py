"""A simulator of a batch on a fleet: measured stage costs in, time and what it waits for out. ``python -m benchmarks.fleet``.

Every node has cores and, maybe, GPUs. A job's CPU stages take a core, ``generate`` a GPU where the fleet has any; publishing
into a folder is one at a time, and rewrites that folder's manifest. Models load once a process. ``--check`` holds the
simulator against real batches: of one process, of two, on a Ray cluster of two nodes, and there with one of them killed.
``--write`` puts what came out into fleet.json and into docs/sizing.md.
"""

from __future__ import annotations

import argparse
import bisect
import heapq
import json
import random
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.batch import run_batch, write_jobs
from benchmarks.fleet_ray import NoRayError, Runs, need_ray, on_ray
from benchmarks.results import keep, machine

HERE = Path(__file__).parent
RESULT = HERE / "fleet.json"
PAGE = HERE.parent / "docs" / "sizing.md"
BEGIN, END = "<!-- written by python -m benchmarks.fleet --check --write -->", "<!-- until here -->"
# The simulator holds where it says a real batch's time within a fifth: of either to the other.
LEAST, MOST = 0.8, 1.25

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
    """What does the jobs. ``lose_every`` is the mean of a node's hours until it is lost, 0 for never.

    ``gone`` is the second in which a node is lost for good, by its number.
    """

    nodes: int
    cores: int = 2
    gpus: int = 0
    folders: int = 1
    load_seconds: float = 2.0
    lose_every: float = 0.0
    gone: Mapping[int, float] = field(default_factory=dict)


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
        gone = fleet.gone.get(node, float("inf"))
        if free >= gone:
            continue
        row = costs.rows[chance.randrange(len(costs.rows))]
        start = free + (fleet.load_seconds if cold else 0.0)
        drawn = fleet.gpus == 0
        work = sum(seconds for stage, seconds in row.items() if drawn or stage != DRAWN)
        end = start + work
        if not drawn:
            end = _after(gpus[node], end, costs.gpu)
        end = _publish(locks, done, end, costs.locked)
        if end > gone:
            redone += 1
            continue
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


@dataclass(frozen=True)
class Checked:
    """A real batch beside what the simulator said of it, in seconds."""

    what: str
    jobs: int
    real: float
    simulated: float

    @property
    def ratio(self) -> float:
        """Simulated over real."""
        return self.simulated / self.real

    @property
    def holds(self) -> bool:
        """Whether they are near enough."""
        return LEAST <= self.ratio <= MOST


def measured(jobs: int, folder: Path) -> tuple[Costs, float, dict[int, float]]:
    """Costs from a batch on one core, the seconds that a process takes to load, and real seconds by number of processes.

    The first job of a process is where its models load: it is no row of the costs, but part of the loading.
    """
    write_jobs(folder / "jobs.jsonl", jobs)
    # A first one alone, so that files are in memory for all that follow.
    run_batch(folder, "warm", 2)
    real = {}
    for cores in (1, 2):
        real[cores], _, _ = run_batch(folder, f"c{cores}", cores)
    costs = costs_of(folder / "c1")
    warm = Costs(costs.rows[1:])
    return warm, max(0.0, real[1] - jobs * mean(warm)), real


def mean(costs: Costs) -> float:
    """Seconds of a job, of all its stages."""
    return sum(sum(row.values()) for row in costs.rows) / len(costs.rows)


def check(jobs: int, costs: Costs, load: float, real: Mapping[int, float], folder: Path) -> list[Checked]:
    """The simulator against real batches. The costs are those of one local process, whoever did the jobs that are told."""
    found = []
    for cores, seconds in real.items():
        told = simulate(jobs, Fleet(nodes=1, cores=cores, load_seconds=load), costs).seconds
        found.append(Checked(f"{cores} process{'es' * (cores > 1)} of one machine", jobs, seconds, told))
    runs = Runs(jobs=jobs, kill_after=load + jobs * mean(costs) / 6)
    seconds = on_ray(folder, runs)
    # What Ray itself takes to begin shows in a batch of a job for each node.
    nodes = Fleet(nodes=2, cores=1, load_seconds=max(0.0, seconds["few"] - mean(costs)))
    found.append(Checked("two Ray nodes", jobs, seconds["both"], simulate(jobs, nodes, costs).seconds))
    lost = replace(nodes, gone={1: seconds["killed_at"]})
    found.append(Checked("two Ray nodes, one killed", jobs, seconds["lost"], simulate(jobs, lost, costs).seconds))
    return found


def fleets(costs: Costs, gpu: float) -> list[dict[str, Any]]:
    """What fleets of several sizes do with 100,000 jobs."""
    found = []
    for nodes, gpus, cores, folders in SHAPES:
        fleet = Fleet(nodes, cores, gpus, folders, lose_every=500)
        came = simulate(100_000, fleet, replace(costs, gpu=gpu if gpus else 0.0))
        found.append({"nodes": nodes, "gpus": gpus, "cores": cores, "folders": folders, **asdict(came)})
    return found


def page(result: Mapping[str, Any]) -> str:
    """The numbers as Markdown: costs, fleets, and how far the simulator was off."""
    stages = ", ".join(
        f"{name} {seconds * 1000:.0f} ms" for name, seconds in result["stages"].items() if seconds >= 0.001
    )
    lines = [
        f"Measured on: {result['machine']}. A job of 512 px through every gate takes {result['job_seconds']:.2f} s of one core "
        f"({stages}); a process takes {result['load_seconds']:.1f} s until its first job is done. A picture on a GPU is "
        f"taken to need {result['gpu_seconds']:g} s, which is an assumption.",
        "",
        "100,000 jobs; a node is lost each 500 hours of a node:",
        "",
        "| nodes | GPUs each | cores each | folders | hours | cores busy | GPUs busy | locks busy | jobs redone |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {one['nodes']} | {one['gpus']} | {one['cores']} | {one['folders']} | {one['seconds'] / 3600:.2f} "
        f"| {one['core_share']:.0%} | {one['gpu_share']:.0%} | {one['lock_share']:.0%} | {one['redone']} |"
        for one in result["fleets"]
    ]
    lines += [
        "",
        "The simulator against real batches on that machine:",
        "",
        "| batch | jobs | real | simulated | ratio | within a fifth |",
    ]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    lines += [
        f"| {one['what']} | {one['jobs']} | {one['real']:.1f} s | {one['simulated']:.1f} s "
        f"| {one['simulated'] / one['real']:.2f} | {'yes' if one['holds'] else '**no**'} |"
        for one in result["checks"]
    ]
    return "\n".join(lines)


def write(result: Mapping[str, Any]) -> None:
    """Keep the result, and put it into the page; what was checked stands among all that was measured, too."""
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    if result["checks"]:
        keep("fleet", ratios(result["checks"]), result["machine"])
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{page(result)}\n\n{END}{after}")


def measure() -> dict[str, float]:
    """How far the simulator was off, by batch; without Ray, why nothing was measured."""
    try:
        checks = everything()["checks"]
    except NoRayError:
        return {"left out, Ray is not installed": float("nan")}
    return ratios(checks)


def ratios(checks: list[dict[str, Any]]) -> dict[str, float]:
    """The simulator's seconds over the real ones, by batch."""
    return {f"{one['what']}, simulated over real": one["simulated"] / one["real"] for one in checks}


def everything(jobs: int = 40, gpu: float = 1.0, *, checking: bool = True) -> dict[str, Any]:
    """All that the page shows, as JSON can hold it."""
    if checking:
        need_ray()
    seen_on = machine()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        costs, load, real = measured(jobs, folder)
        checks = check(jobs, costs, load, real, folder) if checking else []
    stages = {name: sum(row.get(name, 0.0) for row in costs.rows) / len(costs.rows) for name in costs.rows[0]}
    return {
        "machine": seen_on,
        "job_seconds": mean(costs),
        "stages": stages,
        "load_seconds": load,
        "gpu_seconds": gpu,
        "fleets": fleets(costs, gpu),
        "checks": [{**asdict(one), "holds": one.holds} for one in checks],
    }


def main() -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="hold the simulator against real batches, Ray's too")
    parser.add_argument("--write", action="store_true", help="write fleet.json and the page")
    parser.add_argument("--jobs", type=int, default=40)
    parser.add_argument("--from", dest="folder", type=Path, help="take the costs from this published folder")
    parser.add_argument("--gpu-seconds", type=float, default=1.0, help="what a picture takes on a GPU (an assumption)")
    given = parser.parse_args()
    if given.folder:
        costs = costs_of(given.folder)
        result = {"machine": "given", "job_seconds": mean(costs), "stages": {}, "load_seconds": 0.0, "checks": []}
        result |= {"gpu_seconds": given.gpu_seconds, "fleets": fleets(costs, given.gpu_seconds)}
    else:
        result = everything(given.jobs, given.gpu_seconds, checking=given.check)
    print(page(result))
    if given.write:
        write(result)
    return 0 if all(one["holds"] for one in result["checks"]) else 1


if __name__ == "__main__":
    sys.exit(main())
