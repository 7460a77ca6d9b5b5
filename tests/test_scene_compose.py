"""Scenes: laid out at any ratio, the same for the same seed, nothing outside, nothing colliding, nothing but plain SVG."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest

from imajin_cli.stages.backends.resvg import render
from imajin_cli.stages.scene.board import Item, overlap, union
from imajin_cli.stages.scene.choose import Manner, choose
from imajin_cli.stages.scene.compose import Scene, compose, frames, lay_out
from imajin_cli.stages.scene.deal import deal
from imajin_cli.stages.scene.layouts.table import LAYOUTS
from imajin_cli.stages.scene.library import Library
from imajin_cli.stages.scene.wish import of_situation, situations

SIZES = ((512, 512), (960, 540), (1200, 400), (600, 314), (400, 600), (480, 600))
COMPOSITIONS = [(layout, name) for layout, table in LAYOUTS.items() for name in table]
LIBRARY = Library()


def scene(
    situation: str, manner: Manner, seed: int = 0, size: tuple[int, int] = (512, 512), has_text: bool = False
) -> Scene:
    """A scene of a situation."""
    wish = of_situation(situations()[situation], {})
    return compose(choose(LIBRARY, wish, manner, seed), *size, has_text=has_text)


@pytest.mark.parametrize(("layout", "composition"), COMPOSITIONS)
@pytest.mark.parametrize("size", SIZES)
def test_every_skeleton_at_every_ratio_is_plain_svg_and_keeps_its_subject_inside(
    layout: str, composition: str, size: tuple[int, int]
) -> None:
    made = scene("page-not-found", Manner(layout=layout, composition=composition), size=size)
    svg = made.vector.svg
    assert not re.search(r"@[a-z]|<(style|script|image|text|use|defs)|\bid=|href|nan|inf\b", svg)
    root = ElementTree.fromstring(svg)
    assert root.get("viewBox") == f"0 0 {size[0]} {size[1]}"
    assert {group.get("data-layer") for group in root} <= {
        "background", "backdrop", "ground", "companions", "subject", "badge", "marks",
    }  # fmt: skip
    x, y, w, h = made.vector.scene["boxes"]["subject"]
    if layout != "pattern" and composition != "close-up":
        assert x >= 0
        assert y >= -0.02 * size[1]
        assert x + w <= size[0] + 1
        assert y + h <= size[1] + 1


@pytest.mark.parametrize("composition", list(LAYOUTS["spot"]))
def test_spots_keep_even_margins_and_companions_do_not_collide(composition: str) -> None:
    for name in list(situations())[::7]:
        for seed in range(2):
            cast = choose(
                LIBRARY, of_situation(situations()[name], {}), Manner(layout="spot", composition=composition), seed
            )
            board, _ = lay_out(cast, 512, 512)
            x0, y0, x1, y1 = board.bounds()
            assert min(x0, y0, 512 - x1, 512 - y1) >= 0.07 * 512
            # Grounds and marks may reach further out, never to the edge.
            ax0, ay0, ax1, ay1 = union(item.box for item in board.items)
            assert min(ax0, ay0, 512 - ax1, 512 - ay1) >= 0.025 * 512
            # A scene fills its frame in one direction at least.
            assert max(x1 - x0, y1 - y0) >= 0.7 * 512
            companions: list[Item] = [item for item in board.items if item.role == "companion"]
            for at, one in enumerate(companions):
                assert all(overlap(one.box, other.box) < 0.02 for other in companions[at + 1 :])


def test_the_same_seed_gives_the_same_bytes_and_others_give_other_pictures() -> None:
    manner = Manner(layout="spot")
    once = [scene("payment-failed", manner, seed) for seed in range(8)]
    again = [scene("payment-failed", manner, seed).vector.svg for seed in range(8)]
    assert [made.vector.svg for made in once] == again
    facts = [made.vector.scene for made in once]
    assert len({fact["variant"] for fact in facts}) >= 5
    assert len({fact["palette"]["main"] for fact in facts}) >= 5
    subjects = [next(part["name"] for part in fact["parts"] if part["role"] == "subject") for fact in facts]
    assert len(set(subjects)) >= 4
    assert all(one != other for one, other in pairwise(subjects))


def test_deal_gives_each_option_once_in_a_block() -> None:
    options = list(range(7))
    for block in range(5):
        assert sorted(deal(options, 7 * block + at, "x") for at in range(7)) == options
    assert [deal(options, at, "x", ranked=True) for at in range(7)] == options


def test_all_ratios_of_a_seed_share_parts_and_colours() -> None:
    facts = [scene("offline", Manner(layout="spot"), 3, size).vector.scene for size in SIZES]
    subjects = {part["name"] for fact in facts for part in fact["parts"] if part["role"] == "subject"}
    assert len(subjects) == 1
    assert len({fact["palette"]["main"] for fact in facts}) == 1
    assert len({fact["variant"] for fact in facts}) == 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", ["spot", "hero", "banner", "numerals"])
def test_text_gets_room_that_nothing_else_stands_in(layout: str, size: tuple[int, int]) -> None:
    for seed in range(4):
        cast = choose(LIBRARY, of_situation(situations()["server-error"], {}), Manner(layout=layout), seed)
        board, text = lay_out(cast, *size, has_text=True)
        assert text is not None
        assert (text[2] - text[0]) * (text[3] - text[1]) > 0.1 * size[0] * size[1]
        for item in board.items:
            if item.role in ("subject", "companion", "badge", "numeral", "mark"):
                assert overlap(item.box, text) < 0.03, (item.role, item.part.name, seed)


def test_frames_put_text_beside_on_wide_canvases_and_below_on_others() -> None:
    drawing, text = frames(1600, 900, has_text=True)
    assert text is not None
    assert text[2] < drawing[0]
    drawing, text = frames(800, 800, has_text=True)
    assert text is not None
    assert text[1] > drawing[3]
    assert frames(800, 800, has_text=False)[1] is None


def test_layers_draw_the_whole_scene_between_them_and_alpha_is_exact() -> None:
    made = scene("success", Manner(layout="spot"), size=(256, 256))
    assert set(made.vector.layers) >= {"backdrop", "subject"}
    whole = render(made.vector.svg, 256, 256)
    subject = render(made.vector.layers["subject"], 256, 256)
    assert whole.getpixel((0, 0)) == (0, 0, 0, 0)
    box = subject.getchannel("A").getbbox()
    assert box is not None
    x, y, w, h = made.vector.scene["boxes"]["subject"]
    assert abs(box[0] - x) <= 3
    assert abs(box[3] - (y + h)) <= 3
    with pytest.raises(KeyError):
        made.vector.layers["nothing"]
    assert w > 60
    assert h > 60


def test_themes_and_backgrounds() -> None:
    light = compose(choose(LIBRARY, of_situation(situations()["offline"], {}), Manner(layout="hero"), 0), 640, 360)
    assert light.vector.scene["background"] == light.vector.scene["palette"]["tint"]
    bare = compose(
        choose(LIBRARY, of_situation(situations()["offline"], {}), Manner(layout="hero"), 0),
        640,
        360,
        background="none",
    )
    assert bare.vector.scene["background"] is None
    dark = scene("offline", Manner(theme="dark"))
    assert dark.vector.scene["theme"] == "dark"


def test_every_situation_makes_a_scene_with_its_licences() -> None:
    for name in situations():
        made = scene(name, Manner())
        assert made.credits
        assert all(credit.licence for credit in made.credits)
        assert made.vector.scene["alt"]
        assert "{" not in made.vector.scene["alt"]
        assert len(made.vector.svg) < 120_000


@pytest.mark.parametrize("composition", list(LAYOUTS["pattern"]))
def test_a_pattern_repeats_without_a_seam(composition: str) -> None:
    cast = choose(
        LIBRARY, of_situation(situations()["course"], {}), Manner(layout="pattern", composition=composition), 0
    )
    board, _ = lay_out(cast, 600, 400)
    placed = {(item.part.name, item.style, round(item.x, 3), round(item.y, 3)) for item in board.items}
    crossing = 0
    for item in board.items:
        x0, y0, x1, y1 = item.box
        for dx, dy in ((600 * (x0 < 0), 0), (-600 * (x1 > 600), 0), (0, 400 * (y0 < 0)), (0, -400 * (y1 > 400))):
            if dx or dy:
                crossing += 1
                twin = (item.part.name, item.style, round(item.x + dx, 3), round(item.y + dy, 3))
                assert twin in placed
    if composition in ("bricks", "discs"):
        assert crossing
