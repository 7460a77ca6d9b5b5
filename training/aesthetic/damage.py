"""What is wrong with a picture: each damage takes a drawing apart or spoils its pixels, at the drawing's own size.

A `Drawing` is a see-through foreground and a ground behind it. A damage gives a new one, or None where it would not show.
"""

from __future__ import annotations

import colorsys
import io
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import resvg_py
from PIL import Image, ImageFilter

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Drawing:
    """A drawing of ``size`` pixels: SVG elements in pixel units, or a raster picture; and what lies behind.

    Drawings are moved, turned and covered as vectors and drawn anew, so that a moved picture is as sharp as one that was
    not: else the scorer would learn to see resampling. ``ground`` is a colour, with a second one below it for a gradient,
    or None. ``others`` are SVG texts of icons to put on top.
    """

    size: tuple[int, int]
    inner: str = ""
    raster: Image.Image | None = None
    ground: Colour | None = None
    ground_below: Colour | None = None
    levels: int = 0
    keep: float = 1.0
    others: tuple[str, ...] = ()

    @cached_property
    def front(self) -> Image.Image:
        """RGBA without the ground."""
        front = self.raster.convert("RGBA") if self.raster is not None else Image.new("RGBA", self.size)
        if self.inner:
            front = Image.alpha_composite(front, draw(self.inner, self.size))
        return front

    def picture(self) -> Image.Image:
        """RGBA, or RGB where there is a ground."""
        if self.ground is None:
            return self.front
        width, height = self.size
        laid = Image.new("RGB", self.size, self.ground)
        if self.ground_below is not None:
            t = np.linspace(0, 1, height, dtype=np.float32)
            if self.levels:
                t = np.floor(t * self.levels) / max(1, self.levels - 1)
            a, b = np.array(self.ground, np.float32), np.array(self.ground_below, np.float32)
            rows = np.clip(np.round(a + (b - a) * np.clip(t, 0, 1)[:, None]), 0, 255).astype(np.uint8)
            laid = Image.fromarray(np.ascontiguousarray(np.broadcast_to(rows[:, None], (height, width, 3))))
        laid.paste(self.front, mask=self.front.getchannel("A"))
        return laid


def draw(inner: str, size: tuple[int, int]) -> Image.Image:
    """SVG elements as RGBA pixels; nothing at all where they cannot be drawn."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{size[0]}"'
        f' height="{size[1]}" viewBox="0 0 {size[0]} {size[1]}">{inner}</svg>'
    )
    try:
        return Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)))).convert(
            "RGBA"
        )
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001  a Rust panic is no Exception
        return Image.new("RGBA", size)


def nested(icon: str, x: float, y: float, side: float, turn: float = 0.0) -> str:
    """An icon's SVG text placed as a square, turned about its middle."""
    placed = icon.replace("<svg ", f'<svg x="{x:.2f}" y="{y:.2f}" width="{side:.2f}" height="{side:.2f}" ', 1)
    return f'<g transform="rotate({turn:.2f} {x + side / 2:.2f} {y + side / 2:.2f})">{placed}</g>'


def box_of(image: Image.Image) -> tuple[int, int, int, int] | None:
    return image.getchannel("A").point([0] * 16 + [255] * 240).getbbox()


def placed(d: Drawing, scale_x: float, scale_y: float, dx: float, dy: float, turn: float = 0.0) -> Drawing | None:
    """The content scaled and turned (degrees) about its own middle, then moved by (dx, dy) pixels; None for a raster."""
    box = box_of(d.front)
    if box is None or d.raster is not None:
        return None
    cx, cy = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    moved = (
        f"translate({cx + dx:.3f} {cy + dy:.3f}) rotate({turn:.3f}) scale({scale_x:.4f} {scale_y:.4f})"
        f" translate({-cx:.3f} {-cy:.3f})"
    )
    return replace(d, inner=f'<g transform="{moved}">{d.inner}</g>')


# What the eye sees of the pixels.


def _each(image: Image.Image, change: Callable[[np.ndarray], np.ndarray]) -> Image.Image:
    """``change`` of the colours (float32, … × 3), alpha kept."""
    array = np.asarray(image).astype(np.float32)
    array[..., :3] = np.clip(change(array[..., :3].copy()), 0, 255)
    return Image.fromarray(np.round(array).astype(np.uint8), image.mode)


