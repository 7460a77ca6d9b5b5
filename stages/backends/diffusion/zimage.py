"""Z-Image and its Turbo: a language model reads the prompt; the Turbo has its guidance distilled in and takes 0."""

from __future__ import annotations

from typing import Any

from imajin_cli.stages.backends.diffusion.common import controlled, pictures, sized
from imajin_cli.stages.backends.diffusion.order import Order


def arguments(order: Order, count: int) -> dict[str, Any]:
    """Keyword arguments of the pipeline for ``count`` pictures, beside prompts, steps and streams."""
    found: dict[str, Any] = {"guidance_scale": order.guidance, **sized(order)}
    if order.negative is not None:
        found["negative_prompt"] = [order.negative] * count
    shown = pictures(order, count)
    if order.mode == "controlnet-inpaint":
        # Here the picture is what the ControlNet sees of it, not where the work begins.
        shown.pop("strength", None)
    return {**found, **shown, **controlled(order, count)}
