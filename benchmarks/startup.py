"""`imajin --help` against `python -c "import typer"`, whole processes, taking turns."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from benchmarks.timing import interleaved


def process(*arguments: str) -> Callable[[], object]:
    """Run this Python with ``arguments``."""
    return lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def measure(repeats: int = 25) -> dict[str, float]:
    """Seconds of each, and the ratio that has a limit of 1.5."""
    times = interleaved(
        {
            "pass": process("-c", "pass"),
            "typer": process("-c", "import typer"),
            "help": process("-m", "imajin_cli", "--help"),
            "stage help": process("-m", "imajin_cli", "quality", "--help"),
        },
        repeats,
    )
    return {
        "imajin --help over import typer": times["help"] / times["typer"],
        "python -c pass, ms": times["pass"] * 1000,
        "python -c 'import typer', ms": times["typer"] * 1000,
        "imajin --help, ms": times["help"] * 1000,
        "imajin quality --help, ms": times["stage help"] * 1000,
    }


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name}: {value:.3f}")
