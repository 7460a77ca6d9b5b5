"""Which things a text calls for, and which a picture shows: small memories made by hand, and the one that is embedded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imajin_cli.contract.errors import BackendError, MissingError
from imajin_cli.stages.backends import compose, embedding, miniclip
from imajin_cli.stages.backends.things import Things, agreement
from imajin_cli.stages.scene.choose import Manner
from imajin_cli.stages.semantics.judge import agreeing
from imajin_cli.stages.semantics.seen import Seen, meaning, planes_of

WIDE = 384


def axis(at: int, width: int = WIDE) -> np.ndarray:
    return np.eye(1, width, at, dtype=np.float32)


def memory(**changed: np.ndarray) -> Things:
    """Two texts along the first two axes: the first calls for things 0 and 1 evenly, the second for thing 2."""
    things = Things(Path("absent"))
    none = np.zeros((1, WIDE), np.float32)
    things._kept = {
        "keys": np.concatenate([axis(0), axis(1)]), "bias": np.zeros(2, np.float32), "heat": np.float32(np.log(20)),
        "nothing": np.float32(0.4), "turn": np.eye(WIDE, dtype=np.float32), "up_weight": none, "up_bias": np.zeros(1),
        "down_weight": none.T, "down_bias": np.zeros(WIDE), "row": np.array([0.0, 0.0, 1.0]),
        "thing": np.array([0.0, 1.0, 2.0]), "weight": np.array([0.5, 0.5, 1.0]), "prior": np.full(3, 1 / 3),
        "looks": np.concatenate([axis(k, 256) for k in range(3)]) * 12, "looks_bias": np.zeros(3),
    } | changed  # fmt: skip
    return things


def test_a_text_calls_for_what_stands_for_the_texts_it_is_near_to():
    found = memory().called_for(np.concatenate([axis(0), axis(1), axis(7)]), np.zeros(WIDE, np.float32))
    assert found[0] == pytest.approx([1.5, 1.5, 0], abs=0.01)
    assert found[1] == pytest.approx([0, 0, 3], abs=0.01)
    assert found[2] == pytest.approx([1, 1, 1], abs=0.01)


def test_a_picture_agrees_with_the_text_that_calls_for_what_it_shows():
    things = memory()
    shown = things.shown(np.stack([axis(1, 256), axis(2, 256)]))
    assert shown.argmax(1).tolist() == [1, 2]
    called_for = things.called_for(np.concatenate([axis(0), axis(7)]), np.zeros(WIDE, np.float32))
    found = agreement(called_for, shown)
    assert found[0, 0] > 0.3
    assert found[0, 1] < -1.5
    assert found[1] == pytest.approx([0, 0], abs=0.02)


def test_the_nearer_views_speak_together_and_the_whole_where_it_is_alone():
    things = memory()
    views = np.stack([np.concatenate([axis(2, 256), axis(0, 256), axis(0, 256)])])
    assert things.shown(views).argmax(1).tolist() == [0]
    assert things.shown(views[:, :1]).argmax(1).tolist() == [2]


@given(st.lists(st.floats(-1, 1, width=32), min_size=4, max_size=4), st.floats(0, 4, width=32))
def test_what_a_text_calls_for_weighs_one_on_the_average(near, far):
    text = np.zeros((1, WIDE), np.float32)
    text[0, :4], text[0, 9] = near, far + 0.1
    found = memory().called_for(text, np.zeros(WIDE, np.float32))
    assert found.min() >= 0
    assert found.mean() == pytest.approx(1, abs=1e-3)


def test_numbers_that_are_none_are_refused():
    with pytest.raises(BackendError, match="what is shown"):
        memory(looks_bias=np.full(3, np.nan)).shown(axis(0, 256)[None])
    with pytest.raises(BackendError, match="what is called for"):
        memory(bias=np.full(2, np.nan, np.float32)).called_for(axis(0), np.zeros(WIDE, np.float32))


def test_a_memory_that_is_not_there_is_said_with_what_gets_it(tmp_path):
    with pytest.raises(MissingError, match=miniclip.THINGS) as caught:
        Things(tmp_path).called_for(axis(0), np.zeros(WIDE, np.float32))
    assert caught.value.hint == "pip install --force-reinstall imajin"


@pytest.mark.parametrize(("subject", "asked", "other"), [
    ("credit-card", "paying with a bank card", "a warm winter coat for the snowman"),
    ("rocket", "der Start ins Weltall", "an empty mailbox"),
    ("cake", "joyeux anniversaire", "the server is on fire"),
])  # fmt: skip
def test_the_embedded_memory_tells_a_wording_that_fits_from_one_that_does_not(subject, asked, other):
    if embedding.shared() is None:
        pytest.fail("the text embedder belongs to the base install")
    made, _ = compose.scene(compose.Order(subject, 5, 256, 256, Manner(subject=subject, layout="spot")))
    seen = Seen(planes_of(compose.picture(made.vector, 256, 256).image))
    right, wrong = (agreeing(meaning(text)[1], *seen.shown)[0] for text in (asked, other))
    assert right > wrong + 1
