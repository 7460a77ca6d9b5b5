"""Pipelines out of folders in diffusers' format: checked before they are opened, loaded once, kept, shared between modes."""

from __future__ import annotations

import inspect
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import BackendError, InputError, MissingError, UsageError
from imajin_cli.contract.need import loaded
from imajin_cli.models.capabilities import BY_PIPELINE, FAMILIES, Mode
from imajin_cli.stages.backends.diffusion import looker, speed
from imajin_cli.stages.backends.diffusion.adapters import fuse
from imajin_cli.stages.backends.diffusion.order import Model, Weighted
from imajin_cli.stages.backends.diffusion.quant import quantised
from imajin_cli.stages.backends.threads import settle

INDEX = "model_index.json"
_LIBRARIES = frozenset({"diffusers", "transformers"})
_MAX_INDEX = 1 << 20
# Checks of their own by a model are not ours: `moderate` judges every picture.
_WITHOUT = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
# What tells of kernels that it has not, once it is installed, also where it is not used.
_TALKERS = ("torchao", "bitsandbytes", "torch.utils._pytree")
# Stable Diffusion 1.x names its own, a class of diffusers', which is not loaded.
_LEFT_OUT = ["stable_diffusion", "StableDiffusionSafetyChecker"]


def libraries() -> tuple[Any, Any]:
    """Torch and diffusers. Raises MissingError where one of them is not installed."""
    settle(1)
    for name in _TALKERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with quiet():
            import torch
            import transformers

            # Before diffusers is imported, which has transformers tell of what is not installed.
            transformers.utils.logging.set_verbosity_error()
            transformers.utils.logging.disable_progress_bar()
            import diffusers
    except ImportError as error:
        raise MissingError(f"{error.name} is not installed", hint="pip install imajin[diffusion]") from error
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    return torch, diffusers


@contextmanager
def quiet() -> Iterator[None]:
    """While this lasts, what these libraries warn of in their own code is not said: nobody here can change it."""
    with warnings.catch_warnings():
        for kind in (FutureWarning, DeprecationWarning, UserWarning):
            warnings.filterwarnings(
                "ignore", category=kind, module=r"(diffusers|transformers|torch|peft|accelerate)(\.|$)"
            )
        yield


def index_of(folder: Path) -> dict[str, Any]:
    """The model_index.json of a model's ``folder``. Raises InputError for what is no model, or asks for code of its own."""
    try:
        with (folder / INDEX).open("rb") as file:
            index = json.loads(file.read(_MAX_INDEX))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no model in diffusers' format", hint=f"it needs a {INDEX}") from error
    if not isinstance(index, dict) or not isinstance(index.get("_class_name"), str):
        raise InputError(f"{folder}: its {INDEX} names no pipeline")
    for name, part in index.items():
        if name == "safety_checker" and part == _LEFT_OUT:
            continue
        if isinstance(part, list) and part[:1] not in ([None], []) and part[0] not in _LIBRARIES:
            raise InputError(
                f"{folder}: its {name} would be code of the model's own ({str(part[0])[:40]}), which is not run"
            )
    return index


def family_of(folder: Path) -> str:
    """The family of the model in ``folder``. Raises InputError as `index_of` does."""
    return BY_PIPELINE.get(index_of(folder)["_class_name"], "auto")


def pipeline(
    model: Model, mode: Mode, controls: tuple[Path, ...] = (), fused: tuple[Weighted, ...] = ()
) -> Any:
    """The pipeline of ``model`` for ``mode``, sharing its weights with every other mode; LoRAs of ``fused`` are in them.

    Raises UsageError for a pair that diffusers does not have, InputError for files that are no such model.
    """
    family = FAMILIES[model.family]
    name = family.pipelines.get(mode)
    if name is None:
        there = ", ".join(family.pipelines)
        raise UsageError(f"{model.family} models have no {mode} in diffusers", hint=f"they have {there}")
    base = _kept(model, fused)
    _, diffusers = libraries()
    with quiet():
        made = _for_mode(getattr(diffusers, name), model, base, mode, controls)
        if model.speed.offload == "model":
            # What waits where is kept by each pipeline for itself.
            made.enable_model_cpu_offload(device=model.device)
    return made


def _for_mode(cls: Any, model: Model, base: Any, mode: Mode, controls: tuple[Path, ...]) -> Any:
    if model.family == "auto":
        return _auto(cls, base, mode)
    if cls is type(base):
        return base
    # A pipeline that takes no image encoder is not handed one.
    taken = inspect.signature(cls.__init__).parameters
    parts: dict[str, Any] = {part: value for part, value in base.components.items() if part in taken}
    if controls:
        nets = [_controlnet(model, folder) for folder in controls]
        for folder, net in zip(controls, nets, strict=True):
            _check_fit(model, base, folder, net)
        parts["controlnet"] = nets[0] if len(nets) == 1 else _several(model, nets)
    if "safety_checker" in parts:
        parts["requires_safety_checker"] = False
    made = cls(**parts)
    made.set_progress_bar_config(disable=True)
    return made


