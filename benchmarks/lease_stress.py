"""Eight processes at one simulated device, killed and stopped at random: ``python -m benchmarks.lease_stress --seconds 600``.

A referee that knows nothing of the ledger looks at what the processes write down. What a lease spans is taken too short, never
too long: from after it was granted until before it is given back, or until before its holder is killed. So wherever more is
held at once than there is, more was granted than there is. It ends with 1 where anything is wrong.
"""

from __future__ import annotations

import argparse
import bisect
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROCESSES = 8
TOTAL = 24576
# Kinds of work: MiB that they use at most, and what somebody guessed without measuring.
WORK = {f"model-{index}": (mib, int(mib * 1.6) + 64) for index, mib in enumerate((300, 900, 2200, 4700, 9000, 14000))}
LONGEST_HOLD = 0.25
LONGEST_STOP = 0.6
# Nobody may wait longer than all others take one after the other, so often as anybody may be passed, and stopped each time.
MOST_PASSES = 32
BOUND_SECONDS = (PROCESSES + MOST_PASSES) * (LONGEST_HOLD + LONGEST_STOP)
CLASSES = ("batch", "normal", "interactive")


def worker(number: int, seed: int, book: int) -> None:
    """Take leases until killed, and write down what happens."""
    from imajin_cli.contract.errors import NoCapacityError
    from imajin_cli.devices import lease
    from imajin_cli.devices.peaks import PeakKey

    draw = random.Random(seed)

    def tell(event: str, **fields: Any) -> None:
        os.write(book, json.dumps({"event": event, "worker": number, "pid": os.getpid(), **fields}).encode() + b"\n")

    while True:
        name = draw.choice(sorted(WORK))
        most, guess = WORK[name]
        used = int(most * draw.uniform(0.93, 1))
        priority = draw.choices(CLASSES, (2, 5, 2))[0]
        wish = {"wish": f"{os.getpid()}-{draw.random()}", "priority": priority}
        tell("asks", at=time.monotonic(), **wish)
        try:
            held = lease.acquire(
                "sim:0", guess, BOUND_SECONDS, priority, name, PeakKey(name, "fp16", "512x512", 1),
                on_wait=lambda _, wish=wish: tell("waits", at=time.monotonic(), **wish),
            )  # fmt: skip
        except NoCapacityError as error:
            tell("refused", at=time.monotonic(), why=error.message, **wish)
            continue
        tell(
            "granted",
            at=time.monotonic(),
            order=held.granted_at,
            mib=held.mib,
            used=used,
            lease=held.id,
            work=name,
            **wish,
        )
        time.sleep(draw.uniform(0.005, LONGEST_HOLD))
        held.report_peak(used)
        tell("released", at=time.monotonic(), lease=held.id, **wish)
        held.release()
        time.sleep(draw.uniform(0, 0.05))


def start(number: int, seed: int, book: int) -> int:
    """A worker as a process of its own."""
    pid = os.fork()
    if pid == 0:
        try:
            worker(number, seed, book)
        finally:
            os._exit(3)
    return pid


def torment(seconds: float, seed: int, book: int) -> dict[str, int]:
    """Run the workers, killing and stopping them at random; every process has ended when this returns."""
    draw = random.Random(seed)
    seeds = iter(range(seed * 1000, seed * 1000 + 10**9))
    pids = {number: start(number, next(seeds), book) for number in range(PROCESSES)}
    stopped: dict[int, float] = {}
    counts = {"killed": 0, "stopped": 0}

    def tell(event: str, pid: int) -> None:
        os.write(book, json.dumps({"event": event, "pid": pid, "at": time.monotonic()}).encode() + b"\n")

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(draw.uniform(0.02, 0.3))
        for number in [number for number, until in stopped.items() if until < time.monotonic()]:
            del stopped[number]
            os.kill(pids[number], signal.SIGCONT)
        number = draw.randrange(PROCESSES)
        if draw.random() < 0.5 and number not in stopped:
            tell("stopped", pids[number])
            os.kill(pids[number], signal.SIGSTOP)
            stopped[number] = time.monotonic() + draw.uniform(0.05, LONGEST_STOP)
            counts["stopped"] += 1
        elif draw.random() < 0.5:
            stopped.pop(number, None)
            end(pids[number], tell)
            counts["killed"] += 1
            pids[number] = start(number, next(seeds), book)
    for pid in pids.values():
        end(pid, tell)
    return counts


def end(pid: int, tell: Any) -> None:
    """Kill a process, which must not have ended by itself."""
    tell("killed", pid)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        raise AssertionError(f"a worker ended by itself: {status}")


def spans(events: list[dict[str, Any]]) -> Iterator[tuple[float, float, dict[str, Any]]]:
    """(from, until, grant) of each lease, as short as it can have been."""
    killed = {event["pid"]: event["at"] for event in events if event["event"] == "killed"}
    released = {(event["pid"], event["lease"]): event["at"] for event in events if event["event"] == "released"}
    for event in events:
        if event["event"] == "granted":
            yield event["at"], released.get((event["pid"], event["lease"]), killed[event["pid"]]), event


