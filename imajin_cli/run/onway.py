"""Pictures that are not done, which a backend shows on request (`--preview-every`): kept with the intermediate ones, and told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from imajin_cli.run.atomic import make_folder, write_atomic
from imajin_cli.run.report import Report
from imajin_cli.run.store import WORK

# A PNG's width and height, big-endian, in its first chunk.
_WIDTH, _HEIGHT = slice(16, 20), slice(20, 24)


def keeper(report: Report, folder: Path = WORK) -> Callable[[int, int, bytes], None]:
    """What gets (step, of how many, PNG): the file is written and its path told, as a JSON event or to a person.

    Its name ends as that of any intermediate file, so `imajin clean` removes it with the rest.
    """

    def kept(step: int, of: int, data: bytes) -> None:
        """Keep one preview. Raises OutputError."""
        make_folder(folder)
        path = folder / f"preview-{step:03d}.{hashlib.sha256(data).hexdigest()[:12]}.png"
        write_atomic(path, data)
        width, height = (int.from_bytes(data[part], "big") for part in (_WIDTH, _HEIGHT))
        report.on_the_way(path, (width, height), step, of)

    return kept
