"""Mark a picture: for eyes, with words or an image, and for programs, with a short id in its pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from imajin_cli.contract.bounded import read_named
from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.ingredient import Ingredient, file
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Credit, Score
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage

if TYPE_CHECKING:
    from imajin_cli.stages.imaging.marking.visible import Drawing

TEXT_MAX = 80
_IMAGE_BYTES = 16 << 20
# Letters lower than this many px are a smudge.
_LEAST_TEXT = 7.0


class WatermarkParams(Params):
    """What marks a picture. Without a text, an image and a payload nothing is marked."""

    text: str | None = Field(None, max_length=TEXT_MAX, description="Words of the visible mark.")
    image: str | None = Field(
        None, max_length=4096, description="Picture (SVG, PNG …) that is the visible mark, instead of words."
    )
    place: Literal[
        "top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right"
    ] = Field(
        "bottom-right",
        description="Where the visible mark stands; it moves towards the middle until it stands on opaque ground.",
    )
    size: float = Field(
        0.2, ge=0.02, le=1, description="Longer side of the visible mark, in parts of the shorter side."
    )
    margin: float = Field(0.04, ge=0, le=0.4, description="Its distance from the edges, in parts of the shorter side.")
    opacity: float = Field(0.6, ge=0.05, le=1, description="Its opacity; raised where it would hardly be seen.")
    tone: Literal["auto", "light", "dark", "own"] = Field(
        "auto", description="Its colour: light or dark, auto by what is behind it; own keeps an image's colours."
    )
    contrast: float = Field(1.4, ge=1, le=10, description="Least contrast ratio with what is behind it.")
    font: str = Field(
        "inter", max_length=1024, description="Family with a fontpkg-… package, or a .ttf, .otf or .ttc file."
    )
    weight: int = Field(600, ge=100, le=900, description="Weight of the words, where the font is variable.")
    payload: str | None = Field(
        None, max_length=32, description="Invisible mark: text of up to 8 bytes, or 0x and hexadecimal digits."
    )
    unmarkable: Literal["pass", "reject"] = Field(
        "pass", description="A picture that cannot carry a mark that was asked for: said and passed on, or rejected."
    )

    @field_validator("payload")
    @classmethod
    def _payload(cls, text: str | None) -> str | None:
        if text:
            from imajin_cli.stages.imaging.marking.codeword import parse_payload

            parse_payload(text)
        return text or None


@dataclass(frozen=True)
class _Done:
    """One mark: the picture with it, what the record says, and why it is not there."""

    picture: Picture
    told: dict[str, Any]
    why: str | None = None
    credits: Sequence[Credit] = ()


class Watermark(Stage[WatermarkParams]):
    """Mark a picture visibly, invisibly, or both. With --read, print what a file carries.

    A scene stays a scene: the visible mark is one more layer of it. `output` puts the invisible one into every size.
    """

    name: ClassVar[str] = "watermark"
    kind: ClassVar[Kind] = Kind.TRANSFORM
    version: ClassVar[str] = "1"
    Params = WatermarkParams
    # Where somebody keeps a logo is no part of the work; what is in it is part of the key, by its digest.
    unrecorded: ClassVar[frozenset[str]] = frozenset({"image"})
    rejects_with: ClassVar[Exit] = Exit.QUALITY
    tells_marks: ClassVar[bool] = True

    def revision(self) -> str:
        """Digest of the mark's image. Raises InputError for one that cannot be read."""
        return sha256(self._image_bytes)[:16] if self.params.image else ""

    def ingredients(self) -> Sequence[Ingredient]:
        """The mark's image, and the fonts of its words."""
        image = [] if not self.params.image else [file(self.params.image)]
        if not self.params.text:
            return image
        from imajin_cli.stages.backends.fonts import fonts_for
        from imajin_cli.stages.imaging.typeset.scripts import script_of

        return [*image, *fonts_for(set(map(script_of, self.params.text)), self.params.font, "")]

    def carried(self, data: bytes) -> dict[str, Any]:
        """What the file ``data`` carries. Raises InputError where it is no picture."""
        from imajin_cli.stages.marks.telling import carried

        return carried(data)

    def apply(self, asset: Asset) -> Outcome:
        """Mark one asset; skipped where no mark is set. What cannot be marked is said, or rejected (15).

        Raises InputError for words that cannot be set or an image that cannot be read, MissingError for a font that is
        not there.
        """
        p = self.params
        if not (p.text or p.image or p.payload):
            return Outcome("skipped", reason="no mark is set")
        refused = _refusal(p.text)
        if refused is not None:
            return Outcome("rejected", reason=f"caption-policy: {refused}", code=Exit.INVALID)
        if asset.picture is None:
            raise InputError(f"{asset.name} has no picture to mark")
        picture, made = asset.picture, dict[str, _Done]()
        for name, work in (("visible", self._visible), ("invisible", self._invisible)):
            done = work(picture)
            if done is not None:
                picture, made[name] = done.picture, done
        return self._outcome(asset.picture, picture, made)

    def _outcome(self, before: Picture, after: Picture, made: Mapping[str, _Done]) -> Outcome:
        reason = "; ".join(f"{name} mark: not markable: {done.why}" for name, done in made.items() if done.why)
        notes = {name: done.told for name, done in made.items()}
        scores = _scores(notes)
        if reason and self.params.unmarkable == "reject":
            return Outcome("rejected", reason=reason, code=self.rejects_with, scores=scores, notes=notes)
        if after is before:
            return Outcome("skipped", reason=reason, notes=notes, scores=scores)
        fonts = [credit for done in made.values() for credit in done.credits]
        return Outcome("changed", reason=reason or None, picture=after, notes=notes, scores=scores, credits=fonts)

    def _visible(self, picture: Picture) -> _Done | None:
        p = self.params
        if not (p.text or p.image):
            return None
        from imajin_cli.stages.backends.resvg import render
        from imajin_cli.stages.imaging.marking import visible

        bare = visible.without_mark(picture, render)
        longer = p.size * min(picture.size)
        drawing = self._of_image(longer) if p.image else self._of_text(longer)
        kind = "image" if p.image else "text"
        if isinstance(drawing, str):
            return _Done(picture, {"kind": kind, "marked": False, "why": drawing}, drawing)
        wanted = visible.Wanted(p.place, p.margin, p.opacity, p.tone, p.contrast)
        found = visible.set_mark(bare, drawing, wanted, render)
        if isinstance(found, str):
            return _Done(picture, {"kind": kind, "marked": False, "why": found}, found)
        told = {"kind": kind, "marked": True, **found.told}
        return _Done(visible.drawn(bare, found, render), told, credits=drawing.credits)

    def _invisible(self, picture: Picture) -> _Done | None:
        if self.params.payload is None:
            return None
        from imajin_cli.stages.imaging.marking.codeword import parse_payload, shown
        from imajin_cli.stages.imaging.marking.invisible import mark

        payload = parse_payload(self.params.payload)
        done = mark(picture.image, payload)
        told = {"method": "dwtDctSvd, luma", "payload": shown(payload), "marked": done.why is None, "cells": done.cells}
        if done.why is not None:
            return _Done(picture, {**told, "why": done.why}, done.why)
        return _Done(Picture.of(done.image, vector=picture.vector), told)

    def _of_image(self, longer: float) -> Drawing:
        from imajin_cli.stages.imaging.decode import Limits, decode
        from imajin_cli.stages.imaging.marking.visible import of_image

        name = str(self.params.image)
        try:
            image = decode(self._image_bytes, replace(Limits(), svg_side=512)).image
        except InputError as error:
            raise InputError(f"the mark {name}: {error.message}", hint=error.hint) from None
        return of_image(image, longer, Path(name).stem[:TEXT_MAX])

    def _of_text(self, longer: float) -> Drawing | str:
        from imajin_cli.stages.imaging.marking.visible import of_text
        from imajin_cli.stages.marks.words import set_line

        block, fonts = set_line(str(self.params.text), self.params.font, self.params.weight, longer)
        if block.size < _LEAST_TEXT:
            return f"its letters would be {block.size:.1f} px high, less than {_LEAST_TEXT:g}"
        return of_text(block, fonts)

    @cached_property
    def _image_bytes(self) -> bytes:
        """The bytes of the mark's image. Raises InputError."""
        name = str(self.params.image)
        data = read_named(name, "the mark", _IMAGE_BYTES)
        if len(data) > _IMAGE_BYTES:
            raise InputError(f"the mark {name}: larger than {_IMAGE_BYTES >> 20} MiB")
        return data


def _refusal(text: str | None) -> str | None:
    """Why the words must not be drawn: they are held to the same policy as captions."""
    if not text:
        return None
    from imajin_cli.stages.policy.judge import refusal

    return refusal(text)


def _scores(notes: dict[str, Any]) -> list[Score]:
    scores = []
    if "contrast" in notes.get("visible", {}):
        scores.append(Score(name="mark_contrast", value=notes["visible"]["contrast"]))
    if "invisible" in notes:
        scores.append(Score(name="mark_cells", value=notes["invisible"]["cells"]))
    return scores
