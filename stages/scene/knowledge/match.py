"""From a prompt to what it means: the situation, the things to draw, the form asked for, and how sure that is.

Words and meaning are scored apart and added. Meaning is the embedded prompt against every line of the bank, in
spreads above what unrelated lines reach, since e5's cosines alone lie in one narrow band. The whole prompt and those
of its words that the plain words do not explain are embedded in one batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from imajin_cli.stages.scene.knowledge.bank import Bank, bank
from imajin_cli.stages.scene.knowledge.choose import Candidate, choose
from imajin_cli.stages.scene.knowledge.hints import Hints, hints_of
from imajin_cli.stages.scene.knowledge.hubs import by_situation
from imajin_cli.stages.scene.knowledge.languages import spoken_in
from imajin_cli.stages.scene.knowledge.lexical import Found, Words, match_words
from imajin_cli.stages.scene.knowledge.text import MANY_SENSES, is_unspaced, looks_like, normalise, runs, stem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TOP_SITUATIONS, TOP_CONCEPTS, MOST_CHUNKS = 3, 8, 3
_PLAIN_MOOD = "happy"
_BAD_MOODS = frozenset({"sad", "lost", "broken"})
Label = Literal["strong", "fair", "weak", "none"]
Pack = Literal["situation", "subjects", "phosphor"]
Via = Literal["words", "meaning", "both"]

# Set on the "tune" half of tests/data/match_prompts.tsv; the "held" half was scored once they stood.
_WORDS_WORTH = 3.5
_MIDDLE, _SLOPE = 4.5, 1.0
_CHUNK_FLOOR, _PROMPT_FLOOR, _SURE = 4.4, 3.6, 7.0
_SAME_SENSE, _OTHER_SENSE = 2.3, 0.54
# A thing that the prompt names speaks for a situation that it belongs to; a few words of another language than
# English say little by meaning alone.
_AGREES, _FEW, _TERSE = 0.3, 3, 1.2
_FEW_SIGNS = 7
# Of several senses that the dictionary gives, the one nearest to the prompt gains what the others lose.
_TURN = 0.15
_NAMES_IT = 0.4
_STRONG, _FAIR, _WEAK, _NAMED = 0.75, 0.45, 0.25, 0.85


class Embeds(Protocol):
    """What embeds texts: float32 unit vectors of shape (n, 384)."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed ``texts``."""
        ...


@dataclass(frozen=True)
class Hit:
    """One thing that the prompt means. ``name`` is a situation's id or a concept's name in ``pack``.

    ``score`` is in 0..1, ``evidence`` the words of the prompt it rests on, ``others`` drawings of the same thing in
    other states or moods, nearest first.
    """

    name: str
    pack: Pack
    score: float
    via: Via
    evidence: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Match:
    """What ``prompt`` means. ``embedded`` is False where words alone were compared; ``reason`` is for a person."""

    prompt: str
    situations: tuple[Hit, ...]
    concepts: tuple[Hit, ...]
    hints: Hints
    strength: float
    label: Label
    reason: str
    embedded: bool


def match(prompt: str, *, embed: Embeds | None, known: Bank | None = None) -> Match:
    """Match ``prompt`` against the bank (the compiled one unless ``known``). The same prompt gives the same match.

    ``embed`` is None where no embedder is installed: then plain words alone decide, which finds less.
    """
    source = known or bank()
    text = normalise(prompt)
    words = match_words(source, text)
    hints = hints_of(prompt)
    meant = _meaning(source, text, words, embed) if embed is not None and words.words else _Meaning({}, [])
    situations = _situations(source, words, meant, hints)
    likely = source.by_id[situations[0].name] if situations and situations[0].score >= _FAIR else None
    mood = hints.mood or (likely.mood if likely else _PLAIN_MOOD)
    mood = _PLAIN_MOOD if mood == "neutral" else mood
    gloomy = hints.mood in _BAD_MOODS or (likely is not None and likely.tone == "negative")
    concepts = _concepts(source, words, meant, mood, gloomy)
    strength = max([hit.score for hit in situations[:1]] + [_sureness(hit, words) for hit in concepts[:1]], default=0.0)
    label = _label(strength)
    reason = _reason(label, situations, concepts, embed is not None)
    return Match(prompt, situations, concepts, hints, round(strength, 4), label, reason, embed is not None)


@dataclass(frozen=True)
class _Meaning:
    """Scores by meaning: situation index -> spreads, concepts as candidates, and how near each concept is in spreads."""

    situations: dict[int, float]
    concepts: list[Candidate]
    near: NDArray[np.float32] | None = None


def _meaning(source: Bank, text: str, words: Words, embed: Embeds) -> _Meaning:
    chunks = _chunks(text, words)
    scores = source.vectors.scores(embed.embed([text, *chunks]))
    situations = _by_situation(source, scores[0])
    concepts = [
        found
        for chunk, line in zip(chunks, scores[1:], strict=True)
        for found in _by_concept(source, line, chunk, _CHUNK_FLOOR, 0.8)
    ]
    near = source.vectors.by_owner(scores[0])[len(source.situations) :]
    return _Meaning(situations, concepts + _by_concept(source, scores[0], text, _PROMPT_FLOOR, 0.4), near)


