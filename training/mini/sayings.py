"""Concepts and what is said of them: captions of the training, and the held-out prompts of split.yaml."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
GENERIC = {"face", "person", "sign", "symbol", "icon", "with", "and", "the", "of", "button", "mark"}
FRAMES = ("{}", "{}", "{}", "{} icon", "an icon of {}", "a picture of {}", "{}, flat", "a {}", "{} on white")
PEOPLE = 1


@dataclass
class Concept:
    """One emoji: its name, the words around it, other names of which one may be held out, and the held-out one."""

    code: str
    name: str
    tags: list[str]
    others: list[str] = field(default_factory=list)
    held: str = ""


def plain(text: str) -> str:
    """Lower-case words alone."""
    return " ".join(re.findall(r"[a-z0-9]+", text.lower().replace("’", "").replace("'", "")))


def split() -> dict[str, Any]:
    """split.yaml."""
    found: dict[str, Any] = yaml.safe_load((HERE / "split.yaml").read_text())
    return found


def concepts(emojibase: Path) -> list[Concept]:
    """Every concept of the split, its held-out prompt set. ``emojibase`` is the package's folder."""
    told = split()
    without = told["without"]
    groups = json.loads((emojibase / "meta/groups.json").read_text())["subgroups"]
    lists = [json.loads((emojibase / f"en/shortcodes/{name}.json").read_text()) for name in told["held"]["lists"]]
    found = []
    for entry in json.loads((emojibase / "en/data.json").read_text()):
        group, kind = entry.get("group"), groups.get(str(entry.get("subgroup")), "")
        if group is None or group in without["groups"] or kind in without["subgroups"]:
            continue
        label, name = entry["label"].lower(), plain(entry["label"])
        if any(word in label for word in without["words"]) or _gendered(entry["hexcode"]):
            continue
        tags = [t for t in dict.fromkeys(plain(t) for t in entry.get("tags", [])) if len(t) > 2 and t != name]
        found.append(Concept(entry["hexcode"], name, tags, _others(entry["hexcode"], name, lists)))
    _hold_out(found, told["held"]["prompts"])
    return found


def _gendered(code: str) -> bool:
    """Whether it is somebody's man or woman of a person's work or doings; the person is kept."""
    return bool(re.search(r"200D-264[02]|^1F46[89]-200D|27A1", code))


def _others(code: str, name: str, lists: Iterable[dict[str, Any]]) -> list[str]:
    """Short names beside ``name``, those of whole words alone."""
    found = []
    for table in lists:
        given = table.get(code, [])
        for short in [given] if isinstance(given, str) else given:
            text = plain(re.sub(r"[_-]", " ", short))
            if len(text) > 2 and text != name and not re.search(r"\d", text) and sorted(text.split()) != sorted(name.split()):
                found.append(text)
    return list(dict.fromkeys(found))


def _hold_out(found: list[Concept], count: int) -> None:
    """Give so many concepts a held-out prompt, and take it out of what is said of any concept."""
    known = {c.name for c in found}
    words = {w for c in found for text in (c.name, *c.tags) for w in text.split()}
    taken: set[str] = set()
    order = sorted(found, key=lambda c: hashlib.sha256(f"held/{c.name}".encode()).digest())
    for concept in order:
        fitting = [t for t in concept.others if t not in known and t not in taken and set(t.split()) <= words
            and not set(t.split()) <= GENERIC]  # fmt: skip
        if len(taken) < count and fitting:
            # What is nearest in length to the name says as much as it does.
            concept.held = min(fitting, key=lambda t: (abs(len(t) - len(concept.name)), t))
            taken.add(concept.held)
    for concept in found:
        concept.tags = [t for t in concept.tags if t not in taken]
        concept.others = [t for t in concept.others if t not in taken and t != concept.held]


def said(concept: Concept, rng: random.Random) -> str:
    """One caption: the name, often in a frame, or with words around it, or another name."""
    kind = rng.random()
    if kind < 0.55 or (not concept.tags and not concept.others):
        return rng.choice(FRAMES).format(concept.name)
    if kind < 0.7 and concept.others:
        return rng.choice(concept.others)
    if not concept.tags:
        return concept.name
    tags = rng.sample(concept.tags, min(len(concept.tags), rng.choice((2, 2, 3))))
    if kind < 0.88:
        return f"{concept.name}, {', '.join(tags)}"
    return " ".join(tags)
