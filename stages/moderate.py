"""Judge whether a picture may be published: known pictures, sexual content, minors, prohibited content, denied people.

Every layer looks at every picture and says what it measured, whatever the others found; see ``stages/moderation``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from imajin_cli.contract.digest import json_digest
from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.ingredient import Ingredient, digest_of, file
from imajin_cli.contract.need import Need
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage
from imajin_cli.stages.backends.footprint import on_cpu
from imajin_cli.stages.calibration.limits import limit
from imajin_cli.stages.calibration.limits import scores as calibrated_scores
from imajin_cli.stages.calibration.limits import state as calibration_state
from imajin_cli.stages.moderation import age, deny, hashes, nsfw, prohibited, rule
from imajin_cli.stages.moderation.age import MINOR_BELOW
from imajin_cli.stages.moderation.concepts import CONCEPTS, Choice, chosen
from imajin_cli.stages.moderation.decide import Running, outcome
from imajin_cli.stages.moderation.deny import DISTANCE
from imajin_cli.stages.moderation.model import Finding
from imajin_cli.stages.moderation.nsfw import DRAWN_EXPLICIT, DRAWN_SUGGESTIVE, EXPLICIT, SUGGESTIVE
from imajin_cli.stages.moderation.origin import drawn_here

if TYPE_CHECKING:
    from imajin_cli.stages.moderation.views import Views

AHEAD = prohibited.LAYER
"""The layer that works beside the others from the start: looking for text takes as long as all of them, and needs none of what
they find. Where there is a second core, it is done there.
"""
Likelihood = Annotated[float, Field(ge=0, le=1)]
Category = Literal["sexual", "violence-gore", "hate", "self-harm", "drugs", "weapons", "terrorism"]
Names = Annotated[list[str], Field(max_length=64)]


class ModerateParams(Params):
    """A switch, and thresholds, for each layer. A switch silences a layer's own verdict; nothing silences the rule on minors."""

    hashes: Annotated[bool, Field(description="Reject known pictures.")] = True
    hash_lists: Annotated[
        Names, Field(description="File of PDQ hashes: text, CSV or JSON; repeat it for several.")
    ] = []
    hash_distance: Annotated[
        int, Field(ge=0, le=31, description="Most bits in which a known picture's hash may differ.")
    ] = 31
    nsfw: Annotated[bool, Field(description="Reject explicit pictures.")] = True
    nsfw_explicit: Annotated[Likelihood, Field(description="From here on a photo is explicit.")] = EXPLICIT
    nsfw_suggestive: Annotated[Likelihood, Field(description="From here on a photo is suggestive.")] = SUGGESTIVE
    nsfw_drawn_explicit: Annotated[Likelihood, Field(description="From here on a drawing is explicit.")] = (
        DRAWN_EXPLICIT
    )
    nsfw_drawn_suggestive: Annotated[Likelihood, Field(description="From here on a drawing is suggestive.")] = (
        DRAWN_SUGGESTIVE
    )
    faces: Annotated[bool, Field(description="Flag faces that may be a minor's.")] = True
    minor_below: Annotated[
        float, Field(ge=0, le=80, description="Flag a face below this age, by the estimate that is lowest.")
    ] = MINOR_BELOW
    prohibited: Annotated[bool, Field(description="Reject prohibited text, web addresses and QR codes.")] = True
    prohibited_off: Annotated[
        list[Category], Field(max_length=8, description="Category of prohibited text to leave out.")
    ] = []
    word_list: Annotated[
        str | None, Field(description="File of terms to refuse in the picture's text, one a line.")
    ] = None
    links: Annotated[bool, Field(description="Allow web addresses in the picture.")] = False
    qr_codes: Annotated[bool, Field(description="Allow QR codes in the picture.")] = False
    encoder: Annotated[
        Choice,
        Field(
            description="Who looks for weapons, drugs, hate symbols and gore: auto is the largest SigLIP 2 that was pulled, "
            "else the embedded encoder, which is recorded alone."
        ),
    ] = "auto"
    identity: Annotated[bool, Field(description="Reject people of a deny list.")] = True
    deny_lists: Annotated[Names, Field(description="JSON file of face embeddings to refuse; repeat it.")] = []
    deny_distance: Annotated[
        float, Field(ge=0.2, le=1.2, description="Below this distance two faces are one person's.")
    ] = DISTANCE
    calibration: Annotated[
        str | None,
        Field(
            description="File of `imajin calibrate`: from where on a picture is explicit, or holds weapons or the like."
        ),
    ] = None
    time_limit: Annotated[float, Field(gt=0, le=3600, description="Most seconds that one layer may take.")] = 60.0
    explain: Annotated[bool, Field(description="Say what each layer measured, as a table.")] = False

    @model_validator(mode="after")
    def _ordered(self) -> ModerateParams:
        if self.nsfw_suggestive > self.nsfw_explicit or self.nsfw_drawn_suggestive > self.nsfw_drawn_explicit:
            raise ValueError(
                "a picture is suggestive before it is explicit: the first threshold may not be above the second"
            )
        return self


