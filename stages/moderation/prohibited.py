"""Prohibited content: what the picture's text says, web addresses, QR codes, and what an image encoder sees.

Text is held to the text policy that prompts are held to. An encoder scores each of `CONCEPTS`; which one it was, and whether
it judged or was only recorded, stands in the record.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import BackendError, ImajinError
from imajin_cli.contract.layers import layer
from imajin_cli.contract.sidecar import Score
from imajin_cli.stages.moderation.concepts import CONCEPTS, Encoder, scores
from imajin_cli.stages.moderation.model import Finding, Flag

if TYPE_CHECKING:
    from imajin_cli.stages.backends.ocr import Line
    from imajin_cli.stages.moderation.views import Views

LAYER = "prohibited"
CATEGORIES = ("sexual", "violence-gore", "hate", "self-harm", "drugs", "weapons", "terrorism")
"""Categories of the text policy that a picture's text is held to; ``sexual-minors`` belongs to the rule on minors."""
CATEGORY_OF = {"weapons": "weapons", "drugs": "drugs", "hate symbols": "hate", "gore": "violence-gore"}
"""The category whose switch a concept of the encoder goes by."""
LEAST_SURE = 0.5
"""Lines that the recogniser is less sure of are not read (rapidocr's own setting)."""
_TOLD = 40


@dataclass(frozen=True)
class Rules:
    """What is looked for: policy categories that are off, the user's own list, whether links and QR codes may be there."""

    off: tuple[str, ...] = ()
    own: str = ""
    links: bool = False
    codes: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)
    """Limits of one's own on the encoder's scores, by concept; without one the encoder's own counts, if it has one."""


def judge(views: Views, rules: Rules, encoder: Encoder) -> Finding:
    """What of all that is in the picture. Raises MissingError and BackendError where a part of it cannot be looked for."""
    finding = Finding(LAYER)
    lines = sure(views.lines)
    reasons = said_by(lines, rules)
    finding.texts = [line.text for line in lines] + [code.text for code in views.codes]
    finding.scores += [Score(name="text_lines", value=len(lines)), Score(name="qr_codes", value=len(views.codes))]
    if lines:
        finding.notes["text"] = [line.text[:200] for line in lines[:32]]
    if views.codes:
        finding.notes["qr_codes"] = [code.text[:200] for code in views.codes[:8]]
        reasons += [] if rules.codes else ["a QR code"]
        reasons += _listed([code.text for code in views.codes if code.text], rules)
    reasons += _seen(views, encoder, rules, finding)
    if reasons:
        finding.flags[Flag.PROHIBITED] = ", ".join(dict.fromkeys(reasons))
    return finding


def sure(lines: Sequence[Line]) -> list[Line]:
    """The lines that were read with some certainty."""
    return [line for line in lines if line.score >= LEAST_SURE and len(line.text.strip()) > 1]


def said_by(lines: Sequence[Line], rules: Rules) -> list[str]:
    """What the text says that it may not, each line alone and all of them together."""
    if not lines:
        return []
    from imajin_cli.stages.policy.personal import links

    texts = [line.text for line in lines]
    reasons = _listed([*texts, "\n".join(texts)], rules)
    found = [] if rules.links else [link for text in texts for link in links(text)]
    return reasons + [f"a web address ({link[:_TOLD]})" for link in found[:1]]


def _listed(texts: Sequence[str], rules: Rules) -> list[str]:
    from imajin_cli.stages.policy.judge import policy_of, told

    policy = policy_of(tuple(rules.off), (), (), rules.own)
    reasons = []
    for text in texts:
        hits = [hit for hit in policy.listed(text) if hit.tag in CATEGORIES and hit.tag not in rules.off]
        hits += policy.denials(text) if rules.own else []
        if hits:
            reasons.append(f"text: {told(hits)}")
    return list(dict.fromkeys(reasons))


def _seen(views: Views, encoder: Encoder, rules: Rules, finding: Finding) -> list[str]:
    """What the encoder sees on any ground, by its limits. Raises BackendError for a result that is no number.

    An encoder that is recorded alone has no part in the verdict: that it cannot look is recorded too.
    """
    limits = {
        concept: None if CATEGORY_OF[concept] in rules.off else rules.limits.get(concept, encoder.limit)
        for concept in CONCEPTS
    }
    judging = any(limit is not None for limit in limits.values())
    try:
        worst = layer("moderate", encoder.name, lambda: _worst(views, encoder))
    except ImajinError as error:
        if judging:
            raise
        finding.notes["image_encoder"] = f"absent: {error.line()}: {', '.join(CONCEPTS)} are looked for in text alone"
        return []
    recorded = [concept for concept, limit in limits.items() if limit is None]
    finding.notes["image_encoder"] = f"{encoder.name} {encoder.revision}"
    if recorded:
        finding.notes["recorded"] = f"{', '.join(recorded)}: the encoder's scores are written down and not judged by"
    reasons = []
    for concept, value in worst.items():
        limit = limits[concept]
        score = Score(name=concept.replace(" ", "_"), value=round(value, 4))
        if limit is not None:
            score = score.model_copy(update={"threshold": limit, "op": "<=", "passed": value < limit})
            reasons += [f"{concept} ({value:.2f})"] if value >= limit else []
        finding.scores.append(score)
    return reasons


def _worst(views: Views, encoder: Encoder) -> dict[str, float]:
    """Each concept's highest score on any ground but the checker, whose squares an encoder would see."""
    found = scores(encoder, [image for name, image in views.grounds.items() if name != "checker"])
    worst = {concept: max(one[concept] for one in found) for concept in CONCEPTS}
    if not all(math.isfinite(value) for value in worst.values()):
        raise BackendError(f"{encoder.name} gave a result that is no number")
    return worst
