"""Batches into an S3-like store: real processes on both sides. `make test-system` installs s3fs and the server for it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import environment
from imajin_cli.contract.sidecar import Sidecar
from objectstore import Gate, extras_folder, free_port, objects, silent, store, surroundings
from test_batch import quick_jobs, state

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def extras(tmp_path_factory: pytest.TempPathFactory) -> str:
    return extras_folder(tmp_path_factory.mktemp("extras"))


@pytest.fixture(scope="module")
def server(extras: str) -> Iterator[int]:
    port = free_port()
    env = surroundings(environment(), extras, port)
    with store(env, port):
        objects(env, "fs.mkdir('pics')")
        yield port


def batch(env: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "imajin_cli", "batch", "jobs.jsonl", *arguments]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def done(env: dict[str, str], *arguments: str) -> tuple[int, list[dict[str, Any]], bytes]:
    process = batch(env, *arguments, "--json")
    out, err = process.communicate(timeout=300)
    return process.returncode, [json.loads(line) for line in out.splitlines()], err


def kept(env: dict[str, str], to: str) -> dict[str, str | bytes]:
    """What lies below ``to``, as `state` tells of a folder."""
    script = (
        "for p in fs.find(%r): print(json.dumps([p, list(fs.cat_file(p))]))" % to.removeprefix("s3://")  # noqa: UP031
    )
    found: dict[str, str | bytes] = {}
    for line in objects(env, script).splitlines():
        path, data = json.loads(line)
        name = path.removeprefix(to.removeprefix("s3://") + "/")
        if name.endswith(".png.json"):
            found[name] = Sidecar.model_validate_json(bytes(data)).digest()
        elif name != "manifest.json":
            found[name] = bytes(data)
    return found


def assets(env: dict[str, str], to: str) -> Any:
    return json.loads(objects(env, f"print(fs.cat_file('{to}/manifest.json').decode())"))["assets"]


def test_a_store_gets_what_a_folder_gets_however_often_it_is_killed(work, extras, server):
    env = surroundings(environment(), extras, server)
    quick_jobs(work / "jobs.jsonl", 8)
    assert done(env, "-o", "local")[0] == 0
    whole = state(work / "local")
    to = "s3://pics/ui/killed"
    chance = random.Random(3)
    started = time.monotonic()
    code, events, err = done(env, "-o", "s3://pics/ui/whole")
    span = time.monotonic() - started
    assert code == 0, err
    assert sorted(path for event in events[:-1] for path in event["paths"]) == [
        f"s3://pics/ui/whole/p{i}.png" for i in range(8)
    ]
    for _ in range(4):
        process = batch(env, "-o", to)
        time.sleep(chance.uniform(0.3, 1.1) * span)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert done(env, "-o", to)[0] == 0
    for place in ("s3://pics/ui/whole", to):
        # Nothing of ours is left beside what was published.
        assert kept(env, place) == whole
        assert assets(env, place) == json.loads((work / "local/manifest.json").read_bytes())["assets"]


def test_what_is_there_is_left_out_and_what_was_spoilt_is_made_again(work, extras, server):
    env = surroundings(environment(), extras, server)
    quick_jobs(work / "jobs.jsonl", 3)
    assert done(env, "-o", "s3://pics/again")[0] == 0
    before = kept(env, "s3://pics/again")
    assert [event["tries"] for event in done(env, "-o", "s3://pics/again")[1][:-1]] == [0, 0, 0]
    objects(env, "fs.pipe_file('pics/again/p1.png', b'spoilt'); fs.rm_file('pics/again/p2.png.json')")
    events = done(env, "-o", "s3://pics/again")[1]
    assert sorted(event["paths"][0][-6:] for event in events[:-1] if event["tries"]) == ["p1.png", "p2.png"]
    assert kept(env, "s3://pics/again") == before


def test_two_batches_into_one_place_lose_nothing(work, extras, server):
    env = surroundings(environment(), extras, server)
    whole = []
    for half in range(2):
        (work / f"h{half}").mkdir()
        quick_jobs(work / "jobs.jsonl", 8)
        lines = (work / "jobs.jsonl").read_text().splitlines(keepends=True)
        (work / f"h{half}/jobs.jsonl").write_text("".join(lines[half::2]))
        command = [sys.executable, "-m", "imajin_cli", "batch", "jobs.jsonl", "-j", "1", "-o", "s3://pics/two"]
        whole.append(subprocess.Popen(command, cwd=work / f"h{half}", env=env, stdout=subprocess.DEVNULL))
    assert [process.wait(200) for process in whole] == [0, 0]
    assert [asset["files"][0]["name"] for asset in assets(env, "s3://pics/two")] == [f"p{i}.png" for i in range(8)]


def test_a_store_that_is_away_for_a_while_costs_tries_and_no_picture(work, extras, server):
    gate = Gate(server)
    env = surroundings(environment(), extras, gate.port)
    quick_jobs(work / "jobs.jsonl", 6)
    process = batch(env, "-j", "1", "--json", "--retries", "8", "-o", "s3://pics/away")
    assert process.stdout is not None
    process.stdout.readline()
    gate.shut()
    time.sleep(3)
    gate.open = True
    out, err = process.communicate(timeout=240)
    gate.close()
    assert process.returncode == 0, err
    assert max(json.loads(line)["tries"] for line in out.splitlines()[:-1]) > 1
    assert len(assets(surroundings(environment(), extras, server), "s3://pics/away")) == 6


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_a_store_that_cannot_be_used_is_one_line_and_no_work(work, extras, server, engine):
    quick_jobs(work / "jobs.jsonl", 2)
    short = {"FSSPEC_S3": json.dumps({"config_kwargs": {"connect_timeout": 1, "read_timeout": 1}})}
    listener = silent()
    away, slow = free_port(), int(listener.getsockname()[1])
    for port, to, said in (
        (away, "s3://pics/x", b"s3://pics/x/manifest.json: cannot be read"),
        (slow, "s3://pics/x", b"s3://pics/x/manifest.json: cannot be read"),
        (server, "s3://nowhere/x", b"s3://nowhere: there is no such bucket"),
        (server, "s3://pics/../x", b"a part of its path is empty"),
        (server, "ftp://pics/x", b"nothing is published to ftp://"),
    ):
        env = surroundings(environment(), extras, port, **short)
        started = time.monotonic()
        code, _, err = done(env, "-o", to, "--engine", engine) if engine == "local" else refused_before_ray(env, to)
        assert code == 2, err
        assert said in err
        assert b"Traceback" not in err
        assert time.monotonic() - started < 40
        assert not (work / ".imajin/work").exists()
    listener.close()


def refused_before_ray(env: dict[str, str], to: str) -> tuple[int, list[dict[str, Any]], bytes]:
    """As `done`, with an address that no cluster has: the store is looked at before one is asked for."""
    return done(env, "-o", to, "--engine", "ray", "--address", "127.0.0.1:1")


def test_who_may_not_publish_is_told_so(work, extras):
    port = free_port()
    env = surroundings(environment(), extras, port)
    quick_jobs(work / "jobs.jsonl", 1)
    with store({**env, "INITIAL_NO_AUTH_ACTION_COUNT": "0"}, port):
        code, _, err = done(env, "-o", "s3://pics/x")
        assert code == 2, err
        assert b"s3://pics/x/manifest.json: cannot be read" in err
        assert b"credentials are those of the environment" in err
        assert env["AWS_SECRET_ACCESS_KEY"].encode() + b" " not in err


def test_without_s3fs_the_command_that_gets_it_is_named(cli, work):
    quick_jobs(work / "jobs.jsonl", 1)
    (work / "s3fs.py").write_text("raise ImportError('hidden')\n")
    (work / "fsspec.py").write_text("raise ImportError('hidden')\n")
    missing = cli("batch", "jobs.jsonl", "-o", "s3://pics/x")
    assert missing.returncode == 20
    assert b'pip install "imajin[s3]"' in missing.stderr


def test_run_publishes_into_a_store_and_a_file_url_is_a_folder(work: Path, extras, server):
    env = surroundings(environment(), extras, server)
    quick = ["--size", "96x96", "--format", "png", "--skip", "moderate", "--skip", "semantic", "--skip", "quality"]
    for to, path in (("s3://pics/run", "s3://pics/run/lost.png"), (f"file://{work}/here", f"{work}/here/lost.png")):
        command = [sys.executable, "-m", "imajin_cli", "run", "a lost robot", "--name", "lost", *quick, "-o", to]
        made = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
        assert (made.returncode, made.stdout.strip()) == (0, path), made.stderr
    assert kept(env, "s3://pics/run") == state(work / "here")
