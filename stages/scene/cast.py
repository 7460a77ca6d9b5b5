"""The cast of one scene: the parts, colours and manners that stay the same at every aspect ratio."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from imajin_cli.stages.scene import air
from imajin_cli.stages.scene.part import Part


@dataclass(frozen=True)
class Cast:
    """Who plays: chosen once for a request and a seed. ``side`` is 1, or -1 for the mirrored arrangement.

    ``palette`` colours surfaces and lines, ``figures`` solid drawings. ``companions`` are ranked, the first ``told`` of
    them named by the prompt, so that they must be seen; a layout takes as many as fit. ``badge`` is the name of a state.
    ``detail`` is "minimal", "normal" or "rich". ``ground`` and ``marks`` name a manner, ``composition`` a layout's variant.
    ``weather`` is what the sky does by the prompt: "rain", "snow", "night" or "".
    ``step`` counts the seeds of this layout; ``subjects`` take part in turn.
    """

    subject: Part
    companions: tuple[Part, ...]
    backdrop: Part | None
    badge: Part | None
    palette: Mapping[str, str]
    figures: Mapping[str, str]
    layout: str
    composition: str
    ground: str
    marks: int
    seed: int
    salt: str
    side: int = 1
    step: int = 0
    subjects: int = 1
    numerals: str = ""
    digits: tuple[Part, ...] = ()
    festive: bool = False
    detail: str = "normal"
    solid: bool = False
    icon: Part | None = None
    told: int = 0
    weather: str = ""
    notes: Mapping[str, object] = field(default_factory=dict)

    @property
    def sunny(self) -> bool:
        """Whether a landscape may draw a sun of its own: no drawing brings one, and the prompt names no other sky."""
        return not self.weather and not any(map(air.is_light, (self.subject, *self.companions)))

    def rng(self, axis: str) -> random.Random:
        """A stream of chance of its own for each ``axis`` of the scene: the same for every aspect ratio."""
        return random.Random(f"{self.salt}/{self.seed}/{axis}")