def _check_fit(model: Model, base: Any, folder: Path, net: Any) -> None:
    """Raise InputError for a ControlNet that was made for another model: its prompt's width, or what it is told beside it."""
    own = base.unet if hasattr(base, "unet") else base.transformer
    for name in ("cross_attention_dim", "addition_embed_type", "joint_attention_dim", "in_channels", "dim"):
        there = getattr(net.config, name, None)
        # Some ControlNets leave out what they take over from the model.
        if there != getattr(own.config, name, None) and (there is not None or model.family in ("sd15", "sdxl")):
            raise InputError(
                f"{folder}: a ControlNet for another family of models than {model.family} (its {name} differs)"
            )


def _several(model: Model, nets: list[Any]) -> Any:
    """Several ControlNets as one, as the family's pipelines take them."""
    _, diffusers = libraries()
    name = {"sd3": "SD3MultiControlNetModel", "flux": "FluxMultiControlNetModel"}.get(model.family)
    return nets if name is None else getattr(diffusers, name)(nets)


def _auto(cls: Any, base: Any, mode: Mode) -> Any:
    if mode == "txt2img":
        return base
    try:
        made = cls.from_pipe(base)
    except ValueError as error:
        raise UsageError(f"{type(base).__name__} has no {mode} in diffusers") from error
    made.set_progress_bar_config(disable=True)
    return made


_held: list[tuple[Model, tuple[Weighted, ...]]] = []


def _kept(model: Model, fused: tuple[Weighted, ...]) -> Any:
    """The one model that is kept; another one goes before this one comes, so that there is room for it."""
    if _held != [(model, fused)]:
        _forget()
    made = _base(model, fused)
    _held[:] = [(model, fused)]
    return made


@lru_cache(maxsize=1)
def _base(model: Model, fused: tuple[Weighted, ...]) -> Any:
    """The pipeline that the model is loaded as, on its device: the first of its family's."""
    torch, diffusers = libraries()
    index = index_of(model.folder)
    cls = getattr(diffusers, next(iter(FAMILIES[model.family].pipelines.values())))
    more: dict[str, Any] = dict(_WITHOUT) if "safety_checker" in index else {}
    if looker.FOLDER in index:
        with quiet():
            more |= looker.parts(model.folder)
    speed.settle_threads(torch, model)
    with quiet():
        more |= quantised(model, index, dtype_of(torch, model))
    made = _read(cls, model, torch, more)
    speed.with_tiny_vae(made, model, dtype_of(torch, model))
    made.set_progress_bar_config(disable=True)
    for part in made.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
            _with_text_model(part)
    if fused:
        fuse(made, model, fused)
    made = speed.offloaded(made, model, torch)
    speed.laid_out(made, model, torch)
    loaded(model.name, _forget)
    return made


def _with_text_model(part: Any) -> None:
    """Let diffusers 0.42's clip skip find CLIP's last norm where transformers 5 no longer wraps its text model."""
    if type(part).__name__ == "CLIPTextModel" and not hasattr(part, "text_model") and hasattr(part, "final_layer_norm"):
        # Past nn.Module's own, which would take it for a part of itself.
        object.__setattr__(part, "text_model", part)


def _forget() -> None:
    _held.clear()
    _base.cache_clear()
    _controlnet.cache_clear()


@lru_cache(maxsize=4)
def _controlnet(model: Model, folder: Path) -> Any:
    torch, diffusers = libraries()
    name = FAMILIES[model.family].controlnet
    if name is None:
        raise UsageError(f"{model.family} models have no ControlNet in diffusers")
    try:
        config = json.loads((folder / "config.json").read_bytes()[:_MAX_INDEX])
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no ControlNet in diffusers' format", hint="it needs a config.json") from error
    if config.get("_class_name") != name:
        raise InputError(f"{folder}: a {str(config.get('_class_name'))[:60]}, and {model.family} models take a {name}")
    net = _read(getattr(diffusers, name), replace(model, folder=folder), torch, {})
    return net.to(model.device).eval()


def dtype_of(torch: Any, model: Model) -> Any:
    """Torch's number format of ``model``."""
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[model.dtype]


def _read(cls: Any, model: Model, torch: Any, more: dict[str, Any]) -> Any:
    """``cls`` from its folder: safetensors alone, nothing from the network, no code of the model's. Raises InputError."""
    try:
        with quiet():
            return cls.from_pretrained(
                str(model.folder), dtype=dtype_of(torch, model), use_safetensors=True, local_files_only=True, **more
            )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        said = " ".join(str(error).split())[:240]
        if "out of memory" in said.lower():
            raise BackendError(f"{model.name}: not enough memory to load it: {said}") from error
        raise InputError(f"{model.folder}: cannot be read as safetensors in diffusers' format: {said}") from error
