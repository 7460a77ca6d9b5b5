"""Good pictures of each asset class, for the statistics (part calibrate) and to see how many are rejected (part test).

    python training/aesthetic/good.py --icons NODE_MODULES/@iconify-json --photos FOLDER --out .training/pairs

A class is a shard of its own; resumable. Icons are half of icon sets, half of `compose`; photographs are crops.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import sources
from PIL import Image

from imajin_cli.stages.aesthetics.classes import CLASSES
from imajin_cli.stages.imaging.looks.features import features, vector
from imajin_cli.stages.imaging.looks.views import Views


def one(cls: str, args: argparse.Namespace, part: str, rng: random.Random) -> tuple[Image.Image, str]:
    if cls == "photo":
        return sources.photo(args.photos, part, rng).picture(), "photo"
    if cls == "icon" and rng.random() < 0.5:
        found = None
        while found is None:
            found = sources.icon(args.icons, part, rng)
        return found[0].picture(), found[1]
    board, cast, ground, layout = sources.scene(part, rng, "numerals" if cls == "spot" and rng.random() < 0.1 else cls)
    return sources.drawn(board, cast, ground).picture(), layout


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--icons", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--parts", nargs="+", default=["calibrate", "test"])
    parser.add_argument("--classes", nargs="+", default=CLASSES)
    args = parser.parse_args()
    for part in args.parts:
        for cls in args.classes:
            target = args.out / f"good-{part}-{cls}.npz"
            if target.exists():
                continue
            made: dict[str, list] = {"whole": [], "patches": [], "features": [], "family": []}
            for k in range(args.count):
                image, family = one(cls, args, part, random.Random(f"good/{part}/{cls}/{k}"))
                views = Views(image)
                made["whole"].append(views.whole())
                made["patches"].append(views.patches())
                made["features"].append(vector(features(views)))
                made["family"].append(family)
            temporary = target.with_suffix(".tmp.npz")
            np.savez_compressed(temporary, **{k: np.stack(v) for k, v in made.items()})
            temporary.rename(target)
            print(target.name, flush=True)


if __name__ == "__main__":
    main()
