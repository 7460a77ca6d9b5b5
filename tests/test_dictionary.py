"""The dictionary of many languages: what it names, in which language, and that its file is sound."""

from __future__ import annotations

import pytest

from imajin_cli.stages.scene.knowledge.bank import bank
from imajin_cli.stages.scene.knowledge.dictionary import COMPILED, Entry, dictionary, named_in
from imajin_cli.stages.scene.knowledge.languages import is_small_word, spoken_in
from imajin_cli.stages.scene.knowledge.lexical import match_words
from imajin_cli.stages.scene.knowledge.pictographs import drawn
from imajin_cli.stages.scene.knowledge.text import content_words, normalise


def named(prompt: str) -> list[str]:
    """The titles of what plain words name, heaviest first."""
    known = bank()
    found = match_words(known, normalise(prompt)).concepts
    return [known.titles[item.index] for item in sorted(found, key=lambda item: -item.weight)]


@pytest.mark.parametrize(
    ("prompt", "thing"),
    [
        ("die Fähre legt an", "sailboat"),
        ("frische Brezeln", "grocery-bag"),
        ("un abrazo", "heart"),
        ("la forêt animée", "tree"),
        ("la foret", "tree"),
        ("il gelato di oggi", "ice-cream-melted"),
        ("de vuurtoren en de egel", "hedgehog"),
        ("gdzie jest wiewiórka", "squirrel"),
        ("где мой зонт", "umbrella"),
        ("где моя собака", "dog-fetch"),
        ("우산", "umbrella"),
        ("海辺のハリネズミ", "hedgehog"),
        ("مظلة", "umbrella"),
        ("a sleuth at work", "detective"),
    ],
)
def test_common_words_of_many_languages_name_a_thing(prompt: str, thing: str) -> None:
    assert thing in named(prompt)[:2]


@pytest.mark.parametrize(
    ("prompt", "thing"),
    [
        ("das hat noch niemand gesehen", "rabbit-hat"),
        ("tout va bien ici", "bee"),
        ("il est bien ancien", "bee"),
        ("もう少しで頂上です", "thumbs-up"),
        ("le marché est fermé", "phosphor:horse"),
        ("le marché est fermé", "phosphor:boot"),
    ],
)
def test_a_word_of_another_language_names_nothing(prompt: str, thing: str) -> None:
    assert thing not in named(prompt)


def test_our_own_words_go_first() -> None:
    known = bank()
    found = match_words(known, normalise("eine Katze auf der Fähre")).concepts
    assert {known.titles[item.index].split("-")[0] for item in found} >= {"cat", "sailboat"}
    assert len([item for item in found if item.words == "katze"]) == len({i.index for i in found if i.words == "katze"})


def test_the_file_is_sorted_and_every_thing_in_it_can_be_drawn() -> None:
    rows = COMPILED.read_bytes().splitlines()
    keys = [row.split(b"\t")[0] + b"\t" for row in rows]
    assert keys == sorted(set(keys))
    titles = set(bank().titles)
    for row in rows[:: max(1, len(rows) // 2000)]:
        entries = dictionary().look_up(row.split(b"\t")[0].decode())
        assert entries
        assert all(entry.concept in titles and 0 < entry.weight <= 1 for entry in entries)


def test_the_first_and_the_last_line_are_found_and_strangers_are_not() -> None:
    rows = COMPILED.read_text(encoding="utf-8").splitlines()
    book = dictionary()
    assert book.look_up(rows[0].split("\t")[0])
    assert book.look_up(rows[-1].split("\t")[0])
    for stranger in ("", " ", "zzzzzz", "\x00", "\U0010ffff", "a\tb", "\n"):
        assert book.look_up(stranger) == ()


def test_each_pictograph_has_one_drawing() -> None:
    things = drawn()
    assert len(things) > 600
    assert {manner for _, manner in things.values()} == {"is", "near"}


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("where is my cat", {"en"}),
        ("die katze hat hunger", {"de"}),
        ("el gato no está en la casa", {"es"}),
        ("le chat est dans la cuisine", {"fr"}),
        ("кіт їсть", {"uk"}),
        ("猫がいます", {"ja"}),
        ("xyzzy", {"en"}),
    ],
)
def test_languages_are_told_by_script_and_small_words(text: str, languages: set[str]) -> None:
    assert spoken_in(text, {}) == languages


def test_a_small_word_is_one_in_all_the_languages_that_are_likely() -> None:
    assert is_small_word("hat", frozenset({"de"}))
    assert not is_small_word("hat", frozenset({"de", "en"}))
    assert not is_small_word("hat", frozenset())


def test_words_that_are_taken_are_not_looked_up() -> None:
    words = content_words("hamster und fähre")
    assert [item.words for item in named_in("hamster und fähre", words, [0])] == ["hamster"]
    assert named_in("hamster und fähre", words, []) == []


def test_an_entry_tells_language_thing_and_weight() -> None:
    assert Entry("es", "heart", 0.5) in dictionary().look_up("abrazo")
