"""The contact sheet's held prompts share no word of content with what the composer's knowledge says."""

from __future__ import annotations

from pathlib import Path

import pytest

from imajin_cli.stages.scene.knowledge import sources
from imajin_cli.stages.scene.knowledge.languages import is_small_word
from imajin_cli.stages.scene.knowledge.text import (
    content_words,
    is_dull,
    is_unspaced,
    normalise,
    runs,
    stem,
    tokens,
)

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
LANGUAGES = ("en", "de", "fr", "es", "it")


def said() -> list[str]:
    """Every line of the knowledge: situations, concepts, subjects and nouns."""
    known = sources.read()
    lines = [f"{english} {' '.join(others)}" for english, others in known.nouns.items()]
    for entry in known.situations.values():
        local = [line for lines in entry["local"].values() for line in lines]
        lines += [entry["title"], *entry["says"], *entry["words"], *entry.get("spoken", ()), *local]
    for source in known.concepts:
        lines += [source.name.replace("-", " "), source.title, source.says, *source.words]
    return [normalise(line) for line in lines]


def is_small(word: str) -> bool:
    """Whether ``word`` carries little meaning in any of the sheet's languages."""
    return is_dull(word) or word in ("yours", "unser") or any(is_small_word(word, frozenset({x})) for x in LANGUAGES)


def prompts(name: str, kind: str) -> list[str]:
    """The prompts of one kind in a list of the contact sheet."""
    rows = [line.split("\t") for line in (BENCHMARKS / name).read_text(encoding="utf-8").splitlines()]
    return [row[-1] for row in rows if row[0] == kind]


@pytest.mark.parametrize(("name", "kind"), [("contact_sheet.tsv", "held"), ("contact_sheet_blind.tsv", "blind")])
def test_no_word_of_content_stands_in_the_knowledge(name: str, kind: str) -> None:
    lines = said()
    stems = {stem(word) for line in lines for word in tokens(line)}
    unspaced = [line for line in lines if is_unspaced(line)]
    shared: dict[str, list[str]] = {}
    for prompt in prompts(name, kind):
        text = normalise(prompt)
        words = [word for word in content_words(text) if not is_unspaced(word)]
        hits = [word for word in words if stem(word) in stems and not is_small(word)]
        hits += [run for run in runs(text) if any(run in line for line in unspaced)]
        shared |= {prompt: hits} if hits else {}
    assert not shared


def test_the_sheet_has_forty_prompts_and_half_of_them_are_held() -> None:
    counts = {kind: len(prompts("contact_sheet.tsv", kind)) for kind in ("preset", "free", "held")}
    assert counts == {"preset": 12, "free": 8, "held": 20}
    assert len(set(prompts("contact_sheet_blind.tsv", "blind"))) == 20
