"""Real `imajin` processes for fixtures that outlive one test, each in a folder and a home of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from conftest import environment


def clean_environment(folder: Path, **extra: str) -> dict[str, str]:
    """A child's environment without a person's settings, its home below ``folder``."""
    kept = {name: value for name, value in environment().items() if not name.startswith(("IMAJIN_", "XDG_"))}
    return {
        **kept,
        "HOME": str(folder / ".home"),
        "OMP_NUM_THREADS": "1",
        "NO_COLOR": "1",
        "IMAJIN_WORKER": "off",
        **extra,
    }


def imajin(
    folder: Path, *arguments: str, stdin: bytes | None = None, stdout: int = subprocess.PIPE, **extra: str
) -> subprocess.CompletedProcess[bytes]:
    """Run `imajin ARGUMENTS` in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    source = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    return subprocess.run(
        [sys.executable, "-m", "imajin_cli", *arguments],
        cwd=folder,
        env=clean_environment(folder, **extra),
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
        **source,
    )


def inside(capfd: Any, monkeypatch: Any, *arguments: str) -> tuple[int, str, str]:
    """Run `imajin ARGUMENTS` within this process, under the real boundary: its code, standard output, standard error."""
    from imajin_cli import app
    from imajin_cli.run import boundary

    # The boundary takes over SIGTERM, which here is the test runner's.
    monkeypatch.setattr(boundary.signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["imajin", *arguments])
    code = boundary.guarded(app.run)
    return (int(code), *capfd.readouterr())
