"""What several families' pipelines are called with by the same names."""

from __future__ import annotations

from typing import Any

from imajin_cli.contract.errors import UsageError
from imajin_cli.models.capabilities import FAMILIES
from imajin_cli.stages.backends.diffusion.order import Order
from imajin_cli.stages.backends.diffusion.quant import kind_of


def refuse(order: Order) -> None:
    """Raise UsageError for what is asked of a family that does not offer it, or not in this mode."""
    family = FAMILIES[order.model.family]
    asked = {
        "clip-skip": (order.clip_skip is not None, "clip skip"),
        "negative": (order.negative is not None, "negative prompt"),
        "ip-adapter": (order.reference is not None, "IP-Adapter"),
        "step-cache": (order.step_cache is not None, "step cache"),
        "several-controlnets": (len(order.controls) > 1, "several ControlNets at once"),
    }
    for offer, (wanted, words) in asked.items():
        if not wanted:
            continue
        if not family.offered(offer):  # type: ignore[arg-type]
            raise UsageError(f"{family.name} models have no {words} in diffusers")
        if not family.offered(offer, order.mode):  # type: ignore[arg-type]
            raise UsageError(f"{family.name} models have no {words} in {order.mode} in diffusers")
    if order.loras and kind_of(order.model) is not None:
        raise UsageError("LoRAs do not work on quantised weights", hint="leave out --quant or --gguf, or the LoRAs")


def pictures(order: Order, count: int) -> dict[str, Any]:
    """The picture, its mask, and how far to go from it."""
    found: dict[str, Any] = {}
    if order.image is not None:
        found["image"] = [order.image] * count
        found["strength"] = order.strength
    if order.mask is not None:
        found["mask_image"] = [order.mask] * count
    return found


def controlled(order: Order, count: int) -> dict[str, Any]:
    """Maps and scales of the order's ControlNets, for pipelines that call them control_image.

    Of several each map is given once: a list within the list would be a batch, which pipelines do not take there.
    """
    if not order.controls:
        return {}
    maps = [control.image for control in order.controls]
    scales = [control.scale for control in order.controls]
    if len(maps) == 1:
        return {"control_image": maps * count, "controlnet_conditioning_scale": scales[0]}
    return {"control_image": maps, "controlnet_conditioning_scale": scales}


def filled(order: Order, count: int) -> dict[str, Any]:
    """A ControlNet that paints anew what is white in the mask: its map is the picture."""
    (control,) = order.controls
    return {
        "control_image": [control.image] * count,
        "control_mask": [order.mask] * count,
        "controlnet_conditioning_scale": control.scale,
    }


def sized(order: Order) -> dict[str, Any]:
    """The size in pixels."""
    return {"height": order.height, "width": order.width}
