"""How far a long piece of work has got, and what it has to say on the way: told here by a backend, heard by the runtime."""

from __future__ import annotations

from collections.abc import Callable

Step = Callable[[int, int], object]
Say = Callable[[str], object]
Show = Callable[[int, int, bytes], object]

_heard: list[Step] = []
_said: list[Say] = []
_shown: list[Show] = []


def listen(step: Step | None = None, say: Say | None = None, show: Show | None = None) -> None:
    """From now on ``step`` gets (steps done, of how many), ``say`` a line for a person, ``show`` (steps done, of how many, PNG

    of what there is); None hears nothing.
    """
    _heard[:] = [step] if step is not None else []
    _said[:] = [say] if say is not None else []
    _shown[:] = [show] if show is not None else []


def at(done: int, of: int) -> None:
    """Say that ``done`` of ``of`` steps are done. What the listener raises goes up: so a run is cancelled between steps."""
    for step in _heard:
        step(done, of)


def tell(line: str) -> None:
    """Say one line to a person."""
    for say in _said:
        say(line)


def show(done: int, of: int, png: bytes) -> None:
    """Show a picture of the work after ``done`` of ``of`` steps."""
    for shown in _shown:
        shown(done, of, png)
