"""Where clean pictures come from: icons of the split's sets, scenes from `compose`, a few public-domain photographs."""

from __future__ import annotations

import colorsys
import hashlib
import json
import random
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from damage import Colour, Drawing, _each, box_of, flat, nested
from damage import draw as draw_svg
from PIL import Image

from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.stages.aesthetics.room import beside_text
from imajin_cli.stages.backends import compose
from imajin_cli.stages.scene import draw
from imajin_cli.stages.scene.board import Board
from imajin_cli.stages.scene.choose import Manner, choose
from imajin_cli.stages.scene.compose import _background, lay_out
from imajin_cli.stages.scene.layouts.table import LAYOUTS
from imajin_cli.stages.scene.part import Box
from imajin_cli.stages.scene.wish import situations
from training.colours import COLOURS

HERE = Path(__file__).parent
SPLIT = yaml.safe_load((HERE.parent / "clip" / "split.yaml").read_text())
# By file name in scikit-image's data folder: the docstrings of skimage.data say of each that it is in the public domain or CC0.
PHOTOS = {
    "train": ("astronaut.png", "coffee.png", "hubble_deep_field.jpg"),
    "calibrate": ("rocket.jpg",),
    "test": ("chelsea.png", "camera.png"),
}
# Sets are drawn by the square root of their size, so that a large one does not drown the others.
SIZES = (128, 192, 256, 256, 384, 512)
# Every layout at its own ratios and others that it is asked for; sides are scaled at random (see ``size_of``).
RATIOS = {
    "spot": ((1, 1), (1, 1), (4, 3), (3, 4), (16, 9), (9, 16), (2, 1)),
    "hero": ((16, 9), (16, 9), (3, 2), (40, 21), (2, 1), (1, 1), (1, 2), (9, 16)),
    "banner": ((3, 1), (4, 1), (16, 9), (2, 1)),
    "icon": ((1, 1), (1, 1), (1, 1), (4, 3)),
    "avatar": ((1, 1), (1, 1), (3, 4)),
    "pattern": ((1, 1), (16, 9), (3, 4)),
    "numerals": ((4, 3), (1, 1), (16, 9), (9, 16)),
}
SIDES = (128, 160, 192, 256, 320, 384, 512, 512, 640, 768, 1024)


@lru_cache(maxsize=64)
def icon_set(folder: Path, name: str) -> tuple[dict[str, Any], list[str]]:
    data = json.loads((folder / name / "icons.json").read_text())
    return data, sorted(n for n, i in data["icons"].items() if not i.get("hidden"))


@lru_cache(maxsize=8)
def sets(folder: Path, part: str) -> tuple[list[str], list[float], frozenset[str]]:
    """Names of a part's sets, their weights, and which of them are coloured."""
    found = SPLIT["icons"][part]
    names = [n for kind in ("coloured", "one-colour") for n in found[kind] if (folder / n / "icons.json").is_file()]
    weights = [len(icon_set(folder, n)[1]) ** 0.5 * (2.0 if n in found["coloured"] else 1.0) for n in names]
    return names, weights, frozenset(found["coloured"])


def svg_of(data: dict[str, Any], name: str, paint: str) -> str:
    icon = data["icons"][name]
    left, top = icon.get("left", data.get("left", 0)), icon.get("top", data.get("top", 0))
    width, height = icon.get("width", data.get("width", 16)), icon.get("height", data.get("height", 16))
    most = max(width, height)
    box = f"{left - (most - width) / 2} {top - (most - height) / 2} {most} {most}"
    return f'<svg viewBox="{box}">{icon["body"].replace("currentColor", paint)}</svg>'


def colour(rng: random.Random, light: tuple[float, float], strong: tuple[float, float]) -> Colour:
    """A colour of that range of HSV value and saturation."""
    rgb = colorsys.hsv_to_rgb(rng.random(), rng.uniform(*strong), rng.uniform(*light))
    return int(rgb[0] * 255), int(rgb[1] * 255), int(rgb[2] * 255)


def surface(rng: random.Random, dark_ink: bool) -> Colour | None:
    """A ground on which ink of that kind shows, often none at all."""
    kind = rng.random()
    if kind < 0.45:
        return None
    if dark_ink:
        return (255, 255, 255) if kind < 0.65 else colour(rng, (0.93, 1.0), (0.0, 0.14))
    return colour(rng, (0.1, 0.24), (0.0, 0.4)) if kind < 0.75 else colour(rng, (0.3, 0.6), (0.5, 0.9))