def most_at_once(events: list[dict[str, Any]]) -> int:
    """The most MiB that were held at any moment."""
    moves = [(begin, 1, grant["mib"]) for begin, stop, grant in spans(events) if stop > begin]
    moves += [(stop, 0, -grant["mib"]) for begin, stop, grant in spans(events) if stop > begin]
    held = most = 0
    for _, _, mib in sorted(moves):
        held += mib
        most = max(most, held)
    return most


def turns(events: list[dict[str, Any]]) -> dict[str, Any]:
    """How long who waited, and whether somebody was passed who might not be."""
    asked = {event["wish"]: event["at"] for event in events if event["event"] == "asks"}
    drew = {event["wish"]: event["at"] for event in events if event["event"] == "waits"}
    grants = sorted((event for event in events if event["event"] == "granted"), key=lambda event: event["order"])
    orders = [grant["order"] for grant in grants]
    stops: dict[int, list[float]] = {}
    for event in events:
        if event["event"] == "stopped":
            stops.setdefault(event["pid"], []).append(event["at"])
    waits: dict[str, list[float]] = {name: [] for name in CLASSES}
    most_passes, wrong = 0, []
    for place, mine in enumerate(grants):
        waits[mine["priority"]].append(mine["order"] - asked[mine["wish"]])
        if mine["wish"] not in drew:
            continue
        since = drew[mine["wish"]]
        if any(since - LONGEST_STOP < at < mine["order"] for at in stops.get(mine["pid"], [])):
            # Who was stopped may be passed.
            continue
        between = grants[bisect.bisect_right(orders, since) : place]
        passers = [other for other in between if since < asked[other["wish"]]]
        most_passes = max(most_passes, len(passers))
        # Who fits beside it may pass without bound, where that does not delay it; the others by their class alone.
        apart = [other for other in passers if other["mib"] + mine["mib"] > TOTAL]
        higher = [other for other in apart if CLASSES.index(other["priority"]) > CLASSES.index(mine["priority"])]
        if len(higher) > MOST_PASSES:
            wrong.append(f"{len(higher)} of a higher class passed {mine['wish']}")
        wrong += [f"{other['mib']} MiB passed {mine['mib']}" for other in apart if other not in higher]
    return {"waits": waits, "most_passes": most_passes, "wrong": wrong}


def over_reserved(events: list[dict[str, Any]]) -> tuple[float, float]:
    """How much more was leased than used, as a share: before a kind of work was measured, and after."""
    seen: set[str] = set()
    sums = {False: [0, 0], True: [0, 0]}
    for event in events:
        if event["event"] == "granted":
            known = event["mib"] != WORK[event["work"]][1]
            sums[known][0] += event["mib"]
            sums[known][1] += event["used"]
            seen.add(event["work"])
    before, after = ((leased / used - 1) if used else 0.0 for leased, used in (sums[False], sums[True]))
    return before, after


def free_in_the_end() -> bool:
    """Whether all of the device can be had at once: nothing leaked."""
    from imajin_cli.contract.errors import NoCapacityError
    from imajin_cli.devices import lease

    try:
        lease.acquire("sim:0", TOTAL, 0).release()
    except NoCapacityError:
        return False
    return True


def stress(seconds: float, seed: int) -> dict[str, Any]:
    """One run: what was seen, and under "wrong" whatever should not have been."""
    # Loaded here once, not in every worker.
    from imajin_cli.devices import lease, locks

    locks._filelock()
    assert lease is not None
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"IMAJIN_LEDGER": f"{folder}/ledger", "IMAJIN_DEVICES": f"sim:0={TOTAL}"}
        path = Path(folder, "events")
        book = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        counts = torment(seconds, seed, book)
        os.close(book)
        events = [json.loads(line) for line in path.read_bytes().splitlines()]
        whole = free_in_the_end()
    return judged(events, counts, whole)


def judged(events: list[dict[str, Any]], counts: dict[str, int], whole: bool) -> dict[str, Any]:
    """The result of a run."""
    found = turns(events)
    refused = sum(event["event"] == "refused" for event in events)
    most = most_at_once(events)
    before, after = over_reserved(events)
    longest = {name: max(times, default=0.0) for name, times in found["waits"].items()}
    wrong = list(found["wrong"])
    wrong += [f"{most} MiB were held at once of {TOTAL}"] if most > TOTAL else []
    wrong += ["a lease outlived its holder"] if not whole else []
    wrong += [f"{refused} waited for {BOUND_SECONDS:.0f} s in vain"] if refused else []
    wrong += [f"{after:.0%} more was leased than used"] if after >= 0.15 else []
    return {
        "grants": sum(event["event"] == "granted" for event in events),
        "waited": sum(event["event"] == "waits" for event in events),
        **counts,
        "most MiB at once": most,
        "of": TOTAL,
        "longest wait, seconds": {name: round(value, 2) for name, value in longest.items()},
        "bound, seconds": BOUND_SECONDS,
        "most later ones that passed one": found["most_passes"],
        "over-reserved before measuring": round(before, 3),
        "over-reserved after": round(after, 3),
        "wrong": wrong,
    }


def main() -> int:
    """Run it as asked and print the result as JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    result = stress(given.seconds, given.seed)
    print(json.dumps(result, indent=2))
    return 1 if result["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
