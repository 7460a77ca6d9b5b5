"""How exact `remove-background` is: ``python -m benchmarks.mattes`` cuts out pictures of known alpha, and writes MATTES.md.

Scenes come from `compose`; fur, glass and a blurred edge are drawn here, four times as large and scaled down. Each stands on
flat, shaded and busy grounds. A network that is not on this machine is left out, and the page says so.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import functools
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from imajin_cli.contract.errors import ImajinError
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Request, Sidecar
from imajin_cli.contract.stage import Asset
from imajin_cli.stages.backends import mattes
from imajin_cli.stages.backends.mattes import there
from imajin_cli.stages.generate import Generate, GenerateParams
from imajin_cli.stages.remove_background import PERSON, RemoveBackground, RemoveBackgroundParams

HERE = Path(__file__).parent
SIDE = 512
PROMPTS = (
    "page not found", "a rocket", "an empty inbox", "payment failed", "no internet connection", "a smiling woman with glasses",
    "a lost robot", "welcome aboard",
)  # fmt: skip
FLAT = {"white": (255, 255, 255), "grey": (128, 128, 128), "teal": (20, 140, 150), "dark": (24, 26, 38)}
ON = {"black": (0, 0, 0), "white": (255, 255, 255), "magenta": (255, 0, 255)}
METHODS: dict[str, dict] = {
    "flat": {"method": "flat", "min_confidence": 0},
    "flat, enclosed removed": {"method": "flat", "enclosed": "remove", "min_confidence": 0},
    "flat, edge 24": {"method": "flat", "edge": 24, "min_confidence": 0},
    "isnet-small": {"method": "network", "model": "isnet-small", "min_confidence": 0},
    "isnet-small, unrefined": {
        "method": "network", "model": "isnet-small", "min_confidence": 0, "refine": False, "decontaminate": False,
    },
    "selfie-matte": {"method": "person", "min_confidence": 0},
}  # fmt: skip


def scenes() -> Iterator[tuple[str, Image.Image]]:
    """Composed scenes without a ground, RGBA."""
    stage = Generate(GenerateParams(background="none"))
    for prompt in PROMPTS:
        job = next(iter(stage.plan(Request(prompt=prompt, size=[f"{SIDE}x{SIDE}"], seed=3))))
        yield prompt, stage.make(job).picture.image


def fur() -> Image.Image:
    """A round animal of 2,600 hairs, each about a pixel wide at its root and thinner towards its tip."""
    random = np.random.default_rng(7)
    big = SIDE * 4
    image = Image.new("RGBA", (big, big), (96, 62, 36, 0))
    draw = ImageDraw.Draw(image)
    centre, radius = big / 2, big * 0.27
    draw.ellipse([centre - radius, centre - radius, centre + radius, centre + radius], fill=(120, 80, 48, 255))
    for _ in range(2600):
        turn, length, bend = random.uniform(0, 2 * math.pi), random.uniform(0.1, 0.42), random.normal(0, 0.35)
        shade = random.uniform(0.6, 1.25)
        colour = tuple(int(min(255, level * shade)) for level in (120, 80, 48))
        x, y = centre + radius * 0.93 * math.cos(turn), centre + radius * 0.93 * math.sin(turn)
        for step in range(6):
            turn += bend / 6
            nx, ny = x + radius * length / 6 * math.cos(turn), y + radius * length / 6 * math.sin(turn)
            draw.line([x, y, nx, ny], fill=(*colour, 255), width=max(1, 5 - step))
            x, y = nx, ny
    return _halved(image)


def glass() -> Image.Image:
    """A tinted tumbler: sides of alpha 0.35, a denser rim and foot, two bright reflections."""
    big = SIDE * 4
    body, rim, shine = (Image.new("L", (big, big), 0) for _ in range(3))
    at = [big * v for v in (0.3, 0.18, 0.7, 0.84)]
    ImageDraw.Draw(body).rounded_rectangle(at, radius=big * 0.05, fill=90)
    draw = ImageDraw.Draw(rim)
    draw.rounded_rectangle(at, radius=big * 0.05, outline=200, width=big // 64)
    draw.rectangle([at[0] + big / 60, big * 0.77, at[2] - big / 60, big * 0.83], fill=150)
    pen = ImageDraw.Draw(shine)
    pen.rounded_rectangle([big * 0.35, big * 0.25, big * 0.375, big * 0.66], radius=big // 90, fill=235)
    pen.rounded_rectangle([big * 0.62, big * 0.3, big * 0.635, big * 0.5], radius=big // 90, fill=190)
    alpha = np.maximum(np.maximum(np.asarray(body), np.asarray(rim)), np.asarray(shine))
    lit = np.asarray(shine)[..., None] > 0
    colour = np.where(lit, np.array([250, 253, 255]), np.array([52, 128, 142])).astype(np.uint8)
    return _halved(Image.fromarray(np.dstack([colour, alpha]), "RGBA"))


def blurred() -> Image.Image:
    """A badge with an edge that is out of focus over about ten pixels."""
    mask = Image.new("L", (SIDE, SIDE), 0)
    ImageDraw.Draw(mask).ellipse([SIDE * v for v in (0.25, 0.25, 0.75, 0.75)], fill=255)
    mask = mask.filter(ImageFilter.GaussianBlur(4))
    image = Image.new("RGBA", (SIDE, SIDE), (214, 64, 69, 255))
    image.putalpha(mask)
    return image


def _halved(image: Image.Image) -> Image.Image:
    return image.resize((SIDE, SIDE), Image.Resampling.BOX)


def grounds() -> dict[str, np.ndarray]:
    """Grounds by name, (SIDE, SIDE, 3)."""
    made = {name: np.full((SIDE, SIDE, 3), colour, np.uint8) for name, colour in FLAT.items()}
    slope = np.linspace(0, 1, SIDE)[:, None, None]
    made["shaded"] = np.broadcast_to(235 - slope * np.array([120, 90, 60]), (SIDE, SIDE, 3)).astype(np.uint8)
    random = np.random.default_rng(11)
    busy = np.zeros((SIDE, SIDE, 3))
    for cells, weight in ((6, 90), (24, 50), (96, 25)):
        noise = Image.fromarray(random.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        busy += (np.asarray(noise.resize((SIDE, SIDE), Image.Resampling.BICUBIC), float) / 255 - 0.5) * weight
    made["busy"] = np.clip(128 + busy, 0, 255).astype(np.uint8)
    return made


def on(cut: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Straight RGBA (height, width, 4) over a ground, as 8-bit RGB: blended in sRGB's values."""
    alpha = cut[..., 3:].astype(np.float64) / 255
    return np.round(cut[..., :3] * alpha + ground * (1 - alpha)).astype(np.uint8)


