"""The page of results is made of what was measured, and the fleet's simulator says what can be worked out by hand."""

from __future__ import annotations

import json
import math

import pytest

from benchmarks import fleet, results
from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.fleet import Costs, Fleet, simulate
from conftest import ROOT

JOB = Costs(({"validate": 1.0, "generate": 3.0, "moderate": 6.0},), locked=0.0)


def test_the_page_is_what_the_measurements_make():
    assert results.PAGE.read_text(encoding="utf-8") == results.page(BENCHMARKS)
    assert set(results.read()) <= set(BENCHMARKS)


def test_a_limit_that_is_missed_is_said(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(results, "RESULTS", tmp_path / "r.json")
    results.keep("a", {"x over y": 2.0, "z": None, "w": 1.0}, "here")
    results.keep("b", {"n": 3.0}, "there")
    results.keep("a", {"x over y": 3.0, "z": None, "w": 1.0}, "here")
    told = results.page({"a": ("Text.", {"x over y": ("<=", 2.5), "w": (">=", 1.0)}), "b": ("More.", {})})
    assert "| x over y | 3 | <= 2.5: **missed** |" in told
    assert "| w | 1 | >= 1: met |" in told
    assert "| z | none |  |" in told
    assert "Seen on: there." in told


def test_nested_results_are_rows():
    found = {"cold": 1, "no text": {"ours": {"MiB": 2.5}}, "load": {"100": 3.0}, "lost": math.nan, "text": "x"}
    assert dict(results.flat(found)) == {
        "cold": 1.0, "no text, ours, MiB": 2.5, "load, MiB after 100 pictures": 3.0, "lost": None
    }  # fmt: skip


def test_a_benchmark_that_there_is_not_is_named(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["benchmarks", "warp"])
    with pytest.raises(SystemExit):
        main()
    assert "there is no benchmark warp" in capsys.readouterr().err


def test_every_benchmark_can_be_asked():
    for name in BENCHMARKS:
        text = (ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
        assert "def measure(" in text or "as measure" in text, name


def test_one_core_does_one_job_after_another_and_two_share_them():
    assert simulate(10, Fleet(1, cores=1, load_seconds=5), JOB).seconds == 105
    assert simulate(10, Fleet(1, cores=2, load_seconds=5), JOB).seconds == 55
    assert simulate(10, Fleet(2, cores=1, load_seconds=5), JOB).seconds == 55


def test_a_gpu_draws_instead_of_the_core_and_only_one_picture_at_a_time():
    jobs = Costs(JOB.rows, gpu=10.0, locked=0.0)
    found = simulate(20, Fleet(1, cores=8, gpus=1, load_seconds=0), jobs)
    assert found.seconds == 7 + 20 * 10
    assert found.gpu_share == pytest.approx(200 / 207)


def test_one_folder_is_published_into_by_one_at_a_time():
    jobs = Costs(JOB.rows, locked=5.0)
    assert simulate(20, Fleet(20, cores=1, load_seconds=0), jobs).seconds == 10 + 20 * 5
    assert simulate(20, Fleet(20, cores=1, folders=20, load_seconds=0), jobs).seconds == 15


def test_what_a_lost_node_had_in_hand_is_done_by_the_others():
    found = simulate(4, Fleet(2, cores=1, load_seconds=0, gone={1: 15.0}), JOB)
    # Node 1 does one job and is lost in its second; node 0 does the other three.
    assert (found.seconds, found.redone) == (30, 1)
    always = simulate(200, Fleet(4, cores=2, load_seconds=1, lose_every=0.05), JOB)
    assert always.redone > 0
    assert always.seconds > simulate(200, Fleet(4, cores=2, load_seconds=1), JOB).seconds


def test_the_page_on_sizing_is_what_was_measured():
    result = json.loads(fleet.RESULT.read_text(encoding="utf-8"))
    text = fleet.PAGE.read_text(encoding="utf-8")
    assert f"{fleet.BEGIN}\n\n{fleet.page(result)}\n\n{fleet.END}" in text
    assert {one["what"] for one in result["checks"]} >= {"two Ray nodes", "two Ray nodes, one killed"}
