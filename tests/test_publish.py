"""Publishing is whole or not at all: kills, full disks, taken names, folders of others."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from conftest import environment
from imajin_cli.contract.digest import sha256


def publish(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "imajin_cli", "output", *arguments]


def check(folder: Path) -> int:
    """Every file that the manifest names is there with its bytes; gives how many assets."""
    path = folder / "manifest.json"
    if not path.exists():
        return 0
    manifest = json.loads(path.read_bytes())
    for asset in manifest["assets"]:
        for file in asset["files"]:
            assert sha256((folder / file["name"]).read_bytes()) == file["sha256"], file["name"]
    return len(manifest["assets"])


@pytest.fixture
def pictures(png) -> list[str]:
    return [str(png(f"p{i}.png", 90 + 10 * i, size=(160, 120))) for i in range(4)]


def kill_at_random(pictures: list[str], times: int) -> None:
    command = publish("-o", "out", "--format", "png", "--format", "webp", *pictures)
    started = time.monotonic()
    subprocess.run(command, env=environment(), check=True, capture_output=True)
    span = time.monotonic() - started
    chance = random.Random(11)
    for i in range(times):
        if i % 3 == 0:
            for path in Path("out").iterdir():
                # Through the worker, what the killed client asked for is still being ended.
                path.unlink(missing_ok=True) if path.is_file() else None
        process = subprocess.Popen(
            [*command, *(["--force"] if i % 2 else [])],
            env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(chance.uniform(span * 0.3, span))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, env=environment(), capture_output=True)
    assert done.returncode == 0, done.stderr
    assert check(Path("out")) == len(pictures)
    assert not list(Path("out").glob(".imajin-*"))
    for path in Path("out").glob("*.png"):
        with Image.open(path) as image:
            image.load()


def test_killed_while_publishing(pictures):
    kill_at_random(pictures, 6)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_while_publishing_a_hundred_times(pictures):
    kill_at_random(pictures, 100)


def test_what_a_killed_process_had_wholly_staged_is_completed(cli, pictures):
    cli("output", "-o", "out", pictures[0])
    staging = Path("out/.imajin-publish-0123456789ab")
    staging.mkdir()
    cli("output", "-o", "elsewhere", pictures[1])
    entry = json.loads(Path("elsewhere/manifest.json").read_bytes())["assets"][0]
    names = [file["name"] for file in entry["files"]]
    for name in names[1:]:
        os.rename(f"elsewhere/{name}", staging / name)
    os.rename(f"elsewhere/{names[0]}", f"out/{names[0]}")
    os.rename(f"elsewhere/{names[0]}.json", staging / "sidecar.json")
    (staging / "publication.json").write_text(
        json.dumps({"files": names, "sidecar": f"{names[0]}.json", "entry": entry})
    )
    broken = Path("out/.imajin-publish-cdef01234567")
    broken.mkdir()
    (broken / "half.png").write_bytes(b"half")
    assert cli("output", "-o", "out", pictures[2]).returncode == 0
    assert check(Path("out")) == 3
    assert not list(Path("out").glob(".imajin-publish-*"))


def interrupted(cli, picture: str) -> tuple[Path, list[str]]:
    """A publication into out/ that was killed after its first file; gives its staging folder and the files' names."""
    assert cli("output", "-o", "elsewhere", picture).returncode == 0
    entry = json.loads(Path("elsewhere/manifest.json").read_bytes())["assets"][0]
    names = [file["name"] for file in entry["files"]]
    staging = Path("out/.imajin-publish-0123456789ab")
    staging.mkdir(parents=True)
    for name in names[1:]:
        os.rename(f"elsewhere/{name}", staging / name)
    os.rename(f"elsewhere/{names[0]}", f"out/{names[0]}")
    os.rename(f"elsewhere/{names[0]}.json", staging / "sidecar.json")
    (staging / "publication.json").write_text(json.dumps({"files": names, "sidecar": f"{names[0]}.json", "entry": entry}))
    return staging, names


