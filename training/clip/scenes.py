"""Scenes made by `compose`, for training (seeds below the split's bound) and for the evaluation (seeds above).

Three kinds teach: every situation that is not held out, asked for by any wording but its held-out one; every subject,
asked for by its title and its description; and whatever the composer draws for thousands of other texts that it is sure
of, so that the text side learns which thing a wording calls for. A text that the composer takes for a held-out situation
teaches nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from icons import MARGIN, SIDE, frame_of, square
from PIL import Image

from imajin_cli.stages.backends import compose, embedding, resvg
from imajin_cli.stages.scene import knowledge
from imajin_cli.stages.scene.choose import Manner
from imajin_cli.stages.scene.layouts.table import LAYOUTS
from imajin_cli.stages.scene.wish import KNOWLEDGE as COMPILED
from imajin_cli.stages.scene.wish import LENDS, situations
from training.colours import COLOURS

HERE = Path(__file__).parent
KNOWLEDGE = Path(knowledge.__file__).parent
PIXELS = 128
SIZES = ((256, 256), (256, 256), (320, 240), (384, 216), (240, 320))
CHUNK = 1000


def held(name: str, bound: int) -> bool:
    """Whether a situation is kept out of training."""
    return hashlib.sha256(name.encode()).digest()[0] < bound


def wordings(entry: dict[str, Any]) -> tuple[list[str], list[str]]:
    """A situation's wordings for training and for the evaluation: the last of `says` is held out."""
    says = list(entry["says"])
    kept = says[:-1] if len(says) > 1 else says
    words = [w for w in entry.get("words", []) if " " in w and w.isascii()]
    return [str(entry["title"]), *kept, *words[:6]], says[-1:]


def more(entry: dict[str, Any], spoken: list[str]) -> list[str]:
    """A situation's other wordings: other languages, plain words, and how people put it."""
    local = [t for lines in entry.get("local", {}).values() for t in lines]
    words = [w for w in entry.get("words", []) if len(w) > 2]
    kept, last = wordings(entry)
    return [t for t in dict.fromkeys([*local, *words, *spoken]) if t not in last and t not in kept]


class Made:
    """One scene: the picture, its layout, its subject's title and description, its alt text, and where the subject stands."""

    def __init__(self, order: compose.Order) -> None:
        made, match = compose.scene(order)
        parts = made.vector.scene["parts"]
        drawn = next((p["name"] for p in parts if p["role"] == "subject"), "")
        part = compose.library(()).find(drawn)
        self.match, self.subject, self.alt = match, part.title if part else "", str(made.vector.scene["alt"])
        self.layout, self.theme = str(made.vector.scene["layout"]), order.manner.theme
        self.says = described().get(drawn.removeprefix("phosphor:"), "")
        self.image: Image.Image = resvg.render(made.vector.svg, order.width, order.height)
        self.box = framed(self.image, made.vector.scene["boxes"]["subject"])

    def pixels(self, side: int) -> np.ndarray:
        found = square(self.image, side)
        assert found is not None
        return found


def described(_kept: dict[str, str] = {}) -> dict[str, str]:  # noqa: B006  a cache
    """Concept → what it shows, as compiled."""
    if not _kept:
        _kept.update({c["name"]: str(c.get("says", "")) for c in json.loads(COMPILED.read_text())["concepts"]})
    return _kept


def framed(image: Image.Image, box: list[int]) -> list[float]:
    """Left, top, width, height in shares of the square picture, of a box in the image's pixels."""
    frame = frame_of(image)
    assert frame is not None
    left, top, side = frame
    inner, margin = 1 - 2 * MARGIN / SIDE, MARGIN / SIDE
    x, y, width, height = box
    return [round(v, 4) for v in ((x - left) / side * inner + margin, (y - top) / side * inner + margin,
        width / side * inner, height / side * inner)]  # fmt: skip


def manner(rng: random.Random, layouts: list[str], subject: str | None = None) -> tuple[Manner, tuple[int, int], str]:
    """Theme, layout, colour; the size; and the background."""
    theme = rng.choice(("light", "light", "light", "dark"))
    size = rng.choice(SIZES)
    chosen = Manner(layout=rng.choice(layouts), theme=theme, colour=rng.choice(COLOURS), subject=subject,
        aspect=size[0] / size[1])  # fmt: skip
    return chosen, size, "paper" if theme == "dark" else rng.choice(("none", "none", "auto"))


