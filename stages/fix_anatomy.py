"""Find bad faces, eyes and hands, paint them anew, and keep only what measurably improved. What did not is said to be unfixed.

Detect-and-inpaint mends faces far more often than hands; nothing here promises either. See ``stages/anatomy``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from imajin_cli.contract.digest import json_digest
from imajin_cli.contract.errors import InputError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.ingredient import Ingredient
from imajin_cli.contract.need import Need
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import ModelRef, Record, Score, Sidecar
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage
from imajin_cli.stages.anatomy.score import LEAST, PartKind, worst
from imajin_cli.stages.backends.footprint import on_cpu

if TYPE_CHECKING:
    from imajin_cli.stages.anatomy.find import Part
    from imajin_cli.stages.anatomy.mend import Fate, Paint
    from imajin_cli.stages.mending.painter import Mender

NEGATIVE = "deformed, disfigured, bad anatomy, extra fingers, fused fingers, cross-eyed, blurry"
SAYS: Mapping[PartKind, str] = {
    "face": "a natural, detailed face, both eyes looking the same way",
    "eyes": "natural, detailed eyes, both looking the same way",
    "hand": "a natural hand with four fingers and a thumb",
}
Likelihood = Annotated[float, Field(ge=0, le=1)]


class FixAnatomyParams(Params):
    """What is looked at, from where on it is bad, and what paints it anew."""

    parts: Annotated[
        list[PartKind], Field(max_length=3, description="What is looked at: face, eyes, hand; repeat it for several.")
    ] = ["face", "eyes", "hand"]
    least_face: Annotated[Likelihood, Field(description="A face of a lower score is bad.")] = LEAST["face"]
    least_eyes: Annotated[Likelihood, Field(description="Eyes of a lower score are bad.")] = LEAST["eyes"]
    least_hand: Annotated[Likelihood, Field(description="A hand of a lower score is bad.")] = LEAST["hand"]
    gain: Annotated[float, Field(ge=0.01, le=1, description="What a score must rise by for a change to be kept.")] = (
        0.05
    )
    tries: Annotated[
        int, Field(ge=1, le=16, description="Paintings of each part, from other seeds; the best counts.")
    ] = 2
    model: Annotated[
        str | None,
        Field(max_length=1024, description="Diffusion model that paints; by default the one that made the picture."),
    ] = None
    strength: Annotated[float, Field(ge=0.05, le=1, description="How far to go from what is there.")] = 0.5
    steps: Annotated[int | None, Field(ge=1, le=200, description="Denoising steps; by default the model's own.")] = None
    side: Annotated[
        int | None,
        Field(ge=64, le=2048, description="Side in pixels at which a part is painted; by default the model's own."),
    ] = None
    dtype: Annotated[Literal["auto", "fp32", "bf16", "fp16"], Field(description="The model's number format.")] = "auto"
    feather: Annotated[float, Field(ge=0, le=0.5, description="Soft edge, in parts of the part's longer side.")] = 0.08
    unfixed: Annotated[
        Literal["pass", "reject"], Field(description="A part that stays bad: said and passed on, or rejected (15).")
    ] = "pass"


class FixAnatomy(Stage[FixAnatomyParams]):
    """Paint bad faces, eyes and hands anew, and keep only what measurably improved.

    Left alone: composed scenes and other drawings, which the networks cannot judge; pictures that a pose map steered; faces of
    a reference person.
    """

    name: ClassVar[str] = "fix-anatomy"
    kind: ClassVar[Kind] = Kind.TRANSFORM
    version: ClassVar[str] = "1"
    Params = FixAnatomyParams
    # Recorded by name and revision, wherever it lies.
    unrecorded: ClassVar[frozenset[str]] = frozenset({"model"})
    rejects_with: ClassVar[Exit] = Exit.QUALITY

    @cached_property
    def _mender(self) -> Mender:
        from imajin_cli.stages.mending.painter import Manner, Mender

        p = self.params
        return Mender(Manner(p.model, p.steps, strength=p.strength, side=p.side, dtype=p.dtype, negative=NEGATIVE))

    def models(self) -> Sequence[str]:
        """The networks that look, and the diffusion model where one is named."""
        return [*self._networks(), *self._mender.names()]

    def ingredients(self) -> Sequence[Ingredient]:
        """The models, whether or not they are on this machine."""
        return [*(Ingredient("model", name) for name in self._networks()), *self._mender.ingredients()]

    def needs(self) -> Sequence[Need]:
        """What the models take."""
        return [*on_cpu(self._networks()), *self._mender.needs()]

    def revision(self) -> str:
        """The models, and whether they are on this machine."""
        from imajin_cli.stages.backends.onnx import state

        return json_digest([*(state(name) for name in self._networks()), *self._mender.revision()])[:16]

    def _networks(self) -> list[str]:
        from imajin_cli.stages.backends import faces

        named = {"face": ["face-detect-full", "face-mesh", faces.LANDMARKS], "eyes": ["iris"], "hand": ["hands"]}
        asked = ["face", *self.params.parts] if "eyes" in self.params.parts else self.params.parts
        return list(dict.fromkeys(name for part in asked for name in named[part]))

    def apply(self, asset: Asset) -> Outcome:
        """Look, paint anew what is bad, look again.

        Raises MissingError where a network or the model is absent, UsageError where something is bad and no model is known
        that could paint it.
        """
        picture = asset.picture
        if picture is None:
            raise InputError(f"{asset.name}: there is no picture to look at")
        reason = _left_alone(asset.sidecar, picture)
        if reason is not None:
            return Outcome("skipped", reason=reason)
        kinds = self._kinds(asset.sidecar)
        if not kinds:
            return Outcome("skipped", reason="the face is a reference person's, which is not painted anew")
        return self._looked_at(asset, picture, kinds)

    def _kinds(self, sidecar: Sidecar) -> list[PartKind]:
        """What is looked at: not the face of somebody whom a reference shows, who would become somebody else."""
        given = any(r.stage in ("identity", "verify-identity") and r.status == "passed" for r in sidecar.stages)
        return [kind for kind in self.params.parts if not (given and kind != "hand")]

    def _looked_at(self, asset: Asset, picture: Picture, kinds: list[PartKind]) -> Outcome:
        import numpy as np

        from imajin_cli.stages.anatomy.find import parts
        from imajin_cli.stages.anatomy.mend import mended

        image, p = picture.image, self.params
        pixels = np.asarray(image.convert("RGB"))
        found = parts(pixels, kinds)
        if not found:
            return Outcome("skipped", reason="there is no face, eye or hand to look at")
        bad = self._bad(found)
        scores = _scores(found, self._least)
        if not bad:
            return Outcome(
                "skipped", reason="nothing is bad", scores=scores, notes={"parts": [_told(one) for one in found]}
            )
        known = self._mender.model_for(_made(asset.sidecar))
        done, fates = mended(
            pixels, bad, self._paint(asset, self._mender.painting(known)), lambda levels: parts(levels, kinds),
            feather=p.feather, gain=p.gain, tries=p.tries,
        )  # fmt: skip
        ref = self._mender.ref(known)
        return self._outcome(picture, None if done is pixels else done, found, fates, scores, ref)

    def _bad(self, found: Sequence[Part]) -> list[Part]:
        """Bad parts; of a bad face the eyes go with it."""
        bad = [one for one in found if one.score < self._least(one.kind)]
        faces = [one for one in bad if one.kind == "face"]
        return [one for one in bad if one.kind != "eyes" or not any(_inside(one, face) for face in faces)]

    def _least(self, kind: PartKind) -> float:
        p = self.params
        return {"face": p.least_face, "eyes": p.least_eyes, "hand": p.least_hand}[kind]

    def _paint(self, asset: Asset, paint: Any) -> Paint:
        request, seed = asset.sidecar.request, asset.sidecar.seed or 0
        prompt = request.prompt if request is not None else ""

        def painted(pixels: Any, mask: Any, part: Part, number: int) -> Any:
            return paint(pixels, mask, f"{SAYS[part.kind]}, {prompt}".rstrip(", "), seed + number)

        return painted

    def _outcome(
        self,
        picture: Picture,
        pixels: Any,
        found: Sequence[Part],
        fates: Sequence[Fate],
        scores: list[Score],
        ref: ModelRef,
    ) -> Outcome:
        unfixed = [fate for fate in fates if not fate.is_good(self._least(fate.part.kind))]
        notes: dict[str, Any] = {
            "parts": [_told(one) for one in found],
            "painted": [_fate(one) for one in fates],
            "painter": dict(self._mender.told),
        }
        scores = [*scores, Score(name="unfixed", value=len(unfixed))]
        reason = "; ".join(f"unfixed: {_why(fate)}" for fate in unfixed[:4]) or None
        if unfixed and self.params.unfixed == "reject":
            return Outcome("rejected", reason=reason, code=self.rejects_with, scores=scores, notes=notes)
        if pixels is None:
            return Outcome("skipped", reason=reason, scores=scores, notes=notes)
        image = _with_alpha(picture, pixels)
        return Outcome(
            "changed", reason=reason, picture=image, backend="diffusers", model=ref, scores=scores, notes=notes
        )


def _left_alone(sidecar: Sidecar, picture: Picture) -> str | None:
    """Why a picture is not looked at, None where it is."""
    if any(_is_pose(record) for record in sidecar.stages):
        return "a pose map steered it: painting anew would not follow the pose"
    if picture.vector is not None:
        return "no verdict: a composed scene's people are drawn, and the networks learnt from photographs"
    from imajin_cli.stages.imaging.drawn import drawn

    if drawn(picture.image).drawn:
        return "no verdict: it is drawn, and the networks learnt from photographs"
    return None


def _is_pose(record: Record) -> bool:
    """Whether the record is of `condition` having made a pose map, or of `generate` steered by a ControlNet for poses."""
    if record.status in ("rejected", "error"):
        return False
    if record.stage == "condition":
        made = getattr(record, "maps", None) or {}
        return "pose" in made or record.notes.get("kind") == "pose"
    given = record.notes.get("inputs") if record.stage == "generate" else None
    controls = given.get("control") if isinstance(given, Mapping) else None
    return isinstance(controls, list) and any(
        one.get("kind") == "pose" or "pose" in str(one.get("model", "")) for one in controls if isinstance(one, Mapping)
    )


def _made(sidecar: Sidecar) -> Record | None:
    """The latest record of `generate` that made a picture."""
    return next((r for r in reversed(sidecar.stages) if r.stage == "generate" and r.status == "changed"), None)


def _with_alpha(picture: Picture, pixels: Any) -> Picture:
    """``pixels`` in the old picture's mode, with its alpha."""
    from PIL import Image

    image = Image.fromarray(pixels)
    if picture.image.mode != "RGB":
        image = image.convert(picture.image.mode)
    if "A" in picture.image.mode:
        image.putalpha(picture.image.getchannel("A"))
    return Picture.of(image)


