"""The console script: the error boundary stands before anything that takes long is imported."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its code. An interrupt ends without a traceback, also while modules load."""
    try:
        from imajin_cli.run.boundary import guarded

        code = guarded(_run)
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def _run() -> int:
    from imajin_cli.app import run

    return run()
