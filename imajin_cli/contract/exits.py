"""The exit-status table: one place for every code that a command can end with."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

# The worker's client reads the table too: typing would cost more than all that it imports.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal


class Exit(IntEnum):
    """Process exit status. Shell-visible, stable, and documented in the README."""

    OK = 0
    ERROR = 1
    USAGE = 2
    INVALID = 10
    UNSAFE = 11
    OFF_PROMPT = 12
    AESTHETIC = 13
    IDENTITY = 14
    QUALITY = 15
    PROVENANCE = 16
    MISSING = 20
    NO_CAPACITY = 21
    NO_VERDICT = 22
    STALE = 23
    EMPTY = 24
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143


MEANING: dict[Exit, str] = {
    Exit.OK: "every asset passed (with --best K or --until-pass -n K: K candidates; with --expect N: N assets)",
    Exit.ERROR: "unexpected error (a log file is named), or a backend's invalid result (NaN, a blank picture)",
    Exit.USAGE: "usage, config, licence policy, input that cannot be read or used, output that cannot be written",
    Exit.INVALID: "rejected by validate",
    Exit.UNSAFE: "unsafe (moderate)",
    Exit.OFF_PROMPT: "off-prompt (semantic)",
    Exit.AESTHETIC: "below the aesthetic threshold",
    Exit.IDENTITY: "wrong, absent or unusable identity (identity, verify-identity)",
    Exit.QUALITY: "rejected by quality; a painted mark or bad anatomy that stays, a mark that cannot be set, where that rejects",
    Exit.PROVENANCE: "provenance gone, tampered with, or of a signer who is not trusted (provenance verify)",
    Exit.MISSING: "a backend, model or font of a stage that is no gate is missing; the message names the command that gets it",
    Exit.NO_CAPACITY: "no capacity: no room on a device within the wait, or more asked for than it has",
    Exit.NO_VERDICT: "no verdict: a gate could not judge, or a required verdict is missing",
    Exit.STALE: "stale: an asset is not as its recipe and the lock say (batch --check)",
    Exit.EMPTY: "empty stream: a stage in a pipe was given nothing (--allow-empty makes it 0)",
    Exit.INTERRUPTED: "interrupted (Ctrl-C)",
    Exit.PIPE_CLOSED: "the reader of standard output went away",
    Exit.TERMINATED: "terminated (SIGTERM)",
}

# Most serious first: where several apply within one process, the first of these wins.
_SEVERITY = (
    Exit.INTERRUPTED,
    Exit.TERMINATED,
    Exit.PIPE_CLOSED,
    Exit.ERROR,
    Exit.USAGE,
    Exit.MISSING,
    Exit.NO_CAPACITY,
    Exit.NO_VERDICT,
    Exit.UNSAFE,
    Exit.IDENTITY,
    Exit.INVALID,
    Exit.OFF_PROMPT,
    Exit.AESTHETIC,
    Exit.QUALITY,
    Exit.PROVENANCE,
    Exit.STALE,
    Exit.EMPTY,
    Exit.OK,
)


_REJECTIONS = range(Exit.INVALID, Exit.PROVENANCE + 1)


def verdict_of_code(code: int) -> Literal["accepted", "rejected", "error"]:
    """What an exit code says of the assets: a gate rejected (10 to 16), all is well (0), or it could not be told."""
    if code == Exit.OK:
        return "accepted"
    return "rejected" if code in _REJECTIONS else "error"


def most_serious(codes: Iterable[int]) -> Exit:
    """The code that a process should end with when all of ``codes`` apply; OK for none."""
    seen = {Exit(code) for code in codes}
    return next((code for code in _SEVERITY if code in seen), Exit.OK)
