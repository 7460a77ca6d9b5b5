"""What `remove-watermark` finds and takes off: ``python -m benchmarks.strays PHOTOS [FONT.ttf…] --write``.

    python -m benchmarks.photos PHOTOS

Marks of known place are laid over composed scenes, drawn as pixels, and over sample photographs: stock names, previews,
claims of rights, signatures (in the fonts given, handwriting among them, and as scribbles that spell nothing), and tiled
overlays, at several opacities and angles. The same pictures without a mark, and with text that their request asked for, count
false alarms. A mark is *found* where something that was found lies on it, *removed* where it was looked for again and is
gone; *off* is how far the pixels under it are from the picture before it was marked, in levels, before and after.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.gates_moderate import interval
from imajin_cli.contract.sidecar import Request
from imajin_cli.stages.backends.inpaint import telea
from imajin_cli.stages.generate import Generate, GenerateParams
from imajin_cli.stages.imaging.decode import decode
from imajin_cli.stages.strays.find import Looking, marks
from imajin_cli.stages.strays.remove import removed
from imajin_cli.stages.strays.words import wanted

HERE = Path(__file__).parent
SIDE = 896
PROMPTS = (
    "page not found", "an empty inbox", "a rocket launch", "mountains at night", "a team at work", "payment failed",
    "a lost robot in space", "a city", "welcome aboard", "no internet connection", "an empty cart", "a smiling woman",
)  # fmt: skip
STOCK = (
    "shutterstock",
    "gettyimages",
    "iStock",
    "Adobe Stock",
    "alamy",
    "dreamstime",
    "depositphotos",
    "123RF",
    "freepik",
)
SIGNED = ("J. Miller", "Anna K.", "R. Doe 21", "M. Laurent", "Studio Kei", "Piotr W.")
RIGHTS = ("© 2021 Jane Doe", "www.artofkei.com", "© Studio North", "@pixelmaker")
KINDS = (
    "stock, one",
    "preview, across",
    "rights, in a corner",
    "signature, in a corner",
    "scribble, in a corner",
    "tiled",
)
HEADLINES = ("Page not found", "404", "Nothing here yet", "Welcome back", "500 Server error", "Sold out")


class Marked(NamedTuple):
    """A picture, the same with a mark, where the mark is, and how it was made."""

    clean: np.ndarray
    pixels: np.ndarray
    mask: np.ndarray
    how: dict[str, Any]


def scenes() -> Iterator[tuple[str, Image.Image]]:
    """Composed scenes as pixels, light and dark."""
    for at, prompt in enumerate(PROMPTS):
        stage = Generate(GenerateParams(background="tint", theme="dark" if at % 3 == 2 else "light"))
        size = f"{SIDE}x{SIDE}" if at % 2 else f"{SIDE}x{SIDE * 9 // 16}"
        yield (
            prompt,
            stage.make(next(iter(stage.plan(Request(prompt=prompt, size=[size], seed=at))))).picture.image.convert(
                "RGB"
            ),
        )


def photos(folder: Path) -> Iterator[tuple[str, Image.Image]]:
    for path in sorted(folder.iterdir()):
        image = decode(path.read_bytes()).image.convert("RGB")
        if min(image.size) >= 256:
            image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            yield path.stem, image


def font(draw: random.Random, fonts: list[Path], size: int) -> ImageFont.FreeTypeFont:
    found = ImageFont.truetype(str(draw.choice(fonts)), size)
    with suppress(OSError):
        found.set_variation_by_axes(
            [draw.choice([400, 700]) if axis["name"] != b"Optical Size" else 14 for axis in found.get_variation_axes()]
        )
    return found


def text_plane(
    size: tuple[int, int], text: str, face: ImageFont.FreeTypeFont, at: tuple[float, float], angle: float
) -> Image.Image:
    """Ink 0..255 of ``text`` with its middle at ``at``, turned by ``angle``."""
    left, top, right, bottom = face.getbbox(text)
    word = Image.new("L", (int(right - left) + 8, int(bottom - top) + 8))
    ImageDraw.Draw(word).text((4 - left, 4 - top), text, font=face, fill=255)
    word = word.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    plane = Image.new("L", size)
    plane.paste(word, (round(at[0] - word.width / 2), round(at[1] - word.height / 2)))
    return plane


def scribble(draw: random.Random, size: tuple[int, int]) -> Image.Image:
    """A signature that spells nothing: loops along a line, in a lower corner."""
    width, height = draw.uniform(0.14, 0.24) * min(size), draw.uniform(0.03, 0.05) * min(size)
    x0 = (
        size[0] - width - draw.uniform(0.03, 0.07) * size[0]
        if draw.random() < 0.7
        else draw.uniform(0.03, 0.07) * size[0]
    )
    y0 = size[1] - height - draw.uniform(0.03, 0.06) * size[1]
    turns, phase = draw.uniform(4, 7), draw.uniform(0, 6)
    points = []
    for step in range(120):
        t = step / 119
        lean = np.sin(2 * np.pi * turns * t + phase)
        points.append(
            (x0 + width * (t + 0.06 * np.cos(2 * np.pi * turns * t)), y0 + height * (0.5 - 0.45 * lean * (1 - 0.5 * t)))
        )
    big = Image.new("L", (size[0] * 2, size[1] * 2))
    ImageDraw.Draw(big).line(
        [(x * 2, y * 2) for x, y in points], fill=255, width=max(4, round(size[1] / 180)), joint="curve"
    )
    return big.resize(size, Image.Resampling.BOX)


def ink(
    kind: str, draw: random.Random, size: tuple[int, int], fonts: list[Path]
) -> tuple[Image.Image, dict[str, Any], float]:
    """The mark's ink, how it was made, and its opacity."""
    short = min(size)
    corner = (size[0] * draw.choice([0.17, 0.83]), size[1] * draw.choice([0.06, 0.94]))
    if kind == "scribble, in a corner":
        return scribble(draw, size), {"kind": kind}, draw.choice([0.7, 1.0])
    if kind == "tiled":
        text, angle, opacity = draw.choice(STOCK), draw.choice([0, 30, 45]), draw.choice([0.12, 0.2, 0.35])
        face = font(draw, fonts, round(short * draw.uniform(0.035, 0.055)))
        left, top, right, bottom = face.getbbox(text)
        step, down = (right - left) * draw.uniform(1.25, 1.6), (bottom - top) * draw.uniform(3.0, 5.0)
        reach = int(np.hypot(*size)) + 40
        sheet = Image.new("L", (reach, reach))
        pen = ImageDraw.Draw(sheet)
        for row in range(int(reach / down) + 1):
            for column in range(-1, int(reach / step) + 1):
                pen.text(((column + 0.5 * (row % 2)) * step, row * down), text, font=face, fill=255)
        sheet = sheet.rotate(angle, Image.Resampling.BICUBIC)
        x, y = (reach - size[0]) // 2, (reach - size[1]) // 2
        return sheet.crop((x, y, x + size[0], y + size[1])), {"kind": kind, "text": text, "angle": angle}, opacity
    lower, turn = (size[0] / 2, size[1] * draw.uniform(0.3, 0.7)), draw.choice([0, 30, 45])
    middle = (size[0] / 2, size[1] / 2)
    text, opacity, angle, at, high = {
        "stock, one": (draw.choice(STOCK), draw.choice([0.2, 0.35, 0.6]), draw.choice([0, 0, 30]), lower, 0.09),
        "preview, across": (draw.choice(["PREVIEW", "SAMPLE"]), draw.choice([0.2, 0.35]), turn, middle, 0.16),
        "rights, in a corner": (draw.choice(RIGHTS), draw.choice([0.35, 0.6, 1.0]), 0, corner, 0.032),
        "signature, in a corner": (draw.choice(SIGNED), draw.choice([0.6, 1.0]), draw.choice([0, 8]), corner, 0.04),
    }[kind]  # fmt: skip
    face = font(draw, fonts, max(14, round(short * high)))
    return text_plane(size, text, face, at, angle), {"kind": kind, "text": text, "angle": angle}, opacity


