"""A stage over a stream: pipes of real processes, names of every kind, verdicts, exit codes, bytes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from conftest import environment


def sidecar(path: Path) -> dict:
    return json.loads(path.with_name(path.name + ".json").read_bytes())


def lines(data: bytes) -> list[str]:
    return data.decode().splitlines()


def test_a_gate_prints_what_passes_and_keeps_the_reason(cli, png):
    good, bad = png("good.png", 200), png("bad.png", 20)
    done = cli("bright", "good.png", "bad.png")
    assert lines(done.stdout) == ["good.png"]
    assert done.returncode == 15
    assert b"bad.png: rejected by bright: brightness 20 is below 100" in done.stderr
    assert sidecar(good)["verdict"]["status"] == "accepted"
    assert sidecar(bad)["verdict"] == {
        "status": "rejected", "by": "bright", "code": 15, "reason": "brightness 20 is below 100",
    }  # fmt: skip


def test_stages_pipe_into_each_other(sh, png):
    for i in range(3):
        png(f"p{i}.png", 80 + 60 * i)
    done = sh("ls p*.png | imajin tint --strength 0.1 | imajin bright --threshold 100")
    assert done.returncode == 15
    assert len(lines(done.stdout)) == 2
    last = sidecar(Path(lines(done.stdout)[-1]))
    assert [record["stage"] for record in last["stages"]] == ["tint", "bright"]
    assert last["lineage"] == [last["stages"][0]["input"]]
    assert last["stages"][1]["input"] == last["stages"][0]["output"] == last["image"]["sha256"]


def test_each_asset_is_printed_as_soon_as_it_is_finished(png):
    png("a.png"), png("b.png")
    process = subprocess.Popen(
        [sys.executable, "-m", "imajin_cli", "tint", "--sleep", "1.5"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    process.stdin.write(b"a.png\nb.png\n")
    process.stdin.close()
    process.stdout.readline()
    first = time.monotonic()
    process.stdout.readline()
    assert time.monotonic() - first > 1.0
    assert process.wait(20) == 0
    process.stdout.close()


def test_a_record_that_is_there_leaves_the_file_and_its_time(cli, png):
    path = png()
    cli("bright", "a.png")
    target = path.with_name("a.png.json")
    before = (target.read_bytes(), target.stat().st_mtime_ns)
    assert cli("bright", "a.png").returncode == 0
    assert (target.read_bytes(), target.stat().st_mtime_ns) == before
    cli("bright", "a.png", "--force")
    assert len(sidecar(path)["stages"]) == 2


def test_a_transform_leaves_its_input_alone_and_is_not_done_twice(cli, png):
    path = png()
    before = path.read_bytes()
    first = cli("tint", "a.png")
    made = Path(lines(first.stdout)[0])
    assert made.parent == Path(".imajin/work")
    stamp = made.stat().st_mtime_ns
    assert cli("tint", "a.png").stdout == first.stdout
    assert made.stat().st_mtime_ns == stamp
    assert path.read_bytes() == before
    assert not path.with_name("a.png.json").exists()
    assert cli("tint", "a.png", "--red", "10").stdout != first.stdout
    assert Path(".imajin/.gitignore").read_text() == "*\n"


def test_out_dir_holds_the_new_pictures(cli, png):
    png()
    done = cli("tint", "a.png", "--out-dir", "new/folder")
    assert lines(done.stdout)[0].startswith("new/folder/a.")
    assert not Path(".imajin").exists()


def test_names_of_every_kind_with_nul(sh, png):
    for name in (b"with\nnewline.png", b"non-utf8-\xff.png", b" space .png", b"-dash.png"):
        png("template.png")
        os.rename("template.png", os.fsdecode(name))
    done = sh("find . -name '*.png' -print0 | imajin bright -0")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.rstrip(b"\0").split(b"\0")) == sorted(
        [b"with\nnewline.png", b"non-utf8-\xff.png", b" space .png", b"./-dash.png"]
    )
    again = sh("find . -name 'non*.png' | imajin tint --out-dir o")
    assert again.returncode == 0, again.stderr
    assert lines(again.stdout)[0].startswith("o/non-utf8-_.")


def test_a_newline_in_a_name_needs_nul(cli, png):
    png("template.png")
    os.rename("template.png", "a\nb.png")
    done = cli("bright", "a\nb.png")
    assert done.returncode == 2
    assert b"use -0" in done.stderr
    assert done.stdout == b""


def test_an_empty_stream_is_24_and_a_pipe_of_rejections_fails_without_pipefail(sh, cli, png):
    assert cli("bright", stdin=b"").returncode == 24
    assert cli("bright", "--allow-empty", stdin=b"").returncode == 0
    png("dark.png", 10)
    done = sh("set +o pipefail; imajin bright dark.png | imajin tint")
    assert done.returncode == 24


def test_json_ends_in_a_summary(cli, png):
    png("good.png"), png("bad.png", 5)
    done = cli("bright", "--json", "good.png", "bad.png", "absent.png")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["asset", "rejected", "error", "finished"]
    assert events[-1]["passed"] == 1
    assert events[-1]["rejected"] == {"15": 1}
    assert events[-1]["code"] == done.returncode == 2
    assert all(event["imajin"] == 1 for event in events)


@pytest.mark.parametrize(
    "arguments",
    [
        ["bright", "--json", "--nosuch", "a.png"], ["run", "a cat", "--json", "--count", "many"], ["broken", "--json", "a.png"],
        ["--no-worker", "batch", "--json"],
    ],
)  # fmt: skip
def test_json_ends_in_a_summary_where_the_command_line_is_wrong(cli, png, arguments):
    png()
    done = cli(*arguments)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["error", "finished"]
    assert events[0]["message"]
    assert events[-1]["code"] == done.returncode == 2


def test_a_json_that_is_an_operand_prints_no_events(cli):
    done = cli("bright", "--nosuch", "--", "--json")
    assert (done.returncode, done.stdout) == (2, b"")


def test_keep_rejected_prints_them(cli, png):
    png("bad.png", 5)
    done = cli("bright", "--keep-rejected", "bad.png")
    assert lines(done.stdout) == ["bad.png"]
    assert done.returncode == 15


@pytest.mark.parametrize(("expect", "code"), [("1", 0), ("2", 15), ("0", 0)])
def test_expect_counts_what_passed(cli, png, expect, code):
    png("good.png"), png("bad.png", 5)
    assert cli("bright", "good.png", "bad.png", "--expect", expect).returncode == code


def test_best_keeps_the_best_of_a_group(cli, png):
    for i in range(4):
        png(f"p{i}.png", 110 + 20 * i)
    done = cli("bright", "--best", "2", *(f"p{i}.png" for i in range(4)))
    assert lines(done.stdout) == ["p2.png", "p3.png"]
    assert done.returncode == 0
    assert cli("bright", "--best", "5", *(f"p{i}.png" for i in range(4))).returncode != 0


def test_best_is_the_same_when_the_verdicts_are_there_already(cli, png):
    for i in range(4):
        png(f"p{i}.png", 110 + 20 * i)
    given = [f"p{i}.png" for i in range(4)]
    assert lines(cli("bright", "--best", "1", *given).stdout) == lines(cli("bright", "--best", "1", *given).stdout) == ["p3.png"]


def test_a_rejection_is_laid_to_the_stage_that_spoke_it(cli, png):
    path = png("bad.png", 20)
    cli("bright", "bad.png")
    known = sidecar(path)
    known["stages"][0]["stage"] = "earlier"
    path.with_name("bad.png.json").write_text(json.dumps(known))
    assert b"rejected by bright" in cli("bright", "bad.png", "--threshold", "90").stderr


def test_an_expectation_that_is_not_met_is_told(cli, png):
    png()
    done = cli("bright", "a.png", "--expect", "3")
    assert done.returncode == 24
    assert b"1 passed, 3 were expected" in done.stderr


def test_a_preset_s_own_prompt_is_drawn_where_no_names_are_piped(cli):
    done = cli("generate", "-p", "icon", "--size", "64")
    assert done.returncode == 0, done.stderr
    assert cli("generate", "-p", "icon", "--size", "64", stdin=b"").returncode == 24


def test_a_picture_as_bytes_with_its_sidecar_inside(sh, png):
    png()
    done = sh("cat a.png | imajin tint - | imajin bright - --threshold 10")
    assert done.returncode == 0, done.stderr
    image = Image.open(io.BytesIO(done.stdout))
    known = json.loads(image.text["imajin.sidecar"])
    assert [record["stage"] for record in known["stages"]] == ["tint", "bright"]
    assert "file_sha256" not in known["image"]
    Path("o.png").write_bytes(done.stdout)
    shown = sh("imajin show o.png")
    assert b"tint: changed" in shown.stdout


def test_rejected_bytes_are_not_written(sh, png):
    png("dark.png", 10)
    done = sh("cat dark.png | imajin bright -")
    assert (done.returncode, done.stdout) == (15, b"")
    assert sh("set +o pipefail; imajin bright - < dark.png | imajin tint -").returncode == 24
    assert sh("imajin bright - --allow-empty < /dev/null").returncode == 0
    kept = sh("imajin bright - --keep-rejected < dark.png")
    assert kept.returncode == 15
    assert json.loads(Image.open(io.BytesIO(kept.stdout)).text["imajin.sidecar"])["verdict"]["code"] == 15
    assert sh("head -c 60 dark.png | imajin bright -").returncode == 2
    assert sh("cat dark.png | imajin bright - --json").returncode == 2


def test_bytes_and_files_amount_to_the_same_digest(sh, png):
    from imajin_cli.contract.sidecar import Sidecar

    png()
    by_file = Path(lines(sh("imajin tint a.png | imajin bright --threshold 1").stdout)[0])
    by_bytes = sh("cat a.png | imajin tint - | imajin bright - --threshold 1").stdout
    inside = Sidecar.model_validate_json(Image.open(io.BytesIO(by_bytes)).text["imajin.sidecar"])
    assert Sidecar.model_validate(sidecar(by_file)).digest() == inside.digest()


def test_unknown_fields_survive_every_stage(cli, png):
    path = png()
    cli("bright", "a.png")
    known = sidecar(path)
    known["of_the_future"] = {"x": [1, 2]}
    known["stages"][0]["also"] = "kept"
    known["image"]["hdr"] = True
    path.with_name("a.png.json").write_text(json.dumps(known))
    cli("bright", "a.png", "--threshold", "1")
    assert sidecar(path)["of_the_future"] == {"x": [1, 2]}
    assert sidecar(path)["image"]["hdr"] is True
    made = sidecar(Path(lines(cli("tint", "a.png").stdout)[0]))
    assert made["of_the_future"] == {"x": [1, 2]}
    assert made["stages"][0]["also"] == "kept"


def test_gates_at_once_lose_nothing(png):
    path = png()
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "imajin_cli", "bright", "a.png", "--threshold", str(i + 1)],
            env=environment(), stdout=subprocess.DEVNULL,
        )
        for i in range(8)
    ]  # fmt: skip
    assert [run.wait(60) for run in runs] == [0] * 8
    thresholds = {record["params"]["threshold"]["value"] for record in sidecar(path)["stages"]}
    assert thresholds == {float(i + 1) for i in range(8)}


def test_each_param_says_where_it_came_from(cli, png, work):
    path = png()
    (work / "imajin.yaml").write_text("bright:\n  threshold: 50\n")
    cli("bright", "a.png")
    assert sidecar(path)["stages"][0]["params"]["threshold"] == {"value": 50.0, "origin": "project"}
    cli("bright", "a.png", IMAJIN_BRIGHT__THRESHOLD="60")
    assert sidecar(path)["stages"][1]["params"]["threshold"] == {"value": 60.0, "origin": "env"}
    cli("bright", "a.png", "--threshold", "70", IMAJIN_BRIGHT__THRESHOLD="60")
    assert sidecar(path)["stages"][2]["params"]["threshold"] == {"value": 70.0, "origin": "flag"}


def test_a_gate_that_cannot_judge_fails_closed(cli, png):
    path = png()
    for mode in ("absent", "nan"):
        done = cli("bright", "a.png", "--mode", mode)
        assert done.returncode == 22, mode
        assert done.stdout == b""
        assert sidecar(path)["verdict"]["status"] == "error"
    assert "brightness" in sidecar(path)["verdict"]["reason"]


def test_a_bug_is_exit_1_and_names_a_log(cli, png, tmp_path):
    png()
    done = cli("bright", "a.png", "--mode", "crash")
    assert done.returncode == 1
    assert done.stdout == b""
    logs = list((tmp_path / "home").rglob("error-*.log"))
    assert len(logs) == 1
    assert str(logs[0]).encode() in done.stderr
    assert "RuntimeError: a bug" in logs[0].read_text()


def test_a_broken_third_party_stage_breaks_nothing_else(cli, png):
    png()
    assert b"broken" in cli("--help").stdout
    done = cli("broken", "a.png")
    assert done.returncode == 2
    assert b"imajin_fakes_missing" in done.stderr
    assert cli("bright", "a.png").returncode == 0


def test_a_closed_pipe_ends_a_stage_quietly(sh, png):
    for i in range(30):
        png(f"p{i}.png")
    done = sh("imajin bright p*.png | head -1; echo ${PIPESTATUS[0]}")
    out = lines(done.stdout)
    assert out[0] == "p0.png"
    assert out[1] in ("141", "0")
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_stage_with_its_code_and_nothing_half_written(png, signum, code):
    png()
    process = subprocess.Popen(
        [sys.executable, "-m", "imajin_cli", "tint", "a.png", "--sleep", "30"],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    time.sleep(1.5)
    process.send_signal(signum)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert out == b""
    assert b"Traceback" not in err
    assert not list(Path().rglob("*.png")) or [p.name for p in Path().rglob("*.png")] == ["a.png"]


@pytest.mark.parametrize("after", [0.3, 0.5, 0.8])
def test_an_interrupt_while_modules_load_is_quiet(png, after):
    png()
    process = subprocess.Popen(
        [sys.executable, "-m", "imajin_cli", "tint", "a.png", "--sleep", "30"],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode in (130, -signal.SIGINT)
    assert b"Traceback" not in err
