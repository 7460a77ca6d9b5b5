"""Text as it comes from a person, made fit to be set, or refused."""

from __future__ import annotations

import itertools
import re
import unicodedata

from imajin_cli.contract.errors import InputError
from imajin_cli.stages.imaging.typeset.scripts import clusters, script_of

_MAX_MARKS = 8
# Embeddings and overrides can make text read as another; isolates and marks cannot.
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e")


def cleaned(text: str | None, name: str, longest: int) -> str | None:
    """``text`` in NFC with its spaces and line ends tidied; None for none.

    Raises InputError for control characters, lone surrogates, characters that Unicode gives no meaning, direction
    overrides, piles of marks, and text of more than ``longest`` characters.
    """
    if text is None:
        return None
    if len(text) > 4 * longest:
        raise InputError(f"the {name} is longer than {longest} characters")
    text = re.sub(r"\r\n?|[\u2028\u2029\v\f\x85]", "\n", text)
    _refuse(text, name)
    text = unicodedata.normalize("NFC", text.replace("\t", " "))
    lines = [re.sub(" {2,}", " ", line).strip(" \u3000") for line in text.split("\n")]
    text = "\n".join(line for line in lines if line)
    if len(text) > longest:
        raise InputError(f"the {name} is longer than {longest} characters")
    return text if any(not _blank(c) for c in text) else None


def _blank(char: str) -> bool:
    return unicodedata.category(char) in ("Cf", "Zs", "Zl", "Zp", "Cc")


def _refuse(text: str, name: str) -> None:
    for at, char in enumerate(text):
        category = unicodedata.category(char)
        if char in _OVERRIDES or (category == "Cc" and char not in "\n\t") or category in ("Cs", "Cn", "Co"):
            raise InputError(f"the {name} has a character that cannot be set: U+{ord(char):04X} at {at + 1}")
    starts = clusters(text)
    for a, b in itertools.pairwise(starts):
        if sum(unicodedata.category(c) in ("Mn", "Me") for c in text[a:b]) > _MAX_MARKS:
            raise InputError(f"the {name} has too many marks on one character, at {a + 1}")


def language_of(*texts: str | None) -> str:
    """A guess at the language where it decides which glyphs are right: Japanese by kana, Korean by Hangul."""
    scripts = {script_of(char) for text in texts if text for char in text}
    for script, language in (("Hira", "ja"), ("Kana", "ja"), ("Hang", "ko"), ("Bopo", "zh-Hant"), ("Hani", "zh-Hans")):
        if script in scripts:
            return language
    return "en"
