"""The project's own pack: drawings under parts/ compiled to one index that loads in milliseconds.

Run ``python -m imajin_cli.stages.scene.pack`` after a drawing changed: it writes parts/index.json.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError
from imajin_cli.contract.sidecar import Credit
from imajin_cli.stages.scene import drawing as draw
from imajin_cli.stages.scene.badge_spot import badge_spot
from imajin_cli.stages.scene.part import ROLES, Box, Part

PARTS = Path(__file__).parent / "parts"
INDEX = PARTS / "index.json"
FORMAT = 4
# From this share of light edge on, a drawing needs a rim to be seen on white.
FRAIL = 0.1
OWN = Credit(name="imajin drawings", licence="Apache-2.0", source="stages/scene/parts")


def sources() -> list[Path]:
    """Every drawing of the pack, in a fixed order."""
    return sorted(PARTS.glob("*/*.svg"))


def source_digest() -> str:
    """Digest of all drawings and of the index format: the index is stale when it holds another one."""
    lines = [f"{FORMAT}"] + [f"{path.parent.name}/{path.name} {sha256(path.read_bytes())}" for path in sources()]
    return sha256("\n".join(lines).encode())


def _pair(text: str | None) -> list[float] | None:
    numbers = [float(n) for n in (text or "").split()]
    return numbers if len(numbers) == 2 else None


def tight_box(body: str, view: tuple[float, float]) -> Box:
    """(x0, y0, x1, y1) of what ``body`` paints, measured on its pixels at four times 64 px. Raises InputError when nothing is."""
    from imajin_cli.stages.backends.resvg import render

    scale = 256 / max(view)
    width, height = max(1, round(view[0] * scale)), max(1, round(view[1] * scale))
    painted = body.replace("@accent-deep", "#000")
    for role in ROLES:
        painted = painted.replace(f"@{role}", "#000")
    svg = f'<svg xmlns="{draw.SVG}" viewBox="0 0 {view[0]:g} {view[1]:g}">{painted}</svg>'
    found = render(svg, width, height).getchannel("A").point([0] * 24 + [255] * 232).getbbox()
    if found is None:
        raise InputError("nothing is drawn")
    x, y = view[0] / width, view[1] / height
    return round(found[0] * x, 1), round(found[1] * y, 1), round(found[2] * x, 1), round(found[3] * y, 1)


def _badge(group: str, body: str, read: draw.Drawing) -> list[float] | None:
    """Where a subject's badge goes, measured; other groups carry none."""
    wanted = _pair(read.data.get("badge"))
    if group != "subjects":
        return wanted
    found = badge_spot(body, read.view, (wanted[0], wanted[1]) if wanted else None)
    return list(found) if found else None


def light_edge(body: str, view: tuple[float, float]) -> float:
    """The share of a drawing's outer edge that is in a colour near to white, measured on its pixels at 128 px."""
    import numpy as np

    from imajin_cli.stages.backends.resvg import render

    painted = body.replace("@accent-deep", "#000")
    for role in ROLES:
        painted = painted.replace(f'"@{role}"', '"#fff"' if role in ("paper", "mist", "pale") else '"#000"')
    svg = f'<svg xmlns="{draw.SVG}" viewBox="0 0 {view[0]:g} {view[1]:g}">{painted}</svg>'
    pixels = np.asarray(render(svg, 128, round(128 * view[1] / view[0])))
    inside = np.pad(pixels[..., 3] > 128, 1)
    core = inside[1:-1, 1:-1] & inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    edge = inside[1:-1, 1:-1] & ~core
    return float((pixels[..., 0][edge] > 128).mean()) if edge.any() else 0.0


def compile_drawing(path: Path) -> dict[str, Any]:
    """One drawing as an index entry. Raises InputError where it breaks a rule of the pack."""
    where = f"{path.parent.name}/{path.name}"
    root = draw.parse(path.read_text(encoding="utf-8"), where)
    draw.check(root, where)
    read = draw.read(root, draw.strict_paint(where), where)
    body = draw.body(read)
    box = tight_box(body, read.view)
    ground = read.data.get("ground", "float")
    entry: dict[str, Any] = {
        "name": path.stem,
        "group": path.parent.name,
        "kind": read.data.get("kind", path.parent.name.rstrip("s")),
        "title": read.title or path.stem.replace("-", " ").capitalize(),
        "desc": read.desc,
        "words": read.data.get("words", "").split(),
        "view": read.view,
        "box": box,
        "ground": None if ground == "float" else float(ground),
        "badge": _badge(path.parent.name, body, read),
        "hold": _pair(read.data.get("hold")),
        "body": body,
        "outline": draw.outline(read, box),
        "frail": light_edge(body, read.view) >= FRAIL,
    }
    return entry


def build() -> dict[str, Any]:
    """The whole index. Raises InputError for the first drawing that breaks a rule or a name used twice in a group."""
    return {"format": FORMAT, "digest": source_digest(), "parts": [compile_drawing(path) for path in sources()]}


def _part(entry: Mapping[str, Any], credit: Credit) -> Part:
    view, box = entry["view"], entry["box"]
    badge, hold = entry.get("badge"), entry.get("hold")
    return Part(
        name=entry["name"],
        kind=entry["kind"],
        title=entry["title"],
        body=entry["body"],
        view=(view[0], view[1]),
        box=(box[0], box[1], box[2], box[3]),
        credit=credit,
        ground=entry.get("ground"),
        badge=(badge[0], badge[1]) if badge else None,
        hold=(hold[0], hold[1]) if hold else None,
        desc=entry.get("desc", ""),
        words=tuple(entry.get("words", ())),
        outline=entry.get("outline", ""),
        frail=entry.get("frail", False),
    )


@lru_cache(maxsize=1)
def own_parts() -> Mapping[str, Mapping[str, Part]]:
    """The pack's parts by group ("subjects", "backdrops", "marks", "badges", "glyphs") and name."""
    try:
        index = json.loads(INDEX.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"the parts index cannot be read: {error}", hint="python -m imajin_cli.stages.scene.pack"
        ) from error
    groups: dict[str, dict[str, Part]] = {}
    for entry in index["parts"]:
        groups.setdefault(entry["group"], {})[entry["name"]] = _part(entry, OWN)
    return groups


def main(arguments: Iterable[str] = ()) -> int:
    """Write the index. With "--keep-going" a broken drawing is reported and left out."""
    entries, keep_going, failed = [], "--keep-going" in list(arguments), 0
    for path in sources():
        try:
            entries.append(compile_drawing(path))
        except InputError as error:
            sys.stderr.write(error.line() + "\n")
            failed += 1
    if failed and not keep_going:
        return 2
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in entries)
    text = f'{{"format":{FORMAT},"digest":"{source_digest()}","parts":[\n{lines}\n]}}\n'
    temporary = INDEX.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(INDEX)
    sys.stderr.write(f"{len(entries)} parts, {len(text)} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
