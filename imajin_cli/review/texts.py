"""Text of manifests and sidecars as a page may show it: cut, and without what would turn or hide the text around it."""

from __future__ import annotations

import unicodedata
from typing import Any

NAME_SIGNS = 240
TEXT_SIGNS = 2000
# Format characters that letters are written with (Persian, Indic scripts, emoji); the others turn text around or hide in it.
_JOINERS = "\u200c\u200d\ufe0e\ufe0f"


def shown(value: Any, most: int = TEXT_SIGNS) -> str:
    """``value`` as text of at most ``most`` characters; control and bidirectional ones, line ends too, as escapes."""
    text = value if isinstance(value, str) else repr(value)
    cut = text[:most]
    plain = cut if cut.isprintable() else "".join(map(_sign, cut))
    return plain if len(text) <= most else f"{plain}…"


def maybe_shown(value: Any, most: int = TEXT_SIGNS) -> str | None:
    """The same; None for what is no text, or an empty one."""
    return shown(value, most) if isinstance(value, str) and value else None


def number(value: Any) -> int | float | None:
    """``value`` where it is a number that JSON and a page can hold, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -1e15 < value < 1e15 else None


def _sign(char: str) -> str:
    if char in _JOINERS or char.isprintable():
        return char
    if unicodedata.category(char) == "Zs":
        return " "
    return char.encode("unicode_escape", "backslashreplace").decode()
