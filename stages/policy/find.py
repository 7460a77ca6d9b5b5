"""Looking for listed terms in a text: phrases over words, masks, excuses, and rules over two groups."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from imajin_cli.stages.policy.fold import Word, fold, is_unspaced, words_of
from imajin_cli.stages.policy.lists import CATEGORIES, WARNING, Index, Lists, Term

NEAR = 3
"""Words that may lie between the two sides of a rule, or between a hit and its excuse."""
MOST_HITS = 20
_FAR = 10**9


@dataclass(frozen=True)
class Hit:
    """A listed term in a text: its tag (a category or a group), and the words ``start``..``end`` (end not included)."""

    tag: str
    text: str
    start: int
    end: int


class Text:
    """A text made ready for looking: its words, those masked by allowed phrases taken out.

    Phrases of scripts without spaces are found in the folded text with its spaces taken out, and stand for word 0.
    """

    def __init__(self, text: str, allow: Sequence[Index]) -> None:
        folded = fold(text)
        self.words: list[Word | None] = list(words_of(folded))
        self.unspaced = re.sub(r"[\s・･.*_\-]+", "", folded) if is_unspaced(folded) else ""
        for index in allow:
            for phrase, _ in index.unspaced:
                self.unspaced = self.unspaced.replace(phrase, "\n")
            self._mask(index)

    def _mask(self, index: Index) -> None:
        for hit in list(self.terms(index)):
            self.words[hit.start : hit.end] = [None] * (hit.end - hit.start)

    def terms(self, index: Index) -> Iterator[Hit]:
        """Every term of ``index`` in the text, in order."""
        for phrase, tag in index.unspaced:
            if self.unspaced and phrase in self.unspaced:
                yield Hit(tag, phrase, 0, 0)
        for at, word in enumerate(self.words):
            if word is not None:
                yield from self._at(index, at, word)

    def _at(self, index: Index, at: int, word: Word) -> Iterator[Hit]:
        for form in word.forms:
            for term in index.starting(form):
                if (end := self._matches(term, at)) is not None:
                    yield self._hit(term.tag, at, end)
            for part, tag in index.inside:
                if part in form:
                    yield self._hit(tag, at, at + 1)
        if word.exact or word.pattern:
            yield from self._disguised(index, at, word)

    def _disguised(self, index: Index, at: int, word: Word) -> Iterator[Hit]:
        """Terms whose first word ``word`` may spell only as a whole."""
        for form, span in word.exact.items():
            for term in index.starting(form):
                # A beginning is enough only where it is most of the word: "n.a.k.e.d", but not "s-expression".
                if len(form) - len(term.words[0]) > (2 if term.open[0] else 0):
                    continue
                if (end := self._matches(term, at, span)) is not None:
                    yield self._hit(term.tag, at, end)
        if word.pattern:
            shape = re.compile("".join("." if sign == "*" else re.escape(sign) for sign in word.pattern))
            yield from (self._hit(term.tag, at, at + 1) for term in index.shaped(shape))

    def _matches(self, term: Term, at: int, span: int = 1) -> int | None:
        """Where ``term`` ends, whose first word stands at ``at`` over ``span`` words; None where it does not go on."""
        after = at + span - 1
        for offset in range(1, len(term.words)):
            word = self.words[after + offset] if after + offset < len(self.words) else None
            if word is None:
                return None
            wanted = term.words[offset]
            if not any(form == wanted or (term.open[offset] and form.startswith(wanted)) for form in word.forms):
                return None
        return after + len(term.words)

    def _hit(self, tag: str, start: int, end: int) -> Hit:
        return Hit(tag, " ".join(word.text for word in self.words[start:end] if word is not None), start, end)


def find(text: Text, lists: Lists, categories: Collection[str]) -> list[Hit]:
    """The hits of ``categories`` (and of the warning category, if named) in ``text``, at most `MOST_HITS`, in order."""
    found = list(text.terms(lists.terms))
    excuses = list(text.terms(lists.excuses))
    tagged: dict[str, list[Hit]] = {}
    for hit in found:
        tagged.setdefault(hit.tag, []).append(hit)
    hits: list[Hit] = []
    for category in (*CATEGORIES, WARNING):
        if category in categories:
            own = [hit for hit in tagged.get(category, ()) if not _excused(hit, category, excuses)]
            hits += own
            hits += [Hit(category, hit.text, hit.start, hit.end) for hit in tagged.get(category + "!", ())]
    for rule in lists.rules:
        if rule.category in categories:
            pairs = _pairs(tagged.get(rule.first, ()), rule.how, tagged.get(rule.second, ()), rule.category)
            hits += [hit for hit in pairs if rule.how == "&" or not _excused(hit, rule.category, excuses)]
    return sorted(set(hits), key=lambda hit: (hit.start, hit.end, hit.tag, hit.text))[:MOST_HITS]


def _excused(hit: Hit, category: str, excuses: Sequence[Hit]) -> bool:
    return any(e.tag == category and _gap(hit, e) <= NEAR for e in excuses)


def _gap(one: Hit, other: Hit) -> int:
    """Words between two hits, 0 where they touch or overlap."""
    return max(0, other.start - one.end, one.start - other.end)


def _pairs(firsts: Sequence[Hit], how: str, seconds: Sequence[Hit], category: str) -> Iterator[Hit]:
    for one in firsts:
        for other in seconds:
            if _holds(one, how, other):
                start, end = min(one.start, other.start), max(one.end, other.end)
                yield Hit(category, f"{one.text} + {other.text}", start, end)


def _holds(one: Hit, how: str, other: Hit) -> bool:
    if how == "&":
        return True
    unspaced = one.end == 0 and other.end == 0
    if how == ">" and not unspaced:
        return one.end <= other.start <= one.end + NEAR
    return _gap(one, other) <= NEAR and (unspaced or one.end <= other.start or other.end <= one.start)
