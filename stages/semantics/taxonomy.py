"""Named filters: the compiled taxonomy, a user's own file over it, and how a request for one is read."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import NoVerdictError, UsageError

FOLDER = Path(__file__).parent / "compiled"
MOST_BYTES, MOST_FILTERS, MOST_SAYS, MOST_CHARS = 1_000_000, 500, 32, 300
# Deviations over the sample's mean prompt at which a filter without a calibration of its own is as likely as not, and
# how steep its curve is. Set by the evaluation (training/clip/calibrate.py) for compiled filters.
USUAL_MIDDLE, USUAL_STEEPNESS = 2.5, 2.0

_NEARLY = 0.8


@dataclass(frozen=True)
class Filter:
    """One filter. A measured one holds where its measurement lies within bounds, another where its curve reaches a half.

    ``rows`` are its wordings' rows among the compiled vectors; empty for a user's filter, whose wordings are embedded.
    """

    name: str
    group: str
    says: tuple[str, ...]
    measure: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    middle: float = USUAL_MIDDLE
    steepness: float = USUAL_STEEPNESS
    rows: tuple[int, ...] = ()

    def probability(self, deviations: float) -> float:
        """Probability, 0..1, from how far its best wording lies above the mean prompt, in standard deviations."""
        x = self.steepness * (deviations - self.middle)
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, x))))


def plain(text: str) -> str:
    """A filter's name or wording for comparison: lower case, words joined by hyphens."""
    return "-".join(re.findall(r"[^\W_]+", text.lower()))


@lru_cache(maxsize=2)
def built_in(folder: Path = FOLDER) -> Mapping[str, Filter]:
    """The compiled taxonomy by name. Raises NoVerdictError where it cannot be read."""
    try:
        found = json.loads((folder / "taxonomy.json").read_text(encoding="utf-8"))
        return {name: _filter(name, entry) for name, entry in found["filters"].items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "pip install --force-reinstall imajin"
        raise NoVerdictError("semantic: its taxonomy cannot be read", hint=hint) from error


def _filter(name: str, entry: Mapping[str, Any]) -> Filter:
    says = tuple(str(text)[:MOST_CHARS] for text in entry["says"][:MOST_SAYS])
    if not says:
        raise ValueError(f"filter {name} says nothing")
    return Filter(
        name,
        str(entry.get("group", "own")),
        says,
        measure=entry.get("measure"),
        at_least=_number(entry.get("at-least")),
        at_most=_number(entry.get("at-most")),
        middle=float(entry.get("middle", USUAL_MIDDLE)),
        steepness=float(entry.get("steepness", USUAL_STEEPNESS)),
        rows=tuple(int(row) for row in entry.get("rows", ())),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def with_own(path: str | None) -> Mapping[str, Filter]:
    """The built-in filters, and a user's file over them, in the form of taxonomy.yaml.

    Raises NoVerdictError for a file that cannot be read, is too large, or holds no filters of that form.
    """
    filters = built_in()
    if path is None:
        return filters
    import yaml

    file = Path(path)
    try:
        if file.stat().st_size > MOST_BYTES:
            raise NoVerdictError(f"semantic: {path} is larger than {MOST_BYTES} bytes")
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
        entries = found["filters"]
        if len(entries) > MOST_FILTERS:
            raise NoVerdictError(f"semantic: {path} holds more than {MOST_FILTERS} filters")
        own = {plain(str(name)): _filter(plain(str(name)), {**entry, "rows": ()}) for name, entry in entries.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        hint = "filters: {NAME: {says: [wording, …]}} is its form"
        raise NoVerdictError(f"semantic: {path} cannot be read as filters", hint=hint) from error
    return {**filters, **own}


def resolve(wanted: str, filters: Mapping[str, Filter]) -> Filter:
    """The filter that ``wanted`` names, by name or by one of its wordings; else one made of the text itself.

    Raises UsageError for what reads like a name (one word with a hyphen) and is nearly that of a filter.
    """
    key = plain(wanted)
    if key in filters:
        return filters[key]
    for name in sorted(filters):
        if key in map(plain, filters[name].says):
            return filters[name]
    text = wanted.strip()[:MOST_CHARS]
    if "-" in text and " " not in text and (near := get_close_matches(key, filters, 1, _NEARLY)):
        hint = f"write {text.replace('-', ' ')!r} to have it judged as free text"
        raise UsageError(f"semantic: {text} is no filter: {near[0]} is", hint=hint)
    return Filter(text, "free text", (text,))
