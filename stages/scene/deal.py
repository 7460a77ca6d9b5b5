"""Chance without repetition: cards dealt out over the seeds, and a walk over combinations."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def deal(options: Sequence[T], seed: int, salt: str, *, ranked: bool = False) -> T:
    """One of ``options``: seeds n·k to n·k + n - 1 get each of the n options once, in an order of their own.

    With ``ranked`` the first n seeds get them in the order given.
    """
    block, at = divmod(seed, len(options))
    order = list(range(len(options)))
    if not ranked or block:
        random.Random(f"{salt}/{block}").shuffle(order)
    return options[order[at]]


def walk(step: int, *radices: int) -> tuple[int, ...]:
    """The coordinates (each from 0 to its radix - 1, radices 1 or more) of a step of a walk over all their combinations.

    No combination comes twice before all have come; then the walk begins anew. Most steps move every coordinate.
    """
    out: list[int] = []
    period = 1
    for radix in radices:
        # Both run round together and would meet again after their least common multiple: from there on a step apart.
        common = math.lcm(period, radix)
        period *= radix
        at = step % period
        out.append((at + at // common) % radix)
    return tuple(out)


def rotated(items: Sequence[T], by: int) -> list[T]:
    """``items`` from number ``by`` on (counted round and round), then those before it."""
    at = by % len(items) if items else 0
    return [*items[at:], *items[:at]]
