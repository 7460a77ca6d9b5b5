"""Sexual content: the likelihood that a classifier gives, on every ground; drawings have thresholds of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from imajin_cli.contract.sidecar import Score
from imajin_cli.stages.moderation.model import Finding, Flag

if TYPE_CHECKING:
    from imajin_cli.stages.moderation.views import Views

LAYER = "nsfw"
EXPLICIT, SUGGESTIVE = 0.7, 0.4
DRAWN_EXPLICIT, DRAWN_SUGGESTIVE = 0.5, 0.3
"""The classifier learnt from photographs and is less sure of drawings, so these are lower. At them 1 of 2,500
harmless icons and 4 of 1,000 harmless scenes were rejected (benchmarks/gates_moderate.py); how much is missed is unknown."""


class Limits(NamedTuple):
    """From where on a picture is explicit, and suggestive."""

    explicit: float
    suggestive: float

    def from_(self, explicit: float) -> Limits:
        """Explicit from another value on, and suggestive no later than that."""
        return Limits(explicit, min(self.suggestive, explicit))


def judge(views: Views, photo: Limits, drawing: Limits) -> Finding:
    """The classifier's word on the picture; the ground on which it looks worst counts. Raises as `likelihoods` does."""
    from imajin_cli.stages.backends.opennsfw import MODEL, likelihoods

    names = list(views.grounds)
    values = dict(zip(names, likelihoods([views.grounds[name] for name in names]), strict=True))
    drawn, flat = views.drawing
    limits = drawing if drawn else photo
    worst = max(values.values())
    finding = Finding(LAYER, notes={"model": MODEL, "kind": "drawing" if drawn else "photo", "flat": flat})
    finding.scores.append(
        Score(name="nsfw", value=round(worst, 4), threshold=limits.explicit, op="<=", passed=worst < limits.explicit)
    )
    if len(values) > 1:
        finding.notes["grounds"] = {name: round(value, 4) for name, value in values.items()}
    if worst >= limits.explicit:
        finding.flags[Flag.NSFW_EXPLICIT] = f"{worst:.2f}, from {limits.explicit:g} on ({finding.notes['kind']})"
    elif worst >= limits.suggestive:
        finding.flags[Flag.NSFW_SUGGESTIVE] = f"{worst:.2f}, from {limits.suggestive:g} on ({finding.notes['kind']})"
    return finding
