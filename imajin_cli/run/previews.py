"""Small pictures of candidates for a program to show while a run goes on: `imajin run --previews`."""

from __future__ import annotations

from imajin_cli.run.assets import Entry
from imajin_cli.run.atomic import make_folder, write_atomic
from imajin_cli.run.naming import printable
from imajin_cli.run.png import encode_png
from imajin_cli.run.report import Report
from imajin_cli.run.store import Store

MAX_SIDE = 256
"""Pixels of a preview's longer side: enough for a chat's bubble at twice the density, and a few kilobytes."""
SUFFIX = ".preview.png"


class Previews:
    """Writes previews beside the pictures of ``store`` and tells of each."""

    def __init__(self, store: Store, report: Report) -> None:
        self._store = store
        self._report = report

    def show(self, entry: Entry) -> None:
        """Write the preview of ``entry``'s picture, at most `MAX_SIDE` pixels a side. Raises OutputError."""
        picture = entry.asset.picture
        if picture is None:
            return
        small = picture.image.copy()
        small.thumbnail((MAX_SIDE, MAX_SIDE))
        make_folder(self._store.folder)
        path = self._store.folder / f"{entry.asset.name}.{entry.sidecar.id[:12]}{SUFFIX}"
        write_atomic(path, encode_png(small))
        self._report.every(
            "preview",
            id=entry.sidecar.id,
            path=printable(str(path)),
            width=small.width,
            height=small.height,
            step=None,
            steps=None,
        )
