"""Measure sharpness, edges, padding, legibility, contrast, and reject what falls short.

What each value means, and where it comes from, stands in the module of that name in ``stages/imaging/metrics``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.sidecar import Score, Sidecar
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage

Share = Annotated[float | None, Field(ge=0, le=1)]
Ratio = Annotated[float | None, Field(ge=1, le=21)]


class QualityParams(Params):
    """A threshold for each measurement; None measures and does not judge. The defaults accept good flat art and photos."""

    min_sharpness: Annotated[Share, Field(description="Least sharpness of the sharpest edges (1: pixel-sharp).")] = 0.15
    max_banding: Annotated[Share, Field(description="Most of the picture, as a share, on visible stairs.")] = 0.05
    max_clipping: Annotated[Share, Field(description="Most of a photo, as a share, in pure white or black.")] = 0.25
    max_blockiness: Annotated[
        float | None, Field(ge=0, le=100, description="Most excess of steps on the JPEG grid over those off it.")
    ] = 0.5
    max_fringe: Annotated[
        Share, Field(description="Most that soft edges may be off the colour inside, of the range.")
    ] = 0.04
    min_content: Annotated[Share, Field(description="Least share of the picture with something to see.")] = 0.0005
    min_padding: Annotated[Share, Field(description="Least margin on every side, as a share of that side.")] = None
    max_box_offset: Annotated[Share, Field(description="Most that the content's box may be off centre.")] = None
    max_weight_offset: Annotated[Share, Field(description="Most that its centre of gravity may be off centre.")] = None
    min_contrast: Annotated[
        Ratio, Field(description="Least contrast ratio of the subject, on the better of a light and a dark ground.")
    ] = 1.2
    min_contrast_light: Annotated[Ratio, Field(description="Least contrast ratio of the subject on white.")] = None
    min_contrast_dark: Annotated[Ratio, Field(description="Least contrast ratio of the subject on #121212.")] = None
    min_text_contrast: Annotated[Ratio, Field(description="Least contrast ratio of any text that was set.")] = 3.0
    min_legible_16: Annotated[Share, Field(description="Least legibility at 16 px, on the better ground.")] = None
    min_legible_32: Annotated[Share, Field(description="Least legibility at 32 px, on the better ground.")] = None
    min_side: Annotated[int | None, Field(ge=1, le=100_000, description="Least pixels on the shorter side.")] = None
    budget_kb: Annotated[float | None, Field(gt=0, le=1e6, description="Most kB (1000 bytes) when encoded.")] = None
    budget_format: Annotated[
        Literal["webp", "png"], Field(description="Encoding that the budget is for: WebP of quality 80, or PNG.")
    ] = "webp"


class Rule(NamedTuple):
    """How a score is held against a param, its unit, and what is said of one that fails."""

    param: str
    op: Literal[">=", "<="]
    fault: str
    unit: str | None = None


RULES: dict[str, Rule] = {
    "content": Rule("min_content", ">=", "hardly anything to see", "share"),
    "sharpness": Rule("min_sharpness", ">=", "blurred"),
    "banding": Rule("max_banding", "<=", "gradients in stairs", "share"),
    "clipping": Rule("max_clipping", "<=", "tones lost in pure white or black", "share"),
    "blockiness": Rule("max_blockiness", "<=", "JPEG blocks"),
    "fringe": Rule("max_fringe", "<=", "a halo along the edges", "share"),
    "padding": Rule("min_padding", ">=", "too little padding", "share"),
    "box_offset": Rule("max_box_offset", "<=", "off centre", "share"),
    "weight_offset": Rule("max_weight_offset", "<=", "weight off centre", "share"),
    "contrast": Rule("min_contrast", ">=", "too little contrast", "ratio"),
    "contrast_light": Rule("min_contrast_light", ">=", "too little contrast on a light ground", "ratio"),
    "contrast_dark": Rule("min_contrast_dark", ">=", "too little contrast on a dark ground", "ratio"),
    "text_contrast": Rule("min_text_contrast", ">=", "text hard to read", "ratio"),
    "legible_16": Rule("min_legible_16", ">=", "not legible at 16 px"),
    "legible_32": Rule("min_legible_32", ">=", "not legible at 32 px"),
    "side": Rule("min_side", ">=", "too small", "px"),
    "webp_kb": Rule("budget_kb", "<=", "over the byte budget", "kB"),
    "png_kb": Rule("budget_kb", "<=", "over the byte budget", "kB"),
}
# A picture of fewer levels than this shows nothing, whatever its params say.
_BLANK_LEVELS = 3


class Quality(Stage[QualityParams]):
    """Measure sharpness, edges, padding, legibility, contrast."""

    name = "quality"
    kind = Kind.GATE
    Params = QualityParams
    ranks = True
    rejects_with = Exit.QUALITY

    def apply(self, asset: Asset) -> Outcome:
        """Judge ``asset.picture``: passed, or rejected with exit 15 and every fault named.

        Raises NoVerdictError (exit 22) where there is no picture, or a measurement fails or is not a number.
        """
        if asset.picture is None:
            raise NoVerdictError(f"{asset.name}: there is no picture to judge")
        from imajin_cli.stages.imaging.metrics.measure import measurements

        values = measurements(asset.picture.image, frozenset({f"{self.params.budget_format}_kb"}))
        values |= text_contrast(asset.sidecar)
        for name, value in values.items():
            if not math.isfinite(value):
                raise NoVerdictError(f"quality could not measure {name}: it came out as {value}")
        drawn = asset.picture.vector is not None
        scores = [
            self._score(name, value, judged=not (drawn and name == "blockiness")) for name, value in values.items()
        ]
        faults = blank(values) or [_fault(score) for score in scores if score.passed is False]
        rank = round(ranking(values), 6)
        # Kept as a score too: a later run that finds this record still orders candidates by it.
        scores.append(Score(name="rank", value=rank))
        if faults:
            return Outcome("rejected", reason="; ".join(faults), code=self.rejects_with, scores=scores, rank=rank)
        return Outcome("passed", scores=scores, rank=rank)

    def _score(self, name: str, value: float, *, judged: bool = True) -> Score:
        """A measurement with its threshold. A picture that its vector was just drawn from was never a JPEG, so what looks
        like a JPEG's grid in a small one are the drawing's own edges: that is recorded and not ``judged``.
        """
        rule = RULES.get(name)
        limit = getattr(self.params, rule.param) if rule is not None and judged else None
        if rule is None or limit is None or (rule.param == "budget_kb" and name != f"{self.params.budget_format}_kb"):
            return Score(name=name, value=round(value, 4), unit=rule.unit if rule else None)
        passed = value >= limit if rule.op == ">=" else value <= limit
        return Score(name=name, value=round(value, 4), threshold=limit, op=rule.op, passed=passed, unit=rule.unit)


def _fault(score: Score) -> str:
    rule = RULES[score.name]
    side = "under" if rule.op == ">=" else "over"
    return f"{rule.fault} ({score.name} {score.value:g} is {side} {score.threshold:g})"


def blank(values: Mapping[str, float]) -> list[str]:
    """The one fault of a picture that shows nothing at all; empty for any other."""
    if values["content"] == 0:
        return ["blank: nothing to see in it"]
    return ["blank: one colour all over"] if values["variety"] < _BLANK_LEVELS else []


def text_contrast(sidecar: Sidecar) -> dict[str, float]:
    """The lowest contrast that the latest ``text`` record states, as "text_contrast"; nothing where no text was set.

    Raises NoVerdictError where a record of text that was set states none.
    """
    record = next((record for record in reversed(sidecar.stages) if record.stage == "text"), None)
    if record is None or record.status in ("skipped", "error"):
        return {}
    stated = [score for score in record.scores if score.name == "contrast" or score.name.endswith("_contrast")]
    values = [score.value for score in stated if score.value is not None]
    if record.status == "changed" and len(values) < max(1, len(stated)):
        raise NoVerdictError("quality could not judge text_contrast: the text record does not state it")
    return {"text_contrast": min(values)} if values else {}


def ranking(values: Mapping[str, float]) -> float:
    """0..1, higher is better: a weighted mean of parts that are each 0 (bad) to 1 (as good as it gets).

    Weight 2: sharpness (1 from 0.4), subject contrast (1 from 7 : 1, logarithmic) and legibility at 32 px. Weight 1:
    freedom from fringe (0 from 0.1), banding (0.1), clipping (0.4) and blocks (0.75); the content's box centred (0 from
    15 % off); and padding (1 from 4 %, or where the picture fills its frame).
    """
    padding = 1.0 if values["content"] >= 1 else values["padding"] / 0.04
    parts = [
        (2, values["sharpness"] / 0.4),
        (2, math.log(max(1.0, values["contrast"])) / math.log(7)),
        (2, values["legible_32"]),
        (1, 1 - values["fringe"] / 0.1),
        (1, 1 - values["banding"] / 0.1),
        (1, 1 - values["clipping"] / 0.4),
        (1, 1 - values["blockiness"] / 0.75),
        (1, 1 - values["box_offset"] / 0.15),
        (1, padding),
    ]
    total = sum(weight * min(1.0, max(0.0, part)) for weight, part in parts)
    return total / sum(weight for weight, _ in parts)
