"""One picture on one ground, measured and scored; and the grounds on which a picture is looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.layers import layer
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.stages.aesthetics.combine import LEARNED, Part, norm
from imajin_cli.stages.aesthetics.ground import SHOWS, dark_theme

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.backends.scorer import Embedded
    from imajin_cli.stages.imaging.looks.views import Views


@dataclass(frozen=True)
class Look:
    """A picture on one ground: its views, the plain measures of composition, and every number that the scorer is told."""

    views: Views
    composed: dict[str, float]
    numbers: dict[str, float]

    def judged(self, scorer: Embedded, asset_class: str) -> tuple[float, dict[str, Part]]:
        """The embedded parts' combined score for a class, and every part. Raises NoVerdictError, the layer named."""
        learned = layer("aesthetic", "the learned scorer", lambda: finite({LEARNED: self._scored(scorer)}))
        held = layer("aesthetic", "the statistics", lambda: norm(asset_class, scorer.name, scorer.revision))
        return held.judged({**self.composed, **learned})

    def threshold(self, scorer: Embedded, asset_class: str) -> float:
        """The class's own threshold."""
        return norm(asset_class, scorer.name, scorer.revision).threshold

    def _scored(self, scorer: Embedded) -> float:
        from imajin_cli.stages.imaging.looks.features import vector

        return scorer.score(self.views.whole(), self.views.patches(), vector(self.numbers))


def looks_of(image: Image, sidecar: Sidecar) -> list[Look]:
    """The looks of which the worst counts, mostly one: on what the pixels ask for, or in a dark theme on a dark ground.

    That a drawing is of a dark theme is its record's word, which its pixels have to bear out: where it hardly shows on a
    dark ground, it is looked at on both. Raises NoVerdictError, the layer named.
    """
    from imajin_cli.stages.imaging.looks.views import DARK

    own = _look(image, None)
    if not own.views.see_through or own.views.ground == DARK or not dark_theme(sidecar):
        return [own]
    dark = _look(image, DARK)
    return [dark] if dark.composed["contrast"] >= SHOWS else [own, dark]


def _look(image: Image, ground: tuple[int, int, int] | None) -> Look:
    from imajin_cli.stages.imaging.looks.composition import measures
    from imajin_cli.stages.imaging.looks.features import features
    from imajin_cli.stages.imaging.looks.views import Views

    views: Views = layer("aesthetic", "reading the picture", lambda: Views(image, ground))
    composed = layer("aesthetic", "composition", lambda: measures(views.colours))
    if composed["empty"] >= 1:
        # Nothing else can be measured of it, and nothing needs to be.
        return Look(views, composed, {})
    numbers = layer("aesthetic", "composition", lambda: finite(features(views, composed)))
    return Look(views, composed, numbers)


def finite(values: dict[str, float]) -> dict[str, float]:
    """``values``, if all are numbers. Raises NoVerdictError otherwise."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise NoVerdictError(f"aesthetic: {name} came out as {value}")
    return values
