"""The worker, with real processes: the same results as without it, and what is left when something in it is killed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from conftest import PLUGINS, environment
from imajin_cli.worker import place, protocol

pytestmark = pytest.mark.skipif(not place.SUPPORTED, reason="the worker needs Linux")

RAN = [sys.executable, "-m", "imajin_cli"]


class Desk:
    """Runs commands through a worker of its own."""

    def __init__(self, folder: Path) -> None:
        self.runtime = folder / "run"
        self.runtime.mkdir(mode=0o700)
        self.folder = self.runtime / "imajin"
        self.home = folder / "desk-home"
        self.home.mkdir()
        self.started: list[subprocess.Popen[bytes]] = []

    def env(self, **extra: str) -> dict[str, str]:
        path = os.pathsep.join([str(PLUGINS / "worker"), environment()["PYTHONPATH"]])
        own = {
            "PYTHONPATH": path,
            "XDG_RUNTIME_DIR": str(self.runtime),
            "HOME": str(self.home),
            "IMAJIN_WORKER": "on",
            "NO_COLOR": "1",
        }
        kept = {k: v for k, v in environment().items() if not k.startswith(("IMAJIN_", "XDG_")) and k != "CI"}
        return {**kept, "OMP_NUM_THREADS": "1", **own, **extra}

    def run(self, *arguments: str, stdin: bytes | None = None, cwd: Path | None = None, **extra: str):
        source = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        return subprocess.run(
            [*RAN, *arguments], capture_output=True, env=self.env(**extra), timeout=60, cwd=cwd, **source
        )

    def start(self, *arguments: str, **given) -> subprocess.Popen[bytes]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **given}
        process = subprocess.Popen([*RAN, *arguments], env=self.env(), **pipes)
        self.started.append(process)
        return process

    def status(self) -> list[dict]:
        """What `imajin worker status --json` prints, asked for directly, since that is done often here."""
        found = []
        for path in self.folder.glob("*.sock"):
            with self.knock(path.name) as sock:
                if sock is not None:
                    protocol.send(sock, {"do": "status"})
                    found.append(protocol.Reader(sock).read())
        return found

    @contextlib.contextmanager
    def knock(self, name: str) -> Iterator[socket.socket | None]:
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            sock = place.connect(folder, name)
            if sock is None:
                yield None
            else:
                sock.settimeout(20)
                with sock:
                    yield sock
        finally:
            os.close(folder)

    def one(self) -> dict:
        (found,) = self.status()
        return found

    def until(self, what, seconds: float = 20):
        """What ``what(status of the one worker)`` gives once it is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for one in self.status():
                if found := what(one):
                    return found
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {self.status()}")

    def log(self) -> str:
        return "".join(path.read_text() for path in sorted(self.home.rglob("worker-*.log")))

    def logs(self, what: str, seconds: float = 20) -> bool:
        """Whether the log says so by then: the worker writes of an end after others have gone on."""
        end = time.monotonic() + seconds
        while what not in self.log() and time.monotonic() < end:
            time.sleep(0.05)
        return what in self.log()

    def stop(self) -> None:
        for process in self.started:
            process.kill()
            process.communicate()
        for one in self.status():
            os.kill(one["pid"], signal.SIGTERM)
            gone(one["pid"])


def gone(pid: int, seconds: float = 20) -> None:
    """Wait until a process that is no child of ours has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except OSError:
            return
        time.sleep(0.02)
    raise AssertionError(f"{pid} lives on")


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Desk]:
    """One worker for all tests that do it no harm."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    yield desk
    desk.stop()


@pytest.fixture
def desk(tmp_path) -> Iterator[Desk]:
    """A worker for one test."""
    desk = Desk(tmp_path)
    yield desk
    with contextlib.suppress(AssertionError):
        desk.stop()


def note(path: str, key: str, work: Path = Path()):
    """What the last record of a picture notes."""
    return json.loads((work / f"{path}.json").read_bytes())["stages"][-1]["notes"][key]


def test_a_second_command_finds_its_model_loaded_in_the_same_process(shared, png):
    png("a.png"), png("b.png")
    assert shared.run("frail", "a.png").stdout == b"a.png\n"
    assert shared.run("frail", "b.png").stdout == b"b.png\n"
    assert note("a.png", "pid") == note("b.png", "pid")
    assert note("b.png", "loads") == 1
    assert note("a.png", "pid") in [process["pid"] for process in shared.one()["processes"]]


