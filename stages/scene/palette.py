"""Palettes: from one brand colour to a hex colour for every role that a part can use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from imajin_cli.stages.scene.oklch import contrast, oklch_hex, parse_hex, rgb_to_oklch

Theme = Literal["light", "dark", "contrast"]
Harmony = Literal["auto", "complement", "split", "analogous", "triad", "mono"]

# Brand colours to choose from when none is asked for: even in weight, apart in hue, none of them raw sRGB primaries.
BRANDS: Mapping[str, str] = MappingProxyType(
    {
        "indigo": "#5566ee",
        "blue": "#2f7ff2",
        "azure": "#0e9bd8",
        "teal": "#12a594",
        "green": "#30a66d",
        "olive": "#8a9a2b",
        "amber": "#f5ad2c",
        "orange": "#f28339",
        "coral": "#ef6461",
        "rose": "#e0568f",
        "violet": "#8a63e8",
        "slate": "#64748b",
    }
)
# The colour that a creature is known in: it goes before the others where a prompt asks for that creature alone.
NATURAL: Mapping[str, str] = MappingProxyType(
    {
        "fox": "orange", "cat": "orange", "squirrel": "orange", "dog": "amber", "bee": "amber", "bear": "amber",
        "sloth": "amber", "hedgehog": "coral", "whale": "azure", "penguin": "azure", "elephant": "blue", "owl": "violet",
        "octopus": "violet", "monster": "violet", "unicorn": "rose", "snail": "rose", "turtle": "green",
        "dinosaur": "green", "chameleon": "green", "alien": "green", "yeti": "azure", "robot": "indigo",
    }
)  # fmt: skip
# What suits a situation's tone, the likeliest first. An error is not always red, nor a success always green.
TONE_BRANDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "negative": ("indigo", "coral", "violet", "orange", "azure", "rose", "amber", "teal"),
        "positive": ("green", "violet", "amber", "teal", "blue", "rose", "orange", "azure"),
        "neutral": ("blue", "amber", "violet", "teal", "rose", "indigo", "orange", "green", "azure", "coral"),
        "friendly": ("indigo", "teal", "violet", "amber", "azure", "rose", "green", "blue", "orange"),
        "warning": ("amber", "orange", "indigo", "coral", "violet", "azure"),
    }
)


@dataclass(frozen=True)
class _Tones:
    """Lightness of each role, and how much of the brand's chroma it keeps."""

    background: float
    tint: float
    soft: float
    pale: float
    light: float
    main: float
    deep: float
    paper: float
    ink: float
    line: float
    mist: float


_LIGHT = _Tones(1.0, 0.972, 0.895, 0.935, 0.81, 0.66, 0.38, 1.0, 0.24, 0.66, 0.955)
_DARK = _Tones(0.20, 0.235, 0.355, 0.30, 0.70, 0.55, 0.975, 0.255, 0.975, 0.73, 0.275)
_CONTRAST = _Tones(1.0, 0.965, 0.865, 0.90, 0.80, 0.55, 0.24, 1.0, 0.12, 0.42, 0.925)
_TONES: Mapping[str, _Tones] = {"light": _LIGHT, "dark": _DARK, "contrast": _CONTRAST}


def _brand(colour: str) -> tuple[float, float, float]:
    lightness, chroma, hue = rgb_to_oklch(parse_hex(colour))
    # A grey has no hue worth keeping; a cool neutral looks better than one by rounding.
    return (lightness, chroma, hue) if chroma > 0.012 else (lightness, 0.006, 262.0)


def _is_yellow(hue: float) -> bool:
    return 68 <= hue <= 118


def _is_warm(hue: float) -> bool:
    """Whether a colour of this hue turns brown when it darkens: orange, amber, yellow."""
    return 32 <= hue <= 118


def _until(lightness: float, chroma: float, hue: float, other: str, least: float, step: float) -> str:
    """Move the lightness by ``step`` until the contrast against ``other`` is at least ``least``."""
    colour = oklch_hex(round(lightness, 4), chroma, hue)
    while contrast(colour, other) < least and 0 <= lightness + step <= 1:
        lightness += step
        colour = oklch_hex(round(lightness, 4), chroma, hue)
    return colour


