"""The air: what has feet stands on something, a scene has one sun, and the weather that a prompt names is seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from imajin_cli.stages.backends.compose import wish_of
from imajin_cli.stages.scene import air
from imajin_cli.stages.scene.board import Board, Item
from imajin_cli.stages.scene.choose import Manner, choose
from imajin_cli.stages.scene.compose import lay_out
from imajin_cli.stages.scene.knowledge.hints import hints_of
from imajin_cli.stages.scene.library import Library
from imajin_cli.stages.scene.wish import of_situation, situations

LIBRARY = Library()
NAMES = list(situations())
SIZES = ((1600, 900), (1500, 500), (1200, 630), (800, 1200), (1024, 1024))


def _foot(item: Item) -> float:
    ground = item.part.ground
    lowest = item.part.box[3]
    return item.y + item.s * (lowest if ground is None or ground > lowest + 2 else ground)


def _held(board: Board, item: Item) -> bool:
    """Whether a thing has a disc of its own behind it, or a ground within 6 % of the canvas under its foot."""
    x0, y0, x1, y1 = item.box
    foot, x, most = _foot(item), (x0 + x1) / 2, 0.06 * min(board.width, board.height)
    for other in board.items:
        a0, b0, a1, b1 = other.box
        if other.role in ("seat", "tile") and a0 <= x <= a1 and b0 <= (y0 + y1) / 2 <= b1:
            return True
        land = other.layer == "ground" or (other.part.name == "view" and foot > (b0 + b1) / 2)
        if land and a0 - most <= x <= a1 + most and b0 - most <= foot <= b1 + most:
            return True
    return False


def _grounded(board: Board) -> Iterator[Item]:
    return (item for item in board.items if item.role == "companion" and air.stands(item.part))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("has_text", [False, True])
def test_what_stands_never_hangs_in_a_hero(size: tuple[int, int], has_text: bool) -> None:
    seen = 0
    for seed in range(100):
        name = NAMES[seed * 7 % len(NAMES)]
        cast = choose(LIBRARY, of_situation(situations()[name], {}), Manner(layout="hero"), seed)
        board, _ = lay_out(cast, *size, has_text=has_text)
        for item in _grounded(board):
            seen += 1
            assert _held(board, item), (name, seed, cast.composition, item.part.name)
    assert seen > 15


@pytest.mark.parametrize("size", SIZES[:4])
def test_what_stands_never_hangs_in_a_tall_or_wide_spot(size: tuple[int, int]) -> None:
    for seed in range(100):
        name = NAMES[seed * 7 % len(NAMES)]
        cast = choose(LIBRARY, of_situation(situations()[name], {}), Manner(layout="spot"), seed)
        if cast.composition in ("vista", "orbit", "disc", "diagonal") and size[0] > size[1]:
            continue  # their ground is painted in the view, or they have discs and no ground
        board, _ = lay_out(cast, *size)
        hero = next(item.box for item in board.items if item.role == "subject")
        for item in _grounded(board):
            on_level = abs(_foot(item) - hero[3]) < 0.06 * size[1]
            assert on_level or _held(board, item), (name, seed, cast.composition, item.part.name)


def test_a_scene_has_one_sun_or_moon() -> None:
    lit = 0
    for name in NAMES:
        for seed in range(3):
            cast = choose(LIBRARY, of_situation(situations()[name], {}), Manner(layout="spot"), seed)
            lights = [part.name for part in (cast.subject, *cast.companions) if air.is_light(part)]
            assert len(lights) <= 1, (name, seed)
            board, _ = lay_out(cast, 600, 900)
            drawn = [item for item in board.items if item.role == "sun" or 'fill="@accent"/>' in item.part.body]
            lit += bool(lights)
            assert not lights or all(item.role != "sun" and item.part.name != "view" for item in drawn)
    assert lit > 10


def test_a_moon_or_a_cloud_does_not_lie_on_the_ground() -> None:
    seen = 0
    for name in NAMES[::2]:
        cast = choose(LIBRARY, of_situation(situations()[name], {}), Manner(layout="spot", composition="stand"), 0)
        board, _ = lay_out(cast, 800, 800)
        hero = next(item.box for item in board.items if item.role == "subject")
        for item in board.items:
            if item.role == "companion" and air.flies(item.part):
                seen += 1
                assert item.box[3] < hero[3] - 0.1 * (hero[3] - hero[1]), (name, item.part.name)
    assert seen > 5


@pytest.mark.parametrize(
    ("prompt", "weather"),
    [
        ("rainy sunday on the couch with a novel", "rain"),
        ("ein verregneter Sonntag", "rain"),
        ("雨の日", "rain"),
        ("a fox in the snow", "snow"),
        ("a lighthouse at night", "night"),
        ("we train every brain", ""),
    ],
)
def test_weather_is_read_and_drawn(prompt: str, weather: str) -> None:
    assert hints_of(prompt).weather == weather
    cast = choose(LIBRARY, wish_of(prompt, None), Manner(layout="spot"), 0)
    for size in SIZES:
        board, _ = lay_out(cast, *size)
        falls = [item for item in board.items if item.role in ("rain", "snow", "night")]
        assert [item.role for item in falls] == ([weather] if weather else [])
        for item in falls:
            assert item.part.body.count("<") >= 12
            assert item.box[2] - item.box[0] >= 0.25 * size[0] * min(1.0, size[1] / size[0])
    if weather == "night":
        assert "moon-night" in {part.name for part in (cast.subject, *cast.companions)}
