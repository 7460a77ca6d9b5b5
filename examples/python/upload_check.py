"""May an uploaded picture be shown? ``python upload_check.py FILE…`` prints a line for each, and ends with 1 for a no."""

from __future__ import annotations

import sys
from pathlib import Path

from imajin_cli import Exit, moderate, read_sidecar


def may_be_shown(picture: Path) -> tuple[bool, str]:
    """Whether ``picture`` is safe, and why not. What cannot be judged is not safe."""
    result = moderate([picture])
    if result.ok:
        return True, "safe"
    if result.code is Exit.UNSAFE:
        record = read_sidecar(picture).stages[-1]
        layers = [score.name for score in record.scores if score.passed is False]
        return False, f"unsafe: {', '.join(layers) or record.reason}"
    return False, f"not judged: {result.failures[0].message if result.failures else result.meaning}"


def main() -> int:
    """Judge each file that was named."""
    verdicts = [(name, *may_be_shown(Path(name))) for name in sys.argv[1:]]
    for name, _, why in verdicts:
        print(f"{name}: {why}")
    return 0 if all(safe for _, safe, _ in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