def scene(name: str, prompt: str, seed: int, rng: random.Random, subject: str | None = None) -> Made:
    """One scene of a situation."""
    theme = rng.choice(("light", "light", "light", "dark"))
    layouts = [n for n in ("spot", "spot", "hero", "icon", "banner", "numerals") if n in LAYOUTS]
    size = rng.choice(SIZES)
    layout = "icon" if subject and rng.random() < 0.5 else rng.choice(layouts) if subject is None else "spot"
    if layout == "numerals" and not situations()[name].get("numerals"):
        layout = "auto"
    chosen = Manner(layout=layout, theme=theme, colour=rng.choice(COLOURS), subject=subject, aspect=size[0] / size[1])
    back = "paper" if theme == "dark" else rng.choice(("none", "none", "auto"))
    return Made(compose.Order(prompt, seed, *size, chosen, situation=name, background=back))


Row = tuple[Made, dict[str, Any]]


def make(part: str, each: int, split: dict[str, Any]) -> Iterator[Row]:
    """The scenes of situations; for training also those of subjects."""
    entries = yaml.safe_load((KNOWLEDGE / "situations.yaml").read_text())
    spoken = yaml.safe_load((KNOWLEDGE / "spoken.yaml").read_text())
    first = 0 if part == "train" else split["train-seeds"]
    known = [n for n in sorted(situations()) if not held(n, split["situations"])]
    for name in known if part == "train" else sorted(situations()):
        train, test = wordings(entries[name])
        told = [*train, *more(entries[name], spoken.get(name, []))] if part == "train" else train
        for k in range(each):
            made = scene(name, train[0], first + k, random.Random(f"{part}/{name}/{k}"))
            yield made, {"situation": name, "unseen": name not in known, "captions": told, "held": test}
    if part == "train":
        for subject in compose.library(()).subjects():
            for k in range(8):
                rng = random.Random(f"part/{subject}/{k}")
                made = scene(rng.choice(known), subject, k, rng, subject)
                yield made, {"situation": "", "unseen": False, "captions": [made.subject], "held": []}


def of_things(each: int, split: dict[str, Any]) -> Iterator[Row]:
    """Every subject in the company and layouts of any taught situation, asked for by its title."""
    entries = yaml.safe_load((KNOWLEDGE / "situations.yaml").read_text())
    known = [n for n in sorted(situations()) if not held(n, split["situations"])]
    for k in range(each):
        for subject in compose.library(()).subjects():
            rng = random.Random(f"more/{subject}/{k}")
            name = rng.choice(known)
            chosen, size, back = manner(rng, ["spot", "spot", "hero", "hero", "icon", "banner"], subject)
            order = compose.Order(
                wordings(entries[name])[0][0], 100 + k, *size, chosen, situation=name, background=back
            )
            made = Made(order)
            yield made, {"situation": "", "unseen": False, "captions": [made.subject], "held": []}


class Kept:
    """An embedder that reads what text.py embedded, and embeds the rest."""

    def __init__(self, folder: Path) -> None:
        self.vectors: dict[str, np.ndarray] = {}
        for file in sorted(folder.glob("text-*.npz")):
            with np.load(file) as data:
                self.vectors.update(zip(data["texts"].tolist(), data["vectors"].astype(np.float32), strict=True))
        self.engine = embedding.shared()

    def embed(self, texts: list[str]) -> np.ndarray:
        new = [t for t in texts if t not in self.vectors]
        if new:
            assert self.engine is not None
            self.vectors.update(zip(new, self.engine.embed(new), strict=True))
        return np.stack([self.vectors[t] for t in texts])


def of_texts(texts: list[str], split: dict[str, Any], never: set[str]) -> Iterator[Row]:
    """Scenes of texts that the composer is sure of and that name no held-out situation."""
    for text in texts:
        found = compose.matched(text)
        if found.label != "strong" or text in never:
            continue
        if any(hit.score >= LENDS and held(hit.name, split["situations"]) for hit in found.situations):
            continue
        top = found.situations[0] if found.situations else None
        best = max((hit.score for hit in found.concepts), default=0.0)
        situation = top.name if top is not None and top.score >= 0.75 and top.score > best else ""
        if not situation and best < 0.75:
            continue
        rng = random.Random(f"text/{text}")
        chosen, size, back = manner(rng, ["spot", "spot", "hero", "icon", "banner"])
        made = Made(compose.Order(text, rng.randrange(900), *size, chosen, background=back))
        yield made, {"situation": situation, "unseen": False, "captions": [text], "held": []}


