"""Take off marks that a model painted though nobody asked for them: stock names, previews, signatures, tiled overlays.

On our own output alone, and never a mark of provenance: see ``stages/mending/origin.py`` for whose pixels it works on.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from imajin_cli.stages.backends.footprint import on_cpu
from imajin_cli.stages.mending.origin import is_composed, made_by

if TYPE_CHECKING:
    from imajin_cli.stages.diffusion.models import Known
    from imajin_cli.stages.mending.painter import Mender
    from imajin_cli.stages.strays.find import Looking, Mark
    from imajin_cli.stages.strays.remove import Fate, Fill, Removed

Texts = Annotated[list[str], Field(max_length=64)]
NEGATIVE = "watermark, text, letters, signature, logo"
_TOLD = 32


class RemoveWatermarkParams(Params):
    """What counts as a mark, and what it is painted over with."""

    method: Annotated[
        Literal["telea", "generator"],
        Field(description="Fill from the surroundings (OpenCV's Telea), or paint anew with a diffusion model."),
    ] = "telea"
    model: Annotated[
        str | None,
        Field(
            max_length=1024,
            description="Diffusion model of --method generator; by default the one that made the picture.",
        ),
    ] = None
    steps: Annotated[int | None, Field(ge=1, le=200, description="Its denoising steps; by default its own.")] = None
    dtype: Annotated[Literal["auto", "fp32", "bf16", "fp16"], Field(description="Its number format.")] = "auto"
    signatures: Annotated[bool, Field(description="Look for small writing in the corners.")] = True
    tiles: Annotated[bool, Field(description="Look for a mark that is laid over the picture again and again.")] = True
    words: Annotated[Texts, Field(description="Further word that is a stock mark; repeat it for several.")] = []
    keep: Annotated[
        Texts, Field(description="Text that is to stay, beside the request's own headline, caption and quoted words.")
    ] = []
    feather: Annotated[int, Field(ge=0, le=64, description="Soft edge around what is painted anew, in pixels.")] = 6
    unremoved: Annotated[
        Literal["pass", "reject"],
        Field(description="A mark that cannot be taken off: said and passed on, or rejected (15)."),
    ] = "pass"


class RemoveWatermark(Stage[RemoveWatermarkParams]):
    """Take hallucinated watermarks and signatures off our own pictures.

    Refused (2) for whatever imajin's generate did not make alone, and for what carries a mark of provenance.
    """

    name: ClassVar[str] = "remove-watermark"
    kind: ClassVar[Kind] = Kind.TRANSFORM
    version: ClassVar[str] = "1"
    Params = RemoveWatermarkParams
    sees_file: ClassVar[bool] = True
    # Recorded by name and revision, wherever it lies.
    unrecorded: ClassVar[frozenset[str]] = frozenset({"model"})
    rejects_with: ClassVar[Exit] = Exit.QUALITY

    @cached_property
    def _mender(self) -> Mender:
        from imajin_cli.stages.mending.painter import Manner, Mender

        p = self.params
        return Mender(Manner(p.model, p.steps, dtype=p.dtype, strength=1.0, negative=NEGATIVE))

    def models(self) -> Sequence[str]:
        """The text networks, and the diffusion model where one paints."""
        from imajin_cli.stages.backends import ocr

        return [ocr.DETECTOR, ocr.RECOGNISER, *(self._mender.names() if self._paints else [])]

    def ingredients(self) -> Sequence[Ingredient]:
        """The models, whether or not they are on this machine."""
        from imajin_cli.stages.backends import ocr

        texts = [Ingredient("model", name) for name in (ocr.DETECTOR, ocr.RECOGNISER)]
        return [*texts, *(self._mender.ingredients() if self._paints else [])]

    def needs(self) -> Sequence[Need]:
        """What the models take."""
        from imajin_cli.stages.backends import ocr

        return [*on_cpu([ocr.DETECTOR, ocr.RECOGNISER]), *(self._mender.needs() if self._paints else [])]

    def revision(self) -> str:
        """The models, and whether they are on this machine."""
        from imajin_cli.stages.backends import ocr
        from imajin_cli.stages.backends.onnx import state

        painter = self._mender.revision() if self._paints else []
        return json_digest([state(ocr.DETECTOR), state(ocr.RECOGNISER), *painter])[:16]

    @property
    def _paints(self) -> bool:
        return self.params.method == "generator"

    def apply(self, asset: Asset) -> Outcome:
        """Look for marks, take them off, look again.

        Raises InputError for a picture that is not ours alone or carries provenance, MissingError where a model is absent,
        UsageError where a generator is to paint and none is known.
        """
        picture = asset.picture
        if picture is None:
            raise InputError(f"{asset.name}: there is no picture to look for marks in")
        try:
            made = made_by(asset.sidecar, picture.sha256)
            _refuse_marked(asset)
        except InputError as error:
            raise InputError(
                f"{asset.name}: remove-watermark works on our own pictures alone: {error.message}"
            ) from error
        if is_composed(made, asset.sidecar):
            return Outcome("skipped", reason="a composed scene holds no mark that a model could have painted")
        return self._cleaned(asset, picture, made)

    def _cleaned(self, asset: Asset, picture: Picture, made: Record) -> Outcome:
        import numpy as np

        from imajin_cli.stages.strays.find import marks
        from imajin_cli.stages.strays.remove import removed

        looking = self._looking(asset.sidecar)
        pixels, alpha = _planes(picture)

        def find(levels: Any) -> list[Mark]:
            return marks(_on_white(levels, alpha), looking)

        found = find(pixels)
        if not found:
            return Outcome("skipped", reason="no mark was found", scores=[_score("marks", 0)])
        _refuse_invisible(picture, asset.name)
        known = self._mender.model_for(made) if self._paints else None
        done = removed(pixels, found, self._fill(asset, known), find, self.params.feather)
        shape = done.pixels if alpha is None else np.dstack([done.pixels, alpha])
        return self._outcome(picture, done, shape, known)

    def _looking(self, sidecar: Sidecar) -> Looking:
        from imajin_cli.stages.strays.find import Looking
        from imajin_cli.stages.strays.words import wanted

        p = self.params
        return Looking(wanted(sidecar.request, p.keep), tuple(p.words), p.signatures, p.tiles)

    def _fill(self, asset: Asset, known: Known | None) -> Fill:
        if known is None:
            from imajin_cli.stages.backends.inpaint import telea

            return telea
        paint = self._mender.painting(known)
        request, seed = asset.sidecar.request, asset.sidecar.seed or 0
        return lambda pixels, mask: paint(pixels, mask, request.prompt if request is not None else "", seed)

    def _outcome(self, picture: Picture, done: Removed, pixels: Any, known: Known | None) -> Outcome:
        from PIL import Image

        left = [fate for fate in done.fates if not fate.gone]
        scores = [_score("marks", len(done.fates)), _score("removed", len(done.fates) - len(left))]
        notes: dict[str, Any] = {"method": self.params.method, "marks": [_told(fate) for fate in done.fates[:_TOLD]]}
        notes["changed_pixels"] = done.changed
        reason = "; ".join(f"not removed: {_named(fate)}: {fate.why}" for fate in left[:4]) or None
        if left and self.params.unremoved == "reject":
            return Outcome("rejected", reason=reason, code=self.rejects_with, scores=scores, notes=notes)
        if not done.changed:
            return Outcome("skipped", reason=reason, scores=scores, notes=notes)
        model: ModelRef | None = None
        if known is not None:
            model, notes["painter"] = self._mender.ref(known), dict(self._mender.told)
        made = Picture.of(Image.fromarray(pixels).convert(picture.image.mode))
        return Outcome(
            "changed", reason=reason, picture=made, backend=self.params.method, model=model, scores=scores, notes=notes
        )


def _refuse_marked(asset: Asset) -> None:
    """Raise InputError where the asset was published, or carries a mark of ours, Content Credentials or IPTC's source type."""
    if any(record.stage == "output" and record.status not in ("rejected", "error") for record in asset.sidecar.stages):
        raise InputError(
            "it is published, and what it says of its origin stays",
        )
    if any(record.stage == "watermark" and record.status == "changed" for record in asset.sidecar.stages):
        raise InputError("it carries a mark of ours, which stays")
    if asset.raw is not None:
        from imajin_cli.stages.provenance.carried import provenance_in

        kind = provenance_in(asset.raw)
        if kind is not None:
            raise InputError(f"its file carries {kind}, which stays")


