"""What a layer finds, and the flags it may raise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from imajin_cli.contract.sidecar import Score

State = Literal["judged", "off", "not configured", "no verdict"]


class Flag(StrEnum):
    """What a picture can be flagged for."""

    KNOWN_BAD_HASH = "KNOWN_BAD_HASH"
    NSFW_EXPLICIT = "NSFW_EXPLICIT"
    NSFW_SUGGESTIVE = "NSFW_SUGGESTIVE"
    POTENTIAL_MINOR = "POTENTIAL_MINOR"
    PROHIBITED = "PROHIBITED"
    DENY_LIST = "DENY_LIST"
    MINOR_AND_SEXUAL = "MINOR_AND_SEXUAL"


REJECTING = frozenset(
    {Flag.KNOWN_BAD_HASH, Flag.NSFW_EXPLICIT, Flag.PROHIBITED, Flag.DENY_LIST, Flag.MINOR_AND_SEXUAL}
)
"""Flags that reject alone. The other two are recorded; together they are what MINOR_AND_SEXUAL stands for."""


@dataclass
class Finding:
    """What one layer found: its flags, each with its reason, its scores, and JSON for the record.

    A layer that is switched off may have looked all the same; then its ``state`` is "off" and its flags do not reject.
    ``reason`` says why there is no verdict. ``texts`` is all text that was read, for the rule on minors.
    """

    layer: str
    state: State = "judged"
    flags: dict[Flag, str] = field(default_factory=dict)
    scores: list[Score] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    texts: list[str] = field(default_factory=list)


Layer = Callable[[], Finding]
