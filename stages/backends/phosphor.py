"""Phosphor icons (MIT) as parts, read straight from the icons.zip of the package justmyresource-phosphor.

An icon is drawn as lines on a 256-unit canvas. Its duotone body, where it has one, is what makes it opaque.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from imajin_cli.contract.errors import MissingError
from imajin_cli.contract.sidecar import Credit
from imajin_cli.stages.scene.bounds import box_of, path_points
from imajin_cli.stages.scene.part import Box, Part

PACKAGE = "justmyresource_phosphor"
SIZE = 256.0
# Line width of each weight in the icon's units.
WEIGHTS: dict[str, float] = {"thin": 8.0, "light": 12.0, "regular": 16.0, "bold": 24.0}
CREDIT = Credit(name="Phosphor Icons", licence="MIT", source="https://phosphoricons.com", by="Phosphor Icons")
_PATH = re.compile(r'<path d="([^"]+)"([^>]*)/>')
_NUMBER = r"(-?(?:\d+\.?\d*|\.\d+))"  # "138.32.7" is two of them
_START = re.compile(rf"\s*([Mm])\s*{_NUMBER}[\s,]*{_NUMBER}")
_NAME = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")


def _archive_path() -> Path:
    for folder in sys.path:
        path = Path(folder or ".") / PACKAGE / "icons.zip"
        if path.is_file():
            return path
    raise MissingError("Phosphor icons are not installed", hint="pip install justmyresource-phosphor")


@lru_cache(maxsize=1)
def _archive() -> zipfile.ZipFile:
    return zipfile.ZipFile(_archive_path())


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """All icon names."""
    members = (name for name in _archive().namelist() if name.startswith("regular/"))
    return frozenset(name[len("regular/") : -len(".svg")] for name in members)


def _paths(name: str, weight: str) -> Iterator[tuple[str, bool]]:
    """(path data, whether it is the faint body) of an icon. Raises KeyError for a name that is none."""
    if not _NAME.match(name):
        raise KeyError(name)
    stem = name if weight == "regular" else f"{name}-{weight}"
    text = _archive().read(f"{weight}/{stem}.svg").decode()
    for d, rest in _PATH.findall(text):
        yield d, 'opacity="0.2"' in rest


def weight_for(pixels: float, line: float) -> str:
    """The weight whose line comes nearest to ``line`` pixels where the icon's canvas is drawn ``pixels`` wide."""
    return min(WEIGHTS, key=lambda weight: abs(WEIGHTS[weight] * pixels / SIZE - line))


def _box(paths: list[str]) -> Box:
    points = [p for d in paths for p in path_points(d)]
    return box_of(points) or (0.0, 0.0, SIZE, SIZE)


def _contours(d: str) -> Iterator[str]:
    """Each closed contour of a path as path data of its own (a relative start is made absolute)."""
    x = y = 0.0
    for contour in re.split(r"[zZ]", d):
        start = _START.match(contour)
        if start is None:
            continue
        relative = start[1] == "m"
        x, y = float(start[2]) + (x if relative else 0.0), float(start[3]) + (y if relative else 0.0)
        rest = contour[start.end() :]
        if rest[:1] in "-+.0123456789 ,":  # more numbers after a move are lines
            rest = ("l" if relative else "L") + rest.lstrip(" ,")
        yield f"M{round(x, 2):g},{round(y, 2):g}{rest}Z"


def _hull(paths: list[str]) -> str:
    """Paper under every contour by itself, so that nothing shows through an icon drawn as lines."""
    return "".join(f'<path d="{contour}" fill="@paper"/>' for d in paths for contour in _contours(d))


def _part(name: str, body: str, box: Box, outline: str = "") -> Part:
    title = name.replace("-", " ").capitalize()
    box = (max(0.0, box[0]), max(0.0, box[1]), min(SIZE, box[2]), min(SIZE, box[3]))
    return Part(f"phosphor:{name}", "icon", title, body, (SIZE, SIZE), box, CREDIT, outline=outline)


@lru_cache(maxsize=2048)
def lines(name: str, weight: str = "light") -> Part:
    """An icon as neutral lines on paper ("thin", "light", "regular", "bold"). Raises KeyError for a name that is none."""
    paths = [d for d, _ in _paths(name, weight)]
    ink = "".join(f'<path d="{d}" fill="@line"/>' for d in paths)
    return _part(name, _hull(paths) + ink, _box(paths))


@lru_cache(maxsize=2048)
def toned(name: str, weight: str = "thin", depth: float = 9.0) -> Part:
    """An icon as a subject: its body in the light tone, thin lines in the deep one, nothing showing through.

    A copy in the main tone, ``depth`` units down and to the right, gives it the side that drawn subjects have.
    """
    bodies = [d for d, is_faint in _paths(name, "duotone") if is_faint]
    paths = [d for d, _ in _paths(name, weight)]
    hull = _hull(paths)
    side = f'<g transform="translate({depth:g} {depth:g})">{hull.replace("@paper", "@main")}</g>'
    body = "".join(f'<path d="{d}" fill="@light"/>' for d in bodies)
    ink = "".join(f'<path d="{d}" fill="@deep"/>' for d in paths)
    x0, y0, x1, y1 = _box(paths)
    part = _part(name, side + hull.replace("@paper", "@pale") + body + ink, (x0, y0, x1, y1))
    return replace(part, box=(x0, y0, x1 + depth, y1 + depth))


@lru_cache(maxsize=2048)
def glyph(name: str, role: str = "@paper", weight: str = "bold") -> Part:
    """An icon as bold lines in one role, without any backing: a glyph on a tile."""
    paths = [d for d, _ in _paths(name, weight)]
    return _part(name, "".join(f'<path d="{d}" fill="{role}"/>' for d in paths), _box(paths))
