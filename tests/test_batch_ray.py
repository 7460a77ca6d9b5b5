"""The same jobs on a Ray cluster of two nodes, one of which is killed. `make test-system` installs Ray for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

from conftest import ROOT, environment
from test_batch import quick_jobs, state

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# One cluster for both batches: two nodes take a while to start. The first batch has both of them to its end; the second
# loses one as soon as the first results are in.
SCRIPT = """
import subprocess, sys, ray
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
second = cluster.add_node(num_cpus=1)

def batch(to, lose_after):
    command = [sys.executable, "-m", "imajin_cli", "batch", "jobs.jsonl", "--engine", "ray",
               "--address", cluster.address, "--json", "-o", to]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sys.stderr)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if len(lines) == lose_after:
            cluster.remove_node(second, allow_graceful=False)
    sys.stdout.buffer.writelines(lines)
    return process.wait()

codes = batch("both", None), batch("lost", 2)
cluster.shutdown()
sys.exit(max(codes))
"""


@pytest.fixture(scope="session")
def ray_folder(tmp_path_factory) -> str:
    """A folder for PYTHONPATH that has Ray in it: an empty one where the interpreter has it already."""
    folder = tmp_path_factory.mktemp("ray")
    if subprocess.run([sys.executable, "-c", "import ray"], capture_output=True, check=False).returncode != 0:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder)]
        subprocess.run([*pip, "-c", str(ROOT / "requirements/lock.txt"), "ray"], check=True, timeout=400)
    return str(folder)


def test_a_cluster_makes_what_this_machine_makes_also_when_a_node_is_lost(work, ray_folder):
    quick_jobs(work / "jobs.jsonl", 12)
    env = environment(RAY_memory_monitor_refresh_ms="0", PYTHONWARNINGS="")
    env["PYTHONPATH"] = os.pathsep.join([env["PYTHONPATH"], ray_folder])
    local = [sys.executable, "-m", "imajin_cli", "batch", "jobs.jsonl", "-o", "local"]
    assert subprocess.run(local, env=environment(), capture_output=True, check=False).returncode == 0
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)], env=env, capture_output=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b'{"imajin"')]
    assert [event["passed"] for event in events if event["event"] == "summary"] == [12, 12]
    published = [path for event in events if event["event"] == "job" for path in event["paths"]]
    assert len(set(published)) == len(published) == 24
    assert state(work / "both") == state(work / "local")
    assert state(work / "lost") == state(work / "local")
    for folder in ("both", "lost"):
        assert len(json.loads((work / folder / "manifest.json").read_bytes())["assets"]) == 12
