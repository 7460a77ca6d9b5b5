"""The table of the gates: made from results alone, the same each time, and absent results said to be absent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.end_to_end import prompts, shuffled
from benchmarks.gates import SOURCES, Row, page, rows


def test_rates_are_found_in_each_form_that_results_have():
    found = {
        "revision": "abc",
        "all": {"auc": [0.9, 0.8, 0.95], "right": 10, "wrong": 40, "false_rejections": 0.01},
        "icons": {"pictures": 100, "rejected": 1, "share": [0.01, 0.0, 0.05]},
        "pairs": {"in order": 0.97, "pairs": 300, "interval": [0.95, 0.98]},
        "by set": {"a": {"auc": [0.5, 0.4, 0.6]}},
        "limits": {"0.5": [0, 217, 0.0, 0.0, 0.0169], "0.6": [300, 217, 0.5, 0.4, 0.6]},
        "empty": {},
        "no rate": {"numbers": [1, 2, 3], "flags": [True, False, True], "upside down": [0.1, 0.4, 0.3]},
    }
    assert list(rows(found, frozenset({"by set"}))) == [
        Row("all: auc", 0.9, (0.8, 0.95), 50),
        Row("icons: share", 0.01, (0.0, 0.05), 100),
        Row("pairs: in order", 0.97, (0.95, 0.98), 300),
        Row("limits: 0.5", 0.0, (0.0, 0.0169), 217),
    ]


def test_results_that_are_not_there_are_absent_and_targets_met_or_missed(work):
    assert page(work).count("**Absent**") == len(SOURCES)
    results = {"icons of unseen sets": {"all": {"auc": [0.9, 0.89, 0.91]}}, "revision": "r1"}
    Path("gates_semantic.json").write_text(json.dumps(results))
    text = page(work)
    assert text == page(work)
    assert text.count("**Absent**") == len(SOURCES) - 1
    assert "Revision `r1`" in text
    assert "| icons of unseen sets, all: auc | 0.9000 | 0.8900 to 0.9100 |  | >= 0.97: **missed** |" in text
    assert "| composed scenes, all: auc | absent |  |  | >= 0.98: **not measured** |" in text
    results["composed scenes"] = {"all": {"auc": [0.99, 0.98, 0.995]}}
    Path("gates_semantic.json").write_text(json.dumps(results))
    assert ">= 0.98: met" in page(work)


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_what_is_kept_here_has_rows(name):
    path = Path(__file__).parents[1] / "benchmarks" / SOURCES[name].file
    found = json.loads(path.read_text()) if path.is_file() else None
    assert found is None or list(rows(found, SOURCES[name].left_out))


def test_shuffled_prompts_all_move_and_are_the_same_each_time():
    order = shuffled(100)
    assert sorted(order) == list(range(100))
    assert all(i != j for i, j in enumerate(order))
    assert order == shuffled(100)
    assert len(prompts()) == 100
