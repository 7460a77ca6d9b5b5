"""Plain word matching: which phrases of the bank stand in a prompt. All that there is where no embedder is installed."""

from __future__ import annotations

from dataclasses import dataclass, field

from imajin_cli.stages.scene.knowledge.bank import Bank
from imajin_cli.stages.scene.knowledge.dictionary import named_in
from imajin_cli.stages.scene.knowledge.families import family_of
from imajin_cli.stages.scene.knowledge.languages import is_small_word, spoken_in
from imajin_cli.stages.scene.knowledge.text import (
    content_words,
    has_accent,
    heads,
    is_dull,
    is_foreign,
    is_german,
    is_unspaced,
    phrases,
    stands_in,
    stem,
)

_LONGEST = 5
_SHARED = 0.12
_OURS = 0.08
_BASE = 0.62
_VERB = 0.6
_COMPOUND = 0.8
_SENSES = 3


@dataclass(frozen=True)
class Found:
    """A concept that a run of the prompt's words names: its index, a weight in 0..1, and those words.

    ``unsure`` says that the dictionary knows the words for other things too.
    """

    index: int
    weight: float
    words: str
    unsure: bool = False


@dataclass
class Words:
    """A prompt's normalised ``text`` as words, with the situations (index -> weight, evidence) and concepts that it names."""

    text: str
    words: list[str]
    situations: dict[int, tuple[float, str]] = field(default_factory=dict)
    concepts: list[Found] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)


def match_words(bank: Bank, text: str) -> Words:
    """Match normalised ``text``; ``unnamed`` are the words that neither name a concept nor belong to a phrase."""
    result = Words(text, content_words(text))
    phrased = _situations(bank, text, result)
    named = _concepts(bank, text, result, phrased)
    if is_german(text):
        named |= _compounds(bank, result, named | phrased)
    named |= _from_dictionary(bank, text, result, named | phrased)
    result.unnamed = [
        word
        for place, word in enumerate(result.words)
        if place not in named and place not in phrased and not is_dull(word) and not is_unspaced(word)
    ]
    return result


def _situations(bank: Bank, text: str, result: Words) -> set[int]:
    """Fill in the situations; return the places of words in phrases of two or more."""
    phrased: set[int] = set()
    taken: set[int] = set()
    for start, end, key in phrases(result.words, _LONGEST):
        owners = bank.phrases.get(key)
        if owners is None or taken.issuperset(range(start, end)):
            continue
        taken.update(range(start, end))
        if end - start > 1:
            phrased.update(range(start, end))
        _credit(result, owners, 1.0 - _BASE ** (end - start), " ".join(result.words[start:end]))
    if is_unspaced(text):
        hits = sorted((key for key in bank.unspaced if key in text), key=lambda key: (-len(key), key))
        kept = [key for place, key in enumerate(hits) if not any(key in longer for longer in hits[:place])]
        for key in kept:
            _credit(result, bank.unspaced[key], 1.0 - 0.7 ** len(key), key)
    return phrased


def _credit(result: Words, owners: list[int], weight: float, evidence: str) -> None:
    for owner in owners:
        share = weight / len(owners) ** 0.5
        old, words = result.situations.get(owner, (0.0, ""))
        total = max(old, share) + 0.35 * min(old, share)
        result.situations[owner] = (min(total, 1.0), f"{words}, {evidence}" if words else evidence)


def _concepts(bank: Bank, text: str, result: Words, phrased: set[int]) -> set[int]:
    """Fill in the concepts, one thing for each run of words; return the places of words that name one."""
    named: set[int] = set()
    nouns = {**bank.nouns, **bank.twins} if is_foreign(text) else bank.nouns
    heard = spoken_in(text, {})
    for start, end, key in phrases(result.words, 3):
        places = range(start, end)
        run = result.words[start:end]
        foreign = nouns.get(key)
        if not foreign and has_accent("".join(run)):
            continue  # the stem of an accented word may be an English one: "passé" is no pass
        owners = bank.things.get(foreign or key)
        if owners is None or named.intersection(places) or (not foreign and all(is_dull(word) for word in run)):
            continue
        if end - start == 1 and is_small_word(run[0], heard):
            continue
        named.update(places)
        faded = 0.5 if phrased.issuperset(places) else _VERB if end - start == 1 and _inflected(run[0], key) else 1.0
        _name(bank, result, owners, " ".join(run), faded, start)
    if is_unspaced(text):
        hits = sorted(
            (key for key in bank.nouns if is_unspaced(key) and stands_in(key, text)), key=lambda key: (-len(key), key)
        )
        kept = [key for place, key in enumerate(hits) if not any(key in longer for longer in hits[:place])]
        for key in sorted(kept, key=text.index):
            _name(bank, result, bank.things[bank.nouns[key]], key, 1.0, text.index(key) // 4)
    return named


def _compounds(bank: Bank, result: Words, known: set[int]) -> set[int]:
    """Name what German compounds are a kind of, by the longest known word that each ends in; return their places."""
    named: set[int] = set()
    for place, word in enumerate(result.words):
        if place in known or stem(word) in bank.phrases:
            continue
        for head in heads(word):
            key = stem(head)
            situations, noun = bank.phrases.get(key), bank.nouns.get(key)
            if situations is not None:
                _credit(result, situations, _COMPOUND * (1.0 - _BASE**2), word)
            if noun is not None:
                _name(bank, result, bank.things[noun], word, _COMPOUND, place)
                named.add(place)
            if situations is not None or noun is not None:
                break
    return named


def _from_dictionary(bank: Bank, text: str, result: Words, known: set[int]) -> set[int]:
    """Name what the dictionary knows of the other words; return their places. In unspaced text our own words go first."""
    heard = spoken_in(text, {})
    free = [
        place
        for place, word in enumerate(result.words)
        if place not in known and not is_dull(word) and not is_small_word(word, heard)
    ]
    unspaced = is_unspaced(text)
    if unspaced and result.concepts:
        return set()
    places: set[int] = set()
    for named in named_in(text, result.words, free):
        unsure = len(named.entries) > 1
        for entry in named.entries[:_SENSES]:
            index = bank.places[entry.concept]
            result.concepts.append(Found(index, entry.weight - 0.01 * named.start, named.words, unsure))
        if not unspaced:
            places.update(range(named.start, named.end))
    return places


def _inflected(word: str, key: str) -> bool:
    """Whether an English verb form was cut to a noun: "dropped" asks for no drop."""
    return word.endswith(("ed", "ing")) and not key.endswith(("ed", "ing"))


def _name(bank: Bank, result: Words, owners: list[tuple[int, float]], evidence: str, faded: float, place: int) -> None:
    crowd = 1.0 + _SHARED * (len({family_of(bank.concepts[index].name) for index, _ in owners}) - 1)
    for index, weight in owners:
        spread = crowd if weight < 0.8 else 1.0
        ours = _OURS if bank.concepts[index].pack == "subjects" else 0.0
        score = (weight + ours) / spread * faded - 0.01 * place
        result.concepts.append(Found(index, max(0.0, min(score, 1.0)), evidence))
