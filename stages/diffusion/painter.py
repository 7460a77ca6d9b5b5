"""One job of `generate` through a diffusion model: inputs read, candidates painted ahead in batches, and the record's words."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from imajin_cli.contract import steps
from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.ingredient import Ingredient
from imajin_cli.contract.need import Need
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import ModelRef
from imajin_cli.contract.stage import Job, Outcome
from imajin_cli.models.memory import BYTES, LIBRARIES_MIB, parameters_in, weights_mib, working_mib
from imajin_cli.stages.diffusion import given, steering
from imajin_cli.stages.diffusion.inputs import named, picture
from imajin_cli.stages.diffusion.models import Known, known, loadable, revision
from imajin_cli.stages.diffusion.params import DiffusionParams

if TYPE_CHECKING:
    from imajin_cli.stages.backends.diffusion.order import Model, Order, Speed
    from imajin_cli.stages.backends.diffusion.paint import Painted

# Beside the weights, in 16 bits: activations of one picture of a megapixel, by what was seen of SDXL; measured peaks correct it.
_WORKING_MIB = 3000
# Millions of parameters: a model of fewer is no generator of that size.
_TINY = 16
_EXACT = "exact: the same bytes on the same device with the same versions and thread count"
_CLOSE = "close: latents within 1e-4 of their deviation in fp32 at any batch size; noise is the same to the bit"


def ready(name: str) -> str | None:
    """Why a model cannot be used here, None where it can: for `--backend auto`, which then composes."""
    missing = [part for part in ("torch", "diffusers") if importlib.util.find_spec(part) is None]
    if missing:
        return f"{missing[0]} is not installed"
    state = revision(name)
    return f"the model {name} is not on this machine" if state.endswith(("absent", "unknown")) else None


class Painter:
    """Paints the jobs of one stage. Candidates of a batch are kept until they are asked for."""

    def __init__(self, params: DiffusionParams) -> None:
        self.params = params
        self._ahead: dict[tuple[Any, ...], Painted] = {}
        self._told = False

    @cached_property
    def known(self) -> Known:
        """The model. Raises UsageError where none was named, and as `models.known` does."""
        if self.params.model is None:
            raise UsageError("--backend diffusers needs a model", hint="--model NAME or --model FOLDER")
        return known(self.params.model)

    def names(self) -> list[str]:
        """Models by name or folder, for the licence policy."""
        return given.names(self.params)

    def revision(self) -> list[str]:
        """What the result depends on beside the params: the model, and the contents of every file that is named."""
        return given.state(self.params)

    def ingredients(self) -> list[Ingredient]:
        """The model, what is put on it, and every file that is named."""
        return given.ingredients(self.params)

    def needs(self) -> list[Need]:
        """What the model takes of a device: its weights and room to work in, by the number format that is computed there.

        Nothing where it is not there to be weighed.
        """
        from imajin_cli.stages.backends.diffusion.device import dtype_on

        name = self.params.model
        if name is None or ready(name) is not None:
            return []
        wanted = self.params.dtype
        on_cpu = self._need("cpu", dtype_on("cpu", wanted))
        # bf16 or fp16, whichever the GPU is: both have two bytes.
        return [replace(self._need("auto", "fp16" if wanted == "auto" else wanted), on_cpu=on_cpu)]

    def _need(self, device: str, dtype: str) -> Need:
        found, p = self.known, self.params
        millions = found.parameters or self._millions
        mib = weights_mib(millions + self._beside, dtype)
        if found.side is not None:
            mib += working_mib(found.side, found.side, dtype, p.batch)
        else:
            working = _WORKING_MIB if millions >= _TINY else _WORKING_MIB // 20
            mib = round(1.1 * mib) + working * p.batch * BYTES[dtype] // 2
        if device == "cpu":
            mib += LIBRARIES_MIB
        # Peaks are learned by this name: what makes the model smaller must not be taken for the whole of it.
        smaller = [p.quant, "gguf" if p.gguf else None, p.offload if p.offload in ("model", "group") else None]
        return Need(found.name, mib, device=device, dtype="+".join(filter(None, [dtype, *smaller])), batch=p.batch)

    @cached_property
    def _millions(self) -> float:
        return parameters_in(self.known.folder)

    @cached_property
    def _beside(self) -> float:
        """Parameters, in millions, of the ControlNets and the IP-Adapter; one that is not there weighs nothing."""
        p = self.params
        names = [one.model for one in steering.asked(p.control)]
        names += [named(p.ip_adapter, with_map=True).what] if p.ip_adapter else []
        return sum(parameters_in(known(name).folder) for name in names if ready(name) is None)

    def make(self, job: Job) -> Outcome:
        """Paint one picture, or hand it over from a batch that was painted with an earlier one."""
        if self.known.experimental and not self._told:
            self._told = True
            steps.tell(f"{self.known.name}: {self.known.experimental}")
        key = _key(job, job.index)
        if key not in self._ahead:
            self._ahead = self._painted(job)
        done = self._ahead.pop(key)
        return self._outcome(job, done)

    def _painted(self, job: Job) -> dict[tuple[Any, ...], Painted]:
        from imajin_cli.stages.backends.diffusion.paint import paint

        last = job.index + (1 if self.params.deterministic else self.params.batch)
        ahead = range(job.index, min(last, max(job.request.count, job.index + 1)))
        order = self._order(job, tuple(job.request.seed + index for index in ahead))
        return {_key(job, index): one for index, one in zip(ahead, paint(order), strict=True)}

    def _order(self, job: Job, seeds: tuple[int, ...]) -> Order:
        from imajin_cli.models.capabilities import FAMILIES, mode_of
        from imajin_cli.stages.backends.diffusion.order import Order

        p, model = self.params, self._model()
        family = FAMILIES[model.family]
        given.check_masked(p)
        found = self.known
        width, height = _painted(job.width, job.height, family.multiple, found.side)
        image = steering.beginning(p.image, job.maps, (width, height))
        return Order(
            model=model,
            mode=mode_of(family, image=image is not None, mask=p.mask is not None, control=bool(p.control)),
            prompt=job.request.prompt,
            seeds=seeds,
            width=width,
            height=height,
            steps=p.steps or found.steps or family.steps,
            guidance=_first(p.guidance, found.guidance, family.guidance),
            negative=p.negative,
            scheduler=p.scheduler or found.scheduler,
            clip_skip=p.clip_skip,
            strength=p.strength,
            image=image,
            mask=None if p.mask is None else picture(p.mask, (width, height), mask=True),
            controls=steering.controls(p.control, job.maps, (width, height)),
            loras=given.loras(p),
            fuse=p.fuse_lora,
            words=given.words(p),
            reference=given.reference(p),
            deterministic=p.deterministic,
            step_cache=p.step_cache,
            previews=p.preview_every,
        )

    def _model(self) -> Model:
        model = loadable(self.known, self.params.dtype)
        return replace(model, speed=self._speed(model.device))

    def _speed(self, device: str) -> Speed:
        from imajin_cli.stages.backends.diffusion.device import offload_on
        from imajin_cli.stages.backends.diffusion.order import Speed

        p = self.params
        return Speed(
            threads=p.threads,
            channels_last=p.channels_last,
            compiled=p.compile,
            offload=offload_on(device, p.offload, self.needs()[0].mib),
            tiny_vae=None if p.tiny_vae is None else known(p.tiny_vae).folder,
            quant=p.quant,
            gguf=given.gguf(p),
        )

    def _outcome(self, job: Job, done: Painted) -> Outcome:
        from PIL import Image

        image = Image.fromarray(done.pixels, "RGB")
        if image.size != (job.width, job.height):
            image = image.resize((job.width, job.height), Image.Resampling.LANCZOS)
        found, model = self.known, self._model()
        notes = {
            **done.told,
            "family": model.family,
            "dtype": model.dtype,
            "painted": [done.pixels.shape[1], done.pixels.shape[0]],
            "noise": "Philox4x64-10, Box-Muller, from the candidate's seed",
            "determinism": _EXACT if self.params.deterministic else _CLOSE,
            "inputs": given.recorded(self.params) | steering.recorded(self.params.control, self.params.image, job.maps),
        }
        if found.experimental:
            notes["experimental"] = found.experimental
        ref = ModelRef(name=found.name, revision=found.revision, licence=found.licence)
        return Outcome("changed", picture=Picture.of(image), backend="diffusers", model=ref, notes=notes)


def _key(job: Job, index: int) -> tuple[Any, ...]:
    maps = tuple((kind, one.picture.sha256) for kind, one in sorted(job.maps.items()))
    return (job.request.prompt, job.request.seed, index, job.width, job.height, maps)


def _painted(width: int, height: int, multiple: int, side: int | None) -> tuple[int, int]:
    """The size to paint: as many pixels as the model was trained on, where that is known; sides that it can paint."""
    scale = 1.0 if side is None else side / math.sqrt(width * height)
    return _stepped(round(width * scale), multiple), _stepped(round(height * scale), multiple)


def _stepped(side: int, multiple: int) -> int:
    """``side`` brought up to what the model can paint."""
    return max(multiple, -(-side // multiple) * multiple)


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)