def errors(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """SAD in thousands, MSE in thousandths, gradient error in thousands (Rhemann et al., CVPR 2009); levels off on grounds."""
    a, b = (picture[..., 3].astype(np.float64) / 255 for picture in (found, truth))
    table = {
        "SAD": float(np.abs(a - b).sum() / 1000),
        "MSE": float(((a - b) ** 2).mean() * 1000),
        "gradient": float(((_gradient(a) - _gradient(b)) ** 2).sum() / 1000),
    }
    for name, colour in ON.items():
        ground = np.array(colour)
        off = np.abs(on(found, ground).astype(int) - on(truth, ground))
        # Over what is not solid ground in both, else large empty pictures look better.
        seen = (found[..., 3] > 0) | (truth[..., 3] > 0)
        table[name] = float(off[seen].mean()) if seen.any() else 0.0
    return table


def _gradient(alpha: np.ndarray, sigma: float = 1.4) -> np.ndarray:
    """Length of the gradient by derivatives of a Gaussian."""
    reach = math.ceil(3 * sigma)
    x = np.arange(-reach, reach + 1)
    bell = np.exp(-(x**2) / (2 * sigma**2))
    slope = -x * bell / sigma**2
    bell /= np.sqrt((bell**2).sum())
    slope /= np.sqrt((slope**2).sum())
    return np.hypot(_along(_along(alpha, bell, 0), slope, 1), _along(_along(alpha, slope, 0), bell, 1))


def _along(plane: np.ndarray, kernel: np.ndarray, axis: int) -> np.ndarray:
    return np.apply_along_axis(lambda row: np.convolve(row, kernel, "same"), axis, plane)


def measure(say: Callable[[str], None]) -> dict[str, dict]:
    """Errors by method, kind of picture and ground, averaged over pictures."""
    pictures = [("scene", name, image) for name, image in scenes()]
    pictures += [("fur", "fur", fur()), ("glass", "glass", glass()), ("blurred edge", "blur", blurred())]
    rows: dict[str, list[dict[str, float]]] = {}
    # Asked once for each picture, whatever is done with the answer.
    mattes.matte = lambda name, image: _matte(name, image.size, image.tobytes())
    refused: dict[str, int] = {}
    for kind, name, image in pictures:
        truth = np.asarray(image.convert("RGBA"))
        for ground, pixels in grounds().items():
            for method, params in METHODS.items():
                if not _applies(method, kind, name, ground):
                    continue
                key = f"{method}|{kind}|{'flat: white' if ground == 'white' else 'flat' if ground in FLAT else ground}"
                stage = RemoveBackground(RemoveBackgroundParams(**params))
                try:
                    done = stage.apply(Asset(Sidecar(id="x"), Picture.of(Image.fromarray(on(truth, pixels)))))
                except ImajinError as error:
                    refused[key] = refused.get(key, 0) + 1
                    say(f"{key} {name} on {ground}: {error.message}")
                    continue
                sure = next(score.value for score in done.scores if score.name == "confidence")
                found = errors(np.asarray(done.picture.image), truth)
                rows.setdefault(key, []).append({**found, "confidence": sure})
                say(f"{key} {name} on {ground}: SAD {found['SAD']:.3f} confidence {sure:.3f}")
    rows["vector|scene|flat"] = list(_vectors())
    table = {
        key: {"pictures": len(rows.get(key, [])), "refused": refused.get(key, 0)}
        for key in sorted(rows.keys() | refused.keys())
    }
    for key, found in rows.items():
        table[key] |= {name: sum(row[name] for row in found) / len(found) for name in found[0]}
    return table


@functools.lru_cache(maxsize=4)
def _matte(name: str, size: tuple[int, int], pixels: bytes) -> np.ndarray:
    return _ask(name, Image.frombytes("RGB", size, pixels))


_ask = mattes.matte


def _applies(method: str, kind: str, name: str, ground: str) -> bool:
    if method.startswith("flat"):
        return ground in FLAT and (method != "flat, edge 24" or kind in ("fur", "blurred edge"))
    model = PERSON if method == PERSON else "isnet-small"
    few = name in PROMPTS[:3] or name in PROMPTS[5:6] or kind != "scene"
    return there(model) and few and ground in ("teal", "shaded", "busy") and (model != PERSON or name == PROMPTS[5])


def _vectors() -> Iterator[dict[str, float]]:
    """Scenes with their ground drawn, cut out by leaving it out of the vector, against the scene drawn without one."""
    for name, colour in FLAT.items():
        text = "#" + "".join(f"{level:02x}" for level in colour)
        with_ground, without = (Generate(GenerateParams(background=back)) for back in (text, "none"))
        for prompt in PROMPTS:
            request = Request(prompt=prompt, size=[f"{SIDE}x{SIDE}"], seed=3)
            picture = with_ground.make(next(iter(with_ground.plan(request)))).picture
            truth = without.make(next(iter(without.plan(request)))).picture
            done = RemoveBackground(RemoveBackgroundParams(method="vector")).apply(Asset(Sidecar(id=name), picture))
            found = errors(np.asarray(done.picture.image), np.asarray(truth.image))
            yield {**found, "confidence": 1.0}


def page(table: dict[str, dict]) -> str:
    """MATTES.md."""
    lines = [
        "# How exact `remove-background` is",
        "",
        "Made by `python -m benchmarks.mattes`: pictures whose alpha is known, "
        f"{SIDE} px, put on flat grounds ({', '.join(FLAT)}), a shaded and a busy one. SAD in thousands, MSE in thousandths, "
        "gradient error in thousands (as alphamatting.com counts them, over the whole picture); the last columns are the mean "
        "levels of 255 that colours are off where something is to be seen, with the cut-out put on black, white and magenta.",
        "",
        "| method | picture | ground | pictures | SAD | MSE | gradient | black | white | magenta | confidence |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for key, row in table.items():
        counted = f"{row['pictures']}" + (f", {row['refused']} refused" if row["refused"] else "")
        shown = [f"{row[name]:.3f}" if name in row else "" for name in ("SAD", "MSE", "gradient", *ON, "confidence")]
        lines.append(f"| {' | '.join([*key.split('|'), counted, *shown])} |")
    absent = [name for name in ("isnet-small", PERSON) if not there(name)]
    if absent:
        lines += ["", f"Not on this machine, so not measured: {', '.join(absent)}."]
    return "\n".join([*lines, "", NOTES])


NOTES = """\
What the rows say:

- A vector is exact. On a flat ground that no shape of the picture shares, edges are exact to a level or two; what is left
  comes from shapes drawn over each other with the same outline, whose edge pixels hold three colours.
- On white, drawings have white parts of their own. Where these touch the ground, or are enclosed and were asked to be
  removed, no method can tell them from it: use another ground, or the vector.
- Glass on one flat ground cannot be told from an opaque shape of a paler colour, and is taken for one, edges aside.
- A network knows photographs. On flat drawings it loses parts, and its confidence says so only in part: that is why `auto`
  asks it last, and why less than 0.85 is an error.
"""


def main() -> None:
    """Measure and write both files."""
    table = measure(lambda line: print(line, file=sys.stderr, flush=True))
    (HERE / "mattes.json").write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
    (HERE / "MATTES.md").write_text(page(table))
    print(page(table))


if __name__ == "__main__":
    main()
