"""One job of `generate` through a diffusion model: inputs read, candidates painted ahead in batches, and the record's words."""

from __future__ import annotations

import importlib.util
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.ingredient import Ingredient, file
from imajin_cli.contract.need import Need
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import ModelRef
from imajin_cli.contract.stage import Job, Outcome
from imajin_cli.stages.diffusion.inputs import digest, named, picture, size_of
from imajin_cli.stages.diffusion.models import Known, is_path, known, loadable, revision
from imajin_cli.stages.diffusion.params import DiffusionParams

if TYPE_CHECKING:
    from imajin_cli.stages.backends.diffusion.order import Control, Model, Order, Weighted
    from imajin_cli.stages.backends.diffusion.paint import Painted

_MIB = 1 << 20
# Beside the weights: activations of one picture of a megapixel, by what was seen of SDXL; corrected by measured peaks.
_WORKING_MIB = 3000
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

    @cached_property
    def known(self) -> Known:
        """The model. Raises UsageError where none was named, and as `models.known` does."""
        if self.params.model is None:
            raise UsageError("--backend diffusers needs a model", hint="--model NAME or --model FOLDER")
        return known(self.params.model)

    def names(self) -> list[str]:
        """Models by name or folder, for the licence policy."""
        p = self.params
        found = [] if p.model is None else [p.model]
        found += [] if p.ip_adapter is None else [named(p.ip_adapter, with_map=True).what]
        return [
            *found,
            *(named(text, with_map=True).what for text in p.control),
            *(named(t, with_map=False).what for t in p.lora),
        ]

    def revision(self) -> list[str]:
        """What the result depends on beside the params: the model, and the contents of every file that is named."""
        p = self.params
        found = [] if p.model is None else [revision(p.model)]
        found += [digest(Path(path)) for path in (p.image, p.mask) if path is not None]
        for text in (*p.control, *([p.ip_adapter] if p.ip_adapter else [])):
            one = named(text, with_map=True)
            found += [revision(one.what), digest(Path(one.map or "")), str(one.scale)]
        for text in p.lora:
            one = named(text, with_map=False)
            found += [digest(Path(one.what)), str(one.scale)]
        return found

    def ingredients(self) -> list[Ingredient]:
        """The model, what is put on it, and every file that is named."""
        p = self.params
        mapped = [named(text, with_map=True) for text in (*p.control, *([p.ip_adapter] if p.ip_adapter else []))]
        models = [*([p.model] if p.model else []), *(one.what for one in mapped)]
        loras = [Ingredient("model", path, path=path) for text in p.lora if (path := named(text, with_map=False).what)]
        files = [path for path in (p.image, p.mask, *(one.map for one in mapped)) if path]
        found = [Ingredient("model", name, path=name if is_path(name) else None) for name in models]
        return [*found, *loras, *map(file, files)]

    def needs(self) -> list[Need]:
        """What the model takes of a device: its weights and room to work in. Nothing where it is not there to be weighed."""
        name = self.params.model
        if name is None or ready(name) is not None:
            return []
        found = self.known
        weights = sum(file.stat().st_size for file in found.folder.rglob("*.safetensors"))
        mib = round(1.1 * weights / _MIB) + _WORKING_MIB * self.params.batch
        if weights < 64 * _MIB:
            mib = round(2 * weights / _MIB) + 600
        return [Need(found.name, mib, device="auto", dtype=self.params.dtype, batch=self.params.batch)]

    def make(self, job: Job) -> Outcome:
        """Paint one picture, or hand it over from a batch that was painted with an earlier one."""
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
        if p.mask is not None and p.image is None:
            raise UsageError("a mask needs the picture that it is for", hint="--image FILE")
        if p.mask is not None and p.image is not None and size_of(p.mask) != size_of(p.image):
            one, other = size_of(p.mask), size_of(p.image)
            raise InputError(f"the mask is {one[0]}x{one[1]}, and its picture {other[0]}x{other[1]}")
        width, height = (_stepped(side, family.multiple) for side in (job.width, job.height))
        found = self.known
        return Order(
            model=model,
            mode=mode_of(image=p.image is not None, mask=p.mask is not None, control=bool(p.control)),
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
            image=None if p.image is None else picture(p.image, (width, height)),
            mask=None if p.mask is None else picture(p.mask, (width, height), mask=True),
            controls=self._controls((width, height)),
            loras=self._loras(),
            reference=self._reference(),
            deterministic=p.deterministic,
        )

    def _controls(self, size: tuple[int, int]) -> tuple[Control, ...]:
        from imajin_cli.stages.backends.diffusion.order import Control

        asked = [named(text, with_map=True) for text in self.params.control]
        return tuple(Control(known(one.what).folder, picture(one.map or "", size), one.scale) for one in asked)

    def _reference(self) -> Control | None:
        from imajin_cli.stages.backends.diffusion.order import Control

        if self.params.ip_adapter is None:
            return None
        one = named(self.params.ip_adapter, with_map=True)
        path = one.map or ""
        return Control(known(one.what).folder, picture(path, size_of(path)), one.scale)

    def _loras(self) -> tuple[Weighted, ...]:
        from imajin_cli.stages.backends.diffusion.order import Weighted

        found = []
        for text in self.params.lora:
            one = named(text, with_map=False)
            path = Path(one.what).expanduser()
            if not path.is_file():
                raise InputError(f"{one.what}: there is no such LoRA")
            found.append(Weighted(path.resolve(), one.scale))
        return tuple(found)

    def _model(self) -> Model:
        return loadable(self.known, self.params.dtype)

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
            "inputs": self._inputs(),
        }
        ref = ModelRef(name=found.name, revision=found.revision, licence=found.licence)
        return Outcome("changed", picture=Picture.of(image), backend="diffusers", model=ref, notes=notes)

    def _inputs(self) -> dict[str, Any]:
        """What went in beside the prompt, by digest."""
        p = self.params
        files = {"image": p.image, "mask": p.mask}
        found: dict[str, Any] = {name: digest(Path(path)) for name, path in files.items() if path is not None}
        steered = {"control": p.control, "ip_adapter": [p.ip_adapter] if p.ip_adapter else []}
        for name, texts in steered.items():
            asked = [named(text, with_map=True) for text in texts]
            if asked:
                found[name] = [
                    {"model": os.path.basename(one.what), "map": digest(Path(one.map or "")), "scale": one.scale}
                    for one in asked
                ]
        loras = [named(text, with_map=False) for text in p.lora]
        if loras:
            found["lora"] = [
                {"file": os.path.basename(one.what), "digest": digest(Path(one.what)), "scale": one.scale}
                for one in loras
            ]
        return found


def _key(job: Job, index: int) -> tuple[Any, ...]:
    return (job.request.prompt, job.request.seed, index, job.width, job.height)


def _stepped(side: int, multiple: int) -> int:
    """``side`` brought up to what the model can paint."""
    return max(multiple, -(-side // multiple) * multiple)


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)
