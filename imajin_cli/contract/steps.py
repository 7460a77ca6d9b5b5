"""How far a long piece of work has got, and what it has to say on the way: told here by a backend, heard by the runtime."""

from __future__ import annotations

from collections.abc import Callable

Step = Callable[[int, int], object]
Say = Callable[[str], object]

_heard: list[Step] = []
_said: list[Say] = []


def listen(step: Step | None = None, say: Say | None = None) -> None:
    """From now on ``step`` gets (steps done, of how many) and ``say`` a line for a person; None hears nothing."""
    _heard[:] = [step] if step is not None else []
    _said[:] = [say] if say is not None else []


def at(done: int, of: int) -> None:
    """Say that ``done`` of ``of`` steps are done. What the listener raises goes up: so a run is cancelled between steps."""
    for step in _heard:
        step(done, of)


def tell(line: str) -> None:
    """Say one line to a person."""
    for say in _said:
        say(line)
