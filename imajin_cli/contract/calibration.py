"""A threshold with what it was measured to do: data that `imajin calibrate` writes and a gate reads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from imajin_cli.contract.digest import json_digest

# Stands for pictures of every asset class.
ANY = "any"
MAX_ENTRIES = 1000

Name = Annotated[str, Field(min_length=1, max_length=100)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Rate(BaseModel):
    """A share, or an area under a curve, 0..1, with its 95 % interval."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    low: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    high: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Calibration(BaseModel):
    """One gate's threshold on one score for one asset class, and the revision of the model that it was made for.

    ``reject`` says on which side pictures are rejected: "below" the threshold, or "above" (from it on). The rates were
    measured on pictures that had no part in their threshold; ``samples`` is a digest of labels, pixels and scores.
    ``mean`` and ``spread`` (standard deviation, where it is not 0) are the good pictures' own, for gates that combine
    scores. ``made`` is a date (YYYY-MM-DD) for people.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: Name
    score: Name
    asset_class: Name
    revision: Name
    reject: Literal["below", "above"]
    threshold: Finite
    target_false_reject: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
    passes: Annotated[int, Field(ge=1)]
    fails: Annotated[int, Field(ge=1)]
    false_reject: Rate
    caught: Rate
    auc: Rate
    samples: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    mean: Finite | None = None
    spread: Annotated[float | None, Field(gt=0, allow_inf_nan=False)] = None
    made: Annotated[str | None, Field(max_length=10)] = None

    @property
    def about(self) -> tuple[str, str, str]:
        """What it is a threshold for: stage, score, asset class."""
        return self.stage, self.score, self.asset_class

    def digest(self) -> str:
        """Digest of all that is given but the date."""
        return json_digest(self.model_dump(mode="json", exclude={"made"}, exclude_none=True))


class Calibrations(BaseModel):
    """The file: calibrations, one for each stage, score and asset class."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    imajin_calibration: Literal[1] = 1
    calibrations: Annotated[list[Calibration], Field(max_length=MAX_ENTRIES)] = []

    def find(self, stage: str, score: str, asset_class: str) -> Calibration | None:
        """The entry for an asset class, else the one for any class, else None."""
        for wanted in (asset_class, ANY):
            for one in self.calibrations:
                if one.about == (stage, score, wanted):
                    return one
        return None

    def having(self, made: Calibration) -> Calibrations:
        """A copy with ``made`` in place of an entry about the same, in a fixed order."""
        others = [one for one in self.calibrations if one.about != made.about]
        return Calibrations(calibrations=sorted([*others, made], key=lambda one: one.about))
