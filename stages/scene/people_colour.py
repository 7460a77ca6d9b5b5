"""Colours of people: natural skin and hair as fixed hexes chosen by seed, clothes and things as palette roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

# Own choices, spread evenly from very fair to very dark, each in a cooler or warmer cast.
SKINS = ("#fbd9c0", "#f3c6a5", "#e8b48c", "#d99b70", "#c58458", "#a96c45", "#8a5638", "#6f442f")
HAIRS = {
    "black": "#4c4456",
    "deep-brown": "#43302d",
    "brown": "#5f4034",
    "auburn": "#7d4331",
    "ginger": "#b95d2e",
    "blond": "#dcab5c",
    "grey": "#a3a3ad",
    "blue": "#3f66b5",
    "pink": "#d6679a",
    "green": "#3f8a67",
    "purple": "#7a55ad",
}
# Dark hair is the commonest, so the seed meets it more often; dyed hair only when asked for.
# On dark skin brown hair would vanish.
_USUAL_HAIRS = ("black", "deep-brown", "brown", "brown", "brown", "auburn", "ginger", "blond")
_ON_DARK_SKIN = ("black", "black", "deep-brown")
_WHITE, _LIP, _MOUTH, _DARK = "#ffffff", "#d9706c", "#7a2f38", "#2b242b"


@dataclass(frozen=True)
class Tones:
    """The colours of one person. ``skin_line`` draws creases on the skin, ``feature`` eyes and mouth.

    ``cloth`` is the garment and ``other`` its folds and prints: two tones of the brand, since the darkest role turns to
    near-white on a dark theme and would outline everything.
    """

    skin: str
    skin_line: str
    hair: str
    hair_line: str
    feature: str
    cloth: str
    other: str


def mixed(colour: str, other: str, share: float) -> str:
    """``colour`` with ``share`` (0 to 1) of ``other``, mixed in sRGB."""
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def tones(random: Random, wanted: Mapping[str, str]) -> Tones:
    """The colours for ``wanted`` features ("haircolour", "skin"), the rest by the stream."""
    at = random.randrange(len(SKINS))
    at = {"dark": 5 + at % 3, "light": at % 2}.get(wanted.get("skin", ""), at)
    usual = random.choice(_ON_DARK_SKIN if at >= 5 else _USUAL_HAIRS)
    skin, hair = SKINS[at], HAIRS[wanted.get("haircolour", usual)]
    cloth, other = random.choice((("@main", "@light"), ("@light", "@main")))
    return Tones(
        skin=skin,
        skin_line=mixed(skin, "#3a1712", 0.62),
        hair=hair,
        hair_line=mixed(hair, "#1d1216", 0.5),
        feature=mixed(_DARK, skin, 0.06),
        cloth=cloth,
        other=other,
    )


def colour_of(style: str, where: str, nth: int, name: str, variant: str, tone: Tones) -> str:
    """The colour of one shape: a role or a hex of ours, never one of the style's own.

    ``name`` is the style's colour name or literal, ``where`` the component, ``variant`` the one that was picked for it.
    """
    if name == "none":
        return "none"
    if style == "notionists":
        return _notionists(where, nth, name, variant, tone)
    if style == "open-peeps" and (where in ("", "head") or name in ("headContrast", "clothing")):
        return _open_peeps(where, name, variant, tone)
    if style == "open-peeps" and where == "facialHair" and name == "ink":
        return tone.hair_line if variant in ("full4", "moustache9") else tone.hair
    if style == "voxel-bot":
        return _BOT.get(name, "@accent")
    if style == "lorelei" and where == "beard" and nth == 1:
        return "none"  # a white shine confined by a mask: without it the beard is plain hair
    return _named(where, name, tone)


def _notionists(where: str, nth: int, name: str, variant: str, tone: Tones) -> str:
    ink = name == "ink"
    if where == "head":
        return tone.skin_line if ink else tone.skin
    if where == "beard":
        return tone.hair
    if where == "eyebrows":
        return mixed(tone.hair, _DARK, 0.45)
    if where == "hair":
        return _notionist_hair(ink, variant, tone)
    if where == "gesture":
        if variant == "handPhone" and nth in (1, 3):
            return tone.other if nth == 1 else "@line"
        return tone.skin_line if ink else tone.skin
    if where == "clothes":
        return tone.cloth if ink == (variant in _INKED_CLOTHES) else tone.other
    return tone.feature if ink else _WHITE


# Clothes that the style draws in ink with paper lines.
_INKED_CLOTHES = {"variant02", "variant04", "variant06", "variant08"}
_HEADGEAR = {"hat", "variant14", "variant61"}
_SCARVES = {"variant62", "variant63"}
_SHAVED = {"variant26", "variant32"}


def _notionist_hair(ink: bool, variant: str, tone: Tones) -> str:
    if variant in _SCARVES:
        return tone.other if ink else tone.cloth
    if variant in _HEADGEAR:
        return tone.hair_line if ink else tone.other
    if variant in _SHAVED and not ink:
        return mixed(tone.skin, tone.hair, 0.25)
    return tone.hair if ink else "@accent"


def _open_peeps(where: str, name: str, variant: str, tone: Tones) -> str:
    if name == "skin":
        return tone.skin
    if name == "clothing":
        return tone.other if where == "head" and variant != "hijab" else tone.cloth
    if name == "headContrast":
        return tone.hair
    if where == "head":
        if variant in _PEEP_LINED:
            return tone.hair_line
        return {"hijab": tone.other, "hatHip": tone.hair_line, "turban": tone.skin_line}.get(variant, tone.hair)
    return tone.skin_line


# Heads whose hair is a shape of its own under the inked lines.
_PEEP_LINED = {
    *("bangs", "grayBun", "grayMedium", "grayShort", "mediumBangs2", "short4", "cornrows"),
    *("mohawk", "mohawk2", "noHair1", "noHair2", "noHair3"),
}
_BOT = {
    "body": "@main",
    "accent": "@accent",
    "screen": "#1b2030",
    "glow": "#9fe8ff",
    "#000000": "#000000",
    "#ffffff": "#ffffff",
}
_ROLES = {
    "skin": ("skin", "base"),
    "hair": ("hair", "facialHair", "headContrast"),
    "hair_line": ("eyebrows",),
    "skin_line": ("outline", "freckles", "eyeShadow"),
    "cloth": ("clothing", "clothes", "shirt", "body"),
    "other": ("hat",),
}
_OTHERS = {
    **dict.fromkeys(("earrings", "earring", "hairAccessories"), "@accent"),
    "lips": _LIP,
    "tongue": _LIP,
    "throat": _MOUTH,
}
_LIGHT = {"white", "paper", "sclera", "teeth"}


def _named(where: str, name: str, tone: Tones) -> str:
    """A colour by the name a style gives it, or by what a literal looks like."""
    for field, names in _ROLES.items():
        if name in names:
            return str(getattr(tone, field))
    if name in _LIGHT:
        return _WHITE
    if name in _OTHERS:
        return _OTHERS[name]
    if not name.startswith("#"):
        return tone.feature
    red, green, blue = bytes.fromhex(name[1:7])
    if min(red, green, blue) > 200:
        return _WHITE
    if max(red, green, blue) < 140:
        return tone.feature
    if red > green + 70 and red > blue and red > 190:
        return _LIP
    return tone.other if where in ("clothes", "body", "accessories", "") else tone.skin_line
