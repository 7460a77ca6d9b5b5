"""A part of a picture painted anew by a diffusion model: cut out with what is around it, at the model's own resolution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.ingredient import Ingredient
from imajin_cli.contract.need import Need
from imajin_cli.contract.sidecar import ModelRef, Record
from imajin_cli.stages.diffusion.models import Known, known, loadable
from imajin_cli.stages.diffusion.painter import Painter
from imajin_cli.stages.diffusion.params import DiffusionParams

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Paint = Callable[["NDArray[np.uint8]", "NDArray[np.bool_]", str, int], "NDArray[np.uint8]"]
"""RGB pixels, a mask of the same size, a prompt and a seed → RGB pixels of that size, painted anew under the mask."""
Dtype = Literal["auto", "fp32", "bf16", "fp16"]
_SIDES = {"sd15": 512}
_SIDE = 1024
"""Sides in pixels that families were trained at."""
_CONTEXT = 1.8
"""How much longer the cut is than what is painted anew: a model has to see what it belongs to."""


@dataclass(frozen=True)
class Manner:
    """How a part is painted: what is left at None follows from the model. ``side`` is the cut's, in pixels."""

    model: str | None = None
    steps: int | None = None
    guidance: float | None = None
    strength: float = 0.6
    side: int | None = None
    dtype: Dtype = "auto"
    negative: str | None = None


class Mender:
    """Paints parts anew with one model: the one that is named, else the one that made the picture."""

    def __init__(self, manner: Manner) -> None:
        self.manner = manner
        self.told: dict[str, Any] = {}

    @cached_property
    def _painter(self) -> Painter | None:
        m = self.manner
        return None if m.model is None else Painter(DiffusionParams(model=m.model, dtype=m.dtype))

    def names(self) -> list[str]:
        """Models by name or folder, for the licence policy."""
        return [] if self._painter is None else self._painter.names()

    def ingredients(self) -> list[Ingredient]:
        """The model that is named, by its revision or, of a folder, its contents."""
        return [] if self._painter is None else self._painter.ingredients()

    def needs(self) -> list[Need]:
        """What the model takes of a device; nothing where it is the one that made the picture, which has its own lease."""
        return [] if self._painter is None else self._painter.needs()

    def revision(self) -> list[str]:
        """What the result depends on beside the manner."""
        return [] if self._painter is None else self._painter.revision()

    def model_for(self, made: Record | None) -> Known:
        """The model that is named, else the one that ``made`` the picture.

        Raises UsageError where there is neither, or no catalogue has it; MissingError where it is not on this machine.
        """
        if self._painter is not None:
            return self._painter.known
        name = made.model.name if made is not None and made.model is not None else None
        if name is None:
            raise UsageError("no model made this picture that could paint a part of it anew", hint="--model NAME")
        try:
            return known(name)
        except UsageError as error:
            raise UsageError(
                f"the model {name} that made the picture is in no catalogue", hint="--model FOLDER names it"
            ) from error

    def painting(self, found: Known) -> Paint:
        """A function that paints with ``found``. Raises UsageError where that has no inpainting in diffusers."""

        def paint(pixels: Any, mask: Any, prompt: str, seed: int) -> Any:
            return self._paint(found, pixels, mask, prompt, seed)

        return paint

    def ref(self, found: Known) -> ModelRef:
        """``found`` as a record names it."""
        return ModelRef(name=found.name, revision=found.revision, licence=found.licence)

    def _paint(
        self, found: Known, pixels: NDArray[np.uint8], mask: NDArray[np.bool_], prompt: str, seed: int
    ) -> NDArray[np.uint8]:
        import numpy as np
        from PIL import Image

        from imajin_cli.models.capabilities import FAMILIES
        from imajin_cli.stages.backends.diffusion.order import Order
        from imajin_cli.stages.backends.diffusion.paint import paint

        m, model = self.manner, loadable(found, self.manner.dtype)
        family = FAMILIES[model.family]
        side = m.side or _SIDES.get(model.family, _SIDE)
        left, top, right, bottom = cut(mask)
        width, height = _fitted(right - left, bottom - top, side, family.multiple)
        part = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))
        under = Image.fromarray(mask[top:bottom, left:right].astype(np.uint8) * 255)
        order = Order(
            model=model, mode="inpaint", prompt=prompt, seeds=(seed,), width=width, height=height,
            steps=m.steps or found.steps or family.steps,
            guidance=next(v for v in (m.guidance, found.guidance, family.guidance) if v is not None),
            negative=m.negative, scheduler=found.scheduler, strength=m.strength,
            image=part.resize((width, height), Image.Resampling.LANCZOS),
            mask=under.resize((width, height), Image.Resampling.BILINEAR).point(lambda level: 255 if level > 32 else 0),
            deterministic=True,
        )  # fmt: skip
        (done,) = paint(order)
        self.told = {"family": model.family, "dtype": model.dtype, "painted": [width, height], **done.told}
        shown = Image.fromarray(done.pixels).resize(part.size, Image.Resampling.LANCZOS)
        out = pixels.copy()
        out[top:bottom, left:right] = np.asarray(shown)
        return out


def cut(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is cut out: the mask's box grown by `_CONTEXT`, as square as the picture lets it be."""
    import numpy as np

    height, width = mask.shape
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    side = round(_CONTEXT * max(int(rows[-1] - rows[0]), int(columns[-1] - columns[0])) + 1)
    spans = []
    for lines, length in ((columns, width), (rows, height)):
        middle, wide = (int(lines[0]) + int(lines[-1]) + 1) / 2, min(length, max(side, 64))
        start = min(max(0, round(middle - wide / 2)), length - wide)
        spans.append((start, start + wide))
    return spans[0][0], spans[1][0], spans[0][1], spans[1][1]


def _fitted(width: int, height: int, side: int, multiple: int) -> tuple[int, int]:
    """The size to paint at: the longer side ``side``, the other in proportion, both what the model can paint."""
    scale = side / max(width, height)
    found = [max(multiple, round(length * scale / multiple) * multiple) for length in (width, height)]
    return found[0], found[1]
