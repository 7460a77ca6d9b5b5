"""`imajin run --until-pass`: candidates until enough have passed, its limits, and the choice worked out again from sidecars."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import environment
from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.sidecar import Drawn, Group, Record, Request, Sidecar
from imajin_cli.contract.stage import Asset
from imajin_cli.run.assets import Entry
from imajin_cli.run.drawing import Drawing, Limits, ordered, ranked_by, summary, told
from imajin_cli.run.execute import Result
from imajin_cli.run.ranking import Ranking
from imajin_cli.run.why import why
from processes import imajin, inside

PROMPT = "an empty inbox"
# Without aesthetic the ranks are those of quality, which these tests steer.
FAST = ("--size", "128", "--skip", "moderate", "--skip", "semantic", "--skip", "aesthetic")
SEEDS = 6


def sidecar(path: Path) -> dict[str, Any]:
    return json.loads(path.read_bytes())


def events(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


class Measured(NamedTuple):
    """What quality measured of each seed: the number that the tests reject by, and the rank."""

    offset: list[float]
    rank: list[float]

    def limit(self, passing: int) -> float:
        """A limit that exactly ``passing`` of the seeds keep."""
        lowest = sorted(self.offset)
        return (lowest[passing - 1] + lowest[passing]) / 2 if passing else max(0.0, lowest[0] - 0.0002)

    def passes(self, limit: float) -> list[int]:
        return [seed for seed, offset in enumerate(self.offset) if offset <= limit]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    folder = tmp_path_factory.mktemp("measured")
    done = imajin(folder, "run", PROMPT, *FAST, "-n", str(SEEDS), "--until", "quality", "-q")
    assert done.returncode == 0, done.stderr
    found: dict[int, dict[str, float]] = {}
    for name in done.stdout.decode().split():
        known = sidecar(folder / f"{name}.json")
        found[known["seed"]] = {score["name"]: score["value"] for score in known["stages"][-1]["scores"]}
    return Measured(*([found[seed][name] for seed in range(SEEDS)] for name in ("weight_offset", "rank")))


def strict(limit: float) -> tuple[str, ...]:
    return ("--set", f"quality.max_weight_offset={limit}")


def test_the_first_that_passes_ends_the_draw_and_is_published_by_its_plain_name(cli, measured):
    limit = measured.limit(2)
    first = measured.passes(limit)[0]
    done = cli("run", PROMPT, *FAST, *strict(limit), "--until-pass", "--json", "-o", "out")
    assert done.returncode == 0, done.stderr
    found = events(done)
    assert [event["event"] for event in found] == ["rejected"] * first + ["draw", "asset", "finished"]
    assert found[-2]["path"] == "out/an-empty-inbox.png"
    draw = found[-3]
    assert [one["seed"] for one in draw["candidates"]] == list(range(first + 1))
    assert (draw["stopped"], draw["chosen"], draw["most"]) == ("enough", [first], 16)
    published = sidecar(Path("out/an-empty-inbox.png.json"))
    assert published["seed"] == first
    assert published["group"]["size"] == first + 1


def test_the_pictures_are_those_of_their_seeds(cli, measured):
    limit = measured.limit(1)
    (seed,) = measured.passes(limit)
    assert cli("run", PROMPT, *FAST, *strict(limit), "--until-pass", "-o", "drawn").returncode == 0
    assert cli("run", PROMPT, *FAST, "--seed", str(seed), "-o", "plain").returncode == 0
    assert Path("drawn/an-empty-inbox.png").read_bytes() == Path("plain/an-empty-inbox.png").read_bytes()


def test_too_few_is_the_most_serious_verdict_and_what_passed_is_kept(cli, measured):
    limit = measured.limit(1)
    (seed,) = measured.passes(limit)
    arguments = ("run", PROMPT, *FAST, *strict(limit), "--until-pass", "-n", "2", "--max-candidates", str(SEEDS))
    done = cli(*arguments, "-o", "out")
    assert done.returncode == Exit.QUALITY
    assert f"1 of {SEEDS} candidates passed, 2 wanted: no more may be drawn".encode() in done.stderr
    assert sidecar(Path("out/an-empty-inbox.png.json"))["seed"] == seed
    assert cli(*arguments, "--expect", "1", "-o", "out").returncode == 0
    assert cli(*arguments, "--expect", "2", "-o", "out").returncode == Exit.QUALITY


def test_losers_keep_records_and_scores_and_the_choice_is_worked_out_again(cli, measured):
    limit = measured.limit(4)
    passing = measured.passes(limit)[:3]
    best = sorted(passing, key=lambda seed: (-measured.rank[seed], seed))
    done = cli("run", PROMPT, *FAST, *strict(limit), "--until-pass", "-n", "3", "--best", "1", "-o", "out")
    assert done.returncode == 0, done.stderr
    assert sidecar(Path("out/an-empty-inbox.png.json"))["seed"] == best[0]
    kept = {known["seed"]: known for known in map(sidecar, Path(".imajin/work").glob("*.png.json"))}
    assert sorted(kept) == [seed for seed in range(passing[-1] + 1) if seed != best[0]]
    for seed, known in kept.items():
        assert known["group"]["draw"]["order"] == best
        assert known["stages"][-1]["rank"] == measured.rank[seed]
    shown = cli("show", "--why", "--json", "out/an-empty-inbox.png")
    assert shown.returncode == 0, shown.stderr
    (document,) = json.loads(shown.stdout)
    assert document["agrees"] is True
    assert document["again"] == document["draw"]["candidates"]
    text = cli("show", "--why", "out/an-empty-inbox.png").stdout.decode()
    assert "the same choice" in text


def test_sidecars_that_were_edited_or_are_gone_do_not_agree(cli, measured):
    limit = measured.limit(4)
    cli("run", PROMPT, *FAST, *strict(limit), "--until-pass", "-n", "3", "--best", "1", "-o", "out")
    loser = next(p for p in Path(".imajin/work").glob("*.json") if p.name.endswith(".png.json") and _passed(p))
    known = sidecar(loser)
    known["stages"][-1]["rank"] = 2.0
    original = loser.read_bytes()
    loser.write_text(json.dumps(known))
    done = cli("show", "--why", "out/an-empty-inbox.png")
    assert done.returncode == Exit.USAGE
    assert b"another choice follows" in done.stderr
    assert f"differs: candidate {known['group']['index'] + 1} is recorded as passed".encode() in done.stdout
    loser.unlink()
    done = cli("show", "--why", "out/an-empty-inbox.png")
    assert done.returncode == Exit.NO_VERDICT
    assert b"1 sidecars of its draw were not found" in done.stderr
    Path("elsewhere").mkdir()
    Path("elsewhere", loser.name).write_bytes(original)
    assert cli("show", "--why", "out/an-empty-inbox.png", "--in", "elsewhere").returncode == 0


def _passed(path: Path) -> bool:
    return sidecar(path)["verdict"]["status"] == "accepted"


def test_one_that_was_not_drawn_has_no_why(cli):
    assert cli("run", PROMPT, *FAST, "-o", "out").returncode == 0
    done = cli("show", "--why", "out/an-empty-inbox.png")
    assert done.returncode == Exit.USAGE
    assert b"was not drawn" in done.stderr


def test_the_clock_ends_a_draw_between_candidates_with_all_their_ratios(cli, measured):
    done = cli(
        "run", PROMPT, *FAST, *strict(measured.limit(0)), "--size", "256x128", "--until-pass", "--max-seconds", "0.0001",
        "--json", "-o", "out",
    )  # fmt: skip
    assert done.returncode == Exit.QUALITY
    (draw,) = (event for event in events(done) if event["event"] == "draw")
    assert draw["stopped"] == "seconds"
    assert [len(one["ids"]) for one in draw["candidates"]] == [2]
    assert b"the time is over" in done.stderr
    assert not Path("out").exists()


def test_settings_come_from_files_and_need_what_can_be_drawn(cli, measured, png, capfd, monkeypatch):
    Path("imajin.yaml").write_text("run:\n  until_pass: true\n  max_candidates: 3\n")
    done = cli("run", PROMPT, *FAST, *strict(measured.limit(0)), "--json")
    assert [event["event"] for event in events(done)] == ["rejected"] * 3 + ["draw", "finished"]
    code, _, err = inside(capfd, monkeypatch, "run", PROMPT, *FAST, "-n", "4")
    assert code == Exit.USAGE
    assert "raise --max-candidates" in err
    Path("imajin.yaml").unlink()
    png()
    for arguments, said in (
        (("a.png", "--until-pass"), "generate does not run"),
        ((PROMPT, "--max-seconds", "3"), "add --until-pass"),
        ((PROMPT, "--until-pass", "--max-candidates", "0"), "--max-candidates"),
        ((PROMPT, "--until-pass", "--max-candidates", "257"), "--max-candidates"),
        ((PROMPT, "--until-pass", "--max-seconds", "-1"), "--max-seconds"),
        ((PROMPT, "--until-pass", "--max-seconds", "nan"), "--max-seconds"),
    ):
        code, out, err = inside(capfd, monkeypatch, "run", *arguments)
        assert (code, out) == (Exit.USAGE, ""), arguments
        assert said in err


def test_a_refused_prompt_draws_nothing_and_each_request_has_its_own_draw(cli, measured):
    done = cli("run", "naked lady having sex", "--until-pass", "--json")
    assert done.returncode == Exit.INVALID
    assert [event["event"] for event in events(done)] == ["rejected", "draw", "finished"]
    for text in ("a rocket", PROMPT):
        assert cli("validate", text, "--size", "128").returncode == 0
    requests = sorted(str(path) for path in Path(".imajin/work").glob("a*.request.json"))
    done = cli("run", *requests, *FAST, "--until-pass", "--json", "-o", "out")
    assert done.returncode == 0, done.stderr
    assert [event["event"] for event in events(done)] == ["draw", "asset", "draw", "asset", "finished"]


def test_keep_work_and_out_dir_hold_every_candidate_of_the_draw(cli, measured):
    limit = measured.limit(2)
    arguments = ("run", PROMPT, *FAST, *strict(limit), "--until-pass", "-n", "2", "--keep-work", "--out-dir", "work")
    for _ in range(2):
        done = cli(*arguments, "-o", "out")
        assert done.returncode == 0, done.stderr
    known = [sidecar(path) for path in Path("work").glob("*.png.json")]
    assert {one["seed"] for one in known} == set(range(measured.passes(limit)[1] + 1))
    assert len({json.dumps(one["group"]["draw"]) for one in known}) == 1
    done = cli("show", "--why", *map(str, Path("out").glob("*.png")), "--in", "work")
    assert done.returncode == 0, done.stderr


def test_interrupted_it_is_130_and_nothing_is_half_written(work, measured):
    command = [sys.executable, "-m", "imajin_cli", "run", PROMPT, *FAST, *strict(measured.limit(0)), "--until-pass"]
    process = subprocess.Popen(
        [*command, "--max-candidates", "256", "--json", "-o", "out"],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["event"] == "rejected"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == Exit.INTERRUPTED
    assert json.loads(out.splitlines()[-1])["code"] == Exit.INTERRUPTED
    assert not Path("out").exists()
    assert not list(Path(".imajin/work").glob(".imajin-*"))
    kept = list(Path(".imajin/work").glob("*.png.json"))
    assert 1 <= len(kept) < 256
    for path in kept:
        assert sidecar(path)["verdict"]["by"] == "quality"
        assert "draw" not in sidecar(path)["group"]


# What follows needs no process.


def candidate(index: int, *, passed: bool, ratio: str = "1:1", ratios: int = 1, **ranks: float) -> Result:
    known = Sidecar(
        id=f"{index}-{ratio}", seed=10 + index, group=Group(id="g", index=index, size=9, ratio=ratio, ratios=ratios)
    )
    records = [Record(stage=name, version="1", status="passed", key=name, rank=rank) for name, rank in ranks.items()]
    if not passed:
        records.append(Record(stage="moderate", version="1", status="rejected", code=11, key="m"))
    known = known.with_records(records)
    return Result(Entry(Asset(known)), "passed" if passed else "rejected", code=Exit.OK if passed else Exit.UNSAFE)


def run_draw(drawing: Drawing, made: list[Result]) -> list[int]:
    """Let ``made`` through as the pipeline does; gives the indices that were asked for."""
    asked = []

    def source() -> Iterator[Result]:
        for result in made:
            asked.append(result.entry.sidecar.group.index)
            yield result

    for result in drawing.begun(source()):
        drawing.add(result)
    return asked


def test_aesthetic_ranks_where_it_ranked_all_that_passed_and_quality_stands_in():
    both = [
        candidate(0, passed=True, quality=0.9, aesthetic=0.1),
        candidate(1, passed=True, quality=0.1, aesthetic=0.9),
    ]
    drawing = Drawing(Request(prompt="x", count=2), Limits(4, best=1))
    assert run_draw(drawing, both) == [0, 1]
    assert (drawing.draw().ranked_by, drawing.draw().chosen) == ("aesthetic", [1])
    lacking = [both[0], candidate(1, passed=True, quality=0.1)]
    drawing = Drawing(Request(prompt="x", count=2), Limits(4, best=1))
    run_draw(drawing, lacking)
    assert (drawing.draw().ranked_by, drawing.draw().chosen) == ("quality", [0])
    assert ranked_by([]) is None


def test_best_of_a_fixed_number_goes_by_the_same_preference():
    made = [
        candidate(0, passed=True, aesthetic=0.1, quality=0.9),
        candidate(1, passed=True, aesthetic=0.9, quality=0.1),
    ]
    for by_records, index in ((True, 1), (False, 0)):
        ranking = Ranking(1, by_records=by_records)
        ranked = [replace(result, rank=rank) for result, rank in zip(made, (0.9, 0.1), strict=True)]
        assert [result.entry.sidecar.group.index for result in ranking.best(ranked)] == [index]


def test_a_candidate_is_as_good_as_its_worst_ratio_and_passes_with_all_of_them():
    made = [
        candidate(0, passed=True, ratios=2, quality=0.9), candidate(0, passed=True, ratio="2:1", ratios=2, quality=0.2),
        candidate(1, passed=True, ratios=2, quality=0.9), candidate(1, passed=False, ratio="2:1", ratios=2, quality=0.9),
        candidate(2, passed=True, ratios=2, quality=0.3), candidate(2, passed=True, ratio="2:1", ratios=2, quality=0.4),
        candidate(3, passed=True, ratios=2, quality=1.0),
    ]  # fmt: skip
    drawing = Drawing(Request(prompt="x", count=2), Limits(9))
    assert run_draw(drawing, made) == [0, 0, 1, 1, 2, 2]
    draw = drawing.draw()
    assert [(one.end, one.code, one.rank) for one in draw.candidates] == [
        ("passed", 0, 0.2), ("rejected", 11, None), ("passed", 0, 0.3),
    ]  # fmt: skip
    assert (draw.order, draw.chosen, draw.stopped) == ([2, 0], [0, 2], "enough")


def test_time_stops_and_changes_nothing_else():
    made = [candidate(i, passed=i == 2, quality=0.5) for i in range(6)]
    ticks = iter([0.0, 1.0, 2.0, 60.0])
    drawing = Drawing(Request(prompt="x", count=2), Limits(6, 60.0), clock=lambda: next(ticks))
    assert run_draw(drawing, made) == [0, 1, 2]
    slow = drawing.draw()
    assert slow.stopped == "seconds"
    drawing = Drawing(Request(prompt="x", count=2), Limits(3))
    assert run_draw(drawing, made[:3]) == [0, 1, 2]
    quick = drawing.draw()
    assert quick.stopped == "candidates"
    assert (slow.candidates, slow.order, slow.chosen) == (quick.candidates, quick.order, quick.chosen)
    assert "1 of 3 candidates passed, 2 wanted" in summary(slow)


def test_one_that_an_error_ended_has_failed_and_no_more_is_a_reason_of_its_own():
    drawing = Drawing(Request(prompt="x"), Limits(3))

    def source() -> Iterator[Result]:
        yield candidate(0, passed=True)

    assert list(drawing.begun(source()))
    draw = drawing.draw()
    assert ([one.end for one in draw.candidates], draw.stopped, draw.order) == (["failed"], "failed", [])


def test_more_to_pass_than_may_be_drawn_is_a_usage_error():
    for count, best in ((5, None), (1, 5)):
        with pytest.raises(UsageError, match="5 candidates are to pass and 4"):
            Drawing(Request(prompt="x", count=count), Limits(4, best=best))


def test_a_verdict_of_an_earlier_run_that_stands_in_the_sidecar_counts():
    old = candidate(0, passed=False, quality=0.5)
    drawing = Drawing(Request(prompt="x"), Limits(2))
    assert run_draw(drawing, [replace(old, status="passed"), candidate(1, passed=True, quality=0.5)]) == [0, 1]
    assert drawing.draw().chosen == [1]


@given(st.lists(st.tuples(st.booleans(), st.none() | st.floats(0, 1)), max_size=12))
def test_the_order_is_by_rank_then_seed_and_holds_what_passed(found):
    candidates = [
        Drawn(index=i, seed=i, ids=[str(i)], end="passed" if passed else "rejected", rank=rank)
        for i, (passed, rank) in enumerate(found)
    ]
    order = ordered(candidates)
    assert sorted(order) == [i for i, (passed, _) in enumerate(found) if passed]
    keys = [(-1.0 if found[i][1] is None else found[i][1], -i) for i in order]
    assert keys == sorted(keys, reverse=True)


def test_why_reads_bounded_files_and_passes_over_what_is_no_sidecar(work):
    drawing = Drawing(Request(prompt="x"), Limits(2))
    result = candidate(0, passed=True, quality=0.5)
    run_draw(drawing, [result])
    draw = drawing.draw()
    known = result.entry.sidecar
    known = known.model_copy(update={"group": told(known.group, draw)})
    Path("broken.json").write_text("{")
    Path("a.png.json").write_text(known.model_dump_json())
    assert why(known, "a.png", [Path(), Path(), Path("nosuch")]).agrees
    bare = known.model_copy(update={"group": None})
    with pytest.raises(InputError, match="was not drawn"):
        why(bare, "a.png", [Path()])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"chosen": []}, "recorded choice none"),
        ({"order": [0, 1]}, "recorded order"),
        ({"stopped": "candidates"}, "recorded as ended by"),
        ({"ranked_by": "aesthetic"}, "ranked by aesthetic"),
        ({"most": 1, "wanted": 1}, None),
    ],
)
def test_why_finds_what_a_draw_cannot_say(work, change, said):
    drawing = Drawing(Request(prompt="x"), Limits(2))
    result = candidate(0, passed=True, quality=0.5)
    run_draw(drawing, [result])
    draw = drawing.draw().model_copy(update=change)
    known = result.entry.sidecar
    known = known.model_copy(update={"group": told(known.group, draw)})
    Path("a.png.json").write_text(known.model_dump_json())
    found = why(known, "a.png", [Path()])
    assert found.agrees is (said is None)
    assert said is None or any(said in line for line in found.differences)
