"""Numbers in SVG attributes and path data written as short as they can be without a visible move."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_FLAG = re.compile(r"[01]")
_SPACE = re.compile(r"[\s,]*")
_COMMANDS = {"m": 2, "l": 2, "h": 1, "v": 1, "c": 6, "s": 4, "q": 4, "t": 2, "a": 7, "z": 0}
# A thousandth of a user unit: relative coordinates add their errors up, and parts are drawn in boxes of 64 units and
# scaled up to 20 times.
COORDINATE = 3
FACTOR = 6


def short(text: str, places: int) -> str:
    """One number, rounded to ``places`` decimals, without needless zeros."""
    value = round(float(text), places)
    if value == 0:
        return "0"
    plain = f"{value:.{places}f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return plain.replace("0.", ".", 1) if plain.startswith(("0.", "-0.")) else plain


def short_numbers(text: str, places: int) -> str:
    """Every number of an attribute such as ``transform`` or ``points``, rounded; all else stays."""
    return re.sub(r"\s+", " ", _NUMBER.sub(lambda match: short(match[0], places), text)).strip()


def short_path(data: str) -> str:
    """Path data with rounded coordinates and no needless separators; the same text where it is not well-formed."""
    out: list[str] = []
    at = 0
    while (at := _skip(data, at)) < len(data):
        command = data[at]
        count = _COMMANDS.get(command.lower())
        if count is None:
            return data
        out.append(command)
        numbers = _arguments(data, at + 1, command.lower() == "a")
        if numbers is None:
            return data
        texts, at = numbers
        if (count == 0 and texts) or (count and (not texts or len(texts) % count)):
            return data
        out.append(_joined(texts))
    return "".join(out)


def _skip(data: str, at: int) -> int:
    found = _SPACE.match(data, at)
    return found.end() if found else at


def _arguments(data: str, at: int, arc: bool) -> tuple[list[str], int] | None:
    """The numbers up to the next command, shortened, and where they end; an arc's flags need no space."""
    found: list[str] = []
    while (at := _skip(data, at)) < len(data) and not data[at].isalpha():
        flag = arc and len(found) % 7 in (3, 4)
        match = (_FLAG if flag else _NUMBER).match(data, at)
        if match is None:
            return None
        found.append(match[0] if flag else short(match[0], COORDINATE))
        at = match.end()
    return found, at


def _joined(numbers: list[str]) -> str:
    parts: list[str] = []
    for text in numbers:
        parts.append(text if not parts or text.startswith("-") else f" {text}")
    return "".join(parts)