def test_onnx_sessions_stay_open(shared, png):
    png("a.png"), png("b.png", 120)
    first = shared.run("moderate", "a.png")
    assert first.returncode == 0, first.stderr
    before = {one["pid"]: one["served"] for one in shared.one()["processes"] if "moderate" in one["knows"]}
    assert shared.run("moderate", "b.png").returncode == 0
    after = {one["pid"]: one["served"] for one in shared.one()["processes"] if "moderate" in one["knows"]}
    assert after == {pid: served + 1 for pid, served in before.items()}
    # A session that is open has its arena: nothing is read again for the second picture.
    records = [json.loads(Path(f"{name}.png.json").read_bytes())["stages"][-1] for name in "ab"]
    assert records[1]["seconds"] < records[0]["seconds"] / 2


def test_results_are_the_same_as_without_it(shared, cli, png):
    for name in ("with", "without"):
        for i, grey in enumerate((200, 120, 20)):
            png(f"{name}/p{i}.png", grey)
    given = ("p0.png", "p1.png", "p2.png", "absent.png")
    options = ("--json", "--threshold", "100")
    through = shared.run("bright", *options, *given, cwd=Path("with"))
    alone = subprocess.run(
        [*RAN, "bright", *options, *given], capture_output=True, env=environment(), cwd="without", timeout=60
    )
    assert (through.returncode, through.stdout, through.stderr) == (alone.returncode, alone.stdout, alone.stderr)
    from imajin_cli.contract.sidecar import Sidecar

    for name in given[:3]:
        one, other = (Sidecar.model_validate_json(Path(f"{f}/{name}.json").read_bytes()) for f in ("with", "without"))
        assert one.digest() == other.digest()


@pytest.mark.parametrize(
    "arguments",
    [
        ["tint"],
        ["tint", "--no-such"],
        ["nothing-of-the-kind"],
        ["broken", "a.png"],
        ["bright", "a.png", "--mode", "absent"],
    ],
)
def test_errors_are_the_same_as_without_it(shared, cli, png, arguments):
    png()
    through, alone = shared.run(*arguments), cli(*arguments)
    assert (through.returncode, through.stdout, through.stderr) == (alone.returncode, alone.stdout, alone.stderr)


def test_bytes_go_through_untouched(shared, cli, png):
    data = png(size=(300, 200)).read_bytes()
    through, alone = shared.run("tint", "-", stdin=data), cli("tint", "-", stdin=data)
    assert through.returncode == 0, through.stderr
    one, other = (Image.open(io.BytesIO(done.stdout)) for done in (through, alone))
    assert one.tobytes() == other.tobytes()


def test_names_of_every_kind(shared, png):
    for name in (b"with\nnewline.png", b"non-utf8-\xff.png", b" space .png"):
        png("template.png")
        os.rename("template.png", os.fsdecode(name))
    done = shared.run("bright", "-0", stdin=b"with\nnewline.png\0non-utf8-\xff.png\0 space .png")
    assert done.stdout == b"with\nnewline.png\0non-utf8-\xff.png\0 space .png\0"
    assert shared.run("bright", os.fsdecode(b"non-utf8-\xff.png")).stdout == b"non-utf8-\xff.png\n"


def test_each_asset_is_printed_as_soon_as_it_is_finished(shared, png):
    png("a.png"), png("b.png")
    process = shared.start("tint", "--sleep", "1", stdin=subprocess.PIPE)
    process.stdin.write(b"a.png\nb.png\n")
    process.stdin.flush()
    assert process.stdout.readline()
    assert process.poll() is None
    first = time.monotonic()
    assert process.stdout.readline()
    assert time.monotonic() - first > 0.7
    assert process.communicate(timeout=20)[0] == b""
    assert process.returncode == 0


def test_a_pipe_longer_than_there_are_places_comes_to_its_end(shared, png):
    for i in range(4):
        png(f"p{i}.png", 150 + i)
    stages = " | ".join(f"{' '.join(RAN)} bright --threshold {i + 1}" for i in range(8))
    script = f"set -o pipefail; ls p*.png | {stages}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, env=shared.env(), timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [f"p{i}.png".encode() for i in range(4)]
    records = json.loads(Path("p0.png.json").read_bytes())["stages"]
    assert [record["params"]["threshold"]["value"] for record in records] == [float(i + 1) for i in range(8)]


