"""Packs that a user adds: a folder of SVG files, or an Iconify JSON file. Everything in them is data, sanitised to shapes.

Real colours become the nearest role by lightness, so that a foreign drawing takes the scene's palette.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.sidecar import Credit
from imajin_cli.stages.scene import drawing as draw
from imajin_cli.stages.scene.oklch import parse_hex, rgb_to_oklch
from imajin_cli.stages.scene.pack import tight_box
from imajin_cli.stages.scene.part import Part

MAX_FILES = 2_000
MAX_JSON = 40_000_000
_STYLE = re.compile(r"([\w-]+)\s*:\s*([^;]+)")
_RGB = re.compile(r"rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)")
_NAMED = {
    "black": "#000000",
    "white": "#ffffff",
    "gray": "#808080",
    "grey": "#808080",
    "red": "#ff0000",
    "blue": "#0000ff",
    "green": "#008000",
    "yellow": "#ffff00",
    "orange": "#ffa500",
    "purple": "#800080",
    "pink": "#ffc0cb",
    "brown": "#a52a2a",
}
# Upper bounds of lightness for each role, dark to light.
_BY_LIGHTNESS = ((0.25, "@ink"), (0.50, "@deep"), (0.72, "@main"), (0.88, "@light"), (0.975, "@pale"), (1.01, "@paper"))


def role_of(colour: str) -> str:
    """The role that a CSS colour becomes: by its lightness; "none" stays, what is not understood counts as a mid tone."""
    text = colour.strip().lower()
    if text in ("none", "transparent"):
        return "none"
    if text in ("currentcolor", "inherit"):
        return "@deep"
    rgb = _RGB.match(text)
    try:
        parsed = (int(rgb[1]) / 255, int(rgb[2]) / 255, int(rgb[3]) / 255) if rgb else parse_hex(_NAMED.get(text, text))
    except ValueError:
        return "@main"
    lightness = rgb_to_oklch(parsed)[0]
    return next(role for limit, role in _BY_LIGHTNESS if lightness < limit)


def loose_paint(attributes: dict[str, str], inherited: dict[str, str]) -> dict[str, str]:
    """Paint of a foreign drawing: colours as roles, only known properties, plain values."""
    own = {**attributes, **dict(_STYLE.findall(attributes.get("style", "")))}
    found = {"fill": "@ink"} if not inherited else dict(inherited)
    for key in sorted(draw.PAINT & own.keys()):
        value = own[key].strip()
        if key in ("fill", "stroke"):
            found[key] = role_of(value)
        elif re.fullmatch(r"[\w\s.,%-]{1,40}", value):
            found[key] = draw.short(value)
    return found


def _part(name: str, text: str, where: str, credit: Credit) -> Part:
    read = draw.read(draw.parse(text, where), loose_paint, where)
    body = draw.body(read)
    box = tight_box(body, read.view)
    title = read.title or name.replace("-", " ").replace("_", " ").capitalize()
    return Part(name, "object", title, body, read.view, box, credit, ground=box[3], outline=draw.outline(read, box))


def _folder(path: Path) -> Iterator[Part]:
    files = sorted(path.glob("*.svg"))
    if not files or len(files) > MAX_FILES:
        raise InputError(f"pack {path.name}: {len(files)} SVG files; 1 to {MAX_FILES} are accepted")
    licence = path / "LICENSE"
    said = licence.read_text(encoding="utf-8", errors="replace").strip().splitlines() if licence.is_file() else []
    credit = Credit(name=path.name, licence=said[0][:80] if said else "unknown", source=path.name)
    for file in files:
        if file.stat().st_size > draw.MAX_BYTES:
            raise InputError(f"pack {path.name}: {file.name} is larger than {draw.MAX_BYTES} bytes")
        yield _part(file.stem, file.read_text(encoding="utf-8", errors="replace"), file.name, credit)


def _licence(info: dict[str, Any]) -> str:
    licence = info.get("license", {})
    return str(licence.get("spdx") or licence.get("title") or "unknown") if isinstance(licence, dict) else str(licence)


def _iconify(path: Path) -> Iterator[Part]:
    if path.stat().st_size > MAX_JSON:
        raise InputError(f"pack {path.name}: larger than {MAX_JSON} bytes")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        icons, prefix = data["icons"], str(data["prefix"])
        info = data.get("info", {})
        credit = Credit(name=str(info.get("name", prefix)), licence=_licence(info), source=path.name)
        for name in sorted(icons)[:MAX_FILES]:
            icon = icons[name]
            w, h = float(icon.get("width", data.get("width", 16))), float(icon.get("height", data.get("height", 16)))
            svg = f'<svg xmlns="{draw.SVG}" viewBox="0 0 {w:g} {h:g}">{icon["body"]}</svg>'
            yield _part(f"{prefix}:{name}", svg, f"{path.name}: {name}", credit)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"pack {path.name}: not an Iconify icon set ({error})") from error


def load_pack(path: str) -> dict[str, Part]:
    """The parts of a user's pack by name. Raises InputError for a path that is neither form, or an unusable drawing."""
    at = Path(path).expanduser()
    try:
        if at.is_dir():
            return {part.name: part for part in _folder(at)}
        if at.is_file() and at.suffix == ".json":
            return {part.name: part for part in _iconify(at)}
    except OSError as error:
        raise InputError(f"pack {at.name} cannot be read: {error}") from error
    raise InputError(f"no pack at {path}: neither a folder of SVG files nor an Iconify JSON file")
