"""Where a line may end: the rules of UAX #14 in essence, with Japanese kinsoku and a taste for good places.

No dictionary is used: Thai, Lao, Khmer and Burmese break at spaces (and zero-width spaces) alone. Korean breaks at
spaces, as headlines do. No word is hyphenated; a soft hyphen in the text is honoured.
"""

from __future__ import annotations

import itertools
import unicodedata
from dataclasses import dataclass

from imajin_cli.stages.imaging.typeset.scripts import CJK, clusters, script_of

SOFT_HYPHEN = "\u00ad"
_GLUE = frozenset("\u00a0\u202f\u2007\u2060\ufeff")
_SPACES = frozenset(" \u3000\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u205f")
# May not begin a line: closing marks, small kana, iteration and prolonged-sound marks (JIS X 4051, gyoto kinsoku).
_NO_START = frozenset(
    "、。，．・：；？！‼⁇⁈⁉゛゜´｀ヽヾゝゞ々ー〜～–…‥’”）〕］｝〉》」』】〗〙〛»›,.:;?!)]}%‰℃°¢؟،؛۔"
    "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ"
)
# May not end a line: opening marks and what stands before a number (gyomatsu kinsoku).
_NO_END = frozenset("‘“（〔［｛〈《「『【〖〘〚«‹([{¿¡$£¥€№#＃＄￥„‚")
_QUOTES = frozenset("\"'")
_HYPHENS = frozenset("-‐–—")
GOOD, PLAIN, POOR = 0, 1, 3


@dataclass(frozen=True)
class Break:
    """A place before text[at] where a line may end. ``cost`` is how little one likes it; ``must`` ends the line."""

    at: int
    cost: int = GOOD
    must: bool = False
    hyphen: bool = False


def opportunities(text: str) -> list[Break]:
    """Every place inside ``text`` where a line may or must end, in order; its end is not one of them."""
    starts = clusters(text)[:-1]
    found = []
    for left, at in itertools.pairwise(starts):
        before, after = text[left:at], text[at]
        here = _between(text, before, after, at)
        if here is not None:
            found.append(here)
    return found


def _between(text: str, before: str, after: str, at: int) -> Break | None:
    first = before[0]
    if first == "\n":
        return Break(at, must=True)
    if after == "\n" or after in _SPACES or after in _GLUE or first in _GLUE:
        return None
    if first == "\u200b":
        return Break(at)
    if first in _SPACES:
        return _after_space(text, after, at)
    if after in _NO_START or first in _NO_END or after == "\u200b":
        return None
    if first == SOFT_HYPHEN:
        return Break(at, PLAIN, hyphen=True)
    return _inside_word(text, before, after, at)


def _after_space(text: str, after: str, at: int) -> Break | None:
    """After a space, unless it stands before closing punctuation (French "Bonjour !") or after an opening mark."""
    word = text[:at].rstrip("".join(_SPACES))
    if not word or word[-1] in _NO_END or (after in _NO_START and not after.isalnum() and script_of(after) not in CJK):
        return None
    short = len(word) - max(word.rfind(" "), word.rfind("\u00a0"), -1) <= 2 and word[-1:].isalpha()
    return Break(at, PLAIN if short and script_of(word[-1]) == "Latn" else GOOD)


def _inside_word(text: str, before: str, after: str, at: int) -> Break | None:
    first = before[0]
    if first in _HYPHENS:
        return _after_hyphen(text, first, after, at)
    if first == "/":
        return Break(at, PLAIN) if after.isalpha() and at > 1 else None
    wide = _ideographic(before), _ideographic(after)
    if first in _QUOTES or after in _QUOTES or not any(wide):
        return None
    if not all(wide):
        return Break(at, POOR) if _letter(first) and _letter(after) else Break(at, PLAIN)
    return Break(at, _cjk_cost(first, after))


def _after_hyphen(text: str, hyphen: str, after: str, at: int) -> Break | None:
    left = text[at - 2] if at > 1 else " "
    if after.isdigit() or after in _HYPHENS or not (left.isalnum() or hyphen == "—"):
        return None
    return Break(at, PLAIN)


def _letter(char: str) -> bool:
    return unicodedata.category(char)[0] in "LN"


def _ideographic(cluster: str) -> bool:
    """Whether a cluster is set on its own body, as ideographs, kana and pictures are."""
    char = cluster[0]
    return (
        script_of(char) in CJK
        or script_of(char) == "Zsye"
        or "\u3000" <= char <= "\u303f"
        or "\uff01" <= char <= "\uff60"
    )


def _cjk_cost(first: str, after: str) -> int:
    """Japanese reads best broken after punctuation, then where a particle in hiragana is followed by another script."""
    left, right = script_of(first), script_of(after)
    if first in "、。！？）」』】":
        return GOOD
    if left == "Hira" and right in ("Hani", "Kana"):
        return GOOD
    if right == "Hira" or left == right == "Kana":
        return POOR
    return PLAIN
