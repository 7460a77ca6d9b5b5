#!/usr/bin/env python3
"""List what a run made: made.py FOLDER IMAJIN. The first file of each new asset is read from standard input."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Print each new asset's files with their sizes, and where to look."""
    folder = Path(sys.argv[1])
    firsts = [Path(line) for line in sys.stdin.read().splitlines()]
    manifest = folder / "manifest.json"
    assets = json.loads(manifest.read_bytes())["assets"] if manifest.is_file() else []
    for first in firsts:
        names = next((_names(asset) for asset in assets if first.name in _names(asset)), [first.name])
        print(f"\nMade {len(names)} file{'s' if len(names) > 1 else ''}:")
        for name in names:
            print(f"  {(folder / name).stat().st_size:>9,} bytes  {folder / name}")
    if firsts:
        print(f"\nLook at   {firsts[0].resolve()}")
        print(f"All of it {manifest}")
        print(f"History   {shlex.join([sys.argv[2], 'show', str(firsts[0])])}")


def _names(asset: dict[str, Any]) -> list[str]:
    return [file["name"] for file in asset["files"]]


if __name__ == "__main__":
    main()
