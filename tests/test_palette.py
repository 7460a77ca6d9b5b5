"""Palettes hold their contrast for any brand colour."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imajin_cli.stages.scene.oklch import contrast, luminance, oklch_hex, parse_hex, rgb_to_oklch
from imajin_cli.stages.scene.palette import BRANDS, TONE_BRANDS, brand_for, figures, palette
from imajin_cli.stages.scene.part import ROLES

HEX = st.integers(0, 0xFFFFFF).map(lambda n: f"#{n:06x}")
THEMES = st.sampled_from(["light", "dark", "contrast"])
HARMONIES = st.sampled_from(["auto", "complement", "split", "analogous", "triad", "mono"])


@given(HEX, THEMES, HARMONIES)
@settings(max_examples=400, deadline=None)
def test_every_role_is_a_colour_and_contrast_holds(colour: str, theme: str, harmony: str) -> None:
    colours = palette(colour, theme, harmony)  # type: ignore[arg-type]
    assert set(colours) == {*ROLES, "background", "tint", "soft"}
    for value in colours.values():
        assert parse_hex(value)
    assert contrast(colours["deep"], colours["light"]) >= {"light": 4.5, "dark": 3, "contrast": 7}[theme]
    assert contrast(colours["ink"], colours["background"]) >= 7
    assert contrast(colours["main"], colours["background"]) >= 1.8
    assert contrast(colours["deep"], colours["pale"]) >= 4.5
    assert contrast(colours["line"], colours["background"]) >= (4.5 if theme == "contrast" else 2.2)


@given(HEX)
def test_oklch_round_trip(colour: str) -> None:
    assert oklch_hex(*rgb_to_oklch(parse_hex(colour))) == colour


def test_chroma_is_lowered_until_in_gamut_and_hue_is_kept() -> None:
    lightness, chroma, hue = rgb_to_oklch(parse_hex(oklch_hex(0.8, 0.4, 264)))
    assert (round(lightness, 1), abs(hue - 264) < 2) == (0.8, True)
    assert chroma < 0.2


@pytest.mark.parametrize("bad", ["", "#12", "red", "#12345g", "#1234567"])
def test_bad_hex_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="not a hex colour"):
        palette(bad)


def test_brands_suit_tones_and_an_error_is_not_always_red() -> None:
    assert all(brand_for(tone) for tone in TONE_BRANDS)
    assert brand_for("unheard of") == brand_for("neutral")
    assert brand_for("negative")[0] != BRANDS["coral"]


@given(HEX, HARMONIES)
@settings(max_examples=200, deadline=None)
def test_figures_stay_light_on_a_dark_surface_and_their_strokes_show(colour: str, harmony: str) -> None:
    surface, own = palette(colour, "dark", harmony), figures(colour, "dark", harmony)  # type: ignore[arg-type]
    assert set(own) == {*surface, "edge"}
    assert luminance(own["paper"]) > 0.8
    assert luminance(own["deep"]) < luminance(own["main"])
    assert contrast(own["deep"], surface["background"]) >= 2
    assert contrast(own["deep"], own["light"]) >= 3
    assert contrast(own["deep"], own["paper"]) >= 4.5
    assert contrast(own["main"], surface["background"]) >= 3
    assert own["edge"] == surface["background"]


@given(HEX)
@settings(max_examples=50, deadline=None)
def test_figures_on_light_surfaces_have_the_palette_of_the_scene(colour: str) -> None:
    assert dict(figures(colour)) == {**palette(colour), "edge": palette(colour)["paper"]}


@pytest.mark.parametrize(
    "colour", ["#f5ad2c", "#ffff00", "#ffd700", "#ffa500", "#f28339", "#ff7f50", "#808000", "#ffc107", "#e0b020"]
)
def test_amber_on_a_dark_surface_is_not_brown(colour: str) -> None:
    """Brown is a dark orange or yellow: light enough with enough chroma, or no warm hue at all."""
    surface = palette(colour, "dark")
    main, light = (rgb_to_oklch(parse_hex(surface[role])) for role in ("main", "light"))
    assert main[0] >= 0.72
    assert main[1] >= 0.13
    assert light[0] >= 0.6
    assert light[1] >= 0.12
    brand = rgb_to_oklch(parse_hex(colour))[2]
    assert abs(main[2] - brand) < 30
    for role in ("background", "tint", "pale", "soft", "mist", "paper"):
        _, chroma, hue = rgb_to_oklch(parse_hex(surface[role]))
        assert chroma < 0.01 or not 20 <= hue <= 125, role
    own = rgb_to_oklch(parse_hex(figures(colour, "dark")["deep"]))
    assert own[1] >= 0.1


@pytest.mark.parametrize("colour", ["#ffc0cb", "#e0568f", "#dc143c", "#ef6461"])
def test_dark_surfaces_of_red_and_pink_are_plum(colour: str) -> None:
    for role in ("tint", "pale", "soft"):
        assert 280 <= rgb_to_oklch(parse_hex(palette(colour, "dark")[role]))[2] <= 345
