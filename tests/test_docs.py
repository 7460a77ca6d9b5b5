"""The docs say what the code does: generated tables are fresh, links lead somewhere, and examples run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT

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


@pytest.mark.parametrize(("page", "script"), examples(), ids=lambda value: value[:40].replace("\n", " "))
def test_every_example_runs(page, script, work, tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, start in (("imajin", "-m imajin_cli"), ("python", "")):
        launcher = folder / name
        launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" {start} "$@"\n')
        launcher.chmod(0o755)
    shutil.copy(ROOT / "docs" / "pictures" / "photo.jpg", work / "photo.jpg")
    commands = "\n".join(line.removeprefix("$ ") for line in script.splitlines() if not line.startswith("#"))
    # As a reader has it: nothing of the tests' own settings.
    bare = {name: value for name, value in os.environ.items() if not name.startswith("IMAJIN_")}
    # But for the worker, which would outlive the test.
    env = {**bare, "IMAJIN_WORKER": "off", "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands], cwd=work, env=env, capture_output=True, timeout=110
    )
    assert done.returncode == 0, done.stderr.decode()
