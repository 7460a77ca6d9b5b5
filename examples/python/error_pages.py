"""Pictures for a site's error pages: ``python error_pages.py OUT``. What is there already is found, and not made again."""

from __future__ import annotations

import sys
from pathlib import Path

from imajin_cli import ImajinError, Request, make

PAGES = ("error-404", "error-500", "maintenance", "offline")


def build(out: Path, size: str = "640x480") -> list[Path]:
    """The picture of each page. Raises ImajinError where one could not be made, or a gate rejected it."""
    made: list[Path] = []
    for preset in PAGES:
        result = make(Request(prompt="", preset=preset, size=[size]), out=out).check()
        made += [asset.path for asset in result.assets if asset.path is not None]
    return made


def main() -> int:
    """Build into the folder that was named, and say which file each page has."""
    try:
        for path in build(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")):
            print(path)
    except ImajinError as error:
        print(error.line(), file=sys.stderr)
        return int(error.code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
