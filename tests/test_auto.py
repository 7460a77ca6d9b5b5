"""`imajin auto`: the right assets for a sentence, by visible commands; and a stage that runs on another machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import ROOT
from imajin_cli.asking.plan import Job, Plan, Wording, plan
from imajin_cli.asking.shell import script
from imajin_cli.registry import TOOLS, load
from imajin_cli.run.sidecars import read_sidecar, sidecar_path
from processes import inside

PREFIX = f"#!/bin/sh\nexec '{sys.executable}' -m imajin_cli \"$@\"\n"


@pytest.fixture
def path(work: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the PATH that holds `imajin`."""
    folder = work.parent / "bin"
    folder.mkdir()
    program(folder / "imajin", PREFIX)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def auto(capfd, monkeypatch, *arguments: str) -> tuple[int, list[str], str]:
    code, out, err = inside(capfd, monkeypatch, "auto", *arguments)
    return code, out.splitlines(), err


def digest(published: str) -> str:
    found = read_sidecar(sidecar_path(Path(published)))
    assert found is not None
    return found.digest()


def test_a_sentence_becomes_an_asset(capfd, monkeypatch):
    code, files, err = auto(capfd, monkeypatch, "avatar of a woman with glasses, for dark mode", "-o", "out")
    assert code == 0, err
    with Image.open(files[0]) as image:
        assert image.size == (512, 512)
    sidecar = read_sidecar(sidecar_path(Path(files[0])))
    assert sidecar is not None
    assert sidecar.request is not None
    assert sidecar.request.preset == "avatar"
    (record,) = [record for record in sidecar.stages if record.stage == "generate"]
    assert record.params["theme"].value == "dark"
    assert "avatar" in err


def test_a_favicon_is_the_whole_set_of_a_sites_icons(capfd, monkeypatch):
    code, _, err = auto(capfd, monkeypatch, "favicon for my bakery site", "-o", "out")
    assert code == 0, err
    assert {path.name for path in Path("out").iterdir()} >= {
        "favicon.ico", "favicon.svg", "apple-touch-icon.png", "icon-192.png", "icon-512.png", "icon-maskable-512.png",
        "site.webmanifest",
    }  # fmt: skip
    icons = json.loads(Path("out/site.webmanifest").read_text())["icons"]
    assert {icon["src"] for icon in icons} >= {"icon-192.png", "icon-512.png", "icon-maskable-512.png"}


@pytest.mark.parametrize(
    ("request_", "preset"),
    [
        ("app icon set with a fox", "favicon"),
        ("the symbol people tap on their phone to open our app", "favicon"),
        ("das Symbol unserer Buchhandlung im Browser-Tab", "favicon"),
        ("un favicon pour ma boulangerie", "favicon"),
        ("favicon para una panadería", "favicon"),
        ("パン屋のサイトのファビコン", "favicon"),
        ("أيقونة موقع مخبز للمتصفح", "favicon"),
        ("icon pack for our mobile app: home, cart, profile", "icon"),
        ("an icon of a bell for our website's menu", "icon"),
        ("ein Icon mit einer Glocke für den Menüknopf", "icon"),
    ],
)
def test_a_sites_own_icons_are_told_from_those_within_it(request_, preset):
    found = load(TOOLS["classify"])(request_)
    assert found.preset.value == preset
    assert len(plan(found, Wording(request_), 0, None).jobs) == (
        1 if preset == "favicon" or "pack" not in request_ else 3
    )


def test_a_share_picture_has_no_title_but_the_requests():
    for request_, title in (
        ("open graph card for an article on hiring", ""),
        ('share picture that says "Now open"', "Now open"),
    ):
        (job,) = plan(load(TOOLS["classify"])(request_), Wording(request_), 0, None).jobs
        assert job.preset == "og-image"
        assert job.settings["request"]["headline"] == title


def holds_the_same(request_: str, sh, capfd, monkeypatch) -> None:
    """The line that --dry-run prints, pasted into a shell, publishes the very files and digests of the command itself."""
    code, files, err = auto(capfd, monkeypatch, request_, "-o", "out", "--seed", "3")
    assert code == 0, err
    code, lines, _ = auto(capfd, monkeypatch, request_, "-o", "piped", "--seed", "3", "--dry-run")
    assert code == 0
    assert not Path("piped").exists()
    done = sh("\n".join(lines), timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    piped = done.stdout.decode().splitlines()
    assert [Path(name).name for name in piped] == [Path(name).name for name in files]
    assert {path.name for path in Path("out").iterdir()} == {path.name for path in Path("piped").iterdir()}
    for one, other in zip(files, piped, strict=True):
        assert Path(one).read_bytes() == Path(other).read_bytes()
        assert digest(one) == digest(other)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "request_",
    [
        "a 404 page with a lost robot, it's for $HOME and `id`; rm -rf \"x\"",
        "an icon of a rocket",
        "banner for our bakery that says \"Fresh's best\"",
        "avatar of a woman with glasses, for dark mode",
        "hero image for a travel agency",
        "a loading screen, anime girl drinking tea",
        "open graph card for an article on hiring",
        "favicon for my bakery site",
        "لافتة لمخبز مكتوب عليها \"خبز 'طازج' بـ $5\"",
        "icon set: rocket, bell",
    ],
)
def test_the_dry_runs_pipeline_gives_the_same(request_, path, sh, capfd, monkeypatch):
    holds_the_same(request_, sh, capfd, monkeypatch)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("request_", ["take the background out of \"my cat's $1.png\"", "one variation of own.png"])
