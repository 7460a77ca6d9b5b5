"""Names of files that imajin writes."""

from __future__ import annotations

import os
import unicodedata

MAX_STEM_BYTES = 80


def slug(text: str, fallback: str = "asset") -> str:
    """``text`` as a short file stem: letters and digits of any script, lower case, joined by hyphens."""
    plain = unicodedata.normalize("NFKC", text).lower()
    words = "".join(c if c.isalnum() else " " for c in plain).split()
    stem = ""
    for word in words:
        longer = f"{stem}-{word}" if stem else word
        if len(longer.encode("utf-8", "ignore")) > MAX_STEM_BYTES:
            break
        stem = longer
    if not stem and words:
        stem = words[0].encode("utf-8", "ignore")[: MAX_STEM_BYTES // 2].decode("utf-8", "ignore")
    return stem or fallback


def printable(name: str) -> str:
    """``name`` as JSON and terminals can hold it: undecodable bytes and control characters as escapes."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
