"""The word lists: their format, and the index that terms are looked up in.

A list is plain text. ``[SECTION]`` opens a section; in ours a line is ``LANGUAGE: term, term``, in a user's list one
term. A term is one to six words; a word ending in ``*`` stands for all words that begin so, one that begins with ``*``
too for all that hold it. Sections of ours:

- ``[allow]`` phrases that are taken out of a text before anything is looked for in it;
- ``[CATEGORY]`` terms that are a hit, unless one of the category's ``[excuse CATEGORY]`` words is near;
- ``[CATEGORY!]`` terms that nothing excuses;
- ``[group NAME]`` words that mean nothing alone; ``[rules]`` lines ``CATEGORY: a > b`` (b within three words after a),
  ``a ~ b`` (within four words of each other), ``a & b`` (both somewhere).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from imajin_cli.stages.policy.fold import fold, is_unspaced

SOURCE = Path(__file__).parent / "words.txt"
CATEGORIES = (
    "sexual",
    "sexual-minors",
    "violence-gore",
    "hate",
    "self-harm",
    "drugs",
    "weapons",
    "terrorism",
    "real-person",
)
"""Stable ids of what is refused. ``sexual-minors`` is never switched off."""
WARNING = "trademark"
"""The category that is only noted."""
MAX_LIST_BYTES = 4_000_000
_SHORTEST_PREFIX = 2
_PIECE = re.compile(r"[^\W_]+")
_FIRST = re.compile(r"[^\w*]*(\*?)([^\W_]+)(\*?)")


class Term(NamedTuple):
    """One term: its folded words without their "*", the tag that it gives, and of each word whether any ending may follow."""

    tag: str
    words: tuple[str, ...]
    open: tuple[bool, ...]


@dataclass(frozen=True)
class Rule:
    """Two tags that together make a hit of ``category``; ``how`` is ">", "~" or "&"."""

    category: str
    first: str
    how: str
    second: str


@lru_cache(maxsize=8192)
def _term(tag: str, folded: str) -> Term:
    """The term that a folded text says; a word such as "ak-47" is two words of it."""
    words: list[str] = []
    ends: list[bool] = []
    for chunk in folded.split():
        pieces = _PIECE.findall(chunk)
        words += pieces
        ends += [False] * len(pieces)
        if chunk.endswith("*") and pieces:
            ends[-1] = True
    return Term(tag, tuple(words), tuple(ends))


@dataclass
class Index:
    """Terms by their first word: whole words, beginnings by length, and what is looked for as a substring.

    A term is kept as (tag, folded text) and taken apart when a text first meets its first word: most never do.
    """

    whole: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    begins: dict[int, dict[str, list[tuple[str, str]]]] = field(default_factory=dict)
    inside: list[tuple[str, str]] = field(default_factory=list)
    unspaced: list[tuple[str, str]] = field(default_factory=list)

    def add(self, tag: str, folded: str) -> None:
        """Index one term, given folded; one without a letter or digit is passed over."""
        first = folded if folded.isalnum() else _FIRST.match(folded)
        if isinstance(first, str) and folded.isascii():
            self.whole.setdefault(folded, []).append((tag, folded))
        elif is_unspaced(folded):
            self.unspaced.append((folded.replace(" ", ""), tag))
        elif isinstance(first, str):
            self.whole.setdefault(first, []).append((tag, folded))
        elif first is not None and first[1]:
            self.inside.append((first[2], tag))
        elif first is not None and first[3] and len(first[2]) >= _SHORTEST_PREFIX:
            self.begins.setdefault(len(first[2]), {}).setdefault(first[2], []).append((tag, folded))
        elif first is not None:
            self.whole.setdefault(first[2], []).append((tag, folded))

    def starting(self, form: str) -> Iterator[Term]:
        """Terms whose first word ``form`` is, or begins with."""
        for tag, folded in self.whole.get(form, ()):
            yield _term(tag, folded)
        for length, table in self.begins.items():
            for tag, folded in table.get(form[:length], ()):
                yield _term(tag, folded)

    def shaped(self, shape: re.Pattern[str]) -> Iterator[Term]:
        """One-word terms that fit ``shape`` as a whole."""
        for table in (self.whole, *self.begins.values()):
            for first, found in table.items():
                if shape.fullmatch(first):
                    yield from (term for term in (_term(*pair) for pair in found) if len(term.words) == 1)


@dataclass
class Lists:
    """All lists, indexed: what masks, what hits, and the rules over groups."""

    allow: Index = field(default_factory=Index)
    terms: Index = field(default_factory=Index)
    excuses: Index = field(default_factory=Index)
    rules: list[Rule] = field(default_factory=list)


def sections(text: str) -> Iterator[tuple[str, str]]:
    """(section, line) of a list, comments and empty lines left out; section "" before the first heading."""
    section = ""
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
        elif line and not line.startswith("#"):
            yield section, line


@lru_cache(maxsize=1)
def ours() -> Lists:
    """The lists that come with imajin, read once."""
    return parse(SOURCE.read_text(encoding="utf-8"))


def parse(text: str) -> Lists:
    """Index a list of ours. Raises ValueError for a line without a language or a rule that is none."""
    lists = Lists()
    for section, line in sections(fold(text)):
        head, colon, rest = line.partition(":")
        if not colon:
            raise ValueError(f"a line without a language in [{section}]: {line[:40]}")
        if section == "rules":
            lists.rules.append(_rule(head.strip(), rest.split()))
            continue
        index, tag = _place(lists, section)
        for term in rest.split(","):
            index.add(tag, term.strip())
    return lists


def _place(lists: Lists, section: str) -> tuple[Index, str]:
    kind, _, name = section.partition(" ")
    if section == "allow":
        return lists.allow, "allow"
    if kind == "excuse":
        return lists.excuses, name
    return lists.terms, name if kind == "group" else section


def _rule(category: str, words: list[str]) -> Rule:
    if len(words) != 3 or words[1] not in (">", "~", "&"):
        raise ValueError(f"not a rule: {category}: {' '.join(words)}")
    return Rule(category, words[0], words[1], words[2])


def user_list(text: str) -> list[tuple[str, str]]:
    """(category, term) of a user's list; terms before the first heading are of category "word-list"."""
    return [(section or "word-list", term) for section, term in sections(text)]


def index_of(pairs: Iterable[tuple[str, str]]) -> Index:
    """An index of (tag, term) pairs."""
    index = Index()
    for tag, term in pairs:
        index.add(tag, fold(term).strip())
    return index
