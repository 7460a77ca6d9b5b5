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
from imajin_cli.contract.errors import ImajinError
from imajin_cli.contract.exits import Exit
from imajin_cli.run.pipe import PipeClosed


class Terminated(BaseException):
    """SIGTERM arrived: unwind, drop what is half-written, end with 143."""


def guarded(work: Callable[[], int]) -> int:
    """Run ``work`` and give the process's exit code, whatever happens in it."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = work()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        _line("interrupted")
        return Exit.INTERRUPTED
    except Terminated:
        _line("terminated")
        return Exit.TERMINATED
    except (PipeClosed, BrokenPipeError):
        _forget_stdout()
        return Exit.PIPE_CLOSED
    except ImajinError as error:
        _line(error.line())
        return error.code
    except OSError as error:
        if error.errno is None or error.strerror is None:
            return _unexpected(error)
        where = f"{error.filename}: " if error.filename else ""
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


def _forget_stdout() -> None:
    """Python flushes standard output once more at exit, which would fail again, aloud."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unexpected(error: Exception) -> Exit:
    where = _write_log(error)
    _line(f"unexpected error: {type(error).__name__}: {error}" + (f" (details in {where})" if where else ""))
    return Exit.ERROR


def log_folder() -> Path:
    """Where logs of unexpected errors go: $XDG_STATE_HOME/imajin, by default ~/.local/state/imajin."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "imajin"


def _write_log(error: Exception) -> Path | None:
    path = log_folder() / f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
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
