"""Ages: every face's, by the estimate that is lowest, held against a wide margin over eighteen.

On one photograph of an adult three models differed by eight years, so an estimate says little about a person; the
default flags whoever looks younger than 25.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imajin_cli.contract.sidecar import Score
from imajin_cli.stages.moderation.model import Finding, Flag

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imajin_cli.stages.moderation.views import Views

LAYER = "faces"
ADULT = 18
MARGIN = 7
MINOR_BELOW = ADULT + MARGIN
_ZERO = 0.25
"""The age that the model's class 0 stands for, in years (its own manifest)."""


def judge(views: Views, below: float) -> Finding:
    """Estimate the age of every face; a potential minor is one whose lowest estimate is under ``below`` years.

    Raises MissingError or BackendError where faces cannot be found or an age not be estimated.
    """
    from imajin_cli.stages.backends.ages import MODEL, likelihoods

    finding = Finding(LAYER, notes={"model": MODEL, "margin_years": MARGIN})
    most, lowest = 0, None
    people: list[dict[str, Any]] = []
    for seen in views.faces:
        most = max(most, len(seen.faces))
        if not seen.faces:
            continue
        found = likelihoods(seen.pixels, seen.faces)
        for at, face in enumerate(seen.faces):
            estimates = estimates_of(found[at], found[at + len(seen.faces)])
            youngest = min(estimates.values())
            lowest = youngest if lowest is None else min(lowest, youngest)
            people.append({"ground": seen.ground, "sure": round(face.score, 3), **estimates})
    finding.scores.append(Score(name="faces", value=most))
    if lowest is None:
        return finding
    finding.scores.append(
        Score(name="age_lowest", value=lowest, threshold=below, op=">=", passed=lowest >= below, unit="years")
    )
    finding.notes["faces"] = people[:32]
    if views.drawing.drawn:
        finding.notes["drawn"] = "drawn faces: the model learnt from photographs, so the estimate says little"
    if lowest < below:
        finding.flags[Flag.POTENTIAL_MINOR] = f"a face of {lowest:.0f} years at the lowest estimate, under {below:g}"
    return finding


def estimates_of(plain: NDArray[np.float32], mirrored: NDArray[np.float32]) -> dict[str, float]:
    """Estimates in years out of two likelihoods over 0..80: mean and median, of the face as it is and mirrored."""
    import numpy as np

    years = np.arange(len(plain), dtype=np.float64)
    years[0] = _ZERO
    estimates = {}
    for name, values in (("", plain), ("_mirrored", mirrored)):
        estimates["mean" + name] = round(float(values.astype(np.float64) @ years), 1)
        estimates["median" + name] = float(years[int(np.searchsorted(np.cumsum(values, dtype=np.float64), 0.5).clip(0, 80))])
    return estimates
