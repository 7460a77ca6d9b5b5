"""Which drawings a prompt calls for and a picture shows: small tables made by hand, and the ones that are embedded."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imajin_cli.contract.errors import BackendError, MissingError
from imajin_cli.stages.backends import compose, miniclip
from imajin_cli.stages.backends.parts import Parts
from imajin_cli.stages.scene.choose import Manner
from imajin_cli.stages.scene.knowledge.bank import bank
from imajin_cli.stages.semantics.judge import known
from imajin_cli.stages.semantics.seen import Seen, drawings, planes_of
from imajin_cli.stages.semantics.wanted import called_for, shares


def hit(name: str, score: float, pack: str = "subjects", others: tuple[str, ...] = ()) -> SimpleNamespace:
    return SimpleNamespace(name=name, score=score, pack=pack, others=others)


def meant(situations: tuple[object, ...] = (), concepts: tuple[object, ...] = ()) -> SimpleNamespace:
    return SimpleNamespace(situations=situations, concepts=concepts)


def test_a_situation_calls_for_its_subjects_most_and_for_its_companions_a_little():
    found = shares(meant(situations=(hit("page-not-found", 0.99, "situation"),)), bank(), {})
    situation = bank().by_id["page-not-found"]
    titles = dict(zip(bank().titles, (c.title for c in bank().concepts), strict=True))
    first = found[titles[situation.subjects[0]]]
    only = [name for name in situation.companions if name not in situation.subjects]
    assert first > 3 * found[titles[only[0]]] > 0
    assert sum(found.values()) == pytest.approx(1, abs=0.01)


def test_the_surer_reading_speaks_and_what_stands_for_a_thing_is_called_for_too():
    said = meant(concepts=(hit("fox", 0.9), hit("nut", 0.3, "phosphor")))
    found = shares(said, bank(), {"phosphor:nut": ["Squirrel"]})
    assert found["Fox"] > 20 * found["Nut"]
    assert found["Squirrel"] == found["Nut"] > 0


def test_a_prompt_of_which_nothing_is_known_calls_for_everything_alike():
    found = called_for(shares(meant(), bank(), {}), {"Fox": 0, "Owl": 1})
    assert found.tolist() == pytest.approx([1, 1], abs=1e-3)
    unseen = called_for({"A drawing of a pack of one's own": 0.9}, {"Fox": 0, "Owl": 1})
    assert unseen.tolist() == pytest.approx([1, 1])


@given(st.dictionaries(st.sampled_from(["a", "b", "c", "elsewhere"]), st.floats(0, 0.25), max_size=4))
def test_what_is_called_for_weighs_one_on_the_average(said):
    found = called_for(said, {"a": 0, "b": 1, "c": 2})
    assert found.min() >= 0
    assert found.mean() == pytest.approx(1, abs=1e-5)


def tables(folder: Path, **changed: object) -> Parts:
    parts = Parts(folder)
    parts.__dict__["_read"] = ({"Fox": 0, "Owl": 1}, {})
    eye = np.eye(2, 4, dtype=np.float32) * 9
    none = np.zeros(2, np.float32)
    parts.__dict__["tables"] = {"looks": eye, "looks_bias": none, "names": eye, "names_bias": none} | changed
    return parts


def test_the_nearer_views_tell_which_drawing_is_shown_and_the_whole_where_it_is_alone(tmp_path):
    parts = tables(tmp_path)
    first, second = np.eye(2, 4, dtype=np.float32)
    views = np.stack([[second, first, first]])
    for shown in parts.shown(views):
        assert shown.argmax(1).tolist() == [0]
    for shown in parts.shown(views[:, :1]):
        assert shown.argmax(1).tolist() == [1]
        assert shown.sum(1) == pytest.approx(1)
    with pytest.raises(BackendError, match="which drawing is shown"):
        tables(tmp_path, names_bias=np.full(2, np.nan)).shown(views)


def test_tables_that_are_missing_or_of_other_titles_are_refused(tmp_path):
    with pytest.raises(MissingError, match=miniclip.PARTS) as caught:
        _ = Parts(tmp_path).tables
    assert caught.value.hint == "pip install --force-reinstall imajin"
    (tmp_path / miniclip.PARTS).write_bytes((miniclip.FOLDER / miniclip.PARTS).read_bytes())
    for text in ("[]", "{", json.dumps({"titles": 7, "also": {}}), json.dumps({"titles": ["Fox"], "also": {}})):
        (tmp_path / miniclip.TITLES).write_text(text)
        with pytest.raises(BackendError, match="drawings cannot be read"):
            _ = Parts(tmp_path).tables


def test_every_drawing_that_the_knowledge_can_name_is_known_by_its_looks():
    places = Parts().places
    missing = sorted({concept.title for concept in bank().concepts} - places.keys())
    # A drawing that is newer than the table is unsaid, which asks for nothing; too many of them would make the gate blind.
    assert len(missing) < 0.1 * len(places), missing


@pytest.mark.parametrize(("subject", "asked", "other"), [
    ("fox", "a fox asleep by the fire", "your payment was declined"),
    ("credit-card", "die Zahlung wurde abgelehnt", "una zorra en el bosque"),
    ("phosphor:anchor", "an anchor", "a slice of pizza"),
])  # fmt: skip
def test_a_picture_agrees_with_what_a_prompt_calls_for_by_its_pixels(subject, asked, other):
    made, _ = compose.scene(compose.Order("x", 3, 256, 256, Manner(subject=subject, layout="spot")))
    seen = Seen(planes_of(compose.picture(made.vector, 256, 256).image))
    right, wrong = (sum(known(drawings(text), *seen.drawn)) for text in (asked, other))
    assert right > wrong + 2
