"""FLUX.1 schnell and dev: guidance is distilled into the model, a negative prompt needs a second pass."""

from __future__ import annotations

from typing import Any

from imajin_cli.stages.backends.diffusion.common import controlled, pictures, sized
from imajin_cli.stages.backends.diffusion.order import Order

_TRUE_GUIDANCE = 4.0


def arguments(order: Order, count: int) -> dict[str, Any]:
    """Keyword arguments of the pipeline for ``count`` pictures, beside prompts, steps and streams."""
    return {**worded(order, count), **pictures(order, count), **controlled(order, count)}


def worded(order: Order, count: int) -> dict[str, Any]:
    """Guidance, size, what to keep away from, and the picture that an IP-Adapter looks at."""
    found: dict[str, Any] = {"guidance_scale": order.guidance, **sized(order)}
    if order.negative is not None:
        found["negative_prompt"] = [order.negative] * count
        found["true_cfg_scale"] = _TRUE_GUIDANCE
    if order.reference is not None:
        found["ip_adapter_image"] = order.reference.image
    return found
