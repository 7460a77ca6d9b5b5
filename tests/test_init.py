"""`imajin init`: what it writes, and that it works as it stands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import ROOT
from imajin_cli import __version__
from imajin_cli.commands.init import FILES


@pytest.fixture
def launcher(tmp_path: Path) -> dict[str, str]:
    """An environment in which `imajin` is a program, and nothing is set for tests."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "imajin"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m imajin_cli "$@"\n')
    program.chmod(0o755)
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("IMAJIN_", "MAKE"))}
    return {**bare, "IMAJIN_WORKER": "off", "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


def run(launcher: dict[str, str], *command: str, cwd: str = ".") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=launcher, capture_output=True, text=True, timeout=280, check=False)


def test_it_writes_a_repository_and_says_so(cli, work):
    done = cli("init", "art/pictures")
    assert done.returncode == 0, done.stderr
    wanted = [f"art/pictures/{place}" for place in FILES.values()]
    assert done.stdout.decode().splitlines() == wanted
    assert b"6 files written; next: cd art/pictures && make" in done.stderr
    for place in wanted:
        text = (work / place).read_text()
        assert text
        assert "{version}" not in text
        assert "{folder}" not in text
    workflow = yaml.safe_load((work / "art/pictures/.github/workflows/assets.yml").read_text())
    steps = [step.get("run", "") for step in workflow["jobs"]["check"]["steps"]]
    assert f'pip install "imajin=={__version__}"' in steps
    assert any("--check --annotations github" in step for step in steps)
    assert os.access(work / "art/pictures/.githooks/pre-commit", os.X_OK)


def test_what_is_there_stays_unless_it_is_forced(cli, work):
    (work / "README.md").write_text("mine")
    done = cli("init")
    assert done.returncode == 0
    assert b"README.md: is there already, and stays as it is" in done.stderr
    assert (work / "README.md").read_text() == "mine"
    assert b"0 files written" in cli("init").stderr
    assert cli("init", "--force").returncode == 0
    assert (work / "README.md").read_text() != "mine"


def test_all_that_stands_in_its_assets_is_planned_and_checked(cli, work):
    assert cli("init").returncode == 0
    found = cli("batch", "assets.yaml", "--check")
    assert found.returncode == 23
    lines = found.stdout.decode().splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "dist/error-404-light", "dist/error-404-dark", "dist/error-500-light", "dist/error-500-dark",
        "dist/inbox-light", "dist/inbox-dark", "dist/search-light", "dist/search-dark", "dist/app-icon", "dist/share",
    ]  # fmt: skip
    assert all(line.endswith(": new: not in the lock yet") for line in lines)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_new_repository_is_made_checked_and_guarded(launcher, work):
    assert run(launcher, "git", "init", "-q").returncode == 0
    assert run(launcher, "imajin", "init", "art").returncode == 0
    made = run(launcher, "make", cwd="art")
    assert made.returncode == 0, made.stderr
    assert run(launcher, "make", "-q", cwd="art").returncode == 0
    checked = run(launcher, "imajin", "batch", "assets.yaml", "--check", cwd="art")
    assert checked.returncode == 0, checked.stdout
    assert run(launcher, "make", "hooks", cwd="art").returncode == 0
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    # The hook lies in art, and hooks are looked for from the root.
    assert run(launcher, "git", "config", "core.hooksPath", "art/.githooks").returncode == 0
    assert run(launcher, "git", "add", ".").returncode == 0
    assert run(launcher, "git", *who, "commit", "-qm", "all").returncode == 0
    assert run(launcher, "git", "status", "--porcelain").stdout == ""
    (work / "art/dist/app-icon.png").write_bytes(b"edited by hand")
    refused = run(launcher, "git", *who, "commit", "-qam", "an edit")
    assert refused.returncode != 0
    assert "dist/app-icon: changed: dist/app-icon.png has other bytes" in refused.stdout + refused.stderr
    assert run(launcher, "make", cwd="art").returncode == 0
    # The picture is as it was; its sidecar tells of other seconds.
    assert run(launcher, "git", "status", "--porcelain").stdout in ("", " M art/dist/app-icon.png.json\n")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_after_a_clone_make_looks_before_it_draws(launcher, work):
    assert run(launcher, "imajin", "init", "art").returncode == 0
    (work / "art/assets.yaml").write_text("- {name: a, prompt: a robot, size: 64x64, format: png, to: dist}\n")
    assert run(launcher, "make", cwd="art").returncode == 0
    before = (work / "art/dist/a.png").stat().st_mtime_ns
    shutil.copytree(work / "art", work / "clone", ignore=shutil.ignore_patterns(".imajin"))
    done = run(launcher, "make", cwd="clone")
    assert done.returncode == 0, done.stderr
    assert "1 were done already" in done.stderr
    assert run(launcher, "make", "-q", cwd="clone").returncode == 0
    assert (work / "art/dist/a.png").stat().st_mtime_ns == before