def test_a_set_of_which_a_file_was_removed_since_is_published_anew(cli, pictures):
    staging, names = interrupted(cli, pictures[0])
    Path("out", names[0]).unlink()
    done = cli("output", "-o", "out", pictures[0])
    assert done.returncode == 0, done.stderr
    assert check(Path("out")) == 1
    assert not staging.exists()


def test_a_sidecar_that_was_removed_since_comes_back(cli, pictures):
    assert cli("output", "-o", "out", pictures[0]).returncode == 0
    (sidecar,) = Path("out").glob("*.png.json")
    known = sidecar.read_bytes()
    sidecar.unlink()
    assert cli("output", "-o", "out", pictures[0]).returncode == 0
    assert json.loads(sidecar.read_bytes())["id"] == json.loads(known)["id"]


def test_what_was_staged_is_completed_also_where_all_else_is_there_already(cli, pictures):
    assert cli("output", "-o", "out", pictures[1]).returncode == 0
    staging, _ = interrupted(cli, pictures[0])
    assert cli("output", "-o", "out", pictures[1]).returncode == 0
    assert check(Path("out")) == 2
    assert not staging.exists()


@pytest.mark.parametrize(
    "asset",
    [
        3, {}, {"files": []}, {"files": [3]}, {"files": [{"name": "x"}]}, {"files": [{"name": "../x", "sha256": "0"}]},
        {"files": "x", "key": []},
    ],
)  # fmt: skip
def test_a_manifest_with_odd_entries_is_no_manifest_of_ours(cli, pictures, asset):
    Path("out").mkdir()
    text = json.dumps({"imajin": 1, "assets": [asset]})
    Path("out/manifest.json").write_text(text)
    done = cli("output", "-o", "out", pictures[0])
    assert done.returncode == 2
    assert b"not a manifest of imajin" in done.stderr
    assert Path("out/manifest.json").read_text() == text


def test_a_newer_manifest_is_left_alone(cli, pictures):
    Path("out").mkdir()
    Path("out/manifest.json").write_text('{"imajin": 9, "assets": {}}')
    done = cli("output", "-o", "out", pictures[0])
    assert (done.returncode, b"newer imajin" in done.stderr) == (2, True)


@pytest.mark.parametrize("plan", ["not json", "[]", "{}", '{"files": [3], "sidecar": "x", "entry": {}}'])
def test_a_staging_folder_that_is_none_is_one_clear_line(cli, pictures, plan):
    staging = Path("out/.imajin-publish-0123456789ab")
    staging.mkdir(parents=True)
    (staging / "publication.json").write_text(plan)
    done = cli("output", "-o", "out", pictures[0])
    assert done.returncode == 2
    assert b"remove that folder" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_where_a_file_would_go_stops_that_asset_alone(cli, pictures):
    Path("out/p0.webp").mkdir(parents=True)
    assert cli("output", "-o", "out", pictures[0]).returncode == 2
    assert not list(Path("out").glob(".imajin-*"))
    assert not Path("out/p0.png").exists()
    assert cli("output", "-o", "out", pictures[1]).returncode == 0


def test_a_published_sidecar_is_of_the_pixels_that_were_published(cli, png):
    from imajin_cli.run.store import decode_picture

    png("a.png", 200, size=(120, 80))
    done = cli("output", "-o", "out", "--format", "jpeg", "--jpeg-quality", "20", "--require", "bright", "a.png")
    assert done.returncode == 22
    assert cli("bright", "a.png").returncode == 0
    done = cli("output", "-o", "out", "--format", "jpeg", "--jpeg-quality", "20", "--require", "bright", "a.png")
    assert done.returncode == 0, done.stderr
    (path,) = Path("out").glob("a.j*g")
    known = json.loads(Path(f"{path}.json").read_bytes())
    true = decode_picture(path, path.read_bytes()).sha256
    assert known["image"]["sha256"] == known["stages"][-1]["output"] == true
    assert known["stages"][-1]["input"] == known["lineage"][-1] != true
    again = cli("output", "-o", "again", "--require", "bright", str(path))
    assert (again.returncode, again.stderr) == (0, b"")


