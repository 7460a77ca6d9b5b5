"""Stable Diffusion XL and its Turbo: called as Stable Diffusion 1.x is, and told its size too."""

from __future__ import annotations

from typing import Any

from imajin_cli.stages.backends.diffusion import sd15
from imajin_cli.stages.backends.diffusion.order import Order


def arguments(order: Order, count: int) -> dict[str, Any]:
    """Keyword arguments of the pipeline for ``count`` pictures. The size is part of what the model is conditioned on."""
    size = (order.height, order.width)
    return {**sd15.arguments(order, count), "original_size": size, "target_size": size}