def _refuse_invisible(picture: Picture, name: str) -> None:
    """Raise InputError where the pixels carry an invisible mark. Read only where something would be painted over."""
    from imajin_cli.stages.imaging.marking.invisible import read

    if read(picture.image) is not None:
        raise InputError(f"{name}: remove-watermark leaves provenance alone: its pixels carry an invisible mark")


def _planes(picture: Picture) -> tuple[Any, Any]:
    """RGB pixels (height, width, 3), and the alpha (height, width) of a picture that has one."""
    import numpy as np

    image = picture.image
    alpha = np.asarray(image.getchannel("A")) if "A" in image.mode else None
    return np.asarray(image.convert("RGB")), alpha


def _on_white(pixels: Any, alpha: Any) -> Any:
    """RGB pixels as they look on white."""
    import numpy as np

    if alpha is None or alpha.min() == 255:
        return np.ascontiguousarray(pixels)
    share = alpha[..., None].astype(np.float32) / 255
    return np.round(pixels * share + 255 * (1 - share)).astype(np.uint8)


def _score(name: str, value: int) -> Score:
    return Score(name=name, value=value)


def _named(fate: Fate) -> str:
    return f"{fate.mark.kind} mark {fate.mark.text[:40]!r}" if fate.mark.text else f"{fate.mark.kind} mark"


def _told(fate: Fate) -> dict[str, Any]:
    mark = fate.mark
    told: dict[str, Any] = {"kind": mark.kind, "place": mark.place, "removed": fate.gone}
    if mark.text:
        told["text"] = mark.text[:200]
    if fate.why is not None:
        told["why"] = fate.why
    return told
