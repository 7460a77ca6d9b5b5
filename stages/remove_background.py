"""Remove the background: leave a vector's ground out, solve a flat ground exactly, or ask a network. Never guess silently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from imajin_cli.contract.digest import json_digest
from imajin_cli.contract.errors import InputError, MissingError
from imajin_cli.contract.ingredient import Ingredient
from imajin_cli.contract.need import Need
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import ModelRef, Score
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage
from imajin_cli.stages.backends.footprint import on_cpu

if TYPE_CHECKING:
    from imajin_cli.stages.imaging.matte.ground import Bytes, Floats, Ground

PERSON = "selfie-matte"
# Of the border: what must show one colour for the ground to be flat, and be see-through for it to be gone already.
FLAT_SHARE, CLEAR_SHARE = 0.85, 0.5
# A matte that leaves less, or takes away less, than this share of the picture has found nothing.
_LEAST = 0.001
_CLEAR_LEVEL = 8


class RemoveBackgroundParams(Params):
    """How the background is told from what stands before it."""

    method: Annotated[
        Literal["auto", "vector", "flat", "network", "person"],
        Field(description="vector and flat are exact; network and person ask a model; auto takes the first that can."),
    ] = "auto"
    keep: Annotated[
        Literal["scene", "subject"], Field(description="scene: all but the ground; subject: the main drawing alone.")
    ] = "scene"
    enclosed: Annotated[
        Literal["keep", "remove"],
        Field(
            description="Parts in the flat ground's colour that are surrounded, such as an eye's white or a ring's hole."
        ),
    ] = "keep"
    edge: Annotated[int, Field(ge=1, le=64, description="Widest soft edge before a flat ground, in pixels.")] = 3
    blending: Annotated[
        Literal["srgb", "linear"], Field(description="How edges were blended: browsers and drawing programs use srgb.")
    ] = "srgb"
    model: Annotated[
        Literal[
            "isnet-small",
            "isnet-medium",
            "isnet-general-use",
            "isnet-anime",
            "u2net",
            "u2netp",
            "u2net-human-seg",
            "silueta",
            "birefnet-general",
            "birefnet-general-lite",
            "birefnet-portrait",
        ],
        Field(
            description="The network's name in the model catalogue; all but isnet-small and -medium are yours to list."
        ),
    ] = "isnet-small"
    refine: Annotated[bool, Field(description="Move a network's edges to where the picture's own are.")] = True
    decontaminate: Annotated[
        bool, Field(description="Take the background out of the colours of a network's edges.")
    ] = True
    min_confidence: Annotated[
        float, Field(ge=0, le=1, description="Least confidence, 0 to 1; below it the picture cannot be cut out.")
    ] = 0.85


class RemoveBackground(Stage[RemoveBackgroundParams]):
    """Cut a picture out of its background.

    A vector's ground is left out of it, a flat ground is solved for, anything else is a network's to tell. The record says
    which it was and how sure it is; what cannot be cut out is an error, not a bad matte.
    """

    name: ClassVar[str] = "remove-background"
    kind: ClassVar[Kind] = Kind.TRANSFORM
    version: ClassVar[str] = "1"
    Params = RemoveBackgroundParams

    def models(self) -> Sequence[str]:
        """The model that a network or person matte is asked of; auto may do without, and records what it took."""
        named: dict[str, list[str]] = {"network": [self.params.model], "person": [PERSON]}
        return named.get(self.params.method, [])

    def ingredients(self) -> Sequence[Ingredient]:
        """The models that may be asked, whether or not they are on this machine."""
        names = () if self.params.method in ("vector", "flat") else dict.fromkeys((self.params.model, PERSON))
        return [Ingredient("model", name) for name in names]

    def needs(self) -> Sequence[Need]:
        """What the network takes, where one may be asked that is on this machine."""
        if self.params.method in ("vector", "flat"):
            return ()
        from imajin_cli.stages.backends.mattes import there

        return on_cpu(self.models() or [name for name in (self.params.model, PERSON) if there(name)][:1])

    def revision(self) -> str:
        """The models that the result may depend on, and whether they are on this machine."""
        if self.params.method in ("vector", "flat"):
            return ""
        from imajin_cli.stages.backends.mattes import state_of

        return json_digest([state_of(name) for name in (self.params.model, PERSON)])[:16]

    def apply(self, asset: Asset) -> Outcome:
        """Cut one picture out.

        Raises InputError where it cannot be done, and says why; MissingError where a model is needed that is absent.
        """
        picture = asset.picture
        if picture is None:
            raise InputError(f"{asset.name}: there is no picture to cut out")
        try:
            return self._cut(picture)
        except InputError as error:
            raise InputError(f"{asset.name}: cannot remove the background: {error.message}", hint=error.hint) from error

    def _cut(self, picture: Picture) -> Outcome:
        method = self.params.method
        if method in ("auto", "vector"):
            outcome = self._from_vector(picture, must=method == "vector")
            if outcome is not None:
                return outcome
        if _is_clear(picture):
            return Outcome("skipped", reason="the background is see-through already")
        if method in ("auto", "flat"):
            outcome = self._from_flat(picture, must=method == "flat")
            if outcome is not None:
                return outcome
        return self._from_network(picture, self._network())

    def _from_vector(self, picture: Picture, *, must: bool) -> Outcome | None:
        """The vector drawn without its ground, None where there is none to leave out."""
        if picture.vector is None:
            if must:
                raise InputError("there is no vector to draw it from", hint="--method auto")
            return None
        from imajin_cli.stages.backends.resvg import render
        from imajin_cli.stages.imaging.matte.scene import without_ground

        size = picture.size
        found = without_ground(picture.vector, size, self.params.keep)
        if found is None:
            if must and not _is_clear(picture):
                raise InputError("the SVG has no ground that can be told from what it shows", hint="--method flat")
            return None
        vector, left_out = found
        done = Picture(size, lambda: render(vector.svg, *size), vector=vector)
        share = _clear_share(done)
        if share > 1 - _LEAST:
            raise InputError("nothing would be left")
        return _outcome(done, "vector", 1.0, share, left_out=list(left_out))

    def _from_flat(self, picture: Picture, *, must: bool) -> Outcome | None:
        """The picture off its flat ground, None where the ground is not flat."""
        from imajin_cli.stages.imaging.matte.flat import cut_out
        from imajin_cli.stages.imaging.matte.ground import find_ground

        p = self.params
        if p.keep == "subject":
            if must:
                raise InputError("a flat ground does not tell the subject from the rest", hint="--method network")
            return None
        pixels, own = _planes(picture)
        ground = find_ground(pixels)
        if ground.share < FLAT_SHARE:
            if must:
                raise InputError(f"the ground is not flat: one colour covers {ground.share:.0%} of the border")
            return None
        cut = cut_out(pixels, ground, edge=p.edge, holes=p.enclosed == "remove", linear=p.blending == "linear")
        if cut.removed > 1 - _LEAST:
            raise InputError("nothing stands out from the ground")
        sure = ground.share * (1 - cut.unsure)
        if sure < p.min_confidence:
            if must:
                raise InputError(f"most edges are of no colour that the shapes have: confidence {sure:.2f}")
            return None
        notes = _flat_notes(ground, cut.enclosed, cut.unsure, p.enclosed)
        return _outcome(_picture(cut.pixels, own), "flat", sure, cut.removed, **notes)

    def _network(self) -> str:
        """The model to ask: the one that was named, or with auto the first that is on this machine."""
        from imajin_cli.stages.backends.mattes import there

        p = self.params
        if p.method == "person" or (p.method == "auto" and not there(p.model) and there(PERSON)):
            return PERSON
        if p.method == "auto" and not there(p.model):
            # Of a model in no catalogue, the catalogue says so itself.
            raise MissingError(
                f"the ground is not flat, and the model {p.model} is not on this machine",
                hint=f"imajin models pull {p.model}",
            )
        return p.model

    def _from_network(self, picture: Picture, name: str) -> Outcome:
        from imajin_cli.stages.backends import mattes
        from imajin_cli.stages.imaging.matte.soft import belief, cut_out

        pixels, own = _planes(picture)
        image = picture.image.convert("RGB")
        matte: Floats = mattes.person(image) if name == PERSON else mattes.matte(name, image)
        found = belief(matte)
        if not _LEAST < found.share < 1 - _LEAST:
            what = "a person" if name == PERSON else "a foreground"
            raise InputError(f"{name} finds no outline of {what}")
        if found.decided < self.params.min_confidence:
            raise InputError(f"{name} is not sure of what it sees: confidence {found.decided:.2f}")
        done = cut_out(pixels, matte, refine=self.params.refine, clean=self.params.decontaminate)
        revision, licence = mattes.licence_of(name)
        model = ModelRef(name=name, revision=revision, licence=licence)
        method = "person" if name == PERSON else "network"
        return _outcome(_picture(done, own), method, found.decided, float((done[..., 3] == 0).mean()), model=model)


def _planes(picture: Picture) -> tuple[Bytes, Bytes | None]:
    """RGB pixels (height, width, 3), and the alpha (height, width) of a picture that has one."""
    import numpy as np

    image = picture.image
    own = np.asarray(image.getchannel("A")) if "A" in image.mode else None
    return np.asarray(image.convert("RGB")), own


def _picture(pixels: Bytes, own: Bytes | None) -> Picture:
    """``pixels`` (height, width, 4) as a picture; where the old one was see-through already, so is this one."""
    import numpy as np
    from PIL import Image

    if own is not None:
        pixels = pixels.copy()
        pixels[..., 3] = np.round(pixels[..., 3].astype(np.float32) * own / 255).astype(np.uint8)
    return Picture.of(Image.fromarray(np.ascontiguousarray(pixels), "RGBA"))


def _is_clear(picture: Picture) -> bool:
    """Whether the border shows that there is no background: at least half of it is see-through."""
    import numpy as np

    image = picture.image
    if "A" not in image.mode:
        return False
    alpha = np.asarray(image.getchannel("A"))
    border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    return bool((border <= _CLEAR_LEVEL).mean() >= CLEAR_SHARE)


def _clear_share(picture: Picture) -> float:
    import numpy as np

    return float((np.asarray(picture.image.getchannel("A")) == 0).mean())


def _flat_notes(ground: Ground, enclosed: float, unsure: float, choice: str) -> dict[str, Any]:
    colour = "#" + "".join(f"{round(float(level)):02x}" for level in ground.colour)
    notes: dict[str, Any] = {
        "ground": colour,
        "tolerance": round(ground.tolerance, 2),
        "unsure_edges": round(unsure, 4),
    }
    if enclosed > 0:
        fate = "removed" if choice == "remove" else "kept"
        notes["enclosed"] = f"{enclosed:.2%} of the picture has the ground's colour and is surrounded: {fate}"
    return notes


def _outcome(
    picture: Picture, method: str, confidence: float, removed: float, *, model: ModelRef | None = None, **notes: Any
) -> Outcome:
    scores = [
        Score(name="confidence", value=round(confidence, 4)),
        Score(name="removed", value=round(removed, 4), unit="share"),
    ]
    return Outcome(
        "changed", picture=picture, backend=method, model=model, scores=scores, notes={"method": method, **notes}
    )
