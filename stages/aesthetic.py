"""Judge how good a picture looks, by a learned scorer and plain measures of composition together, and rank candidates.

Every part's own number, its z against good pictures of the same asset class and its weight stand in the record: no
scorer decides alone, and none in secret. Only pixels are judged; what was asked for only says which class to compare with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.layers import layer
from imajin_cli.contract.need import Need
from imajin_cli.contract.sidecar import ModelRef, Score
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage
from imajin_cli.stages.backends.footprint import on_cpu

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.aesthetics.combine import Part
    from imajin_cli.stages.backends.scorer import Embedded
    from imajin_cli.stages.imaging.looks.views import Views

T = TypeVar("T")
# Pictures smaller than this on either side show nothing that could be judged.
LEAST_SIDE = 8


class AestheticParams(Params):
    """How good a picture must look. A score is in standard deviations from good pictures of its class, whose mean is 0."""

    threshold: Annotated[
        float | None,
        Field(
            ge=-100,
            le=100,
            description="Least score; by default its asset class's own, which good pictures reach.",
        ),
    ] = None
    scorer: Annotated[
        Literal["auto", "mini"], Field(description="The learned part of the score: mini is embedded.")
    ] = "auto"
    asset_class: Annotated[
        Literal["auto", "icon", "avatar", "spot", "hero", "banner", "pattern", "photo"],
        Field(description="Whose statistics count; auto: by the request, or of a foreign file by its pixels."),
    ] = "auto"


class Aesthetic(Stage[AestheticParams]):
    """Judge how good a picture looks, and rank candidates."""

    name: ClassVar[str] = "aesthetic"
    kind: ClassVar[Kind] = Kind.GATE
    version: ClassVar[str] = "1"
    Params = AestheticParams
    ranks: ClassVar[bool] = True
    rejects_with: ClassVar[Exit] = Exit.AESTHETIC

    def revision(self) -> str:
        """Digest of the scorer's weights and of the statistics."""
        from imajin_cli.stages.aesthetics.combine import FOLDER, STATISTICS
        from imajin_cli.stages.backends.scorer import revision

        try:
            statistics = (FOLDER / STATISTICS).read_bytes()
        except OSError:
            statistics = b"unreadable"
        return sha256(revision().encode() + statistics)[:16]

    def needs(self) -> Sequence[Need]:
        """What the embedded scorer takes."""
        return on_cpu(["imajin-aesthetic"])

    def apply(self, asset: Asset) -> Outcome:
        """Judge ``asset.picture``: passed, or rejected with exit 13. The score is also the rank.

        Raises NoVerdictError (exit 22), the layer named, where there is no picture, or a part of the score is missing,
        fails, or comes out as something that is no number.
        """
        if asset.picture is None:
            raise NoVerdictError(f"{asset.name}: there is no picture to judge")
        picture = asset.picture
        if min(picture.size) < LEAST_SIDE:
            return Outcome("rejected", f"too small to look at: {picture.width}x{picture.height}", self.rejects_with)
        from imajin_cli.stages.aesthetics.classes import class_of
        from imajin_cli.stages.aesthetics.combine import LEARNED, norm
        from imajin_cli.stages.backends.scorer import shared
        from imajin_cli.stages.imaging.looks.composition import measures
        from imajin_cli.stages.imaging.looks.features import features
        from imajin_cli.stages.imaging.looks.views import Views

        views: Views = layer("aesthetic", "reading the picture", lambda: Views(seen_of(asset)))
        composed = layer("aesthetic", "composition", lambda: measures(views.colours))
        if composed["empty"] >= 1:
            return Outcome("rejected", "nothing to see in it", self.rejects_with)
        numbers = layer("aesthetic", "composition", lambda: _finite(features(views, composed)))
        scorer = shared()
        learned = layer("aesthetic", "the learned scorer", lambda: _finite({LEARNED: scored(scorer, views, numbers)}))
        by: str = "params"
        wanted: str = self.params.asset_class
        if wanted == "auto":
            wanted, by = class_of(asset.sidecar, picture.size, numbers)
        held = layer("aesthetic", "the statistics", lambda: norm(wanted, scorer.name, scorer.revision))
        value, parts = held.judged({**composed, **learned})
        value = round(_finite({"score": value})["score"], 4)
        limit = held.threshold if self.params.threshold is None else self.params.threshold
        passed = value >= limit
        scores = [
            Score(name="aesthetic", value=value, threshold=limit, op=">=", passed=passed),
            *(Score(name=name, value=round(part.raw, 4)) for name, part in parts.items()),
        ]
        notes: dict[str, Any] = {
            "class": wanted,
            "class_by": by,
            "parts": {n: {"z": round(p.z, 3), "weight": p.weight} for n, p in parts.items()},
        }
        model = ModelRef(name=scorer.name, revision=scorer.revision, licence=scorer.licence)
        if passed:
            return Outcome("passed", scores=scores, rank=value, backend="mini", model=model, notes=notes)
        reason = f"{value:g} is under {limit:g} for the class {wanted}: {_worst(parts)}"
        return Outcome("rejected", reason, self.rejects_with, scores, value, backend="mini", model=model, notes=notes)


def seen_of(asset: Asset) -> Image:
    """The picture, less the room that its scene keeps for text which is not there yet."""
    from imajin_cli.stages.aesthetics.room import beside_text

    assert asset.picture is not None
    picture = asset.picture
    if picture.vector is None:
        return picture.image
    box = beside_text(picture.vector.scene, picture.size, asset.sidecar)
    return picture.image if box is None else picture.image.crop(box)


def scored(scorer: Embedded, views: Views, numbers: dict[str, float]) -> float:
    """What the scorer says of a picture."""
    from imajin_cli.stages.imaging.looks.features import vector

    return scorer.score(views.whole(), views.patches(), vector(numbers))


def _worst(parts: dict[str, Part]) -> str:
    """The parts that cost the most, by weight, in words."""
    low = sorted((part.weight * part.z, name) for name, part in parts.items())
    return ", ".join(f"{name} is {parts[name].z:+.1f} from usual" for cost, name in low[:3] if cost < 0) or "all of it"


def _finite(values: dict[str, float]) -> dict[str, float]:
    """``values``, if all are numbers. Raises NoVerdictError otherwise."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise NoVerdictError(f"aesthetic: {name} came out as {value}")
    return values