def _body(tones: _Tones, brand: tuple[float, float, float], theme: Theme, background: str) -> tuple[str, str]:
    """The two body tones, light and main."""
    lightness, chroma, hue = brand
    main_l, light_l = tones.main, tones.light
    if theme == "light":
        # Stay near the brand colour itself where it is usable as a mid tone. Yellows are only yellow when they are light.
        low, high = (0.76, 0.83) if _is_yellow(hue) and chroma > 0.05 else (0.56, 0.73)
        main_l = min(high, max(low, lightness))
        light_l = min(0.90, main_l + 0.15) if not _is_yellow(hue) else main_l + 0.085
    body_chroma = min(0.2, chroma * 1.02)
    warm = theme == "dark" and _is_warm(hue) and chroma > 0.05
    if warm:
        # What is amber on a dark surface is light; the second tone, which must stay dark enough for light lines, is an
        # orange that keeps its chroma: a dark amber would be brown.
        main_l = min(0.84, max(0.74, lightness))
        body_chroma = max(body_chroma, 0.15)
    # A yellow that darkens turns olive; real shadows on yellow lean to gold.
    main_hue = hue - 0.62 * (hue - 70) if _is_yellow(hue) else hue
    main = _until(main_l, body_chroma, main_hue, background, 1.85, 0.01 if theme == "dark" else -0.01)
    # High lightness at full chroma looks neon: the light tone keeps a part of it.
    # Light yellows look green beside a golden main tone: they lean to it.
    light_hue = 52 + 0.2 * (hue - 52) if warm else hue - 0.4 * (hue - 84) if _is_yellow(hue) and hue > 84 else hue
    light = oklch_hex(round(light_l, 4), body_chroma * (0.62 if theme == "light" else 0.95), light_hue)
    return light, main


def _accent_hue(hue: float, chroma: float, harmony: Harmony) -> float:
    if harmony == "complement":
        return (hue + 180) % 360
    if harmony == "split":
        return (hue + 150) % 360
    if harmony == "triad":
        return (hue + 120) % 360
    if harmony == "analogous":
        return (hue + 42) % 360
    if harmony == "mono":
        return hue
    # Flames, lamps and suns are drawn in the accent, so it stays warm; on yellow bodies it turns to coral.
    if _is_yellow(hue) and chroma >= 0.02:
        return 34.0
    return 88.0 if chroma >= 0.02 and (hue < 68 or hue > 340) else 76.0


def _people(theme: Theme, accent_hue: float) -> dict[str, str]:
    if theme == "dark":
        return {
            "skin": oklch_hex(0.74, 0.075, 58),
            "hair": oklch_hex(0.36, 0.035, 45),
            "cloth": oklch_hex(0.68, 0.12, accent_hue),
        }
    return {
        "skin": oklch_hex(0.80, 0.075, 60),
        "hair": oklch_hex(0.33, 0.035, 40),
        "cloth": oklch_hex(0.78, 0.11, accent_hue),
    }


@lru_cache(maxsize=512)
def palette(colour: str, theme: Theme = "light", harmony: Harmony = "auto") -> Mapping[str, str]:
    """Role to hex for every role of a part, plus what only layouts use: "background", "tint" (a coloured
    surface) and "soft" (between pale and light, for grounds that bodies stand before).

    Holds for any ``colour``: contrast of deep on light at least 4.5 (3 on dark), of ink on background at least 7, of main on
    background at least 1.8. ``theme`` "contrast" is light with stronger steps. Raises ValueError for a bad hex colour.
    """
    tones = _TONES[theme]
    brand = _brand(colour)
    _, chroma, hue = brand
    # Dark warm surfaces turn brown at a chroma that dark blue ones carry well: those of amber are slate, those
    # of red and pink are plum.
    slate = theme == "dark" and _is_warm(hue)
    faint = min(chroma, 0.2) * (0.55 if theme == "dark" and (hue < 130 or hue > 345) else 1.0)
    plum = theme == "dark" and chroma > 0.012 and (hue < 32 or hue > 345)
    dim, dim_hue = (faint * 0.6, 268.0) if slate else (faint, 325.0) if plum else (faint, hue)
    background = oklch_hex(tones.background, 0.014 if theme == "dark" and chroma > 0.012 else 0.0, dim_hue)
    light, main = _body(tones, brand, theme, background)
    step = 0.01 if theme == "dark" else -0.01
    least = {"light": 4.6, "dark": 3.1, "contrast": 7.0}[theme]
    deep_hue = hue - 0.62 * (hue - 70) - 15 if _is_yellow(hue) and theme != "dark" else hue
    deep_chroma = min(0.16, faint * 0.95) if theme != "dark" else faint * 0.18
    deep = _until(tones.deep, deep_chroma, deep_hue, light, least, step)
    if contrast(deep, light) < least:  # dark bodies that are too light for any deep: darken the body instead
        light = _darken_until(light, deep, least)
    accent_hue = _accent_hue(hue, chroma, harmony)
    # Yellow is only bright when it is light, coral only warm when it is not.
    accent_l = 0.86 if accent_hue >= 82 and accent_hue < 120 else 0.71 if accent_hue < 45 else 0.79
    accent = oklch_hex(accent_l - (0.09 if theme == "contrast" else 0.0), 0.165, accent_hue)
    accent_deep = _until(
        0.52 if theme != "dark" else 0.93,
        0.12 if theme != "dark" else 0.06,
        accent_hue,
        accent,
        3.0 if theme != "dark" else 1.3,
        step,
    )
    # Pale greenish yellows look like khaki: surfaces lean to gold as the bodies do.
    surface_hue = hue - 0.62 * (hue - 74) if _is_yellow(hue) and not slate else dim_hue
    return MappingProxyType(
        {
            "background": background,
            "tint": oklch_hex(tones.tint, faint * 0.13 if theme != "dark" else dim * 0.2, surface_hue),
            "soft": oklch_hex(tones.soft, faint * 0.36 if theme != "dark" else dim * 0.4, surface_hue),
            "pale": oklch_hex(tones.pale, faint * 0.24 if theme != "dark" else dim * 0.34, surface_hue),
            "light": light,
            "main": main,
            "deep": deep,
            "paper": oklch_hex(tones.paper, 0.0 if theme != "dark" else 0.02, dim_hue),
            "ink": _until(tones.ink, 0.03 if theme != "dark" else 0.008, hue, background, 7.5, step),
            "line": oklch_hex(tones.line, 0.022, dim_hue),
            "mist": oklch_hex(tones.mist, 0.008 if theme != "dark" else 0.02, dim_hue),
            "accent": accent,
            "accent-deep": accent_deep,
            **_people(theme, accent_hue),
        }
    )


