"""Scenes that the composer draws for prompts of development, layout by layout: what the curves of our own scenes are set on.

The prompts are those of prompts.txt, written for this; of the matcher's own test; of the contact sheets; and names of things.
None of benchmarks/end_to_end.txt is among them. Which situation a prompt is of says only which prompts are no wrong ones for
each other: by its label where a person named one, else the composer's surest.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from evaluate import Part, looked_at

from imajin_cli.stages.backends import compose, resvg
from imajin_cli.stages.backends.miniclip import MiniClip
from imajin_cli.stages.scene.choose import Manner
from imajin_cli.stages.scene.knowledge.bank import bank
from imajin_cli.stages.scene.wish import HOLDS
from imajin_cli.stages.semantics.judge import composed_class

ROOT = Path(__file__).resolve().parents[2]
SHEETS = ("contact_sheet", "contact_sheet_blind", "contact_sheet_earlier")
LAYOUTS = {"auto": 2, "icon": 1, "pattern": 1, "avatar": 1, "numerals": 1}
"""Layouts that are asked for, and from how many seeds a prompt is drawn; every second prompt where a layout is named."""
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


def drawn(clip: MiniClip) -> tuple[Part, list[str]]:
    """The pictures of every prompt in every layout and their groups. A picture's set is the class that its layout is of."""
    views, sets, said, marks, groups = [], [], [], [], []
    for at, (prompt, group) in enumerate(prompts()):
        for layout, seeds in LAYOUTS.items():
            if layout != "auto" and at % 2:
                continue
            for seed in range(seeds):
                made, _ = compose.scene(compose.Order(prompt, at % 7 + seed, SIDE, SIDE, Manner(layout=layout)))
                got = str(made.vector.scene["layout"])
                if layout not in ("auto", got):
                    continue
                views.append(looked_at(clip, resvg.render(made.vector.svg, SIDE, SIDE)))
                sets.append(composed_class(got))
                said.append(prompt)
                marks.append(compose.matched(prompt).label)
                groups.append(group)
    return Part(np.stack(views), np.array(sets), said, np.array(marks)), groups
