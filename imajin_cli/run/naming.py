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


def file_label(name: str) -> str:
    """``name`` as a sidecar holds it: what JSON or a bare file name cannot carry (undecodable bytes, control characters,
    backslashes) is percent-encoded. It names the file for people; the file itself is found beside its sidecar.
    """
    parts = []
    for char in os.fsencode(name).decode("utf-8", "surrogateescape"):
        hostile = char == "\\" or not char.isprintable()
        parts.append("".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape")) if hostile else char)
    return "".join(parts)


def safe_stem(name: str) -> str:
    """``name`` as the stem of files that we make: without what shells, JSON or other systems stumble over."""
    kept = "".join(c if c.isprintable() and c not in '\\/:*?"<>|%' else "_" for c in name)
    return kept.encode("utf-8", "ignore")[:MAX_STEM_BYTES].decode("utf-8", "ignore").lstrip("-") or "asset"


def printable(name: str) -> str:
    """``name`` as JSON and terminals can hold it: undecodable bytes and control characters as escapes."""
    return name if name.isprintable() else "".join(map(_shown, name))


def _shown(char: str) -> str:
    if "\udc80" <= char <= "\udcff":
        # How Python holds a byte that is no text.
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode()
