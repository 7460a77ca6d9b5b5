"""One file as it is made, before it is published."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from imajin_cli.contract.stage import PublishedFile
from imajin_cli.stages.publication.snippet import MIME

# Files that show no picture of their own: they are not signed, and carry no mark.
NO_PICTURE = frozenset({"mask", "webmanifest"})


@dataclass(frozen=True)
class Made:
    """One file: what is between stem and format ("-64x64@2x"), its bytes, its size in CSS pixels and in its own."""

    mark: str
    format: str
    data: bytes
    size: tuple[int, int]
    pixels: tuple[int, int]
    scale: float = 1
    role: str = "asset"
    name: str = ""
    # What its name begins with, where that is not what the asset's other files begin with.
    stem: str | None = None
    remarks: dict[str, Any] = field(default_factory=dict)
    # What the file says of the invisible mark, read back from its own bytes; None where none was asked for.
    mark_told: dict[str, Any] | None = None
    # How the file is signed; None where it is not.
    signed: dict[str, Any] | None = None
    cut: bool = False
    family: str | None = None
    # The part (left, top, right, bottom) of the base that the file shows, and what it was cut around.
    part: tuple[tuple[int, int, int, int], str] | None = None

    def published(self) -> PublishedFile:
        """The file as the contract wants it, with its entry for the manifest."""
        entry: dict[str, Any] = {"format": self.format, "scale": self.scale}
        if self.pixels != (0, 0):
            entry = {"width": self.pixels[0], "height": self.pixels[1], **entry}
        entry |= {"type": MIME[self.format], "role": self.role}
        if self.family is not None:
            entry["family"] = self.family
        if self.part is not None:
            entry["cut"] = {"box": list(self.part[0]), "around": self.part[1]}
        if self.mark_told is not None:
            entry["mark"] = self.mark_told
        if self.signed is not None:
            entry["provenance"] = self.signed
        return PublishedFile(self.name, self.data, entry)
