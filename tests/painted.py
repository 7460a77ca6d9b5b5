"""Pictures as a diffusion model would have painted them, for tests: textured, ours by their sidecar, with marks laid over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import ModelRef, Record, Request, Sidecar
from imajin_cli.contract.stage import Asset


def texture(size: tuple[int, int] = (640, 480), seed: int = 1, level: float = 110, spread: float = 26) -> Image.Image:
    """Coloured noise of several scales, with grain: nothing in it is flat, and nothing repeats."""
    rng = np.random.default_rng(seed)
    planes = np.full((size[1], size[0], 3), float(level))
    for cells, weight in ((4, 1.6), (9, 1.0), (30, 0.4)):
        small = rng.normal(0, spread * weight, (cells, cells, 3))
        up = [
            Image.fromarray(small[..., c].astype(np.float32), "F").resize(size, Image.Resampling.BICUBIC)
            for c in range(3)
        ]
        planes += np.stack([np.asarray(one) for one in up], -1)
    planes += rng.normal(0, 3, planes.shape[:2])[..., None]
    return Image.fromarray(np.clip(np.round(planes), 0, 255).astype(np.uint8))


def font(size: int) -> ImageFont.FreeTypeFont:
    import fontpkg_inter

    return ImageFont.truetype(str(next((Path(fontpkg_inter.__path__[0]) / "files").glob("Inter[[]*.ttf"))), size)


def ink(size: tuple[int, int], text: str, at: tuple[float, float], high: int, turn: float = 0) -> np.ndarray:
    """Ink 0..1 (height, width) of ``text``, its middle at ``at`` in parts of the picture."""
    face = font(high)
    left, top, right, bottom = face.getbbox(text)
    word = Image.new("L", (int(right - left) + 8, int(bottom - top) + 8))
    ImageDraw.Draw(word).text((4 - left, 4 - top), text, font=face, fill=255)
    word = word.rotate(turn, Image.Resampling.BICUBIC, expand=True)
    plane = Image.new("L", size)
    plane.paste(word, (round(at[0] * size[0] - word.width / 2), round(at[1] * size[1] - word.height / 2)))
    return np.asarray(plane, np.float32) / 255


def tiles(size: tuple[int, int], text: str, high: int, turn: float) -> np.ndarray:
    """Ink 0..1 of ``text`` again and again, every other row moved by half."""
    face = font(high)
    left, top, right, bottom = face.getbbox(text)
    step, down = (right - left) * 1.4, (bottom - top) * 4
    reach = int(np.hypot(*size)) + 40
    sheet = Image.new("L", (reach, reach))
    for row in range(int(reach / down) + 1):
        for column in range(-1, int(reach / step) + 1):
            ImageDraw.Draw(sheet).text(((column + 0.5 * (row % 2)) * step, row * down), text, font=face, fill=255)
    x, y = (reach - size[0]) // 2, (reach - size[1]) // 2
    return (
        np.asarray(sheet.rotate(turn, Image.Resampling.BICUBIC).crop((x, y, x + size[0], y + size[1])), np.float32)
        / 255
    )


def laid(image: Image.Image, plane: np.ndarray, opacity: float, level: int = 255) -> Image.Image:
    """``image`` with ink of one grey ``level`` over it."""
    share = plane[..., None] * opacity
    return Image.fromarray(np.round(np.asarray(image) * (1 - share) + level * share).astype(np.uint8))


def ours(image: Image.Image, prompt: str = "a meadow", **more: object) -> Asset:
    """An asset whose sidecar says that a diffusion model painted it here; ``more`` goes into its request."""
    picture = Picture.of(image)
    record = Record(
        stage="generate", version="1", backend="diffusers", model=ModelRef(name="unlisted", revision="r1"), status="changed",
        output=picture.sha256, key="0" * 64,
    )  # fmt: skip
    return Asset(Sidecar(id="a", request=Request(prompt=prompt, **more), seed=5, stages=[record]), picture, "a.png")