def marked(image: Image.Image, kind: str, draw: random.Random, fonts: list[Path]) -> Marked:
    """``image`` with a mark of ``kind`` blended over it, light or dark by its ground (tiles: light or grey)."""
    plane, how, opacity = ink(kind, draw, image.size, fonts)
    clean = np.asarray(image)
    weights = np.asarray(plane, np.float32)[..., None] / 255 * opacity
    ground = clean[np.asarray(plane) > 0].mean() if (np.asarray(plane) > 0).any() else 128
    level = (255 if ground < 128 else 30) if kind != "tiled" else (255 if ground < 170 else 90)
    pixels = np.round(clean * (1 - weights) + level * weights).astype(np.uint8)
    return Marked(clean, pixels, np.asarray(plane) > 40, {**how, "opacity": opacity})


def tried(one: Marked, looking: Looking) -> dict[str, Any]:
    start = time.perf_counter()
    found = marks(one.pixels, looking)
    # Any of its strokes: a tile or a word of it is enough for "found", "removed" wants all of it gone.
    on = [mark for mark in found if (mark.whole & one.mask).sum() > 0.05 * min(mark.whole.sum(), one.mask.sum())]
    stray = [mark for mark in found if not any(mark is other for other in on)]
    looked = time.perf_counter() - start
    told: dict[str, Any] = {**one.how, "found": bool(on), "stray": len(stray), "seconds": round(looked, 2)}
    if on:
        done = removed(one.pixels, found, telea, lambda pixels: marks(pixels, looking), 6)
        gone = [fate.gone for fate in done.fates if any(fate.mark is mark for mark in on)]
        told["removed"] = all(gone)
        told["covered"] = round(float(np.logical_or.reduce([m.mask for m in on])[one.mask].mean()), 3)
        for name, pixels in (("before", one.pixels), ("after", done.pixels)):
            told[f"off_{name}"] = round(float(np.abs(pixels[one.mask].astype(int) - one.clean[one.mask]).mean()), 2)
    return told


