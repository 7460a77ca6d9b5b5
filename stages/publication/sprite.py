"""Sprite sheets: an SVG of symbols, a PNG atlas with a map of it, and how like each other the pictures are."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.sidecar import Score
from imajin_cli.contract.sprite import SpriteParams

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.imaging.svgtree import Node

_UNFIT = re.compile(r"[^a-z0-9_-]+")
MAX_PICTURES = 1024


@dataclass(frozen=True)
class Member:
    """One picture of the set: its name, the bytes of its largest raster, those of its SVG where it has one, and its alt text."""

    name: str
    raster: bytes
    svg: bytes | None = None
    alt: str = ""


@dataclass(frozen=True)
class Sheet:
    """The sheet's files by name, and what was measured of the set; ``faults`` says what is over a limit, and whose it is."""

    files: dict[str, bytes]
    scores: list[Score]
    faults: list[str] = field(default_factory=list)


def sheet(members: Sequence[Member], params: SpriteParams) -> Sheet:
    """A sheet of ``members``, in their order: NAME.png and NAME.json, and NAME.svg where every picture is a vector.

    Raises InputError for none, too many, or a file that cannot be read; the same members give the same bytes.
    """
    if not members or len(members) > MAX_PICTURES:
        raise InputError(f"a sprite sheet takes 1 to {MAX_PICTURES} pictures, not {len(members)}")
    from imajin_cli.stages.imaging.decode import decode
    from imajin_cli.stages.imaging.limits import Limits
    from imajin_cli.stages.imaging.svgtree import parse

    images = [decode(member.raster, Limits()).image for member in members]
    roots = [parse(member.svg) if member.svg is not None else None for member in members]
    ids = _ids(members)
    drawn = [root for root in roots if root is not None]
    files: dict[str, bytes] = {}
    told: dict[str, Any] = {"imajin": 1, "name": params.name}
    if len(drawn) == len(roots):
        files[f"{params.name}.svg"] = symbols(ids, drawn, members)
        told["symbols"] = {"file": f"{params.name}.svg", "ids": ids}
    told["atlases"] = []
    for scale in params.scale:
        file = f"{params.name}{'' if scale == 1 else f'@{scale}x'}.png"
        atlas, frames, size = _atlas(ids, images, members, params, scale)
        files[file] = atlas
        told["atlases"].append({"file": file, "scale": scale, "width": size[0], "height": size[1], "frames": frames})
    scores, faults = _judged([member.name for member in members], images, roots, params)
    told["set"] = [score.model_dump(mode="json") for score in scores]
    files[f"{params.name}.json"] = json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False).encode() + b"\n"
    return Sheet(files, scores, faults)


def _ids(members: Sequence[Member]) -> list[str]:
    """Each picture's id in the sheet: its name, as an XML name that needs no escapes; numbered where two are the same."""
    found: list[str] = []
    for member in members:
        plain = _UNFIT.sub("-", member.name.lower()).strip("-") or "picture"
        plain = plain if plain[0].isalpha() else f"p-{plain}"
        number, one = 2, plain
        while one in found:
            one, number = f"{plain}-{number}", number + 1
        found.append(one)
    return found


def symbols(ids: Sequence[str], roots: Sequence[Node], members: Sequence[Member]) -> bytes:
    """One SVG that shows nothing by itself: a ``<symbol>`` a picture, for ``<use href="NAME.svg#ID">``.

    Ids inside a picture get its own in front, so that no two pictures share a gradient.
    """
    from imajin_cli.stages.imaging.encode.svgfile import check_svg, clean_tree, written
    from imajin_cli.stages.imaging.svgtree import SVG, Node

    listed = []
    for own, root, member in zip(ids, roots, members, strict=True):
        cleaned, _ = clean_tree(written(root).decode(), _size(root), member.alt)
        if any(node.name == "style" for node in cleaned.walk()):
            raise InputError(f"{member.name}: a style sheet would reach into the sheet's other pictures")
        _rename(cleaned, f"{own}-")
        symbol = Node(SVG, "symbol", {("", "id"): own, ("", "viewBox"): cleaned.get("viewBox") or ""}, cleaned.content)
        listed.append(symbol)
    data = written(Node(SVG, "svg", {("", "width"): "1", ("", "height"): "1"}, [*listed]))
    check_svg(data)
    return data


