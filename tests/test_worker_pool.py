"""The supervisor's rules: places, turns, which process, which to end. No process is started here."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imajin_cli.worker.lanes import lane_of
from imajin_cli.worker.pool import Full, Job, Pool, Process


def job(stage: str = "moderate", owner: int = 1, **fields) -> Job:
    return Job(stage, owner, **fields)


def start(pool: Pool) -> tuple[Job, Process]:
    """Let the next job start, in a process that is made where there is none."""
    found = pool.next()
    assert found is not None
    work, process = found
    if process is None:
        idlest = pool.idlest()
        if idlest is not None and len(pool.processes) >= pool.most:
            pool.processes.remove(idlest)
        process = Process(native=work.native)
        pool.processes.append(process)
    process.take(work)
    return work, process


def end(process: Process, now: float = 0.0, mib: int = 0) -> None:
    process.job, process.waiting, process.since, process.mib = None, False, now, mib


def test_no_more_compute_than_there_are_places():
    pool = Pool(2, 8, 100)
    for _ in range(5):
        pool.add(job())
    _, first = start(pool)
    start(pool)
    assert pool.next() is None
    end(first)
    assert start(pool)[1] is first


def test_who_waits_for_input_takes_no_place():
    pool = Pool(1, 8, 100)
    for _ in range(6):
        pool.add(job())
    for _ in range(6):
        start(pool)[1].waiting = True
    assert not pool.queued


def test_clients_take_turns_and_keep_their_own_order():
    pool = Pool(1, 8, 100)
    jobs = [job(owner=1) for _ in range(3)] + [job(owner=2), job(owner=3)]
    for one in jobs:
        pool.add(one)
    order = []
    while pool.queued:
        work, process = start(pool)
        order.append(work)
        end(process)
    assert [work.owner for work in order] == [1, 2, 3, 1, 1]
    assert [work for work in order if work.owner == 1] == jobs[:3]


def test_what_is_tried_again_comes_first_of_its_owners():
    pool = Pool(1, 8, 100)
    later, again = job(), job()
    pool.add(later)
    pool.add(again, first=True)
    assert start(pool)[0] is again


def test_a_process_that_knows_the_stage_is_taken_before_a_new_one():
    pool = Pool(4, 8, 100)
    for stage in ("moderate", "quality"):
        pool.add(job(stage))
        end(start(pool)[1])
    pool.add(job("quality"))
    assert list(start(pool)[1].stages) == ["quality"]
    pool.add(job("semantic"))
    assert start(pool)[1].served == 1


def test_a_run_of_all_stages_knows_every_stage():
    pool = Pool(4, 8, 100)
    pool.add(job("run"))
    _, process = start(pool)
    end(process)
    pool.add(job("moderate"))
    assert start(pool)[1] is process


def test_other_native_settings_need_another_process():
    pool = Pool(4, 8, 100)
    pool.add(job())
    end(start(pool)[1])
    pool.add(job(native=(("OMP_NUM_THREADS", "2"),)))
    start(pool)
    assert len(pool.processes) == 2


def test_at_the_most_an_idle_one_makes_room_and_without_one_nobody_waits_in_vain():
    pool = Pool(4, 2, 100)
    for stage in ("moderate", "quality"):
        pool.add(job(stage))
        start(pool)
    end(pool.processes[0], now=1.0)
    pool.add(job("semantic"))
    assert start(pool)[1] is pool.processes[0]
    for process in pool.processes:
        process.waiting = True
    pool.add(job("text"))
    with pytest.raises(Full):
        pool.next()
    assert len(pool.queued) == 1


def test_the_queue_is_bounded():
    pool = Pool(1, 1, 3)
    for _ in range(3):
        assert not pool.full
        pool.add(job())
    assert pool.full


def test_idle_processes_end_by_time_and_then_the_longest_idle_by_memory():
    pool = Pool(4, 8, 100)
    pool.processes = [Process(since=since, mib=100) for since in (0.0, 50.0, 60.0, 70.0)]
    pool.processes[3].job = job()
    old, longest, _, _ = pool.processes
    assert pool.superfluous(100.0, 300.0, 1000) == []
    assert pool.superfluous(100.0, 100.0, 1000) == [old]
    assert pool.superfluous(100.0, 100.0, 250) == [old, longest]
    assert pool.superfluous(100.0, 300.0, 0) == pool.processes[:3]


@given(
    at_once=st.integers(1, 3),
    most=st.integers(1, 5),
    events=st.lists(st.tuples(st.sampled_from(["add", "wait", "work", "end", "drop"]), st.integers(0, 5)), max_size=60),
)
def test_no_job_is_lost_or_done_twice_whatever_happens(at_once, most, events):
    pool = Pool(at_once, most, 10_000)
    added, started, dropped = [], [], []
    for event, which in events:
        busy = [process for process in pool.processes if process.job is not None]
        chosen = busy[which % len(busy)] if busy else None
        if event == "add":
            added.append(job(stage=f"s{which % 3}", owner=which % 2))
            pool.add(added[-1])
        elif event == "drop" and pool.queued:
            dropped.append(pool.queued[which % len(pool.queued)])
            pool.drop(dropped[-1])
        elif chosen is not None and event in ("wait", "work"):
            chosen.waiting = event == "wait"
        elif chosen is not None and event == "end":
            end(chosen)
        try:
            while True:
                computing = sum(process.computes for process in pool.processes)
                if not pool.queued or computing >= at_once:
                    assert pool.next() is None
                    break
                started.append(start(pool)[0])
        except Full:
            assert all(process.job is not None for process in pool.processes)
            assert len(pool.processes) == most
        assert len(pool.processes) <= most
        assert Counter(map(id, added)) == Counter(map(id, [*started, *dropped, *pool.queued]))


# Painting with diffusion models.


def paints(model: str = "m", stage: str = "generate", **more) -> Job:
    return job(stage, lane=model, **more)


def test_one_paints_at_a_time_and_nobody_else_waits_for_that():
    pool = Pool(4, 8, 100)
    first, second, third = paints(), paints("other", owner=2), paints()
    # The one that reads what the first writes came after one that has to wait.
    reader = job("moderate")
    for one in (first, third, reader, second):
        pool.add(one)
    started = [start(pool) for _ in range(2)]
    assert [work for work, _ in started] == [first, reader]
    assert pool.next() is None
    assert pool.held(second)
    assert not pool.held(reader)
    end(started[0][1])
    work, process = start(pool)
    assert work is second
    assert process is not started[0][1]
    end(process)
    assert start(pool) == (third, started[0][1])


def test_who_paints_and_waits_for_input_lets_another_paint():
    pool = Pool(4, 8, 100)
    pool.add(paints(stage="fix-anatomy"))
    pool.add(paints())
    start(pool)[1].waiting = True
    assert start(pool)[0].stage == "generate"


def test_as_many_paint_as_may():
    pool = Pool(8, 8, 100, painting=2)
    for _ in range(3):
        pool.add(paints())
    start(pool), start(pool)
    assert pool.next() is None


def test_who_paints_gets_the_process_that_has_the_model_and_others_leave_it_alone():
    pool = Pool(8, 8, 100)
    for work in (paints("m"), paints("n")):
        pool.add(work)
        end(start(pool)[1], now=len(pool.processes))
    m, n = pool.processes

    def taken(work: Job) -> Process:
        pool.add(work)
        process = start(pool)[1]
        end(process, now=9)
        return process

    assert taken(paints("m")) is m
    assert taken(paints("n")) is n
    assert taken(paints("m", "fix-anatomy")) is m
    # Mended by what made it, which the record knows: the painter that worked last.
    assert taken(job("remove-watermark")) is m
    composing = taken(job("generate"))
    assert composing not in (m, n)
    assert taken(job("generate")) is composing
    # One that has loaded no model yet takes the next.
    assert taken(paints("o")) is composing


def test_a_painter_is_taken_for_anything_where_there_may_be_no_more():
    pool = Pool(8, 1, 100)
    pool.add(paints())
    end(start(pool)[1])
    for work in (job("quality"), paints("other")):
        pool.add(work)
        process = start(pool)[1]
        assert process is pool.processes[0]
        end(process)
    assert process.lane == "other"


@pytest.mark.parametrize(
    ("argv", "model"),
    [
        (["generate", "a cat", "--model", "m"], "m"),
        (["generate", "a cat", "--model=./m", "--backend", "diffusers"], "./m"),
        (["generate", "a cat", "--model", "l", "--model", "m"], "m"),
        (["generate", "a cat", "--model", "m", "--backend", "compose"], ""),
        (["generate", "a cat", "--model"], ""),
        (["generate", "--", "--model", "m"], ""),
        (["generate", "a cat"], ""),
        (["fix-anatomy", "a.png", "--model", "m"], "m"),
        (["semantic", "a.png", "--model", "m"], ""),
    ],
)
def test_what_a_command_paints_with_is_told_by_its_arguments(argv, model):
    assert lane_of(argv) == model
