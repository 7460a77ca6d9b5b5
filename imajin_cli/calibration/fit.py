"""From labelled scores to a threshold and what it does, each rate on pictures that had no part in its threshold."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from imajin_cli.calibration.statistics import area, share
from imajin_cli.contract.calibration import Calibration, Rate
from imajin_cli.contract.digest import json_digest
from imajin_cli.contract.errors import InputError

FOLDS = 5
# Fewer say next to nothing: of 20, none rejected, up to 17 % may be (Clopper and Pearson).
LEAST = 20
Side = Literal["below", "above"]


@dataclass(frozen=True)
class Scored:
    """A labelled picture's score. ``pixels`` is the digest of its pixels."""

    name: str
    good: bool
    value: float
    pixels: str


@dataclass(frozen=True)
class Fitted:
    """A threshold and its rates: of good pictures rejected, of bad ones caught, and the area under the curve."""

    threshold: float
    false_reject: Rate
    caught: Rate
    auc: Rate
    passes: int
    fails: int
    samples: str
    mean: float
    spread: float | None


def fitted(scored: Sequence[Scored], side: Side, target: float) -> Fitted:
    """The threshold that rejects at most the share ``target`` of the good, and its rates by `FOLDS`-fold cross-validation.

    Folds follow the pixels' digests, so that the same pictures give the same result in any order. Raises InputError for
    fewer than `LEAST` of either label, a picture labelled both ways, or a score that points the other way.
    """
    found = once(scored)
    good = [one for one in found if one.good]
    bad = [one for one in found if not one.good]
    for label, group in (("pass", good), ("fail", bad)):
        if len(group) < LEAST:
            raise InputError(f"{len(group)} pictures labelled {label}: at least {LEAST} of either label are needed")
    if len({one.value for one in found}) == 1:
        raise InputError("all pictures have the same score: no threshold can tell them apart")
    sign = 1 if side == "below" else -1
    auc = area([sign * one.value for one in good], [sign * one.value for one in bad])
    if auc.high < 0.5:
        other = "above" if side == "below" else "below"
        raise InputError(f"good pictures score on the rejected side (AUC {auc.value:.3f})", hint=f"--reject {other}")
    wrong, right = 0, 0
    for fold in range(FOLDS):
        rest = [[one for i, one in enumerate(group) if i % FOLDS != fold] for group in (good, bad)]
        limit = threshold(rest[0], [*rest[0], *rest[1]], side, target)
        wrong += sum(rejects(one.value, limit, side) for one in good[fold::FOLDS])
        right += sum(rejects(one.value, limit, side) for one in bad[fold::FOLDS])
    samples = json_digest([[one.good, one.pixels, one.value] for one in found])
    values = [one.value for one in good]
    return Fitted(
        threshold=threshold(good, found, side, target),
        false_reject=share(wrong, len(good)),
        caught=share(right, len(bad)),
        auc=auc,
        passes=len(good),
        fails=len(bad),
        samples=samples,
        mean=round(statistics.fmean(values), 6),
        spread=round(statistics.stdev(values), 6) or None,
    )


def once(scored: Sequence[Scored]) -> list[Scored]:
    """Each picture once, in the order of digests. Raises InputError for one that is labelled both ways."""
    found: dict[str, Scored] = {}
    for one in scored:
        other = found.setdefault(one.pixels, one)
        if other.good != one.good:
            raise InputError(f"{other.name} and {one.name} are the same picture, labelled both pass and fail")
    return [found[pixels] for pixels in sorted(found)]


def threshold(good: Sequence[Scored], among: Sequence[Scored], side: Side, target: float) -> float:
    """The strictest threshold that rejects at most ``target`` of ``good``, halfway to the next score of ``among``."""
    sign = 1 if side == "below" else -1
    values = sorted(sign * one.value for one in good)
    # The tolerance keeps 0.02 × 50 from being 0.99….
    last = values[min(len(values) - 1, math.floor(target * len(values) + 1e-9))]
    beyond = [sign * one.value for one in among if sign * one.value < last]
    found = (last + max(beyond)) / 2 if beyond else last - abs(last) * 1e-6 - 1e-9
    return sign * found


def rejects(value: float, limit: float, side: Side) -> bool:
    """Whether a gate that rejects on ``side`` of ``limit`` rejects ``value``."""
    return value < limit if side == "below" else value >= limit


def calibration(made: Fitted, about: tuple[str, str, str], revision: str, side: Side, target: float) -> Calibration:
    """``made`` as a file keeps it, without a date. ``about`` is stage, score and asset class."""
    stage, score, asset_class = about
    return Calibration(
        stage=stage,
        score=score,
        asset_class=asset_class,
        revision=revision,
        reject=side,
        threshold=made.threshold,
        target_false_reject=target,
        passes=made.passes,
        fails=made.fails,
        false_reject=made.false_reject,
        caught=made.caught,
        auc=made.auc,
        samples=made.samples,
        mean=made.mean,
        spread=made.spread,
    )
