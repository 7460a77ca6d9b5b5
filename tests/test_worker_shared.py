"""Models that commands share: one process for each, what is asked for at a time done together, everybody in turn."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imajin_cli.worker import items as wire
from imajin_cli.worker import place
from imajin_cli.worker.host import Turns
from imajin_cli.worker.protocol import ProtocolError
from test_worker import Desk, gone, note

pytestmark = pytest.mark.skipif(not place.SUPPORTED, reason="the worker needs Linux")


@pytest.fixture
def desk(tmp_path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.stop()


def host(desk: Desk) -> dict:
    (found,) = desk.one()["hosts"]
    return found


def leases(desk: Desk, **extra: str) -> list[dict]:
    events = [json.loads(line) for line in desk.run("gpu", "status", "--json", **extra).stdout.splitlines()]
    return [event for event in events if event["event"] == "lease"]


def test_commands_share_one_model_and_its_process_has_the_lease(desk, png):
    for name in "abc":
        png(f"{name}.png")
    assert desk.run("shared", "a.png").stdout == b"a.png\n"
    running = [desk.start("shared", f"{name}.png") for name in "bc"]
    assert [process.communicate(timeout=30)[0] for process in running] == [b"b.png\n", b"c.png\n"]
    pid = host(desk)["pid"]
    assert [note(f"{name}.png", "pid") for name in "abc"] == [pid] * 3
    assert pid not in [process["pid"] for process in desk.one()["processes"]]
    (held,) = leases(desk)
    assert (held["pid"], held["label"], held["mib"]) == (pid, "Slow", 100)
    assert f"{pid}  idle" in desk.run("worker", "status").stdout.decode()


def test_without_the_worker_the_result_is_the_same(desk, png):
    png("a/p.png", 120), png("b/p.png", 120)
    assert desk.run("shared", "p.png", cwd=Path("a")).returncode == 0
    assert desk.run("--no-worker", "shared", "p.png", cwd=Path("b")).returncode == 0
    assert note("a/p.png", "mean") == note("b/p.png", "mean")
    assert leases(desk) != []


def test_the_record_names_the_device_that_the_models_process_has(desk, png):
    png()
    done = desk.run("shared", "a.png", IMAJIN_DEVICES="sim:0=1000")
    assert done.returncode == 0, done.stderr
    assert json.loads(Path("a.png.json").read_bytes())["stages"][-1]["device"] == "sim:0"


def test_what_is_asked_for_at_a_time_is_done_together(desk, png):
    """More commands than there are cores: who waits for the model takes no place."""
    names = [f"p{i}.png" for i in range(6)]
    for i, name in enumerate(names):
        png(name, 100 + i)
    desk.run("shared", "p0.png", "--seconds", "1", "--force")
    started = time.monotonic()
    running = [desk.start("shared", name, "--seconds", "1", "--force") for name in names]
    for process in running:
        _, err = process.communicate(timeout=50)
        assert process.returncode == 0, err
    # One by one it would take six seconds and more.
    assert max(note(name, "together") for name in names) >= 3
    assert time.monotonic() - started < 5.5
    assert [round(note(name, "mean")) for name in names] == [100 + i for i in range(6)]


def test_a_killed_host_is_made_good_also_after_output(desk, png):
    for name in "abc":
        png(f"{name}.png")
    process = desk.start("shared", "--seconds", "0.5", stdin=subprocess.PIPE)
    process.stdin.write(b"a.png\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"a.png\n"
    process.stdin.write(b"b.png\n")
    process.stdin.flush()
    first = desk.until(lambda one: next((h["pid"] for h in one["hosts"] if h["serving"]), None))
    os.kill(first, signal.SIGKILL)
    out, err = process.communicate(b"c.png\n", timeout=30)
    assert (process.returncode, out) == (0, b"b.png\nc.png\n"), err
    assert note("c.png", "pid") != first
    assert desk.logs(f"process {first} of Slow ended by SIGKILL")


def test_who_crashes_it_twice_is_told_and_takes_nobody_along(desk, png):
    for name in ("a", "b", "poison", "wrong"):
        png(f"{name}.png")
    desk.run("shared", "a.png", "--seconds", "0.4")
    running = {
        name: desk.start("shared", f"{name}.png", "--seconds", "0.4", "--force") for name in ("a", "poison", "b")
    }
    done = {name: (process.communicate(timeout=50), process.returncode) for name, process in running.items()}
    assert done["a"][1] == done["b"][1] == 0, done
    assert done["poison"][1] == 22
    assert b"crashed 2 times" in done["poison"][0][1]
    wrong = desk.run("shared", "wrong.png")
    assert wrong.returncode == 22
    assert b"that one is wrong" in wrong.stderr
    assert desk.run("shared", "b.png", "--force").returncode == 0


def test_a_killed_clients_items_are_dropped(desk, png):
    names = [f"p{i}.png" for i in range(20)]
    for name in names:
        png(name)
    process = desk.start("shared", *names, "--seconds", "0.3")
    desk.until(lambda one: any(h["serving"] for h in one["hosts"]))
    process.kill()
    desk.until(lambda one: not any(h["serving"] for h in one["hosts"]), seconds=5)
    assert not Path("p19.png.json").exists()


def test_an_idle_host_gives_up_its_lease_within_a_second_and_another_comes(desk, png):
    png()
    desk.run("shared", "a.png")
    pid = host(desk)["pid"]
    time.sleep(1)
    (held,) = leases(desk)
    started = time.monotonic()
    released = desk.run("gpu", "release", held["id"])
    assert released.returncode == 0, released.stderr
    # Under a second by itself (test_leases.py); here whole commands start meanwhile, on a machine that may be busy.
    assert time.monotonic() - started < 10
    gone(pid)
    assert desk.run("shared", "a.png", "--force").returncode == 0
    assert note("a.png", "pid") != pid


def test_a_model_that_was_not_used_for_longest_makes_room_for_another(desk, png):
    """Two models that do not fit together: the idle one's process ends, and the other has its lease within a second."""
    png("a.png"), png("b.png")
    room = {"IMAJIN_DEVICES": "sim:0=1000"}
    assert desk.run("shared", "a.png", "--mib", "600", **room).returncode == 0
    first = host(desk)["pid"]
    started = time.monotonic()
    second = desk.run("shared", "b.png", "--mib", "700", **room)
    assert second.returncode == 0, second.stderr
    assert time.monotonic() - started < 12
    gone(first)
    assert [held["mib"] for held in leases(desk, **room)] == [700]
    large = desk.run("shared", "b.png", "--mib", "1001", **room)
    assert large.returncode == 21, large.stderr
    assert b"more than there is in all" in large.stderr


