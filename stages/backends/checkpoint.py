"""Checkpoints that exist only as pickles: read as weights alone, written as safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import InputError, MissingError

# Names under which trainers wrap the weights.
_WRAPPERS = ("state_dict", "model", "params_ema", "params")


def convert(pickled: Path, target: Path) -> None:
    """Write the tensors of a torch checkpoint to ``target`` as safetensors.

    torch reads it with weights_only, which builds tensors and plain containers and refuses all else. Raises MissingError
    where torch or safetensors is not installed, InputError for a checkpoint that holds anything but tensors by name.
    """
    try:
        import torch
        from safetensors.torch import save_file
    except ImportError as error:
        raise MissingError(
            f"{error.name} is needed to convert a checkpoint", hint="pip install 'imajin[diffusion]'"
        ) from None
    try:
        loaded = torch.load(pickled, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 (torch raises many kinds for one cause: the file is not what it should be)
        raise InputError(f"{pickled.name}: not readable as weights alone: {str(error).splitlines()[0][:200]}") from None
    found = tensors(loaded, torch.Tensor)
    # Tensors that share memory are written apart: safetensors holds no aliases.
    save_file({name: found[name].detach().clone().contiguous() for name in sorted(found)}, target)


def tensors(loaded: Any, kind: type) -> dict[str, Any]:
    """The weights by name within what a checkpoint holds. Raises InputError."""
    for name in _WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(name), Mapping):
            loaded = loaded[name]
            break
    if not isinstance(loaded, Mapping):
        raise InputError("the checkpoint holds no weights by name")
    found = {str(name): value for name, value in loaded.items() if isinstance(value, kind)}
    if not found or len(found) < len(loaded):
        strange = [str(name) for name, value in loaded.items() if not isinstance(value, kind)]
        raise InputError(f"the checkpoint holds more than weights: {', '.join(strange[:3]) or 'nothing at all'}")
    return found
