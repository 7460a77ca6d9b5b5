"""FLUX.1 schnell and dev: guidance is distilled into the model, a negative prompt needs a second pass."""

from __future__ import annotations

from typing import Any

from imajin_cli.contract.errors import UsageError
from imajin_cli.stages.backends.diffusion.order import Order

_TRUE_GUIDANCE = 4.0


def arguments(order: Order, count: int) -> dict[str, Any]:
    """Keyword arguments of the pipeline for ``count`` pictures. Raises UsageError for what FLUX.1 has not."""
    if order.clip_skip is not None:
        raise UsageError("flux models have no clip skip: their prompt is read by T5")
    found: dict[str, Any] = {"guidance_scale": order.guidance, "height": order.height, "width": order.width}
    if order.negative is not None:
        if order.mode not in ("txt2img", "img2img", "inpaint", "controlnet"):
            raise UsageError(f"flux models have no negative prompt in {order.mode} in diffusers")
        found["negative_prompt"] = [order.negative] * count
        found["true_cfg_scale"] = _TRUE_GUIDANCE
    if order.image is not None:
        found["image"] = [order.image] * count
        found["strength"] = order.strength
    if order.mask is not None:
        found["mask_image"] = [order.mask] * count
    if order.controls:
        if len(order.controls) > 1:
            raise UsageError("several ControlNets at once are not offered for flux models")
        found["control_image"] = [order.controls[0].image] * count
        found["controlnet_conditioning_scale"] = order.controls[0].scale
    return found
