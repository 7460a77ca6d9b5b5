"""Which commands paint with a diffusion model, told by their arguments alone: the supervisor knows no stage and reads no config.

What takes gigabytes and a whole device is done one at a time, in the process that has the model loaded, rather than twice
beside itself. A model that the config names is not seen here: leases alone hold such commands apart, as without the worker.
"""

from __future__ import annotations

from collections.abc import Sequence

MENDERS = ("fix-anatomy", "remove-watermark")
"""Stages that paint with the model that made the picture where none is named."""

PAINTERS = ("generate", *MENDERS)
"""Stages whose `--model` is a diffusion model."""


def lane_of(argv: Sequence[str]) -> str:
    """The diffusion model that a command paints with, by its name as it was given; "" for a command that does not paint."""
    if argv[0] not in PAINTERS or _value(argv, "--backend") == "compose":
        return ""
    return _value(argv, "--model") or ""


def _value(argv: Sequence[str], flag: str) -> str | None:
    """What an option was given, the last time that it was."""
    found = None
    for at, argument in enumerate(argv):
        if argument == "--":
            break
        if argument == flag and at + 1 < len(argv):
            found = argv[at + 1]
        elif argument.startswith(f"{flag}="):
            found = argument.partition("=")[2]
    return found
