"""The console script: a warm worker is asked first, else the error boundary stands before anything slow is imported."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its code. An interrupt ends without a traceback, also while modules load."""
    try:
        from imajin_cli.worker.client import through_worker

        code = through_worker(sys.argv[1:])
        if code is None:
            from imajin_cli.run.boundary import guarded

            code = guarded(_run)
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def _run() -> int:
    from imajin_cli.app import run

    return run()
