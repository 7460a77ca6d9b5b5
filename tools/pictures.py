"""Make the pictures of the docs anew: the README's sheet, and the stand-in for a photo that its examples read."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
SIDE, GAP = 300, 12
# Prompt, and further options.
SHEET = (
    ("a friendly robot looking for a lost page", "--layout", "spot"),
    ("page not found", "--layout", "numerals", "--colour", "#0f766e"),
    ("payment failed",),
    ("no internet connection", "--seed", "1"),
    ("avatar of a smiling woman with glasses and curly hair", "--layout", "avatar"),
    ("app icon with a rocket", "--layout", "icon"),
    ("server on fire", "--theme", "dark", "--background", "paper", "--layout", "spot"),
    ("an empty inbox", "--theme", "dark", "--background", "paper"),
    ("a penguin on a campfire trip", "--theme", "dark", "--background", "paper"),
    ("you are all caught up", "--theme", "dark", "--background", "paper"),
)


def sheet(columns: int = 5) -> Image.Image:
    """The README's picture: one candidate a prompt, on its theme's surface."""
    rows = -(-len(SHEET) // columns)
    page = Image.new("RGB", (columns * (SIDE + GAP) - GAP, rows * (SIDE + GAP) - GAP), "#ffffff")
    with tempfile.TemporaryDirectory() as folder:
        for i, (prompt, *options) in enumerate(SHEET):
            command = [sys.executable, "-m", "imajin_cli", "generate", prompt, *options]
            command += ["--size", f"{2 * SIDE}", "--out-dir", folder, "-q"]
            name = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
            with Image.open(name) as image:
                small = image.convert("RGBA").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            page.paste(small, (i % columns * (SIDE + GAP), i // columns * (SIDE + GAP)), small)
    return page


def photo(width: int = 1200, height: int = 800) -> Image.Image:
    """Hills in the evening, out of noise: soft, grainy and full of colours, as a photo is."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:height, 0:width] / height
    picture = np.stack([0.95 - 0.25 * y, 0.62 - 0.1 * y, 0.45 + 0.25 * y], -1)
    for depth in range(5):
        ridge = 0.42 + 0.11 * depth
        for octave in range(1, 7):
            ridge = ridge + 0.12 / 2**octave * np.sin(x * 3.1 * 1.9**octave + rng.uniform(0, 6)) * rng.uniform(0.5, 1)
        shade = np.array([0.5, 0.42, 0.5]) * (1 - depth / 6)
        picture = np.where((y > ridge)[..., None], shade + 0.08 * (y - ridge)[..., None], picture)
    picture += rng.normal(0, 0.012, picture.shape)
    image = Image.fromarray(np.uint8(np.clip(picture, 0, 1) * 255))
    return image.filter(ImageFilter.GaussianBlur(0.6))


if __name__ == "__main__":
    PICTURES.mkdir(parents=True, exist_ok=True)
    photo().save(PICTURES / "photo.jpg", quality=85)
    page = sheet()
    page.quantize(256, dither=Image.Dither.NONE).save(PICTURES / "sheet.png", optimize=True)
