"""People for scenes and avatars: drawn by DiceBear's styles, described in words, coloured by the palette.

Every picture is a function of (description, seed, style): the seed picks what the description leaves open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Any

from imajin_cli.stages.backends import dicebear
from imajin_cli.stages.scene.part import Box, Part
from imajin_cli.stages.scene.people_colour import tones
from imajin_cli.stages.scene.people_draw import GROUND, VIEW, drawn_avatar, drawn_figure
from imajin_cli.stages.scene.people_read import NONE, read, tables

CC0_STYLES = ("lorelei", "notionists", "open-peeps")
ROBOT_STYLE = "voxel-bot"
STYLES = tuple(sorted(dicebear.STYLES))
# Features whose variants are narrowed first win where two cannot both be had.
_ORDER = ("kind", "pose", "hat", "glasses", "mask", "mood", "age", "beard", "length", "texture", "gender", "haircolour")
_COLOUR_ONLY = {"haircolour", "skin"}
# A mood for a scene: the face it takes, and the gesture where a style has arms.
MOODS = {
    "angry": ("angry", ""),
    "celebrating": ("laughing", "cheering"),
    "happy": ("happy", ""),
    "lost": ("puzzled", ""),
    "neutral": ("neutral", ""),
    "puzzled": ("puzzled", "pointing"),
    "sad": ("sad", ""),
    "searching": ("puzzled", "pointing"),
    "sleeping": ("tired", ""),
    "tired": ("tired", ""),
    "waving": ("happy", "waving"),
    "working": ("neutral", "phone"),
}


@dataclass(frozen=True)
class Person:
    """A drawn person: the features that its style could honour and those it lacks, both as {"hat": "cap"}."""

    part: Part
    style: str
    honoured: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


def avatar(description: str, seed: int, *, style: str = "auto", backdrop: bool = True) -> Person:
    """A head and shoulders in a 240-unit square, as described.

    With ``backdrop`` it stands in a disc of the palest tone, to whose edge the shoulders are cut; without, they end in
    that same curve. ``style`` is one of STYLES; "auto" takes the CC0 style that honours most. Raises ValueError
    for another.
    """
    return _avatar(description, seed, style, backdrop)


def figure(mood: str, seed: int, *, description: str = "", style: str = "auto") -> Person:
    """A half figure that stands on a ground (y = 220 of 240 units), in one of MOODS.

    Words of ``description`` win over the mood. Raises ValueError for a mood or a style that there is not.
    """
    if mood not in MOODS:
        raise ValueError(f"unknown mood {mood!r}; there are {', '.join(MOODS)}")
    return _figure(mood, seed, description, style)


@lru_cache(maxsize=512)
def _avatar(description: str, seed: int, style: str, backdrop: bool) -> Person:
    wanted = read(description)
    chosen = _chosen_style(style, wanted, CC0_STYLES, seed)
    random = Random(f"avatar {chosen} {seed}")
    picks, honoured, missing = _picks(chosen, wanted, random)
    picks.pop("gesture", None)
    if "pose" in honoured:
        missing["pose"] = honoured.pop("pose")
    tone = tones(random, _with_age(wanted))
    body, box = drawn_avatar(chosen, picks, tone, backdrop)
    part = _part("avatar", chosen, seed, body, box, None)
    return Person(part, chosen, honoured, missing)


@lru_cache(maxsize=512)
def _figure(mood: str, seed: int, description: str, style: str) -> Person:
    face, pose = MOODS[mood]
    described = read(description)
    wanted = {"mood": face, **({"pose": pose} if pose else {}), **described}
    among = ("notionists",) if "pose" in wanted else ("notionists", "open-peeps")
    chosen = _chosen_style(style, wanted, among, seed)
    random = Random(f"figure {chosen} {seed}")
    picks, honoured, missing = _picks(chosen, wanted, random)
    tone = tones(random, _with_age(wanted))
    body, box = drawn_figure(chosen, picks, tone)
    return Person(_part("figure", chosen, seed, body, box, GROUND), chosen, honoured, missing)


def _with_age(wanted: Mapping[str, str]) -> dict[str, str]:
    return {**({"haircolour": "grey"} if wanted.get("age") == "old" else {}), **wanted}


def _part(kind: str, style: str, seed: int, body: str, box: Box, ground: float | None) -> Part:
    x0, y0, x1, _ = box
    return Part(
        name=f"{kind}-{style}-{seed}",
        kind="person" if style != ROBOT_STYLE else "mascot",
        title="Person" if style != ROBOT_STYLE else "Robot",
        body=body,
        view=(VIEW, VIEW),
        box=box,
        credit=dicebear.drawing(style).credit,
        ground=ground,
        badge=(round(x1 - (x1 - x0) * 0.12, 2), round(y0 + (x1 - x0) * 0.14, 2)),
    )


def _chosen_style(style: str, wanted: Mapping[str, str], among: Sequence[str], seed: int) -> str:
    if style != "auto":
        dicebear.drawing(style)
        return style
    if wanted.get("kind") == "robot":
        return ROBOT_STYLE
    scores = {name: len(_picks(name, wanted, Random(0))[1]) for name in among}
    best = [name for name in among if scores[name] == max(scores.values())]
    return best[seed % len(best)]


def _shown_by_default(table: Mapping[str, Any], kind: str) -> bool:
    return kind not in ("glasses", "beard", "hat", "earrings", "mask") or kind in table["always"]


def _picks(
    style: str, wanted: Mapping[str, str], random: Random
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """A variant for each component ("" draws none), with the features that were honoured and those that were not."""
    table = tables()["styles"][style]
    choices = {component: list(variants) for component, variants in table["always"].items()}
    asked: set[str] = set()
    honoured: dict[str, str] = {}
    missing: dict[str, str] = {}
    for kind in sorted(wanted, key=lambda kind: (_ORDER.index(kind) if kind in _ORDER else len(_ORDER), kind)):
        value = wanted[kind]
        got = _narrow(table, kind, value, choices, asked)
        (honoured if got else missing)[kind] = value
    picks = {component: random.choice(choices[component]) for component in sorted(choices)}
    _sometimes(table, wanted, picks, random)
    return picks, honoured, missing


def _narrow(table: Mapping[str, Any], kind: str, value: str, choices: dict[str, list[str]], asked: set[str]) -> bool:
    """Keep only the variants that show ``kind=value``; False, and nothing changed, where no variant is left."""
    if value == NONE:
        return not _shown_by_default(table, kind)
    needs = table.get(f"{kind}={value}")
    if needs is None:
        return kind in _COLOUR_ONLY and bool(table["always"])
    left: dict[str, list[str]] = {}
    for component, variants in needs.items():
        if component == "haircolour":
            continue
        before = choices[component] if component in asked else variants
        left[component] = [variant for variant in before if variant in variants]
        if not left[component]:
            return False
    choices.update(left)
    asked.update(left)
    return True


def _sometimes(table: Mapping[str, Any], wanted: Mapping[str, str], picks: dict[str, str], random: Random) -> None:
    """Add glasses, beards and the like by chance where the description leaves them open."""
    hair = picks.get("hair", picks.get("head", ""))
    plain = hair in table["beardless"] or wanted.get("gender") == "woman" or wanted.get("age") == "young"
    for component, (chance, variants) in sorted(table["sometimes"].items()):
        shown, variant = random.random() * 100 < chance, random.choice(variants)
        kind = {"accessories": "glasses", "facialHair": "beard"}.get(component, component)
        if not shown or component in picks or wanted.get(kind) == NONE:
            continue
        if kind == "beard" and (plain or "mood" in wanted):
            continue  # a moustache hides the mouth that shows the mood
        picks[component] = variant
