"""How a prompt is worded for a model: templates by style and kind, what is kept out, and what variations decide anew.

Text encoders with a language model in them (FLUX, Z-Image, Qwen-Image) follow sentences; CLIP ones, and anime models that
were trained on tags, follow lists. The scene composer reads the request itself and needs no such words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from imajin_cli.contract.classification import UNSAID, Classification


@dataclass(frozen=True)
class Manner:
    """A style's words: how a sentence begins, its tags, and what contradicts it."""

    sentence: str
    tags: str
    negative: str


STYLES: Mapping[str, Manner] = MappingProxyType(
    {
        "flat": Manner(
            "A flat vector illustration of",
            "flat vector illustration, flat colors, clean shapes",
            "photo, 3d render, gradients, noise",
        ),
        "line": Manner(
            "A clean line drawing of",
            "line art, thin uniform outlines, minimal",
            "photo, 3d render, heavy shading, filled areas",
        ),
        "3d": Manner(
            "A soft 3D render of", "3d render, clay material, soft studio light, octane", "flat, 2d, sketch, photo"
        ),
        "anime": Manner(
            "An anime illustration of",
            "anime, anime coloring, cel shading, clean lineart",
            "photo, realistic, 3d render, western cartoon",
        ),
        "photorealistic": Manner(
            "A realistic photograph of",
            "photo, realistic, natural light, 35mm, high detail",
            "illustration, cartoon, painting, cgi",
        ),
    }
)
DEFAULT_STYLE = "flat"
KINDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "picture": ("a spot illustration with one clear subject", "spot illustration, single subject"),
        "hero": (
            "a wide composition with the subject on the right and empty space on the left",
            "wide shot, negative space on the left",
        ),
        "share-picture": (
            "a wide card with the subject on the right and room for a title",
            "wide card, negative space",
        ),
        "banner": ("a very wide and low composition", "panorama, very wide"),
        "icon": ("a single centred symbol in a simple shape, legible when small", "app icon, centered, simple shape"),
        "icon-set": (
            "a single centred symbol in a simple shape, legible when small",
            "app icon, centered, simple shape",
        ),
        "avatar": (
            "head and shoulders, centred, facing the viewer",
            "portrait, head and shoulders, centered, looking at viewer",
        ),
        "pattern": ("an even, repeating pattern that tiles without seams", "seamless pattern, tileable, repeating"),
        "error-page": ("a friendly, slightly sorry mood, for an error page", "spot illustration, apologetic mood"),
        "loading-state": ("a patient, waiting mood, for a loading screen", "spot illustration, waiting"),
        "empty-state": ("a calm, inviting mood, for an empty screen", "spot illustration, calm, inviting"),
        "success-state": ("a cheerful mood, for a confirmation", "spot illustration, cheerful, celebration"),
        "edit": ("", ""),
        "variation": ("", ""),
    }
)
THEMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "light": ("on a plain white background", "white background, simple background"),
        "dark": ("on a plain dark background", "dark background, simple background"),
        "contrast": ("in strong contrast on a plain background", "high contrast, simple background"),
        UNSAID: ("on a plain background", "simple background"),
    }
)
# What is never wanted in an asset: words are set by `text`, marks by `watermark`.
NEVER = "text, letters, watermark, signature, logo, frame, blurry, jpeg artifacts, cropped"
PEOPLE_NEVER = "extra fingers, deformed hands, extra limbs"
TAG_QUALITY = "masterpiece, best quality"

# What a variation decides anew: each axis is walked round in turn, so that neighbours differ in all of them.
AXES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "viewpoint": (
            "at eye level",
            "seen slightly from above",
            "close up",
            "seen from some distance",
            "seen from the side",
        ),
        "arrangement": (
            "the subject in the middle",
            "the subject left of the middle",
            "the subject with two small companions",
            "the subject in front of a simple backdrop",
            "the subject on a small ground line",
        ),
        "colours": (
            "in warm colours",
            "in cool colours",
            "in muted pastel colours",
            "in few strong colours",
            "in two tones of one colour",
        ),
    }
)
_STRIDES = (1, 2, 3)


def varied(seed: int, index: int) -> dict[str, str]:
    """What variation ``index`` decides: axis → words. No two of five neighbours share a value on any axis."""
    decided = {}
    for at, (axis, values) in enumerate(AXES.items()):
        decided[axis] = values[(seed + index * _STRIDES[at] + at) % len(values)]
    return decided


def sentence(core: str, found: Classification, decided: Mapping[str, str], voice: str | None) -> str:
    """A prompt in sentences."""
    manner, (kind, _), (theme, _) = _of(found)
    mood = ", ".join(keyword.word for keyword in found.keywords[:3])
    parts = [f"{manner.sentence} {core.rstrip(' .。')}, {theme}."]
    parts += [f"It is {kind}."] if kind else []
    parts += [f"{_upper(', '.join(decided.values()))}."] if decided else []
    parts += [f"The mood is {mood}."] if mood else []
    parts += [f"{_upper(voice.strip().rstrip('.'))}."] if voice and voice.strip() else []
    return " ".join([*parts, "No words or letters."])


def tags(core: str, found: Classification, decided: Mapping[str, str], voice: str | None) -> str:
    """A prompt of tags, the subject before what is less important: CLIP reads 77 tokens."""
    manner, (_, kind), (_, theme) = _of(found)
    words = [TAG_QUALITY, core.rstrip(" .。"), manner.tags, kind, *decided.values(), theme]
    words += [keyword.word for keyword in found.keywords[:3]] + [voice or ""]
    return ", ".join(word.strip(" ,") for word in words if word.strip(" ,"))


def negative(found: Classification, avoid: list[str]) -> str:
    """What is kept out of a painted picture: marks and words always, what contradicts the style, what the brand avoids."""
    manner, _, _ = _of(found)
    people = found.kind.value == "avatar" or any(subject.kind == "person" for subject in found.subjects)
    return ", ".join(part for part in (NEVER, manner.negative, PEOPLE_NEVER if people else "", *avoid) if part)


def _of(found: Classification) -> tuple[Manner, tuple[str, str], tuple[str, str]]:
    style = found.style.value if found.style.value in STYLES else DEFAULT_STYLE
    return STYLES[style], KINDS[found.kind.value], THEMES[found.theme.value]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
