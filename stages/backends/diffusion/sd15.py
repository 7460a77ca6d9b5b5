"""Stable Diffusion 1.x: what its pipelines are called with."""

from __future__ import annotations

from typing import Any

from imajin_cli.stages.backends.diffusion.order import Order


def arguments(order: Order, count: int) -> dict[str, Any]:
    """Keyword arguments of the pipeline for ``count`` pictures, beside prompts, steps and streams."""
    found: dict[str, Any] = {"guidance_scale": order.guidance, "clip_skip": order.clip_skip}
    if order.negative is not None:
        found["negative_prompt"] = [order.negative] * count
    if order.image is not None:
        found["image"] = [order.image] * count
        found["strength"] = order.strength
    if order.mask is not None:
        found["mask_image"] = [order.mask] * count
    if order.mode in ("txt2img", "controlnet", "inpaint", "controlnet-inpaint"):
        found["height"], found["width"] = order.height, order.width
    if order.controls:
        maps = [[control.image] * count for control in order.controls]
        # ControlNet alone calls its map "image": there is no other.
        found["control_image" if order.image is not None else "image"] = maps[0] if len(maps) == 1 else maps
        scales = [control.scale for control in order.controls]
        found["controlnet_conditioning_scale"] = scales[0] if len(scales) == 1 else scales
    if order.reference is not None:
        found["ip_adapter_image"] = order.reference.image
    return found
