"""Layers, origins, presets, and errors that name the place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from imajin_cli.config.presets import preset_names
from imajin_cli.config.yamlfile import parse_yaml
from imajin_cli.contract.errors import UsageError


def origins(cli, *arguments: str, **extra: str) -> dict:
    done = cli("config", "show", "--origin", "--json", *arguments, **extra)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_layers_win_in_order(cli, work, tmp_path):
    def row(**extra: str) -> dict:
        return origins(cli, "bright", **extra)["bright"]["threshold"]

    assert row() == {"value": 100.0, "origin": "default"}
    (work / "presets").mkdir()
    (work / "presets" / "mine.yaml").write_text("summary: mine\nbright:\n  threshold: 1\n")
    assert row(IMAJIN_PRESET="mine")["origin"] == "preset:mine"
    user = tmp_path / "home" / ".config" / "imajin"
    user.mkdir(parents=True)
    (user / "config.yaml").write_text("# a comment\nbright:\n  threshold: 2\n")
    assert row(IMAJIN_PRESET="mine") == {"value": 2.0, "origin": "user", "place": f"{user / 'config.yaml'}:3"}
    (work / "imajin.yaml").write_text("bright: {threshold: 3}\n")
    assert row()["origin"] == "project"
    (work / "named.yaml").write_text("bright: {threshold: 4}\n")
    assert row(IMAJIN_CONFIG="named.yaml")["origin"] == "config"
    assert row(IMAJIN_CONFIG="named.yaml", IMAJIN_BRIGHT__THRESHOLD="5") == {
        "value": 5.0, "origin": "env", "place": "IMAJIN_BRIGHT__THRESHOLD",
    }  # fmt: skip


def test_the_project_file_is_found_from_below_but_not_beyond_the_repository(cli, work, monkeypatch):
    (work / "imajin.yaml").write_text("bright: {threshold: 7}\n")
    below = work / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert origins(cli, "bright")["bright"]["threshold"]["value"] == 7.0
    (work / "a" / ".git").mkdir()
    assert origins(cli, "bright")["bright"]["threshold"]["value"] == 100.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("brigth:\n  threshold: 1\n", "imajin.yaml:1: unknown section brigth (did you mean bright?)"),
        ("bright:\n\n  treshold: 1\n", "imajin.yaml:3: unknown key bright.treshold (did you mean bright.threshold?)"),
        ("bright:\n  threshold: much\n", "imajin.yaml:2: bright.threshold:"),
        ("bright:\n  threshold: 999\n", "imajin.yaml:2: bright.threshold: input should be less than or equal to 255"),
        ("bright: 3\n", "imajin.yaml:1: bright must hold keys and values"),
        ("bright: {threshold: 1\n", "imajin.yaml:2: not YAML"),
        ("- a\n", "expected a mapping"),
        ("a: &x [1]\nb: *x\n", "imajin.yaml:2: aliases"),
        ("bright: {threshold: 1}\nbright: {threshold: 2}\n", 'imajin.yaml:2: "bright" stands here twice'),
        ("preset: no-such\n", 'there is no preset "no-such"'),
        ("bright: {mode: !!python/object/apply:os.system [id]}\n", "imajin.yaml:1"),
    ],
)
def test_a_fault_is_one_line_with_its_place(cli, work, png, text, said):
    png()
    (work / "imajin.yaml").write_text(text)
    done = cli("bright", "a.png")
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert len(done.stderr.splitlines()) == 1
    assert cli("config", "check").returncode == 2


def test_faults_in_the_environment(cli, png):
    png()
    assert b"did you mean IMAJIN_BRIGHT__THRESHOLD?" in cli("bright", "a.png", IMAJIN_BRIGHT__TRESHOLD="1").stderr
    assert cli("bright", "a.png", IMAJIN_CONFIG="absent.yaml").returncode == 2
    assert cli("bright", "a.png", "--threshold", "999").stderr.startswith(b"imajin bright: --threshold: input should be less")


def test_presets_extend_each_other_and_circles_are_refused(cli, work):
    folder = work / "presets"
    folder.mkdir()
    (folder / "base.yaml").write_text("bright: {threshold: 1, mode: x}\n")
    (folder / "next.yaml").write_text("extends: base\nbright: {threshold: 2}\n")
    rows = origins(cli, "bright", "-p", "next")["bright"]
    assert rows["threshold"]["origin"] == "preset:next"
    assert rows["mode"]["origin"] == "preset:base"
    (folder / "base.yaml").write_text("extends: next\n")
    assert b"circle" in cli("config", "show", "-p", "next").stderr


def test_config_path_and_check(cli):
    assert b"config.defaults.yaml" in cli("config", "path").stdout
    done = cli("config", "check")
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"ok\n"


def test_a_fault_that_every_preset_meets_is_told_once(cli, work):
    (work / "imajin.yaml").write_text("generate:\n  colr: red\n")
    (work / "presets").mkdir()
    (work / "presets" / "mine.yaml").write_text("extends: nosuch\n")
    done = cli("config", "check")
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert b"imajin.yaml:2: unknown key generate.colr" in first
    assert b'"nosuch"' in second


def test_the_defaults_file_says_what_the_models_say():
    from imajin_cli.config.defaults import defaults_yaml
    from imajin_cli.config.places import DEFAULTS_NAME, package_folder

    path = package_folder("configs") / DEFAULTS_NAME
    assert path.read_text(encoding="utf-8") == defaults_yaml(), "run: python -m imajin_cli.config.defaults"
    assert isinstance(yaml.safe_load(defaults_yaml()), dict)


WANTED = {
    "icon", "avatar", "error-404", "error-500", "maintenance", "offline", "empty-state", "no-results", "loading", "success",
    "hero", "og-image",
}  # fmt: skip


def test_the_presets_are_there_and_each_has_a_summary(cli):
    assert set(preset_names()) >= WANTED
    rows = json.loads(cli("presets", "--json").stdout)
    assert all(row["summary"] for row in rows)
    assert cli("presets", "icon").stdout == Path(preset_names()["icon"]).read_bytes()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_mapping_or_a_usage_error(data):
    try:
        found = parse_yaml(data, "x").value
    except UsageError as error:
        found = {"refused": error.line()}
    assert isinstance(found, dict)
    assert str(found.get("refused", "x")).startswith("x")


def test_nesting_is_bounded():
    with pytest.raises(UsageError, match=r"nested|YAML"):
        parse_yaml(b"a: " + b"[" * 4000, "x")
    with pytest.raises(UsageError, match="nested"):
        parse_yaml(b"a: " + b"[" * 50 + b"]" * 50, "x")


def test_an_error_names_the_option_by_which_a_parameter_is_set():
    from imajin_cli.config.layers import load_settings
    from imajin_cli.config.resolve import flag_of, resolve
    from imajin_cli.contract.errors import UsageError
    from imajin_cli.run.options import RunParams
    from imajin_cli.run.pipeline import stages_of

    with pytest.raises(UsageError, match=r"^--from: ") as caught:
        resolve("run", RunParams, load_settings(None), {"start": 3})
    assert "--start" not in str(caught.value)
    assert (flag_of(RunParams, "until"), flag_of(RunParams, "licence_policy")) == ("--until", "--licence-policy")
    for key, option in (("start", "--from"), ("until", "--until")):
        with pytest.raises(UsageError, match=f"^{option}: there is no stage"):
            stages_of(RunParams(**{key: "nowhere"}), files=False)
    with pytest.raises(UsageError, match=r"^--skip: there is no stage"):
        stages_of(RunParams(skip=["nowhere"]), files=False)
