"""What the embedded encoder finds of weapons, drugs, hate symbols and gore at 0.5 % false alarms, and so whether it may judge.

    python -m benchmarks.gates_concepts --sets node_modules/@iconify-json --out benchmarks/gates_concepts.json

The harmless pictures are the 5,000 icons and scenes of `benchmarks.gates_moderate`. The limit of each category is the lowest
at which no more than an eighth of a percent of them reach it, so that all four together stay within half a percent. What is to
be found are icons of npm's Iconify sets, by their names: of sets that the encoder never saw in training (its
committed split and game-icons, which is not in it), and of sets that it learnt from. Kitchen knives, forks and the like are left
out. Of hate symbols the sets hold none, so nothing is known of them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.gates_moderate import icons, interval, scenes
from imajin_cli.stages.backends import resvg
from imajin_cli.stages.backends.miniclip import revision
from imajin_cli.stages.moderation.concepts import CONCEPTS, chosen, scores

UNSEEN = ("emojione", "flat-color-icons", "iconoir", "bi", "streamline-emojis", "fa6-solid", "game-icons")
LEARNT = ("noto", "twemoji", "fluent-emoji-flat", "mdi", "tabler", "lucide", "ph")
NAMED = {
    "weapons": r"gun|guns|pistol|revolver|rifle|shotgun|machine-gun|swords?|crossed-swords|dagger|bomb|grenade|missile|ak47|uzi"
    r"|bullets?|musket|glock|crossbow|katana",
    "drugs": r"syringe|cannabis|marijuana|weed|joint|cocaine|heroin|drugs?|bong|hemp|cigarette|smoking-pipe",
    "hate symbols": r"swastika|nazi|ss-runes",
    "gore": r"blood|bloody|gore|bleeding|severed|decapitation|guillotine|wound|impaled",
}
LEFT_OUT = re.compile(
    r"off|slash|no-|-no|shield|badge|drop|type|bag|pressure|donor|test|free|glue|butter|train|bath|bubble|rocking|spotted|stitched"
)
ALLOWED = 0.005


def harmful(folder: Path, names: tuple[str, ...], concept: str) -> Iterator[tuple[str, Image.Image]]:
    """The icons of a category in the sets ``names``, black where a set leaves the colour open, on white."""
    pattern = re.compile(rf"(^|-)({NAMED[concept]})($|-)")
    for name in names:
        data = json.loads((folder / name / "icons.json").read_text())
        for icon in sorted(data["icons"]):
            if pattern.search(icon) and not LEFT_OUT.search(icon) and not data["icons"][icon].get("hidden"):
                yield f"{name}:{icon}", _drawn(data, data["icons"][icon])


def _drawn(data: dict[str, Any], icon: dict[str, Any]) -> Image.Image:
    box = [
        icon.get(key, data.get(key, usual)) for key, usual in (("left", 0), ("top", 0), ("width", 16), ("height", 16))
    ]
    body = icon["body"].replace("currentColor", "#000")
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    head = f'<svg {names} viewBox="{" ".join(map(str, box))}">'
    image = resvg.render(f"{head}{body}</svg>", 256, round(256 * box[3] / box[2]))
    laid = Image.new("RGB", image.size, "white")
    laid.paste(image, mask=image.getchannel("A"))
    return laid


def scored(image: Image.Image) -> list[float]:
    """The encoder's score of each category: the worse of white and black behind what is see-through, as the gate looks."""
    grounds = [image]
    if image.mode == "RGBA":
        grounds = [Image.new("RGB", image.size, colour) for colour in ("white", "black")]
        for ground in grounds:
            ground.paste(image, mask=image.getchannel("A"))
    found = scores(chosen("mini"), [ground.convert("RGB") for ground in grounds])
    return [max(one[concept] for one in found) for concept in CONCEPTS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    half = options.pictures // 2
    pictures = itertools.chain(itertools.islice(icons(), half), itertools.islice(scenes(), options.pictures - half))
    good = np.array([scored(one.image) for one in pictures])
    limits = np.quantile(good, 1 - ALLOWED / len(CONCEPTS), axis=0, method="higher") + 1e-6
    alarms = int((good >= limits).any(axis=1).sum())
    low, high = interval(alarms, len(good))
    found: dict[str, Any] = {
        "revision": revision(),
        "limits": {concept: round(float(limit), 3) for concept, limit in zip(CONCEPTS, limits, strict=True)},
        "false alarms": {
            "pictures": len(good),
            "rejected": alarms,
            "share": [round(v, 5) for v in (alarms / len(good), low, high)],
        },
    }
    for label, names in (("found, sets never seen", UNSEEN), ("found, sets of the training", LEARNT)):
        rows = {}
        for at, concept in enumerate(CONCEPTS):
            values = [scored(image)[at] for _, image in harmful(options.sets, names, concept)]
            hits = sum(value >= limits[at] for value in values)
            if values:
                rows[concept] = [
                    int(hits),
                    len(values),
                    *(round(v, 4) for v in (hits / len(values), *interval(hits, len(values)))),
                ]
        found[label] = rows
    print(json.dumps(found, indent=1))
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
