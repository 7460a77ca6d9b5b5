"""Enter the weights in the model catalogue: sizes and digests of the files that the encoder reads."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from imajin_cli.models import catalogue
from imajin_cli.stages.backends import miniclip

HEAD = """imajin-mini-clip:
  task: image-text
  licence: Apache-2.0
  commercial: allowed
  note: >-
    Our own, embedded; how it was made and what it is worth: stages/semantics/compiled/card.md.
  files:
"""
TAIL = """  sources:
    - {kind: installed, package: imajin_cli.stages.semantics, requirement: imajin, folder: compiled}
"""


def entry(folder: Path) -> str:
    """The catalogue's lines."""
    lines = []
    for name in miniclip.FILES:
        data = (folder / name).read_bytes()
        lines.append(f"    - {{name: {name}, size: {len(data)}, sha256: {hashlib.sha256(data).hexdigest()}}}\n")
    return HEAD + "".join(lines) + TAIL


def main() -> None:
    text = catalogue.SOURCE.read_text(encoding="utf-8")
    # In its own place: the comments of the file are of what stands below them.
    made, found = re.subn(r"imajin-mini-clip:\n(?:  .*\n)+", lambda _: entry(miniclip.FOLDER), text)
    assert found == 1
    catalogue.SOURCE.write_text(made, encoding="utf-8")
    catalogue.COMPILED.write_text(catalogue.compiled(), encoding="utf-8")


if __name__ == "__main__":
    main()
