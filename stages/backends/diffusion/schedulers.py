"""Schedulers by short names, for the families whose scheduler may be changed."""

from __future__ import annotations

from typing import Any

from imajin_cli.contract.errors import UsageError
from imajin_cli.models.capabilities import FAMILIES
from imajin_cli.stages.backends.diffusion.load import libraries
from imajin_cli.stages.backends.diffusion.order import Order

SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {"clip_sample": False, "set_alpha_to_one": False}),
    "ddpm": ("DDPMScheduler", {"clip_sample": False}),
    "dpm++": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": False}),
    "dpm++-karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "dpm++-sde": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-a": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    "pndm": ("PNDMScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
}
"""Short name → diffusers' class, and what it is configured with beside the model's own settings.

Latents are not pictures: where a class by default clips samples to -1..1, that is turned off.
"""


def scheduler_for(order: Order, pipe: Any) -> Any:
    """A fresh scheduler for one call: the model's own, or the one that was asked for. Raises UsageError where it has none."""
    own = pipe.scheduler
    if order.scheduler is None:
        return type(own).from_config(own.config)
    if not FAMILIES[order.model.family].offered("scheduler"):
        raise UsageError(f"{order.model.family} models keep their own scheduler ({type(own).__name__})")
    name, more = SCHEDULERS[order.scheduler]
    _, diffusers = libraries()
    return getattr(diffusers, name).from_config(own.config, **more)