def with_headline(image: Image.Image, draw: random.Random, fonts: list[Path]) -> tuple[np.ndarray, str]:
    """The picture with text that a request asks for, large in the middle or small at its lower edge."""
    text = draw.choice(HEADLINES)
    large = draw.random() < 0.6
    face = font(draw, fonts, round(min(image.size) * (0.1 if large else 0.045)))
    at = (
        (image.width / 2, image.height * (0.25 if large else 0.93))
        if large
        else (image.width * 0.18, image.height * 0.93)
    )
    plane = np.asarray(text_plane(image.size, text, face, at, 0), np.float32)[..., None] / 255
    clean = np.asarray(image)
    level = 255 if clean[plane[..., 0] > 0].mean() < 128 else 20
    return np.round(clean * (1 - plane) + level * plane).astype(np.uint8), text


def measure(pictures: list[tuple[str, str, Image.Image]], fonts: list[Path], rounds: int) -> list[dict[str, Any]]:
    rows = []
    for at, (group, name, image) in enumerate(pictures):
        draw = random.Random(1000 + at)
        request = Request(prompt=name if group == "scene" else "a photograph")
        looking = Looking(wanted(request, []))
        found = marks(np.asarray(image), looking)
        rows.append(
            {"group": group, "picture": name, "kind": "clean", "alarms": [f"{m.kind}: {m.text}" for m in found]}
        )
        pixels, text = with_headline(image, draw, fonts)
        asked = Looking(wanted(request.model_copy(update={"headline": text}), []))
        found = marks(pixels, asked)
        rows.append(
            {"group": group, "picture": name, "kind": "wanted text", "alarms": [f"{m.kind}: {m.text}" for m in found]}
        )
        kinds = [KINDS[(at * rounds + k) % len(KINDS)] for k in range(rounds)]
        rows += [
            {"group": group, "picture": name, **tried(marked(image, kind, draw, fonts), looking)} for kind in kinds
        ]
        print(json.dumps(rows[-rounds - 2 :]), flush=True)
    return rows


def share(hits: int, of: int) -> str:
    if not of:
        return "-"
    low, high = interval(hits, of)
    return f"{hits}/{of} ({low:.0%} to {high:.0%})"


def page(rows: list[dict[str, Any]]) -> str:
    out = ["| marks | on | found | removed | off before | off after |", "|---|---|---|---|---|---|"]
    by = defaultdict(list)
    for row in rows:
        if "found" in row:
            by[row["kind"], row["group"]].append(row)
    for (kind, group), some in sorted(by.items()):
        on = [row for row in some if row["found"]]
        off = [f"{np.mean([r[key] for r in on]):.1f}" if on else "-" for key in ("off_before", "off_after")]
        gone = sum(r["removed"] for r in on)
        out.append(
            f"| {kind} | {group}s | {share(len(on), len(some))} | {share(gone, len(some))} | {off[0]} | {off[1]} |"
        )
    out += ["", "| false alarms | on | pictures with one |", "|---|---|---|"]
    for kind in ("clean", "wanted text"):
        for group in ("scene", "photo"):
            some = [row for row in rows if row["kind"] == kind and row["group"] == group]
            out.append(f"| {kind} | {group}s | {share(sum(bool(r['alarms']) for r in some), len(some))} |")
    strays = [row for row in rows if "found" in row]
    out.append(f"| beside a mark | all | {share(sum(bool(r['stray']) for r in strays), len(strays))} |")
    seconds = sorted(row["seconds"] for row in strays)
    out += [
        "",
        f"Looking takes {seconds[len(seconds) // 2]:.1f} s a picture at the median, {seconds[-1]:.1f} s at most.",
    ]
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("fonts", type=Path, nargs="*")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    import fontpkg_inter
    import fontpkg_noto_sans

    fonts = [
        next((Path(m.__path__[0]) / "files").glob("*s[[]*.ttf" if m is fontpkg_noto_sans else "Inter[[]*"))
        for m in (fontpkg_inter, fontpkg_noto_sans)
    ]
    pictures = [("scene", *one) for one in scenes()] + [("photo", *one) for one in photos(given.photos)]
    rows = measure(pictures[: given.most], [*fonts, *given.fonts], given.rounds)
    print(page(rows))
    if given.write:
        (HERE / "strays.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        head = (__doc__ or "").split("\n\n", 2)[2]
        (HERE / "STRAYS.md").write_text(
            f"# Painted marks: what is found and taken off\n\n{head.strip()}\n\n{page(rows)}\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
