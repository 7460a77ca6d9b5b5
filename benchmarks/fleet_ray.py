"""Real batches on a Ray cluster of two nodes on this machine, timed: what the fleet's simulator is held against."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.batch import write_jobs


@dataclass(frozen=True)
class Runs:
    """``jobs`` of each batch; ``kill_after`` is how many seconds the last one has both nodes."""

    jobs: int
    kill_after: float


class NoRayError(SystemExit):
    """Ray is not installed."""


def need_ray() -> None:
    """Raises NoRayError where Ray is not installed."""
    if subprocess.run([sys.executable, "-c", "import ray"], capture_output=True).returncode != 0:
        raise NoRayError('Ray is not installed, and the simulator is to be held against it: pip install "imajin[ray]"')


def on_ray(folder: Path, runs: Runs) -> dict[str, float]:
    """Seconds of three batches: "few" (a job for each node), "both", and "lost", whose second node is killed "killed_at".

    All in a process of their own: Ray's is not to be seen in ours. Raises SystemExit where a batch fails, or does not
    publish every asset once.
    """
    given = json.dumps({"folder": str(folder), **asdict(runs)})
    # It would end processes that take much memory of a machine that others use too. Its workers are nice by default, and
    # the local processes that they are held against are not.
    env = {**os.environ, "RAY_memory_monitor_refresh_ms": "0", "RAY_worker_niceness": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.fleet_ray", given], capture_output=True, text=True, env=env
    )
    if done.returncode != 0:
        raise SystemExit(f"the batches on Ray failed: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


class Nodes:
    """A cluster of two nodes with a core each."""

    def __init__(self, folder: Path) -> None:
        from ray.cluster_utils import Cluster

        self.folder = folder
        self.cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        self.second: Any = self.cluster.add_node(num_cpus=1)

    def seconds(self, jobs: int, to: str, kill_after: float | None = None) -> float:
        """Seconds of the whole command over ``jobs``."""
        write_jobs(self.folder / f"{to}.jsonl", jobs)
        command = [sys.executable, "-m", "imajin_cli", "batch", f"{to}.jsonl", "--engine", "ray", "-o", to]
        command += ["--address", self.cluster.address, "--quiet"]
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, text=True)
        if kill_after is not None:
            time.sleep(kill_after)
            self.cluster.remove_node(self.second, allow_graceful=False)
        out, _ = process.communicate()
        taken = time.perf_counter() - started
        published = out.split()
        if process.returncode != 0 or len(set(published)) != jobs or len(published) != jobs:
            raise SystemExit(f"{to}: exit {process.returncode}, {len(published)} of {jobs} published")
        return taken


def main() -> None:
    """Run the batches that the argument tells of, and print their seconds as JSON."""
    given = json.loads(sys.argv[1])
    nodes = Nodes(Path(given["folder"]))
    few = nodes.seconds(2, "few")
    both = nodes.seconds(given["jobs"], "both")
    killed_at = min(given["kill_after"] + few, both / 2)
    lost = nodes.seconds(given["jobs"], "lost", killed_at)
    nodes.cluster.shutdown()
    print(json.dumps({"few": few, "both": both, "lost": lost, "killed_at": killed_at}))


if __name__ == "__main__":
    main()
