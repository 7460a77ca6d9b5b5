"""A prompt's words as the encoder's word table knows them."""

from __future__ import annotations

import re
from collections.abc import Mapping

MOST_WORDS = 12
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Lower-case words of ``text``; of words longer than three letters a plural s is dropped ("glass" keeps its own)."""
    found = _WORD.findall(text.lower())
    return [w[:-1] if len(w) > 3 and w.endswith("s") and not w.endswith("ss") else w for w in found]


def ids_of(text: str, table: Mapping[str, int]) -> list[int]:
    """Rows of the table for the first `MOST_WORDS` known words of ``text``, each once; unknown words count for nothing."""
    return [table[w] for w in dict.fromkeys(words_of(text)) if w in table][:MOST_WORDS]
