"""Builds as Make and CI run them: real processes, at once, touched, killed, and a thousand assets."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.check import check, repository
from conftest import ROOT, environment
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.repository.lock import read_lock
from imajin_cli.repository.outcomes import Case, Outcomes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# How far a forecast may be off, either way, where its stages were measured in the same folder.
FORECAST = 2.0
ASSETS = """\
defaults: {size: 96x96, format: png, to: dist, skip: [moderate, semantic, quality, aesthetic]}
assets:
  - {name: plain, prompt: a robot}
  - {name: mine, preset: mine}
  - {name: words, prompt: a robot, headline: Hi, text: {font: "fonts/my font.ttf"}}
  - {name: drawn, prompt: a robot, generate: {packs: ["packs/$own"]}}
  - {name: framed, files: ["frames/a#b.png"]}
  - {name: "seed-{seed}", prompt: a cat, matrix: {seed: 1..4}}
"""
NAMES = ("drawn", "framed", "mine", "plain", "seed-1", "seed-2", "seed-3", "seed-4", "words")
ONE_BY_ONE = """\
IMAJIN := {imajin}
PICTURES := {pictures}
.PHONY: all
all: $(PICTURES)
dist/%.png:
	$(IMAJIN) batch assets.yaml --only '$*' --depfile .imajin/assets.d -j 1
-include .imajin/assets.d
"""


@pytest.fixture
def project(work: Path) -> Path:
    (work / "assets.yaml").write_text(ASSETS)
    for folder in ("presets", "fonts", "packs/$own", "frames"):
        (work / folder).mkdir(parents=True)
    (work / "presets/mine.yaml").write_text("summary: mine\nrequest: {prompt: a dog}\n")
    import fontpkg_inter

    font = next(Path(fontpkg_inter.__file__).parent.glob("files/Inter[[]*"))
    shutil.copy(font, work / "fonts/my font.ttf")
    (work / "packs/$own/star.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M2 2h20v20h-20z"/></svg>'
    )
    from PIL import Image

    Image.linear_gradient("L").convert("RGB").resize((96, 96)).save(work / "frames/a#b.png")
    return work


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in environment().items() if not name.startswith("MAKE")}
    return subprocess.run(["make", *arguments], env=env, capture_output=True, text=True, timeout=600, check=False)


def state(folder: Path) -> dict[str, str | bytes]:
    """Every file's bytes; of sidecars, which tell of time, the canonical digest."""
    return {
        path.relative_to(folder).as_posix(): Sidecar.model_validate_json(path.read_bytes()).digest()
        if path.name.endswith(".png.json")
        else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".imajin" not in path.parts and path.name != "report.html"
    }


TOUCHED = {
    "presets/mine.yaml": {"mine"},
    "fonts/my font.ttf": {"words"},
    "packs/$own/star.svg": {"drawn"},
    "frames/a#b.png": {"framed"},
    "assets.yaml": set(NAMES),
}


def test_make_at_once_twice_and_after_each_touch(project):
    imajin = f"{sys.executable} -m imajin_cli"
    (project / "Makefile").write_text(
        ONE_BY_ONE.format(imajin=imajin, pictures=" ".join(f"dist/{name}.png" for name in NAMES))
    )
    first = make("-j8")
    assert first.returncode == 0, first.stderr
    assert sorted(read_lock(Path("imajin.lock")).assets) == [f"dist/{name}" for name in NAMES]
    assert make("-q").returncode == 0
    before = state(project)
    second = make("-j8")
    assert second.returncode == 0
    assert "imajin_cli batch" not in second.stdout
    assert state(project) == before
    for path, wanted in TOUCHED.items():
        later = time.time() + 2
        os.utime(project / path, (later, later))
        asked = {name for name in NAMES if make("-q", f"dist/{name}.png").returncode}
        assert asked == wanted, path
        # To imajin nothing has changed: nothing is drawn, and Make is content again.
        time.sleep(2.1)
        again = make("-j4")
        assert again.returncode == 0, again.stderr
        assert "0 of 1 jobs" in again.stderr
        assert make("-q").returncode == 0, path
        assert state(project) == before
    # Contents, not times.
    (project / "presets/mine.yaml").write_text("summary: mine\nrequest: {prompt: a fox}\n")
    assert make("-j4").returncode == 0
    changed = {name for name, now in state(project).items() if before.get(name) != now and name.endswith(".png")}
    assert changed == {"dist/mine.png"}
    assert read_lock(Path("imajin.lock")).assets["dist/mine"].because == [
        "preset: request.prompt was 'a dog', is now 'a fox'"
    ]


def test_one_rule_for_all_of_them(project):
    text = (ROOT / "imajin_cli/repository/starter/Makefile").read_text()
    (project / "Makefile").write_text(text.replace("IMAJIN ?= imajin", f"IMAJIN := {sys.executable} -m imajin_cli"))
    assert make("-j8").returncode == 0
    before = state(project)
    assert make("-q").returncode == 0
    (project / "dist/plain.png").unlink()
    (project / "dist/mine.png").write_bytes(b"edited by hand")
    assert make("-q").returncode == 1
    assert make("-j8").returncode == 0
    assert state(project) == before
    (project / "dist/drawn.png.json").unlink()
    (project / "dist/words.png.json").unlink()
    assert make("-q").returncode == 1
    done = make("-j8")
    assert done.returncode == 0, done.stderr
    assert "2 of 9 jobs" in done.stderr
    assert state(project) == before
    # What is new, and would be read, is seen too: to imajin these two change one asset, and none.
    for path, text, made in (
        ("presets/icon.yaml", "summary: another icon\nrequest: {prompt: x}\n", "0 of 9 jobs"),
        ("presets/mine.yaml", "summary: mine\nrequest: {prompt: a fox}\n", "1 of 9 jobs"),
        ("imajin.yaml", "generate: {colour: '#0f766e'}\n", "8 of 9 jobs"),
        ("models.yaml", "{}\n", "0 of 9 jobs"),
    ):
        assert make("-q").returncode == 0, path
        (project / path).write_text(text)
        assert make("-q").returncode == 1, path
        done = make("-j8")
        assert done.returncode == 0, done.stderr
        assert made in done.stderr, path
    # An input that is gone is told by imajin, not by Make.
    (project / "frames/a#b.png").unlink()
    gone = make()
    assert gone.returncode == 2
    assert "frames/a#b.png" in gone.stderr
    assert "No rule to make target" not in gone.stderr