def test_two_clients_have_their_own_folder_environment_and_settings(shared, png):
    for name in ("one", "two"):
        png(f"{name}/a.png", 120)
    Path("two/imajin.yaml").write_text("bright:\n  threshold: 130\n")
    for name in ("one", "two", "one"):
        done = shared.run("frail", "a.png", "--force", cwd=Path(name), FRAIL_WORD=name)
        assert done.returncode == 0, done.stderr
        assert note("a.png", "cwd", Path(name)) == str(Path(name).resolve())
        assert note("a.png", "word", Path(name)) == name
    assert shared.run("bright", "a.png", cwd=Path("one")).returncode == 0
    assert shared.run("bright", "a.png", cwd=Path("two")).returncode == 15
    assert shared.run("bright", "a.png", cwd=Path("one"), IMAJIN_BRIGHT__THRESHOLD="125").returncode == 15
    assert shared.run("bright", "a.png", cwd=Path("one")).returncode == 0
    assert len({process["pid"] for process in shared.one()["processes"] if "frail" in process["knows"]}) == 1


def test_the_umask_is_the_clients(shared, png):
    png()
    masked = subprocess.run(
        ["sh", "-c", f"umask 077; exec {' '.join(RAN)} bright a.png"], env=shared.env(), capture_output=True, timeout=60
    )
    assert masked.returncode == 0
    assert Path("a.png.json").stat().st_mode & 0o777 == 0o600


def test_a_closed_pipe_is_141(shared, png):
    for i in range(200):
        png(f"a-rather-long-name-{i:04}.png", size=(2, 2))
    script = f"{' '.join(RAN)} bright a-*.png | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, env=shared.env(), timeout=60)
    assert done.stdout.split()[1] in (b"141", b"0")
    assert b"Traceback" not in done.stderr
    done = shared.run("bright", "a-rather-long-name-0000.png")
    assert (done.returncode, done.stdout) == (0, b"a-rather-long-name-0000.png\n")


def test_standard_streams_that_are_closed(shared, png):
    png()
    script = f"{' '.join(RAN)} bright a.png <&- 2>&-; echo $?"
    done = subprocess.run(["bash", "-c", script], capture_output=True, env=shared.env(), timeout=60)
    assert done.stdout == b"a.png\n0\n"
    closed = subprocess.run(
        ["bash", "-c", f"{' '.join(RAN)} bright a.png >&-"], capture_output=True, env=shared.env(), timeout=60
    )
    assert closed.returncode == 2
    assert b"standard output is closed" in closed.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_work_and_not_the_process_that_did_it(shared, png, number, code):
    png()
    png("b.png")
    shared.run("tint", "b.png")
    process = shared.start("tint", "a.png", "--sleep", "30")
    pid = shared.until(lambda one: next((p["pid"] for p in one["processes"] if p["state"] == "working"), None))
    time.sleep(0.3)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert out == b""
    assert b"Traceback" not in err
    assert [path.name for path in Path(".imajin/work").glob("*.png")] == [
        path.name for path in Path(".imajin/work").glob("b.*.png")
    ]
    assert pid in [p["pid"] for p in shared.one()["processes"] if p["state"] == "idle"]


def test_a_killed_clients_work_is_cancelled(shared, png):
    png()
    process = shared.start("tint", "a.png", "--sleep", "30")
    shared.until(lambda one: any(p["state"] == "working" for p in one["processes"]))
    process.kill()
    process.communicate()
    shared.until(lambda one: all(p["state"] == "idle" for p in one["processes"]), 10)
    assert not list(Path().rglob("*.imajin-*"))