def _size(root: Node) -> tuple[int, int]:
    try:
        return max(1, round(float(root.get("width") or ""))), max(1, round(float(root.get("height") or "")))
    except ValueError:
        raise InputError("an SVG of the set states no size in pixels") from None


def _rename(root: Node, prefix: str) -> None:
    for node in root.walk():
        for key, value in node.attributes.items():
            if key == ("", "id"):
                node.attributes[key] = prefix + value
            elif key == ("", "href") and value.startswith("#"):
                node.attributes[key] = f"#{prefix}{value[1:]}"
            elif "url(#" in value:
                node.attributes[key] = value.replace("url(#", f"url(#{prefix}")


def _atlas(
    ids: Sequence[str], images: Sequence[Image], members: Sequence[Member], params: SpriteParams, scale: int
) -> tuple[bytes, dict[str, Any], tuple[int, int]]:
    """The PNG sheet at ``scale``, where each picture is in it (pixels), and its size."""
    from PIL import Image as Pillow

    from imajin_cli.stages.imaging.crop import contain_size, in_square
    from imajin_cli.stages.imaging.encode.formats import Drawn, Settings, encode
    from imajin_cli.stages.imaging.resample import resized

    side, gap = params.side * scale, params.gap * scale
    columns = math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    size = columns * (side + gap) - gap, rows * (side + gap) - gap
    whole = Pillow.new("RGBA", size)
    frames = {}
    for at, (own, image) in enumerate(zip(ids, images, strict=True)):
        x, y = at % columns * (side + gap), at // columns * (side + gap)
        svg = members[at].svg
        inner = contain_size(image.size, side)
        drawn = _drawn(svg, inner) if svg is not None else resized(image.convert("RGBA"), inner)
        whole.paste(in_square(drawn, side), (x, y))
        frames[own] = {"x": x, "y": y, "width": side, "height": side, "alt": members[at].alt}
    settings = Settings()
    return encode(Drawn(whole, settings), "png", settings).data, frames, size


def _drawn(svg: bytes, size: tuple[int, int]) -> Image:
    from imajin_cli.stages.backends.resvg import render
    from imajin_cli.stages.imaging.encode.svgcanvas import on_canvas
    from imajin_cli.stages.imaging.limits import Limits
    from imajin_cli.stages.imaging.svgsafe import sanitise

    safe = sanitise(svg, Limits())
    return render(on_canvas(safe.svg, safe.size, size), *size)


def _judged(
    names: Sequence[str], images: Sequence[Image], roots: Sequence[Node | None], params: SpriteParams
) -> tuple[list[Score], list[str]]:
    """The set's measures against their limits, and what is said of each that is over its own."""
    if len(images) < 2:
        return [], []
    from imajin_cli.stages.imaging.metrics.likeness import likeness, traits

    found = likeness([traits(image, root) for image, root in zip(images, roots, strict=True)])
    scores, faults = [], []
    for measure, unit in (("palette", "ΔE00"), ("padding", "share"), ("stroke", "share"), ("weight", "share")):
        value, which = getattr(found, measure)
        limit = getattr(params, f"max_{measure}")
        if math.isnan(value):
            continue
        score = Score(name=f"set_{measure}", value=round(value, 4), unit=unit)
        passed = limit is None or bool(value <= limit)
        if limit is not None:
            score = score.model_copy(update={"threshold": limit, "op": "<=", "passed": passed})
        scores.append(score)
        if not passed:
            faults.append(f"{names[which]} is off the set (set_{measure} {value:.3g} is over {limit:g})")
    return scores, faults
