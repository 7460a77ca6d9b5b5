"""The rule on minors: any sign of a minor together with any sexual signal rejects. No setting removes or weakens it.

Its limits are constants of its own; settings can only make it stricter. It reads the other layers' measurements, which
are made for it even where a layer's own verdict is switched off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.stages.moderation import age, nsfw, prohibited
from imajin_cli.stages.moderation.model import Finding, Flag

if TYPE_CHECKING:
    from imajin_cli.contract.sidecar import Request

LAYER = "minors"


def judge(findings: Mapping[str, Finding], request: Request | None) -> Finding:
    """The rule over what the layers found and what was asked for.

    Raises NoVerdictError where there is no age or no NSFW measurement.
    """
    lost = [name for name in (nsfw.LAYER, age.LAYER) if findings[name].state == "no verdict"]
    if lost:
        raise NoVerdictError(f"the rule on minors needs what {' and '.join(lost)} could not give")
    texts = [*_asked(request), *findings[prohibited.LAYER].texts]
    finding = Finding(LAYER)
    minor = _minor(findings[age.LAYER], texts)
    sexual = _sexual(findings[nsfw.LAYER], texts)
    both = _together(texts)
    finding.notes = {"signs_of_a_minor": minor, "sexual_signals": sexual}
    if both or (minor and sexual):
        finding.flags[Flag.MINOR_AND_SEXUAL] = "; ".join([*both, *minor, *sexual])
    return finding


def _asked(request: Request | None) -> list[str]:
    if request is None:
        return []
    return [text for text in (request.prompt, request.headline, request.caption) if text]


def _minor(faces: Finding, texts: Sequence[str]) -> list[str]:
    from imajin_cli.stages.policy.judge import mentions_minor

    signs = []
    ages = [score.value for score in faces.scores if score.name == "age_lowest" and score.value is not None]
    if ages and (min(ages) < age.MINOR_BELOW or Flag.POTENTIAL_MINOR in faces.flags):
        signs.append(f"a face of {min(ages):.0f} years at the lowest estimate")
    if any(mentions_minor(text) for text in texts):
        signs.append("a minor is named in words")
    return signs


def _sexual(found: Finding, texts: Sequence[str]) -> list[str]:
    from imajin_cli.stages.policy.judge import policy_of

    signals = []
    drawn = found.notes.get("kind") == "drawing"
    limit = nsfw.DRAWN_SUGGESTIVE if drawn else nsfw.SUGGESTIVE
    values = [score.value for score in found.scores if score.name == "nsfw" and score.value is not None]
    if values and (max(values) >= limit or found.flags):
        signals.append(f"NSFW {max(values):.2f}")
    policy = policy_of((), (), (), "")
    if any(hit.tag == "sexual" for text in texts for hit in policy.listed(text)):
        signals.append("sexual words")
    return signals


def _together(texts: Sequence[str]) -> list[str]:
    from imajin_cli.stages.policy.judge import minor_hits

    return ["words of a minor and of sex together"] if any(minor_hits(text) for text in [*texts, "\n".join(texts)]) else []
