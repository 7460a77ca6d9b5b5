"""Qwen-Image and its Edit: guidance is true classifier-free guidance, so there is always a negative prompt, if a blank one."""

from __future__ import annotations

from typing import Any

from imajin_cli.stages.backends.diffusion.common import controlled, filled, pictures, sized
from imajin_cli.stages.backends.diffusion.order import Order

# What the model's authors pass where nothing is to be kept away from.
_NOTHING = " "


def arguments(order: Order, count: int) -> dict[str, Any]:
    """Keyword arguments of the pipeline for ``count`` pictures, beside prompts, steps and streams."""
    found: dict[str, Any] = {"true_cfg_scale": order.guidance, **sized(order)}
    if order.guidance > 1:
        found["negative_prompt"] = [order.negative if order.negative is not None else _NOTHING] * count
    if order.mode == "controlnet-fill":
        return {**found, **filled(order, count)}
    if order.model.family == "qwen-image":
        return {**found, **pictures(order, count), **controlled(order, count)}
    # The editing pipelines take one picture, which they look at through the language model too.
    shown = {name: value[0] if isinstance(value, list) else value for name, value in pictures(order, count).items()}
    if order.mode == "edit":
        shown.pop("strength", None)
    return {**found, **shown}
