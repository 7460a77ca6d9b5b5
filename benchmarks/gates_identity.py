"""Distances between faces: of different people, of one person, of blurred copies, and of drawn faces.

    python -m benchmarks.photos FOLDER
    python -m benchmarks.gates_identity FOLDER --out benchmarks/gates_identity.json

The photographs are the sample pictures of packages. Nobody is named in most of them, so a pair counts as of different
people only where that is certain: two faces of one picture, or two of pictures that their packages say are of different
people. 28 faces make these pairs, so they are not independent, and the intervals (Clopper and Pearson) are too narrow.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.gates_moderate import interval
from imajin_cli.contract.sidecar import Request
from imajin_cli.stages.backends import faces
from imajin_cli.stages.backends.recognisers import recogniser
from imajin_cli.stages.generate import Generate, GenerateParams
from imajin_cli.stages.imaging.decode import decode
from imajin_cli.stages.moderation.views import Views
from imajin_cli.stages.recognition.quality import sharpness

# Of whom a picture is, by the name that its package gave it: one man is there six times, the others once each.
NAMED = {
    "obama": "one man",
    "32bit": "one man",
    "biden": "a second",
    "grace_hopper": "a third",
    "astronaut": "a fourth",
}
CROWDS = "face_api"
LIMITS = (0.4, 0.45, 0.5, 0.55, 0.6)


class Seen(NamedTuple):
    """A face: its picture, who it is where that is known, and its vector."""

    picture: str
    who: str | None
    vector: np.ndarray


def named(picture: str) -> str | None:
    return next((who for part, who in NAMED.items() if part in picture), None)


def gathered(folder: Path) -> tuple[list[Seen], list[float], dict[str, list[tuple[float, float]]]]:
    """All faces; the sharpness of each; and by blur (pixels at a face of 90) the sharpness and the shift of each."""
    network = recogniser()
    found: list[Seen] = []
    sharp: list[float] = []
    blurred: dict[str, list[tuple[float, float]]] = {}
    for path in sorted(folder.iterdir()):
        if named(path.name) is None and not path.name.startswith(CROWDS):
            continue
        for seen in Views(decode(path.read_bytes()).image).faces:
            vectors = network.describe(seen.pixels, seen.faces)
            for face, vector in zip(seen.faces, vectors, strict=True):
                found.append(Seen(path.name, named(path.name), vector))
                sharp.append(sharpness(seen.pixels, face))
                for radius in (1, 2, 3):
                    filtered = Image.fromarray(seen.pixels).filter(ImageFilter.GaussianBlur(radius * face.width / 90))
                    soft = np.ascontiguousarray(np.asarray(filtered))
                    shift = float(np.linalg.norm(network.describe(soft, [face])[0] - vector))
                    blurred.setdefault(str(radius), []).append((sharpness(soft, face), shift))
    return found, sharp, blurred


def pairs(found: list[Seen]) -> tuple[list[float], list[float]]:
    """Distances of pairs that certainly are of different people, and of pairs of one person."""
    different, same = [], []
    for one, other in itertools.combinations(found, 2):
        distance = float(np.linalg.norm(one.vector - other.vector))
        if one.who is None and other.who is None:
            # In different pictures they may be one person: nobody says.
            different += [distance] if one.picture == other.picture else []
        elif one.who == other.who:
            same.append(distance)
        else:
            different.append(distance)
    return different, same


def drawn() -> list[float]:
    """Distances between faces of different composed people, made grainy, so that they look photographed to the pixel test."""
    network, vectors = recogniser(), []
    for prompt, seed in itertools.product(("a man", "a woman"), range(1, 12)):
        stage = Generate(GenerateParams(layout="avatar", people="always", background="#dde6f0"))
        made = stage.make(next(iter(stage.plan(Request(prompt=prompt, seed=seed, size=["512"]))))).picture
        assert made is not None
        noise = np.random.default_rng(seed).normal(0, 6, (512, 512, 1))
        pixels = np.clip(np.asarray(made.image.convert("RGB")) + noise, 0, 255).astype(np.uint8)
        large = np.ascontiguousarray(np.asarray(Image.fromarray(pixels).resize((768, 768), Image.Resampling.BILINEAR)))
        vectors += list(network.describe(large, faces.find(large)[:1]))
    return [float(np.linalg.norm(one - other)) for one, other in itertools.combinations(vectors, 2)]


def rates(distances: list[float], *, accepted: bool) -> dict[str, Any]:
    """At each limit how many pairs are accepted (or rejected), of how many, with the share's interval."""
    told = {}
    for limit in LIMITS:
        hits = sum((distance <= limit) == accepted for distance in distances)
        low, high = interval(hits, len(distances))
        told[f"{limit:g}"] = [hits, len(distances), round(hits / len(distances), 4), round(low, 4), round(high, 4)]
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found, sharp, blurred = gathered(options.folder)
    different, same = pairs(found)
    cartoons = drawn()
    network = recogniser()
    told = {
        "model": network.name,
        "revision": network.revision,
        "faces": len(found),
        "nearest pairs of different people": [round(value, 3) for value in sorted(different)[:8]],
        "farthest pairs of one person": [round(value, 3) for value in sorted(same)[-4:]],
        "false accepts at a limit: count, pairs, share, interval": rates(different, accepted=True),
        "false rejections at a limit, one man": rates(same, accepted=False),
        "different drawn faces taken for one": rates(cartoons, accepted=True),
        "sharpness": {
            "as they are, least": round(min(sharp), 4),
            **{
                f"blurred by {radius}: median sharpness, median shift": [
                    round(float(value), 4) for value in np.median(np.array(rows), axis=0)
                ]
                for radius, rows in blurred.items()
            },
        },
    }
    text = json.dumps(told, indent=1, ensure_ascii=False)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
