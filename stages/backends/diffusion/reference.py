"""An IP-Adapter (Ye et al. 2023, arXiv:2308.06721) on a pipeline for one piece of work: a picture in the place of more words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.models.capabilities import FAMILIES
from imajin_cli.stages.backends.diffusion.order import Order

ENCODER = "image_encoder"
"""The adapter's folder holds one safetensors file, and its vision encoder in a folder of this name."""
_IMAGE_PROJ = ("image_proj.", "ip_adapter_proj_model.")
_LAYERS = ("ip_adapter.", "double_blocks.")

Parts = dict[str, dict[str, Any]]


@contextmanager
def with_reference(pipe: Any, order: Order) -> Iterator[None]:
    """While this lasts, the order's IP-Adapter is on ``pipe``, with its scale.

    Raises UsageError for a family without IP-Adapters, InputError for a folder that holds none, or one for another model.
    """
    if order.reference is None:
        yield
        return
    if not FAMILIES[order.model.family].offered("ip-adapter", order.mode):
        raise UsageError(f"IP-Adapters are not offered for {order.model.family} models")
    folder = order.reference.folder
    weights = _weights(folder)
    extractor = pipe.feature_extractor
    load = {"flux": _load_flux, "flux-kontext": _load_flux, "sd3": _load_sd3}.get(order.model.family, _load)
    try:
        _loaded(load, pipe, folder, weights)
        pipe.set_ip_adapter_scale(order.reference.scale)
        yield
    finally:
        pipe.unload_ip_adapter()
        pipe.feature_extractor = extractor


def _weights(folder: Path) -> Parts:
    """The adapter's weights by their two parts. Raises InputError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    files = sorted(folder.glob("*.safetensors"))
    needs = f"it needs one safetensors file, and {ENCODER}/ beside it"
    if len(files) != 1:
        raise InputError(f"{folder}: no IP-Adapter", hint=needs)
    try:
        flat = load_file(str(files[0]))
    except (OSError, SafetensorError) as error:
        raise InputError(f"{files[0]}: no safetensors file: {str(error)[:160]}") from error
    if any(".to_q_lora." in key for key in flat) or "image_proj.proj.0.weight" in flat:
        # diffusers would take it with a face's 512 values by ArcFace, whose published weights forbid commercial use; the
        # faces that are recognised here have 128 values, and mean nothing to it.
        raise UsageError(
            f"{folder}: an IP-Adapter FaceID, which needs a face's ArcFace values; no model for these is offered",
            hint="an IP-Adapter that looks at the whole picture",
        )
    if not (folder / ENCODER / "config.json").is_file():
        raise InputError(f"{folder}: no IP-Adapter", hint=needs)
    parts: Parts = {"image_proj": {}, "ip_adapter": {}}
    for key, weight in flat.items():
        rest = key.partition(".")[2]
        if key.startswith(_IMAGE_PROJ):
            parts["image_proj"][rest] = weight
        elif key.startswith(_LAYERS):
            parts["ip_adapter"][_renamed(rest)] = weight
    if not all(parts.values()):
        raise InputError(f"{files[0]}: no IP-Adapter: it has no weights of image_proj or of ip_adapter")
    return parts


def _renamed(name: str) -> str:
    """A layer's name as diffusers has it, where FLUX.1's adapters were published with another."""
    return (
        name.replace("processor.", "")
        .replace("ip_adapter_double_stream_k_proj", "to_k_ip")
        .replace("ip_adapter_double_stream_v_proj", "to_v_ip")
    )


def _loaded(load: Callable[[Any, Path, Parts], None], pipe: Any, folder: Path, weights: Parts) -> None:
    try:
        load(pipe, folder, weights)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
        said = " ".join(str(error).split())[:240]
        raise InputError(f"{folder}: no IP-Adapter for this model: {said}") from error


def _encoder(cls: Any, pipe: Any, folder: Path) -> Any:
    found = cls.from_pretrained(str(folder / ENCODER), use_safetensors=True, local_files_only=True, dtype=pipe.dtype)
    return found.to(pipe.device).eval()


def _load(pipe: Any, folder: Path, weights: Parts) -> None:
    """On a UNet (sd15, sdxl), as its authors did."""
    from transformers import CLIPVisionModelWithProjection

    encoder = _encoder(CLIPVisionModelWithProjection, pipe, folder)
    layers = [name for name in pipe.unet.attn_processors if ".attn2." in name]
    _check(folder, weights, encoder, len(layers), pipe.unet.config.cross_attention_dim)
    pipe.register_modules(image_encoder=encoder)
    pipe.load_ip_adapter(weights, subfolder="", weight_name="", image_encoder_folder=None, local_files_only=True)


def _load_flux(pipe: Any, folder: Path, weights: Parts) -> None:
    """On FLUX.1's double blocks."""
    from transformers import CLIPVisionModelWithProjection

    encoder = _encoder(CLIPVisionModelWithProjection, pipe, folder)
    layers = [name for name in pipe.transformer.attn_processors if not name.startswith("single_")]
    _check(folder, weights, encoder, len(layers), pipe.transformer.config.joint_attention_dim)
    pipe.register_modules(image_encoder=encoder)
    pipe.load_ip_adapter(weights, weight_name="", image_encoder_pretrained_model_name_or_path=None)


def _load_sd3(pipe: Any, folder: Path, weights: Parts) -> None:
    """On Stable Diffusion 3.5: a SigLIP encoder, and a projection that knows the time step."""
    from transformers import SiglipImageProcessor, SiglipVisionModel

    encoder = _encoder(SiglipVisionModel, pipe, folder)
    own = pipe.transformer
    layers = {name.partition(".")[0] for name in weights["ip_adapter"]}
    if len(layers) != len(own.attn_processors):
        raise InputError(
            f"{folder}: no IP-Adapter for this model, which has {len(own.attn_processors)} layers; it has {len(layers)}"
        )
    seen = weights["image_proj"]["proj_in.weight"].shape[1]
    if seen != encoder.config.hidden_size:
        raise InputError(f"{folder}: its image encoder gives {encoder.config.hidden_size} values, not {seen}")
    side = encoder.config.image_size
    processor = SiglipImageProcessor(size={"height": side, "width": side})
    pipe.register_modules(image_encoder=encoder, feature_extractor=processor)
    pipe.load_ip_adapter(weights, weight_name="", image_encoder_folder=None, local_files_only=True)


def _check(folder: Path, weights: Parts, encoder: Any, layers: int, wanted: int) -> None:
    """Raise InputError where the adapter was made for a prompt of another width, or another encoder, or more layers."""
    keys = {name: weight.shape[1] for name, weight in weights["ip_adapter"].items() if name.endswith("to_k_ip.weight")}
    if set(keys.values()) != {wanted} or len(keys) != layers:
        raise InputError(
            f"{folder}: no IP-Adapter for this model, which has {layers} layers of {wanted}; "
            f"it has {len(keys)} of {sorted(set(keys.values()))}"
        )
    projection = weights["image_proj"].get("proj.weight")
    if projection is not None and projection.shape[1] != encoder.config.projection_dim:
        raise InputError(
            f"{folder}: its image encoder gives {encoder.config.projection_dim} values, not {projection.shape[1]}"
        )
