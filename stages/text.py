"""Set a headline and a caption on a picture: shaped, broken into lines, fitted and legible on what is behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.ingredient import Ingredient
from imajin_cli.contract.sidecar import Credit, Request, Score
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage

if TYPE_CHECKING:
    from imajin_cli.stages.backends.fonts import FontFile, Library
    from imajin_cli.stages.imaging.typeset.area import Area
    from imajin_cli.stages.imaging.typeset.compose import Canvas, Setting
    from imajin_cli.stages.imaging.typeset.fit import Block, Fitted, Limits
    from imajin_cli.stages.imaging.typeset.model import Style

HEADLINE_MAX, CAPTION_MAX = 200, 500
GAP = 0.85  # between headline and caption, in em of the caption
_CAPTION_LEADING = 1.25
# The optical size that a font with such an axis is set at: display cuts are tighter.
_OPTICAL = {"headline": 32.0, "caption": 16.0}
# An area that makes the headline smaller than this part of its largest size is passed over for the next.
_COMFORT = 0.62


class TextParams(Params):
    """What is set, in which font and size, and where."""

    headline: str | None = Field(None, description="Headline; by default the request's; an empty one sets none.")
    caption: str | None = Field(
        None, description="Caption under the headline; by default the request's; an empty one sets none."
    )
    font: str = Field(
        "inter", max_length=1024, description="Family with a fontpkg-… package, or a .ttf, .otf or .ttc file."
    )
    language: str | None = Field(
        None,
        max_length=35,
        description="Language tag (de, ar, ja, zh-Hant …): which glyphs are right; guessed from the script.",
    )
    headline_weight: int = Field(700, ge=100, le=900, description="Weight of the headline, where the font is variable.")
    caption_weight: int = Field(400, ge=100, le=900, description="Weight of the caption, where the font is variable.")
    headline_min: float | None = Field(
        None, ge=4, le=2000, description="Smallest headline in px; by default by the picture's size."
    )
    headline_max: float | None = Field(
        None, ge=4, le=2000, description="Largest headline in px; by default by the picture's size."
    )
    caption_min: float | None = Field(
        None, ge=4, le=2000, description="Smallest caption in px; by default by the picture's size."
    )
    caption_max: float | None = Field(
        None, ge=4, le=2000, description="Largest caption in px; by default by the picture's size."
    )
    headline_lines: int = Field(3, ge=1, le=12, description="Most lines of the headline.")
    caption_lines: int = Field(4, ge=1, le=24, description="Most lines of the caption.")
    line_height: float = Field(
        1.16, ge=0.8, le=3, description="Line height of the headline in em; the caption has a quarter more."
    )
    letter_spacing: float = Field(
        0.0, ge=-0.1, le=0.5, description="Extra space between letters in em (never in joined scripts)."
    )
    direction: Literal["auto", "ltr", "rtl"] = Field(
        "auto", description="Reading direction; auto goes by the first letter."
    )
    align: Literal["auto", "start", "center", "end"] = Field(
        "auto", description="How lines stand; auto goes by the place."
    )
    place: Literal["auto", "top", "bottom", "left", "right", "center", "below"] = Field(
        "auto",
        description="Where the text goes; auto: the scene's text area, beside the subject, or below on new canvas.",
    )
    colour: str | None = Field(
        None,
        pattern=r"^#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$",
        description="Ink as #rrggbb; by default from the scene's palette.",
    )
    plate: Literal["auto", "always", "never"] = Field(
        "auto", description="A plate under the text: where contrast needs it."
    )
    overflow: Literal["reject", "ellipsis"] = Field(
        "reject", description="Text too long for its place: rejected, or cut with …"
    )


@dataclass(frozen=True)
class _Role:
    """One block of text: a headline or a caption."""

    name: str
    weight: int
    fonts: Library
    block: Block


class Text(Stage[TextParams]):
    """Set a headline and a caption with real typography.

    A scene stays a scene: the text is one more layer of it.
    """

    name: ClassVar[str] = "text"
    kind: ClassVar[Kind] = Kind.TRANSFORM
    version: ClassVar[str] = "1"
    Params = TextParams
    rejects_with: ClassVar[Exit] = Exit.QUALITY

    def apply(self, asset: Asset) -> Outcome:
        """Set the text of one asset.

        Raises InputError for text that cannot be set, MissingError where no installed font has its letters.
        """
        headline, caption = self._words(asset)
        if headline is None and caption is None:
            return Outcome(status="skipped", reason="there is neither a headline nor a caption")
        refused = _refusal(asset, headline, caption)
        if refused is not None:
            return Outcome("rejected", reason=f"caption-policy: {refused}", code=Exit.INVALID)
        if asset.picture is None:
            raise InputError(f"{asset.name} has no picture to set text on")
        from imajin_cli.stages.backends.resvg import render
        from imajin_cli.stages.imaging.typeset.compose import canvas_of

        canvas = canvas_of(asset.picture, render)
        roles = self._roles(headline, caption, canvas.size)
        setting = self._set([role.block for role in roles], canvas)
        if setting is None:
            return self._rejected("the text does not fit its place at the smallest size", [])
        return self._inked(roles, setting, canvas)

    def fonts(self, request: Request | None) -> Sequence[Ingredient]:
        """The fonts that may set the words; none where there are none."""
        p = self.params
        headline = p.headline if p.headline is not None or request is None else request.headline
        caption = p.caption if p.caption is not None or request is None else request.caption
        words = f"{headline or ''}{caption or ''}"
        if not words.strip():
            return ()
        from imajin_cli.stages.backends.fonts import fonts_for
        from imajin_cli.stages.imaging.typeset.scripts import script_of

        return fonts_for(set(map(script_of, words)), p.font, p.language or "")

    def _words(self, asset: Asset) -> tuple[str | None, str | None]:
        from imajin_cli.stages.imaging.typeset.words import cleaned

        request, p = asset.sidecar.request, self.params
        headline = p.headline if p.headline is not None or request is None else request.headline
        caption = p.caption if p.caption is not None or request is None else request.caption
        return cleaned(headline, "headline", HEADLINE_MAX), cleaned(caption, "caption", CAPTION_MAX)

    def _roles(self, headline: str | None, caption: str | None, size: tuple[int, int]) -> list[_Role]:
        """The text shaped, headline first."""
        from imajin_cli.stages.backends.fonts import font_named
        from imajin_cli.stages.backends.harfbuzz import language_ok
        from imajin_cli.stages.imaging.typeset.area import largest_sizes
        from imajin_cli.stages.imaging.typeset.fit import Limits
        from imajin_cli.stages.imaging.typeset.model import Style
        from imajin_cli.stages.imaging.typeset.words import language_of

        p = self.params
        language = p.language or language_of(headline, caption)
        if not language_ok(language):
            raise InputError(f"{language!r} is no language tag")
        first = font_named(p.font)
        hmin, hmax, cmin, cmax = largest_sizes(size, (p.headline_min, p.headline_max, p.caption_min, p.caption_max))
        roles = []
        if headline is not None:
            style = Style(language, p.line_height, p.letter_spacing, p.direction)
            limits = Limits(hmin, hmax, p.headline_lines)
            roles.append(_role("headline", headline, p.headline_weight, style, limits, first))
        if caption is not None:
            style = Style(language, p.line_height * _CAPTION_LEADING, p.letter_spacing, p.direction)
            limits = Limits(cmin, cmax, p.caption_lines)
            roles.append(_role("caption", caption, p.caption_weight, style, limits, first))
        return roles

    def _set(self, blocks: Sequence[Block], canvas: Canvas) -> Setting | None:
        """Set the blocks in the first area where they are comfortable, else in the one where they are largest."""
        from imajin_cli.stages.imaging.typeset.area import areas
        from imajin_cli.stages.imaging.typeset.fit import fit, truncate

        found: list[tuple[Area, list[Fitted]]] = []
        tried = areas(canvas.size, canvas.scene, self.params.place)
        for area in tried:
            fitted = fit(blocks, area.box[2:], GAP)
            if fitted is not None:
                found.append((area, fitted))
                if fitted[0].size >= _COMFORT * blocks[0].limits.largest:
                    return self._settled(area, blocks, fitted, canvas)
        if found:
            area, fitted = max(found, key=lambda pair: pair[1][0].size)
            return self._settled(area, blocks, fitted, canvas)
        cut = truncate(blocks, tried[0].box[2:], GAP) if self.params.overflow == "ellipsis" else None
        return replace(self._settled(tried[0], blocks, cut, canvas), cut=True) if cut else None

    def _settled(self, area: Area, blocks: Sequence[Block], fitted: list[Fitted], canvas: Canvas) -> Setting:
        from imajin_cli.stages.imaging.typeset.area import margin
        from imajin_cli.stages.imaging.typeset.compose import Setting
        from imajin_cli.stages.imaging.typeset.setting import place, union

        align = area.align if self.params.align == "auto" else self.params.align
        done = place(blocks, fitted, area.box, align, GAP)
        if not area.extends:
            return Setting(area, done, canvas.size[1])
        _, top, _, bottom = union(done)
        x, y, width, _ = area.box
        height = max(canvas.size[1], round(y + bottom - top + margin(canvas.size)))
        return Setting(area, place(blocks, fitted, (x, y, width, bottom - top), align, GAP), height)

    def _inked(self, roles: Sequence[_Role], setting: Setting, canvas: Canvas) -> Outcome:
        """Choose inks by what is behind the letters, and draw."""
        from imajin_cli.stages.imaging.typeset.compose import drawn, inks
        from imajin_cli.stages.imaging.typeset.ink import needed

        needs = [needed(block.size, role.weight) for role, block in zip(roles, setting.blocks, strict=True)]
        chosen, reached = inks(canvas, setting, needs, self.params.colour, self.params.plate)
        if chosen is None:
            reason = f"no ink is legible on what is behind the text: contrast {reached:.2f}, needed {max(needs):g}"
            low = Score(name="contrast", value=round(reached, 2), threshold=max(needs), op=">=", passed=False)
            return self._rejected(reason, [low])
        names = [role.name for role in roles]
        scores = _scores(names, setting, chosen.ratios, needs)
        notes = _notes(names, setting, chosen.colours, canvas)
        if chosen.plate is not None:
            notes["plate"] = {"colour": chosen.plate[0], "opacity": chosen.plate[1]}
        return Outcome(
            status="changed",
            scores=scores,
            picture=drawn(canvas, setting, chosen),
            backend="harfbuzz",
            notes=notes,
            credits=_credits(roles),
        )

    def _rejected(self, reason: str, scores: list[Score]) -> Outcome:
        return Outcome(status="rejected", reason=reason, code=self.rejects_with, scores=scores, backend="harfbuzz")


def _refusal(asset: Asset, headline: str | None, caption: str | None) -> str | None:
    """Why the words must not be drawn. What `validate` has passed with the request is not judged again."""
    request = asset.sidecar.request
    passed = any(record.stage == "validate" and record.status == "passed" for record in asset.sidecar.stages)
    known = {request.headline, request.caption} if request is not None and passed else set()
    new = [words for words in (headline, caption) if words is not None and words not in known]
    if not new:
        return None
    from imajin_cli.stages.policy.judge import refusal

    return refusal("\n".join(new))


def _role(name: str, text: str, weight: int, style: Style, limits: Limits, first: FontFile) -> _Role:
    from imajin_cli.stages.backends.fonts import Library
    from imajin_cli.stages.imaging.typeset.fit import Block
    from imajin_cli.stages.imaging.typeset.paragraph import Paragraph

    fonts = Library(language=style.language, axes={"wght": weight, "opsz": _OPTICAL[name]}, first=first)
    return _Role(name, weight, fonts, Block.of(Paragraph(text, style, fonts), limits))


def _scores(names: Sequence[str], setting: Setting, ratios: Sequence[float], needs: Sequence[float]) -> list[Score]:
    scores = []
    for name, block, ratio, need in zip(names, setting.blocks, ratios, needs, strict=True):
        scores.append(Score(name=f"{name}_contrast", value=ratio, threshold=need, op=">=", passed=ratio >= need))
        scores.append(Score(name=f"{name}_size", value=round(block.size, 2), unit="px"))
        scores.append(Score(name=f"{name}_lines", value=len(block.lines)))
    return scores


def _notes(names: Sequence[str], setting: Setting, colours: Sequence[str], canvas: Canvas) -> dict[str, Any]:
    from imajin_cli.stages.imaging.typeset.setting import union

    x0, y0, x1, y1 = union(setting.blocks)
    notes: dict[str, Any] = {
        "place": setting.area.name,
        "box": [round(v, 2) for v in (x0, y0, x1 - x0, y1 - y0)],
        "colours": dict(zip(names, colours, strict=True)),
        "text": {name: block.text for name, block in zip(names, setting.blocks, strict=True)},
    }
    if canvas.sample.getchannel("A").getextrema() != (255, 255):
        notes["judged_on"] = canvas.paper
    if setting.cut:
        notes["cut"] = True
    return notes


def _credits(roles: Sequence[_Role]) -> list[Credit]:
    """Each font once, by name."""
    found = {credit.name: credit for role in roles for credit in role.fonts.credits.values()}
    return [found[name] for name in sorted(found)]