def blur(image: Image.Image, rng: random.Random) -> Image.Image:
    radius = max(1.0, rng.uniform(0.003, 0.011) * max(image.size))
    if image.mode == "RGBA":
        return image.convert("RGBa").filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
    return image.filter(ImageFilter.GaussianBlur(radius))


def enlarged(image: Image.Image, rng: random.Random) -> Image.Image:
    """Scaled up from too few pixels."""
    factor = rng.uniform(3, 7) * max(1.0, max(image.size) / 512)
    method = rng.choice((Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC))
    work = image.convert("RGBa") if image.mode == "RGBA" else image
    small = work.resize((max(4, int(image.width / factor)), max(4, int(image.height / factor))), Image.Resampling.BOX)
    return small.resize(image.size, method).convert(image.mode)


def jpeg(image: Image.Image, rng: random.Random) -> Image.Image:
    flat = image if image.mode == "RGB" else Image.new("RGB", image.size, "white")
    if image.mode == "RGBA":
        flat.paste(image, mask=image.getchannel("A"))
    buffer = io.BytesIO()
    flat.save(buffer, "JPEG", quality=rng.randint(4, 26), subsampling=rng.choice((0, 2)))
    out = Image.open(buffer).convert("RGB")
    if image.mode == "RGBA" and rng.random() < 0.6:
        out = out.convert("RGBA")
        out.putalpha(image.getchannel("A").point([0] * 24 + list(range(24, 256))))
    return out


def noise(image: Image.Image, rng: random.Random) -> Image.Image:
    chance = np.random.default_rng(rng.getrandbits(32))
    if rng.random() < 0.3:
        share = rng.uniform(0.004, 0.03)
        hit = chance.random(image.size[::-1]) < share
        return _each(image, lambda a: np.where(hit[..., None], chance.integers(0, 2, hit.shape)[..., None] * 255, a))
    spread = rng.uniform(9, 34)
    grey = rng.random() < 0.4
    shape = (*image.size[::-1], 1 if grey else 3)
    return _each(image, lambda a: a + chance.normal(0, spread, shape))


def fringe(image: Image.Image, rng: random.Random) -> Image.Image:
    """Badly cut out: soft edges carry the old ground's colour, or there are no soft edges at all."""
    if image.mode != "RGBA":
        return image
    array = np.asarray(image).astype(np.float32)
    alpha = array[..., 3:] / 255
    if rng.random() < 0.3:
        hard = np.where(array[..., 3] >= rng.choice((8, 24, 200)), 255, 0)
        return Image.fromarray(np.dstack([array[..., :3], hard]).astype(np.uint8), "RGBA")
    old = np.array(rng.choice(((255, 255, 255), (0, 0, 0), (0, 160, 60), (128, 128, 128))), np.float32)
    grown = image.getchannel("A").filter(ImageFilter.MaxFilter(rng.choice((3, 3, 5))))
    colour = array[..., :3] * alpha + old * (1 - alpha)
    return Image.fromarray(np.dstack([colour, np.asarray(grown)]).astype(np.uint8), "RGBA")


def pale(d: Drawing, rng: random.Random) -> Drawing | None:
    """Hardly any contrast with the ground, or none to speak of anywhere."""
    keep = rng.uniform(0.08, 0.3)
    if d.ground is None:
        front = d.front.copy()
        front.putalpha(d.front.getchannel("A").point([round(i * keep) for i in range(256)]))
        return flat(d, front)
    ground = np.array(d.ground, np.float32)
    return flat(d, _each(d.front, lambda a: ground + (a - ground) * keep))


def flat(d: Drawing, front: Image.Image) -> Drawing:
    """The drawing with other pixels in front."""
    return replace(d, inner="", raster=front)


def muddy(d: Drawing, rng: random.Random) -> Drawing:
    mud = np.array(rng.choice(((104, 96, 66), (92, 84, 76), (110, 88, 70), (84, 92, 72))), np.float32)
    keep = rng.uniform(0.22, 0.45)
    front = _each(d.front, lambda a: mud + (a - mud) * keep)
    if d.ground is None:
        return flat(d, front)
    ground = tuple(int(g) for g in mud + (np.array(d.ground, np.float32) - mud) * rng.uniform(0.3, 0.6))
    return replace(flat(d, front), ground=ground, ground_below=None)  # type: ignore[arg-type]


