"""Prompt matrices, wildcards and wording: `imajin prompt`, held against dynamicprompts' own answers."""

from __future__ import annotations

import importlib.util
import itertools
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT
from imajin_cli.asking.matrix import MOST_DEPTH, MOST_LENGTH, everything, parse, sampled
from imajin_cli.asking.wildcards import Wildcards
from imajin_cli.asking.wording import AXES, varied
from imajin_cli.contract.errors import ImajinError, InputError, UsageError
from imajin_cli.contract.prompts import PromptSet
from llmserver import answer, classification, serving
from processes import inside

THEIRS = json.loads((ROOT / "tests" / "data" / "matrix.json").read_bytes())["cases"]


@pytest.fixture
def wildcards(work: Path) -> Path:
    folder = work / "wildcards"
    (folder / "animals").mkdir(parents=True)
    (folder / "colour.txt").write_text("red\nblue\n# no\n\ngreen\n")
    (folder / "animals" / "pets.txt").write_text("cat\ndog\n")
    (folder / "animals" / "wild.txt").write_text("fox\n__colour__ wolf\n")
    return folder


# The matrix.


@pytest.mark.parametrize("case", THEIRS, ids=[case["matrix"] for case in THEIRS])
def test_a_matrix_stands_for_what_dynamicprompts_makes_of_it(case, wildcards):
    assert sorted(everything(parse(case["matrix"]), Wildcards(str(wildcards)))) == case["prompts"]


@pytest.mark.skipif(importlib.util.find_spec("dynamicprompts") is None, reason="one release's answers are kept")
@pytest.mark.parametrize("matrix", ["{a|b {c|d}} {2$$e|f|g}", "{3::x|y} __animals/*__", "{1-2$$ or $$__colour__|z}"])
def test_the_installed_dynamicprompts_agrees(matrix, wildcards):
    from dynamicprompts.generators import CombinatorialPromptGenerator
    from dynamicprompts.wildcards.wildcard_manager import WildcardManager

    made = CombinatorialPromptGenerator(wildcard_manager=WildcardManager(wildcards)).generate(matrix, max_prompts=1000)
    assert sorted(everything(parse(matrix), Wildcards(str(wildcards)))) == sorted(set(map(str, made)))


@pytest.mark.parametrize("case", THEIRS, ids=[case["matrix"] for case in THEIRS])
def test_a_sample_is_one_of_all_and_the_seed_decides(case, wildcards):
    lines, tree = Wildcards(str(wildcards)), parse(case["matrix"])
    drawn = [sampled(tree, random.Random(seed), lines) for seed in range(40)]
    assert set(drawn) <= set(case["prompts"])
    assert len(set(drawn)) > 1 or len(case["prompts"]) == 1
    assert drawn == [sampled(tree, random.Random(seed), lines) for seed in range(40)]


def test_weights_count():
    tree = parse("{9::a|1::b|0::c}")
    drawn = [sampled(tree, random.Random(seed), Wildcards(None)) for seed in range(500)]
    assert 400 < drawn.count("a") < 490
    assert "c" not in drawn


def test_signs_of_its_own_can_be_written():
    assert list(everything(parse(r"\{a\|b\} \_\_c\_\_ \\"), Wildcards(None))) == [r"{a|b} __c__ " + "\\"]
    assert list(everything(parse("a | b"), Wildcards(None))) == ["a | b"]