def start(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "imajin_cli", "batch", "assets.yaml", "--depfile", ".imajin/assets.d"]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def kill_at_random(project: Path, times: int) -> None:
    whole, killed = project.parent / "whole", project.parent / "killed"
    for folder in (whole, killed):
        shutil.copytree(project, folder, symlinks=True)
    started = time.monotonic()
    process = start(whole)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    span = time.monotonic() - started
    chance = random.Random(11)
    for _ in range(times):
        process = start(killed)
        time.sleep(chance.uniform(0.1, 1.2 * span))
        # The parent alone, or all of them together.
        if chance.random() < 0.5:
            os.kill(process.pid, signal.SIGKILL)
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        for path in sorted(killed.glob("dist/*.png"))[:3] if chance.random() < 0.3 else []:
            path.unlink()
    last = start(killed)
    _, err = last.communicate(timeout=300)
    assert last.returncode == 0, err
    assert state(killed) == state(whole)


def test_killed_a_few_times_the_tree_is_the_same(project):
    kill_at_random(project, 12)


def test_a_thousand_assets_are_checked_in_two_seconds(work):
    repository(work)
    check(work)()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    check(work)()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of a core, so that what else the machine does counts little.
    assert after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime < 2


def test_one_of_a_thousand_that_is_touched_is_named_alone(work):
    repository(work)
    text = (work / "assets.yaml").read_text()
    (work / "assets.yaml").write_text(text.replace("robot number 500 ", "robot number five hundred "))
    command = [sys.executable, "-m", "imajin_cli", "batch", "assets.yaml", "--check"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 23
    (line,) = done.stdout.splitlines()
    assert "dist/asset-0500: prompt: was 'a friendly robot number 500" in line


def test_a_forecast_is_within_a_factor_of_two_of_what_then_runs(work):
    """Measured here once, other assets of the same kind take what was forecast, give or take a factor of two."""
    text = "defaults: {size: 256x256, format: png, skip: [moderate, semantic, aesthetic]}\nassets:\n"
    head = [sys.executable, "-m", "imajin_cli", "batch", "assets.yaml", "-j", "1"]

    def done(*more: str) -> str:
        command = [*head, *more]
        return subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout

    def listed(first: int, count: int) -> None:
        lines = [f"  - {{name: a{n}, prompt: robot number {n}}}" for n in range(first, first + count)]
        (work / "assets.yaml").write_text(text + "\n".join(lines) + "\n")

    listed(0, 6)
    done()
    listed(6, 30)
    planned = [json.loads(line) for line in done("--dry-run", "--json").splitlines()]
    (told,) = (event for event in planned if event.get("event") == "forecast")
    assert told["assets"] == 30
    assert told["measured"]
    begun = time.monotonic()
    done()
    took = time.monotonic() - begun
    assert took / FORECAST < told["seconds"] < took * FORECAST, (told["seconds"], took)


def test_junit_holds_to_the_common_schema(work):
    cases = [
        Case("dist/a", "assets.yaml:1", "passed", seconds=1.5),
        Case('dist/"b" & <c>', "assets.yaml:2 (theme=dark)", "failed", "off-prompt", "it's no <robot>\n\x00"),
        Case("dist/d", "assets.yaml:3", "error", "missing", "no model"),
        Case("e", "assets.yaml:4", "skipped", "", "up to date"),
    ]
    told = Outcomes(False, cases)
    told.write("junit.xml")
    command = ["xmllint", "--noout", "--nonet", "--schema", str(ROOT / "tests/data/junit.xsd"), "junit.xml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


RECIPE = re.compile(r"^## (\d+)\. .*?<!-- recipe -->\n```console\n(.*?)```", re.S | re.M)


def recipes() -> dict[str, str]:
    return dict(RECIPE.findall((ROOT / "docs/cookbook.md").read_text(encoding="utf-8")))


def test_there_are_eleven_recipes():
    assert list(recipes()) == [str(number) for number in range(1, 12)]


@pytest.mark.parametrize("number", sorted(recipes(), key=int))
def test_each_recipe_works_as_it_stands(number, work, tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "imajin").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m imajin_cli "$@"\n')
    (folder / "imajin").chmod(0o755)
    shutil.copy(ROOT / "docs" / "pictures" / "photo.jpg", work / "photo.jpg")
    lines = recipes()[number].splitlines()
    assert all(line.startswith(("$ ", "> ")) for line in lines)
    script = "\n".join(line[2:] for line in lines)
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("IMAJIN_", "MAKE"))}
    env = {**bare, "IMAJIN_WORKER": "off", "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=env, capture_output=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
