"""What each family of diffusion models can do through diffusers: family × mode → the pipeline's class, and good settings.

A pair that is not in the table is one that diffusers 0.42 does not have, or that is not offered here. `imajin models
capabilities` prints it, and docs/diffusion.md's table is made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Mode = Literal[
    "txt2img", "img2img", "inpaint", "edit", "controlnet", "controlnet-img2img", "controlnet-inpaint", "controlnet-fill"
]
FamilyName = Literal[
    "sd15", "sdxl", "sd3", "flux", "flux-kontext", "flux2", "flux2-klein", "z-image", "qwen-image", "qwen-image-edit",
    "qwen-image-edit-plus", "auto",
]  # fmt: skip
MODES: tuple[Mode, ...] = (
    "txt2img", "img2img", "inpaint", "edit", "controlnet", "controlnet-img2img", "controlnet-inpaint", "controlnet-fill",
)  # fmt: skip
MEANING: Mapping[Mode, str] = MappingProxyType(
    {
        "txt2img": "a prompt alone",
        "img2img": "`--image`: from a picture, as far as `--strength` goes",
        "inpaint": "`--image --mask`: what is white anew",
        "edit": "`--image`: the picture as the prompt tells",
        "controlnet": "`--control`: by a map",
        "controlnet-img2img": "`--control --image`",
        "controlnet-inpaint": "`--control --image --mask`",
        "controlnet-fill": "`--control NET=PICTURE --mask`: a ControlNet that paints what is white anew",
    }
)
"""What is given for each mode."""

Offer = Literal[
    "lora", "ip-adapter", "several-controlnets", "negative", "scheduler", "clip-skip", "embedding", "long-prompt",
    "step-cache", "batch",
]  # fmt: skip
OFFERS: Mapping[Offer, str] = MappingProxyType(
    {
        "lora": "`--lora`, several, weighted",
        "ip-adapter": "`--ip-adapter`",
        "several-controlnets": "several `--control` at once",
        "negative": "`--negative`",
        "scheduler": "`--scheduler`",
        "clip-skip": "`--clip-skip`",
        "embedding": "`--embedding` (textual inversion)",
        "long-prompt": "prompts of more than 77 tokens",
        "step-cache": "`--step-cache`",
        "batch": "several candidates in one pass",
    }
)
"""What a family may offer beside its modes, and how it is asked for."""


@dataclass(frozen=True)
class Family:
    """One family: its pipelines by mode, its ControlNet's class, what else it offers, and settings where a model names none.

    The first pipeline is the one that is loaded; the others share its parts. ``offers`` holds in every mode but those in
    ``but``. ``multiple``: sides in pixels must be multiples of it.
    """

    name: str
    title: str
    pipelines: Mapping[Mode, str]
    controlnet: str | None
    offers: frozenset[Offer]
    multiple: int
    steps: int
    guidance: float
    but: Mapping[Offer, frozenset[Mode]] = field(default_factory=dict)

    def offered(self, what: Offer, mode: Mode | None = None) -> bool:
        """Whether the family offers ``what``, in ``mode`` or at all."""
        return what in self.offers and (mode is None or mode not in self.but.get(what, frozenset()))


def _pipelines(stem: str, *modes: Mode, fill: str = "ControlNetInpaint", **others: str) -> Mapping[Mode, str]:
    """The classes of a family whose names follow from ``stem``, and ``others`` (with _ for -) whose names do not."""
    endings: dict[Mode, str] = {
        "txt2img": "", "img2img": "Img2Img", "inpaint": "Inpaint", "edit": "", "controlnet": "ControlNet",
        "controlnet-img2img": "ControlNetImg2Img", "controlnet-inpaint": "ControlNetInpaint", "controlnet-fill": fill,
    }  # fmt: skip
    found = {mode: f"{stem}{endings[mode]}Pipeline" for mode in modes}
    found |= {mode: others[mode.replace("-", "_")] for mode in MODES if mode.replace("-", "_") in others}
    return MappingProxyType(found)


_PLAIN: tuple[Mode, ...] = ("txt2img", "img2img", "inpaint")
_CONTROLLED: tuple[Mode, ...] = ("controlnet", "controlnet-img2img", "controlnet-inpaint")
_CLIP: frozenset[Offer] = frozenset(
    {
        "lora",
        "ip-adapter",
        "several-controlnets",
        "negative",
        "scheduler",
        "clip-skip",
        "embedding",
        "long-prompt",
        "batch",
    }
)
_QWEN: frozenset[Offer] = frozenset({"lora", "negative", "step-cache"})


def _offers(*what: Offer) -> frozenset[Offer]:
    return frozenset(what)


_ALL = (
    Family(
        "sd15",
        "Stable Diffusion 1.x",
        _pipelines("StableDiffusion", *_PLAIN, *_CONTROLLED),
        "ControlNetModel",
        _CLIP,
        8,
        30,
        7.5,
    ),
    Family(
        "sdxl",
        "Stable Diffusion XL, Turbo",
        _pipelines("StableDiffusionXL", *_PLAIN, *_CONTROLLED),
        "ControlNetModel",
        _CLIP,
        8,
        30,
        5.0,
    ),
    Family(
        "sd3",
        "Stable Diffusion 3.5",
        _pipelines("StableDiffusion3", *_PLAIN, "controlnet", "controlnet-fill", fill="ControlNetInpainting"),
        "SD3ControlNetModel",
        _offers("lora", "ip-adapter", "several-controlnets", "negative", "clip-skip", "batch"),
        16,
        28,
        4.5,
        but={"several-controlnets": frozenset({"controlnet-fill"})},
    ),
    Family(
        "flux",
        "FLUX.1 schnell, dev",
        _pipelines("Flux", *_PLAIN, *_CONTROLLED),
        "FluxControlNetModel",
        _offers("lora", "ip-adapter", "several-controlnets", "negative", "step-cache", "batch"),
        16,
        28,
        3.5,
        but={
            # A MultiControlNet without modes is not called there at all.
            "several-controlnets": frozenset({"controlnet-img2img", "controlnet-inpaint"}),
            "negative": frozenset({"controlnet-img2img", "controlnet-inpaint"}),
            "ip-adapter": frozenset({"controlnet-img2img", "controlnet-inpaint"}),
            # The other pipelines do not tell the cache which pass they are in.
            "step-cache": frozenset(
                {"img2img", "inpaint", "controlnet", "controlnet-img2img", "controlnet-inpaint"}
            ),
        },
    ),
    Family(
        "flux-kontext",
        "FLUX.1 Kontext",
        _pipelines("FluxKontext", "txt2img", "edit", "inpaint"),
        None,
        _offers("lora", "ip-adapter", "negative", "batch"),
        16,
        28,
        2.5,
    ),
    Family(
        "flux2",
        "FLUX.2",
        _pipelines("Flux2", "txt2img", "edit"),
        None,
        _offers("lora", "batch"),
        16,
        50,
        4.0,
    ),
    Family(
        "flux2-klein",
        "FLUX.2 Klein",
        _pipelines("Flux2Klein", "txt2img", "edit", "inpaint"),
        None,
        # The first-block cache of diffusers 0.42 fails on this transformer.
        _offers("lora", "batch"),
        16,
        4,
        1.0,
    ),
    Family(
        "z-image",
        "Z-Image, Turbo",
        _pipelines("ZImage", *_PLAIN, "controlnet", "controlnet-inpaint"),
        "ZImageControlNetModel",
        _offers("lora", "negative", "batch"),
        16,
        9,
        0.0,
    ),
    Family(
        "qwen-image",
        "Qwen-Image",
        _pipelines("QwenImage", *_PLAIN, "controlnet", "controlnet-fill"),
        "QwenImageControlNetModel",
        # Several ControlNets are several maps of one "union" ControlNet there, which is another thing.
        _QWEN | {"batch"},
        16,
        50,
        4.0,
    ),
    Family(
        "qwen-image-edit",
        "Qwen-Image-Edit",
        _pipelines("QwenImageEdit", "edit", "inpaint"),
        None,
        _QWEN,
        16,
        50,
        4.0,
    ),
    Family(
        "qwen-image-edit-plus",
        "Qwen-Image-Edit Plus (2509)",
        _pipelines("QwenImageEditPlus", "edit"),
        None,
        _QWEN,
        16,
        40,
        4.0,
    ),
    Family(
        "auto",
        "anything else, by AutoPipeline",
        MappingProxyType(
            {
                "txt2img": "AutoPipelineForText2Image",
                "img2img": "AutoPipelineForImage2Image",
                "inpaint": "AutoPipelineForInpainting",
            }
        ),
        None,
        _offers("negative", "batch"),
        16,
        28,
        5.0,
    ),
)

FAMILIES: Mapping[str, Family] = MappingProxyType({family.name: family for family in _ALL})
"""Families by name; ``auto`` is whatever else diffusers' AutoPipeline knows."""

BY_PIPELINE: Mapping[str, str] = MappingProxyType(
    {next(iter(family.pipelines.values())): family.name for family in _ALL if family.name != "auto"}
)
"""The class that a model's model_index.json names → its family; any other is ``auto``."""


def mode_of(family: Family, *, image: bool, mask: bool, control: bool) -> Mode:
    """The mode that these inputs ask ``family`` for: a picture alone is edited by a model that edits."""
    if control:
        if mask:
            return "controlnet-inpaint" if image else "controlnet-fill"
        return "controlnet-img2img" if image else "controlnet"
    if mask:
        return "inpaint"
    if image:
        return "edit" if "edit" in family.pipelines else "img2img"
    return "txt2img"
