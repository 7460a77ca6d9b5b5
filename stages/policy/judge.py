"""The policy over one text: our lists, the user's own, and what the text is taken for by meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from imajin_cli.stages.policy.find import Hit, Text, find
from imajin_cli.stages.policy.fold import fold
from imajin_cli.stages.policy.lists import CATEGORIES, WARNING, Index, index_of, ours, user_list

MINORS = "sexual-minors"
MOST_CHARS = 25_000
"""What is looked at of a text: the longest prompt, headline and caption that may pass, put together, are shorter."""


@dataclass(frozen=True)
class Policy:
    """What is looked for: our ``categories``, the user's ``denied`` terms, what the user has ``allowed``."""

    categories: frozenset[str]
    denied: Index = field(default_factory=Index)
    allowed: Index = field(default_factory=Index)

    def listed(self, text: str) -> list[Hit]:
        """The listed terms in ``text``, of our categories and of the warning."""
        lists = ours()
        return find(Text(text[:MOST_CHARS], [lists.allow, self.allowed]), lists, self.categories)

    def denials(self, text: str) -> list[Hit]:
        """The user's own terms in ``text``; only what the user has allowed is passed over."""
        return list(Text(text[:MOST_CHARS], [self.allowed]).terms(self.denied))

    def harmless_part(self, text: str) -> str:
        """``text`` folded and without the phrases that the user allows, or ``text`` itself where it has none."""
        if not self.allowed.whole and not self.allowed.begins and not self.allowed.unspaced:
            return text
        plain = Text(text[:MOST_CHARS], [])
        kept = Text(text[:MOST_CHARS], [self.allowed])
        if None not in kept.words and kept.unspaced == plain.unspaced:
            return text
        if plain.unspaced:
            return kept.unspaced.replace("\n", " ").strip()
        return " ".join(word.text for word in kept.words if word is not None)


@lru_cache(maxsize=8)
def policy_of(off: tuple[str, ...], deny: tuple[str, ...], allow: tuple[str, ...], own: str) -> Policy:
    """The policy without the categories ``off``, with phrases of the user's denied and allowed, and a list of their ``own``."""
    kept = frozenset(CATEGORIES) - set(off) - {MINORS}
    denied = [*user_list(own), *(("denied", term) for term in deny)]
    return Policy(kept | {WARNING}, index_of(denied), index_of(("allow", phrase) for phrase in allow))


def minor_hits(text: str) -> list[Hit]:
    """Signs of a minor together with anything sexual in ``text``: looked for whatever the settings are."""
    lists = ours()
    return find(Text(text[:MOST_CHARS], [lists.allow]), lists, {MINORS})


def refusal(text: str) -> str | None:
    """Why our lists refuse ``text``, whatever the settings of a stage are; None where they do not."""
    hits = [hit for hit in policy_of((), (), (), "").listed(text) if hit.tag != WARNING]
    hits += minor_hits(text)
    return told(hits) if hits else None


def mentions_minor(text: str) -> bool:
    """Whether ``text`` names a minor."""
    lists = ours()
    return any(hit.tag == "minor" for hit in Text(text[:MOST_CHARS], [lists.allow]).terms(lists.terms))


def told(hits: Sequence[Hit]) -> str:
    """The hits for a person: each category once, with the first words that it was found in."""
    first: dict[str, str] = {}
    for hit in hits:
        first.setdefault(hit.tag, hit.text)
    return ", ".join(f'{tag} ("{fold(text)[:40]}")' if text else tag for tag, text in first.items())
