"""Judge how good a picture looks, by a learned scorer and plain measures of composition together, and rank candidates.

Every part's own number, its z against good pictures of the same asset class and its weight stand in the record: no
scorer decides alone, and none in secret. Only pixels are judged; what was asked for only says which class to compare with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.ingredient import Ingredient, file
from imajin_cli.contract.layers import layer, timely
from imajin_cli.contract.need import Need
from imajin_cli.contract.sidecar import ModelRef, Score
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage
from imajin_cli.stages.aesthetics.look import finite
from imajin_cli.stages.backends.footprint import on_cpu
from imajin_cli.stages.calibration.limits import limit, state

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.aesthetics.combine import Part
    from imajin_cli.stages.aesthetics.others import Said
    from imajin_cli.stages.imaging.looks.views import Views

# Pictures smaller than this on either side show nothing that could be judged.
LEAST_SIDE = 8
PROMPT_CHARS = 1000


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
    also: Annotated[
        list[Literal["image-reward", "hps", "laion"]],
        Field(max_length=3, description="Scorers of the catalogue beside it; repeat it for several."),
    ] = []
    scales: Annotated[
        str | None,
        Field(
            description="File of `imajin calibrate`: what is usual for the scorers of `also`; without it they are recorded."
        ),
    ] = None
    calibration: Annotated[
        str | None, Field(description="File of `imajin calibrate`: the least score, where none is given.")
    ] = None
    asset_class: Annotated[
        Literal["auto", "icon", "avatar", "spot", "hero", "banner", "pattern", "photo"],
        Field(description="Whose statistics count; auto: by the request, or of a foreign file by its pixels."),
    ] = "auto"
    time_limit: Annotated[float, Field(gt=0, le=3600, description="Most seconds that judging a picture may take.")] = 120.0


class Aesthetic(Stage[AestheticParams]):
    """Judge how good a picture looks, and rank candidates."""

    name: ClassVar[str] = "aesthetic"
    kind: ClassVar[Kind] = Kind.GATE
    version: ClassVar[str] = "2"
    Params = AestheticParams
    ranks: ClassVar[bool] = True
    rejects_with: ClassVar[Exit] = Exit.AESTHETIC
    calibrates: ClassVar[frozenset[str]] = frozenset({"aesthetic", "image-reward", "hps", "laion"})
    asset_classes: ClassVar[tuple[str, ...]] = ("icon", "avatar", "spot", "hero", "banner", "pattern", "photo")

    def revision(self) -> str:
        """Digest of the scorers' weights, of the statistics, and of the calibration files."""
        p = self.params
        files = "\0".join((state(p.scales), state(p.calibration)))
        return sha256((self._own_revision() + "\0" + self._others_revision() + "\0" + files).encode())[:16]

    def models(self) -> Sequence[str]:
        """The models of the scorers of the catalogue that were asked for; the embedded one is part of imajin."""
        from imajin_cli.stages.backends.preferences import FILES

        return [model for name in self.params.also for model in FILES[name]]

    def ingredients(self) -> Sequence[Ingredient]:
        """The embedded scorer with its statistics, the scorers that were asked for beside it, and the files that are named."""
        from imajin_cli.stages.backends.scorer import NAME

        models = self.models() if self.params.also else ()
        named = [path for path in (self.params.scales, self.params.calibration) if path]
        own = Ingredient("model", NAME, self._own_revision())
        return [own, *(Ingredient("model", name) for name in models), *map(file, named)]

    def model_revision(self, score: str) -> str | None:
        """Of the combined score: digest of everything that it is made of; of a scorer of the catalogue: its models' revisions."""
        from imajin_cli.stages.aesthetics.others import together
        from imajin_cli.stages.backends.preferences import NAMES, revision

        if score in NAMES:
            return revision(score)
        added = self.params.also if self.params.scales is not None else []
        return together(self._own_revision(), added, state(self.params.scales)) if score == self.name else None

    def _own_revision(self) -> str:
        from imajin_cli.stages.aesthetics.combine import FOLDER, STATISTICS
        from imajin_cli.stages.backends.scorer import revision

        try:
            statistics = (FOLDER / STATISTICS).read_bytes()
        except OSError:
            statistics = b"unreadable"
        return sha256(revision().encode() + statistics)[:12]

    def _others_revision(self) -> str:
        from imajin_cli.stages.aesthetics.others import revisions

        return revisions(self.params.also)

    def needs(self) -> Sequence[Need]:
        """What the embedded scorer takes, and those of the catalogue."""
        return on_cpu(["imajin-aesthetic", *self.models()])

    def apply(self, asset: Asset) -> Outcome:
        """Judge ``asset.picture``: passed, or rejected with exit 13. The score is also the rank.

        Raises NoVerdictError (exit 22), the layer named, where there is no picture, or a part of the score is missing,
        fails, takes too long, or comes out as something that is no number.
        """
        return timely(self.name, self.params.time_limit, lambda: self._judged(asset))

    def _judged(self, asset: Asset) -> Outcome:
        if asset.picture is None:
            raise NoVerdictError(f"{asset.name}: there is no picture to judge")
        picture = asset.picture
        if min(picture.size) < LEAST_SIDE:
            return Outcome("rejected", f"too small to look at: {picture.width}x{picture.height}", self.rejects_with)
        from imajin_cli.stages.aesthetics.look import looks_of
        from imajin_cli.stages.backends.scorer import shared

        image: Image = layer("aesthetic", "reading the picture", lambda: seen_of(asset))
        looks = looks_of(image, asset.sidecar)
        if any(look.composed["empty"] >= 1 for look in looks):
            return Outcome("rejected", "nothing to see in it", self.rejects_with)
        scorer = shared()
        asset_class, by = self._class(asset, looks[0].numbers)
        # Where it is not sure on which ground the picture belongs, that on which it looks worse counts.
        value, parts, look = min(
            ((*look.judged(scorer, asset_class), look) for look in looks), key=lambda found: found[0]
        )
        said = self._others(asset, look.views, asset_class)
        value, scorers = self._combined(value, said)
        held = self._limit(asset_class, look.threshold(scorer, asset_class))
        passed = value >= held
        scores = [
            Score(name="aesthetic", value=value, threshold=held, op=">=", passed=passed),
            *(Score(name=name, value=round(part.raw, 4)) for name, part in parts.items()),
            *(Score(name=name, value=round(one.value, 4)) for name, one in said.items()),
        ]
        notes: dict[str, Any] = {
            "class": asset_class,
            "class_by": by,
            "parts": {n: {"z": round(p.z, 3), "weight": p.weight} for n, p in parts.items()},
            **scorers,
        }
        if look.views.see_through:
            notes["ground"] = "#{:02x}{:02x}{:02x}".format(*look.views.ground)
        model = ModelRef(name=scorer.name, revision=scorer.revision, licence=scorer.licence)
        if passed:
            return Outcome("passed", scores=scores, rank=value, backend="mini", model=model, notes=notes)
        reason = f"{value:g} is under {held:g} for the class {asset_class}: {_worst(parts)}"
        return Outcome("rejected", reason, self.rejects_with, scores, value, backend="mini", model=model, notes=notes)

    def _class(self, asset: Asset, numbers: dict[str, float]) -> tuple[str, str]:
        from imajin_cli.stages.aesthetics.classes import class_of

        if self.params.asset_class != "auto":
            return self.params.asset_class, "params"
        assert asset.picture is not None
        return class_of(asset.sidecar, asset.picture.size, numbers)

    def _others(self, asset: Asset, views: Views, asset_class: str) -> dict[str, Said]:
        """What the scorers of the catalogue say that were asked for. Raises NoVerdictError where one cannot."""
        if not self.params.also:
            return {}
        from imajin_cli.stages.aesthetics.others import scaled

        request = asset.sidecar.request
        prompt = (request.prompt if request is not None else "").strip()[:PROMPT_CHARS]
        values: dict[str, float] = {name: _said(name, views, prompt) for name in dict.fromkeys(self.params.also)}
        return scaled(values, self.params.scales, asset_class)

    def _combined(self, embedded: float, said: dict[str, Said]) -> tuple[float, dict[str, Any]]:
        """The score of all together, and for the record how it came about."""
        if not said:
            return round(finite({"score": embedded})["score"], 4), {}
        from imajin_cli.stages.aesthetics.others import combined

        value, scorers = combined(embedded, said)
        recorded = sorted(name for name, one in said.items() if one.z is None)
        # A scorer whose usual numbers nobody measured is written down, and has no say.
        notes: dict[str, Any] = {"scorers": scorers} | ({"recorded": recorded} if recorded else {})
        return round(finite({"score": value})["score"], 4), notes

    def _limit(self, asset_class: str, own: float) -> float:
        """The threshold given, else that of a calibration of one's own, else ours. Raises NoVerdictError as `limit` does."""
        p = self.params
        if p.threshold is not None:
            return p.threshold
        revision = self.model_revision(self.name)
        if p.calibration is None or revision is None:
            return own
        return limit(p.calibration, stage=self.name, score=self.name, asset_class=asset_class, revision=revision)


