"""Stable Diffusion 1.x: what its pipelines are called with."""

from __future__ import annotations

from typing import Any

from imajin_cli.stages.backends.diffusion.common import controlled, pictures, sized
from imajin_cli.stages.backends.diffusion.order import Order


def arguments(order: Order, count: int) -> dict[str, Any]:
    """Keyword arguments of the pipeline for ``count`` pictures, beside prompts, steps and streams."""
    found: dict[str, Any] = {"guidance_scale": order.guidance, "clip_skip": order.clip_skip}
    if order.negative is not None:
        found["negative_prompt"] = [order.negative] * count
    found |= pictures(order, count)
    if order.mode in ("txt2img", "controlnet", "inpaint", "controlnet-inpaint"):
        found |= sized(order)
    found |= controlled(order, count)
    if order.mode == "controlnet":
        # Alone it calls its map "image": there is no other.
        found["image"] = found.pop("control_image")
    if order.reference is not None:
        found["ip_adapter_image"] = order.reference.image
    return found
