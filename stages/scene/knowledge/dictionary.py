"""What common words name in many languages: one sorted file of CLDR's names for pictographs, searched where it lies.

The knowledge of this package comes first; the dictionary is asked about words that it leaves unnamed. A word counts
only in a language that the prompt seems to be in, since "hat" is nothing to wear in German.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from imajin_cli.stages.scene.knowledge.languages import spoken_in
from imajin_cli.stages.scene.knowledge.text import fine_stem, is_unspaced

COMPILED = Path(__file__).parent / "compiled" / "dictionary.tsv"
LONGEST, LONGEST_UNSPACED = 3, 8
"""Words of a spaced phrase, and signs of an unspaced one, that are looked up together."""
_INFLECTED, _A_NAME = 0.9, 0.9
_SHORTEST_STEM = 4
_ENDINGS = ("ern", "en", "er", "em", "es", "i", "y", "e", "n", "a", "u", "o", "ы", "и", "а", "у", "ой", "ом", "ам")
"""What plurals and cases add or change; the rest of the word must be found with or without one."""


@dataclass(frozen=True)
class Entry:
    """A thing that a phrase names in ``language``: the concept, ``phosphor:NAME`` for an icon, and a weight in 0..1."""

    language: str
    concept: str
    weight: float


class Dictionary:
    """Lines ``key TAB language concept hundredths concept hundredths…; language …``, sorted by the key's bytes."""

    def __init__(self, path: Path = COMPILED) -> None:
        with path.open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def look_up(self, key: str) -> tuple[Entry, ...]:
        """Return all that ``key`` names, in every language."""
        wanted = key.encode() + b"\t"
        low, high = 0, len(self._data)
        while low < high:
            middle = self._data.rfind(b"\n", 0, (low + high) // 2) + 1
            middle = max(middle, low)
            end = self._data.find(b"\n", middle) + 1
            line = self._data[middle:end]
            if line.startswith(wanted):
                return tuple(_entries(line[len(wanted) : -1].decode()))
            if line[: len(wanted)] < wanted:
                low = end
            else:
                high = middle
        return ()


def _entries(text: str) -> Iterator[Entry]:
    for part in text.split(";"):
        language, *pairs = part.split(" ")
        for concept, hundredths in zip(pairs[::2], pairs[1::2], strict=True):
            yield Entry(language, concept, int(hundredths) / 100)


@dataclass(frozen=True)
class Named:
    """A run of words from place ``start`` to ``end`` and what it names, heaviest first."""

    start: int
    end: int
    words: str
    entries: tuple[Entry, ...]


@lru_cache(maxsize=1)
def dictionary() -> Dictionary:
    """Return the dictionary that ships with the package, mapped once. Raises FileNotFoundError without it."""
    return Dictionary()


def named_in(text: str, words: Sequence[str], free: Sequence[int], book: Dictionary | None = None) -> list[Named]:
    """Return what the ``words`` at the ``free`` places of normalised ``text`` name, longer phrases first.

    Unspaced text is looked through sign by sign. Only the languages count that most of the text is likely in.
    """
    source = book or dictionary()
    found = list(_unspaced(source, text) if is_unspaced(text) else _spaced(source, words, set(free)))
    met = {entry.language for named in found for entry in named.entries}
    heard = spoken_in(text, _votes(found)) & met
    kept = ((named, tuple(e for e in named.entries if e.language in heard)) for named in found)
    return [Named(named.start, named.end, named.words, _merged(entries)) for named, entries in kept if entries]


def _votes(found: Sequence[Named]) -> Mapping[str, int]:
    """How many of the phrases each language knows."""
    votes: dict[str, int] = {}
    for named in found:
        for language in {entry.language for entry in named.entries}:
            votes[language] = votes.get(language, 0) + 1
    return votes


def _merged(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    best: dict[str, Entry] = {}
    for entry in entries:
        if entry.concept not in best or best[entry.concept].weight < entry.weight:
            best[entry.concept] = entry
    return tuple(sorted(best.values(), key=lambda entry: (-entry.weight, entry.concept)))


def _spaced(source: Dictionary, words: Sequence[str], free: set[int]) -> Iterator[Named]:
    taken: set[int] = set()
    for length in range(LONGEST, 0, -1):
        for start in range(len(words) - length + 1):
            places = set(range(start, start + length))
            if not places <= free or places & taken:
                continue
            run = words[start : start + length]
            entries = source.look_up(" ".join(map(fine_stem, run))) or (
                _inflected(source, run[0]) if length == 1 else ()
            )
            if entries:
                taken |= places
                yield Named(start, start + length, " ".join(run), entries)


def _inflected(source: Dictionary, word: str) -> tuple[Entry, ...]:
    """Look for ``word`` with its ending off or changed: "Brezeln" are pretzels, "кошку" is a cat."""
    if word.isascii() and not word.isalpha():
        return ()
    plain = fine_stem(word)
    for ending in ("", *_ENDINGS):
        base = plain.removesuffix(ending)
        if (ending and base == plain) or len(base) < _SHORTEST_STEM:
            continue
        for other in ("", "a", "e", "o", "а", "я", "ь"):
            if found := [e for e in source.look_up(base + other) if e.language != "en"]:
                return tuple(Entry(e.language, e.concept, e.weight * _INFLECTED) for e in found)
    return ()


def _unspaced(source: Dictionary, text: str) -> Iterator[Named]:
    place = 0
    while place < len(text):
        for length in range(min(LONGEST_UNSPACED, len(text) - place), 0, -1):
            piece = text[place : place + length]
            entries = source.look_up(piece) if is_unspaced(piece[0]) else ()
            if length == 1:  # one sign is a name, or a piece of any word: 上 is no thumb
                entries = tuple(entry for entry in entries if entry.weight >= _A_NAME)
            if entries:
                yield Named(place, place + length, piece, entries)
                place += length - 1
                break
        place += 1
