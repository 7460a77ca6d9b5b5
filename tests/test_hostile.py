"""Bad input is one clear line and the right exit code, with nothing half-written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import environment


def one_line(done: subprocess.CompletedProcess[bytes], code: int, *said: str) -> None:
    text = done.stderr.decode()
    assert done.returncode == code, text
    assert done.stdout == b""
    assert len(text.splitlines()) == 1, text
    for part in said:
        assert part in text, text


def untouched(folder: Path, before: set[str]) -> None:
    assert {str(path.relative_to(folder)) for path in folder.rglob("*")} == before


def snapshot(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def with_picture(name: str) -> str:
    """A sidecar whose picture is called ``name``."""
    image = {"file": name, "sha256": "0" * 64, "width": 1, "height": 1, "mode": "L"}
    return json.dumps({"imajin": 1, "id": "x", "image": image})


@pytest.mark.parametrize("name", ["absent.png", "folder", "empty.png", "text.png", "cut.png", "fifo"])
def test_files_that_are_no_pictures(cli, png, work, name):
    png("whole.png")
    (work / "folder").mkdir()
    (work / "empty.png").touch()
    (work / "text.png").write_text("not a picture")
    (work / "cut.png").write_bytes((work / "whole.png").read_bytes()[:60])
    os.mkfifo(work / "fifo")
    before = snapshot(work)
    one_line(cli("bright", name), 2, name)
    one_line(cli("tint", name), 2, name)
    untouched(work, before)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "the sidecar is not JSON"),
        ("[1, 2]", "not a sidecar"),
        ('{"imajin": 1}', "not a sidecar: id"),
        ('{"imajin": 99, "id": "x", "stages": {"of": "another shape"}}', "from a newer imajin (sidecar version 99"),
        ('{"imajin": 99, "id": "x"}', "from a newer imajin"),
        ('{"imajin": 1, "id": "x", "stages": [{"stage": 1}]}', "not a sidecar: stages"),
        (with_picture("../../etc/passwd"), "not a sidecar: image.file"),
        (with_picture(".."), "not a sidecar: image.file"),
        ("\x00\x01", "the sidecar is not JSON"),
        ("[" * 100_000, "sidecar"),
    ],
)  # fmt: skip
def test_sidecars_that_are_none(cli, png, text, said):
    path = png()
    path.with_name("a.png.json").write_text(text)
    before = path.with_name("a.png.json").read_bytes()
    one_line(cli("bright", "a.png"), 2, "a.png.json", said)
    assert path.with_name("a.png.json").read_bytes() == before


def test_a_sidecar_cannot_reach_a_vector_outside_its_folder(cli, png, work):
    path = png()
    cli("bright", "a.png")
    known = json.loads((work / "a.png.json").read_text())
    secret = work.parent / "secret.svg"
    secret.write_text("<svg/>")
    for name in ("../secret.svg", str(secret), "/etc/passwd"):
        known["image"]["vector"] = {"file": name, "sha256": "0" * 64}
        path.with_name("a.png.json").write_text(json.dumps(known))
        said = "image.vector.file: must be a file name in the sidecar's own folder"
        one_line(cli("bright", "a.png", "--threshold", "1"), 2, said)


def test_a_picture_edited_after_its_verdict_is_told_of(cli, png, work):
    png("a.png", 200)
    cli("bright", "a.png")
    old = json.loads((work / "a.png.json").read_text())["image"]["sha256"]
    png("a.png", 210)
    shown = cli("show", "a.png")
    assert (shown.returncode, b"changed since its sidecar was written" in shown.stderr) == (0, True)
    done = cli("bright", "a.png")
    assert b"changed since its sidecar was written" in done.stderr
    assert done.returncode == 0
    known = json.loads((work / "a.png.json").read_text())
    assert len(known["stages"]) == 2
    assert known["stages"][1]["input"] == known["image"]["sha256"] != old
    assert cli("bright", "a.png").stderr == b""
    assert cli("show", "a.png").stderr == b""


def run_without_privilege(arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
    """Root may write everywhere: where the tests run as root, its right to pass over permissions is dropped."""
    drop = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*drop, sys.executable, "-m", "imajin_cli", *arguments],
        capture_output=True, env=environment(PYTHONDONTWRITEBYTECODE="1"), stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip


def test_read_only_and_unreadable_folders(png, work):
    picture = png()
    work.chmod(0o555)
    try:
        one_line(run_without_privilege(["bright", "a.png"]), 2, "cannot be written")
        one_line(run_without_privilege(["tint", "a.png"]), 2, "cannot be made")
        picture.chmod(0o000)
        one_line(run_without_privilege(["bright", "a.png"]), 2, "a.png", "Permission denied")
    finally:
        work.chmod(0o755)
        picture.chmod(0o644)
    assert snapshot(work) == {"a.png"}


def test_a_full_disk(cli, png):
    """/dev/full cannot hold a folder: a limit on file size fails the same write in the same place."""
    png("a.png", size=(400, 400))
    limit = "import resource, runpy, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); " \
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300)); sys.argv[0] = 'imajin'; " \
        "runpy.run_module('imajin_cli', run_name='__main__')"  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", limit, "tint", "a.png"],
        capture_output=True, env=environment(PYTHONDONTWRITEBYTECODE="1"), stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    one_line(done, 2, "cannot be written")
    assert [path.name for path in Path(".imajin/work").iterdir()] == []


def shell(script: str, **extra: str) -> subprocess.CompletedProcess[bytes]:
    prelude = f'imajin() {{ {sys.executable} -m imajin_cli "$@"; }}; '
    return subprocess.run(["bash", "-c", prelude + script], capture_output=True, env=environment(**extra), timeout=60)


def test_closed_standard_streams(png):
    png()
    done = shell("imajin bright a.png >&-")
    one_line(done, 2, "standard output is closed")
    one_line(shell("imajin presets >&-"), 2, "standard output is closed")
    one_line(shell("imajin bright <&-"), 2, "nothing to work on")
    one_line(shell("imajin bright - <&-"), 24, "nothing came in")
    assert shell("imajin bright a.png 2>&-").stdout == b"a.png\n"


def test_prompts_and_names_that_are_no_text(cli):
    bad = os.fsdecode(b"caf\xe9")
    one_line(cli("run", bad), 2, "the prompt is not UTF-8")
    one_line(cli("run", "cafe", "--headline", bad), 2, "--headline")
    one_line(cli("run", "ein Caf\u00e9", LC_ALL="C", PYTHONUTF8="0"), 2, "the prompt is not UTF-8")
    done = cli("bright", "--json", os.fsdecode(b"absent-\xff.png"))
    assert done.returncode == 2
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == ["error", "finished"]


def test_names_with_a_nul_byte(cli):
    for name in (b"a\0.png\n", b"a\0.request.json\n", b"a\0.json\n"):
        one_line(cli("bright", stdin=name), 2, "embedded null byte")


def test_a_name_that_no_file_system_holds_ends_nothing_else(cli, png):
    png()
    done = cli("bright", "x" * 300 + ".json", "a.png")
    assert (done.returncode, done.stdout) == (2, b"a.png\n")


def test_a_person_without_a_home(png):
    png()
    # Somebody whom the system does not know either; the interpreter may stand where only root may look.
    nobody = "setpriv --reuid 4242 --clear-groups --inh-caps +dac_read_search --ambient-caps +dac_read_search"
    script = f"env -u HOME {nobody}" if os.geteuid() == 0 else "env -u HOME"
    done = shell(f"{script} {sys.executable} -m imajin_cli config path")
    assert done.returncode == 0, done.stderr
    done = shell(f"{script} {sys.executable} -m imajin_cli bright --mode crash a.png")
    assert done.returncode == 1
    assert b"unexpected error: RuntimeError: a bug" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_working_folder_that_is_gone():
    one_line(shell("mkdir gone; cd gone; rmdir ../gone; imajin bright x.png"), 2, "the working folder is gone")


def test_a_broken_third_party_stage_hides_no_schema(cli):
    done = cli("schema", "sidecar")
    assert done.returncode == 0, done.stderr
    assert "broken" not in json.loads(cli("schema", "--all").stdout)


def test_a_sidecar_cannot_write_to_the_terminal(cli, png):
    path = png()
    cli("bright", "a.png")
    known = json.loads(path.with_name("a.png.json").read_text())
    known["stages"][0] |= {"reason": "\x1b[2J\nforged line", "stage": "s\x07"}
    path.with_name("a.png.json").write_text(json.dumps(known))
    shown = cli("show", "a.png").stdout
    assert b"\x1b" not in shown
    assert b"\x07" not in shown
    assert b"\\x1b[2J\\nforged line" in shown


def test_a_picture_whose_sidecar_tells_of_another_size(cli, png):
    path = png()
    cli("bright", "a.png")
    known = json.loads(path.with_name("a.png.json").read_text())
    known["image"]["width"] = 7
    path.with_name("a.png.json").write_text(json.dumps(known))
    one_line(cli("bright", "a.png", "--threshold", "1"), 2, "another size")


def test_a_full_standard_output(png):
    png()
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m imajin_cli bright a.png > /dev/full"],
        capture_output=True, env=environment(), timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_line_that_never_ends(cli):
    one_line(cli("bright", stdin=b"x" * 200_000), 2, "over 64 KiB")
    one_line(cli("bright", "-0", stdin=b"x" * 200_000), 2, "over 64 KiB")


def test_names_that_are_options_or_too_long(cli, png):
    one_line(cli("bright", "x" * 300), 2, "too long")
    assert cli("bright", "--threshold").returncode == 2
    one_line(cli("bright", "a\0b".replace("\0", "%00")), 2)
