"""Choosing among the drawings that a prompt may mean: one for each thing, our own before icons, in the right mood."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from imajin_cli.stages.scene.knowledge.bank import Concept
from imajin_cli.stages.scene.knowledge.families import family_of, is_gloomy, mood_of

NEAR, NEAR_OWN = 0.1, 0.25
"""Within this much of the best score of a thing, one drawing goes before another, and a drawn subject before an icon."""


@dataclass(frozen=True)
class Candidate:
    """A concept that the prompt may ask for, with its score in 0..1 and the words it rests on."""

    concept: Concept
    score: float
    via: Literal["words", "meaning", "both"]
    evidence: str


def choose(candidates: Iterable[Candidate], mood: str, gloomy: bool = True) -> list[tuple[Candidate, tuple[str, ...]]]:
    """Return the best candidate of each thing with the names of its other drawings, best thing first.

    Of the drawings of a thing the one in ``mood`` comes first, and none of a broken or sad one unless ``gloomy``.
    A thing named by plain words and found by meaning too gains a little. Each run of words names at most two things,
    a near synonym among them.
    """
    families: dict[str, dict[tuple[str, str], Candidate]] = {}
    for candidate in candidates:
        group = families.setdefault(family_of(candidate.concept.name), {})
        key = (candidate.concept.pack, candidate.concept.name)
        group[key] = _joined(group[key], candidate) if key in group else candidate
    picked = [_best(list(group.values()), mood, gloomy) for group in families.values()]
    picked.sort(key=lambda item: (-item[0].score, item[0].concept.pack != "subjects", item[0].concept.name))
    return _spread(picked)


def _joined(one: Candidate, other: Candidate) -> Candidate:
    first, second = (one, other) if one.score >= other.score else (other, one)
    via = first.via if first.via == second.via else "both"
    return replace(first, via=via, score=min(1.0, first.score + 0.1 * second.score))


def _best(group: Sequence[Candidate], mood: str, gloomy: bool) -> tuple[Candidate, tuple[str, ...]]:
    top = max(candidate.score for candidate in group)
    drawn = max((candidate.score for candidate in group if candidate.concept.pack == "subjects"), default=0.0)

    def rank(candidate: Candidate) -> tuple[bool, bool, bool, bool, float, int, str]:
        """What orders candidates, the best first."""
        concept = candidate.concept
        own = concept.pack == "subjects"
        near = candidate.score >= top - (NEAR_OWN if own and drawn < top - NEAR else NEAR)
        amiss = is_gloomy(concept.name) and not gloomy
        return (
            not near,
            not own,
            mood_of(concept.name) != mood,
            amiss,
            -candidate.score,
            len(concept.name),
            concept.name,
        )

    ranked = sorted(group, key=rank)
    others = tuple(
        item.concept.name if item.concept.pack == "subjects" else f"phosphor:{item.concept.name}" for item in ranked[1:]
    )
    return replace(ranked[0], score=top), others


def _spread(picked: Sequence[tuple[Candidate, tuple[str, ...]]]) -> list[tuple[Candidate, tuple[str, ...]]]:
    """Drop all but the two best things that rest on the same words, and the second where it is far behind."""
    kept: list[tuple[Candidate, tuple[str, ...]]] = []
    best: dict[str, list[float]] = {}
    for candidate, others in picked:
        scores = best.setdefault(candidate.evidence, [])
        if not scores or (len(scores) < 2 and candidate.score > scores[0] - 0.15):
            scores.append(candidate.score)
            kept.append((candidate, others))
    return kept