class Moderate(Stage[ModerateParams]):
    """Judge whether a picture is safe to publish."""

    name: ClassVar[str] = "moderate"
    kind: ClassVar[Kind] = Kind.GATE
    version: ClassVar[str] = "2"
    Params = ModerateParams
    rejects_with: ClassVar[Exit] = Exit.UNSAFE
    calibrates: ClassVar[frozenset[str]] = frozenset({"nsfw", *(concept.replace(" ", "_") for concept in CONCEPTS)})
    asset_classes: ClassVar[tuple[str, ...]] = ("drawing", "photo")

    def revision(self) -> str:
        """Digest of the models, of whether each is there, and of the lists' state."""
        from imajin_cli.stages.backends import faces
        from imajin_cli.stages.backends.onnx import state
        from imajin_cli.stages.policy import lists

        p = self.params
        named = [*p.hash_lists, *p.deny_lists, *([p.word_list] if p.word_list else [])]
        calibrated = calibration_state(p.calibration)
        words = lists.SOURCE.stat()
        parts = [[state(name) for name in self.models()], [_state(name) for name in named], words.st_size, calibrated]
        return json_digest([*parts, faces.detector_digest(), *chosen(p.encoder)])[:16]

    def models(self) -> Sequence[str]:
        """The models of all layers; the one that compares faces is for a deny list alone."""
        from imajin_cli.stages.backends import ages, faces, ocr, opennsfw

        compared = [faces.EMBEDDING] if self.params.deny_lists else []
        encoder = chosen(self.params.encoder).name
        return [opennsfw.MODEL, ages.MODEL, faces.LANDMARKS, *compared, ocr.DETECTOR, ocr.RECOGNISER, encoder]

    def ingredients(self) -> Sequence[Ingredient]:
        """The models of all layers, but for an encoder that only some machines have, and the lists and files that are named."""
        from imajin_cli.stages.backends import ages, faces, ocr, opennsfw
        from imajin_cli.stages.backends.miniclip import NAME, revision
        from imajin_cli.stages.policy import lists

        p = self.params
        encoder = [p.encoder] if p.encoder.startswith("siglip2") else []
        compared = [faces.EMBEDDING] if p.deny_lists else []
        models = [opennsfw.MODEL, ages.MODEL, faces.LANDMARKS, *compared, ocr.DETECTOR, ocr.RECOGNISER, *encoder]
        named = [*p.hash_lists, *p.deny_lists, *(path for path in (p.word_list, p.calibration) if path)]
        return [
            *(Ingredient("model", name) for name in models),
            *([] if encoder else [Ingredient("model", NAME, revision())]),
            Ingredient("data", "words", digest_of(lists.SOURCE)),
            Ingredient("data", "face detector", f"{faces.detector_digest():08x}"),
            *map(file, named),
        ]

    def needs(self) -> Sequence[Need]:
        """What the models of all layers take."""
        return on_cpu(self.models())

    def model_revision(self, score: str) -> str | None:
        """The classifier of sexual content and its revision, or the encoder of the other categories and its own."""
        from imajin_cli.stages.backends.onnx import state
        from imajin_cli.stages.backends.opennsfw import MODEL

        if score == nsfw.LAYER:
            return state(MODEL)
        encoder = chosen(self.params.encoder)
        return f"{encoder.name} {encoder.revision}" if score in self.calibrates else None

    def apply(self, asset: Asset) -> Outcome:
        """Judge ``asset.picture``: passed, or rejected with exit 11 and every reason, or 22 where a layer could not judge.

        Raises NoVerdictError where there is no picture, or one that nothing can be seen of.
        """
        from imajin_cli.stages.backends.memory import give_back, one_heap
        from imajin_cli.stages.moderation.views import Views

        if asset.picture is None:
            raise NoVerdictError(f"{asset.name}: there is no picture to judge")
        views = Views(asset.picture.image)
        # Each layer is a thread, and text is looked for at many sizes: else a stream of pictures of all sizes grows by
        # hundreds of megabytes.
        one_heap()
        findings: dict[str, Finding] = {}
        layers = self._layers(views, asset, findings)
        early = {AHEAD: Running(AHEAD, layers[AHEAD][1])}
        for name, (wanted, layer) in layers.items():
            running = early.pop(name, None) or Running(name, layer)
            findings[name] = running.finding(self.params.time_limit, off=not wanted)
        give_back()
        return outcome(findings, self.rejects_with, explain=self.params.explain)

    def _layers(
        self, views: Views, asset: Asset, findings: dict[str, Finding]
    ) -> dict[str, tuple[bool, Callable[[], Finding]]]:
        """Each layer: whether its own verdict counts, and its work. The rule comes last, over ``findings``."""
        p, sidecar = self.params, asset.sidecar
        photo = nsfw.Limits(p.nsfw_explicit, p.nsfw_suggestive)
        drawing = nsfw.Limits(p.nsfw_drawn_explicit, p.nsfw_drawn_suggestive)
        here = drawn_here(sidecar)
        return {
            hashes.LAYER: (p.hashes, lambda: hashes.judge(views, p.hash_lists, p.hash_distance, drawn_here=here)),
            nsfw.LAYER: (p.nsfw, lambda: nsfw.judge(views, *self._calibrated(views, photo, drawing))),
            age.LAYER: (p.faces, lambda: age.judge(views, p.minor_below)),
            prohibited.LAYER: (p.prohibited, lambda: prohibited.judge(views, self._rules(views), chosen(p.encoder))),
            deny.LAYER: (p.identity, lambda: deny.judge(views, p.deny_lists, p.deny_distance)),
            rule.LAYER: (True, lambda: rule.judge(findings, sidecar.request)),
        }

    def _calibrated(self, views: Views, photo: nsfw.Limits, drawing: nsfw.Limits) -> tuple[nsfw.Limits, nsfw.Limits]:
        """The limits, that of the picture's kind as it was calibrated. Raises NoVerdictError as `limit` does."""
        path, revision = self.params.calibration, self.model_revision(nsfw.LAYER)
        if path is None or revision is None:
            return photo, drawing
        # A file about the other categories alone leaves these as they are; one about none is not what was meant.
        held = calibrated_scores(path, self.name)
        if nsfw.LAYER not in held and held & self.calibrates:
            return photo, drawing
        found = limit(path, stage=self.name, score=nsfw.LAYER, asset_class=_kind(views), revision=revision)
        return photo.from_(found), drawing.from_(found)

    def _rules(self, views: Views) -> prohibited.Rules:
        """What is looked for. Raises NoVerdictError where the word list or a calibration cannot be used."""
        p = self.params
        own = "" if p.word_list is None else _words(p.word_list)
        return prohibited.Rules(tuple(p.prohibited_off), own, p.links, p.qr_codes, self._concept_limits(views))

    def _concept_limits(self, views: Views) -> dict[str, float]:
        """A calibration's limits on the encoder's scores, by concept. Raises NoVerdictError as `limit` does."""
        path = self.params.calibration
        held = frozenset() if path is None else calibrated_scores(path, self.name)
        limits = {}
        for concept in CONCEPTS:
            score = concept.replace(" ", "_")
            if path is not None and score in held:
                revision = self.model_revision(score) or ""
                limits[concept] = limit(path, stage=self.name, score=score, asset_class=_kind(views), revision=revision)
        return limits


def _kind(views: Views) -> str:
    return "drawing" if views.drawing.drawn else "photo"


def _words(path: str) -> str:
    """The user's word list. Raises NoVerdictError where it cannot be read, or holds nothing."""
    from imajin_cli.stages.policy.lists import MAX_LIST_BYTES

    hint = "repair it, or take it out of moderate.word_list"
    try:
        with Path(path).expanduser().open("rb") as file:
            data = file.read(MAX_LIST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise NoVerdictError(f"the word list {path} cannot be read", hint=hint) from error
    if len(data) > MAX_LIST_BYTES or not text.strip():
        raise NoVerdictError(f"the word list {path} is empty or too large", hint=hint)
    return text


def _state(path: str) -> list[object]:
    """What of a file tells that it has changed."""
    try:
        found = Path(path).expanduser().stat()
    except (OSError, RuntimeError):
        return [path, "absent"]
    return [path, found.st_size, found.st_mtime_ns]
