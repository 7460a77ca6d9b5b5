"""The word lists: no false alarm over harmless prompts, disguises seen through, and nothing that breaks on odd input."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imajin_cli.stages.policy.find import Text, find
from imajin_cli.stages.policy.fold import fold, words_of
from imajin_cli.stages.policy.judge import MINORS, mentions_minor, minor_hits, policy_of
from imajin_cli.stages.policy.lists import CATEGORIES, WARNING, index_of, ours, parse, user_list
from imajin_cli.stages.policy.personal import is_card, is_iban, links, personal
from imajin_cli.stages.policy.script import problems

DATA = Path(__file__).parent / "data"
EVERYTHING = policy_of((), (), (), "")


def lines(name: str) -> list[str]:
    text = (DATA / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def pairs(name: str) -> list[tuple[str, str]]:
    return [(category, text) for category, _, text in (line.partition("\t") for line in lines(name))]


def tags(text: str) -> set[str]:
    return {hit.tag for hit in EVERYTHING.listed(text)} | {hit.tag for hit in minor_hits(text)}


HARMLESS = lines("policy_harmless.txt") + [text for category, text in pairs("policy_heldout.txt") if category == "ok"]
DISALLOWED = pairs("policy_disallowed.txt")


def test_the_sets_are_as_large_as_they_are_said_to_be():
    assert len(HARMLESS) >= 400
    assert len(set(HARMLESS)) == len(HARMLESS)
    assert len(DISALLOWED) >= 110
    assert {category for category, _ in DISALLOWED} == set(CATEGORIES)


def test_no_harmless_prompt_is_a_hit():
    found = {text: tags(text) - {WARNING} for text in HARMLESS}
    assert {text: hit for text, hit in found.items() if hit} == {}


def test_no_harmless_prompt_breaks_the_script_or_personal_data_rules():
    assert [text for text in HARMLESS if problems(text) or personal(text)] == []


@pytest.mark.parametrize(("category", "text"), DISALLOWED, ids=lambda value: value[:30])
def test_what_is_disallowed_is_found_under_its_category(category, text):
    assert category in tags(text)


@pytest.mark.parametrize(
    "text",
    ["Scunthorpe", "Essex", "assets", "classic", "therapist", "grape", "cocktail", "shooting star", "analysis", "Sussex"],
)  # fmt: skip
def test_words_that_hold_a_listed_word_are_none(text):
    assert tags(f"a {text} picture") == set()


@given(st.sampled_from(["nude", "porn", "naked", "hentai", "cocaine"]), st.sampled_from(list(".-_·*•")))
def test_a_word_split_by_any_separator_is_found(word, sign):
    assert tags(f"a {sign.join(word)} picture")


@given(st.sampled_from(["nude", "porn", "hentai"]), st.data())
def test_a_stretched_word_is_found(word, data):
    at = data.draw(st.integers(0, len(word) - 1))
    many = data.draw(st.integers(3, 9))
    assert "sexual" in tags(word[:at] + word[at] * many + word[at + 1 :])


@given(st.sampled_from(["nude", "porn", "sex"]))
def test_width_and_style_of_letters_do_not_hide_a_word(word):
    wide = "".join(chr(ord(sign) - 0x21 + 0xFF01) for sign in word)
    bold = "".join(chr(0x1D41A + ord(sign) - ord("a")) for sign in word)
    assert "sexual" in tags(wide)
    assert "sexual" in tags(bold)
    assert "sexual" in tags(word.upper())
    assert "sexual" in tags("\u200b".join(word))


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_can_be_judged_and_gives_the_same_twice(text):
    assert EVERYTHING.listed(text) == EVERYTHING.listed(text)
    assert problems(text) == problems(text)
    assert all(word.text for word in words_of(fold(text)))
    personal(text)
    links(text)


@given(st.text(alphabet=st.characters(codec="utf-8", categories=("Lu", "Ll", "Lo", "Nd", "Zs")), max_size=80))
def test_folding_is_settled_after_once(text):
    folded = fold(unicodedata.normalize("NFKC", text))
    assert fold(folded) == folded


def test_a_minor_with_anything_sexual_cannot_be_allowed_or_switched_off():
    off = policy_of(("sexual", "violence-gore"), (), ("naked child", "naked", "child"), "")
    assert off.listed("a naked child") == []
    assert {hit.tag for hit in minor_hits("a naked child")} == {MINORS}
    assert MINORS not in off.categories
    assert mentions_minor("ein Mädchen mit Ball")
    assert not mentions_minor("a child process")


def test_excuses_hold_only_near_the_word():
    assert tags("suicide awareness week") == set()
    assert tags("suicide scene in a dark room painted long ago, then later an awareness week") == {"self-harm"}
    assert tags("pixel gun in a game") == set()
    assert "weapons" in tags("how to make a bomb in a game")


def test_order_matters_for_deeds_and_their_victims():
    assert tags("stabbing a man") == {"violence-gore"}
    assert tags("a man with a punch card") == set()


def test_a_brand_with_a_mark_is_a_warning_only():
    assert tags("the nike logo on a shoe") == {WARNING}
    assert tags("a logo for my bakery") == set()


def test_own_lists_name_their_categories_and_stems():
    own = "plain\n# a comment\n[rivals]\nacme*\nwile e coyote\nライバル\n"
    assert user_list(own) == [
        ("word-list", "plain"), ("rivals", "acme*"), ("rivals", "wile e coyote"), ("rivals", "ライバル"),
    ]  # fmt: skip
    policy = policy_of((), ("zebra",), ("zebra crossing",), own)
    assert {hit.tag for hit in policy.denials("ACMEs plain zebra")} == {"rivals", "word-list", "denied"}
    assert [hit.tag for hit in policy.denials("ライバル社")] == ["rivals"]
    assert policy.denials("a zebra crossing, an explanation") == []
    assert policy.harmless_part("a zebra crossing at night") == "a at night"
    assert policy.harmless_part("A Robot") == "A Robot"


def test_a_bad_line_of_a_list_is_an_error():
    with pytest.raises(ValueError, match="without a language"):
        parse("[sexual]\nno colon here")
    with pytest.raises(ValueError, match="not a rule"):
        parse("[rules]\nhate: one two")


def test_every_section_of_our_list_is_known_and_every_rule_names_groups_that_exist():
    lists = ours()
    known = {*CATEGORIES, WARNING}
    found = {tag.removesuffix("!") for index in [lists.terms] for table in [index.whole, *index.begins.values()]
             for terms in table.values() for tag, _ in terms}  # fmt: skip
    groups = {rule.first for rule in lists.rules} | {rule.second for rule in lists.rules}
    assert found - known <= groups
    assert {group.removesuffix("!") for group in groups} <= found
    assert {rule.category for rule in lists.rules} <= known


def test_find_looks_only_for_the_categories_it_is_given():
    text = Text("a nude woman with cocaine", [])
    assert {hit.tag for hit in find(text, ours(), {"drugs"})} == {"drugs"}
    assert find(text, ours(), set()) == []


def test_an_index_without_words_finds_nothing():
    index = index_of([("denied", "  "), ("denied", "*"), ("denied", "!!")])
    assert list(Text("* !! anything", []).terms(index)) == []


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("write to jo.doe+x@mail.co.uk", ["an e-mail address"]),
        ("write to me@example.com", []),
        ("call +49 30 1234567", ["a telephone number"]),
        ("call (030) 123-4567", ["a telephone number"]),
        ("4111 1111 1111 1111", ["a payment card number"]),
        ("4111 1111 1111 1112", []),
        ("DE89 3704 0044 0532 0130 00", ["a bank account number"]),
        ("DE88 3704 0044 0532 0130 00", []),
        ("10 000 000 users since 2026-11-24, 192.168.100.200, 1200x630, 2019-2024", []),
    ],
)
def test_personal_data(text, kinds):
    assert personal(text) == kinds


@given(st.integers(10**14, 10**15 - 1))
def test_every_card_number_has_one_check_digit(body):
    right = [digit for digit in range(10) if is_card(f"{body}{digit}")]
    assert len(right) == 1 or len(set(str(body))) == 1


def test_account_numbers_are_checked():
    assert is_iban("GB82 WEST 1234 5698 7654 32")
    assert not is_iban("GB82 WEST 1234 5698 7654 33")


@pytest.mark.parametrize(
    ("text", "found"),
    [("see https://a.b/c", 1), ("www.shop.io now", 1), ("visit shop.com", 1), ("Node.js 20", 0), ("index.html", 0)],
)
def test_links(text, found):
    assert len(links(text)) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\x07b", "control"), ("a\u200bb", "hidden"), ("soft\u00adhyphen", "hidden"), ("a\u202eb", "override"),
        ("p\u0430ypal", "mixed"), ("p\u03b1ypal", "mixed"), ("x" + "\u0301" * 5, "marks"), ("\ue000", "private"),
        ("\u0378", "unassigned"), ("a\U000e0041", "hidden"), ("a\U000e0101", "selector"), ("a\u200db", "hidden"),
    ],
)  # fmt: skip
def test_tricks_with_characters_are_told(text, why):
    assert why in problems(text)[0]


@pytest.mark.parametrize(
    "text",
    ["10μF and Ωhm", "👩\u200d💻", "می\u200cخواهم", "Ünïcödé", "שָׁלוֹם", "3D-модель", "葛\U000e0100", "line\none\ttwo",
     "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "नमस्ते", "เป็นที่", "tiếng Việt"],
)  # fmt: skip
def test_real_writing_passes(text):
    assert problems(text) == []


def test_scripts_can_be_limited():
    assert problems("hello", ["latin"]) == []
    assert "cyrillic" in problems("hello мир", ["latin"])[0]
    assert problems("日本語テスト ひらがな", ["han", "katakana", "hiragana"]) == []
    assert problems("ｗｉｄｅ", ["latin"]) == []
