"""Make the pairs: clean pictures and damaged versions of each, as the scorer sees them. Shards of 30 items; resumable.

    python training/aesthetic/make.py --icons NODE_MODULES/@iconify-json --photos FOLDER --out .training/pairs \
        --part train --shards 40 [--worker 0 --workers 2]
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sources
from damage import DRAWN, PIXELS, Drawing, banded, visible
from PIL import Image

from imajin_cli.stages.imaging.looks.features import features, vector
from imajin_cli.stages.imaging.looks.views import Views

ITEMS = 30
# In a photograph nobody can tell what was cut off, or where its middle should be.
PHOTO_KINDS = ("blur", "enlarged", "jpeg", "noise", "pale", "muddy", "clash", "cluttered", "overlapped")


class Picture(NamedTuple):
    """``of`` is the index of the clean one among its item's pictures, -1 where it is clean itself."""

    image: Image.Image
    kind: str
    of: int


def pixelled(d: Drawing, clean: Image.Image, kind: str, rng: random.Random) -> Image.Image | None:
    if kind == "fringe" and (d.ground is not None or not see_through(d.front)):
        return None
    out = PIXELS[kind](clean, rng)
    return None if out.tobytes() == clean.tobytes() else out


def see_through(image: Image.Image) -> bool:
    return image.getchannel("A").getextrema()[0] < 255  # type: ignore[operator]


def damaged(d: Drawing, kinds: list[str], each: int, rng: random.Random) -> list[Picture]:
    """The clean picture, and ``each`` damaged ones of different kinds."""
    out = [Picture(d.picture(), "clean", -1)]
    for kind in kinds:
        if sum(p.of >= 0 for p in out) >= each:
            break
        if kind == "banding":
            smooth, stairs = banded(d, rng)
            out += [Picture(smooth.picture(), "clean", -1), Picture(stairs.picture(), kind, len(out))]
            continue
        if kind in PIXELS:
            image = pixelled(d, out[0].image, kind, rng)
        else:
            made = DRAWN[kind](d, rng)
            image = None if made is None else made.picture()
            image = image if image is not None and visible(out[0].image, image) else None
        if image is not None:
            out.append(Picture(image, kind, 0))
    return out


def shuffled(kinds: list[str], rng: random.Random) -> list[str]:
    return rng.sample(kinds, len(kinds))


def of_icon(args: argparse.Namespace, rng: random.Random) -> tuple[str, str, list[Picture]]:
    found = None
    while found is None:
        found = sources.icon(args.icons, args.part, rng)
    d, name = found
    # A filled frame has no room to be moved in: its own kinds are left to the ones that show.
    kinds = shuffled([*PIXELS, *DRAWN, *DRAWN, "banding"], rng)
    return "icon", name, damaged(d, list(dict.fromkeys(kinds)), args.each, rng)


def of_scene(args: argparse.Namespace, rng: random.Random) -> tuple[str, str, list[Picture]]:
    board, cast, ground, layout = sources.scene(args.part, rng)
    clean = sources.drawn(board, cast, ground)
    clean = replace(clean, others=sources.others(args.icons, args.part, rng, 3))
    arranged = list(sources.ARRANGED) if layout in ("spot", "hero", "banner", "numerals") else []
    shape = [] if layout == "pattern" else ["cropped", "off-centre", "tiny", "tilted", "squashed"]
    if layout in ("hero", "banner"):
        shape = ["cropped", "tiny", "tilted", "squashed"]
    own = ["pale", "muddy", "clash", "cluttered", "overlapped"]
    kinds = shuffled([*PIXELS, *shape, *own, *arranged, *arranged, "recoloured", "banding"], rng)
    out = damaged(clean, [], 0, rng)
    for kind in dict.fromkeys(kinds):
        if sum(p.of >= 0 for p in out) >= args.each:
            break
        made: Image.Image | None
        if kind in arranged:
            again = copy(board)
            again.items = [replace(item) for item in board.items]
            sources.ARRANGED[kind](again, rng)
            made = sources.drawn(again, cast, ground).picture()
        elif kind == "recoloured":
            colours, figures = sources.recoloured(cast, rng)
            made = sources.drawn(board, cast, ground, colours, figures).picture()
        else:
            more = damaged(clean, [kind], 1, rng)[1:]
            out += [p._replace(of=p.of if p.of <= 0 else len(out)) for p in more]
            continue
        if visible(out[0].image, made):
            out.append(Picture(made, kind, 0))
    return "spot" if layout == "numerals" else layout, layout, out


def of_photo(args: argparse.Namespace, rng: random.Random) -> tuple[str, str, list[Picture]]:
    d = replace(sources.photo(args.photos, args.part, rng), others=sources.others(args.icons, args.part, rng, 3))
    out = damaged(d, shuffled(list(PHOTO_KINDS), rng), args.each, rng)
    if rng.random() < 0.3:
        out.append(Picture(sources.grained(d, rng).picture(), "banding", 0))
    return "photo", "photo", out


def items(args: argparse.Namespace, shard: int) -> Iterator[tuple[str, str, list[Picture]]]:
    for k in range(ITEMS):
        rng = random.Random(f"{args.part}/{shard}/{k}")
        chance = rng.random()
        yield (of_icon if chance < 0.4 else of_scene if chance < 0.94 else of_photo)(args, rng)


def shard_of(args: argparse.Namespace, shard: int) -> dict[str, Any]:
    whole, patches, numbers, of, kinds, families, classes = [], [], [], [], [], [], []
    for cls, family, pictures in items(args, shard):
        start = len(whole)
        for picture in pictures:
            views = Views(picture.image)
            whole.append(views.whole())
            patches.append(views.patches())
            numbers.append(vector(features(views)))
            of.append(-1 if picture.of < 0 else start + picture.of)
            kinds.append(picture.kind)
            families.append(family)
            classes.append(cls)
    return {
        "whole": np.stack(whole),
        "patches": np.stack(patches),
        "features": np.stack(numbers),
        "of": np.array(of),
        "kind": np.array(kinds),
        "family": np.array(families),
        "cls": np.array(classes),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--icons", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part", choices=("train", "calibrate", "test"), required=True)
    parser.add_argument("--shards", type=int, default=40)
    parser.add_argument("--first", type=int, default=0, help="the first shard to make")
    parser.add_argument("--each", type=int, default=5)
    parser.add_argument("--worker", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for shard in range(args.first + args.worker, args.shards, args.workers):
        target = args.out / f"{args.part}-{shard:03d}.npz"
        if target.exists():
            continue
        made = shard_of(args, shard)
        temporary = target.with_suffix(".tmp.npz")
        np.savez_compressed(temporary, **made)
        temporary.rename(target)
        print(target.name, len(made["of"]), flush=True)


if __name__ == "__main__":
    main()
