"""What makes a pipeline faster or smaller, by diffusers' and torch's own means: each switchable, each told in the record."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imajin_cli.contract.errors import InputError, MissingError, UsageError
from imajin_cli.stages.backends.diffusion.order import Model, Order
from imajin_cli.stages.backends.diffusion.quant import TOLD, kind_of
from imajin_cli.stages.backends.threads import user_count


def settle_threads(torch: Any, model: Model) -> int:
    """Have torch compute with as many threads as the model was told, else as the user set, else as there are cores for us."""
    count = model.speed.threads or user_count() or len(_cores())
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
    return count


def _cores() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def channels_last(model: Model) -> bool:
    """Whether convolutions are laid out by channels last: as told, else on NVIDIA's GPUs, whose kernels want it so.

    On CPUs it measured 0.8 to 1.2 times the other layout, so there it is left off.
    """
    wanted = model.speed.channels_last
    return model.device.startswith("cuda") if wanted is None else wanted


def with_tiny_vae(pipe: Any, model: Model, dtype: Any) -> None:
    """Put the tiny autoencoder (Bohan's TAESD and its like) in the place of the model's own. Raises InputError."""
    folder = model.speed.tiny_vae
    if folder is None:
        return
    from diffusers import AutoencoderTiny

    if type(pipe.vae).__name__ != "AutoencoderKL":
        raise UsageError(f"a tiny autoencoder is not offered for {model.family} models")
    try:
        tiny = AutoencoderTiny.from_pretrained(str(folder), dtype=dtype, use_safetensors=True, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise InputError(f"{folder}: no tiny autoencoder: {' '.join(str(error).split())[:200]}") from error
    if tiny.config.latent_channels != pipe.vae.config.latent_channels:
        raise InputError(
            f"{folder}: a tiny autoencoder for {tiny.config.latent_channels} channels, and {model.name} has "
            f"{pipe.vae.config.latent_channels}"
        )
    pipe.register_modules(vae=tiny.eval())


def laid_out(pipe: Any, model: Model, torch: Any) -> None:
    """Bring layout and compilation about. Raises UsageError or MissingError for what this model or machine has not."""
    if channels_last(model):
        parts = [part for part in (getattr(pipe, "unet", None), pipe.vae) if part is not None and _flat(part, torch)]
        if not parts and model.speed.channels_last:
            raise UsageError(f"{model.family} models have no convolutions over pictures to lay out by channels last")
        for part in parts:
            part.to(memory_format=torch.channels_last)
    if model.speed.compiled:
        _compile(pipe, model)


def _flat(part: Any, torch: Any) -> bool:
    """Whether the part's convolutions are two-dimensional: those over time have another layout, and gain nothing."""
    return not any(isinstance(layer, torch.nn.Conv3d) for layer in part.modules())


def _compile(pipe: Any, model: Model) -> None:
    if model.device == "cpu" and not any(map(shutil.which, (os.environ.get("CXX", "g++"), "c++", "clang++"))):
        raise MissingError("--compile needs a C++ compiler on a CPU", hint="install g++, or leave --compile out")
    own = pipe.unet if hasattr(pipe, "unet") else pipe.transformer
    if not getattr(own, "_repeated_blocks", None):
        raise UsageError(f"{type(own).__name__} names no blocks that repeat, so compiling is not offered for it")
    own.compile_repeated_blocks()


def offloaded(pipe: Any, model: Model, torch: Any) -> Any:
    """``pipe`` on its device, or where it waits for its turn. Raises UsageError for a device that has no memory of its own."""
    if model.speed.offload == "none":
        return pipe.to(model.device)
    if model.device == "cpu":
        raise UsageError("offloading is for GPUs: on a CPU the model is in main memory already")
    if model.speed.offload == "group":
        pipe.enable_group_offload(
            onload_device=torch.device(model.device), offload_type="leaf_level", use_stream=model.device.startswith("cuda")
        )
    else:
        pipe.enable_model_cpu_offload(device=model.device)
    return pipe


@contextmanager
def with_step_cache(pipe: Any, order: Order) -> Iterator[None]:
    """While this lasts, steps whose first block changes little leave out the others (First Block Cache, ParaAttention's)."""
    if order.step_cache is None or order.deterministic:
        yield
        return
    from diffusers import FirstBlockCacheConfig

    pipe.transformer.enable_cache(FirstBlockCacheConfig(threshold=order.step_cache))
    try:
        yield
    finally:
        pipe.transformer.disable_cache()


def told(model: Model, order: Order, torch: Any) -> dict[str, Any]:
    """How the pictures were computed, for the record."""
    found: dict[str, Any] = {"attention": "sdpa", "layout": "channels last" if channels_last(model) else "contiguous"}
    if model.device == "cpu":
        found["threads"] = torch.get_num_threads()
    if model.speed.compiled:
        found["compiled"] = "blocks that repeat"
    if model.speed.offload != "none":
        found["offload"] = model.speed.offload
    if model.speed.tiny_vae is not None:
        found["autoencoder"] = "tiny"
    kind = kind_of(model)
    if kind is not None:
        found["quantised"] = TOLD[kind]
    if order.step_cache is not None:
        found["step_cache"] = "off: deterministic" if order.deterministic else f"first block, {order.step_cache:g}"
    return found