def icon(folder: Path, part: str, rng: random.Random) -> tuple[Drawing, str] | None:
    """One icon on a canvas with some padding, and its set."""
    names, weights, coloured = sets(folder, part)
    chosen = rng.choices(names, weights)[0]
    data, icons = icon_set(folder, chosen)
    side = rng.choice(SIZES)
    dark_ink = chosen in coloured or rng.random() < 0.7
    ink = colour(rng, (0.1, 0.75), (0.2, 1.0)) if dark_ink else colour(rng, (0.93, 1.0), (0.0, 0.25))
    padding = rng.uniform(0.03, 0.2)
    inner = max(16, round(side * (1 - 2 * padding)))
    svg = svg_of(data, rng.choice(icons), "#{:02x}{:02x}{:02x}".format(*ink))
    box = box_of(draw_svg(nested(svg, 0, 0, inner), (inner, inner)))
    if box is None or max(box[2] - box[0], box[3] - box[1]) < 0.45 * inner:
        return None  # a dot or a corner of something is no whole picture
    width, height = (side, side) if rng.random() < 0.85 else rng.choice(((side * 4 // 3, side), (side, side * 5 // 4)))
    # The content's own box is centred: many sets leave uneven room round it.
    x, y = width / 2 - (box[0] + box[2]) / 2, height / 2 - (box[1] + box[3]) / 2
    placed = nested(svg, x, y, inner)
    return Drawing((width, height), placed, ground=surface(rng, dark_ink), others=others(folder, part, rng)), chosen


def others(folder: Path, part: str, rng: random.Random, count: int = 5) -> tuple[str, ...]:
    """SVG texts of icons to put on top of others, the coloured ones more often."""
    names, weights, coloured = sets(folder, part)
    out: list[str] = []
    for _ in range(count):
        chosen = rng.choices(names, [w * (3 if n in coloured else 1) for n, w in zip(names, weights, strict=True)])[0]
        data, icons = icon_set(folder, chosen)
        ink = "#{:02x}{:02x}{:02x}".format(*colour(rng, (0.1, 1.0), (0.0, 1.0)))
        out.append(svg_of(data, rng.choice(icons), ink))
    return tuple(out)


def held(name: str) -> bool:
    return hashlib.sha256(name.encode()).digest()[0] < SPLIT["scenes"]["situations"]


@lru_cache(maxsize=2)
def known(part: str) -> list[str]:
    """Situations of a part: of a known one, training sees seeds below the split's bound, calibration those above."""
    return [n for n in sorted(situations()) if held(n) == (part == "test")]




def cast_of(layout: str, size: tuple[int, int], part: str, rng: random.Random) -> tuple[Any, str | None]:
    """A cast for a layout, and the surface it stands on."""
    first = SPLIT["scenes"]["train-seeds"]
    seed = rng.randrange(first) if part == "train" else first + rng.randrange(4 * first)
    name = rng.choice(
        [n for n in known(part) if layout != "numerals" or situations()[n].get("numerals")] or ["page-not-found"]
    )
    theme = rng.choice(("light", "light", "light", "dark", "contrast"))
    manner = Manner(layout=layout, theme=theme, colour=rng.choice(COLOURS), aspect=size[0] / size[1])
    wish = compose.wish_of(name.replace("-", " "), name)
    cast = choose(compose.library(()), wish, manner, seed)
    wanted = (
        "paper"
        if theme == "dark" and layout in ("spot", "numerals", "icon", "avatar")
        else rng.choice(("auto", "auto", "none", "paper", "tint"))
    )
    if theme == "dark" and wanted == "none":
        wanted = "auto"
    return cast, _background(cast, wanted)


def drawn(
    board: Board, cast: Any, ground: str | None, colours: dict[str, str] | None = None, figures: Any = None
) -> Drawing:
    """A board as a drawing, without its ground."""
    inner = "".join(g for _, g in draw.groups(board, colours or cast.palette, None, figures or cast.figures))
    rgb = None if ground is None else tuple(int(ground[i : i + 2], 16) for i in (1, 3, 5))
    return Drawing((int(board.width), int(board.height)), inner, ground=rgb)  # type: ignore[arg-type]


def scene(part: str, rng: random.Random, layout: str | None = None) -> tuple[Board, Any, str | None, str]:
    """A laid-out scene: board, cast, surface, layout."""
    layout = layout or rng.choice(
        ("spot", "spot", "spot", "spot", "hero", "hero", "banner", "icon", "avatar", "pattern", "numerals")
    )
    assert layout in LAYOUTS
    size = size_of(layout, rng)
    cast, ground = cast_of(layout, size, part, rng)
    has_text = rng.random() < 0.2 and layout not in ("icon", "avatar", "pattern")
    board, text = lay_out(cast, *size, has_text=has_text)
    return board, cast, ground, layout if text is None else beside(board, text, layout)


def size_of(layout: str, rng: random.Random) -> tuple[int, int]:
    """(width, height) in pixels."""
    across, down = rng.choice(RATIOS[layout])
    longer = rng.choice(SIDES)
    return max(48, longer * across // max(across, down)), max(48, longer * down // max(across, down))


def beside(board: Board, text: Box, layout: str) -> str:
    """The board cut down to what lies beside the room for text, as the gate sees it."""
    size = (int(board.width), int(board.height))
    whole = {"boxes": {"text": [text[0], text[1], text[2] - text[0], text[3] - text[1]]}, "size": size}
    left, top, right, bottom = beside_text(whole, size, Sidecar(id="x")) or (0, 0, *size)
    for item in board.items:
        item.x -= left
        item.y -= top
    board.width, board.height = right - left, bottom - top
    return layout


def scattered(board: Board, rng: random.Random) -> None:
    """Every part displaced, so that nothing stands where it belongs."""
    for item in board.items:
        item.x += rng.uniform(-0.3, 0.3) * board.width
        item.y += rng.uniform(-0.3, 0.3) * board.height


def collided(board: Board, rng: random.Random) -> None:
    """Companions, badge and marks on top of the subject."""
    subject = next((i for i in board.items if i.role == "subject"), board.items[0])
    middle = ((subject.box[0] + subject.box[2]) / 2, (subject.box[1] + subject.box[3]) / 2)
    for item in board.items:
        if item is subject or item.layer in ("background", "backdrop", "ground"):
            continue
        box = item.box
        grow = rng.uniform(1.0, 1.6)
        item.s *= grow
        item.x += middle[0] - (box[0] + box[2]) / 2 + rng.uniform(-0.14, 0.14) * board.width
        item.y += middle[1] - (box[1] + box[3]) / 2 + rng.uniform(-0.14, 0.14) * board.height
        item.z += 50


def misscaled(board: Board, rng: random.Random) -> None:
    """Parts of sizes that do not go together, some turned."""
    for item in board.items:
        if item.layer == "background":
            continue
        box, factor = item.box, rng.choice((rng.uniform(0.3, 0.55), rng.uniform(1.5, 2.2)))
        item.s *= factor
        item.x -= (factor - 1) * (box[2] - box[0]) / 2
        item.y -= (factor - 1) * (box[3] - box[1]) / 2
        if rng.random() < 0.5:
            item.turn += rng.uniform(-40, 40)


def crowded(board: Board, rng: random.Random) -> None:
    """The same parts once more, and again, anywhere."""
    loose = [i for i in board.items if i.layer in ("companions", "marks", "subject", "badge")]
    for _ in range(rng.randint(7, 14)):
        if not loose:
            return
        copy = replace(rng.choice(loose))
        copy.s *= rng.uniform(0.4, 0.9)
        copy.x = rng.uniform(0, 0.85) * board.width - copy.part.box[0] * copy.s
        copy.y = rng.uniform(0, 0.85) * board.height - copy.part.box[1] * copy.s
        copy.z, copy.turn = rng.uniform(0, 100), rng.uniform(-30, 30)
        board.items.append(copy)


ARRANGED = {"scattered": scattered, "collided": collided, "misscaled": misscaled, "crowded": crowded}


def recoloured(cast: Any, rng: random.Random) -> tuple[dict[str, str], dict[str, str]]:
    """Every role of the palette in some loud colour."""

    def loud() -> str:
        return "#{:02x}{:02x}{:02x}".format(*colour(rng, (0.6, 1.0), (0.75, 1.0)))

    return {k: loud() for k in cast.palette}, {k: loud() for k in cast.figures}


def photo(folder: Path, part: str, rng: random.Random) -> Drawing:
    """A crop of a photograph, opaque, reduced so that its own softness does not count."""
    image = Image.open(folder / rng.choice(PHOTOS[part])).convert("RGB")
    width, height = image.size
    share = rng.uniform(0.6, 1.0)
    w, h = int(width * share), int(height * share)
    x, y = rng.randint(0, width - w), rng.randint(0, height - h)
    side = rng.choice((192, 256, 320))
    crop = image.crop((x, y, x + w, y + h))
    crop.thumbnail((side, side), Image.Resampling.LANCZOS)
    return Drawing(crop.size, raster=crop)


def grained(d: Drawing, rng: random.Random) -> Drawing:
    """Tones of a photograph in a few steps."""
    levels = rng.randint(3, 6)
    return flat(d, _each(d.front, lambda a: np.floor(a / 256 * levels) * (255 / (levels - 1))))
