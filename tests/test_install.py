"""From a clean checkout to a picture, as on a fresh machine: one command, within its time and size."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from conftest import ROOT

MOST_SECONDS = 180
MOST_SECONDS_AGAIN = 15
MOST_MEGABYTES = 800
# What only extras may bring.
HEAVY = {"torch", "diffusers", "transformers", "ray", "rembg", "pytest", "mypy"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed"),
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What git keeps of the tree, in a folder whose name has a space, and nothing else."""
    target = tmp_path / "a checkout"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


def make(checkout: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "PYTHON", "VIRTUAL_ENV"))}
    started = time.monotonic()
    done = subprocess.run(
        ["make", *arguments],
        cwd=checkout,
        env=kept | {"PIP_NO_CACHE_DIR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    return done, time.monotonic() - started


def test_make_run_from_a_clean_checkout(checkout):
    done, seconds = make(checkout, "run", "PROMPT=a friendly robot looking for a lost page")
    assert done.returncode == 0, done.stderr
    assert seconds < MOST_SECONDS
    published = json.loads((checkout / "out" / "manifest.json").read_bytes())["assets"]
    names = [file["name"] for asset in published for file in asset["files"]]
    assert names
    for name in names:
        assert (checkout / "out" / name).stat().st_size > 0
        assert f"out/{name}" in done.stdout
    again, seconds = make(checkout, "run")
    assert again.returncode == 0, again.stderr
    assert "Installing" not in again.stderr
    assert seconds < MOST_SECONDS_AGAIN
    base_is_small(checkout / ".venv")


def base_is_small(venv: Path) -> None:
    """What imajin brings with it; pip is the environment's own."""
    files = (path for path in venv.rglob("*") if path.is_file() and not {"pip"}.intersection(path.parts))
    size = sum(path.lstat().st_size for path in files)
    assert size < MOST_MEGABYTES * 1_000_000
    (site,) = venv.glob("lib/python*/site-packages")
    installed = {path.name.partition("-")[0].lower() for path in site.glob("*.dist-info")}
    assert "imajin" in installed
    assert not installed & HEAVY
