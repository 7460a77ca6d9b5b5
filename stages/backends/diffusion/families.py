"""From a family's name to its module."""

from __future__ import annotations

from types import ModuleType

from imajin_cli.stages.backends.diffusion import auto, flux, sd15, sdxl

MODULES: dict[str, ModuleType] = {"sd15": sd15, "sdxl": sdxl, "flux": flux, "auto": auto}
