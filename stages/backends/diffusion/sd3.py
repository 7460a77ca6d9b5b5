"""Stable Diffusion 3.5: three text encoders, a transformer, its own flow-matching scheduler."""

from __future__ import annotations

from typing import Any

from imajin_cli.stages.backends.diffusion.common import controlled, filled, pictures, sized
from imajin_cli.stages.backends.diffusion.order import Order


def arguments(order: Order, count: int) -> dict[str, Any]:
    """Keyword arguments of the pipeline for ``count`` pictures, beside prompts, steps and streams."""
    found = {"guidance_scale": order.guidance, "clip_skip": order.clip_skip, **sized(order)}
    if order.negative is not None:
        found["negative_prompt"] = [order.negative] * count
    if order.reference is not None:
        found["ip_adapter_image"] = order.reference.image
    if order.mode == "controlnet-fill":
        return {**found, **filled(order, count)}
    return {**found, **pictures(order, count), **controlled(order, count)}
