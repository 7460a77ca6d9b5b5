"""False alarms and cost of the moderate gate over harmless pictures: icons, scenes, avatars and sample photographs.

    python -m benchmarks.gates_moderate --pictures 5000 --photos FOLDER --out benchmarks/gates_moderate.json

The icons are Phosphor's, in the package's six weights and in colours; scenes and avatars are composed from the prompts
below. What comes out: how many were flagged, by which flag, with a 95 % interval (Clopper and Pearson), the highest NSFW
scores, and the processor time of a picture; and what a look-up in a long list of hashes takes. Nothing here says how
much of what is unsafe is found: no such picture is used.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import random
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Request, Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.stages.backends import phosphor, resvg
from imajin_cli.stages.generate import Generate, GenerateParams
from imajin_cli.stages.moderate import Moderate, ModerateParams
from imajin_cli.stages.moderation.hashindex import HashIndex
from imajin_cli.stages.moderation.hashlists import parse

SIDE = 256
PROMPTS = (
    "a lost robot", "an empty inbox", "server on fire", "a person waving", "a smiling woman", "payment failed",
    "a trip to the mountains", "404 page not found", "a cat", "a man reading a book", "a peach", "a red heart",
    "balloons at a party", "sausages on a grill", "yoga in the morning", "a baby shower", "swimming in the lake",
    "a massage chair", "a bed in a hotel", "lipstick and make-up", "a family at dinner", "children playing football",
    "a school bus", "a doctor with a syringe", "medicine and pills", "kitchen knives", "a wine glass", "a cigar box",
    "a water pistol", "fireworks", "a pirate flag", "a skull for halloween", "a security camera", "a padlock",
    "no internet connection", "upload complete", "searching the archive", "welcome aboard", "a beach holiday",
    "a wrestling match", "a boxing glove", "a statue in a museum", "a dress in a shop window", "underwear sale",
    "a hot dog stand", "bananas", "an eggplant", "a cucumber salad", "a rocket launch", "a mushroom in the woods",
)  # fmt: skip
GROUNDS = ("none", "tint", "#ffffff", "#101418", "#f2c6a0", "#ffd9c7")


class Harmless(NamedTuple):
    """A picture that must pass, what it is called, and the prompt that it was composed from."""

    label: str
    image: Image.Image
    prompt: str | None = None


def icons() -> Iterator[Harmless]:
    """Phosphor's icons in a fixed shuffled order: weight, colour and ground vary."""
    stream = random.Random(7)
    names = sorted(phosphor.names())
    weights = ("thin", "light", "regular", "bold", "fill", "duotone")
    colours = ("#1f2937", "#2563eb", "#e11d48", "#f2a38c", "#d9a066", "#8d5524", "#ffffff")
    while True:
        name, weight, colour = stream.choice(names), stream.choice(weights), stream.choice(colours)
        paths = phosphor._paths(name, weight)
        faded = ' fill-opacity="0.2"'
        body = "".join(f'<path d="{d}" fill="{colour}"{faded if faint else ""}/>' for d, faint in paths)
        ground = "" if colour == "#ffffff" or stream.random() < 0.5 else '<rect width="256" height="256" fill="#fff"/>'
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 256 256">{ground}{body}</svg>'
        yield Harmless(f"icon {name} {weight} {colour}", resvg.render(svg, SIDE, SIDE))


def scenes() -> Iterator[Harmless]:
    """Composed scenes: prompts, seeds, grounds and shapes vary, people among them."""
    stream = random.Random(11)
    seed = 0
    while True:
        prompt, ground = stream.choice(PROMPTS), stream.choice(GROUNDS)
        size = stream.choice(("256x256", "384x216", "216x288"))
        layout = stream.choice(("auto", "auto", "auto", "avatar", "icon"))
        people = stream.choice(("auto", "always"))
        stage = Generate(GenerateParams(background=ground, layout=layout, people=people))
        job = next(iter(stage.plan(Request(prompt=prompt, seed=seed, size=[size]))))
        made = stage.make(job).picture
        seed += 1
        if made is not None:
            label = f"scene {prompt!r} seed {seed - 1} {ground} {size} {layout} people={people}"
            yield Harmless(label, made.image, prompt)


def photographs(folder: Path | None) -> Iterator[Harmless]:
    """The pictures in a folder, at most 768 pixels long."""
    for path in sorted(folder.iterdir()) if folder is not None else ():
        if path.suffix.lower() in (".png", ".jpg", ".jpeg"):
            image = Image.open(path).convert("RGB")
            image.thumbnail((768, 768))
            yield Harmless(f"photo {path.name}", image)


