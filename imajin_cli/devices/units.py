"""Amounts of memory and time as people write them."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from imajin_cli.contract.errors import UsageError

_BYTES = {
    "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
    "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
}  # fmt: skip
_SECONDS = {"ms": Fraction(1, 1000), "s": Fraction(1), "m": Fraction(60), "h": Fraction(3600)}
MIB = 1 << 20
MOST_MIB = 1 << 26
MOST_SECONDS = 7 * 86400


def mebibytes(text: str) -> int:
    """MiB from "8GiB", "1.5 GB" or "512MiB", rounded up, 1 to 64 TiB. Raises UsageError.

    A number without a unit is refused: whether bytes, MB or GB were meant cannot be known.
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?) ?([A-Za-z]{2,3})", text.strip(), re.ASCII)
    if match is None or match[2] not in _BYTES:
        raise UsageError(f"{text[:40]}: no amount of memory", hint="write a number and a unit, such as 8GiB or 512MiB")
    amount = math.ceil(Fraction(match[1]) * _BYTES[match[2]] / MIB)
    if not 1 <= amount <= MOST_MIB:
        raise UsageError(f"{text[:40]}: an amount of memory is 1 MiB to 64 TiB")
    return amount


def seconds(text: str) -> float:
    """Seconds from "60s", "500ms", "2m", "1h" or "60", at most a week. Raises UsageError."""
    match = re.fullmatch(r"(\d{1,7}(?:\.\d{1,3})?) ?(ms|s|m|h)?", text.strip(), re.ASCII)
    if match is None:
        raise UsageError(f"{text[:40]}: no time", hint="write a number and ms, s, m or h, such as 60s")
    value = float(Fraction(match[1]) * _SECONDS[match[2] or "s"])
    if value > MOST_SECONDS:
        raise UsageError(f"{text[:40]}: longer than a week")
    return value


def shown(mib: int) -> str:
    """An amount for people: "512 MiB", "8 GiB", "23.5 GiB"."""
    if mib < 1024:
        return f"{mib} MiB"
    return f"{mib / 1024:.1f}".removesuffix(".0") + " GiB"
