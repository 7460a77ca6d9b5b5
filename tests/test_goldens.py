"""A few pictures as they were when somebody last looked at them: a change to the art shows here, and is looked at.

`pytest tests/test_goldens.py --rewrite-goldens` writes them anew. They are compared by what is to be seen, not by bytes.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw

from processes import inside

GOLDENS = Path(__file__).parent / "goldens"
# Mean difference of all channels, of 255, and share of pixels with a channel that is off by more than FAR.
MEAN, SHARE, FAR = 1.0, 0.002, 24
# Numbers in an SVG may be off by this many pixels.
NEAR = 0.25


class Golden(NamedTuple):
    """A run of the command line, None for a preset's own prompt. ``svg`` says that the scene's text is kept as well."""

    prompt: str | None
    options: tuple[str, ...]
    kind: str = "png"
    svg: bool = False


def run(prompt: str | None, options: str, *more: str, kind: str = "png", svg: bool = False) -> Golden:
    return Golden(prompt, (*options.split(), *more), kind, svg)


CASES = {
    "spot-light": run("an empty inbox", "--layout spot --size 128", svg=True),
    "spot-dark": run("you are offline", "--layout spot --theme dark --size 128"),
    "spot-contrast": run("payment failed", "--layout spot --theme contrast --size 128"),
    "spot-robot": run("a friendly robot looking for a lost page", "--layout spot --colour teal --size 128"),
    "hero-light": run("welcome to the team", "--layout hero --size 192x108", svg=True),
    "hero-dark": run("a rocket launch", "--layout hero --theme dark --size 192x108"),
    "banner-light": run("scheduled maintenance", "--layout banner --size 192x64"),
    "pattern-dark": run("payment failed", "--layout pattern --theme dark --size 128"),
    "numerals-light": run("page not found", "--layout numerals --size 128", svg=True),
    "avatar-light": run("a woman with glasses", "--layout avatar --size 128"),
    "icon-contrast": run("a shield", "--layout icon --theme contrast --size 96"),
    "icon-files": run("a shield", "--layout icon --colour teal --size 96", kind="ico"),
    "text-english": run(
        "page not found", "--size 256x128", "--headline", "This page is lost", "--caption", "Go back home"
    ),
    "text-arabic": run(
        "الصفحة غير موجودة", "--size 256x128", "--headline", "الصفحة غير موجودة", "--caption", "عد إلى ١٢٣"
    ),
}


# Presets of their own prompts, each for a light and for a dark page.
PRESETS = (
    *(f"error-{code}" for code in (400, 401, 403, 404, 408, 410, 429, 500, 502, 503, 504)),
    "maintenance", "offline", "skeleton-anime", "chat", "platform",
)  # fmt: skip
# What the gates say of them is tested elsewhere; here they would only take time.
BARE = "--size 96 --skip moderate --skip semantic --skip aesthetic --set output.master=false"
CASES |= {
    f"preset-{name}{variant}": run(None, f"--preset {name}{variant} {BARE}") for name in PRESETS for variant in ("", "-dark")
}


def made(case: Golden, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Suffix → the file that the command line publishes for a case."""
    suffixes = {case.kind, *(["svg"] if case.svg else [])}
    formats = [word for suffix in sorted(suffixes) for word in ("--format", suffix)]
    prompt = [] if case.prompt is None else [case.prompt]
    # How it looks is held here, not whether the semantic gate, at so few pixels, finds that it fits its prompt.
    fixed = ("--skip", "quality", "--set", "semantic.judge=never", "--set", "output.palette=false",
        "--set", "output.lossless=yes", "-o", "out")  # fmt: skip
    code, _, err = inside(capfd, monkeypatch, "run", *prompt, *case.options, *formats, *fixed)
    assert code == 0, err
    found = {suffix: list(Path("out").glob(f"*.{suffix}")) for suffix in suffixes}
    assert all(len(paths) == 1 for paths in found.values()), found
    return {suffix: paths[0] for suffix, paths in found.items()}


