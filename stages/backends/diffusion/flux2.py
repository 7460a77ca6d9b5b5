"""FLUX.2 and its Klein: one text encoder of a language model; pictures to change are read beside the prompt."""

from __future__ import annotations

from typing import Any

from imajin_cli.stages.backends.diffusion.common import sized
from imajin_cli.stages.backends.diffusion.order import Order


def arguments(order: Order, count: int) -> dict[str, Any]:
    """Keyword arguments of the pipeline. A picture is handed over once: a list would be several pictures to look at."""
    del count
    found: dict[str, Any] = {"guidance_scale": order.guidance, **sized(order)}
    if order.image is not None:
        found["image"] = order.image
    if order.mask is not None:
        found |= {"mask_image": order.mask, "strength": order.strength}
    return found
