"""Hold a picture to the person who was asked for: the distance of its nearest face to the reference's template.

A face network learnt from photographs, so a drawn picture gets no verdict rather than a guess. See ``docs/identity.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

from pydantic import Field

from imajin_cli.contract.digest import json_digest
from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.ingredient import Ingredient, file
from imajin_cli.contract.need import Need
from imajin_cli.contract.sidecar import ModelRef, Score
from imajin_cli.contract.stage import Asset, Kind, Outcome, Stage
from imajin_cli.stages.backends.footprint import on_cpu
from imajin_cli.stages.calibration.limits import state as calibration_state
from imajin_cli.stages.moderation.origin import drawn_here
from imajin_cli.stages.recognition.bounded import bounded
from imajin_cli.stages.recognition.params import ReferenceParams
from imajin_cli.stages.recognition.thresholds import SCORE, threshold

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.backends.recognisers import Recogniser
    from imajin_cli.stages.recognition.template import Template


class VerifyIdentityParams(ReferenceParams):
    """Who is to be seen, by default whom `identity` was given, and how near a face must come."""

    distance: Annotated[
        float | None,
        Field(gt=0, le=2, description="Largest distance to the reference; by default the one measured for the model."),
    ] = None
    calibration: Annotated[
        str | None, Field(description="File of `imajin calibrate`: the largest distance, where none is given.")
    ] = None
    time_limit: Annotated[float, Field(gt=0, le=3600, description="Most seconds that one layer may take.")] = 60.0


class _Near(NamedTuple):
    """The nearest face: its distance, its number from left to right, how many there are, and the ground it was seen on."""

    distance: float
    face: int
    faces: int
    ground: str


class VerifyIdentity(Stage[VerifyIdentityParams]):
    """Hold a picture to the person who was asked for."""

    name: ClassVar[str] = "verify-identity"
    kind: ClassVar[Kind] = Kind.GATE
    version: ClassVar[str] = "1"
    Params = VerifyIdentityParams
    # As in `identity`: where the references lie is left out, their digests are part of the key.
    unrecorded: ClassVar[frozenset[str]] = frozenset({"reference"})
    rejects_with: ClassVar[Exit] = Exit.IDENTITY
    calibrates: ClassVar[frozenset[str]] = frozenset({SCORE})
    asset_classes: ClassVar[tuple[str, ...]] = ("photo",)

    def models(self) -> Sequence[str]:
        """The model that describes faces, and the landmarks that bring them upright."""
        return [self.params.model, "face-landmarks-5"]

    def ingredients(self) -> Sequence[Ingredient]:
        """The references, and, where there are any, the models and the calibration."""
        named = [*self.params.reference, *([self.params.calibration] if self.params.calibration else [])]
        models = [Ingredient("model", name) for name in self.models()] if self.params.reference else []
        return [*models, *map(file, named)]

    def needs(self) -> Sequence[Need]:
        """What both models take."""
        return on_cpu(self.models())

    def revision(self) -> str:
        """Digest of the references and of the models. Raises InputError for a reference that cannot be read."""
        from imajin_cli.stages.backends.faces import detector_digest
        from imajin_cli.stages.backends.onnx import state
        from imajin_cli.stages.recognition.reference import digests

        parts = [digests(self.params.reference), [state(name) for name in self.models()], detector_digest()]
        return json_digest([*parts, calibration_state(self.params.calibration)])[:16]

    def model_revision(self, score: str) -> str | None:
        """The network that describes faces and its revision, for a distance."""
        from imajin_cli.stages.backends.recognisers import recogniser

        network = recogniser(self.params.model)
        return f"{network.name} {network.revision}" if score == SCORE else None

    def apply(self, asset: Asset) -> Outcome:
        """Judge ``asset.picture``: passed, or rejected with exit 14; skipped where no reference was asked for.

        Raises NoVerdictError (exit 22), the layer named, where there is no picture, it is drawn, the template is gone or of
        another model, a model is absent, or a layer fails or takes too long; InputError for a reference that cannot be read.
        """
        from imajin_cli.stages.backends.recognisers import recogniser
        from imajin_cli.stages.recognition.reference import UnusableError
        from imajin_cli.stages.recognition.template import asked_for

        p = self.params
        kept = None if p.reference else asked_for(asset.sidecar)
        if kept is None and not p.reference:
            return Outcome("skipped", reason="no reference was asked for")
        if asset.picture is None:
            raise NoVerdictError(f"{asset.name}: there is no picture to judge")
        network = recogniser(p.model)
        model = ModelRef(name=network.name, revision=network.revision, licence=network.licence)
        limit = threshold(network.name, network.revision, p.distance, p.calibration)
        try:
            template = self._own if kept is None else kept
        except UnusableError as error:
            return Outcome("rejected", reason=f"unusable identity: {error}", code=self.rejects_with, model=model)
        if (template.model, template.revision) != (network.name, network.revision):
            told = f"the reference was described by {template.model}, revision {template.revision}"
            raise NoVerdictError(
                f"{told}, not by {network.name}, revision {network.revision}", hint="name it by --model"
            )
        if drawn_here(asset.sidecar):
            raise NoVerdictError(_DRAWN)
        near = self._nearest(asset.picture.image, template, network)
        return self._outcome(near, limit, model)

    @cached_property
    def _own(self) -> Template:
        """The template of the stage's own references, made once. Raises UnusableError, InputError and NoVerdictError."""
        from imajin_cli.stages.backends.recognisers import recogniser
        from imajin_cli.stages.recognition.reference import UnusableError, template

        p = self.params

        def work() -> Template | UnusableError:
            try:
                return template(p.reference, recogniser(p.model), p.face, p.min_face)[0]
            except UnusableError as error:
                return error

        made = bounded("the reference", work, p.time_limit)
        if isinstance(made, UnusableError):
            raise made
        return made

    def _nearest(self, image: Image, template: Template, network: Recogniser) -> _Near | None:
        """The picture's face that is nearest to the template, None where there is no face. Raises NoVerdictError."""
        from imajin_cli.stages.moderation.views import Views
        from imajin_cli.stages.recognition.template import distances

        limit = self.params.time_limit
        views = bounded("the picture", lambda: Views(image), limit)
        if bounded("the picture", lambda: views.drawing.drawn, limit):
            raise NoVerdictError(_DRAWN)
        found: list[_Near] = []
        for seen in bounded("faces", lambda: views.faces, limit):
            if not seen.faces:
                continue
            ordered = sorted(seen.faces, key=lambda face: (face.box[0], face.box[1]))
            vectors = bounded("describing faces", partial(network.describe, seen.pixels, ordered), limit)
            if len(vectors) != len(ordered):
                raise NoVerdictError("no verdict of describing faces: not one description a face")
            for at, distance in enumerate(distances(template, vectors)):
                found.append(_Near(distance, at + 1, len(ordered), seen.ground))
        return min(found, default=None)

    def _outcome(self, near: _Near | None, limit: float, model: ModelRef) -> Outcome:
        if near is None:
            faces = Score(name="faces", value=0, threshold=1, op=">=", passed=False)
            return Outcome("rejected", "no face was found in the picture", self.rejects_with, [faces], model=model)
        passed = near.distance <= limit
        scores = [
            Score(name=SCORE, value=round(near.distance, 4), threshold=limit, op="<=", passed=passed),
            Score(name="faces", value=near.faces),
        ]
        notes = {"face": near.face, "ground": near.ground}
        if near.faces > 1:
            notes["several"] = (
                f"{near.faces} faces: the one nearest to the reference counts, number {near.face} from the left"
            )
        if passed:
            return Outcome("passed", scores=scores, model=model, notes=notes)
        nearest = "the nearest face" if near.faces > 1 else "the face"
        reason = f"{nearest} is {near.distance:.2f} from the reference, over {limit:g}: another person"
        return Outcome("rejected", reason, self.rejects_with, scores, model=model, notes=notes)


_DRAWN = "the picture is drawn: whom it shows cannot be told, since the face network learnt from photographs"
