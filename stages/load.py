"""Read pictures safely: decode, turn, convert to sRGB, bound."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.imaging.decode import Decoded

Kept = Literal["exif", "xmp", "icc", "iptc", "comment", "text"]
# Of each kind of metadata, as it is kept in the record.
MAX_KEPT = 64 << 10


class LoadParams(Params):
    """What a file may ask for, and what becomes of it."""

    max_pixels: Annotated[int, Field(ge=1, le=89_000_000, description="Most pixels that one frame may have.")] = (
        64_000_000
    )
    max_bytes: Annotated[int, Field(ge=1, le=1 << 30, description="Most bytes that the file may have.")] = 64 << 20
    max_frames: Annotated[int, Field(ge=1, le=100_000, description="Most frames or pages that the file may have.")] = (
        1000
    )
    max_side: Annotated[
        int | None, Field(ge=1, le=32_768, description="Scale down to this longest side in pixels.")
    ] = None
    svg_size: Annotated[int | None, Field(ge=1, le=8192, description="Longest side in pixels to draw an SVG at.")] = (
        None
    )
    background: Annotated[
        str | None,
        Field(pattern=r"^#[0-9a-fA-F]{6}$", description="Colour to lay under see-through parts, as #rrggbb."),
    ] = None
    keep_metadata: Annotated[
        list[Kept], Field(description="Metadata to keep in the record; all else in the file is dropped.")
    ] = []


class Load(Stage[LoadParams]):
    """Read pictures safely: decode, turn, convert to sRGB, bound."""

    name = "load"
    kind = Kind.SOURCE
    Params = LoadParams
    reads_raw = True
    rejects_with = Exit.USAGE

    def apply(self, asset: Asset) -> Outcome:
        """The picture in ``asset.raw``; rejected with exit 2 where it cannot be read or used."""
        from imajin_cli.stages.imaging.decode import Limits, decode

        if asset.raw is None:
            raise InputError(f"{asset.name}: there is no file to load")
        p = self.params
        limits = Limits(p.max_pixels, p.max_bytes, p.max_frames, p.svg_size)
        try:
            found = decode(asset.raw, limits)
        except InputError as error:
            return Outcome("rejected", reason=error.message, code=self.rejects_with)
        picture, done = self._shaped(found)
        return Outcome("changed", picture=picture, notes=self._notes(found, done))

    def _shaped(self, found: Decoded) -> tuple[Picture, dict[str, Any]]:
        """The picture scaled down and laid on a ground where that was asked for. Its vector goes if it no longer fits."""
        picture, done = found.picture(), dict[str, Any]()
        side, ground = self.params.max_side, self.params.background
        image = found.image
        if side is not None and max(image.size) > side:
            image = scaled_down(image, side)
            done["scaled_to"] = list(image.size)
        if ground is not None and image.mode in ("LA", "RGBA"):
            image = flattened(image, ground)
            done["background"] = ground
        if done and found.svg is not None:
            done["vector"] = "dropped: the pixels no longer match it"
        return (Picture.of(image) if done else picture), done

    def _notes(self, found: Decoded, done: dict[str, Any]) -> dict[str, Any]:
        kept = {
            kind: value for kind, value in found.metadata.items() if kind.split(":")[0] in self.params.keep_metadata
        }
        notes: dict[str, Any] = {
            "format": found.format,
            "size": list(found.size),
            "mode": found.mode,
            "frames": found.frames,
            "turned": found.orientation,
            "icc": found.icc,
            "stripped": sorted(found.metadata.keys() - kept.keys()),
            **done,
        }
        if found.notes:
            notes["remarks"] = _bounded(found.notes)
        if kept:
            notes["metadata"] = {kind: _encoded(value) for kind, value in sorted(kept.items())}
        return notes


def scaled_down(image: Image, side: int) -> Image:
    """``image`` with its longest side ``side`` pixels, filtered with premultiplied alpha (Pillow does so for LA and RGBA)."""
    from PIL.Image import Resampling

    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Resampling.LANCZOS)


def flattened(image: Image, colour: str) -> Image:
    """``image`` (LA or RGBA) on an opaque ground of ``colour`` ("#rrggbb"), as RGB."""
    from PIL.Image import alpha_composite, new

    return alpha_composite(new("RGBA", image.size, colour), image.convert("RGBA")).convert("RGB")


def _encoded(value: bytes) -> dict[str, Any]:
    """Metadata as JSON: base64 of at most ``MAX_KEPT`` bytes, and whether that is all of it."""
    return {
        "base64": base64.b64encode(value[:MAX_KEPT]).decode(),
        "bytes": len(value),
        "complete": len(value) <= MAX_KEPT,
    }


def _bounded(notes: Sequence[str], most: int = 40) -> list[str]:
    return [*notes[:most], f"and {len(notes) - most} more"] if len(notes) > most else list(notes)
