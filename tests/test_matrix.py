"""Files of assets: matrices and tables, what they stand for, and how a fault in one is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imajin_cli.contract.errors import UsageError
from imajin_cli.run.batch.jobs import Job, jobs_of, read_jobs
from imajin_cli.run.batch.matrix import MAX_VARIANTS


def names(jobs: list[Job]) -> list[str]:
    return [str(job.flags.get("output", {}).get("name")) for job in jobs]


def from_yaml(work: Path, text: str) -> list[Job]:
    (work / "assets.yaml").write_text(text)
    return list(read_jobs("assets.yaml"))


def test_a_matrix_is_every_combination(work):
    jobs = from_yaml(
        work,
        """\
defaults: {preset: empty-state, to: dist}
assets:
  - prompt: an empty inbox
  - name: "{prompt}-{theme}-{palette}-{seed}"
    matrix:
      prompt: {inbox: an empty inbox, search: nothing found}
      theme: [light, dark]
      palette: {brand: "#0f766e", night: {colour: "#1e3a8a", generate: {harmony: analogous}}}
      seed: 1..3
""",
    )
    assert len(jobs) == 1 + 2 * 2 * 2 * 3
    assert names(jobs)[1:4] == ["inbox-light-brand-1", "inbox-light-brand-2", "inbox-light-brand-3"]
    last = jobs[-1]
    assert last.prompt == "nothing found"
    assert last.preset == "empty-state"
    assert last.flags["generate"] == {"theme": "dark", "colour": "#1e3a8a", "harmony": "analogous"}
    assert last.flags["request"] == {"seed": 3}
    assert last.place == "assets.yaml:4 (prompt=search, theme=dark, palette=night, seed=3)"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{prompt: an empty inbox, matrix: {theme: [light, dark]}}", ["{name}-light", "{name}-dark"]),
        ("{matrix: {preset: [error-404, error-500], theme: [light]}}", ["error-404", "error-500"]),
        ("{matrix: {prompt: [an empty inbox], seed: [1, 2]}}", ["an-empty-inbox-1", "an-empty-inbox-2"]),
        ("{prompt: x, name: 'a{theme}{index}', matrix: {theme: [light]}}", ["alight{index}"]),
        (
            "{preset: icon, matrix: {theme: [light, dark], seed: [1, 2]}, exclude: [{theme: dark, seed: 2}]}",
            ["{name}-light-1", "{name}-light-2", "{name}-dark-1"],
        ),
    ],
)
def test_names_of_a_matrix(work, text, wanted):
    assert names(from_yaml(work, f"assets: [{text}]")) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- prompt: x\n  colr: '#fff'\n", "assets.yaml:2: unknown key colr (did you mean colour?)"),
        ("- prompt: 3\n", "assets.yaml:1: prompt must be text"),
        ("- prompt: x\n  quality:\n    min_contrst: 2\n", "assets.yaml:2: quality: unknown parameter min_contrst"),
        ("- prompt: x\n  matrix: {themes: [light]}\n", "unknown option themes (did you mean theme?)"),
        ("- prompt: x\n  matrix: {theme: light}\n", "assets.yaml:2: matrix.theme: write a list"),
        ("- prompt: x\n  matrix: {theme: [light, light]}\n", "two values are called light"),
        ("- prompt: x\n  matrix: []\n", "a matrix is a mapping of axes"),
        ("- prompt: x\n  matrix: {seed: 1..2000}\n", "1..2000 is no range of 1 to 256 numbers"),
        ("- prompt: x\n  theme: dark\n  matrix: {theme: [light]}\n", "theme stands in the matrix and beside it"),
        ("- prompt: x\n  name: a\n  matrix: {theme: [light, dark]}\n", "would both be called a (put {theme} into it)"),
        ("- prompt: x\n  exclude: []\n", "exclude belongs to a matrix"),
        ("- {prompt: x, matrix: {theme: [light]}, exclude: [{theme: drak}]}\n", "unknown value drak"),
        ("- {prompt: x, matrix: {theme: [light]}, exclude: [{theme: light}]}\n", "exclude leaves nothing"),
        ("- {prompt: x, matrix: {palette: [{colour: red}]}}\n", "need labels"),
    ],
)
def test_a_fault_is_told_with_its_line_and_what_was_meant(work, text, said):
    with pytest.raises(UsageError) as caught:
        from_yaml(work, text)
    assert said in caught.value.line()


@pytest.mark.parametrize(
    ("defaults", "own", "wanted"),
    [
        # A stage's params stay beside the entry's own for that stage.
        ("generate: {theme: dark, layout: spot}", "generate: {layout: hero}", {"theme": "dark", "layout": "hero"}),
        # Whose spelling comes last does not matter: the entry has its way.
        ("generate: {layout: spot}, theme: dark", "generate: {theme: light}", {"layout": "spot", "theme": "light"}),
        ("generate: {theme: dark, layout: spot}", "theme: light", {"layout": "spot", "theme": "light"}),
        ("theme: dark, layout: spot", "matrix: {theme: [light]}", {"layout": "spot", "theme": "light"}),
        ("colour: '#fff'", "matrix: {palette: ['#000']}", {"colour": "#000"}),
        (
            "generate: {theme: dark, layout: spot}",
            "matrix: {on: {card: {theme: light}}}",
            {"layout": "spot", "theme": "light"},
        ),
    ],
)
def test_an_entry_stands_over_the_defaults_by_param(work, defaults, own, wanted):
    (job,) = from_yaml(work, f"defaults: {{{defaults}}}\nassets:\n  - {{prompt: x, {own}}}\n")
    assert job.flags["generate"] == wanted


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ("theme: dark, generate: {theme: light}", "assets.yaml:2: theme and generate set generate.theme, each to something else"),
        ("generate: {theme: dark}, matrix: {theme: [light]}", "generate and theme set generate.theme, each to something else"),
        (
            "matrix: {theme: [light, dark], on: {card: {theme: dark}, page: {}}}", ":2: matrix: theme and on both set theme",
        ),
        (
            "matrix: {a: {x: {quality: {min-contrast: 2}}}, b: {x: {quality: {min_contrast: 3}}}}",
            "matrix: a and b both set quality.min_contrast",
        ),
        ("remove-background: {method: flat}, remove_background: {method: vector}", "remove-background and remove_background set"),
    ],
)  # fmt: skip
def test_a_contradiction_is_said(work, own, said):
    with pytest.raises(UsageError) as caught:
        from_yaml(work, f"assets:\n  - {{prompt: x, {own}}}\n")
    assert said in caught.value.line()


def test_what_is_said_twice_alike_is_no_contradiction(work):
    (job,) = from_yaml(work, "assets:\n  - {prompt: x, theme: dark, generate: {theme: dark}}\n")
    assert job.flags["generate"] == {"theme": "dark"}


def test_a_fault_among_the_defaults_is_told_there(work):
    with pytest.raises(UsageError, match=r"assets\.yaml:2: unknown key colr"):
        from_yaml(work, "defaults:\n  colr: '#fff'\nassets:\n  - prompt: x\n")


def test_assets_and_jobs_are_one(work):
    with pytest.raises(UsageError, match="assets and jobs are the same"):
        from_yaml(work, "assets: []\njobs: []\n")


def test_a_matrix_is_bounded(work):
    seeds = f"1..{256}"
    with pytest.raises(UsageError) as caught:
        from_yaml(work, f"- {{prompt: x, matrix: {{seed: {seeds}, theme: [light, dark, contrast, auto]}}}}\n")
    assert f"a matrix of 1,024 (256 seed × 4 theme); {MAX_VARIANTS:,} are the most" in caught.value.line()


@given(
    st.dictionaries(
        st.sampled_from(["theme", "seed", "size", "colour"]),
        st.lists(st.integers(0, 30), min_size=1, max_size=5, unique=True),
        min_size=1,
        max_size=3,
    )
)
def test_as_many_as_the_product_and_no_two_alike(axes):
    made = list(jobs_of({"prompt": "x", "matrix": axes}, "a:1"))
    product = 1
    for values in axes.values():
        product *= len(values)
    assert len(made) == len(set(names(made))) == len({job.place for job in made}) == product


def test_a_table(work):
    (work / "a.csv").write_bytes(
        "\ufeffprompt,preset,Theme,size,quality.min_contrast\r\n"
        '"an inbox, empty",empty-state,dark,"64x64,32x32",3\r\n\r\nnothing found,,,,\r\n'.encode()
    )
    first, second = read_jobs("a.csv")
    assert (first.prompt, first.preset, first.place) == ("an inbox, empty", "empty-state", "a.csv:2")
    assert first.flags == {
        "generate": {"theme": "dark"},
        "request": {"size": ["64x64", "32x32"]},
        "quality": {"min_contrast": "3"},
    }
    assert (second.prompt, second.flags, second.place) == ("nothing found", {}, "a.csv:4")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"prompt,colr\nx,#fff\n", "a.csv:2: unknown key colr (did you mean colour?)"),
        (b"prompt,prompt\n", 'a.csv:1: the column "prompt" stands here twice'),
        (b"prompt,\nx,y\n", "a.csv:1: a column without a name"),
        (b"prompt\nx,y\n", "a.csv:2: 2 cells, and 1 columns"),
        (b"prompt\n\xff\n", "a.csv:2: not UTF-8"),
        (b'prompt\n"x\n', "not CSV"),
        (b"quality,quality.min_contrast\n", "cannot both be columns"),
        (b"prompt\n" + b"x" * (1 << 18), "a line of over 128 KiB"),
        (b"theme\ndark\n", "a.csv:2: a job needs a prompt, files or a preset"),
    ],
)
def test_a_table_that_is_none_is_named(work, data, said):
    (work / "a.csv").write_bytes(data)
    with pytest.raises(UsageError) as caught:
        list(read_jobs("a.csv"))
    assert said in caught.value.line()
