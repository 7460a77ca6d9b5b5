"""Denoisers with weights in fewer bits: rounded when they are read, or from a GGUF file that somebody rounded."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import InputError, MissingError, UsageError
from imajin_cli.stages.backends.diffusion.order import Model

_GGUF_MAGIC = b"GGUF"
_HINT = "pip install imajin[quant]"
TOLD: Mapping[str, str] = {
    "int8": "denoiser's weights, int8 by rows, torchao",
    "nf4": "denoiser's weights, 4-bit NormalFloat, bitsandbytes",
    "gguf": "denoiser's weights, a GGUF file's",
}
"""Words for the record, by kind."""


def kind_of(model: Model) -> str | None:
    """How the denoiser's weights are kept in fewer bits; None where they are not. Raises UsageError for two ways at once."""
    if model.speed.gguf is None:
        return model.speed.quant
    if model.speed.quant is not None:
        raise UsageError("a GGUF file's weights are rounded already", hint="--gguf or --quant, not both")
    return "gguf"


def quantised(model: Model, index: Mapping[str, Any], dtype: Any) -> dict[str, Any]:
    """What `from_pretrained` is told so that the denoiser among the ``index``'s parts has weights in fewer bits; {} for none.

    Weights alone are rounded; what is computed with is ``dtype``. Raises MissingError where a library is not installed,
    UsageError where it cannot be done, InputError for a file that is no such denoiser's.
    """
    kind = kind_of(model)
    if kind is None:
        return {}
    denoiser = next((part for part in ("transformer", "unet") if part in index), None)
    if denoiser is None or model.family == "auto":
        raise UsageError(f"quantised weights are not offered for {model.family} models")
    if model.speed.offload == "group":
        raise UsageError("quantised weights cannot wait by layers", hint="--offload model, or without it")
    if kind == "gguf":
        return {denoiser: _of_gguf(model, denoiser, str(index[denoiser][1]), dtype)}
    from diffusers import PipelineQuantizationConfig

    how = _int8() if kind == "int8" else _nf4(model, dtype)
    return {"quantization_config": PipelineQuantizationConfig(quant_mapping={denoiser: how})}


def _int8() -> Any:
    """torchao's: one scale for each row."""
    try:
        from torchao.quantization import Int8WeightOnlyConfig
    except ImportError as error:
        raise MissingError("torchao is not installed", hint=_HINT) from error
    from diffusers import TorchAoConfig

    return TorchAoConfig(Int8WeightOnlyConfig())


def _nf4(model: Model, dtype: Any) -> Any:
    """bitsandbytes': 4 bits of QLoRA's NormalFloat, one scale for 64 weights, the scales in 8 bits."""
    if not model.device.startswith("cuda"):
        raise UsageError(
            f"bitsandbytes rounds on an NVIDIA GPU alone, through diffusers, and {model.name} is computed on {model.device}",
            hint="--quant int8, or --gguf FILE",
        )
    _need("bitsandbytes")
    from diffusers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def _of_gguf(model: Model, part: str, name: str, dtype: Any) -> Any:
    """The denoiser, its configuration the model's and its weights the file's."""
    path = Path(model.speed.gguf or "")
    _check(path)
    _need("gguf")
    import diffusers

    cls = getattr(diffusers, name)
    if not hasattr(cls, "from_single_file"):
        raise UsageError(f"GGUF files are not read for {model.family} models in diffusers")
    try:
        return cls.from_single_file(
            str(path), config=str(model.folder), subfolder=part, local_files_only=True, torch_dtype=dtype,
            quantization_config=diffusers.GGUFQuantizationConfig(compute_dtype=dtype),
        )  # fmt: skip
    except Exception as error:  # its reader takes a broken file's word for it, and fails in whatever way that ends
        said = " ".join(str(error).split())[:200]
        raise InputError(f"{path.name}: no weights for the {part} of {model.name}: {said}") from error


def _need(library: str) -> None:
    """Raise MissingError where ``library``, which diffusers imports by itself, is not installed."""
    if importlib.util.find_spec(library) is None:
        raise MissingError(f"{library} is not installed", hint=_HINT)


def _check(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if magic != _GGUF_MAGIC:
        raise InputError(f"{path.name}: no GGUF file")