@lru_cache(maxsize=512)
def figures(colour: str, theme: Theme = "light", harmony: Harmony = "auto") -> Mapping[str, str]:
    """The palette for solid drawings, plus "edge", the border that sets one off from what lies behind.

    Light from the drawing's own side stays light: eyes, teeth, paper and visors would look wrong turned dark, so on a
    dark surface a drawing keeps the tones of the light theme, with a ``deep`` of contrast 2 at least against the ground.
    """
    surface = palette(colour, theme, harmony)
    if theme != "dark":
        return MappingProxyType({**surface, "edge": surface["paper"]})
    own = dict(palette(colour, "light", harmony))
    _, chroma, hue = _brand(colour)
    deep_l, deep_chroma, deep_hue = rgb_to_oklch(parse_hex(own["deep"]))
    least = max(deep_l, 0.4)
    if _is_warm(hue) and chroma > 0.05:  # burnt orange, not brown
        least, deep_chroma, deep_hue = 0.45, 0.13, min(deep_hue, 46.0)
    own["deep"] = _until(least, max(deep_chroma, min(0.1, chroma * 0.8)), deep_hue, surface["background"], 2.0, 0.01)
    light_l, light_chroma, light_hue = rgb_to_oklch(parse_hex(own["light"]))
    own["light"] = _until(light_l, light_chroma, light_hue, own["deep"], 3.05, 0.01)
    own["accent-deep"] = _until(
        0.52, 0.12, rgb_to_oklch(parse_hex(own["accent-deep"]))[2], surface["background"], 2.0, 0.01
    )
    own["paper"] = oklch_hex(0.965, min(chroma, 0.02) * 0.5, hue)
    own["pale"] = oklch_hex(0.885, min(chroma, 0.2) * 0.3, hue)
    own["mist"] = oklch_hex(0.87, 0.012, hue)
    own["soft"] = surface["background"]  # the rim of white drawings, which need none here
    return MappingProxyType(
        {**surface, **own, "edge": surface["background"], **_people("dark", _accent_hue(hue, chroma, harmony))}
    )


def _darken_until(colour: str, other: str, least: float) -> str:
    lightness, chroma, hue = rgb_to_oklch(parse_hex(colour))
    return _until(lightness, chroma, hue, other, least, -0.01)


def brand_for(tone: str) -> tuple[str, ...]:
    """Hex brand colours that suit a tone ("negative", "positive", "neutral", "friendly", "warning"), the likeliest first."""
    return tuple(BRANDS[name] for name in TONE_BRANDS.get(tone, TONE_BRANDS["neutral"]))


def brand_of(creature: str) -> tuple[str, ...]:
    """Friendly brand colours for a creature, its own colour first: ``creature`` is the first word of a drawing's name."""
    names = [name for name in (NATURAL.get(creature),) if name] + list(TONE_BRANDS["friendly"])
    return tuple(BRANDS[name] for name in dict.fromkeys(names))
