"""What a description says of a person: words in several languages to features ("glasses", "hair length", "mood")."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_WORD = re.compile(r"\w+")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
# German endings ("lachende", "fröhlicher") and plurals, tried where the word itself is not listed.
_ENDING = re.compile(r"(?<=\w{4})(?:e|er|es|en|em|s)$")
MAX_DESCRIPTION = 2_000
# A negation reaches over this many words: "no big glasses".
_NEGATION_REACH = 2
NONE = "none"


@cache
def tables() -> Mapping[str, Any]:
    """The word lists and each style's variants by feature, from people_words.json."""
    loaded: dict[str, Any] = json.loads((Path(__file__).parent / "people_words.json").read_text("utf-8"))
    return loaded


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text[:MAX_DESCRIPTION]).casefold().replace("-", " ")


@cache
def _lexicon() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Words to features, apart for scripts with spaces between words and for those without."""
    spaced: dict[str, list[str]] = {}
    unspaced: dict[str, list[str]] = {}
    for feature, words in tables()["words"].items():
        for word in words:
            (unspaced if _UNSPACED.search(word) else spaced).setdefault(_plain(word), []).append(feature)
    return spaced, unspaced


def read(description: str) -> dict[str, str]:
    """The features that ``description`` asks for, as {"hat": "cap", "glasses": "none"}; the first of a kind counts.

    At most MAX_DESCRIPTION characters are read.
    """
    text = _plain(description)
    words = _WORD.findall(text)
    spaced, unspaced = _lexicon()
    found: dict[str, str] = {}
    for at in range(len(words)):
        for length in (3, 2, 1):
            phrase = " ".join(words[at : at + length]) if at + length <= len(words) else ""
            features = spaced.get(phrase) or spaced.get(_ENDING.sub("", phrase))
            if features:
                _note(found, features, _negated(words, at))
                break
    for word in sorted(unspaced, key=lambda word: (-len(word), word)):
        place = text.find(word)
        if place >= 0:
            after = text[place + len(word) : place + len(word) + 4]
            _note(found, unspaced[word], any(sign in after for sign in tables()["negations"] if _UNSPACED.search(sign)))
    _hair_colour(found, words, text)
    return found


def _note(found: dict[str, str], features: list[str], negated: bool) -> None:
    for feature in features:
        kind, value = feature.split("=")
        found.setdefault(kind, NONE if negated and kind in ("glasses", "beard", "hat", "earrings", "mask") else value)


def _negated(words: list[str], at: int) -> bool:
    return any(word in tables()["negations"] for word in words[max(0, at - _NEGATION_REACH) : at])


def _hair_colour(found: dict[str, str], words: list[str], text: str) -> None:
    """A colour counts for the hair only beside a word for hair, so that "a woman in a red coat" keeps hers."""
    if "haircolour" in found:
        return
    hair = set(tables()["hair"])
    near = {word for i, word in enumerate(words) if hair & set(words[max(0, i - 3) : i + 4])}
    for colour, names in tables()["colours"].items():
        for name in names:
            beside = any(f"{name}{word}" in text for word in hair) if _UNSPACED.search(name) else name in near
            if beside:
                found["haircolour"] = colour
                return
