"""What a rule says: "passed", "off", or "failed: " and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from imajin_cli.stages.policy.judge import MINORS, mentions_minor, minor_hits, told

if TYPE_CHECKING:
    from imajin_cli.stages.policy.semantic import Meaning

PASSED = "passed"
OFF = "off"
FAILED = "failed: "


def within(value: int, least: int, most: int, unit: str = "") -> str:
    """Whether ``least`` <= ``value`` <= ``most``."""
    if least <= value <= most:
        return PASSED
    return f"failed: {value:,}{' ' if unit else ''}{unit}, not between {least:,} and {most:,}"


def verdict(problems: Sequence[str]) -> str:
    """Passed, or failed for all of ``problems``."""
    return f"failed: {', '.join(problems)}" if problems else PASSED


def unless_off(wanted: bool, problems: Callable[[], Sequence[str]]) -> str:
    """A rule that can be switched off: "off", or what its check says."""
    return verdict(problems()) if wanted else OFF


def some(text: str) -> list[str]:
    """One problem, or none for an empty text."""
    return [text] if text else []


def minors(text: str, meanings: Mapping[str, Meaning], margin: float) -> list[str]:
    """A minor with anything sexual: by words, by meaning, or the one by words and the other by meaning."""
    found = some(told(minor_hits(text)))
    meant = {meaning.category for meaning in meanings.values() if meaning.score > margin}
    if not found and (MINORS in meant or ("sexual" in meant and mentions_minor(text))):
        found.append(f"{MINORS} (by its meaning)")
    return found
