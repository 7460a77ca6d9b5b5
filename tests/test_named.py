"""Which names a text is near to, and which a picture looks like: small tables made by hand, and the one that is embedded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from imajin_cli.contract.errors import BackendError, MissingError
from imajin_cli.stages.backends import miniclip
from imajin_cli.stages.backends.named import Named
from imajin_cli.stages.semantics.judge import known
from imajin_cli.stages.semantics.seen import Seen, meaning, names, planes_of

WIDE = 256


def axis(at: int) -> np.ndarray:
    return np.eye(1, WIDE, at, dtype=np.float32)


def table(**changed: np.ndarray) -> Named:
    """Three names, each with its text and its look along an axis of its own."""
    found = Named(Path("absent"))
    three = np.concatenate([axis(k) for k in range(3)])
    found.__dict__["tables"] = {"keys": three, "looks": three * 12, "looks_bias": np.zeros(3, np.float32)} | changed
    return found


def test_a_text_calls_for_the_names_it_is_near_to_and_one_near_to_none_for_nothing():
    asked = np.concatenate([axis(0), (axis(0) + axis(1)) / np.sqrt(2), axis(9)])
    found = table().called_for(asked)
    assert found[0] == pytest.approx([3, 0, 0], abs=0.01)
    assert found[1] == pytest.approx([1.5, 1.5, 0], abs=0.02)
    assert found[2] == pytest.approx([1, 1, 1], abs=0.05)


def test_the_whole_weighs_as_much_as_all_nearer_views():
    views = np.stack([np.concatenate([axis(2), axis(0), axis(1)])])
    assert table().shown(views).argmax(1).tolist() == [2]
    assert table().shown(views[:, 1:2]).argmax(1).tolist() == [0]


@given(st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3), st.floats(0, 4, width=32))
def test_what_a_text_calls_for_weighs_one_on_the_average(near, far):
    text = np.zeros((1, WIDE), np.float32)
    text[0, :3], text[0, 9] = near, far + 0.1
    found = table().called_for(text / np.linalg.norm(text))
    assert found.min() >= 0
    assert found.mean() == pytest.approx(1, abs=1e-3)


def test_numbers_that_are_none_are_refused():
    with pytest.raises(BackendError, match="what is shown"):
        table(looks_bias=np.full(3, np.nan)).shown(axis(0)[None])
    with pytest.raises(BackendError, match="what is called for"):
        table(keys=np.full((3, WIDE), np.nan, np.float32)).called_for(axis(0))


def test_a_table_that_is_not_there_is_said_with_what_gets_it(tmp_path):
    with pytest.raises(MissingError, match=miniclip.NAMED) as caught:
        Named(tmp_path).called_for(axis(0))
    assert caught.value.hint == "pip install --force-reinstall imajin"


def bell() -> Image.Image:
    image = Image.new("RGB", (96, 96), "white")
    draw = ImageDraw.Draw(image)
    draw.pieslice((22, 14, 74, 66), 180, 360, "black")
    draw.polygon([(22, 40), (74, 40), (74, 62), (84, 74), (12, 74), (22, 62)], "black")
    draw.ellipse((40, 76, 56, 90), "black")
    return image


def test_the_embedded_table_tells_what_a_glyph_is_called():
    seen = Seen(planes_of(bell()))
    right, *others = (
        known(names(meaning(text)[0]), seen.named)[0] for text in ("notification bell", "shopping cart", "umbrella", "a folder")
    )
    assert right > 1
    assert right > max(others) + 1
