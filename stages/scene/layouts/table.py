"""Every layout and its compositions: name → function that places a cast on a board."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from imajin_cli.stages.scene.layouts import spot

LAYOUTS: Mapping[str, Mapping[str, spot.Composition]] = MappingProxyType({"spot": spot.COMPOSITIONS})
