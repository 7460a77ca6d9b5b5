"""Pictures of a page: inside it as long as there is room, else beside it, by a relative address."""

from __future__ import annotations

import base64
import os
from pathlib import Path, PurePath
from urllib.parse import quote

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError
from imajin_cli.run.reading import read_bytes

# What browsers show in an <img>, where no script of a picture runs.
TYPES = {
    ".png": "image/png", ".webp": "image/webp", ".avif": "image/avif", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
    ".svg": "image/svg+xml", ".ico": "image/x-icon", ".gif": "image/gif",
}  # fmt: skip


class Pictures:
    """Addresses for the page at ``page``. ``room`` is how many bytes of pictures may still go into it.

    ``sources`` lists what each picture is shown by; elsewhere in the page it is named by its place there, since one picture
    may be shown in many places.
    """

    def __init__(self, page: Path, room: int) -> None:
        self._from = os.path.realpath(page.parent)
        self._room = room
        self._places: dict[str, int | None] = {}
        self.sources: list[str] = []

    def address(self, path: Path) -> str:
        """Where the page finds ``path``, percent-encoded: no name in it can be taken for a scheme, a query or a fragment."""
        target = os.path.join(os.path.realpath(path.parent), path.name)
        try:
            relative = PurePath(os.path.relpath(target, self._from)).as_posix()
        except ValueError:  # another drive
            return PurePath(target).as_uri()
        return "./" + quote(os.fsencode(relative))

    def place(self, path: Path, digest: str | None) -> int | None:
        """The place in ``sources`` of the picture ``path``; None for what is no picture, or not there.

        It stands there as a data: address of its bytes, if they have that ``digest``, else as its own address: bytes that
        nobody vouches for are not copied into a page that is sent around.
        """
        name = str(path)
        if name not in self._places:
            source = self._source(path, digest)
            self._places[name] = len(self.sources) if source is not None else None
            self.sources += [source] if source is not None else []
        return self._places[name]

    def _source(self, path: Path, digest: str | None) -> str | None:
        media = TYPES.get(path.suffix.lower())
        if media is None or not path.is_file():
            return None
        try:
            data = read_bytes(path, self._room) if digest is not None and self._room else None
        except InputError:  # more than there is room for
            data = None
        if data is None or sha256(data) != digest:
            return self.address(path)
        self._room -= len(data)
        return f"data:{media};base64,{base64.b64encode(data).decode()}"
