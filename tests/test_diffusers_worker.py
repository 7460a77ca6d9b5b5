"""Painting through the worker: the model stays loaded under its lease, one picture is painted at a time, nothing else differs."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imajin_cli.contract.exits import Exit
from imajin_cli.worker import place
from test_worker import Desk

pytest.importorskip("torch")
pytest.importorskip("diffusers")

pytestmark = pytest.mark.skipif(not place.SUPPORTED, reason="the worker needs Linux")

HEART = ("generate", "red heart", "--model", "imajin-mini", "--size", "64", "--dtype", "fp32", "--steps", "4")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.stop()


def painted(desk: Desk, folder: str, *more: str, flags: tuple[str, ...] = ()) -> subprocess.CompletedProcess[bytes]:
    Path(folder).mkdir()
    done = desk.run(*flags, *HEART, *more, cwd=Path(folder))
    assert done.returncode == 0, done.stderr
    return done


def picture(folder: str) -> bytes:
    (found,) = Path(folder, ".imajin", "work").glob("*.png")
    return found.read_bytes()


def record(folder: str) -> dict:
    (found,) = Path(folder, ".imajin", "work").glob("*.png.json")
    return {k: v for k, v in json.loads(found.read_bytes())["stages"][-1].items() if k not in ("seconds", "at", "time")}


def leases(desk: Desk, **extra: str) -> list[dict]:
    events = [json.loads(line) for line in desk.run("gpu", "status", "--json", **extra).stdout.splitlines()]
    return [event for event in events if event["event"] == "lease"]


def test_the_model_stays_loaded_under_its_lease_and_the_bytes_are_those_without_the_worker(desk):
    painted(desk, "without", flags=("--no-worker",))
    assert leases(desk) == []
    first = painted(desk, "cold")
    (process,) = desk.one()["processes"]
    (held,) = leases(desk)
    assert (held["pid"], held["label"]) == (process["pid"], "generate")
    # What composes leaves the painter alone, so that it is there for the next who paints.
    desk.run("generate", "a robot", "--size", "64")
    started = time.monotonic()
    second = painted(desk, "warm")
    took = time.monotonic() - started
    assert [one["served"] for one in desk.one()["processes"] if one["pid"] == process["pid"]] == [2]
    assert held["pid"] in [one["pid"] for one in leases(desk)]
    assert picture("without") == picture("cold") == picture("warm")
    assert record("without") == record("cold") == record("warm")
    assert first.stderr == second.stderr
    assert took < 30



def test_events_and_previews_come_through_as_they_do_without_it(desk):
    told = []
    for name, flags in (("here", ("--no-worker",)), ("there", ())):
        done = painted(desk, name, "--json", "--preview-every", "1", flags=flags)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert [event.get("step") for event in events if event["event"] == "preview"] == [1, 2, 3]
        told.append([{key: value for key, value in event.items() if key != "seconds"} for event in events])
        assert all(Path(name, event["path"]).is_file() for event in events if event["event"] == "preview")
    assert told[0] == told[1]


def test_those_who_paint_at_once_share_one_loaded_model(desk):
    commands = []
    for index in range(3):
        Path(f"{index}").mkdir()
        commands.append(desk.start(*HEART, "--seed", f"{index}", cwd=Path(f"{index}")))
    desk.until(lambda one: one["queued"] == 2)
    ended = [command.communicate(timeout=120) for command in commands]
    assert [command.returncode for command in commands] == [0, 0, 0], ended
    (process,) = desk.one()["processes"]
    assert process["served"] == 3
    assert len(leases(desk)) == 1
    assert len({picture(f"{index}") for index in range(3)}) == 3


def test_an_interrupt_ends_the_work_between_steps_and_the_model_stays_as_it_was(desk):
    painted(desk, "before")
    (process,) = desk.one()["processes"]
    Path("long").mkdir()
    command = desk.start(*HEART[:-1], "200", "-n", "20", "--json", "--preview-every", "1", cwd=Path("long"))
    assert command.stdout is not None
    while b'"event": "preview"' not in (line := command.stdout.readline()):
        assert line, "it ended"
    command.send_signal(signal.SIGINT)
    started = time.monotonic()
    command.communicate(timeout=30)
    assert command.returncode == Exit.INTERRUPTED
    assert time.monotonic() - started < 10
    assert not list(Path("long").rglob("red-heart*"))
    painted(desk, "after")
    assert [one["pid"] for one in desk.one()["processes"]] == [process["pid"]]
    assert picture("before") == picture("after")


def test_an_idle_painter_hands_its_lease_back_to_who_waits_for_it(desk):
    room = {"IMAJIN_DEVICES": "cpu=2000"}
    Path("before").mkdir()
    assert desk.run(*HEART, cwd=Path("before"), **room).returncode == 0
    (process,) = desk.one()["processes"]
    assert [one["pid"] for one in leases(desk, **room)] == [process["pid"]]
    done = desk.run("gpu", "run", "--device", "cpu", "--vram", "1800MiB", "--wait", "20s", "--", "true", **room)
    assert done.returncode == 0, done.stderr
    desk.until(lambda one: not one["processes"] or None)
    assert leases(desk, **room) == []
