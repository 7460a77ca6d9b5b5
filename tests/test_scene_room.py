"""Room: tall and wide canvases are used, badges sit beside faces, white drawings have a rim."""

from __future__ import annotations

import re

import pytest

from imajin_cli.stages.scene import pack
from imajin_cli.stages.scene.badge_spot import badge_spot
from imajin_cli.stages.scene.board import overlap
from imajin_cli.stages.scene.choose import Manner, choose
from imajin_cli.stages.scene.compose import compose, lay_out
from imajin_cli.stages.scene.draw import body_of
from imajin_cli.stages.scene.layouts.table import LAYOUTS
from imajin_cli.stages.scene.library import Library
from imajin_cli.stages.scene.oklch import contrast
from imajin_cli.stages.scene.palette import Theme
from imajin_cli.stages.scene.wish import of_situation, situations

LIBRARY = Library()
NAMES = list(situations())[::9]


@pytest.mark.parametrize("size", [(800, 1200), (576, 1024)])
def test_tall_spots_use_the_height(size: tuple[int, int]) -> None:
    for name in NAMES:
        for seed in range(2):
            board, _ = lay_out(
                choose(LIBRARY, of_situation(situations()[name], {}), Manner(layout="spot"), seed), *size
            )
            x0, y0, x1, y1 = board.bounds()
            assert y1 - y0 >= 0.72 * size[1], (name, seed)
            assert min(x0, size[0] - x1) >= -0.5
            assert y0 >= 0
            assert y1 <= size[1]
            solids = [item for item in board.solids() if item.role == "companion"]
            for at, one in enumerate(solids):
                assert all(overlap(one.box, other.box) < 0.02 for other in solids[at + 1 :])


@pytest.mark.parametrize("composition", list(LAYOUTS["hero"]))
def test_a_hero_without_text_is_filled_by_its_subject(composition: str) -> None:
    heights = []
    for name in NAMES:
        cast = choose(LIBRARY, of_situation(situations()[name], {}), Manner(layout="hero", composition=composition), 0)
        board, _ = lay_out(cast, 1024, 576)
        box = next(item.box for item in board.items if item.role == "subject")
        heights.append((box[3] - box[1]) / 576)
        assert box[1] >= -8
    assert sorted(heights)[len(heights) // 2] >= 0.55


def test_a_badge_is_moved_off_a_face_or_left_out() -> None:
    head = (
        '<rect x="40" y="40" width="160" height="160" rx="30" fill="@light"/>'
        '<circle cx="160" cy="80" r="12" fill="@deep"/><circle cx="120" cy="80" r="12" fill="@deep"/>'
    )
    clear = badge_spot(head, (240, 240), (190, 180))
    assert clear == (190, 180)
    moved = badge_spot(head, (240, 240), (160, 80))
    assert moved is not None
    assert (moved[0] - 160) ** 2 + (moved[1] - 80) ** 2 > 20**2
    stripes = "".join(f'<rect x="0" y="{y}" width="240" height="4" fill="@deep"/>' for y in range(0, 240, 8))
    assert badge_spot(f'<rect width="240" height="240" fill="@paper"/>{stripes}', (240, 240), (200, 50)) is None


def test_white_edges_are_found_and_rimmed() -> None:
    parts = pack.own_parts()["subjects"]
    assert parts["chef"].frail
    assert not parts["robot-happy"].frail
    cast = choose(LIBRARY, of_situation(situations()["food-ordering"], {}), Manner(layout="spot", subject="chef"), 0)
    board, _ = lay_out(cast, 512, 512)
    item = next(item for item in board.items if item.role == "subject")
    item.style = "solid"
    assert '"@soft"' in body_of(item, 2.0)


def test_a_white_disc_is_all_light_edge() -> None:
    assert pack.light_edge('<circle cx="50" cy="50" r="40" fill="@paper"/>', (100, 100)) == 1.0
    assert pack.light_edge('<circle cx="50" cy="50" r="40" fill="@deep"/>', (100, 100)) == 0.0


def test_every_measured_badge_lies_on_its_canvas() -> None:
    for part in pack.own_parts()["subjects"].values():
        if part.badge is not None:
            assert 0 < part.badge[0] < part.view[0]
            assert 0 < part.badge[1] < part.view[1]


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_a_glyph_stands_out_from_its_tile(theme: Theme) -> None:
    wish = of_situation(situations()["no-notifications"], {})
    cast = choose(LIBRARY, wish, Manner(layout="icon", composition="glyph", theme=theme, subject="phosphor:bell"), 0)
    made = compose(cast, 128, 128)
    tile, glyph = (made.vector.layers[layer] for layer in ("backdrop", "subject"))
    colours = [re.findall(r'fill="(#[0-9a-f]{6})"', svg)[0] for svg in (tile, glyph)]
    assert contrast(*colours) >= 4.5
