"""FLUX.1 Kontext: a FLUX.1 that reads a picture beside the prompt and changes it as the prompt tells."""

from __future__ import annotations

from typing import Any

from imajin_cli.stages.backends.diffusion.common import pictures
from imajin_cli.stages.backends.diffusion.flux import worded
from imajin_cli.stages.backends.diffusion.order import Order


def arguments(order: Order, count: int) -> dict[str, Any]:
    """Keyword arguments of the pipeline for ``count`` pictures, of the size that was asked for, not the nearest trained one."""
    found = worded(order, count) | {"max_area": order.height * order.width, "_auto_resize": False}
    if order.mode == "edit":
        return {**found, "image": [order.image] * count}
    return {**found, **pictures(order, count)}
