"""Every layout and its compositions: name → function that places a cast on a board."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from imajin_cli.stages.scene.layouts import avatar, banner, hero, icon, numerals, pattern, spot

LAYOUTS: Mapping[str, Mapping[str, spot.Composition]] = MappingProxyType(
    {
        "spot": spot.COMPOSITIONS,
        "hero": hero.COMPOSITIONS,
        "banner": banner.COMPOSITIONS,
        "icon": icon.COMPOSITIONS,
        "avatar": avatar.COMPOSITIONS,
        "pattern": pattern.COMPOSITIONS,
        "numerals": numerals.COMPOSITIONS,
    }
)
