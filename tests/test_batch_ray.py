"""The same jobs on a Ray cluster of two nodes, one of which is killed. `make test-system` installs Ray for it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from conftest import environment
from objectstore import extras_folder, free_port, objects, store, surroundings
from test_batch import quick_jobs, state
from test_batch_s3 import assets, kept

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# One cluster for all batches: two nodes take a while to start. The first ones have both of them to their end; the last
# ones lose one as soon as the first results are in (the third has it back).
SCRIPT = """
import json, subprocess, sys, ray
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
second = cluster.add_node(num_cpus=1)

def batch(to, lose_after):
    global second
    command = [sys.executable, "-m", "imajin_cli", "batch", "jobs.jsonl", "--engine", "ray",
               "--address", cluster.address, "--json", "-o", to]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sys.stderr)
    lines = []
    for line in process.stdout:
        lines.append(line)
        json.loads(line)  # nothing that Ray says of a lost node stands on standard output
        if len(lines) == lose_after:
            cluster.remove_node(second, allow_graceful=False)
            second = None
    sys.stdout.buffer.writelines(lines)
    code = process.wait()
    second = second or cluster.add_node(num_cpus=1)
    return code

codes = [batch("both", None), batch("s3://pics/both", None), batch("lost", 2), batch("s3://pics/lost", 2)]
cluster.shutdown()
sys.exit(max(codes))
"""


def test_a_cluster_makes_what_this_machine_makes_also_when_a_node_is_lost(work, tmp_path_factory):
    quick_jobs(work / "jobs.jsonl", 12)
    port = free_port()
    extras = extras_folder(tmp_path_factory.mktemp("extras"))
    env = surroundings(environment(RAY_memory_monitor_refresh_ms="0"), extras, port)
    local = [sys.executable, "-m", "imajin_cli", "batch", "jobs.jsonl", "-o", "local"]
    assert subprocess.run(local, env=environment(), capture_output=True, check=False).returncode == 0
    with store(env, port):
        objects(env, "fs.mkdir('pics')")
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(SCRIPT)], env=env, capture_output=True, timeout=500, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        for place in ("s3://pics/both", "s3://pics/lost"):
            assert kept(env, place) == state(work / "local")
            assert len(assets(env, place)) == 12
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b'{"imajin"')]
    assert [event["passed"] for event in events if event["event"] == "finished"] == [12, 12, 12, 12]
    published = [path for event in events if event["event"] == "job" for path in event["paths"]]
    assert len(set(published)) == len(published) == 48
    assert state(work / "both") == state(work / "local")
    assert state(work / "lost") == state(work / "local")
    for folder in ("both", "lost"):
        assert len(json.loads((work / folder / "manifest.json").read_bytes())["assets"]) == 12