@pytest.mark.parametrize(
    "matrix",
    [
        "{a|b", "a}", "{" * 5000, "{a|" * (MOST_DEPTH + 1) + "b" + "}" * (MOST_DEPTH + 1), "x" * 30_000,
        "{" + "|".join("abc" for _ in range(300)) + "}", "${a={b|c}} ${a}", "{5-2$$a|b}", "{0::a|0::b}", "{a}" * 5000,
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_usage_error(matrix):
    with pytest.raises(UsageError):
        parse(matrix)


def test_bombs_are_bounded(wildcards):
    lines = Wildcards(str(wildcards))
    assert len(list(everything(parse("{a|b|c|d|e|f}" * 40), lines, 500))) == 500
    assert list(everything(parse("{a|a|a|a}" * 40), lines, 500)) == ["a" * 40]
    (wildcards / "loop.txt").write_text("__loop__ __loop__\n")
    for run in (lambda tree: list(everything(tree, Wildcards(str(wildcards)))), _one(Wildcards(str(wildcards)))):
        with pytest.raises(UsageError):
            run(parse("__loop__"))
    (wildcards / "long.txt").write_text("x" * 3000)
    with pytest.raises(UsageError, match=f"{MOST_LENGTH:,}"):
        sampled(parse("__long____long__"), random.Random(0), Wildcards(str(wildcards)))


def _one(lines):
    return lambda tree: sampled(tree, random.Random(0), lines)


@given(st.text(alphabet="{}|$:_-0123ab\\ .*#\n", max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text):
    lines = lambda name: ["one", "two"]  # noqa: E731
    try:
        tree = parse(text)
        made = sampled(tree, random.Random(1), lines)
        listed = list(everything(tree, lines, 2000))
    except ImajinError:
        return
    assert made in listed or len(listed) == 2000


@pytest.mark.parametrize("name", ["../secret", "a/../../b", "/etc/passwd", "..", "animals/..", "none"])
def test_nothing_outside_the_folder_is_read(name, wildcards):
    (wildcards.parent / "secret.txt").write_text("s3cret\n")
    with pytest.raises(UsageError):
        Wildcards(str(wildcards))(name)


def test_links_and_odd_files_are_left_alone(wildcards):
    (wildcards.parent / "secret.txt").write_text("s3cret\n")
    (wildcards / "link.txt").symlink_to(wildcards.parent / "secret.txt")
    with pytest.raises(UsageError):
        Wildcards(str(wildcards))("link")
    (wildcards / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError):
        Wildcards(str(wildcards))("bytes")
    with pytest.raises(UsageError, match="no folder"):
        Wildcards(None)("colour")


# Wording.


def prompts(capfd, monkeypatch, *arguments: str) -> PromptSet:
    code, out, err = inside(capfd, monkeypatch, "prompt", *arguments, "--json")
    assert code == 0, err
    return PromptSet.model_validate_json(out)


def test_the_composer_is_told_the_request(capfd, monkeypatch):
    code, out, _ = inside(capfd, monkeypatch, "prompt", "a lost robot", "-n", "2")
    assert (code, out) == (0, "a lost robot\na lost robot\n")
    made = prompts(capfd, monkeypatch, 'a {red|blue} cat that waves, with "Hello"', "-n", "4", "--seed", "3")
    assert {one.prompt for one in made.prompts} <= {"a red cat that waves, with", "a blue cat that waves, with"}
    assert [one.seed for one in made.prompts] == [3, 4, 5, 6]


def test_models_are_told_in_their_own_way(capfd, monkeypatch):
    request = "a girl with a red umbrella, anime style, for dark mode"
    tags = prompts(capfd, monkeypatch, request, "--dialect", "tags", "--voice", "warm, rounded", "--avoid", "rain").prompts[0]
    assert "anime coloring" in tags.prompt
    assert "warm, rounded" in tags.prompt
    assert "dark background" in tags.prompt
    assert "." not in tags.prompt
    assert "photo" in tags.negative
    assert tags.negative.endswith("rain")
    sentence = prompts(capfd, monkeypatch, request, "--dialect", "sentence").prompts[0]
    assert sentence.prompt.startswith("An anime illustration of a girl")
    assert sentence.prompt.endswith("No words or letters.")


def test_variations_differ_in_what_matters(capfd, monkeypatch):
    made = prompts(capfd, monkeypatch, "a lighthouse", "--dialect", "sentence", "-n", "5")
    assert len({one.prompt for one in made.prompts}) == 5
    assert made == prompts(capfd, monkeypatch, "a lighthouse", "--dialect", "sentence", "-n", "5")
    for seed in range(7):
        rows = [varied(seed, i) for i in range(12)]
        for one, other in itertools.pairwise(rows):
            assert all(one[axis] != other[axis] for axis in AXES)


def test_the_brands_voice_comes_from_the_config(capfd, monkeypatch, work):
    (work / "imajin.yaml").write_text("prompt:\n  voice: soft greens and round shapes\n  dialect: sentence\n")
    assert "Soft greens and round shapes." in prompts(capfd, monkeypatch, "a lighthouse").prompts[0].prompt


def test_every_combination(capfd, monkeypatch, wildcards):
    made = prompts(capfd, monkeypatch, "a __colour__ {cat|dog}", "--all", "--wildcards", str(wildcards))
    assert len(made.prompts) == 6
    assert len({one.seed for one in made.prompts}) == 6


def test_a_matrix_does_not_hide_what_is_refused(capfd, monkeypatch):
    code, out, _ = inside(capfd, monkeypatch, "prompt", "a {nude|nude} woman on a beach")
    assert (code, out) == (10, "")


def test_the_published_schema_holds(capfd, monkeypatch):
    import jsonschema

    _, out, _ = inside(capfd, monkeypatch, "schema", "prompts")
    jsonschema.validate(prompts(capfd, monkeypatch, "a cat").model_dump(mode="json"), json.loads(out))


# A language model.


def said(*texts: str):
    return answer({"prompts": [{"prompt": text, "negative": "text"} for text in texts]})


def test_a_language_model_words_prompts(capfd, monkeypatch):
    with serving(answer(classification()), said("one cat on a mat", "a cat in a box")) as (url, asked):
        made = prompts(capfd, monkeypatch, "a cat", "-n", "2", "--dialect", "sentence", "--llm", url)
    assert [one.prompt for one in made.prompts] == ["one cat on a mat", "a cat in a box"]
    assert "language model" in made.by
    assert json.loads(asked[1]["body"]["messages"][1]["content"])["number"] == 2


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (said("only one"), 20),
        (said("one", "a nude woman on a beach"), 10),
        (answer({"prompts": "rm -rf /"}), 20),
        (said("one\u202eeno", "two"), 10),
        (said("x" * 5000, "two"), 20),
    ],
)
def test_what_it_writes_is_checked(reply, code, capfd, monkeypatch):
    with serving(answer(classification()), reply) as (url, _):
        found, out, err = inside(capfd, monkeypatch, "prompt", "a cat", "-n", "2", "--llm", url)
    assert (found, out) == (code, ""), err