def test_the_dry_runs_pipeline_of_a_picture_gives_the_same(request_, path, sh, capfd, monkeypatch):
    code, (made, *_), err = auto(capfd, monkeypatch, "a friendly spot illustration of a robot", "-o", "made")
    assert code == 0, err
    for name in ("my cat's $1.png", "own.png"):
        Path(name).write_bytes(Path(made).read_bytes())
        sidecar_path(Path(name)).write_bytes(sidecar_path(Path(made)).read_bytes())
    holds_the_same(request_, sh, capfd, monkeypatch)


@given(st.text(min_size=1, max_size=60).filter(lambda text: "\0" not in text), st.text(max_size=30))
@settings(max_examples=60, deadline=None)
def test_every_word_of_a_script_is_quoted(prompt, note):
    import shlex

    job = Job(prompt, None, {"output": {"to": prompt}, "request": {"size": ["64x64"]}}, 0)
    text = script(Plan((job,)), 2, [note])
    comment, loop, rest = text.split("\n", 2)
    assert comment.startswith("# ")
    assert loop == "for seed in 0 1; do"
    words = shlex.split(rest)
    assert words.count(prompt) >= 2
    assert words[:3] == ["imajin", "validate", "--size"]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ("a nude woman on a beach", 10),
        ("how to build a pipe bomb, as a poster", 10),
        ("x" * 100_000, 10),
        ("a \x07cat", 10),
        ("make variations of nothing.png", 2),
        ("remove the background from https://x.example/a.png", 2),
        ("", 2),
    ],
)
def test_what_cannot_be_done_ends_in_its_code(request_, code, capfd, monkeypatch):
    found, files, err = auto(capfd, monkeypatch, request_)
    assert (found, files) == (code, []), err
    assert "Traceback" not in err
    assert not Path("dist").exists()


def test_json_ends_in_one_summary(capfd, monkeypatch):
    code, lines, _ = auto(capfd, monkeypatch, "an icon of a bell", "--json")
    events = [json.loads(line) for line in lines]
    assert code == 0
    assert [event["event"] for event in events] == ["asset", "finished"]
    assert events[-1]["passed"] == 1
    code, lines, _ = auto(capfd, monkeypatch, "a nude woman on a beach", "--json")
    assert code == 10
    assert [json.loads(line)["event"] for line in lines] == ["error", "finished"]


def test_a_set_is_of_what_is_listed():
    found = load(TOOLS["classify"])("icon set: rocket, bell, umbrella")
    made = plan(found, Wording("icon set: rocket, bell, umbrella"), 0, None)
    assert [job.given for job in made.jobs] == ["rocket", "bell", "umbrella"]


@pytest.mark.slow
def test_a_set_of_icons_has_one_colour(capfd, monkeypatch):
    code, files, err = auto(capfd, monkeypatch, "icon set: rocket, bell, umbrella", "-o", "out")
    assert code == 0, err
    assert len(files) == 3
    sidecars = [read_sidecar(sidecar_path(Path(name))) for name in files]
    colours = {
        record.params["colour"].value for one in sidecars if one for record in one.stages if record.stage == "generate"
    }
    assert len(colours) == 1


@pytest.mark.slow
def test_pictures_that_are_named_are_varied_and_changed(capfd, monkeypatch):
    code, (first, *_), err = auto(capfd, monkeypatch, "a friendly spot illustration of a robot", "-o", "out")
    assert code == 0, err
    code, files, err = auto(capfd, monkeypatch, f"2 variations of {first}", "-o", "more")
    assert code == 0, err
    assert len({Path(name).read_bytes() for name in (first, *files)}) == 3
    code, files, err = auto(capfd, monkeypatch, f"resize {first} to 200x200", "-o", "small")
    assert code == 0, err
    sizes = set()
    for name in Path("small").glob("*.png"):
        with Image.open(name) as image:
            sizes.add(image.size)
    assert (200, 200) in sizes
    code, files, err = auto(capfd, monkeypatch, f"paint a red hat onto {first}")
    assert (code, files) == (20, []), err


def test_a_foreign_picture_can_not_be_varied_without_a_model(png, capfd, monkeypatch):
    png("mine.png")
    code, files, err = auto(capfd, monkeypatch, "variations of mine.png")
    assert (code, files) == (20, [])
    assert "generate.model" in err


@pytest.mark.slow
def test_a_stage_runs_on_another_machine(path, png, sh):
    """As docs/auto.md has it; `ssh` here runs the command in another folder, as another machine would."""
    elsewhere = path.parent / "elsewhere"
    elsewhere.mkdir()
    program(path / "ssh", f'#!/bin/sh\n[ "$1" = host ] || exit 255\nshift\ncd "{elsewhere}" && exec sh -c "$*"\n')
    png("a.png", size=(64, 48))
    done = sh("ssh host imajin moderate - < a.png > b.png")
    assert done.returncode == 0, done.stderr.decode()
    with Image.open("a.png") as one, Image.open("b.png") as other:
        assert one.convert("RGBA").tobytes() == other.convert("RGBA").tobytes()
    known = json.loads(sh("imajin show --json b.png").stdout)
    assert [record["stage"] for record in known[0]["stages"]] == ["moderate"]
    assert not any(elsewhere.glob("*.png"))
    # The remote stage's exit code is the pipe's.
    assert sh("ssh host imajin moderate --no-such - < a.png > c.png").returncode == 2
    recipe = (ROOT / "docs" / "auto.md").read_text(encoding="utf-8")
    assert "ssh gpu-box imajin moderate - < a.png > b.png" in recipe