# Pictures.


def opened(path: Path) -> Image.Image:
    """A picture in RGBA; an ICO file's pictures side by side."""
    with Image.open(path) as image:
        if image.format != "ICO":
            return image.convert("RGBA")
        sizes = sorted(image.info["sizes"])
        sheet = Image.new("RGBA", (sum(width for width, _ in sizes), max(height for _, height in sizes)))
        left = 0
        for size in sizes:
            sheet.paste(image.ico.getimage(size).convert("RGBA"), (left, 0))
            left += size[0]
        return sheet


def planes(image: Image.Image) -> np.ndarray:
    """Colour over white and opacity, so that the colour of what cannot be seen does not count."""
    pixels = np.asarray(image.convert("RGBA"), np.float64)
    alpha = pixels[..., 3:]
    return np.concatenate([pixels[..., :3] * alpha / 255 + 255 - alpha, alpha], axis=2)


def difference(golden: Image.Image, image: Image.Image) -> str | None:
    """What tells ``image`` from ``golden``, None where nobody would see it."""
    if golden.size != image.size:
        return f"its size is {image.size}, not {golden.size}"
    off = np.abs(planes(golden) - planes(image))
    mean, share = float(off.mean()), float((off.max(axis=2) > FAR).mean())
    if mean <= MEAN and share <= SHARE:
        return None
    return f"{mean:.2f} of 255 off on the whole, {100 * share:.1f} % of the pixels far off"


# Scenes as text.


def normalised(svg: str) -> list[str]:
    """An SVG with one element a line and numbers to a tenth of a pixel."""
    lines = re.sub(r">\s*<", ">\n<", svg.strip()).splitlines()
    return [
        re.sub(r"-?\d*\.?\d+", lambda number: f"{round(float(number[0]), 1):g}", _colours_apart(line)) for line in lines
    ]


def _colours_apart(line: str) -> str:
    """A line whose colours hold no numbers: #12ab9f → #bcklarj, a letter for each digit."""
    shifted = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
    return re.sub(r"#([0-9a-f]{6})\b", lambda colour: "#" + colour[1].translate(shifted), line)


def same_text(golden: list[str], made: list[str]) -> str | None:
    """The first lines that differ by more than NEAR in a number, or in anything else; None for none."""
    number = re.compile(r"-?\d*\.?\d+(?:e-?\d+)?")
    for at, (old, new) in enumerate(zip(golden, made, strict=False), 1):
        before, after = [float(n) for n in number.findall(old)], [float(n) for n in number.findall(new)]
        close = len(before) == len(after) and all(abs(a - b) <= NEAR for a, b in zip(before, after, strict=True))
        if not close or number.sub("0", old) != number.sub("0", new):
            return f"line {at}:\n" + "\n".join(difflib.ndiff([old[:300]], [new[:300]]))
    return None if len(golden) == len(made) else f"{len(made)} elements, not {len(golden)}"


@pytest.mark.parametrize("name", list(CASES))
def test_it_looks_as_it_did(name, capfd, monkeypatch, rewrite_goldens):
    case = CASES[name]
    files = made(case, capfd, monkeypatch)
    image, target = opened(files[case.kind]), GOLDENS / f"{name}.png"
    text = normalised(files["svg"].read_text(encoding="utf-8")) if case.svg else []
    if rewrite_goldens:
        GOLDENS.mkdir(exist_ok=True)
        image.save(target, optimize=True)
        if case.svg:
            target.with_suffix(".svg.txt").write_text("\n".join(text) + "\n", encoding="utf-8")
    assert target.is_file(), f"there is no golden {target.name}: make it with --rewrite-goldens, and look at it"
    assert difference(opened(target), image) is None
    if case.svg:
        golden = target.with_suffix(".svg.txt").read_text(encoding="utf-8").splitlines()
        assert same_text(golden, text) is None