def test_what_was_not_published_keeps_the_reason_once(cli, png):
    png("a.png", 200, size=(300, 300))
    png("b.png", 200)
    for _ in range(2):
        done = cli("output", "-o", "out", "--format", "png", "--require", "bright", "a.png")
        assert done.returncode == 22
    assert cli("bright", "--threshold", "250", "b.png").returncode == 15
    for _ in range(2):
        done = cli("output", "-o", "out", "b.png", "--json")
        assert done.returncode == 15
        rejected = json.loads(done.stdout.splitlines()[0])
        assert (rejected["by"], rejected["code"]) == ("output", 15)
    stages = json.loads(Path("b.png.json").read_bytes())["stages"]
    assert [record["stage"] for record in stages] == ["bright", "output"]


def test_a_staged_plan_cannot_name_files_elsewhere(cli, pictures):
    Path("victim").write_text("mine")
    staging = Path("out/.imajin-publish-0123456789ab")
    staging.mkdir(parents=True)
    (staging / "publication.json").write_text(
        json.dumps({"files": ["../victim"], "sidecar": "x.json", "entry": {"files": []}})
    )
    done = cli("output", "-o", "out", pictures[0])
    assert done.returncode == 2
    assert Path("victim").read_text() == "mine"


def test_two_pictures_cannot_have_one_name(cli, png):
    png("a/same.png", 100), png("b/same.png", 200)
    done = cli("output", "-o", "out", "a/same.png", "b/same.png")
    assert done.returncode == 2
    assert b"two different pictures would both get this name" in done.stderr
    assert check(Path("out")) == 1


def test_a_full_disk_publishes_nothing(pictures):
    limit = (
        "import resource, runpy, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); sys.argv[0] = 'imajin'; "
        "runpy.run_module('imajin_cli', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", limit, "output", "-o", "out", pictures[0]],
        capture_output=True, env=environment(PYTHONDONTWRITEBYTECODE="1"), stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"cannot be written" in done.stderr
    assert list(Path("out").iterdir()) == []


@pytest.mark.parametrize("text", ["not json", "[]", '{"assets": 3}', '{"name": "a web app manifest"}'])
def test_a_manifest_that_is_not_ours_is_left_alone(cli, pictures, text):
    Path("out").mkdir()
    Path("out/manifest.json").write_text(text)
    done = cli("output", "-o", "out", pictures[0])
    assert done.returncode == 2
    assert Path("out/manifest.json").read_text() == text


def test_unwritable_targets(cli, pictures):
    Path("file").write_text("x")
    done = cli("output", "-o", "file", pictures[0])
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert cli("output", "-o", "file/below", pictures[0]).returncode == 2


def test_processes_that_publish_into_one_folder_at_once(pictures):
    runs = [
        subprocess.Popen(publish("-o", "out", path), env=environment(), stdout=subprocess.DEVNULL) for path in pictures
    ]
    assert [run.wait(60) for run in runs] == [0] * len(runs)
    assert check(Path("out")) == len(pictures)


def test_a_required_verdict_must_hold_for_the_very_pixels(cli, png):
    png("a.png", 200)
    assert cli("output", "-o", "out", "--require", "bright", "a.png").returncode == 22
    assert cli("bright", "a.png").returncode == 0
    assert cli("output", "-o", "out", "--require", "bright", "a.png").returncode == 0
    manifest = json.loads(Path("out/manifest.json").read_bytes())
    assert manifest["assets"][0]["require"] == [{"gate": "bright", "held": True}]
    png("a.png", 210)
    done = cli("output", "-o", "out2", "--require", "bright", "a.png")
    assert done.returncode == 22
    assert not Path("out2").exists()
    assert cli("bright", "--threshold", "250", "a.png").returncode == 15
    assert cli("output", "-o", "out3", "a.png").returncode == 15


def test_a_verdict_follows_recorded_changes_alone(sh, png):
    png("a.png", 200)
    done = sh("imajin bright a.png | imajin tint --strength 0.1 | imajin output -o out --require bright")
    assert done.returncode == 0, done.stderr
    assert sh("imajin tint a.png | imajin output -o out2 --require bright").returncode == 0
    png("b.png", 180)
    assert sh("imajin tint b.png | imajin output -o out2 --require bright").returncode == 22
