"""Run a pipeline over an order's seeds: in batches that fit, checked at every step, each candidate's noise its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from imajin_cli.contract import steps
from imajin_cli.contract.errors import BackendError, ImajinError, NoCapacityError, UsageError
from imajin_cli.models.capabilities import FAMILIES
from imajin_cli.stages.backends.diffusion import auto, preview
from imajin_cli.stages.backends.diffusion.adapters import with_loras
from imajin_cli.stages.backends.diffusion.common import refuse
from imajin_cli.stages.backends.diffusion.families import MODULES
from imajin_cli.stages.backends.diffusion.load import libraries, pipeline, quiet
from imajin_cli.stages.backends.diffusion.noise import Stream, drawn_from_streams
from imajin_cli.stages.backends.diffusion.order import Order
from imajin_cli.stages.backends.diffusion.reference import with_reference
from imajin_cli.stages.backends.diffusion.schedulers import scheduler_for
from imajin_cli.stages.backends.diffusion.speed import told, with_step_cache
from imajin_cli.stages.backends.diffusion.words import encoded

# A negative prompt brings its own guidance here, beside the one that the model has learnt.
_TRUE_GUIDANCE = ("flux", "flux-kontext")
_NO_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


@dataclass(frozen=True)
class Painted:
    """One picture: levels (height, width, 3) 8-bit RGB, its last latents, and what is to be recorded (JSON)."""

    pixels: Any
    latents: Any
    told: Mapping[str, Any] = field(default_factory=dict)


def paint(order: Order) -> list[Painted]:
    """The order's pictures, one for each seed, in order.

    Raises UsageError for what the model's family cannot do, InputError for files that are no such model, BackendError for a
    result that is no number, NoCapacityError where not even one picture fits into memory.
    """
    refuse(order)
    if order.negative is not None and order.guidance <= 1 and order.model.family not in _TRUE_GUIDANCE:
        steps.tell(f"{order.model.name}: at guidance {order.guidance:g} the negative prompt has no effect")
    done: list[Painted] = []
    # What a step cache leaves out is decided over a whole batch: alone, a candidate does not depend on others.
    alone = order.deterministic or order.step_cache is not None
    alone = alone or not FAMILIES[order.model.family].offered("batch")
    size, halved = (1 if alone else len(order.seeds)), []
    while len(done) < len(order.seeds):
        seeds = order.seeds[len(done) : len(done) + size]
        try:
            found = _batch(order, seeds)
        except Exception as error:
            if isinstance(error, ImajinError) or not _is_memory(error):
                raise
            _give_back()
            if len(seeds) == 1:
                raise NoCapacityError(
                    f"{order.model.name}: one picture of {order.width}x{order.height} does not fit into memory",
                    hint="a smaller size, or --dtype bf16",
                ) from error
            halved.append(len(seeds))
            size = len(seeds) // 2
            steps.tell(f"{order.model.name}: out of memory at {len(seeds)} pictures at once, going on with {size}")
            continue
        more = {"batch": len(seeds)} | ({"halved_from": list(halved)} if halved else {})
        done += [Painted(one.pixels, one.latents, {**one.told, **more}) for one in found]
    return done


def _batch(order: Order, seeds: tuple[int, ...]) -> list[Painted]:
    torch, _ = libraries()
    nets = tuple(control.folder for control in order.controls)
    pipe = pipeline(order.model, order.mode, nets, order.loras if order.fuse else ())
    last: dict[str, Any] = {}
    arguments = MODULES[order.model.family].arguments(order, len(seeds)) | {
        "callback_on_step_end": _watch(torch, order, last),
        "callback_on_step_end_tensor_inputs": ["latents"],
    }
    if order.model.family == "auto":
        arguments = auto.taken(pipe, arguments)
    if order.previews and not preview.offered(pipe):
        raise UsageError(f"previews are not offered for {order.model.family} models")
    own, streams = pipe.scheduler, [Stream(seed) for seed in seeds]
    try:
        with quiet():
            pipe.scheduler = scheduler_for(order, pipe)
        name = type(pipe.scheduler).__name__
        with (
            quiet(),
            _determined(torch, order.deterministic),
            torch.inference_mode(),
            drawn_from_streams(streams),
            with_reference(pipe, order),
            with_loras(pipe, order),
            _inpainted(pipe),
            with_step_cache(pipe, order),
        ):
            shown = pipe(
                **_worded(pipe, order, arguments, len(seeds)),
                num_inference_steps=order.steps,
                generator=streams,
                output_type="np",
            ).images
    finally:
        pipe.scheduler = own
    said = {"scheduler": name, "pipeline": type(pipe).__name__, "computed": told(order.model, order, torch)}
    return _checked(order, shown, last, said)


def _worded(pipe: Any, order: Order, arguments: dict[str, Any], count: int) -> dict[str, Any]:
    """``arguments`` with the prompts: as words, or as what the text encoders made of them."""
    found = encoded(pipe, order, count)
    if found is None:
        return {**arguments, "prompt": [order.prompt] * count}
    return {name: value for name, value in arguments.items() if name != "negative_prompt"} | found


def _watch(torch: Any, order: Order, last: dict[str, Any]) -> Any:
    """A callback at each step's end: a latent that is no number ends the work there."""

    def step(pipe: Any, number: int, _time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        """Keep the latents of this step, and end the work where they are no numbers."""
        latents = tensors["latents"]
        if not bool(torch.isfinite(latents).all()):
            raise BackendError(
                f"{order.model.name}: the latents are no numbers after step {number + 1} ({order.model.dtype})",
                hint="--dtype fp32",
            )
        last["latents"] = latents
        of = int(getattr(pipe, "num_timesteps", None) or order.steps)
        steps.at(number + 1, of)
        if order.previews and (number + 1) % order.previews == 0 and number + 1 < of:
            steps.show(number + 1, of, preview.png(pipe, latents, order.width, order.height))
        return {}

    return step


def _checked(order: Order, shown: Any, last: dict[str, Any], told: dict[str, Any]) -> list[Painted]:
    import numpy as np

    array = np.asarray(shown, np.float32)
    if array.ndim != 4 or array.shape[3] != 3 or not np.isfinite(array).all():
        raise BackendError(f"{order.model.name}: the picture came out as no numbers ({order.model.dtype})")
    levels = np.round(np.clip(array, 0, 1) * 255).astype(np.uint8)
    if any(int(one.max()) == int(one.min()) for one in levels):
        raise BackendError(f"{order.model.name}: a picture came out blank ({order.model.dtype})")
    latents = last["latents"].detach().float().cpu().numpy() if "latents" in last else [None] * len(levels)
    return [Painted(one, latent, told) for one, latent in zip(levels, latents, strict=True)]


@contextmanager
def _determined(torch: Any, wanted: bool) -> Iterator[None]:
    """Torch held to deterministic algorithms where that was asked for, and as it was afterwards."""
    before = torch.are_deterministic_algorithms_enabled()
    if wanted:
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


@contextmanager
def _inpainted(pipe: Any) -> Iterator[None]:
    """While this lasts, an inpainting pipeline takes a UNet over codes of any depth: diffusers 0.42 asks for 4 or 9 by number,

    and means by 4 one that was not made for masks.
    """
    unet: Any = getattr(pipe, "unet", None)
    depth = None if unet is None else unet.config.in_channels
    if depth in (None, 4, 9) or "Inpaint" not in type(pipe).__name__ or depth != pipe.vae.config.latent_channels:
        yield
        return
    unet.register_to_config(in_channels=4)
    try:
        yield
    finally:
        unet.register_to_config(in_channels=depth)


def _is_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _NO_MEMORY)


def _give_back() -> None:
    import gc

    torch, _ = libraries()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
