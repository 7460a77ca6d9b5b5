"""By default nothing is published that moderate has not passed, pixel for pixel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from imajin_cli.contract.exits import Exit
from imajin_cli.stages.output import OutputParams


@pytest.fixture(autouse=True)
def _as_it_comes(monkeypatch):
    monkeypatch.delenv("IMAJIN_OUTPUT__REQUIRE")


def flat(name: str) -> str:
    image = Image.new("RGB", (64, 48), "#204060")
    image.paste((220, 230, 240), (10, 10, 40, 30))
    image.save(name)
    return name


def test_the_default_requires_moderate():
    assert OutputParams().require == ["moderate"]


def test_what_moderate_never_saw_is_not_published(cli):
    done = cli("output", flat("a.png"), "-o", "out")
    assert (done.returncode, done.stdout) == (Exit.NO_VERDICT, b"")
    assert done.stderr.startswith(b"imajin output: a.png: moderate is required")
    assert b"imajin moderate" in done.stderr
    assert not Path("out").exists()


def test_what_passed_is_published_and_the_manifest_says_so(sh):
    flat("a.png")
    done = sh("imajin moderate a.png | imajin output -o out --format png")
    assert done.returncode == 0, done.stderr
    (asset,) = json.loads(Path("out/manifest.json").read_bytes())["assets"]
    assert asset["require"] == [{"gate": "moderate", "held": True}]


def test_other_pixels_under_the_same_name_are_not_published(cli):
    flat("a.png")
    assert cli("moderate", "a.png").returncode == 0
    Image.new("RGB", (64, 48), "red").save("a.png")
    assert cli("output", "a.png", "-o", "out").returncode == Exit.NO_VERDICT


def test_a_run_moderates_and_one_that_skips_it_publishes_nothing(cli):
    done = cli("run", "a lost robot", "--size", "256", "-o", "out")
    assert done.returncode == 0, done.stderr
    (path,) = done.stdout.decode().split()
    stages = [record["stage"] for record in json.loads(Path(f"{path}.json").read_bytes())["stages"]]
    assert stages.index("generate") < stages.index("moderate") < stages.index("text")
    done = cli("run", "a lost robot", "--size", "256", "--skip", "moderate", "-o", "bare")
    assert (done.returncode, done.stdout) == (Exit.NO_VERDICT, b"")
    assert not Path("bare").exists()


def test_nothing_need_be_required_where_that_is_asked_for(cli):
    assert cli("output", flat("a.png"), "-o", "out", IMAJIN_OUTPUT__REQUIRE="").returncode == 0
