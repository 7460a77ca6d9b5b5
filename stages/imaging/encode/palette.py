"""A palette for a picture of few colours: exact where 256 are enough, else only where nobody sees a difference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imajin_cli.stages.imaging.encode.centres import centred
from imajin_cli.stages.imaging.encode.oklab import JUST_NOTICEABLE, Looks

MAX_COLOURS = 256
# A mean error this large over the whole picture is a gradient cut into bands, even where no pixel is far off: half
# of one 8-bit step of mid grey, which is about 0.003 in OKLab.
MAX_MEAN = 0.0015
# Colours are added until no pixel is off by more than this part of the bound.
_FINE = 1.0
# Flat art at 2048 px has some 60,000 runs of one colour and 5,000 colours; a photograph has as many as it has pixels.
_MAX_RUNS_PER_PIXEL = 0.2
_MAX_DISTINCT = 8192
_COMMON = 0.002
_MAX_COMMON = 64


@dataclass(frozen=True)
class Paletted:
    """A picture of at most 256 colours.

    ``indices`` (uint8, height × width) point into ``colours`` (uint8, n × 4, RGBA); the translucent ones come first.
    ``worst`` and ``mean`` are OKLab distances to the original, over black or white, whichever shows more; 0 when exact.
    """

    indices: NDArray[np.uint8]
    colours: NDArray[np.uint8]
    worst: float
    mean: float

    @property
    def exact(self) -> bool:
        """Whether every visible pixel has its original colour and alpha."""
        return self.worst == 0

    @cached_property
    def indexed(self) -> Image.Image:
        """The picture in mode P with an RGB palette; ``transparency`` holds the alphas."""
        height, width = self.indices.shape
        image = Image.frombytes("P", (width, height), self.indices.tobytes())
        image.putpalette(self.colours[:, :3].tobytes(), "RGB")
        return image

    @property
    def transparency(self) -> bytes:
        """Alphas of the palette's translucent colours, as PNG's tRNS chunk holds them."""
        alphas = self.colours[:, 3]
        return alphas[: int((alphas < 255).sum())].tobytes()

    @cached_property
    def image(self) -> Image.Image:
        """The same pixels as RGBA, or RGB where all are opaque."""
        height, width = self.indices.shape
        pixels = self.colours[self.indices.ravel()]
        image = Image.frombytes("RGBA", (width, height), pixels.tobytes())
        return image if self.transparency else image.convert("RGB")


def paletted(image: Image.Image, *, bound: float = JUST_NOTICEABLE) -> Paletted | None:
    """``image`` (L, LA, RGB, RGBA) with at most 256 colours, or None where its colours are too many for that.

    ``bound`` is the OKLab distance that no pixel may exceed; 0 asks for an exact palette. Colours of wholly transparent
    pixels are dropped.
    """
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    flat = np.frombuffer(rgba.tobytes(), dtype="<u4")
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    if len(starts) > max(65536, _MAX_RUNS_PER_PIXEL * len(flat)):
        return None
    lengths = np.diff(starts, append=len(flat))
    values = flat[starts]
    values = np.where(values >> 24 == 0, 0, values).astype("<u4")
    distinct, places = np.unique(values, return_inverse=True)
    if len(distinct) > (_MAX_DISTINCT if bound else MAX_COLOURS):
        return None
    counts = np.bincount(places, weights=lengths).astype(np.float64)
    colours = distinct.view(np.uint8).reshape(-1, 4)
    palette, labels, errors = _choose(colours, counts, bound)
    worst, mean = float(errors.max()), float((errors * counts).sum() / len(flat))
    if worst > bound or (worst > 0 and mean > max(MAX_MEAN, bound * MAX_MEAN / JUST_NOTICEABLE)):
        return None
    often = np.bincount(labels, weights=counts, minlength=len(palette))
    order = np.lexsort((-often, palette[:, 3] == 255))
    order = order[often[order] > 0]
    rank = np.zeros(len(palette), dtype=np.uint8)
    rank[order] = np.arange(len(order), dtype=np.uint8)
    indices = np.repeat(rank[labels[places]], lengths).reshape(image.height, image.width)
    return Paletted(indices, palette[order], worst, mean)


def _choose(
    colours: NDArray[np.uint8], counts: NDArray[np.float64], bound: float
) -> tuple[NDArray[np.uint8], NDArray[np.intp], NDArray[np.float32]]:
    """The palette (k, 4), each colour's place in it, and how far it is from it.

    The common colours are kept as they are; then always the colour that is farthest from all chosen ones is added
    (Gonzalez 1985, "Clustering to minimize the maximum intercluster distance": at most twice the best possible bound),
    and these are moved into the middle of what they stand for.
    """
    count = len(colours)
    if count <= MAX_COLOURS:
        every = np.arange(count)
        return colours, every, np.zeros(count, dtype=np.float32)
    looks = Looks(colours)
    common = np.argsort(-counts, kind="stable")[:_MAX_COMMON]
    queue = [int(i) for i in common if counts[i] >= _COMMON * counts.sum()] or [int(common[0])]
    fixed = len(queue)
    chosen: list[int] = []
    errors = np.full(count, np.inf, dtype=np.float32)
    while len(chosen) < MAX_COLOURS:
        if queue:
            pick = queue.pop(0)
        else:
            pick = int(errors.argmax())
            if errors[pick] <= bound * _FINE:
                break
        distance = looks.distance(pick)
        errors = np.minimum(errors, distance)
        chosen.append(pick)
    return centred(colours, counts, np.array(chosen, dtype=np.intp), fixed, bound)