def _said(name: Literal["image-reward", "hps", "laion"], views: Views, prompt: str) -> float:
    """The number of a scorer of the catalogue. Raises NoVerdictError, the scorer named."""
    from imajin_cli.stages.backends.preferences import NEEDS_PROMPT, shared

    if name in NEEDS_PROMPT and not prompt:
        raise NoVerdictError(
            f"aesthetic: {name}: no prompt is known to hold the picture to", hint="leave it out of --also"
        )
    return finite({name: layer("aesthetic", name, lambda: shared(name).score(views.on_ground, prompt))})[name]


def seen_of(asset: Asset) -> Image:
    """The picture, less the room that its scene keeps for text which is not there yet."""
    from imajin_cli.stages.aesthetics.room import beside_text

    assert asset.picture is not None
    picture = asset.picture
    if picture.vector is None:
        return picture.image
    box = beside_text(picture.vector.scene, picture.size, asset.sidecar)
    return picture.image if box is None else picture.image.crop(box)


def _worst(parts: dict[str, Part]) -> str:
    """The parts that cost the most, by weight, in words."""
    low = sorted((part.weight * part.z, name) for name, part in parts.items())
    return ", ".join(f"{name} is {parts[name].z:+.1f} from usual" for cost, name in low[:3] if cost < 0) or "all of it"
