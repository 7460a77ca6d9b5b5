"""From a family's name to its module."""

from __future__ import annotations

from types import ModuleType

from imajin_cli.stages.backends.diffusion import auto, flux, flux2, kontext, qwen, sd3, sd15, sdxl, zimage

MODULES: dict[str, ModuleType] = {
    "sd15": sd15,
    "sdxl": sdxl,
    "sd3": sd3,
    "flux": flux,
    "flux-kontext": kontext,
    "flux2": flux2,
    "flux2-klein": flux2,
    "z-image": zimage,
    "qwen-image": qwen,
    "qwen-image-edit": qwen,
    "qwen-image-edit-plus": qwen,
    "auto": auto,
}
