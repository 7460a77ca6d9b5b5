"""Many processes at one device, killed and stopped at random; and the referee can tell when something is wrong."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchmarks.lease_stress import TOTAL, judged
from conftest import ROOT, environment


def run(seconds: int, seed: int) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.lease_stress", "--seconds", str(seconds), "--seed", str(seed)],
        capture_output=True, text=True, cwd=ROOT, env=environment(), timeout=seconds + 90,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["wrong"] == []
    assert result["killed"] >= seconds / 4
    assert result["stopped"] >= seconds / 4
    assert result["grants"] >= seconds
    assert result["waited"] >= seconds / 2
    return result


def test_eight_processes_killed_and_stopped_at_random_never_get_more_than_there_is():
    run(8, 1)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_same_for_longer():
    run(90, 2)


def grant(wish: str, at: float, mib: int, pid: int, **other: object) -> dict:
    return {
        "event": "granted", "wish": wish, "at": at, "order": at, "mib": mib, "used": mib, "pid": pid, "lease": wish,
        "work": "model-0", "priority": "normal", **other,
    }  # fmt: skip


def asks(wish: str, at: float, pid: int) -> dict:
    return {"event": "asks", "wish": wish, "at": at, "pid": pid, "priority": "normal"}


def killed(pid: int, at: float) -> dict:
    return {"event": "killed", "pid": pid, "at": at}


def test_the_referee_sees_too_much_at_once():
    events = [
        asks("a", 0, 1),
        asks("b", 0, 2),
        grant("a", 1, TOTAL - 10, 1),
        grant("b", 2, 11, 2),
        killed(1, 3),
        killed(2, 3),
    ]
    assert any("held at once" in text for text in judged(events, {}, True)["wrong"])
    events[4] = killed(1, 1.5)
    assert judged(events, {}, True)["wrong"] == []


def test_the_referee_sees_a_leak_a_refusal_and_waste():
    assert "a lease outlived its holder" in judged([], {}, False)["wrong"]
    refused = {"event": "refused", "wish": "a", "at": 1, "pid": 1}
    assert any("in vain" in text for text in judged([refused], {}, True)["wrong"])
    wasteful = [asks("a", 0, 1), grant("a", 1, 116, 1, used=100), killed(1, 2)]
    assert "16% more was leased than used" in judged(wasteful, {}, True)["wrong"]


def test_the_referee_sees_who_passed_and_might_not():
    events = [
        asks("big", 0, 1), {"event": "waits", "wish": "big", "at": 1, "pid": 1},
        asks("late", 2, 2), grant("late", 3, 20000, 2), grant("big", 5, 9000, 1), killed(1, 6), killed(2, 4),
    ]  # fmt: skip
    assert "20000 MiB passed 9000" in judged(events, {}, True)["wrong"]
    events.insert(2, {"event": "stopped", "pid": 1, "at": 2.5})
    assert judged(events, {}, True)["wrong"] == []


def test_the_referee_counts_who_passed_by_class():
    events = [asks("low", 0, 1) | {"priority": "batch"}, {"event": "waits", "wish": "low", "at": 1, "pid": 1}]
    for number in range(33):
        events += [asks(f"h{number}", 2, 2), grant(f"h{number}", 3 + number, 20000, 2, priority="interactive")]
        events.append({"event": "released", "pid": 2, "lease": f"h{number}", "at": 3.5 + number})
    events += [grant("low", 60, 9000, 1, priority="batch"), killed(1, 70), killed(2, 70)]
    assert "33 of a higher class passed low" in judged(events, {}, True)["wrong"]
    assert judged([event for event in events if event.get("wish") != "h0"], {}, True)["wrong"] == []
