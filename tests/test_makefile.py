"""`make run` and `make test` as a person calls them; the environment in them is a stand-in that records what it is told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

RECORDER = """\
#!{python}
import json, pathlib, sys
pathlib.Path({said!r}).write_text(json.dumps(sys.argv[1:]))
made = pathlib.Path("out")
made.mkdir(exist_ok=True)
(made / "robot-512.png").write_bytes(b"12345")
(made / "robot-512.webp").write_bytes(b"123")
files = [{{"name": "robot-512.png"}}, {{"name": "robot-512.webp"}}]
(made / "manifest.json").write_text(json.dumps({{"imajin": 1, "assets": [{{"files": files}}]}}))
print("out/robot-512.png")
"""


@pytest.fixture
def checkout(work: Path) -> Path:
    """A folder with the Makefile, the tools, and an environment that is ready: nothing is installed."""
    shutil.copy(ROOT / "Makefile", work)
    shutil.copytree(ROOT / "tools", work / "tools")
    (work / "requirements").mkdir()
    for name in ("pyproject.toml", "requirements/lock.txt"):
        (work / name).touch()
        os.utime(work / name, (1_000_000_000, 1_000_000_000))
    programs = work / ".venv" / "bin"
    programs.mkdir(parents=True)
    _program(programs / "python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    _program(programs / "imajin", RECORDER.format(python=sys.executable, said=str(work / "said.json")))
    (work / ".venv" / ".ready-to-run").touch()
    return work


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def make(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")} | extra
    return subprocess.run(
        ["make", *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def said(checkout: Path) -> list[str]:
    return json.loads((checkout / "said.json").read_text())


HOSTILE = [
    'a robot\'s "lost" page',
    "costs $5 or ${HOME} or $(HOME) or $$",
    "$(shell touch made-by-make)",
    "`touch made-by-shell` $(touch made-by-shell)",
    "a; touch made-by-shell & touch made-by-shell | cat > made-by-shell",
    "'; touch made-by-shell; '",
    '"; touch made-by-shell; "',
    "a \\ backslash \\",
    "a # hash and a % and a = and a : and *",
    "--help",
    "-n 3",
    "ein Roboter – 迷子のロボット \u202e",
    "two\nlines",
]


@pytest.mark.parametrize("prompt", HOSTILE)
@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_prompt_reaches_imajin_as_it_was_written(checkout, prompt, by):
    before = {path.name for path in checkout.iterdir()}
    done = make("run", f"PROMPT={prompt}") if by == "argument" else make("run", PROMPT=prompt)
    assert done.returncode == 0, done.stderr
    assert said(checkout) == ["run", "-o", "out", "--", prompt]
    assert {path.name for path in checkout.iterdir()} - before == {"out", "said.json"}


def test_without_a_prompt_there_is_one(checkout):
    assert make("run").returncode == 0
    assert said(checkout)[-1] == "a friendly robot looking for a lost page"


def test_run_says_what_it_made_and_where_to_look(checkout):
    told = make("run").stdout
    assert "Made 2 files" in told
    assert "5 bytes  out/robot-512.png" in told
    assert "3 bytes  out/robot-512.webp" in told
    assert str(checkout / "out" / "robot-512.png") in told
    assert "out/manifest.json" in told
    assert ".venv/bin/imajin show out/robot-512.png" in told


def test_a_run_that_fails_fails_make(checkout):
    _program(checkout / ".venv" / "bin" / "imajin", "#!/bin/sh\necho 'imajin: rejected' >&2\nexit 15\n")
    done = make("run")
    assert done.returncode != 0
    assert "imajin: rejected" in done.stderr
    assert "Made" not in done.stdout


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements/lock.txt"])
def test_an_environment_older_than_what_it_is_made_from_is_installed_into_again(checkout, name):
    (checkout / "tools" / "install").write_text('#!/bin/sh\necho "$@" > installed.txt\n')
    assert make("run").returncode == 0
    assert not (checkout / "installed.txt").exists()
    (checkout / name).touch()
    later = (checkout / ".venv" / ".ready-to-run").stat().st_mtime + 10
    os.utime(checkout / name, (later, later))
    assert make("run").returncode == 0
    assert (checkout / "installed.txt").read_text() == "python3 .venv .\n"


def test_an_environment_whose_python_has_gone_is_made_again(checkout):
    (checkout / "tools" / "install").write_text('#!/bin/sh\necho "$@" > installed.txt\nexit 7\n')
    (checkout / ".venv" / "bin" / "python").unlink()
    assert make("run").returncode != 0
    assert (checkout / "installed.txt").read_text() == "python3 .venv .\n"


def test_an_old_python_is_told_which_is_needed(checkout):
    old = checkout / "old-python"
    _program(old, f'#!/bin/sh\n(echo "import sys; sys.version_info = (3, 10, 0)"; cat) | {sys.executable} "$@"\n')
    done = subprocess.run(
        [checkout / "tools" / "install", old, "new", "."], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "needs Python 3.11" in done.stderr
    assert not (checkout / "new").exists()


def test_clean_takes_no_folder_from_the_environment(checkout, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "pyvenv.cfg").touch()
    (checkout / ".venv" / "pyvenv.cfg").touch()
    make("clean", VENV=str(other))
    assert other.exists()
    assert not (checkout / ".venv").exists()
    make("clean", f"VENV={other}")
    assert not other.exists()


def test_clean_removes_an_environment_and_nothing_else(checkout):
    for folder in ("imajin_cli", "stages", "configs", "presets", "tests", "benchmarks"):
        (checkout / folder / "__pycache__").mkdir(parents=True)
        (checkout / folder / "kept.py").touch()
    (checkout / "out").mkdir()
    assert make("clean").returncode != 0
    assert (checkout / ".venv").is_dir()
    (checkout / ".venv" / "pyvenv.cfg").touch()
    assert make("clean").returncode == 0
    assert not (checkout / ".venv").exists()
    assert not list(checkout.rglob("__pycache__"))
    assert (checkout / "stages" / "kept.py").exists()
    assert (checkout / "out").is_dir()
