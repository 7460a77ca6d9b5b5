"""Scenes made by `compose`, for training (seeds below the split's bound) and for the evaluation (seeds above)."""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from icons import square

from imajin_cli.stages.backends import compose, resvg
from imajin_cli.stages.scene import knowledge
from imajin_cli.stages.scene.choose import Manner
from imajin_cli.stages.scene.layouts.table import LAYOUTS
from imajin_cli.stages.scene.wish import situations

HERE = Path(__file__).parent
KNOWLEDGE = Path(knowledge.__file__).parent
COLOURS = (
    None,
    None,
    "#2563eb",
    "#0d9488",
    "#7c3aed",
    "#db2777",
    "#ea580c",
    "#16a34a",
    "#475569",
    "#dc2626",
    "#ca8a04",
)
SIZES = ((256, 256), (256, 256), (320, 240), (384, 216), (240, 320))


def held(name: str, bound: int) -> bool:
    """Whether a situation is kept out of training."""
    return hashlib.sha256(name.encode()).digest()[0] < bound


def wordings(entry: dict[str, Any]) -> tuple[list[str], list[str]]:
    """A situation's wordings for training and for the evaluation: the last of `says` is held out."""
    says = list(entry["says"])
    kept = says[:-1] if len(says) > 1 else says
    words = [w for w in entry.get("words", []) if " " in w and w.isascii()]
    return [str(entry["title"]), *kept, *words[:6]], says[-1:]


def scene(
    name: str, prompt: str, seed: int, rng: random.Random, subject: str | None = None
) -> tuple[np.ndarray, str, str]:
    """One scene: pixels of shape (64, 64, 4), its subject's title, its alt text."""
    theme = rng.choice(("light", "light", "light", "dark"))
    layouts = [n for n in ("spot", "spot", "hero", "icon", "banner", "numerals") if n in LAYOUTS]
    size = rng.choice(SIZES)
    layout = "icon" if subject and rng.random() < 0.5 else rng.choice(layouts) if subject is None else "spot"
    if layout == "numerals" and not situations()[name].get("numerals"):
        layout = "auto"
    manner = Manner(layout=layout, theme=theme, colour=rng.choice(COLOURS), subject=subject, aspect=size[0] / size[1])
    back = "paper" if theme == "dark" else rng.choice(("none", "none", "auto"))
    order = compose.Order(prompt, seed, *size, manner, situation=name, background=back)
    made, _ = compose.scene(order)
    drawn = next((p["name"] for p in made.vector.scene["parts"] if p["role"] == "subject"), "")
    part = compose.library(()).find(drawn)
    pixels = square(resvg.render(made.vector.svg, *size))
    assert pixels is not None
    return pixels, part.title if part else "", str(made.vector.scene["alt"])


def make(part: str, each: int, split: dict[str, Any]) -> tuple[list[np.ndarray], list[dict[str, Any]]]:
    images, rows = [], []
    spoken = yaml.safe_load((KNOWLEDGE / "situations.yaml").read_text())
    first = 0 if part == "train" else split["train-seeds"]
    for name in sorted(situations()):
        unseen = held(name, split["situations"])
        if unseen and part == "train":
            continue
        train, test = wordings(spoken[name])
        for k in range(each):
            rng = random.Random(f"{part}/{name}/{k}")
            pixels, title, alt = scene(name, train[0], first + k, rng)
            rows.append(
                {"situation": name, "unseen": unseen, "captions": train, "held": test, "subject": title, "alt": alt}
            )
            images.append(pixels)
    if part == "train":
        known = [n for n in sorted(situations()) if not held(n, split["situations"])]
        for subject in compose.library(()).subjects():
            for k in range(4):
                rng = random.Random(f"part/{subject}/{k}")
                name = rng.choice(known)
                pixels, title, _ = scene(name, subject, k, rng, subject)
                rows.append(
                    {"situation": "", "unseen": False, "captions": [title], "held": [], "subject": title, "alt": title}
                )
                images.append(pixels)
    return images, rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--each", type=int, default=44)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    split = yaml.safe_load((HERE / "split.yaml").read_text())["scenes"]
    lines: list[str] = []
    for part, each in (("train", args.each), ("test", 4)):
        images, rows = make(part, each, split)
        np.savez(args.out / f"{part}.npz", images=np.stack(images), rows=np.array([json.dumps(r) for r in rows]))
        print(part, len(rows), len({r["situation"] for r in rows}), rows[0], flush=True)
        if part == "train":
            lines = sorted({t for r in rows for t in (*r["captions"], r["subject"], r["alt"]) if t})
            (args.out / "captions.txt").write_text("\n".join(lines) + "\n")
        else:
            held_lines = sorted({t for r in rows for t in (*r["captions"], *r["held"])} - set(lines))
            (args.out / "held.txt").write_text("\n".join(held_lines) + "\n")


if __name__ == "__main__":
    main()
