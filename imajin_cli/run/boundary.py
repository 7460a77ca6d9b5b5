"""The one error boundary: every way in which a command can end becomes one line and an exit code."""

from __future__ import annotations

import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from imajin_cli import __version__
from imajin_cli.config.places import home_folder
from imajin_cli.contract.errors import ImajinError
from imajin_cli.contract.exits import Exit
from imajin_cli.run.naming import printable
from imajin_cli.run.pipe import PipeClosed, Terminated, exit_of


def guarded(work: Callable[[], int]) -> int:
    """Run ``work`` and give the process's exit code, whatever happens in it."""
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, _terminate)
    try:
        code = work()
        _flush()
        return code
    except (KeyboardInterrupt, Terminated) as error:
        _line("interrupted" if isinstance(error, KeyboardInterrupt) else "terminated")
        return exit_of(error)
    except (PipeClosed, BrokenPipeError) as error:
        _forget_stdout()
        return exit_of(error)
    except ImajinError as error:
        _forget_stdout()
        _line(error.line())
        return error.code
    except OSError as error:
        if exit_of(error) is not Exit.USAGE:
            return _unexpected(error)
        where = f"{printable(str(error.filename))}: " if error.filename else ""
        _line(f"{where}{error.strerror}")
        return Exit.USAGE
    except Exception as error:  # noqa: BLE001 (this is the boundary: anything else is a bug, logged)
        return _unexpected(error)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def _line(text: str) -> None:
    try:
        sys.stderr.write(f"imajin: {text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def _flush() -> None:
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            raise PipeClosed from None


def _forget_stdout() -> None:
    """Python flushes standard output once more at exit, which would fail again, aloud."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unexpected(error: Exception) -> Exit:
    where = _write_log(error)
    _line(printable(f"unexpected error: {type(error).__name__}: {error}" + (f" (details in {where})" if where else "")))
    return Exit.ERROR


def log_folder() -> Path | None:
    """Where logs of unexpected errors go: $XDG_STATE_HOME/imajin, by default ~/.local/state/imajin; None with no home."""
    return home_folder("XDG_STATE_HOME", ".local/state")


def _write_log(error: Exception) -> Path | None:
    folder = log_folder()
    if folder is None:
        return None
    path = folder / f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    details = (
        f"imajin {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        f"arguments: {sys.argv[1:]!r}\n\n{''.join(traceback.format_exception(error))}"
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(details, encoding="utf-8", errors="backslashreplace")
    except OSError:
        return None
    return path
