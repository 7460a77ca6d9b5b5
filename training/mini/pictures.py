"""Draw every concept by the sets of split.yaml: 64-pixel RGB on white, and the line style. One file, made anew at each call."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import resvg_py
from icons import square, svg
from PIL import Image
from sayings import Concept, concepts, plain, split

SIDE = 64


def named(icons: Path, source: str) -> tuple[dict[str, Any], dict[str, str]]:
    """A set's file, and its icons by the plain words of their names, aliases' too."""
    data = json.loads((icons / source / "icons.json").read_text())
    table = {plain(alias): one["parent"] for alias, one in data.get("aliases", {}).items() if one.get("parent") in data["icons"]}
    return data, table | {plain(name): name for name in data["icons"]}


def drawn(data: dict[str, Any], name: str) -> np.ndarray | None:
    """One icon on white, (64, 64, 3)."""
    try:
        png = bytes(resvg_py.svg_to_bytes(svg_string=svg(data, name), skip_system_fonts=True))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001  a Rust panic is no Exception
        return None
    found = square(Image.open(io.BytesIO(png)).convert("RGBA"), SIDE)
    if found is None:
        return None
    levels = found.astype(np.int16)
    made: np.ndarray = np.clip(levels[..., :3] + 255 - levels[..., 3:], 0, 255).astype(np.uint8)
    return made


def of_set(icons: Path, source: str, found: list[Concept]) -> tuple[list[np.ndarray], list[int]]:
    """The set's pictures, and the concept of each."""
    data, table = named(icons, source)
    pictures, rows = [], []
    for row, concept in enumerate(found):
        name = next((table[key] for key in (concept.name, *concept.others, concept.held) if key in table), None)
        picture = drawn(data, name) if name else None
        if picture is not None:
            pictures.append(picture)
            rows.append(row)
    return pictures, rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--modules", type=Path, required=True, help="node_modules")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    told, found = split(), concepts(args.modules / "emojibase-data")
    pictures: list[np.ndarray] = []
    rows: list[int] = []
    sets: list[int] = []
    for number, source in enumerate([*told["sets"], told["line"]]):
        made, of = of_set(args.modules / "@iconify-json", source, found)
        pictures += made
        rows += of
        sets += [number] * len(of)
        print(source, len(of), flush=True)
    np.savez(args.out / "pictures.npz", pictures=np.stack(pictures), concept=np.array(rows), set=np.array(sets))
    there = set(rows)
    told_of = [c.__dict__ | {"drawn": i in there} for i, c in enumerate(found)]
    (args.out / "concepts.json").write_text(json.dumps(told_of, indent=1))
    print(len(found), "concepts,", sum(bool(c.held) and i in there for i, c in enumerate(found)), "with a held-out prompt")


if __name__ == "__main__":
    main()
