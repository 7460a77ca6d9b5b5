"""From vectors to a verdict: how a picture's score for a prompt compares with fixed samples, and a probability.

A bare cosine says little: some pictures lie near every text, some texts near every picture. So it is also measured in
standard deviations against a fixed sample of other prompts and one of other pictures (the idea of cross-domain
similarity local scaling, Conneau et al. 2018, arXiv:1710.04087), and a logistic regression fitted on held-out sets
(Platt 1999) turns the three into the probability that the prompt is the picture's own.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import NoVerdictError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER = Path(__file__).parent / "compiled"
SCENES = frozenset({"spot", "hero", "banner"})
"""Layouts that are a scene about a subject; the others are calibrated each for itself."""


@dataclass(frozen=True)
class Curve:
    """One asset class's calibration: weights for the features, a bias, the threshold, and what they were measured to do."""

    weights: tuple[float, ...]
    bias: float
    threshold: float
    mild: float
    """The threshold that counts by default: what is clearly off falls under it."""

    def probability(self, features: tuple[float, ...]) -> float:
        """Probability, 0..1, that the prompt is the picture's own, where right and wrong are equally likely beforehand."""
        x = sum(w * f for w, f in zip(self.weights, features, strict=True)) + self.bias
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, x))))


@dataclass(frozen=True)
class Fit:
    """How well a text fits a picture: cosine, deviations from either sample's mean, and the share of prompts it beats.

    Each is that of the whole picture and of its subject seen from nearer, in the mean; ``features`` keeps them apart.
    """

    cosine: float
    over_prompts: float
    over_pictures: float
    rank: float
    features: tuple[float, ...] = ()


LEAST_SPREAD = 0.2
"""A text that calls for nothing in particular agrees with every picture alike; its deviations are not blown up."""


def agreeing(
    called_for: NDArray[np.float32], shown: NDArray[np.float32], others: NDArray[np.float32]
) -> tuple[float, ...]:
    """How well what a text calls for (things,) agrees with what a picture shows (things,), and that in deviations over
    ``others``, what the sample's pictures show (n, things).
    """
    from imajin_cli.stages.backends.things import agreement

    found = agreement(called_for[None], shown[None])[0, 0]
    usual = agreement(called_for[None], others)[0]
    return float(found), float((found - usual.mean()) / max(float(usual.std()), LEAST_SPREAD))


def known(called_for: NDArray[np.float32], *shown: NDArray[np.float32]) -> tuple[float, ...]:
    """How well what a text calls for of a table (rows,) agrees with each of what a picture shows of it, all (rows,)."""
    from imajin_cli.stages.backends.things import agreement

    return tuple(float(agreement(called_for[None], one[None])[0, 0]) for one in shown)


def fit(
    text: NDArray[np.float32],
    views: NDArray[np.float32],
    sample: dict[str, NDArray[np.float32]],
    agree: tuple[float, ...] = (),
) -> Fit:
    """How ``text``, a unit vector (256,), fits a picture's ``views`` (k, 256), against the sample's prompts and pictures.

    The features are, for the whole and for its subject in the mean of the other views (the whole again where there is
    none): cosine, deviations over the sample's prompts, deviations over its pictures; and ``agree``, as `agreeing` gives it.
    """
    cosine = views @ text
    prompts, pictures = views @ sample["prompts"].T, sample["pictures"] @ text
    over_prompts = (cosine - prompts.mean(1)) / prompts.std(1).clip(1e-6)
    over_pictures = (cosine - pictures.mean()) / max(float(pictures.std()), 1e-6)
    whole = (float(cosine[0]), float(over_prompts[0]), float(over_pictures[0]))
    rest = slice(1, None) if len(views) > 1 else slice(None)
    near = (float(cosine[rest].mean()), float(over_prompts[rest].mean()), float(over_pictures[rest].mean()))
    ranks = (prompts < cosine[:, None]).mean(1)
    rank = (float(ranks[0]) + float(ranks[rest].mean())) / 2
    means = [(a + b) / 2 for a, b in zip(whole, near, strict=True)]
    return Fit(means[0], means[1], means[2], rank, (*whole, *near, *agree))


@lru_cache(maxsize=2)
def calibration(folder: Path = FOLDER) -> dict[str, Any]:
    """The calibration file's content. Raises NoVerdictError where it is missing or not JSON."""
    try:
        found: dict[str, Any] = json.loads((folder / "calibration.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        hint = "pip install --force-reinstall imajin"
        raise NoVerdictError("semantic: its calibration cannot be read", hint=hint) from error
    return found


@lru_cache(maxsize=2)
def filter_vectors(folder: Path = FOLDER) -> NDArray[np.float32]:
    """The wordings of the built-in filters as unit vectors, (n, 256). Raises NoVerdictError where they cannot be read."""
    import numpy as np

    try:
        with np.load(folder / "filters.npz") as data:
            vectors: NDArray[np.float32] = data["vectors"].astype(np.float32)
    except (OSError, ValueError, KeyError) as error:
        hint = "pip install --force-reinstall imajin"
        raise NoVerdictError("semantic: the filters' vectors cannot be read", hint=hint) from error
    return vectors


def curve(asset_class: str, revision: str, folder: Path = FOLDER) -> Curve:
    """The curve for an asset class. Raises NoVerdictError where there is none, or it was made for another revision."""
    found = calibration(folder)
    if found.get("revision") != revision:
        raise NoVerdictError(
            f"semantic: its calibration was made for revision {found.get('revision')}, the encoder is {revision}",
            hint="pip install --force-reinstall imajin",
        )
    entry = found.get("classes", {}).get(asset_class)
    if entry is None:
        raise NoVerdictError(f"semantic: no calibration for {asset_class} pictures by the embedded encoder")
    return Curve(tuple(entry["weights"]), float(entry["bias"]), float(entry["threshold"]), float(entry["mild"]))


def composed_class(layout: str, theme: str = "light") -> str:
    """The class of the composer's own scenes in a layout and a theme: one for all that are a scene, others by their layout,
    those of a dark theme apart; "" where the layout is "".
    """
    if not layout:
        return ""
    kind = "composed" if layout in SCENES else f"composed-{layout}"
    return f"{kind}-dark" if theme == "dark" else kind


def has_curve(asset_class: str, folder: Path = FOLDER) -> bool:
    """Whether the calibration holds an asset class. Raises NoVerdictError where it cannot be read."""
    return asset_class in calibration(folder).get("classes", {})