def save(target: Path, rows: list[Row]) -> None:
    """Pictures, boxes and what is said of them."""
    told = [{**row, "subject": made.subject, "says": made.says, "alt": made.alt} for made, row in rows]
    temporary = target.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez(file, images=np.stack([made.pixels(PIXELS) for made, _ in rows]),
            boxes=np.array([made.box for made, _ in rows], np.float32), rows=np.array([json.dumps(r) for r in told]))  # fmt: skip
    temporary.rename(target)
    print(target.name, len(rows), told[0]["captions"][:3], round(time.process_time()), flush=True)


def in_chunks(rows: Iterator[Row], out: Path, name: str) -> None:
    kept: list[Row] = []
    number = 0
    for row in rows:
        kept.append(row)
        if len(kept) == CHUNK:
            save(out / f"{name}-{number:02d}.npz", kept)
            kept, number = [], number + 1
    if kept:
        save(out / f"{name}-{number:02d}.npz", kept)


def lines(split: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Captions of training and of the evaluation alone, before anything is drawn."""
    entries = yaml.safe_load((KNOWLEDGE / "situations.yaml").read_text())
    spoken = yaml.safe_load((KNOWLEDGE / "spoken.yaml").read_text())
    train: dict[str, None] = {}
    test: dict[str, None] = {}
    for name in sorted(situations()):
        said, last = wordings(entries[name])
        if held(name, split["situations"]):
            test.update(dict.fromkeys([*said, *last]))
        else:
            train.update(dict.fromkeys([*said, *more(entries[name], spoken.get(name, []))]))
            test.update(dict.fromkeys(last))
    for concept in json.loads(COMPILED.read_text())["concepts"]:
        train.update(dict.fromkeys(t for t in (concept["title"], concept.get("says", "")) if t))
    nouns = yaml.safe_load((KNOWLEDGE / "nouns.yaml").read_text())
    train.update(dict.fromkeys(str(t) for word, others in nouns.items() for t in (word, *others) if len(str(t)) > 1))
    return [t for t in train if t not in test], list(test)


def tests(out: Path, split: dict[str, Any]) -> None:
    """The evaluation's scenes, as PNG files: the gate's own steps read them."""
    folder = out / "test"
    folder.mkdir(exist_ok=True)
    rows = []
    for at, (made, row) in enumerate(make("test", 4, split)):
        made.image.save(folder / f"{at:04d}.png")
        about = {"subject": made.subject, "alt": made.alt, "box": made.box, "layout": made.layout, "theme": made.theme}
        rows.append({**row, **about})
    (out / "test.json").write_text(json.dumps(rows))
    print("test", len(rows))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("lines", "test", "situations", "things", "texts"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--each", type=int, default=44)
    parser.add_argument("--most", type=int, default=40_000, help="texts to look at")
    parser.add_argument("--text", type=Path, help="folder of embedded captions, for `texts`")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    split = yaml.safe_load((HERE / "split.yaml").read_text())["scenes"]
    train, test = lines(split)
    if args.what == "lines":
        (args.out / "captions.txt").write_text("\n".join(train) + "\n")
        (args.out / "held.txt").write_text("\n".join(test) + "\n")
        print(len(train), len(test))
    elif args.what == "test":
        tests(args.out, split)
    elif args.what == "situations":
        in_chunks(make("train", args.each, split), args.out, "train")
    elif args.what == "things":
        in_chunks(of_things(args.each, split), args.out, "train-more")
    else:
        kept = Kept(args.text)
        compose.embedding.shared = lambda: kept  # type: ignore[assignment]
        icons = json.loads((args.text / "names.json").read_text())
        texts = [*train, *icons]
        random.Random(4).shuffle(texts)
        in_chunks(of_texts(texts[: args.most], split, set(test)), args.out, "texts")


if __name__ == "__main__":
    main()
