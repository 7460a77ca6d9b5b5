"""What a kind of request comes to: preset, layout, size family and sizes. The one place for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Form(NamedTuple):
    """Preset to start from ("" for none), the scene's layout, and the size family."""

    preset: str
    layout: str
    family: str


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "picture": Form("", "spot", "spot"),
        "hero": Form("hero", "hero", "hero"),
        "share-picture": Form("og-image", "hero", "share"),
        "banner": Form("banner", "banner", "banner"),
        "icon": Form("icon", "icon", "icon"),
        "icon-set": Form("icon", "icon", "icon"),
        "avatar": Form("avatar", "avatar", "avatar"),
        "pattern": Form("pattern", "pattern", "pattern"),
        "error-page": Form("error-500", "spot", "spot"),
        "loading-state": Form("loading", "spot", "spot"),
        "empty-state": Form("empty-state", "spot", "spot"),
        "success-state": Form("success", "spot", "spot"),
        "edit": Form("", "auto", "source"),
        "variation": Form("", "auto", "source"),
    }
)

SIZES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "spot": ("1024x1024",),
        "hero": ("1600x900",),
        "share": ("1200x630",),
        "banner": ("1500x500",),
        "icon": ("512x512",),
        "avatar": ("512x512",),
        "pattern": ("1024x1024",),
        "source": (),
    }
)

# Presets that are made for one situation of the knowledge.
SITUATIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "error-page": {
            "bad-request": "error-400",
            "unauthorized": "error-401",
            "forbidden": "error-403",
            "page-not-found": "error-404",
            "link-expired": "error-410",
            "request-timeout": "error-408",
            "gone": "error-410",
            "rate-limited": "error-429",
            "server-error": "error-500",
            "bad-gateway": "error-502",
            "service-unavailable": "error-503",
            "gateway-timeout": "error-504",
            "maintenance": "maintenance",
            "offline": "offline",
            "slow-connection": "offline",
        },
        "empty-state": {"no-results": "no-results"},
    }
)

SITE = "favicon"
"""Preset for the icons of a site or an app itself, whether one or a set is asked for: all that are needed, of one drawing."""
OWN = frozenset({"icon", "icon-set"})
"""Kinds that may be a site's own icons."""

STYLED: Mapping[tuple[str, str], str] = MappingProxyType({("loading-state", "anime"): "skeleton-anime"})
"""Presets for a kind in a style."""


def preset_for(kind: str, style: str, situations: Mapping[str, float], site: float = 0.0) -> tuple[str, str]:
    """(preset, situation it rests on or ""): of the kind in that style, of the likeliest situation, else the kind's own.

    ``site`` is how probably icons are those of a site or an app itself.
    """
    if kind in OWN and site >= 0.5:
        return SITE, ""
    if (kind, style) in STYLED:
        return STYLED[kind, style], ""
    special = SITUATIONS.get(kind, {})
    likely = [name for name in situations if name in special]
    if likely:
        best = max(likely, key=lambda name: situations[name])
        return special[best], best
    return FORMS[kind].preset, ""
