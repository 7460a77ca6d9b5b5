"""Prohibited content: what the picture's text says, web addresses, QR codes, and what an image encoder sees.

Text is held to the text policy that prompts are held to. An encoder answers how likely each of `CONCEPTS` is; where
there is none, the record says so, and the drawing itself is not searched for them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from imajin_cli.contract.errors import BackendError
from imajin_cli.contract.sidecar import Score
from imajin_cli.stages.moderation.model import Finding, Flag

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.backends.ocr import Line
    from imajin_cli.stages.moderation.views import Views

LAYER = "prohibited"
CATEGORIES = ("sexual", "violence-gore", "hate", "self-harm", "drugs", "weapons", "terrorism")
"""Categories of the text policy that a picture's text is held to; ``sexual-minors`` belongs to the rule on minors."""
CONCEPTS = ("weapons", "drugs", "hate symbols", "gore")
LEAST_SURE = 0.5
"""Lines that the recogniser is less sure of are not read (rapidocr's own setting)."""
CONCEPT_LIMIT = 0.5
_TOLD = 40


class Encoder(Protocol):
    """What tells how likely named concepts are in a picture."""

    name: str

    def likelihoods(self, images: Sequence[Image], concepts: Sequence[str]) -> Sequence[Mapping[str, float]]:
        """For each RGB picture, the likelihood 0..1 of each concept."""
        ...


@dataclass(frozen=True)
class Rules:
    """What is looked for: policy categories that are off, the user's own list, whether links and QR codes may be there."""

    off: tuple[str, ...] = ()
    own: str = ""
    links: bool = False
    codes: bool = False


def judge(views: Views, rules: Rules, encoder: Encoder | None = None) -> Finding:
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
    if encoder is None:
        finding.notes["image_encoder"] = f"absent: {', '.join(CONCEPTS)} are looked for in text alone"
    else:
        reasons += _seen(views, encoder, finding)
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


def _seen(views: Views, encoder: Encoder, finding: Finding) -> list[str]:
    """What the encoder sees on any ground. Raises BackendError for a result that is no likelihood."""
    images = list(views.grounds.values())
    found = encoder.likelihoods(images, CONCEPTS)
    if len(found) != len(images) or any(set(one) != set(CONCEPTS) for one in found):
        raise BackendError(f"{encoder.name} did not answer for every concept")
    worst = {concept: max(one[concept] for one in found) for concept in CONCEPTS}
    if not all(math.isfinite(value) and 0 <= value <= 1 for value in worst.values()):
        raise BackendError(f"{encoder.name} gave a result that is no likelihood")
    finding.notes["image_encoder"] = encoder.name
    finding.scores += [
        Score(name=concept.replace(" ", "_"), value=round(value, 4), threshold=CONCEPT_LIMIT, op="<=",
              passed=value < CONCEPT_LIMIT)
        for concept, value in worst.items()
    ]  # fmt: skip
    return [f"{concept} ({value:.2f})" for concept, value in worst.items() if value >= CONCEPT_LIMIT]
