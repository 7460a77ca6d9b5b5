"""`imajin doctor`: it sees what is there, and says what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, Cli
from imajin_cli.doctor import examine, software
from imajin_cli.doctor.finding import Finding
from imajin_cli.registry import STAGES


def told(done: Any) -> dict[str, dict[str, Any]]:
    """The findings by area and name."""
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["imajin_doctor"] == 1
    return {f"{item['area']}/{item['name']}": item for item in found["findings"]}


def test_it_names_every_stage_and_place_and_ends_well_where_all_works(cli: Cli) -> None:
    done = cli("doctor", "--json")
    found = told(done)
    # Among the test stages is one that cannot be imported.
    assert [name for name, item in found.items() if item["state"] == "broken"] == ["stages/broken"]
    assert done.returncode == 20
    assert {f"stages/{name}" for name in STAGES} <= set(found)
    assert {"system/python", "config/files", "places/this folder", "places/models"} <= set(found)
    said = cli("doctor", PYTHONPATH=str(ROOT))
    assert said.returncode == 0, said.stdout
    assert b"works here" in said.stdout


def test_a_model_that_is_gone_breaks_its_stage_and_names_the_command(cli: Cli, work: Path) -> None:
    (work / "imajin.yaml").write_text("moderate:\n  hashes: [nowhere.csv]\nsemantic:\n  backend: siglip2-base\n")
    done = cli("doctor", "--json")
    found = told(done)
    assert done.returncode == 20
    assert found["stages/semantic"]["state"] == "broken"
    assert "imajin models pull" in found["stages/semantic"]["help"]
    assert found["stages/quality"]["state"] == "ok"


def test_a_fault_in_the_config_is_said_and_the_other_checks_go_on(cli: Cli, work: Path) -> None:
    (work / "imajin.yaml").write_text("qualty: {}\n")
    done = cli("doctor", "--json")
    found = told(done)
    assert done.returncode == 20
    assert "quality" in found["config/files"]["says"]
    assert found["system/python"]["state"] == "ok"


def test_a_driver_that_talks_nonsense_is_broken(cli: Cli) -> None:
    done = cli("doctor", "--json", IMAJIN_DEVICES="what")
    assert done.returncode == 20
    assert told(done)["devices/survey"]["state"] == "broken"


def test_a_folder_that_cannot_be_written_to_is_broken(cli: Cli, work: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    found = told(cli("doctor", "--json", IMAJIN_MODELS="/proc/1/none"))
    assert found["places/models"]["state"] == "broken"
    assert "IMAJIN_MODELS" in found["places/models"]["help"]


def test_a_check_that_fails_in_itself_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise RuntimeError("no such luck")
        yield

    monkeypatch.setattr(examine, "CHECKS", (broken,))
    assert list(examine.examine()) == [Finding("broken", "check", "broken", "RuntimeError: no such luck")]


def test_extras_are_read_from_the_package_itself() -> None:
    lines = ["pillow>=12", "torch>=2; extra == 'diffusion'", 'peft ; extra == "diffusion"', "ruff; extra == 'dev'"]
    assert software._by_extra(lines) == {"diffusion": ["torch", "peft"]}
