"""Colours of a decoded picture brought to sRGB: embedded profiles, print inks, Lab and PNG gamma."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms

_SRGB_GAMMA = 0.45455
_MAX_PROFILE = 16 << 20


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def to_srgb(image: Image.Image, profile: bytes | None, notes: list[str]) -> tuple[Image.Image, str | None]:
    """``image`` (L, LA, RGB, RGBA, CMYK or LAB) in sRGB, and the embedded profile's name where there was a usable one.

    Relative colorimetric with black point compensation (ICC.1:2022). A profile that is broken, or that is for other
    channels, is noted and the picture is taken for sRGB.
    """
    if profile:
        try:
            return _converted(image, profile)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
            detail = " ".join(str(error).split())[:80]
            notes.append(f"the colour profile cannot be used, taken as sRGB: {detail}")
    if image.mode == "LAB":
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        return _through(image, lab, "LAB"), None
    if image.mode == "CMYK":
        notes.append("print inks without a profile, turned to RGB by the plain rule")
        return image.convert("RGB"), None
    return image, None


def _converted(image: Image.Image, profile: bytes) -> tuple[Image.Image, str]:
    if len(profile) > _MAX_PROFILE:
        raise ValueError("it is too large")
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    name = (ImageCms.getProfileDescription(source) or "unnamed").strip()[:80]
    space = source.profile.xcolor_space.strip()
    if image.mode in ("L", "LA") and space == "RGB":
        image = image.convert("RGB" if image.mode == "L" else "RGBA")
    wanted = {"GRAY": ("L", "LA"), "RGB": ("RGB", "RGBA"), "CMYK": ("CMYK",), "Lab": ("LAB",)}
    if image.mode not in wanted.get(space, ()):
        raise ValueError(f"it is for {space or 'unknown'} channels, the picture has {image.mode}")
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    bare = image if alpha is None else image.convert(image.mode[:-1])
    turned = _through(bare, source, bare.mode)
    if bare.mode == "L":
        turned = turned.getchannel(0)
    if alpha is not None:
        turned.putalpha(alpha)
    return turned, name


def _through(image: Image.Image, source: ImageCms.ImageCmsProfile, mode: str) -> Image.Image:
    """``image`` through ``source`` to sRGB; pixels that a near-sRGB profile leaves alone stay exactly as they are."""
    transform: Any = ImageCms.buildTransform(
        source,
        _srgb(),
        mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if mode == "RGB" and _is_identity(transform):
        return image
    result = ImageCms.applyTransform(image, transform)
    if result is None:
        raise ValueError("it gave no picture")
    return result


@cache
def _probe() -> Image.Image:
    """A small picture of 9 × 9 × 9 colours all through the RGB cube."""
    levels = [min(255, 32 * step) for step in range(9)]
    colours = [(r, g, b) for r in levels for g in levels for b in levels]
    probe = Image.new("RGB", (27, 27))
    probe.putdata(colours)
    return probe


def _is_identity(transform: Any) -> bool:
    """Whether the transform moves no probe colour by more than one level: so many sRGB profiles differ in name only."""
    probe = _probe()
    turned = ImageCms.applyTransform(probe, transform)
    if turned is None:
        return False
    return all(abs(a - b) <= 1 for a, b in zip(turned.tobytes(), probe.tobytes(), strict=True))


def gamma_to_srgb(image: Image.Image, gamma: object, notes: list[str]) -> Image.Image:
    """A PNG whose gAMA chunk (PNG, section 11.3.2.2) says another encoding than sRGB's, re-encoded as sRGB."""
    if not isinstance(gamma, float | int) or not 0.05 <= gamma <= 5 or abs(gamma - _SRGB_GAMMA) < 0.02:
        return image
    table = [_encode((level / 255) ** (1 / gamma)) for level in range(256)]
    notes.append(f"gamma {gamma:g} re-encoded as sRGB")
    colours = len(image.getbands()) - (image.mode in ("LA", "RGBA"))
    return image.point(table * colours + list(range(256)) * (len(image.getbands()) - colours))


def _encode(linear: float) -> int:
    """Linear light 0..1 as an 8-bit sRGB level (IEC 61966-2-1)."""
    value = linear * 12.92 if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return round(255 * min(1.0, max(0.0, value)))
