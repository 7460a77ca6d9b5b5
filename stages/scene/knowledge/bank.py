"""The compiled knowledge as it is read at run time: one JSON file, and one array that is read when first needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COMPILED = Path(__file__).parent / "compiled"
Tone = Literal["positive", "neutral", "negative", "busy"]


@dataclass(frozen=True)
class Situation:
    """A situation that interfaces have pictures for, and what may be drawn in it, best first.

    ``subjects`` and ``companions`` name drawn subjects, or icons as ``phosphor:NAME``. ``numerals`` is "" where none
    belong to it. ``alt`` is a template with one field, ``{subject}``.
    """

    id: str
    title: str
    numerals: str
    subjects: tuple[str, ...]
    companions: tuple[str, ...]
    backdrops: tuple[str, ...]
    badge: tuple[str, ...]
    mood: str
    tone: Tone
    layouts: tuple[str, ...]
    alt: str


@dataclass(frozen=True)
class Concept:
    """A thing that can be drawn: ``pack`` is "subjects" (our own) or "phosphor"; ``says`` is what it shows."""

    name: str
    pack: str
    kind: str
    title: str
    says: str


@dataclass(frozen=True)
class Vectors:
    """The embedded lines: ``unit`` (n, 384) float32, ``owner`` (n,), ``mean`` and ``spread`` (n,), ``centre`` (384,)."""

    unit: NDArray[np.float32]
    owner: NDArray[np.int64]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    centre: NDArray[np.float32]

    def scores(self, embedded: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how far each line stands out for each text: (texts, n), in spreads above what unrelated lines get."""
        import numpy as np

        queries = embedded - self.centre
        queries /= np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-6)
        return ((queries @ self.unit.T - self.mean) / self.spread).astype(np.float32, copy=False)

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        import numpy as np

        return np.flatnonzero(np.diff(self.owner, prepend=-1))

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        import numpy as np

        return np.bincount(self.owner)

    def by_owner(self, line: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean of one text's scores over the lines of each owner; each owner's lines lie together."""
        import numpy as np

        return (np.add.reduceat(line, self._starts) / self._counts).astype(np.float32, copy=False)


def vectors_of(packed: NDArray[np.int8], facts: Mapping[str, Any]) -> Vectors:
    """Return the vectors that ``packed`` (n, 384) and the compiled facts about its rows make."""
    import numpy as np

    unit = packed.astype(np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    mean, spread, centre = (np.asarray(facts[key], np.float32) for key in ("mean", "spread", "centre"))
    return Vectors(unit, np.asarray(facts["owners"]), mean, spread, centre)


class Bank:
    """Everything compiled. The vectors, and numpy with them, load on first use."""

    def __init__(self, folder: Path = COMPILED) -> None:
        self._folder = folder
        document: dict[str, Any] = json.loads((folder / "knowledge.json").read_bytes())
        self._document = document
        self.sources: str = document["sources"]
        self.embedder: Mapping[str, str] = document["embedder"]
        self.situations = tuple(_situation(entry) for entry in document["situations"])
        self.concepts = tuple(Concept(**entry) for entry in document["concepts"])
        self.phrases: Mapping[str, list[int]] = document["phrases"]
        self.unspaced: Mapping[str, list[int]] = document["unspaced"]
        self.things: Mapping[str, list[tuple[int, float]]] = document["things"]
        self.nouns: Mapping[str, str] = document["nouns"]
        self.twins: Mapping[str, str] = document["twins"]
        self.pulls: tuple[float, ...] = tuple(document["pulls"])

    @cached_property
    def by_id(self) -> Mapping[str, Situation]:
        """The situations by their ids."""
        return {situation.id: situation for situation in self.situations}

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """Each concept's name as situations put it: ``phosphor:NAME`` for an icon."""
        return tuple(c.name if c.pack == "subjects" else f"phosphor:{c.name}" for c in self.concepts)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The index of each concept by its title."""
        return {title: place for place, title in enumerate(self.titles)}

    @cached_property
    def vectors(self) -> Vectors:
        """The embedded lines, read on first use."""
        import numpy as np

        return vectors_of(np.load(self._folder / "bank.npy", allow_pickle=False), self._document)


def _situation(entry: Mapping[str, Any]) -> Situation:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Situation(**fields)


@lru_cache(maxsize=1)
def bank() -> Bank:
    """Return the bank that ships with the package, read once. Raises FileNotFoundError where it was never compiled."""
    return Bank()
