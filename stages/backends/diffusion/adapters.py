"""LoRAs on a pipeline for one piece of work: held to the model before they are loaded, and taken off again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imajin_cli.contract.errors import InputError, MissingError, UsageError
from imajin_cli.models.capabilities import FAMILIES
from imajin_cli.stages.backends.diffusion.order import Order, Weighted


@contextmanager
def with_loras(pipe: Any, order: Order) -> Iterator[None]:
    """While this lasts, the order's LoRAs are on ``pipe``, each with its weight.

    Raises UsageError for a family without LoRAs, InputError for a file that is none, or is one for another model.
    """
    if not order.loras:
        yield
        return
    if "lora" not in FAMILIES[order.model.family].adapters:
        raise UsageError(f"LoRAs are not offered for {order.model.family} models")
    names = [f"lora{number}" for number in range(len(order.loras))]
    try:
        for name, lora in zip(names, order.loras, strict=True):
            _load(pipe, name, lora)
        pipe.set_adapters(names, [lora.scale for lora in order.loras])
        yield
    finally:
        pipe.unload_lora_weights()


def _load(pipe: Any, name: str, lora: Weighted) -> None:
    try:
        import peft  # noqa: F401 (diffusers needs it for LoRAs, and says so less plainly)
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise MissingError(f"{error.name} is not installed", hint="pip install imajin[diffusion]") from error
    try:
        weights = load_file(str(lora.path))
    except (OSError, SafetensorError) as error:
        raise InputError(f"{lora.path}: no safetensors file: {str(error)[:160]}") from error
    try:
        _check_shapes(pipe, lora, weights)
        pipe.load_lora_weights(weights, adapter_name=name)
    except (TypeError, ValueError, KeyError, RuntimeError, IndexError) as error:
        said = " ".join(str(error).split())[:240]
        raise InputError(f"{lora.path}: no LoRA for this model: {said}") from error
    taken = {adapter for adapters in pipe.get_list_adapters().values() for adapter in adapters}
    if name not in taken:
        raise InputError(f"{lora.path}: no LoRA for this model: none of its {len(weights)} weights fits a part of it")


def _check_shapes(pipe: Any, lora: Weighted, weights: dict[str, Any]) -> None:
    """Raise InputError for a weight whose layer is not there or has another size: some loaders would change the model for it."""
    found = pipe.lora_state_dict(dict(weights))
    table = found[0] if isinstance(found, tuple) else found
    for key, weight in table.items():
        part, _, rest = key.partition(".")
        side = "A" if ".lora_A." in rest else "B" if ".lora_B." in rest else ""
        model = getattr(pipe, part, None)
        if not side or model is None:
            continue
        module = rest.partition(f".lora_{side}.")[0]
        try:
            layer = model.get_submodule(module)
        except AttributeError:
            raise InputError(f"{lora.path}: no LoRA for this model, which has no {key[:80]}") from None
        wanted = getattr(layer, "in_features" if side == "A" else "out_features", None)
        given = weight.shape[1 if side == "A" else 0]
        if wanted is not None and wanted != given:
            raise InputError(f"{lora.path}: no LoRA for this model: {module} has {wanted} values, and the LoRA {given}")
