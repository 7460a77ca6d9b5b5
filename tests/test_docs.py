"""The docs say what the code does: generated tables are fresh, links lead somewhere, and examples run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import pytest
import typer

from conftest import ROOT
from imajin_cli.app import app

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLE = re.compile(r"<!-- example -->\n```(?:console|sh)\n(.*?)```", re.S)


def examples() -> list[tuple[str, str]]:
    return [(page.name, block) for page in PAGES for block in EXAMPLE.findall(page.read_text(encoding="utf-8"))]


def test_generated_tables_are_fresh():
    generated = [str(page) for page in PAGES if "[[[cog" in page.read_text(encoding="utf-8")]
    assert generated
    done = subprocess.run(
        [sys.executable, "-m", "cogapp", "--check", "-I", str(ROOT / "tools"), *generated],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr + "\nrun: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_there_are_examples():
    assert len(examples()) >= 5


def shown(first: bool) -> pytest.MarkDecorator:
    """The example that is read first, or all others, which take minutes."""
    found = examples()[:1] if first else examples()[1:]
    return pytest.mark.parametrize(("page", "script"), found, ids=lambda value: value[:40].replace("\n", " "))


@pytest.fixture(scope="module")
def bare() -> Iterator[dict[str, str]]:
    """The environment that a reader has: nothing of the tests' own settings, and the worker, here one for all examples."""
    with tempfile.TemporaryDirectory() as runtime:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("IMAJIN_", "XDG_"))}
        kept = {**kept, "PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": runtime, "IMAJIN_WORKER": "on"}
        yield kept
        subprocess.run([sys.executable, "-m", "imajin_cli", "worker", "stop"], env=kept, capture_output=True, timeout=60)


@shown(True)
def test_the_first_example_of_the_readme_runs(page, script, bare, work, tmp_path):
    runs(script, bare, work, tmp_path)


@pytest.mark.slow
@shown(False)
def test_every_other_example_runs(page, script, bare, work, tmp_path):
    runs(script, bare, work, tmp_path)


def runs(script, bare, work, tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, start in (("imajin", "-m imajin_cli"), ("python", "")):
        launcher = folder / name
        launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" {start} "$@"\n')
        launcher.chmod(0o755)
    shutil.copy(ROOT / "docs" / "pictures" / "photo.jpg", work / "photo.jpg")
    commands = "\n".join(line.removeprefix("$ ") for line in script.splitlines() if not line.startswith("#"))
    env = {**bare, "HOME": os.environ["HOME"], "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands], cwd=work, env=env, capture_output=True, timeout=110
    )
    assert done.returncode == 0, done.stderr.decode()


# Command lines that no test can run (they need weights, a GPU, somebody's pictures) are at least read by the real parser.

BLOCK = re.compile(r"```(?:console|sh)\n(.*?)```", re.S)
PROMPT = re.compile(r"^\$ |^(?=imajin )", re.M)


def command_lines() -> list[tuple[str, str]]:
    """Every command line in a console block of the docs, without what it prints."""
    found = []
    for page in PAGES:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            joined = block.replace("\\\n", " ")
            found += [(page.name, line) for line in joined.splitlines() if PROMPT.match(line)]
    return found


def calls(line: str) -> list[list[str]]:
    """The words of each call of imajin in a command line: of a pipe, of a list, behind another command's ``--``."""
    lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    lexer.commenters = "#" if " # " in line else ""
    found: list[list[str]] = []
    words: list[str] | None = None
    for word in lexer:
        if set(word) <= set("|&;()") and word:
            words = None
        elif set(word) <= set("<>"):
            # A file that is written or read is no word of the call.
            next(lexer, None)
        elif word == "imajin" and (words is None or words[-1:] == ["--"]):
            words = []
            found.append(words)
        elif words is not None:
            words.append(word)
    return found


def parsed(words: list[str]) -> None:
    """Read ``words`` as the command line would, and do nothing. Raises what the parser raises."""
    group = typer.main.get_command(app)
    context = group.make_context("imajin", [], resilient_parsing=True)
    _, command, rest = group.resolve_command(context, words)
    while hasattr(command, "resolve_command"):
        inner = command.make_context(command.name, [], parent=context, resilient_parsing=True)
        _, command, rest = command.resolve_command(inner, rest)
    if "--help" not in rest and "-h" not in rest:
        command.make_context(command.name, list(rest), parent=context)


def test_a_command_line_is_taken_apart():
    line = "$ A=1 imajin generate \"a | b\" -n 2 | imajin moderate > out.txt && ls | imajin gpu run -- imajin show x  # why"
    assert calls(line) == [
        ["generate", "a | b", "-n", "2"], ["moderate"], ["gpu", "run", "--"], ["show", "x"],
    ]  # fmt: skip
    with pytest.raises(typer.TyperException):
        parsed(["run", "a rocket", "--nosuch"])


@pytest.mark.parametrize(("page", "line"), command_lines(), ids=lambda value: value[:50])
def test_every_command_line_is_one_that_imajin_takes(page, line):
    for words in calls(line):
        parsed(words)
