"""Events: each line is what its published schema says, the stream tells how the work goes, and the docs show a real one."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from PIL import Image

from conftest import ROOT
from imajin_cli.contract.events import event_schema
from imajin_cli.contract.exits import Exit, verdict_of_code
from imajin_cli.run.report import Report
from processes import clean_environment, imajin

PAGE = ROOT / "docs" / "events.md"
STREAM = re.compile(r"(<!-- stream -->\n```console\n\$ imajin (.*?)\n```\n.*?```json\n)(.*?)(```)", re.S)
OF_BATCHES = {"job", "stale", "current", "planned", "forecast"}
# Of `imajin compare`, told and held to the schema in test_compare.py.
OF_SHEETS = {"cell", "compared"}
JSON_EVENTS = {"asset", "rejected", "error", "draw", "finished"}


def events(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = event_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture(scope="module")
def stream(tmp_path_factory) -> tuple[Path, list[dict[str, Any]]]:
    """The documented command, really run: its folder and its events."""
    folder = tmp_path_factory.mktemp("stream")
    found = STREAM.search(PAGE.read_text(encoding="utf-8"))
    assert found
    command = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {found[2]}"], capture_output=True, text=True, check=True
    ).stdout.split("\0")[:-1]
    done = imajin(folder, *command)
    assert done.returncode == 0, done.stderr
    return folder, events(done)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> list[dict[str, Any]]:
    """A draw in which every candidate is rejected, and pictures that exist, do not, and are none."""
    folder = tmp_path_factory.mktemp("drawn")
    done = imajin(
        folder, "run", "a rocket", "--until-pass", "--max-candidates", "2", "--size", "64", "--size", "128x64",
        "--set", "quality.min_side=4000", "--events",
    )  # fmt: skip
    assert done.returncode == 15, done.stderr
    Image.new("RGB", (64, 64), (120, 120, 120)).save(folder / "flat.png")
    gate = imajin(folder, "quality", "flat.png", "absent.png", "--events")
    assert gate.returncode == 2, gate.stderr
    wrong = imajin(folder, "run", "--events", "--nosuch")
    assert wrong.returncode == 2
    return events(done) + events(gate) + events(wrong)


def test_every_line_is_valid_and_every_kind_is_there(validator, stream, drawn):
    for event in [*stream[1], *drawn]:
        validator.validate(event)
    kinds = {event["event"] for event in [*stream[1], *drawn]}
    mapping = event_schema()["discriminator"]["mapping"]
    assert kinds == set(mapping) - OF_BATCHES - OF_SHEETS


@pytest.mark.slow
def test_batches_tell_valid_events_too(validator, tmp_path):
    (tmp_path / "assets.yaml").write_text("- {name: inbox, prompt: an empty inbox, size: 64x64}\n", encoding="utf-8")
    told = []
    for options in ((), ("--check",), ("--dry-run", "--force")):
        told += events(imajin(tmp_path, "batch", "assets.yaml", "--json", *options))
    (tmp_path / "assets.yaml").write_text("- {name: inbox, prompt: an empty inbox, size: 96x96}\n", encoding="utf-8")
    for options in (("--check",), ("--dry-run",)):
        told += events(imajin(tmp_path, "batch", "assets.yaml", "--json", *options))
    for event in told:
        validator.validate(event)
        assert_declared(event)
    assert {event["event"] for event in told} == {*OF_BATCHES, "finished"}


def test_every_key_is_declared(stream, drawn):
    for event in [*stream[1], *drawn]:
        assert_declared(event)


def assert_declared(event: dict[str, Any]) -> None:
    """The event has the keys that its schema lists, and no others."""
    schema = event_schema()
    model = schema["$defs"][schema["discriminator"]["mapping"][event["event"]].rpartition("/")[2]]
    assert set(model["required"]) <= set(event) <= set(model["properties"]), event


def test_a_stream_tells_the_work_in_order(stream):
    folder, told = stream
    kinds = [event["event"] for event in told]
    assert kinds[0] == "started"
    assert kinds[-1] == "finished"
    assert kinds.count("finished") == kinds.count("started") == 1
    assert kinds.count("candidate") == kinds.count("preview") == 2
    assert kinds.count("asset") == 1
    candidates = [event for event in told if event["event"] == "candidate"]
    assert [(c["index"], c["of"], c["seed"], c["width"]) for c in candidates] == [(0, 2, 0, 128), (1, 2, 1, 128)]
    (asset,) = (event for event in told if event["event"] == "asset")
    assert asset["id"] in {c["id"] for c in candidates}
    assert (folder / asset["path"]).is_file()
    # Nothing is shown before every gate has passed it, and everything is recorded in the order of the stages.
    for candidate in candidates:
        own = [event for event in told if event.get("id") == candidate["id"]]
        stages = [event["record"]["stage"] for event in own if event["event"] == "record"]
        before = told[0]["stages"][told[0]["stages"].index("generate") :]
        assert stages in (before, before[:-1])
        at = [event["event"] for event in own].index("preview")
        assert [event["record"]["stage"] for event in own[:at] if event["event"] == "record"] == before[:-1]


def test_a_records_event_is_the_sidecars_record(stream):
    folder, told = stream
    (asset,) = (event for event in told if event["event"] == "asset")
    sidecar = json.loads((folder / (asset["path"] + ".json")).read_bytes())
    records = [event["record"] for event in told if event["event"] == "record" and event["id"] == asset["id"]]
    # What was done to the request was told of the request.
    assert sidecar["stages"][-len(records) :] == records
    assert records[0]["stage"] == "generate"


def test_previews_are_small_pictures_that_clean_removes(stream):
    folder, told = stream
    shown = [event for event in told if event["event"] == "preview"]
    for event in shown:
        with Image.open(folder / event["path"]) as image:
            assert image.size == (event["width"], event["height"]) == (128, 128)
            assert event["path"].startswith(".imajin/work/")
    listed = imajin(folder, "clean", "--dry-run").stdout.decode().splitlines()
    assert {event["path"] for event in shown} <= set(listed)


def test_what_is_rejected_is_never_shown(tmp_path):
    done = imajin(tmp_path, "run", "a rocket", "--size", "64", "--set", "quality.min_side=4000", "--previews")
    kinds = [event["event"] for event in events(done)]
    assert "rejected" in kinds
    assert "preview" not in kinds
    assert not list((tmp_path / ".imajin" / "work").glob("*.preview.png"))


def test_json_alone_prints_the_same_lines_without_those_between(stream, tmp_path):
    arguments = ("run", "a rocket", "-n", "2", "--best", "1", "--size", "128", "--format", "png", "-o", "dist")
    plain = events(imajin(tmp_path, *arguments, "--json"))
    assert {event["event"] for event in plain} == {"asset", "finished"}
    assert plain == [event for event in stream[1] if event["event"] in JSON_EVENTS]


def test_a_wrong_command_line_ends_in_a_summary(drawn):
    error, summary = drawn[-2:]
    assert (error["event"], error["code"]) == ("error", 2)
    assert (summary["event"], summary["code"], summary["verdict"]) == ("finished", 2, "error")


def test_a_stopped_run_still_ends_in_its_summary(validator, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "imajin_cli", "run", "a rocket", "-n", "200", "--size", "512", "--events", "-o", "d"],
        cwd=tmp_path, env=clean_environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    first = [json.loads(process.stdout.readline()) for _ in range(4)]
    process.send_signal(signal.SIGTERM)
    told = [*first, *map(json.loads, process.stdout.read().splitlines())]
    process.stdout.close()
    assert process.wait(30) == 143
    assert told[0]["event"] == "started"
    for event in told:
        validator.validate(event)
    assert (told[-1]["event"], told[-1]["code"], told[-1]["verdict"]) == ("finished", 143, "error")


def test_a_template_of_a_face_is_in_no_event(monkeypatch, capfd):
    """Whatever stage leaves something private, its event holds the rest of the record alone."""
    from imajin_cli.contract.sidecar import Record, Sidecar
    from imajin_cli.contract.stage import Asset, Kind
    from imajin_cli.run.assets import Entry
    from imajin_cli.run.execute import Bound, Result
    from imajin_cli.run.telling import tell_result

    class Taking:
        kind = Kind.ANNOTATE
        takes_request = False

    record = Record(
        stage="identity", version="1", status="passed", key="k", notes={"private": {"template": "secret"}, "faces": 1}
    )
    entry = Entry(Asset(Sidecar(id="a").with_record(record)))
    tell_result(Report("run", events=True), Bound("identity", Taking(), {}), Result(entry, "passed", "identity"))
    line = capfd.readouterr().out
    assert "secret" not in line
    assert json.loads(line)["record"]["notes"] == {"faces": 1}


def test_steps_are_told_a_few_times_a_second_and_at_the_end(capfd):
    from imajin_cli.contract.sidecar import Sidecar
    from imajin_cli.contract.stage import Asset
    from imajin_cli.run.assets import Entry

    report = Report("run", events=True)
    report.step(1, 9)
    report.at("generate", Entry(Asset(Sidecar(id="a"))))
    for done in range(1, 1001):
        report.step(done, 1000)
    told = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(event["at"], event["step"]) for event in told[:2]] == [("generate", None), ("generate", 1)]
    assert told[-1]["step"] == told[-1]["steps"] == 1000
    assert len(told) < 20


@given(st.sampled_from(list(Exit)))
def test_the_verdict_follows_from_the_exit_code(code):
    verdict = verdict_of_code(code)
    assert (verdict == "accepted") == (code == 0)
    assert (verdict == "rejected") == (10 <= code <= 16)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the worker needs descriptors that are sent")
def test_the_worker_tells_the_same(tmp_path):
    arguments = ("run", "a rocket", "--size", "64", "--events", "-o", "d")
    own = imajin(tmp_path / "own", *arguments)
    runtime = tmp_path / "r"
    runtime.mkdir(mode=0o700)
    settings = {"IMAJIN_WORKER": "on", "XDG_RUNTIME_DIR": str(runtime)}
    try:
        warm = imajin(tmp_path / "warm", *arguments, **settings)
    finally:
        imajin(tmp_path / "warm", "worker", "stop", **settings)
    assert warm.returncode == 0, warm.stderr
    assert [steady(event) for event in events(warm)] == [steady(event) for event in events(own)]


def steady(event: dict[str, Any]) -> dict[str, Any]:
    """An event without what the clock says."""
    if event["event"] != "record":
        return event
    return {**event, "record": {key: value for key, value in event["record"].items() if key != "seconds"}}


# The docs.


def shortened(event: dict[str, Any]) -> str:
    """An event as the docs show it: of a record, what it is of and how it ended."""
    if event["event"] == "record":
        event = {**event, "record": {key: event["record"][key] for key in ("stage", "status")}}
    return json.dumps(event, ensure_ascii=False)


def test_the_docs_show_a_real_stream(stream, rewrite_goldens):
    text = PAGE.read_text(encoding="utf-8")
    shown = "".join(f"{shortened(event)}\n" for event in stream[1])
    if rewrite_goldens:
        PAGE.write_text(STREAM.sub(lambda m: m[1] + shown + m[4], text), encoding="utf-8")
        return
    found = STREAM.search(text)
    assert found
    assert found[3] == shown, "run: pytest tests/test_events.py --rewrite-goldens"


def test_the_docs_tell_of_every_event():
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`[a-z]+`(?:, )?)+) \|", text, re.M)
    assert {name for row in rows for name in re.findall(r"`([a-z]+)`", row)} == set(event_schema()["discriminator"]["mapping"])
