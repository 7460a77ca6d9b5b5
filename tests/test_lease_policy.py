"""Whose turn it is, over drawn queues: nobody is delayed by who passes, and nobody is passed without bound."""

from __future__ import annotations

import heapq
from itertools import combinations, islice

from hypothesis import given, settings
from hypothesis import strategies as st

from imajin_cli.devices.policy import MOST_PASSES, State, Ticket, ahead_of, delays, foreign_use, may_start, turn

TOTAL = 24
sizes = st.lists(st.integers(1, TOTAL), max_size=5)
jobs = st.lists(st.tuples(st.integers(1, TOTAL), st.integers(1, 9), st.integers(0, 6)), min_size=1, max_size=9)


def ticket(number: int, mib: int, priority: str = "normal") -> Ticket:
    return Ticket(number, priority, mib, f"{number:08x}")


def subset_sums(values: list[int]) -> set[int]:
    return {sum(some) for count in range(len(values) + 1) for some in combinations(values, count)}


@settings(deadline=None)
@given(sizes, st.lists(st.integers(1, TOTAL), min_size=1, max_size=3), st.integers(1, TOTAL), st.integers(0, 6))
def test_delaying_is_what_trying_every_order_finds(live, ahead, mib, foreign):
    """Against the definition: some subset of what runs or goes before leaves room for a ticket, but not with ``mib``."""
    waiting = [ticket(number, wanted) for number, wanted in enumerate(ahead)]
    expected = False
    for index, wanted in enumerate(ahead):
        before = subset_sums([*live, *ahead[:index]])
        expected |= any(
            total + other + wanted <= TOTAL < total + other + wanted + mib
            for total in before
            for other in range(foreign + 1)
        )
    assert delays(mib, waiting, State(TOTAL, TOTAL, live, foreign)) == expected


def starts(work: list[tuple[int, int, int]], *, backfill: bool) -> list[int]:
    """When each job (size, run time, arrival) starts on one device, in strict order or with passing."""
    order = sorted(range(len(work)), key=lambda job: (work[job][2], job))
    begun: dict[int, int] = {}
    running: list[tuple[int, int]] = []
    now = 0
    while len(begun) < len(work):
        while running and running[0][0] <= now:
            heapq.heappop(running)
        queue = [job for job in order if job not in begun and work[job][2] <= now]
        for place, job in enumerate(queue):
            ahead = [ticket(other, work[other][0]) for other in queue[:place] if other not in begun]
            if ahead and not backfill:
                break
            if may_start(work[job][0], ahead, State(TOTAL, TOTAL, [work[j][0] for _, j in running])):
                begun[job] = now
                heapq.heappush(running, (now + work[job][1], job))
        now += 1
    return [begun[job] for job in range(len(work))]


@settings(deadline=None)
@given(jobs)
def test_no_job_starts_later_for_those_that_passed_it(work):
    strict, passing = starts(work, backfill=False), starts(work, backfill=True)
    assert all(ours <= theirs for ours, theirs in zip(passing, strict, strict=True)), (strict, passing)


def test_passing_does_happen():
    work = [(20, 5, 0), (20, 5, 0), (4, 5, 0)]
    assert starts(work, backfill=False) == [0, 5, 5]
    assert starts(work, backfill=True) == [0, 5, 0]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["batch", "normal", "interactive"]), min_size=1, max_size=120), st.data())
def test_nobody_is_passed_by_more_than_so_many(classes, data):
    """One at a time on a full device, with arrivals that always come before the next turn: the worst a class can do."""
    queue: list[Ticket] = []
    passes = dict.fromkeys(range(len(classes)), 0)
    arrivals = iter(enumerate(classes))
    while True:
        coming = data.draw(st.integers(0 if queue else 1, 3))
        queue += [ticket(number, TOTAL, name) for number, name in islice(arrivals, coming)]
        if not queue:
            break
        first = min(queue, key=turn)
        assert ahead_of(first, queue) == []
        queue.remove(first)
        for other in queue:
            passes[other.number] += other.number < first.number
    assert max(passes.values()) <= MOST_PASSES


def test_the_bound_is_met_by_a_flood_of_higher_ones():
    low = ticket(1, TOTAL, "batch")
    flood = [ticket(number, TOTAL, "interactive") for number in range(2, 100)]
    assert len(ahead_of(low, flood)) == MOST_PASSES - 1


@settings(deadline=None)
@given(st.integers(0, TOTAL), sizes, st.lists(st.tuples(st.integers(0, 8), st.floats(0, 1)), max_size=8))
def test_what_others_use_and_what_was_leased_are_never_granted_again(foreign, wanted, moves):
    """Holders allocate some of what they leased, others come and go; what is granted always fits beside what others use
    and all leases, as long as others only take what the driver calls free and nobody has leased."""
    leases: list[tuple[int, int]] = []
    taken = foreign
    for mib, (change, share) in zip(wanted, moves, strict=False):
        used = foreign + sum(used for _, used in leases)
        leased = sum(mib for mib, _ in leases)
        taken = foreign_use(TOTAL, TOTAL - used, leased, taken)
        assert taken >= foreign
        state = State(TOTAL, TOTAL - used, [mib for mib, _ in leases], taken)
        if may_start(mib, [], state):
            leases.append((mib, int(mib * share)))
            assert foreign + sum(mib for mib, _ in leases) <= TOTAL
        # Others use less, and no holder allocates in the same moment.
        foreign = max(0, foreign - change)
