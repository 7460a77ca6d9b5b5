"""Any Pillow mode as 8 bits a channel with straight alpha."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops

from imajin_cli.contract.errors import InputError

READY = frozenset({"L", "LA", "RGB", "RGBA"})


def to_eight_bit(image: Image.Image, depth: int | None, notes: list[str]) -> Image.Image:
    """``image`` in L, LA, RGB, RGBA, CMYK or LAB, 8 bits a channel; ``depth`` is the file's bits a sample if known."""
    transparent = image.info.get("transparency")
    if image.mode in READY and transparent is None:
        return image
    if image.mode.startswith("I;16"):
        return _from_sixteen(image, transparent, notes)
    if image.mode in ("I", "F"):
        return _from_wide(image, notes)
    if image.mode in ("1", "L"):
        gray = image.convert("L")
        return gray if transparent is None else _keyed(gray, transparent, 8 if image.mode == "1" else depth)
    if image.mode == "RGB":
        return _keyed_rgb(image, transparent, depth)
    if image.mode in ("CMYK", "LAB", "LA", "RGBA"):
        return image
    if image.mode in ("La", "RGBa"):
        return image.convert(image.mode.upper())
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image.convert("RGB")


def adobe_upright(image: Image.Image) -> Image.Image:
    """A CMYK JPEG without Adobe's mark, whose inks the decoder inverted as if it had one, set right."""
    return ImageChops.invert(image) if image.mode == "CMYK" and "adobe" not in image.info else image


def _from_sixteen(image: Image.Image, transparent: object, notes: list[str]) -> Image.Image:
    values = np.asarray(image).astype(np.uint32)
    notes.append("16-bit grey scaled to 8 bits")
    gray = Image.fromarray(_scaled(values, 65535))
    if not isinstance(transparent, int):
        return gray
    alpha = Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))
    return Image.merge("LA", (gray, alpha))


def _scaled(values: np.ndarray, full: int) -> np.ndarray:
    """0..``full`` as 0..255, rounded to the nearest."""
    wide = np.uint32 if full <= 65535 else np.uint64
    return ((values.astype(wide) * 255 + full // 2) // full).astype(np.uint8)


def _from_wide(image: Image.Image, notes: list[str]) -> Image.Image:
    """32-bit integers and floats as grey.

    Integers take their range from the file's sample format, floats are 0..1; values beyond that are brought into it.
    """
    values = np.asarray(image)
    if image.mode == "I":
        bits, signed = _integer_format(image)
        full = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
        raw = values.astype(np.int64) if signed or bits < 32 else values.view(np.uint32).astype(np.int64)
        notes.append(f"{bits}-bit integers scaled to 8 bits")
        return Image.fromarray(_scaled(np.clip(raw, 0, full), full))
    if not np.isfinite(values).all():
        raise InputError("the picture has samples that are not numbers")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        notes.append(f"float samples from {low:g} to {high:g} spread over 0 to 1")
        values = (values - low) / ((high - low) or 1)
    notes.append("float samples scaled to 8 bits")
    return Image.fromarray(np.rint(values * 255.0).astype(np.uint8))


def _integer_format(image: Image.Image) -> tuple[int, bool]:
    """Bits a sample and whether they are signed, from TIFF tags 258 and 339; a PNG's wide grey has 16 unsigned bits."""
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return 16, False
    bits = int(tags.get(258, (32,))[0])
    return (bits if 8 < bits <= 32 else 32), int(tags.get(339, (1,))[0]) == 2


def _keyed(gray: Image.Image, transparent: object, depth: int | None) -> Image.Image:
    """Grey whose one value ``transparent``, in units of the file's own ``depth``, is see-through."""
    if not isinstance(transparent, int):
        return gray
    value = transparent
    if depth is not None and depth < 8:
        value *= 255 // (2**depth - 1)
    alpha = gray.point([0 if level == value else 255 for level in range(256)])
    return Image.merge("LA", (gray, alpha))


def _keyed_rgb(image: Image.Image, transparent: object, depth: int | None) -> Image.Image:
    if not (isinstance(transparent, tuple) and len(transparent) == 3):
        return image
    keyed = image.copy()
    keyed.info["transparency"] = tuple(int(v) >> 8 if depth == 16 else int(v) for v in transparent)
    return keyed.convert("RGBA")
