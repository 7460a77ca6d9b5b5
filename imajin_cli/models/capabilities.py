"""What each family of diffusion models can do through diffusers: family × mode → the pipeline's class, and good settings.

A pair that is not in the table is one that diffusers 0.42 does not have, or that is not offered here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Mode = Literal["txt2img", "img2img", "inpaint", "controlnet", "controlnet-img2img", "controlnet-inpaint"]
FamilyName = Literal["sd15", "sdxl", "flux", "auto"]
MODES: tuple[Mode, ...] = ("txt2img", "img2img", "inpaint", "controlnet", "controlnet-img2img", "controlnet-inpaint")


@dataclass(frozen=True)
class Family:
    """One family: its pipelines by mode, its ControlNet's class, what else it takes, and settings where a model names none.

    ``multiple``: sides in pixels must be multiples of it. ``schedulers``: whether its scheduler may be changed.
    """

    name: str
    pipelines: Mapping[Mode, str]
    controlnet: str | None
    adapters: frozenset[str]
    multiple: int
    schedulers: bool
    steps: int
    guidance: float


def _pipelines(stem: str, *, control: bool = True) -> Mapping[Mode, str]:
    found: dict[Mode, str] = {
        "txt2img": f"{stem}Pipeline",
        "img2img": f"{stem}Img2ImgPipeline",
        "inpaint": f"{stem}InpaintPipeline",
    }
    if control:
        found["controlnet"] = f"{stem}ControlNetPipeline"
        found["controlnet-img2img"] = f"{stem}ControlNetImg2ImgPipeline"
        found["controlnet-inpaint"] = f"{stem}ControlNetInpaintPipeline"
    return MappingProxyType(found)


_AUTO: Mapping[Mode, str] = MappingProxyType(
    {
        "txt2img": "AutoPipelineForText2Image",
        "img2img": "AutoPipelineForImage2Image",
        "inpaint": "AutoPipelineForInpainting",
    }
)
_BOTH = frozenset({"lora", "ip-adapter"})

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "sd15": Family("sd15", _pipelines("StableDiffusion"), "ControlNetModel", _BOTH, 8, True, 30, 7.5),
        "sdxl": Family("sdxl", _pipelines("StableDiffusionXL"), "ControlNetModel", _BOTH, 8, True, 30, 5.0),
        "flux": Family("flux", _pipelines("Flux"), "FluxControlNetModel", frozenset({"lora"}), 16, False, 28, 3.5),
        "auto": Family("auto", _AUTO, None, frozenset(), 16, False, 28, 5.0),
    }
)
"""Families by name; ``auto`` is whatever else diffusers' AutoPipeline knows."""

BY_PIPELINE: Mapping[str, str] = MappingProxyType(
    {
        "StableDiffusionPipeline": "sd15",
        "StableDiffusionXLPipeline": "sdxl",
        "FluxPipeline": "flux",
    }
)
"""The class that a model's model_index.json names → its family; any other is ``auto``."""


def mode_of(*, image: bool, mask: bool, control: bool) -> Mode:
    """The mode that these inputs ask for."""
    base: Mode = "inpaint" if mask else "img2img" if image else "txt2img"
    if not control:
        return base
    table: dict[Mode, Mode] = {
        "txt2img": "controlnet",
        "img2img": "controlnet-img2img",
        "inpaint": "controlnet-inpaint",
    }
    return table[base]
