"""`imajin gpu` as a person and a program use it."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import environment
from imajin_cli.contract.exits import Exit
from imajin_cli.devices import lease
from leaseholders import Holder, status, until


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "ledger"
    monkeypatch.setenv("IMAJIN_LEDGER", str(folder))
    monkeypatch.setenv("IMAJIN_DEVICES", "sim:0=1000")
    return folder


def start(*arguments: str, **extra: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "imajin_cli", "gpu", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment(**extra),
    )  # fmt: skip


def test_status_is_lines_in_a_pipe_and_json_lines_that_end_in_a_summary(cli, ledger):
    with lease.acquire(mib=600, label="train.py", priority="batch") as held:
        text = cli("gpu", "status").stdout.decode().splitlines()
        assert text[0] == "sim:0  simulated  1000 MiB, 600 MiB leased, 1000 MiB unused  SIM-sim-0"
        assert text[1].split()[:5] == [held.id, "600", "MiB", "batch", "train.py"]
        events = [json.loads(line) for line in cli("gpu", "status", "--json").stdout.splitlines()]
    assert [event["event"] for event in events] == ["device", "lease", "finished"]
    assert events[1]["label"] == "train.py"
    assert events[1]["pid"] == os.getpid()
    assert events[-1]["code"] == Exit.OK


def test_a_program_runs_under_a_lease_that_ends_with_it(cli, ledger):
    process = start("run", "--vram", "600MiB", "--", "sleep", "60")
    until(lambda: status().leases)
    assert status().leases[0].holder.label == "sleep"
    assert cli("gpu", "run", "--wait", "0", "--vram", "401MiB", "true").returncode == 21
    # It has become the program: what kills that ends the lease, and nothing stands between.
    assert Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert status().leases == []


def test_a_programs_exit_code_arguments_and_signals_are_its_own(cli, ledger):
    assert cli("gpu", "run", "--vram", "1MiB", "--", "sh", "-c", "exit 37").returncode == 37
    done = cli("gpu", "run", "--vram", "1MiB", "printf", "%s|", "--vram", "a b", "-x")
    assert done.stdout == b"--vram|a b|-x|"
    # Python ignores SIGPIPE; a program must not inherit that, or `yes | head` would never end.
    piped = cli(
        "gpu", "run", "--vram", "1MiB", "--", "bash", "-c", "set -o pipefail; yes | head -1; exit ${PIPESTATUS[0]}"
    )
    assert piped.returncode == 141


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["run", "--vram", "1MiB", "--", "no-such-program"],
            "no-such-program: cannot be run: No such file or directory",
        ),
        (["run", "--vram", "8", "true"], "8: no amount of memory (write a number and a unit, such as 8GiB or 512MiB)"),
        (["run", "--vram", "8MiB", "--wait", "soon", "true"], "soon: no time"),
        (
            ["run", "--vram", "8MiB", "--device", "cuda:0", "true"],
            "there is no device cuda:0 (there are: sim:0 (SIM-sim-0)",
        ),
        (["run", "--vram", "8MiB", "--priority", "urgent", "true"], "--priority"),
        (["run", "true"], "missing option '--vram'"),
        (["run", "--vram", "8MiB"], "missing argument"),
        (["release", "ffffffff"], "there is no lease ffffffff"),
        (["release", ""], "there is no lease"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(cli, ledger, arguments, said):
    done = cli("gpu", *arguments)
    assert done.returncode == Exit.USAGE, done.stderr
    assert said.encode() in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert status().leases == []


def test_more_than_there_is_ends_in_21_at_once(cli, ledger):
    started = time.monotonic()
    done = cli("gpu", "run", "--wait", "10m", "--vram", "1001MiB", "true")
    assert done.returncode == Exit.NO_CAPACITY
    assert done.stderr == b"imajin: 1001 MiB are more than there is in all: sim:0 has 1000 MiB\n"
    assert time.monotonic() - started < 30


def test_who_waits_says_for_whom_and_an_interrupt_leaves_no_ticket(ledger):
    with lease.acquire(mib=600, label="train.py"):
        process = start("run", "--vram", "500MiB", "true")
        assert process.stderr is not None
        line = process.stderr.readline().decode()
        assert line.startswith(
            "imajin gpu: waiting for 500 MiB: sim:0 has 400 MiB of 1000 MiB left; held by train.py (pid "
        )
        assert len(status().waiting) == 1
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == Exit.INTERRUPTED
        assert status().waiting == []


def test_release_asks_a_holder_that_listens(cli, ledger):
    held = lease.acquire(mib=600)
    held.on_wanted(held.release)
    done = cli("gpu", "release", held.id[:6], "--wait", "20s")
    assert done.returncode == 0, done.stderr
    assert b"was given up" in done.stderr
    assert not held.is_held
    assert list((ledger / "SIM-sim-0" / "queue").iterdir()) == []


def test_release_of_a_program_that_does_not_listen_is_21_and_takes_nothing(cli, ledger):
    held = lease.acquire(mib=600, label="train.py")
    done = cli("gpu", "release", held.id, "--wait", "200ms")
    assert done.returncode == Exit.NO_CAPACITY
    assert b"is still held by train.py (pid " in done.stderr
    assert held.wanted()
    assert [row.id for row in status().leases] == [held.id]
    held.release()


def test_the_log_tells_what_happened(cli, ledger):
    holder = Holder(ledger, mib=300)
    holder.said()
    holder.kill()
    holder.end()
    lease.acquire(mib=1000, label="other").release()
    cli("gpu", "run", "--wait", "0", "--vram", "1000MiB", "true")
    with lease.acquire(mib=1000):
        assert cli("gpu", "run", "--wait", "0", "--vram", "1MiB", "true").returncode == 21
    rows = json.loads(cli("gpu", "log", "--json").stdout)
    events = [row["event"] for row in rows]
    assert events[:4] == ["granted", "ended", "granted", "released"]
    assert events[-2:] == ["refused", "released"]
    assert rows[2]["label"] == "other"
    assert cli("gpu", "log", "-n", "1").stdout.count(b"\n") == 1


def test_strange_files_are_said_by_status(cli, ledger):
    lease.acquire(mib=1).release()
    (ledger / "SIM-sim-0" / "notes.txt").write_text("hello")
    (ledger / "SIM-sim-0" / "slot-0001").symlink_to("/etc/passwd")
    events = [json.loads(line) for line in cli("gpu", "status", "--json").stdout.splitlines()]
    notes = " ".join(event["text"] for event in events if event["event"] == "note")
    assert "notes.txt' is ignored: it is no file of a ledger" in notes
    assert "slot-0001 is ignored" in notes


def test_on_a_terminal_status_is_a_live_view_until_ctrl_c(ledger):
    with lease.acquire(mib=600, label="train.py"):
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm"
            environ = environment(COLUMNS="120")
            os.execve(
                sys.executable, [sys.executable, "-m", "imajin_cli", "gpu", "status", "--interval", "0.2"], environ
            )
        seen = b""
        deadline = time.monotonic() + 60
        while seen.count(b"train.py") < 2 and time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.2)[0]:
                seen += os.read(terminal, 65536)
        os.kill(pid, signal.SIGINT)
        while True:
            try:
                if not os.read(terminal, 65536):
                    break
            except OSError:
                break
        _, ended = os.waitpid(pid, 0)
        os.close(terminal)
    assert seen.count(b"train.py") >= 2
    assert os.waitstatus_to_exitcode(ended) == 0
