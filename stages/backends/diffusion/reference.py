"""An IP-Adapter (Ye et al. 2023, arXiv:2308.06721) on a pipeline for one piece of work: a picture in the place of more words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.models.capabilities import FAMILIES
from imajin_cli.stages.backends.diffusion.order import Order

ENCODER = "image_encoder"
"""The adapter's folder holds one safetensors file, and its CLIP vision encoder in a folder of this name."""


@contextmanager
def with_reference(pipe: Any, order: Order) -> Iterator[None]:
    """While this lasts, the order's IP-Adapter is on ``pipe``, with its scale.

    Raises UsageError for a family without IP-Adapters, InputError for a folder that holds none, or one for another model.
    """
    if order.reference is None:
        yield
        return
    if "ip-adapter" not in FAMILIES[order.model.family].adapters:
        raise UsageError(f"IP-Adapters are not offered for {order.model.family} models")
    folder = order.reference.folder
    weights = _weights(folder)
    extractor = pipe.feature_extractor
    try:
        _load(pipe, folder, weights)
        pipe.set_ip_adapter_scale(order.reference.scale)
        yield
    finally:
        pipe.unload_ip_adapter()
        pipe.feature_extractor = extractor


def _weights(folder: Path) -> dict[str, dict[str, Any]]:
    """The adapter's weights by their two parts. Raises InputError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    files = sorted(folder.glob("*.safetensors"))
    if len(files) != 1 or not (folder / ENCODER / "config.json").is_file():
        raise InputError(f"{folder}: no IP-Adapter", hint=f"it needs one safetensors file, and {ENCODER}/ beside it")
    try:
        flat = load_file(str(files[0]))
    except (OSError, SafetensorError) as error:
        raise InputError(f"{files[0]}: no safetensors file: {str(error)[:160]}") from error
    parts: dict[str, dict[str, Any]] = {"image_proj": {}, "ip_adapter": {}}
    for key, weight in flat.items():
        part, _, name = key.partition(".")
        if part in parts:
            parts[part][name] = weight
    if not all(parts.values()):
        raise InputError(f"{files[0]}: no IP-Adapter: it has no weights of image_proj or of ip_adapter")
    return parts


def _load(pipe: Any, folder: Path, weights: dict[str, dict[str, Any]]) -> None:
    from transformers import CLIPVisionModelWithProjection

    try:
        encoder = CLIPVisionModelWithProjection.from_pretrained(
            str(folder / ENCODER), use_safetensors=True, local_files_only=True, dtype=pipe.dtype
        )
        _check(pipe, folder, weights, encoder)
        pipe.register_modules(image_encoder=encoder.to(pipe.device).eval())
        pipe.load_ip_adapter(weights, subfolder="", weight_name="", image_encoder_folder=None, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        said = " ".join(str(error).split())[:240]
        raise InputError(f"{folder}: no IP-Adapter for this model: {said}") from error


def _check(pipe: Any, folder: Path, weights: dict[str, dict[str, Any]], encoder: Any) -> None:
    """Raise InputError where the adapter was made for a prompt of another width, or another encoder, or more layers."""
    wanted = pipe.unet.config.cross_attention_dim
    keys = {name: weight.shape[1] for name, weight in weights["ip_adapter"].items() if name.endswith("to_k_ip.weight")}
    layers = [name for name in pipe.unet.attn_processors if ".attn2." in name]
    if set(keys.values()) != {wanted} or len(keys) != len(layers):
        raise InputError(
            f"{folder}: no IP-Adapter for this model, which has {len(layers)} layers of {wanted}; "
            f"it has {len(keys)} of {sorted(set(keys.values()))}"
        )
    projection = weights["image_proj"].get("proj.weight")
    if projection is not None and projection.shape[1] != encoder.config.projection_dim:
        raise InputError(
            f"{folder}: its image encoder gives {encoder.config.projection_dim} values, not {projection.shape[1]}"
        )
