"""Untrusted bytes to an 8-bit sRGB picture, or one clear InputError."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image

from imajin_cli.contract.errors import BackendError, InputError
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.stages.imaging.channels import READY, adobe_upright, to_eight_bit
from imajin_cli.stages.imaging.colour import gamma_to_srgb, to_srgb
from imajin_cli.stages.imaging.limits import Limits
from imajin_cli.stages.imaging.rasters import Raster, guarded, open_raster
from imajin_cli.stages.imaging.sniff import sniff

__all__ = ["Decoded", "Limits", "decode"]

DEFAULT_LIMITS = Limits()
_ORIENTATION = 0x0112
# EXIF 2.32 table 6: what undoes each value of the orientation tag.
_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What in a file's information asks for work on its pixels.
_WORK = frozenset({"exif", "icc_profile", "transparency", "gamma"})
# Where Pillow's decoders leave what a file carries beside its pixels.
_METADATA = {"exif": "exif", "xmp": "xmp", "icc_profile": "icc", "photoshop": "iptc", "comment": "comment"}


@dataclass(frozen=True)
class Decoded:
    """A picture read from bytes.

    ``image`` is Pillow L, LA, RGB or RGBA, 8 bits, sRGB, straight alpha, upright, and carries no metadata of the file.
    ``size`` and ``mode`` are the file's own, before turning; ``orientation`` is the EXIF value that was undone (1: none);
    ``icc`` names the profile that was applied. ``metadata`` maps exif, xmp, icc, iptc, comment and text:KEY to bytes.
    ``svg`` is the cleaned SVG text in pixel units where the file was one that holds no text to set.
    """

    image: Image.Image
    format: str
    size: tuple[int, int]
    mode: str
    frames: int = 1
    orientation: int = 1
    icc: str | None = None
    notes: list[str] = field(default_factory=list)
    metadata: Mapping[str, bytes] = field(default_factory=dict)
    svg: str | None = None

    def picture(self) -> Picture:
        """The contract's picture, with its vector where the file was an SVG."""
        return Picture.of(self.image, vector=Vector(self.svg) if self.svg is not None else None)


def decode(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Decoded:
    """The picture in ``data``, whose format its first bytes decide. Raises InputError, and nothing else, for bad input."""
    limits.check_bytes(data)
    kind = sniff(data)
    if kind is None:
        raise InputError("not a picture that imajin reads (PNG, JPEG, WebP, GIF, AVIF, BMP, TIFF, ICO, SVG)")
    if kind == "SVG":
        return _decode_svg(data, limits)
    raster = open_raster(data, kind, limits)
    opened = raster.image
    notes = [f"first of {raster.frames} frames taken"] if raster.frames > 1 else []
    depth = data[24] if kind == "PNG" else None
    if opened.mode in READY and depth in (None, 8) and kind != "TIFF" and not opened.info.keys() & _WORK:
        # Nothing to bring anywhere: what imajin writes itself, and most of what else there is.
        return Decoded(
            _bare(opened), kind, opened.size, opened.mode, raster.frames, notes=notes, metadata=_metadata(opened)
        )
    return guarded(kind, lambda: _finish(raster, kind, depth, notes))


def _finish(raster: Raster, kind: str, depth: int | None, notes: list[str]) -> Decoded:
    """Bring decoded pixels to 8 bits, to sRGB and upright."""
    opened, info = raster.image, raster.image.info
    if depth == 16 and opened.mode in READY:
        notes.append("16-bit channels reduced to 8 bits")
    image: Image.Image = adobe_upright(opened) if kind == "JPEG" else opened
    image = to_eight_bit(image, depth, notes)
    image, icc = to_srgb(image, info.get("icc_profile"), notes)
    if kind == "PNG" and icc is None and "srgb" not in info:
        image = gamma_to_srgb(image, info.get("gamma"), notes)
    orientation, size = raster.undone, opened.size
    if kind == "TIFF":
        size = (size[1], size[0]) if orientation >= 5 else size
    else:
        orientation = _orientation(info.get("exif"), notes)
        image = image.transpose(_TURN[orientation]) if orientation in _TURN else image
    metadata = _metadata(opened)
    return Decoded(_bare(image), kind, size, opened.mode, raster.frames, orientation, icc, notes, metadata)


def _bare(image: Image.Image) -> Image.Image:
    """The same pixels as a plain image: no file behind it and no metadata that a later save could write."""
    plain = Image.Image()
    plain.im = image.im
    plain._mode = image.mode
    plain._size = image.size
    return plain


def _orientation(raw: object, notes: list[str]) -> int:
    """The orientation 1..8 in raw EXIF data; 1 where there is none or it makes no sense."""
    if not isinstance(raw, bytes):
        return 1
    exif = Image.Exif()
    try:
        exif.load(raw)
        value = exif.get(_ORIENTATION)
    except Exception as error:  # noqa: BLE001 - damaged EXIF fails in many ways, and a photo need not have any
        notes.append(f"the EXIF data cannot be read: {type(error).__name__}")
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _metadata(opened: Image.Image) -> dict[str, bytes]:
    """What the file carries beside its pixels, by kind."""
    found: dict[str, bytes] = {}
    for key, kind in _METADATA.items():
        value = opened.info.get(key)
        if isinstance(value, dict):
            value = b"".join(v for v in value.values() if isinstance(v, bytes))
        if isinstance(value, str):
            value = value.encode()
        if isinstance(value, bytes) and value:
            found[kind] = value
    texts = getattr(opened, "text", None)
    for key, text in sorted((texts or {}).items()):
        found[f"text:{key}"] = str(text).encode("utf-8", "replace")
    return found


def _decode_svg(data: bytes, limits: Limits) -> Decoded:
    from imajin_cli.stages.backends.resvg_apart import render_png
    from imajin_cli.stages.imaging.svgsafe import sanitise

    clean = sanitise(data, limits)
    try:
        drawn = render_png(clean.svg, *clean.size, text=clean.text)
    except BackendError as error:
        raise InputError(f"the SVG cannot be drawn: {error.message}") from error
    image = open_raster(drawn, "PNG", limits).image
    if image.size != clean.size:
        raise InputError(f"the SVG was drawn as {image.size[0]}x{image.size[1]} pixels, not as asked")
    pixels = image if image.mode == "RGBA" else image.convert("RGBA")
    notes, vector = list(clean.notes), None if clean.text else clean.svg
    if clean.text:
        notes.append("text set in imajin's own fonts; the vector is dropped, since elsewhere it would look otherwise")
    return Decoded(_bare(pixels), "SVG", clean.stated, "RGBA", notes=notes, svg=vector)
