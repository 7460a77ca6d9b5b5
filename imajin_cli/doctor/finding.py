"""What a check found."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

State = Literal["ok", "could", "broken"]
"""Fine; something more could be had; something that imajin needs does not work."""


class Finding(NamedTuple):
    """One thing that was looked at: its area and name, how it is, what that means, and the command that helps."""

    area: str
    name: str
    state: State
    says: str
    help: str = ""

    def described(self) -> dict[str, Any]:
        """It as JSON has it."""
        return self._asdict()