_HEX = re.compile(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})(?![0-9a-fA-F])")


def loud(rng: random.Random, hue: float) -> Colour:
    rgb = colorsys.hsv_to_rgb(hue % 1, rng.uniform(0.8, 1), rng.uniform(0.75, 1))
    return int(rgb[0] * 255), int(rgb[1] * 255), int(rgb[2] * 255)


def clash(d: Drawing, rng: random.Random) -> Drawing | None:
    """Every colour gets a loud one of its own, and often the ground too."""
    start, step = rng.random(), rng.uniform(0.3, 0.45)
    ground = d.ground
    if d.raster is not None:
        turned = _hues_thrown(d.front, start, step)
        return flat(d, turned)
    found = list(dict.fromkeys(c.lower() for c in _HEX.findall(d.inner)))
    if len(found) < 3 or d.ground is not None or rng.random() < 0.4:
        ground = loud(rng, start)
    table = {c: "#{:02x}{:02x}{:02x}".format(*loud(rng, start + (i + 1) * step)) for i, c in enumerate(found)}
    return replace(d, inner=_HEX.sub(lambda m: table[m[0].lower()], d.inner), ground=ground, ground_below=None)


def _hues_thrown(image: Image.Image, start: float, step: float) -> Image.Image:
    """A photograph with each range of hues turned by an angle of its own, and everything more colourful."""
    hsv = np.asarray(image.convert("RGB").convert("HSV")).astype(np.int32).copy()
    part = hsv[..., 0] * 6 // 256
    hsv[..., 0] = (hsv[..., 0] + (start + part * step) * 256).astype(np.int32) % 256
    hsv[..., 1] = np.clip(hsv[..., 1] * 1.8 + 60, 0, 255)
    return Image.fromarray(hsv.astype(np.uint8), "HSV").convert("RGB").convert("RGBA")


# What the eye sees of the arrangement.


def cropped(d: Drawing, rng: random.Random) -> Drawing | None:
    """A good part of what there is to see is cut off."""
    box = box_of(d.front)
    if box is None:
        return None
    width, height = box[2] - box[0], box[3] - box[1]
    scale = rng.choice((1.0, 1.0, rng.uniform(1.1, 1.7)))
    lost = rng.uniform(0.2, 0.45)
    dx = dy = 0.0
    side = rng.choice(("left", "right", "top", "bottom", "corner"))
    w, h = width * scale, height * scale
    if side in ("left", "corner"):
        dx = -((box[0] + box[2]) / 2 - w / 2) - w * lost
    if side == "right":
        dx = d.size[0] - ((box[0] + box[2]) / 2 + w / 2) + w * lost
    if side in ("top", "corner"):
        dy = -((box[1] + box[3]) / 2 - h / 2) - h * lost
    if side == "bottom":
        dy = d.size[1] - ((box[1] + box[3]) / 2 + h / 2) + h * lost
    return placed(d, scale, scale, dx, dy)


def off_centre(d: Drawing, rng: random.Random) -> Drawing | None:
    """Pushed against a side or into a corner, whole."""
    box = box_of(d.front)
    if box is None:
        return None
    scale = min(1.0, rng.uniform(0.5, 0.8) / max((box[2] - box[0]) / d.size[0], (box[3] - box[1]) / d.size[1]))
    w, h = (box[2] - box[0]) * scale, (box[3] - box[1]) * scale
    edge = rng.uniform(0, 0.03) * min(d.size)
    left, right = -((box[0] + box[2]) / 2 - w / 2) + edge, d.size[0] - ((box[0] + box[2]) / 2 + w / 2) - edge
    top, bottom = -((box[1] + box[3]) / 2 - h / 2) + edge, d.size[1] - ((box[1] + box[3]) / 2 + h / 2) - edge
    dx, dy = rng.choice(((left, top), (right, top), (left, bottom), (right, bottom), (left, 0), (right, 0)))
    return placed(d, scale, scale, dx, dy)


