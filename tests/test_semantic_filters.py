"""Named filters and measurements: the taxonomy's form, a user's own file, and values within bounds for any picture."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.stages.imaging.metrics.planes import Planes
from imajin_cli.stages.semantics import look, measure, taxonomy, words

GROUPS = {"style", "subject", "colour", "background", "mood", "composition", "text"}


def test_there_are_enough_filters_in_every_group_and_each_says_it_several_ways():
    built = taxonomy.built_in()
    assert len(built) >= 40
    assert {found.group for found in built.values()} == GROUPS
    assert all(len(found.says) >= 3 for found in built.values())
    assert all((found.measure is None) == bool(found.rows) for found in built.values())


def test_every_measurement_named_exists():
    known = measure.measurements(Planes(Image.new("RGB", (9, 9), "red")))
    assert {found.measure for found in taxonomy.built_in().values()} - {None} <= set(known)


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("flat-style", "flat-style"),
        ("Flat Style", "flat-style"),
        ("dark background", "dark-background"),
        ("photo", "photorealistic"),
    ],
)
def test_names_and_wordings_resolve(wanted, name):
    assert taxonomy.resolve(wanted, taxonomy.built_in()).name == name


def test_other_text_is_a_filter_of_its_own():
    found = taxonomy.resolve(" a lighthouse at night ", taxonomy.built_in())
    assert (found.name, found.group, found.rows) == ("a lighthouse at night", "free text", ())


def test_a_file_of_ones_own_adds_and_replaces(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text(
        "filters:\n  Lighthouse: {group: subject, says: [lighthouse, beacon]}\n"
        "  red: {measure: red, at-least: 0.9, says: [red]}\n"
    )
    found = taxonomy.with_own(str(file))
    assert found["lighthouse"].says == ("lighthouse", "beacon")
    assert found["red"].at_least == 0.9
    assert len(found) == len(taxonomy.built_in()) + 1


@pytest.mark.parametrize(
    "text", ["", "[]", "filters: 3", "filters: {a: {}}", "filters: {a: {says: []}}", "a: [", "filters: {a: 1}", "\0"]
)
def test_a_bad_file_is_no_verdict(text, tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text(text)
    with pytest.raises(NoVerdictError, match=r"own\.yaml"):
        taxonomy.with_own(str(file))
    with pytest.raises(NoVerdictError, match="absent"):
        taxonomy.with_own(str(tmp_path / "absent"))


def test_probabilities_rise_with_the_score_and_pass_a_half_in_the_middle():
    found = taxonomy.Filter("x", "own", ("x",), middle=2.0, steepness=1.5)
    assert found.probability(2.0) == pytest.approx(0.5)
    assert found.probability(1e9) <= 1
    assert found.probability(1.0) < found.probability(3.0)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_picture_measures_within_bounds_and_looks_like_an_input(data):
    mode = data.draw(st.sampled_from(["L", "LA", "RGB", "RGBA"]))
    size = (data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40)))
    bands = len(Image.new(mode, (1, 1)).getbands())
    raw = data.draw(st.binary(min_size=bands, max_size=64))
    pixels = np.resize(np.frombuffer(raw, np.uint8), (size[1], size[0], bands))
    planes = Planes(look.reduced(Image.fromarray(pixels if bands > 1 else pixels[..., 0], mode)))
    found = measure.measurements(planes)
    assert all(math.isfinite(v) and 0 <= v <= 1 for v in found.values()), found
    seen = look.look(planes)
    assert seen is None or (seen.shape == (1, 3, 48, 48) and np.isfinite(seen).all() and np.abs(seen).max() <= 1)
    assert (seen is None) == (not (planes.content > 0).any())


@pytest.mark.parametrize(
    ("colour", "name"),
    [("#e02020", "red"), ("#f08a24", "orange"), ("#f2d024", "yellow"), ("#2aa84a", "green"), ("#14b8b0", "teal"),
     ("#2a55e0", "blue"), ("#8a35d6", "purple"), ("#f04fa8", "pink"), ("#6b4423", "brown"), ("#050505", "black"),
     ("#ffffff", "white"), ("#808080", "grey")],
)  # fmt: skip
def test_colours_have_their_usual_names(colour, name):
    image = Image.new("RGBA", (50, 50))
    image.paste(colour, (10, 10, 40, 40))
    found = measure.measurements(Planes(image))
    assert found[name] == 1.0
    others = {"red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "black", "white", "grey"} - {name}
    assert name == "brown" or all(found[other] == 0 for other in others)


def test_lines_and_solid_shapes_are_told_apart():
    from PIL import ImageDraw

    lines, solid = Image.new("RGBA", (240, 240)), Image.new("RGBA", (240, 240))
    ImageDraw.Draw(lines).rectangle((20, 20, 220, 220), outline="black", width=8)
    ImageDraw.Draw(solid).rectangle((20, 20, 220, 220), fill="black")
    assert measure.measurements(Planes(lines))["line_art"] > 0.9
    assert measure.measurements(Planes(solid))["line_art"] < 0.05


def test_bright_drawings_on_nothing_are_looked_at_on_a_dark_ground():
    image = Image.new("RGBA", (50, 50))
    image.paste("#ffffff", (10, 10, 40, 40))
    assert look.ground_of(Planes(image)) == look.DARK
    image.paste("#303030", (10, 10, 40, 40))
    assert look.ground_of(Planes(image)) == look.WHITE


def test_words_are_found_once_and_in_order():
    assert words.words_of("Two Keys, glass & 3 KEYS") == ["two", "key", "glass", "3", "key"]
    table = {"key": 4, "glass": 9}
    assert words.ids_of("Two Keys, glass & 3 KEYS", table) == [4, 9]
    assert words.ids_of("", table) == []
