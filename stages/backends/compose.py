"""The compose backend: a prompt to a vector scene, on the CPU, without a network. Knowledge and embedder load once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.stages.backends import embedding, resvg
from imajin_cli.stages.scene.choose import Manner, choose
from imajin_cli.stages.scene.compose import Scene, compose
from imajin_cli.stages.scene.knowledge.match import Match, match
from imajin_cli.stages.scene.layouts.table import LAYOUTS
from imajin_cli.stages.scene.library import Library
from imajin_cli.stages.scene.wish import Wish, from_match, of_situation, situations


@dataclass(frozen=True)
class Order:
    """One picture to compose, in plain values: what a stage's params come to."""

    prompt: str
    seed: int
    width: int
    height: int
    manner: Manner
    situation: str | None = None
    background: str = "auto"
    has_text: bool = False
    packs: tuple[str, ...] = ()


def library(packs: tuple[str, ...]) -> Library:
    """The parts at hand with these user packs, read once for each state of theirs.

    Raises InputError for a pack that cannot be used.
    """
    return _library(packs, tuple(map(_state, packs)))


@lru_cache(maxsize=8)
def _library(packs: tuple[str, ...], states: tuple[Any, ...]) -> Library:
    del states
    return Library(packs)


def _state(pack: str) -> tuple[Any, ...]:
    """What tells one state of a pack from another: its place, and the name, time and size of each of its files."""
    at = Path(pack).expanduser().absolute()
    try:
        files = sorted(at.iterdir()) if at.is_dir() else [at]
        states = [(file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    except OSError:
        return (at,)
    return (at, *states)


@lru_cache(maxsize=256)
def matched(prompt: str) -> Match:
    """What ``prompt`` means, by words and by the embedder where it is installed."""
    return match(prompt, embed=embedding.shared())


def _facts(found: Match) -> dict[str, Any]:
    return {
        "strength": found.strength,
        "label": found.label,
        "reason": found.reason,
        "situations": [{"name": hit.name, "score": hit.score} for hit in found.situations],
        "concepts": [{"name": hit.name, "pack": hit.pack, "score": hit.score} for hit in found.concepts],
    }


@lru_cache(maxsize=256)
def wish_of(prompt: str, situation: str | None) -> Wish:
    """The wish behind a prompt, or behind a situation that is forced. Raises UsageError for an unknown situation."""
    found = matched(prompt)
    facts = _facts(found)
    if situation is not None:
        entry = situations().get(situation)
        if entry is None:
            raise UsageError(f'there is no situation "{situation}"', hint=_nearest_situations(situation))
        return replace(of_situation(entry, {**facts, "forced": situation}), about=prompt)
    wish = from_match(found.situations, found.concepts, facts, prompt)
    weather = found.hints.weather
    others = (*wish.others, "moon-night") if weather == "night" else wish.others
    return replace(wish, numerals=found.hints.code or wish.numerals, weather=weather, others=others)


def _nearest_situations(name: str) -> str:
    """A hint for a name that is none: those that it may be meant for, else what all are like."""
    import difflib

    names = sorted(situations())
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"one of {len(names)}, such as {', '.join(names[:4])}"


def _manner(order: Order) -> Manner:
    """The order's manner, with what the prompt itself says of layout and colour."""
    hints = matched(order.prompt).hints
    manner = order.manner
    if manner.layout == "auto" and hints.layout in LAYOUTS:
        manner = replace(manner, layout=hints.layout)
    if manner.colour is None and hints.colours:
        manner = replace(manner, colour=hints.colours[0])
    return manner


def _with_users(parts: Library, wish: Wish, prompt: str) -> Wish:
    """A user's own drawings come first where the prompt holds every word of their names."""
    said = set(re.findall(r"\w+", prompt.lower()))
    own = [name for name in sorted(parts.user) if set(re.findall(r"[^\W_]+", name.split(":")[-1].lower())) <= said]
    return replace(wish, subjects=(*own, *wish.subjects), named=True) if own else wish


def scene(order: Order) -> tuple[Scene, Mapping[str, Any]]:
    """The scene for an order, and what was matched (JSON). Equal orders give equal bytes.

    Raises UsageError for a subject, situation or layout that there is not.
    """
    parts = library(order.packs)
    if order.manner.subject is not None and parts.find(order.manner.subject) is None:
        raise UsageError(
            f'there is no subject "{order.manner.subject}"', hint="such as robot-lost, server-rack or phosphor:rocket"
        )
    variants = sorted({name for table in LAYOUTS.values() for name in table})
    if order.manner.composition is not None and order.manner.composition not in variants:
        raise UsageError(f'there is no variant "{order.manner.composition}"', hint=f"there are {', '.join(variants)}")
    wish = wish_of(order.prompt, order.situation)
    wish = _with_users(parts, wish, order.prompt)
    cast = choose(parts, wish, _manner(order), order.seed)
    made = compose(
        cast,
        order.width,
        order.height,
        background=order.background,
        has_text=order.has_text,
        match=wish.match,
        alt=wish.alt,
    )
    return made, wish.match


def picture(vector: Vector, width: int, height: int) -> Picture:
    """The vector as a picture of ``width`` × ``height`` pixels, rasterised when it is first looked at."""
    return Picture((width, height), lambda: resvg.render(vector.svg, width, height), vector=vector)