def _inside(eyes: Part, face: Part) -> bool:
    x, y = (eyes.box[0] + eyes.box[2]) / 2, (eyes.box[1] + eyes.box[3]) / 2
    return face.box[0] <= x <= face.box[2] and face.box[1] <= y <= face.box[3]


def _scores(found: Sequence[Part], least: Any) -> list[Score]:
    """The lowest score of each kind, held against what is bad."""
    scores = []
    for kind in dict.fromkeys(one.kind for one in found):
        value, limit = min(one.score for one in found if one.kind == kind), least(kind)
        scores.append(Score(name=f"{kind}_lowest", value=value, threshold=limit, op=">=", passed=value >= limit))
    return scores


def _told(part: Part) -> dict[str, Any]:
    return {
        "kind": part.kind,
        "place": [round(edge) for edge in part.box],
        "score": part.score,
        "measures": part.measures,
    }


def _fate(fate: Fate) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": fate.part.kind,
        "place": [round(edge) for edge in fate.part.box],
        "before": fate.part.score,
    }
    told |= {"after": fate.after, "kept": fate.after is not None, "tries": fate.tries}
    return told if fate.why is None else {**told, "why": fate.why}


def _why(fate: Fate) -> str:
    what = f"{fate.part.kind} ({worst(fate.part.kind, fate.part.measures)})"
    return f"{what}: {fate.why}" if fate.why is not None else f"{what}: better, and bad still ({fate.after:.2f})"
