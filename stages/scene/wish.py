"""What a scene should show, told apart from how: names ranked by fitness, gathered from what a prompt matched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import InputError

KNOWLEDGE = Path(__file__).parent / "knowledge" / "compiled" / "knowledge.json"


@dataclass(frozen=True)
class Wish:
    """Ranked names of parts, and the manner of the scene. ``match`` is JSON: what was matched, and how strongly."""

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
        match=match,
    )
