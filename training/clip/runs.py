"""Scenes that the composer draws for prompts of development, by theme and layout: what the curves of our own are set on.

The prompts are those of prompts.txt, written for this; of the matcher's own test; of the contact sheets; and names of things.
None of benchmarks/end_to_end.txt is among them. Which situation a prompt is of says only which prompts are no wrong ones for
each other: by its label where a person named one, else the composer's surest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from evaluate import Part, looked_at

from imajin_cli.stages.backends import compose, resvg
from imajin_cli.stages.backends.miniclip import IMAGE, MiniClip, digest
from imajin_cli.stages.scene.choose import Manner
from imajin_cli.stages.scene.knowledge.bank import bank
from imajin_cli.stages.scene.palette import Theme
from imajin_cli.stages.scene.wish import HOLDS
from imajin_cli.stages.semantics.judge import composed_class

ROOT = Path(__file__).resolve().parents[2]
SHEETS = ("contact_sheet", "contact_sheet_blind", "contact_sheet_earlier")
LAYOUTS = {"auto": 2, "icon": 1, "pattern": 1, "avatar": 1, "numerals": 3}
EVERYWHERE = ("auto", "numerals")
"""Layouts that are asked for, and from how many seeds a prompt is drawn; every second prompt in those not everywhere. Few
prompts have numerals."""
BACKS: dict[Theme, tuple[str, ...]] = {"light": ("auto",), "dark": ("auto", "none", "paper")}
"""The grounds of the pictures of each theme, taking turns."""
EVERY, SIDE = 23, 512
"""Every which thing is asked for by its name, and the pictures' side in pixels."""


def _lines(path: str) -> list[list[str]]:
    text = (ROOT / path).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def prompts() -> list[tuple[str, str]]:
    """Each prompt once, and its group: of one group none is a wrong prompt for another."""
    found = {row[4]: row[3].split("|")[0] for row in _lines("tests/data/match_prompts.tsv")}
    more = [row[0] for row in _lines("training/clip/prompts.txt")]
    more += [row[3] for name in SHEETS for row in _lines(f"benchmarks/{name}.tsv")]
    more += [concept.title for concept in bank().concepts[5::EVERY]]
    for prompt in more:
        top = compose.matched(prompt).situations[:1]
        found.setdefault(prompt, top[0].name if top and top[0].score >= HOLDS else prompt)
    return list(found.items())


def drawn(clip: MiniClip, folder: Path | None = None) -> tuple[Part, list[str]]:
    """The pictures of every prompt in every theme and layout, and their groups. A picture's set is the class that it is of.

    ``folder`` keeps what was drawn for an encoder, theme by theme: what is there already is not drawn again.
    """
    found = []
    for theme in BACKS:
        file = None if folder is None else folder / f"runs-{theme}-{digest(clip.folder / IMAGE)}.npz"
        if file is None or not file.exists():
            rows = list(_drawn(clip, theme))
            columns = dict(
                zip(("views", "sets", "said", "marks", "groups"), map(np.array, zip(*rows, strict=True)), strict=True)
            )
            if file is not None:
                folder.mkdir(parents=True, exist_ok=True)  # type: ignore[union-attr]
                np.savez(file, **columns)
        else:
            with np.load(file) as data:
                columns = dict(data)
        found.append(columns)
    whole = {name: np.concatenate([columns[name] for columns in found]) for name in found[0]}
    part = Part(whole["views"], whole["sets"], whole["said"].tolist(), whole["marks"], classes=whole["sets"])
    return part, whole["groups"].tolist()


def _drawn(clip: MiniClip, theme: Theme) -> Iterator[tuple[np.ndarray, str, str, str, str]]:
    """Views, class, prompt, how sure the composer is of it, and group of each picture of a theme."""
    for at, (prompt, group) in enumerate(prompts()):
        for layout, seeds in LAYOUTS.items():
            if layout not in EVERYWHERE and at % 2:
                continue
            for seed in range(seeds):
                back = BACKS[theme][(at + seed) % len(BACKS[theme])]
                manner = Manner(layout=layout, theme=theme)
                made, _ = compose.scene(compose.Order(prompt, at % 7 + seed, SIDE, SIDE, manner, background=back))
                got = str(made.vector.scene["layout"])
                if layout in ("auto", got):
                    views = looked_at(clip, resvg.render(made.vector.svg, SIDE, SIDE), theme)
                    yield views, composed_class(got, theme), prompt, compose.matched(prompt).label, group