def interval(hits: int, total: int) -> tuple[float, float]:
    """95 % interval of a share by Clopper and Pearson, found by bisection of the binomial's tails."""

    def tail(share: float, least: int) -> float:
        return sum(math.comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(least))

    def solve(wanted: Callable[[float], bool]) -> float:
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if wanted(middle) else (low, middle)
        return low

    lower = 0.0 if hits == 0 else solve(lambda share: 1 - tail(share, hits) < 0.025)
    upper = 1.0 if hits == total else solve(lambda share: tail(share, hits + 1) > 0.025)
    return lower, upper


def judge(pictures: Iterator[Harmless], most: int, name: str) -> dict[str, Any]:
    """Judge up to ``most`` pictures, print the table's row and give it; nothing where there are no pictures."""
    stage = Moderate(ModerateParams())
    flags: collections.Counter[str] = collections.Counter()
    rejected, total, seconds = [], 0, 0.0
    worst: list[tuple[float, str]] = []
    for label, image, prompt in pictures:
        if total == most:
            break
        total += 1
        started = time.process_time()
        # As in a run, where the rule on minors reads the prompt too.
        sidecar = Sidecar(id="x", request=None if prompt is None else Request(prompt=prompt))
        found: Outcome = stage.apply(Asset(sidecar, Picture.of(image)))
        seconds += time.process_time() - started
        flags.update(found.notes["flags"])
        score = next((s.value for s in found.scores if s.name == "nsfw"), None)
        worst = sorted([*worst, (score or 0.0, label)], reverse=True)[:5]
        if found.status != "passed":
            rejected.append(f"{label}: {found.reason}")
    if not total:
        return {}
    low, high = interval(len(rejected), total)
    print(f"{name}: {total} pictures, {len(rejected)} rejected ({len(rejected) / total:.2%}, {low:.2%} to {high:.2%})")
    print(f"  flags {dict(flags)}; {seconds / total * 1000:.0f} ms of a processor each")
    print("  highest NSFW: " + ", ".join(f"{score:.3f} {label}" for score, label in worst))
    for line in rejected[:40]:
        print(f"  rejected: {line}")
    return {
        "pictures": total,
        "rejected": len(rejected),
        "share": [round(value, 5) for value in (len(rejected) / total, low, high)],
        "flags": dict(sorted(flags.items())),
        "milliseconds": round(seconds / total * 1000, 1),
        "reasons": rejected[:40],
    }


def lookups(count: int) -> dict[str, float]:
    """What reading a list of ``count`` hashes takes, and one look-up (ms of a processor), before and after sorting its bands."""
    stream = np.random.default_rng(0)
    rows = stream.integers(0, 1 << 64, (count, 4), dtype=np.uint64)
    data = "".join(row.astype(">u8").tobytes().hex() + "\n" for row in rows).encode()
    started = time.perf_counter()
    hashes, _ = parse(data)
    print(f"a list of {count:,} hashes: read in {time.perf_counter() - started:.2f} s")
    index = HashIndex(hashes)
    told: dict[str, float] = {"hashes": count}
    for state in ("compared with all", "sorted bands"):
        if state == "sorted bands":
            started = time.perf_counter()
            index.build()
            print(f"  bands sorted in {time.perf_counter() - started:.2f} s")
        seconds = []
        for row in stream.integers(0, count, 60):
            query = hashes[row] ^ np.array([31, 0, 1 << 40, 0], np.uint64)
            # Of the processor: what other programs take of it meanwhile says nothing about the index.
            started = time.thread_time()
            found = index.nearest(query)
            seconds.append(time.thread_time() - started)
            assert found is not None
        print(
            f"  look-up, {state}: {np.median(seconds) * 1000:.2f} ms in the middle, {max(seconds) * 1000:.2f} ms at most"
        )
        told[f"{state}, median ms"] = round(float(np.median(seconds)) * 1000, 2)
        told[f"{state}, most ms"] = round(max(seconds) * 1000, 2)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--hashes", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, help="Keep the results in this JSON file.")
    options = parser.parse_args()
    half = options.pictures // 2
    found = {
        "revision": Moderate(ModerateParams()).revision(),
        "look-ups": lookups(options.hashes),
        "photographs": judge(photographs(options.photos), 1000, "photographs"),
        "icons": judge(icons(), half, "icons"),
        "scenes and avatars": judge(scenes(), options.pictures - half, "scenes and avatars"),
    }
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
