"""Any other model that diffusers' AutoPipeline knows: called with what its pipeline takes, and nothing that it would ignore."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from imajin_cli.contract.errors import UsageError
from imajin_cli.stages.backends.diffusion.common import pictures, sized
from imajin_cli.stages.backends.diffusion.order import Order


def arguments(order: Order, count: int) -> dict[str, Any]:
    """Keyword arguments of the pipeline for ``count`` pictures, of which `taken` leaves those that it takes."""
    found: dict[str, Any] = {"guidance_scale": order.guidance, **sized(order)}
    if order.negative is not None:
        found["negative_prompt"] = [order.negative] * count
    return {**found, **pictures(order, count)}


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
