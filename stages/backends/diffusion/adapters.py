"""LoRAs on a pipeline for one piece of work, or in its weights for good: held to the model before they are loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imajin_cli.contract.errors import InputError, MissingError, UsageError
from imajin_cli.models.capabilities import FAMILIES
from imajin_cli.stages.backends.diffusion.order import Model, Order, Weighted


@contextmanager
def with_loras(pipe: Any, order: Order) -> Iterator[None]:
    """While this lasts, the order's LoRAs are on ``pipe``, each with its weight, unless they are in its weights already.

    Raises UsageError for a family without LoRAs, InputError for a file that is none, or is one for another model.
    """
    if not order.loras or order.fuse:
        yield
        return
    _check_offered(order.model)
    try:
        _put_on(pipe, order.loras)
        yield
    finally:
        pipe.unload_lora_weights()


def fuse(pipe: Any, model: Model, loras: tuple[Weighted, ...]) -> None:
    """Add ``loras`` to the weights of ``pipe`` for good. Raises as `with_loras`, and InputError where a sum is no number."""
    _check_offered(model)
    try:
        names = _put_on(pipe, loras)
        try:
            pipe.fuse_lora(adapter_names=names, safe_fusing=True)
        except ValueError as error:
            said = " ".join(str(error).split())[:200]
            raise InputError(f"{model.name}: the LoRAs cannot be added to its weights: {said}") from error
    finally:
        pipe.unload_lora_weights()


def _check_offered(model: Model) -> None:
    if not FAMILIES[model.family].offered("lora"):
        raise UsageError(f"LoRAs are not offered for {model.family} models")


def _put_on(pipe: Any, loras: tuple[Weighted, ...]) -> list[str]:
    names = [f"lora{number}" for number in range(len(loras))]
    for name, lora in zip(names, loras, strict=True):
        _load(pipe, name, lora)
    pipe.set_adapters(names, [lora.scale for lora in loras])
    return names


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
