"""Errors a user can meet. Each carries its exit code, so that one boundary turns them into a line and a status."""

from __future__ import annotations

from imajin_cli.contract.exits import Exit

MOST_SIGNS = 1000
"""A longer line is cut in its middle: a hostile name is not worth a screen, its beginning and end are."""


class ImajinError(Exception):
    """An expected failure: one line for a person, and the exit status it ends with.

    ``hint`` is the one command or change that would help, if there is one.
    """

    code: Exit = Exit.ERROR
    # Whether it may pass: another try may end otherwise.
    passing: bool = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def line(self) -> str:
        """The message and its hint on one line, control characters shown as escapes, each cut where it is very long."""
        text = _cut(self.message) if self.hint is None else f"{_cut(self.message)} ({_cut(self.hint)})"
        return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def _cut(text: str) -> str:
    half = MOST_SIGNS // 2
    return text if len(text) <= MOST_SIGNS else f"{text[:half]} … {text[-half:]}"


class BackendError(ImajinError):
    """A backend gave an invalid result (NaN, a blank picture) or failed in itself: exit 1."""

    code = Exit.ERROR


class UsageError(ImajinError):
    """The command line, the config or a preset is wrong: exit 2."""

    code = Exit.USAGE


class InputError(ImajinError):
    """Input that cannot be read or used: exit 2."""

    code = Exit.USAGE


class OutputError(ImajinError):
    """Output that cannot be written: exit 2."""

    code = Exit.USAGE


class MissingError(ImajinError):
    """A backend, model or font of a stage that is no gate is missing: exit 20. ``hint`` names the command that gets it."""

    code = Exit.MISSING


class NoCapacityError(ImajinError):
    """No room on a device within the wait, or more was asked for than it has: exit 21."""

    code = Exit.NO_CAPACITY


class RejectedError(ImajinError):
    """A gate rejected what was made: exit 10 to 16, or the code given. Only `imajin_cli.Result.check` raises it."""

    def __init__(self, message: str, *, code: Exit = Exit.ERROR, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code


class NoVerdictError(ImajinError):
    """A gate could not judge, or a required verdict is absent: exit 22."""

    code = Exit.NO_VERDICT
