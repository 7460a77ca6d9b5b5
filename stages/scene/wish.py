"""What a scene should show, told apart from how: names ranked by fitness, gathered from what a prompt matched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from imajin_cli.contract.errors import InputError
from imajin_cli.stages.scene import pack

PEOPLE_ICONS = frozenset(
    {"user", "users", "users-three", "person", "person-arms-spread", "student", "baby", "man", "woman"}
)
PEOPLE_SITUATIONS = frozenset(
    {"no-team", "hiring", "community", "support", "contact-us", "welcome", "account-created", "teamwork"}
)
KNOWLEDGE = Path(__file__).parent / "knowledge" / "compiled" / "knowledge.json"


@dataclass(frozen=True)
class Wish:
    """Ranked names of parts, and the manner of the scene. ``match`` is JSON: what was matched, and how strongly.

    ``others`` are companions that the prompt names: they are to be seen. ``weather`` is "rain",
    "snow", "night" or "".
    """

    subjects: tuple[str, ...]
    companions: tuple[str, ...] = ()
    backdrops: tuple[str, ...] = ()
    badges: tuple[str, ...] = ()
    layouts: tuple[str, ...] = ("spot", "hero")
    numerals: str = ""
    mood: str = "neutral"
    tone: str = "neutral"
    title: str = ""
    alt: str = "{subject}"
    people: bool = False
    about: str = ""
    named: bool = False
    others: tuple[str, ...] = ()
    weather: str = ""
    match: Mapping[str, Any] = field(default_factory=dict)


@lru_cache(maxsize=1)
def situations() -> Mapping[str, Mapping[str, Any]]:
    """All situations by id, as compiled. Raises InputError where the compiled knowledge cannot be read."""
    try:
        data = json.loads(KNOWLEDGE.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"the compiled knowledge cannot be read: {error}") from error
    return {entry["id"]: entry for entry in data["situations"]}


def of_situation(entry: Mapping[str, Any], match: Mapping[str, Any]) -> Wish:
    """The wish that a situation stands for."""
    return Wish(
        subjects=tuple(entry.get("subjects", ())),
        companions=tuple(entry.get("companions", ())),
        backdrops=tuple(entry.get("backdrops", ())),
        badges=tuple(entry.get("badge", ())),
        layouts=tuple(entry.get("layouts", ())),
        numerals=str(entry.get("numerals") or ""),
        mood=str(entry.get("mood") or "neutral"),
        tone=str(entry.get("tone") or "neutral"),
        title=str(entry.get("title", "")),
        alt=str(entry.get("alt") or "{subject}"),
        people=entry.get("id") in PEOPLE_SITUATIONS,
        match=match,
    )


# What of a match counts: below FAIR a situation only lends companions, above SURE a named thing becomes the subject.
FAIR, SURE, HEARD = 0.45, 0.55, 0.3
# Where nothing else is heard, a situation from here on is worth a guess; below, a neutral scene is better than a wrong one.
GUESS = 0.4
# A badge says the situation's state, which a thing that the prompt names needs only where the situation is plain.
PLAIN = 0.8
# A situation from HOLDS on stands whatever is named. Below, a thing named OUTRIGHT goes before it, one that is TOLD only
# where no situation is CLEAR of the next one.
HOLDS, OUTRIGHT, TOLD, CLEAR = 0.7, 0.88, 0.8, 0.15
# A code in figures is for who says so, by words or plainly: a juggled teapot is no error 418.
CODED, MEANT_CODE = 0.75, 0.9
# From here on a situation lends its companions to things that stand for themselves.
LENDS = 0.5
# What is named for certain stands in the picture: the first as its subject, the others beside it.
CERTAIN = 0.75
MUCH_LESS = 0.12
ALIVE = frozenset({"mascot", "animal", "person"})
SETTING = frozenset({"nature", "symbol"})
FURNITURE = frozenset({"sofa", "island-palm", "mountain-flag", "campfire", "tent", "hole-in-ground", "train-tunnel"})
GENERIC_BACKDROPS = ("circle", "blob-1", "blob-2", "blob-3", "blob-4", "blob-5", "squircle", "hexagon", "hill")
# Who appears where nothing in a prompt was recognised: friendly, and tied to no state.
STRANGERS = ("robot-thinking", "owl", "fox", "hot-air-balloon", "cat-sitting", "penguin", "sailboat", "robot-happy")
NEUTRAL = ("cloud", "tree", "star", "paper-plane", "potted-plant", "light-bulb")


class Hit(Protocol):
    """One thing that a prompt means, as the matcher gives it."""

    @property
    def name(self) -> str:
        """A situation's id or a concept's name."""
        ...

    @property
    def pack(self) -> str:
        """Which of "situation", "subjects" and "phosphor" it is of."""
        ...

    @property
    def score(self) -> float:
        """How sure the matcher is, from 0 to 1."""
        ...

    @property
    def via(self) -> str:
        """Which of "words", "meaning" and "both" it was found by."""
        ...

    @property
    def others(self) -> tuple[str, ...]:
        """Drawings of the same thing in other states."""
        ...


def _part_name(hit: Hit) -> str:
    return f"phosphor:{hit.name}" if hit.pack == "phosphor" else hit.name


def _worth(hit: Hit) -> float:
    """A concept's fitness as a subject: drawings of the project's own are richer than icons."""
    return hit.score + (0.12 if hit.pack == "subjects" else 0.0)


def _kind(hit: Hit) -> str:
    part = pack.own_parts().get("subjects", {}).get(hit.name) if hit.pack == "subjects" else None
    return part.kind if part is not None else "icon"


def _leads(hit: Hit, best: float) -> int:
    """Who leads where several things are named: 0 for what lives, 1 for things, 2 for the setting they are in, 3 for a thing that
    the words say much less surely than the ``best`` is said: the clay of a cactus in a clay pot is no wall.
    """
    if _kind(hit) in ALIVE:
        return 0
    if hit.score < best - MUCH_LESS:
        return 3
    return 2 if _kind(hit) in SETTING or hit.name in FURNITURE else 1


def _cast_of(named: Sequence[Hit], entry: Mapping[str, Any] | None) -> tuple[list[str], list[str]]:
    """(the leading thing in its fitting moods, the other things to be seen) of what a prompt names for certain."""
    sure = [hit for hit in named if hit.score >= CERTAIN]
    own = [hit for hit in sure if hit.pack == "subjects"]
    if not own:
        return [], []
    best = max(hit.score for hit in own)
    own.sort(key=lambda hit: (_leads(hit, best), -hit.score, hit.name))
    lead = own[0]
    fitting = set(entry.get("subjects", ())) if entry is not None else set()
    rest = [*own[1:], *(hit for hit in sure if hit.pack != "subjects" and hit.name not in PEOPLE_ICONS)]
    return [lead.name, *(name for name in lead.others if name in fitting)], [_part_name(hit) for hit in rest]


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def from_match(situation_hits: Sequence[Hit], concepts: Sequence[Hit], match: Mapping[str, Any], about: str) -> Wish:
    """The wish behind a match: a situation with the things that the prompt names, or the things alone."""
    top = situation_hits[0] if situation_hits else None
    entry = situations().get(top.name) if top is not None else None
    ranked = sorted(concepts, key=lambda hit: (-_worth(hit), hit.name))
    named = [hit for hit in ranked if hit.score >= SURE]
    if entry is not None and top is not None and top.score >= FAIR and not _outdone(situation_hits, named):
        coded = top.score >= (MEANT_CODE if top.via == "meaning" else CODED)
        wish = of_situation(entry, match)
        return _with_things(wish if coded else replace(wish, numerals=""), top.score, named, about)
    # A word that is there counts from little on; a thing that is only near in meaning is as often an absurd one.
    heard = [hit for hit in ranked if hit.score >= (FAIR if hit.via == "meaning" else HEARD)]
    if heard:
        return _of_things(heard, entry if top is not None and top.score >= LENDS else None, match, about)
    if entry is not None and top is not None and top.score >= GUESS:
        # A guess: the picture may be right, a code or a state said outright would be too sure of it.
        return replace(of_situation(entry, {**match, "drawn": "guess"}), about=about, numerals="", badges=())
    start = int.from_bytes(hashlib.sha256(about.encode()).digest()[:4], "big") % len(STRANGERS)
    strangers = STRANGERS[start:] + STRANGERS[:start]
    facts = {**match, "drawn": "neutral"}
    return Wish(strangers, NEUTRAL, GENERIC_BACKDROPS, match=facts, about=about, title="", alt="{subject}")


def _outdone(hits: Sequence[Hit], named: Sequence[Hit]) -> bool:
    """Whether a thing that the prompt names says more than the situation: its name does, a word for it if that is close."""
    top = hits[0].score
    lead = top - hits[1].score if len(hits) > 1 else top
    return top < HOLDS and bool(named) and named[0].score >= (TOLD if lead < CLEAR else OUTRIGHT)


def _with_things(wish: Wish, score: float, named: Sequence[Hit], about: str) -> Wish:
    """A situation's wish with the things that the prompt names put first."""
    lead, others = _cast_of(
        [hit for hit in named if hit.score >= 0.9 or hit.score > score], {"subjects": wish.subjects}
    )
    companions = [_part_name(hit) for hit in named if hit.score >= 0.6 and hit.name not in PEOPLE_ICONS]
    people = wish.people or any(hit.name in PEOPLE_ICONS and hit.score >= CERTAIN for hit in named)
    sure = replace(wish, badges=()) if lead and score < PLAIN else wish
    return replace(
        sure,
        subjects=tuple(lead) or wish.subjects,
        companions=_unique([*others, *companions, *wish.companions]),
        people=people and not lead,
        named=bool(lead),
        others=_unique(others),
        about=about,
    )


def _of_things(heard: Sequence[Hit], entry: Mapping[str, Any] | None, match: Mapping[str, Any], about: str) -> Wish:
    """A wish of things alone; a weakly matched situation lends companions."""
    lead, others = _cast_of(heard, entry)
    best = _worth(heard[0])
    near = [
        name
        for hit in heard
        if _worth(hit) >= best - 0.25
        for name in (_part_name(hit), *(hit.others[:2] if hit.pack == "subjects" else ()))
    ]
    companions = [_part_name(hit) for hit in heard if _part_name(hit) not in lead and hit.name not in PEOPLE_ICONS]
    lent = tuple(entry.get("companions", ())) if entry is not None else ()
    people = any(hit.name in PEOPLE_ICONS and hit.score >= CERTAIN for hit in heard)
    return Wish(
        tuple(lead) or _unique(near),
        _unique([*others, *companions, *lent]),
        GENERIC_BACKDROPS,
        title=heard[0].name,
        people=people,
        named=bool(lead) or heard[0].score >= 0.6,
        others=_unique(others),
        match=match,
        about=about,
    )
