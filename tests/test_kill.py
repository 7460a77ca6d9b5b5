"""Killed at random instants, a pipe leaves no half file and loses no record, and a rerun finishes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from conftest import environment

PICTURES = 12


def start(script: str) -> subprocess.Popen[bytes]:
    prelude = f'set -o pipefail; imajin() {{ {sys.executable} -m imajin_cli "$@"; }}; '
    return subprocess.Popen(
        ["bash", "-c", prelude + script],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


SCRIPT = "ls p*.png | imajin bright --threshold 1 | imajin tint | imajin bright --threshold 2"


def check_whole(work: Path) -> None:
    """Every file with a final name can be read, and every sidecar's picture is the one that it knows."""
    for path in work.rglob("*.png"):
        if not path.name.startswith(".imajin-"):
            with Image.open(path) as image:
                image.load()
    for path in work.rglob("*.png.json"):
        known = json.loads(path.read_bytes())
        picture = path.with_name(path.name.removesuffix(".json"))
        assert picture.is_file(), f"{path} has no picture"
        assert known["stages"], f"{path} lost its records"
        keys = [record["key"] for record in known["stages"]]
        assert len(set(keys)) == len(keys), f"{path}: a record stands twice"


def kill_at_random(work: Path, png, times: int) -> None:
    for i in range(PICTURES):
        png(f"p{i:02}.png", 100 + i, size=(200, 200))
    chance = random.Random(7)
    started = time.monotonic()
    whole = start(SCRIPT)
    assert whole.wait(120) == 0
    whole.communicate()
    span = time.monotonic() - started
    reference = {path.name: path.read_bytes() for path in (work / ".imajin/work").glob("*.png")}
    assert len(reference) == PICTURES
    for _ in range(times):
        if chance.random() < 0.5:
            for path in (work / ".imajin/work").glob("*"):
                path.unlink()
            for path in work.glob("*.json"):
                path.unlink()
        process = start(SCRIPT)
        time.sleep(chance.uniform(0.1, span))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        check_whole(work)
    last = start(SCRIPT)
    out, err = last.communicate(timeout=120)
    assert last.returncode == 0, err
    assert len(out.splitlines()) == PICTURES
    check_whole(work)
    assert {path.name: path.read_bytes() for path in (work / ".imajin/work").glob("*.png")} == reference
    for path in work.glob("p*.png.json"):
        assert [record["params"]["threshold"]["value"] for record in json.loads(path.read_bytes())["stages"]] == [1.0]


def test_killed_a_few_times(work, png):
    kill_at_random(work, png, 6)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_a_hundred_times(work, png):
    kill_at_random(work, png, 100)