def test_there_is_no_golden_without_its_case_and_all_are_small():
    expected = {f"{name}.png" for name in CASES} | {f"{name}.svg.txt" for name, case in CASES.items() if case.svg}
    # Those of poses are held by test_condition.py.
    assert {path.name for path in GOLDENS.iterdir() if not path.name.startswith("pose-")} == expected
    assert sum(path.stat().st_size for path in GOLDENS.iterdir()) < 400_000


def test_goldens_differ_from_each_other():
    pictures = {name: opened(GOLDENS / f"{name}.png") for name in CASES}
    for name, picture in pictures.items():
        assert picture.getchannel("A").getextrema()[1] == 255
        assert all(difference(picture, other) for key, other in pictures.items() if key != name)


# The comparison itself.


def moved(image: Image.Image) -> Image.Image:
    return ImageChops.offset(image, 2, 0)


def recoloured(image: Image.Image) -> Image.Image:
    red, green, blue, alpha = image.split()
    return Image.merge("RGBA", (blue, red, green, alpha))


def paler(image: Image.Image) -> Image.Image:
    return Image.merge("RGBA", (*image.split()[:3], image.getchannel("A").point(lambda alpha: alpha * 9 // 10)))


def without_a_part(image: Image.Image) -> Image.Image:
    """A twelfth of the picture's width and height is gone, where it is the most opaque."""
    wide, high = image.width // 12, image.height // 12
    alpha = np.asarray(image.getchannel("A"), np.float64)
    spots = [
        (float(alpha[y : y + high, x : x + wide].mean()), x, y)
        for y in range(0, image.height - high, high)
        for x in range(0, image.width - wide, wide)
    ]
    _, x, y = max(spots)
    changed = image.copy()
    ImageDraw.Draw(changed).rectangle((x, y, x + wide, y + high), fill=(0, 0, 0, 0))
    return changed


@pytest.mark.parametrize("change", [moved, recoloured, paler, without_a_part])
@pytest.mark.parametrize("name", list(CASES))
def test_a_changed_picture_is_told_from_its_golden(name, change):
    golden = opened(GOLDENS / f"{name}.png")
    assert difference(golden, change(golden)) is not None


@pytest.mark.parametrize("name", list(CASES))
def test_what_nobody_sees_is_no_difference(name):
    golden = opened(GOLDENS / f"{name}.png")
    noise = np.random.default_rng(1).integers(-1, 2, (golden.height, golden.width, 4))
    noisy = np.clip(np.asarray(golden, np.int64) + noise, 0, 255).astype(np.uint8)
    noisy[..., :3][noisy[..., 3] == 0] = 77
    assert difference(golden, Image.fromarray(noisy, "RGBA")) is None
    assert difference(golden, golden) is None


def test_a_changed_scene_is_told_from_its_golden():
    golden = (GOLDENS / "spot-light.svg.txt").read_text(encoding="utf-8").splitlines()
    assert same_text(golden, golden) is None
    at = next(i for i, line in enumerate(golden) if 'fill="#' in line)
    for changed in (
        [*golden[:at], *golden[at + 1 :]],
        [*golden[:at], re.sub(r'fill="#\w', 'fill="#z', golden[at], count=1), *golden[at + 1 :]],
        [re.sub(r"\b(\d+)\b", lambda number: str(int(number[1]) + 2), line) for line in golden],
    ):
        assert same_text(golden, changed) is not None


def test_a_number_is_normalised_and_a_colour_kept_apart():
    svg = '<svg><path d="M1.2345 -.06L12e0" fill="#12ab9f"/> <g fill="#12ab90"/></svg>'
    first, path, group, _ = normalised(svg)
    assert first == "<svg>"
    assert path.startswith('<path d="M1.2 -0.1L12')
    assert path.split("fill=")[1] != group.split("fill=")[1]