def _chunks(text: str, words: Words) -> list[str]:
    pieces = runs(text) or words.unnamed
    return [piece for piece in dict.fromkeys(pieces) if piece != text][:MOST_CHUNKS]


def _by_situation(source: Bank, line: NDArray[np.float32]) -> dict[int, float]:
    """How near each situation is, less what draws it to any text."""
    near = by_situation(source.vectors, line, len(source.situations))
    return {index: value - pull for index, (value, pull) in enumerate(zip(near.tolist(), source.pulls, strict=True))}


def _by_concept(source: Bank, line: NDArray[np.float32], chunk: str, floor: float, cap: float) -> list[Candidate]:
    """Return the concepts whose name and description both stand out, on average at least ``floor``, best first."""
    means = source.vectors.by_owner(line)[len(source.situations) :]
    places = (means >= floor).nonzero()[0].tolist()
    ranked = sorted(((float(means[place]), place) for place in places), key=lambda item: (-item[0], item[1]))
    kept = [
        (value, source.concepts[place])
        for value, place in ranked
        if value >= _SURE or not looks_like(chunk, source.concepts[place].name)
    ]
    return [Candidate(concept, cap * _squash(value + 1.0), "meaning", chunk) for value, concept in kept[:6]]


def _situations(source: Bank, words: Words, meant: _Meaning, hints: Hints) -> tuple[Hit, ...]:
    hits = []
    terse = _is_terse(words)
    things = {source.titles[found.index] for found in words.concepts if found.weight >= _NAMES_IT}
    for index, situation in enumerate(source.situations):
        spoken, evidence = words.situations.get(index, (0.0, ""))
        if hints.code and hints.code == situation.numerals:
            spoken, evidence = 1.0, hints.code
        meaning = meant.situations.get(index, 0.0)
        total = meaning + _WORDS_WORTH * spoken if meant.situations else 2.5 + 5.0 * spoken
        if not meant.situations and not spoken:
            continue
        total += _AGREES * (not things.isdisjoint(situation.subjects)) - _TERSE * (terse and not spoken)
        via: Via = "both" if spoken and meaning >= _PROMPT_FLOOR else "words" if spoken else "meaning"
        hits.append(Hit(situation.id, "situation", round(_squash(total), 4), via, evidence))
        hits[-1:] = [] if hits[-1].score < 0.02 else hits[-1:]
    return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.name))[:TOP_SITUATIONS])


def _is_terse(words: Words) -> bool:
    """Whether there are only a few words, and not in English, which the embedder knows best."""
    text = " ".join(words.words)
    if "en" in spoken_in(words.text, {}):
        return False
    return len(text) < _FEW_SIGNS if is_unspaced(text) else len(words.words) < _FEW


def _concepts(source: Bank, words: Words, meant: _Meaning, mood: str, gloomy: bool) -> tuple[Hit, ...]:
    spoken = [
        Candidate(source.concepts[found.index], found.weight * _sense(found, words, meant), "words", found.words)
        for found in words.concepts
    ]
    return tuple(
        Hit(
            pick.concept.name,
            "subjects" if pick.concept.pack == "subjects" else "phosphor",
            round(pick.score, 4),
            pick.via,
            pick.evidence,
            others,
        )
        for pick, others in choose([*spoken, *meant.concepts], mood, gloomy)[:TOP_CONCEPTS]
    )


def _sense(found: Found, words: Words, meant: _Meaning) -> float:
    """What a word counts for: one of several senses only a little where the whole prompt means something else."""
    if found.unsure and meant.near is not None:
        rivals = [float(meant.near[other.index]) for other in words.concepts if other.words == found.words]
        return 1.0 + (_TURN if float(meant.near[found.index]) >= max(rivals) else -_TURN)
    alone = " " not in found.words and stem(found.words) in MANY_SENSES
    if not alone or meant.near is None or len(words.words) <= 2:
        return 1.0
    return 1.0 if float(meant.near[found.index]) >= _SAME_SENSE else _OTHER_SENSE


def _sureness(hit: Hit, words: Words) -> float:
    """A thing named outright counts in full, one by a synonym less, and less where it is one word of many."""
    covered = len(hit.evidence.split()) / max(1, len(words.words))
    named = 1.0 if hit.score >= _NAMED else 0.7
    return hit.score * named * math.pow(min(1.0, covered), 0.2)


def _squash(total: float) -> float:
    return 1.0 / (1.0 + math.exp((_MIDDLE - total) / _SLOPE))


def _label(strength: float) -> Label:
    return "strong" if strength >= _STRONG else "fair" if strength >= _FAIR else "weak" if strength >= _WEAK else "none"


def _reason(label: Label, situations: Sequence[Hit], concepts: Sequence[Hit], embedded: bool) -> str:
    parts = [f"{hit.name} {hit.score:.2f} by {hit.via}" for hit in (*situations[:1], *concepts[:2])]
    said = f"{label}: {', '.join(parts)}" if parts else "none: no situation and no thing was recognised"
    return said if embedded else f"{said}; words alone, since no text embedder is installed"
