"""Any other model that diffusers' AutoPipeline knows: called with what its pipeline takes, and nothing that it would ignore."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from imajin_cli.contract.errors import UsageError
from imajin_cli.stages.backends.diffusion.order import Order


def arguments(order: Order, count: int) -> dict[str, Any]:
    """Keyword arguments of the pipeline for ``count`` pictures. Raises UsageError for what is not offered by path."""
    if order.clip_skip is not None:
        raise UsageError("clip skip is offered for sd15 and sdxl models alone")
    found: dict[str, Any] = {"guidance_scale": order.guidance, "height": order.height, "width": order.width}
    if order.negative is not None:
        found["negative_prompt"] = [order.negative] * count
    if order.image is not None:
        found["image"] = [order.image] * count
        found["strength"] = order.strength
    if order.mask is not None:
        found["mask_image"] = [order.mask] * count
    return found


# What a pipeline may lack: it then says less on the way, or takes the size as it is anyway.
_MAY_LACK = frozenset({"callback_on_step_end", "callback_on_step_end_tensor_inputs", "height", "width"})


def taken(pipe: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``arguments`` that ``pipe`` takes. Raises UsageError for one that it lacks and that makes a difference."""
    known = inspect.signature(type(pipe).__call__).parameters
    lacking = sorted(set(arguments) - set(known) - _MAY_LACK)
    if lacking:
        raise UsageError(f"{type(pipe).__name__} takes no {lacking[0].replace('_', ' ')}")
    found = {name: value for name, value in arguments.items() if name in known}
    if "use_resolution_binning" in known:
        # The size that was asked for, not the nearest that the model was trained on.
        found["use_resolution_binning"] = False
    return found
