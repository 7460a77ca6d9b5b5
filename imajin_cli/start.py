"""The console script: a warm worker is asked first, else the error boundary stands before anything slow is imported."""

from __future__ import annotations

import sys

INTERRUPTED = 130
# What no worker is asked for: the question alone would cost a third of the answer.
_AT_ONCE = frozenset({"-h", "--help", "--version"})


def main() -> None:
    """Run the command line and exit with its code. An interrupt ends without a traceback, also while modules load."""
    try:
        code = None if _AT_ONCE.issuperset(sys.argv[1:]) else _through_worker()
        if code is None:
            from imajin_cli.run.boundary import guarded

            code = guarded(_run)
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def _through_worker() -> int | None:
    from imajin_cli.worker.client import through_worker

    return through_worker(sys.argv[1:])


def _run() -> int:
    from imajin_cli.app import run

    return run()