# Whose turn it is, without processes.


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 6), st.booleans()), max_size=12),
    st.integers(1, 5),
)
def test_every_item_is_done_once_and_nobody_is_passed(asked, most):
    turns, done, expected = Turns(), {}, {}
    for at, (guest, count, alone) in enumerate(asked):
        if guest in turns.waiting:
            continue
        expected[guest] = [{"value": (at, i)} for i in range(count)]
        turns.add(guest, [{"value": (at, i)} for i in range(count)], alone=alone)
    while turns.waiting:
        before = {guest: len(request.left) for guest, request in turns.waiting.items()}
        batch = turns.next(most)
        assert 1 <= len(batch) <= most
        served = [guest for guest, _, _ in batch]
        if turns.waiting[served[0]].alone:
            assert len(batch) == 1
        else:
            # Nobody has two before everybody has one.
            fewest = (
                min(served.count(guest) for guest, left in before.items() if left > served.count(guest))
                if any(left > served.count(guest) for guest, left in before.items())
                else None
            )
            assert fewest is None or max(map(served.count, served)) <= fewest + 1
        for guest, place_, item in batch:
            found = turns.store(guest, place_, item)
            if found is not None:
                done[guest] = found
    assert done == expected


values = st.one_of(
    st.binary(max_size=50), st.integers(-5, 5), st.text(max_size=5), st.none(), st.lists(st.integers(), max_size=3)
)


@given(st.lists(st.dictionaries(st.text(max_size=4), values, max_size=4), max_size=5), st.integers(1, 9))
def test_items_arrive_as_they_were_sent_whatever_the_pieces(items, piece):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = wire.Stream(theirs)
        data = wire.pack(items, alone=True) * 2
        for at in range(0, len(data), piece * 40):
            ours.sendall(data[at : at + piece * 40])
            stream.fill()
        ours.shutdown(socket.SHUT_WR)
        assert stream.read() == (items, {"alone": True})
        assert stream.read() == (items, {"alone": True})
        assert stream.read() is None


def test_items_that_are_too_large_are_refused(monkeypatch):
    monkeypatch.setattr(wire, "MOST_BYTES", 100)
    with pytest.raises(ProtocolError):
        wire.pack([{"a": b"x" * 101}])
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall((5).to_bytes(4, "big") + (101).to_bytes(8, "big"))
        with pytest.raises(ProtocolError):
            wire.Stream(theirs).read()