def tiny(d: Drawing, rng: random.Random) -> Drawing | None:
    box = box_of(d.front)
    if box is None:
        return None
    scale = rng.uniform(0.1, 0.28) / max((box[2] - box[0]) / d.size[0], (box[3] - box[1]) / d.size[1])
    if scale > 0.6:
        return None
    return placed(d, scale, scale, rng.uniform(-0.1, 0.1) * d.size[0], rng.uniform(-0.1, 0.1) * d.size[1])


def tilted(d: Drawing, rng: random.Random) -> Drawing | None:
    if box_of(d.front) is None:
        return None
    return placed(d, 0.94, 0.94, 0, 0, rng.choice((-1, 1)) * rng.uniform(9, 34))


def squashed(d: Drawing, rng: random.Random) -> Drawing | None:
    if box_of(d.front) is None:
        return None
    factor = rng.uniform(0.42, 0.68)
    return placed(d, *((factor, 1.0) if rng.random() < 0.5 else (1.0, factor)), 0, 0)


def _pasted(d: Drawing, count: int, sizes: tuple[float, float], spread: float, rng: random.Random) -> Drawing | None:
    if not d.others:
        return None
    more = ""
    for _ in range(count):
        side = rng.uniform(*sizes) * min(d.size)
        x = d.size[0] * (0.5 + rng.uniform(-spread, spread)) - side / 2
        y = d.size[1] * (0.5 + rng.uniform(-spread, spread)) - side / 2
        more += nested(rng.choice(d.others), x, y, side, rng.uniform(-40, 40) if rng.random() < 0.4 else 0)
    return replace(d, inner=d.inner + more)


def cluttered(d: Drawing, rng: random.Random) -> Drawing | None:
    """Things that do not belong to it strewn over it."""
    return _pasted(d, rng.randint(4, 10), (0.12, 0.34), 0.44, rng)


def overlapped(d: Drawing, rng: random.Random) -> Drawing | None:
    """Another drawing stands in front of it."""
    return _pasted(d, rng.choice((1, 1, 2)), (0.45, 0.75), 0.22, rng)


PIXELS: dict[str, Callable[[Image.Image, random.Random], Image.Image]] = {
    "blur": blur,
    "enlarged": enlarged,
    "jpeg": jpeg,
    "noise": noise,
    "fringe": fringe,
}
DRAWN: dict[str, Callable[[Drawing, random.Random], Drawing | None]] = {
    "pale": pale,
    "muddy": muddy,
    "clash": clash,
    "cropped": cropped,
    "off-centre": off_centre,
    "tiny": tiny,
    "tilted": tilted,
    "squashed": squashed,
    "cluttered": cluttered,
    "overlapped": overlapped,
}


def visible(before: Image.Image, after: Image.Image) -> bool:
    """Whether the two differ to the eye at all: a disc that was turned is the same disc."""
    size = (96, 96)
    apart = 0.0
    for ground in ("white", "#1b1e27"):
        two = []
        for image in (before, after):
            laid = Image.new("RGB", image.size, ground)
            laid.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
            two.append(np.asarray(laid.resize(size, Image.Resampling.BOX), np.float32))
        apart = max(apart, float(np.abs(two[0] - two[1]).mean()))
    return apart > 1.2


def banded(d: Drawing, rng: random.Random) -> tuple[Drawing, Drawing]:
    """The same drawing on a gradient, smooth and in stairs."""
    if d.ground is not None and sum(d.ground) / 3 > 128:
        hue, light = rng.random(), rng.uniform(0.85, 1.0)
    else:
        hue, light = rng.random(), rng.uniform(0.2, 0.4) if d.ground is not None else rng.uniform(0.85, 1)
    a = tuple(int(255 * c) for c in colorsys.hsv_to_rgb(hue, rng.uniform(0.02, 0.25), light))
    b = tuple(
        int(255 * c)
        for c in colorsys.hsv_to_rgb((hue + 0.06) % 1, rng.uniform(0.25, 0.55), light * rng.uniform(0.6, 0.9))
    )
    smooth = replace(d, ground=a, ground_below=b)  # type: ignore[arg-type]
    return smooth, replace(smooth, levels=rng.randint(5, 13))
