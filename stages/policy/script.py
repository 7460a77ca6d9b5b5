"""Whether a text is honest: printable characters, no hidden ones, no word mixed of look-alike alphabets, allowed scripts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import lru_cache

SCRIPTS: dict[str, tuple[str, ...]] = {
    "latin": ("LATIN",),
    "greek": ("GREEK",),
    "cyrillic": ("CYRILLIC",),
    "armenian": ("ARMENIAN",),
    "hebrew": ("HEBREW",),
    "arabic": ("ARABIC",),
    "devanagari": ("DEVANAGARI",),
    "bengali": ("BENGALI",),
    "tamil": ("TAMIL",),
    "telugu": ("TELUGU",),
    "thai": ("THAI",),
    "georgian": ("GEORGIAN",),
    "hangul": ("HANGUL",),
    "hiragana": ("HIRAGANA", "KATAKANA-HIRAGANA"),
    "katakana": ("KATAKANA", "KATAKANA-HIRAGANA"),
    "han": ("CJK", "IDEOGRAPHIC"),
}
"""Script names that can be allowed, each with the first words of its letters' Unicode names."""

MOST_MARKS = 4
"""Combining marks in a row that real writing needs at most (pointed Hebrew has three, Vietnamese two)."""

# U+200E and U+200F, the plain direction marks, belong to mixed Arabic and Latin text and reorder nothing by force.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_HARMLESS_FORMAT = frozenset("\u200e\u200f\u061c")
_JOINERS = frozenset("\u200c\u200d")
# Greek letters that pass for Latin ones; mu, omega, pi and delta stand beside Latin letters in units and formulas.
_GREEK_TWINS = frozenset("αενορικτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
_WORD = re.compile(r"[^\W\d_]+")
_LINE = frozenset("\n\r\t")


def problems(text: str, scripts: Collection[str] = ()) -> list[str]:
    """What is wrong with ``text``, in plain words, empty where nothing is. ``scripts`` are the allowed ones, any if empty."""
    found = [*_characters(text), *_mixtures(text), *_foreign(text, scripts)]
    return list(dict.fromkeys(found))[:5]


def _characters(text: str) -> Iterator[str]:
    marks = 0
    for at, sign in enumerate(text):
        if " " <= sign <= "~" or sign in _LINE:
            marks = 0
            continue
        kind = unicodedata.category(sign)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if marks == MOST_MARKS + 1:
            yield f"more than {MOST_MARKS} marks on one character at {at + 1}"
        if why := _unfit(text, at, sign, kind):
            yield f"{why} U+{ord(sign):04X} at {at + 1}"


def _unfit(text: str, at: int, sign: str, kind: str) -> str | None:
    if sign in _BIDI:
        return "a direction override"
    if kind == "Cc":
        return "a control character"
    if kind in ("Cn", "Co", "Cs"):
        return "an unassigned or private character"
    if _is_selector(sign) and not _after_ideograph(text, at):
        return "a hidden selector"
    if kind != "Cf" or sign in _HARMLESS_FORMAT or "\u0600" <= sign <= "\u0605":
        return None
    if sign in _JOINERS and at and _joins(text[at - 1]):
        return None
    if "\U000e0020" <= sign <= "\U000e007f" and "\U0001f3f4" in text[max(0, at - 8) : at]:
        return None
    return "a hidden character"


def _is_selector(sign: str) -> bool:
    return "\U000e0100" <= sign <= "\U000e01ef"


def _after_ideograph(text: str, at: int) -> bool:
    return at > 0 and _prefix(text[at - 1]) == "CJK"


def _joins(before: str) -> bool:
    """Whether a joiner may follow: emoji and their modifiers, and letters of scripts that join."""
    return unicodedata.category(before) in ("So", "Sk", "Mn", "Mc") or "\u0590" <= before <= "\u1fff"


@lru_cache(maxsize=4096)
def _prefix(sign: str) -> str:
    return unicodedata.name(sign, "").partition(" ")[0]


def _mixtures(text: str) -> Iterator[str]:
    if text.isascii():
        return
    for match in _WORD.finditer(text):
        word = match.group()
        if word.isascii():
            continue
        kinds = {_prefix(sign) for sign in word}
        twin = "GREEK" in kinds and not _GREEK_TWINS.isdisjoint(word)
        if {"LATIN", "CYRILLIC"} <= kinds or (twin and kinds & {"LATIN", "CYRILLIC"}):
            yield f"a word of mixed alphabets, {word[:30]!r}"


def _foreign(text: str, scripts: Collection[str]) -> Iterator[str]:
    if not scripts:
        return
    allowed = {prefix for name in scripts for prefix in SCRIPTS[name]}
    for sign in text:
        if sign.isalpha() and _prefix(unicodedata.normalize("NFKC", sign)[0]) not in allowed:
            yield f"{_prefix(sign).lower()} letters, allowed are {', '.join(sorted(scripts))}"
            return