def test_only_the_client_is_imported(shared, png):
    png()
    shared.run("bright", "a.png")
    program = (
        "import sys\nsys.argv = ['imajin', 'bright', 'a.png']\nfrom imajin_cli.start import main\n"
        "try: main()\nfinally: print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=shared.env(), timeout=60)
    assert done.stdout == "a.png\n"
    loaded = set(done.stderr.split())
    assert not loaded & {
        "typer",
        "click",
        "numpy",
        "pydantic",
        "PIL",
        "yaml",
        "rich",
        "asyncio",
        "subprocess",
        "typing",
    }
    assert not [
        name for name in loaded if name.startswith(("imajin_cli.run", "imajin_cli.stages", "imajin_cli.config"))
    ]


def test_what_crashes_once_is_done_again(desk, png):
    png()
    Path("how").write_text("segv")
    done = desk.run("frail", "a.png", "--end", "how")
    assert (done.returncode, done.stdout) == (0, b"a.png\n"), done.stderr
    assert desk.logs("ended by SIGSEGV in frail")


@pytest.mark.parametrize(("how", "name"), [("segv", "SIGSEGV"), ("kill", "SIGKILL")])
def test_what_crashes_twice_is_told_and_the_worker_goes_on(desk, png, how, name):
    png()
    desk.run("bright", "a.png")
    before = desk.one()["pid"]
    done = desk.run("frail", "a.png", "--end", how)
    assert done.returncode == 1
    assert done.stdout == b""
    assert f"frail: the model process was ended by {name} twice (details in ".encode() in done.stderr
    assert desk.run("bright", "a.png").stdout == b"a.png\n"
    assert desk.one()["pid"] == before


@pytest.mark.parametrize("more", [[], ["--json"], ["--force"]])
def test_what_has_read_and_printed_something_goes_on_where_it_was(desk, png, more):
    for name in "abc":
        png(f"{name}.png")
    process = desk.start("frail", "--end", "how", *more, stdin=subprocess.PIPE)
    process.stdin.write(b"a.png\n")
    process.stdin.flush()
    first = process.stdout.readline()
    assert b"a.png" in first
    Path("how").write_text("segv")
    out, err = process.communicate(b"b.png\nc.png\n", timeout=30)
    if more == ["--force"]:
        # What was done would be done a second time.
        assert (process.returncode, out) == (1, b"")
        assert b"the model process was ended by SIGSEGV (" in err
        return
    assert process.returncode == 0, err
    shown = [line for line in (first + out).splitlines() if b".png" in line]
    assert [name in line for name, line in zip((b"a.png", b"b.png", b"c.png"), shown, strict=True)] == [True] * 3
    assert [len(json.loads(Path(f"{n}.png.json").read_bytes())["stages"]) for n in "abc"] == [1, 1, 1]
    assert note("a.png", "pid") != note("b.png", "pid") == note("c.png", "pid")


def test_a_crash_in_the_middle_of_a_pipe_is_not_seen(desk, png):
    for i in range(6):
        png(f"p{i}.png", 150 + i)
    Path("how").write_text("kill p3")
    imajin = " ".join(RAN)
    script = f"set -o pipefail; ls p*.png | {imajin} bright | {imajin} frail --end how | {imajin} tint"
    done = subprocess.run(["bash", "-c", script], capture_output=True, env=desk.env(), timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(set(done.stdout.splitlines())) == 6
    assert desk.logs("ended by SIGKILL in frail")


def test_a_crash_within_a_write_or_with_other_results_is_no_second_try():
    from imajin_cli.contract.errors import BackendError
    from imajin_cli.worker.replay import MOST_READ, Again, Past

    process, past = Again(None), Past()
    past.hear({"read": "a.png\n"})
    past.hear(process.written(b"a.png\n"))
    assert past.may_be_repeated(["moderate"])
    assert not past.may_be_repeated(["moderate", "--force"])
    for line, other in ((b"a.png\n", b"x.png\n"), (b"a.", b"png")):
        second = Again(past.told())
        assert second.take(3) + second.take(100) == b"a.png\n"
        assert second.take(10) == b""
        assert second.skips(100) == 6
        second.skip(line)
        if second.skips(1):
            with pytest.raises(BackendError):
                second.skip(other + b"x")
    with pytest.raises(BackendError):
        Again(past.told()).skip(b"b.png\n")
    past.hear({"writes": 5})
    assert not past.may_be_repeated(["moderate"])
    much = Past()
    much.hear({"read": "x" * MOST_READ})
    assert much.may_be_repeated(["load", "-"])
    much.hear({"read": "x"})
    assert not much.may_be_repeated(["load", "-"])


def test_a_killed_worker_takes_its_processes_along_and_the_next_command_starts_another(desk, png):
    png()
    desk.run("bright", "a.png")
    first = desk.one()
    os.kill(first["pid"], signal.SIGKILL)
    for pid in [first["pid"], *(process["pid"] for process in first["processes"])]:
        gone(pid)
    # Its socket is still there, and leads nowhere.
    assert list(desk.folder.glob("*.sock"))
    assert desk.run("bright", "a.png").stdout == b"a.png\n"
    assert desk.one()["pid"] != first["pid"]


def test_a_worker_killed_at_work_is_told_or_made_good(desk, png):
    png()
    process = desk.start("tint", "a.png", "--sleep", "2")
    pid = desk.until(lambda one: any(p["state"] == "working" for p in one["processes"]) and one["pid"])
    os.kill(pid, signal.SIGKILL)
    out, err = process.communicate(timeout=30)
    # Nothing was printed yet, so the command has done its work itself, and said so, since it was asked for the worker.
    assert process.returncode == 0, err
    assert out.startswith(b".imajin/work/a.")
    assert b"the worker cannot be used, so this works without it: it ended" in err


def test_clients_that_start_at_once_get_one_worker(desk, png):
    for i in range(6):
        png(f"p{i}.png")
    processes = [desk.start("bright", f"p{i}.png") for i in range(6)]
    for i, process in enumerate(processes):
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, f"p{i}.png\n".encode(), b"")
    assert desk.one()["served"] == 6
    assert len(list(desk.folder.glob("*.sock"))) == 1


def test_an_idle_worker_ends_and_leaves_no_socket(desk, png):
    png()
    assert desk.run("bright", "a.png", IMAJIN_WORKER__IDLE_MINUTES="0.02").returncode == 0
    end = time.monotonic() + 20
    while "ends after" not in desk.log() and time.monotonic() < end:
        time.sleep(0.1)
    assert not list(desk.folder.glob("*.sock"))
    assert "ends after 1 commands" in desk.log()


def test_changed_code_is_run_by_a_new_process(desk, png, tmp_path):
    png()
    plugin = tmp_path / "plugin"
    (plugin / "own-1.dist-info").mkdir(parents=True)
    (plugin / "own-1.dist-info/entry_points.txt").write_text("[imajin.stages]\nown = own:Own\n")
    source = (
        "from imajin_cli.contract.stage import Kind, Outcome, Params, Stage\n"
        "class Own(Stage[Params]):\n    '''Own.'''\n    name = 'own'\n    kind = Kind.GATE\n    Params = Params\n"
        "    def apply(self, asset):\n        return Outcome('passed', notes={'says': 'first'})\n"
    )
    (plugin / "own.py").write_text(source)
    path = os.pathsep.join([str(plugin), environment()["PYTHONPATH"]])
    assert desk.run("own", "a.png", PYTHONPATH=path).returncode == 0
    assert note("a.png", "says") == "first"
    time.sleep(0.4)
    (plugin / "own.py").write_text(source.replace("'first'", "'second one'"))
    done = desk.run("own", "a.png", "--force", PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert note("a.png", "says") == "second one"


def test_an_idle_process_gives_up_a_lease_that_somebody_wants(desk, png, tmp_path):
    png()
    ledger = {"IMAJIN_DEVICES__LEDGER": str(tmp_path / "ledger")}
    assert desk.run("frail", "a.png", "--lease", "1", **ledger).returncode == 0
    (process,) = desk.one()["processes"]
    events = [json.loads(line) for line in desk.run("gpu", "status", "--json", **ledger).stdout.splitlines()]
    (held,) = (event for event in events if event["event"] == "lease")
    assert held["pid"] == process["pid"]
    released = desk.run("gpu", "release", held["id"], **ledger)
    assert released.returncode == 0, released.stderr
    gone(process["pid"])
    assert desk.run("frail", "a.png", **ledger).returncode == 0


def test_a_client_of_other_code_has_a_worker_of_its_own(desk, png):
    png()
    desk.run("bright", "a.png")
    program = (
        "import sys, imajin_cli\nimajin_cli.__version__ = '99'\nsys.argv = ['imajin', 'bright', 'a.png']\n"
        "from imajin_cli.start import main\nmain()"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, env=desk.env(), timeout=60)
    assert (other.returncode, other.stdout) == (0, b"a.png\n")
    assert len(desk.status()) == 2


def test_status_and_stop(desk, png):
    png()
    assert desk.run("worker", "status").stderr == b"no worker runs\n"
    assert desk.run("worker", "stop").stderr == b"no worker runs\n"
    desk.run("bright", "a.png")
    shown = desk.run("worker", "status").stdout.decode()
    assert "1 commands in" in shown
    assert "last bright" in shown
    pid = desk.one()["pid"]
    assert json.loads(desk.run("worker", "status", "--json").stdout)[0]["pid"] == pid
    process = desk.start("tint", "--sleep", "1", stdin=subprocess.PIPE)
    desk.until(lambda one: any(p["state"] == "waiting" for p in one["processes"]))
    assert b"stops after 1 commands" in desk.run("worker", "stop").stderr
    out, err = process.communicate(b"a.png\n", timeout=30)
    assert process.returncode == 0, err
    assert out
    gone(pid)


def test_in_the_foreground_it_logs_to_standard_error_until_ctrl_c(desk, png):
    png()
    process = desk.start("worker", "run", "--foreground", stdin=subprocess.DEVNULL)
    desk.until(lambda one: one["pid"] == process.pid)
    assert desk.run("bright", "a.png").stdout == b"a.png\n"
    again = desk.run("worker", "run", "--foreground")
    assert (again.returncode, b"this worker runs already" in again.stderr) == (2, True)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert b" listens: " in err
    assert b"ends after 1 commands" in err


# What is not to be used, the client does without.


@pytest.fixture
def quiet(desk, png):
    """Asserts that a command does its work without the worker, and says so only where it was asked for by name."""
    png()

    def check(why: bytes) -> None:
        asked = desk.run("--worker", "bright", "a.png")
        assert (asked.returncode, asked.stdout) == (0, b"a.png\n"), asked.stderr
        assert asked.stderr.startswith(b"imajin: the worker cannot be used, so this works without it: ")
        assert why in asked.stderr
        assert len(asked.stderr.splitlines()) == 1
        assert desk.run("--no-worker", "bright", "a.png").stderr == b""

    return check


def test_a_folder_that_others_may_use_is_not_used(desk, quiet):
    desk.folder.mkdir(mode=0o755)
    desk.folder.chmod(0o755)
    quiet(b"not this user's alone")
    assert list(desk.folder.iterdir()) == []


def test_a_folder_that_is_a_link_is_not_used(desk, quiet, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    desk.folder.symlink_to(tmp_path / "elsewhere")
    quiet(b"imajin: ")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_runtime_folder_that_cannot_be_written(desk, quiet):
    desk.folder.write_text("a file")
    quiet(b"Not a directory")


def test_a_socket_of_another_user_is_not_trusted(tmp_path, monkeypatch):
    desk = Desk(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(desk.runtime))
    folder = place.open_folder(create=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place.address(folder, "worker-x.sock"))
        listener.listen()
        place.connect(folder, "worker-x.sock").close()
        monkeypatch.setattr(place, "peer", lambda sock: (1, os.geteuid() + 1))
        with pytest.raises(place.Unusable, match="another user"):
            place.connect(folder, "worker-x.sock")
    os.close(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="another user can be had by root alone")
def test_another_user_is_hung_up_on(shared, png):
    png()
    shared.run("bright", "a.png")
    (name,) = (path.name for path in shared.folder.glob("*.sock"))
    program = (
        "import os, socket, sys\nfolder = os.open(sys.argv[1], os.O_PATH)\nos.setgid(65534)\nos.setuid(65534)\n"
        "sock = socket.socket(socket.AF_UNIX)\nsock.settimeout(20)\nsock.connect(f'/proc/self/fd/{folder}/{sys.argv[2]}')\n"
        'sock.sendall(b\'\\0\\0\\0\\x10{"do": "status"}\')\nprint(sock.recv(100))'
    )
    command = [sys.executable, "-c", program, str(shared.folder), name]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "PermissionError" in refused.stderr
    # Even where the folder's mode has been opened, the kernel tells the worker who knocks.
    shared.folder.chmod(0o711)
    (shared.folder / name).chmod(0o666)
    try:
        hung_up = subprocess.run(command, capture_output=True, text=True, timeout=60)
    finally:
        shared.folder.chmod(0o700)
    # Which of these it is depends on who was faster.
    gone = any(name in hung_up.stderr for name in ("ConnectionResetError", "BrokenPipeError"))
    assert hung_up.stdout == "b''\n" or gone, hung_up.stderr
    assert shared.run("bright", "a.png").stdout == b"a.png\n"


@pytest.mark.skipif(
    not os.path.exists("/usr/bin/unshare") or subprocess.run(["/usr/bin/unshare", "-m", "true"]).returncode != 0,
    reason="a mount namespace of one's own is not to be had",
)
def test_without_shared_memory(desk, png):
    png()
    script = f"mount -t tmpfs -o size=0,ro,mode=000 none /dev/shm && exec {' '.join(RAN)} bright a.png"
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, env=desk.env(), timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"a.png\n", b"")
    assert desk.one()["served"] == 1


@pytest.mark.parametrize(
    "data",
    [
        (protocol.MAX_FRAME + 1).to_bytes(4, "big") + b"x" * 100,
        b"\0\0\0\5hello",
        b"\0\0\0\2[]",
        protocol.pack({"do": "no such thing"}),
        protocol.pack({"do": "run", "argv": [], "env": {}, "umask": 0, "open": []}),
        protocol.pack({"do": "run", "argv": ["bright"], "env": {}, "umask": 0, "open": [0, 1, 2]}),
    ],
)
def test_nonsense_is_hung_up_on(shared, png, data):
    png()
    shared.run("bright", "a.png")
    (name,) = (path.name for path in shared.folder.glob("*.sock"))
    with shared.knock(name) as sock:
        sock.sendall(data)
        # Reset, where it was hung up before all was read.
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(100) == b""
    assert shared.run("bright", "a.png").stdout == b"a.png\n"


def test_a_command_line_that_is_too_large_is_worked_off_without_it(shared, png):
    png()
    done = shared.run("bright", "a.png", **{f"LARGE_{i}": "x" * 100_000 for i in range(11)})
    assert (done.returncode, done.stdout) == (0, b"a.png\n")
    assert b"at most 1048576 are sent" in done.stderr


@pytest.mark.parametrize("limit", ["-v 8000000", "-f 100000", "-t 1000"])
def test_what_has_limits_of_its_own_works_for_itself(desk, png, limit):
    png()
    script = f"ulimit {limit}; exec {' '.join(RAN)} bright a.png"
    done = subprocess.run(["bash", "-c", script], capture_output=True, env=desk.env(), timeout=60)
    assert (done.returncode, done.stdout) == (0, b"a.png\n"), done.stderr
    assert desk.status() == []


def test_modules_of_the_working_folder_are_the_clients_own(desk, png):
    png()
    Path("here").mkdir()
    path = os.pathsep.join(["here", desk.env()["PYTHONPATH"]])
    assert desk.run("bright", "a.png", PYTHONPATH=path).returncode == 0
    assert desk.status() == []


def test_the_switch(desk, png):
    png()
    assert desk.run("bright", "a.png", IMAJIN_WORKER="off").returncode == 0
    assert desk.run("--no-worker", "bright", "a.png").returncode == 0
    Path("imajin.yaml").write_text("worker:\n  use: never\n")
    assert desk.run("bright", "a.png", IMAJIN_WORKER="auto").returncode == 0
    Path("imajin.yaml").unlink()
    assert desk.run("bright", "a.png", IMAJIN_WORKER="auto", CI="true").returncode == 0
    assert desk.status() == []
    bad = desk.run("bright", "a.png", IMAJIN_WORKER="perhaps")
    assert (bad.returncode, bad.stderr) == (2, b"imajin: IMAJIN_WORKER='perhaps' is neither on, off nor auto\n")
    Path("imajin.yaml").write_text("worker:\n  use: always\n  at_once: 1\n")
    assert desk.run("bright", "a.png", IMAJIN_WORKER="", CI="true").returncode == 0
    assert desk.one()["bounds"]["at_once"] == 1
    Path("imajin.yaml").unlink()
    assert desk.run("bright", "a.png", IMAJIN_WORKER="").returncode == 0
    assert desk.one()["served"] == 2
    assert desk.run("bright", "--help", IMAJIN_WORKER="on").returncode == 0
    assert desk.one()["served"] == 2
