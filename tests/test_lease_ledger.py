"""The ledger of one device against a plain model, and against everything that may lie in its folder."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from conftest import environment
from imajin_cli.contract.errors import NoCapacityError, OutputError
from imajin_cli.contract.exits import Exit
from imajin_cli.devices import journal, lease
from imajin_cli.devices.device import Device
from imajin_cli.devices.files import make_place
from imajin_cli.devices.holder import Holder, this_process
from imajin_cli.devices.ledger import Ledger, soon
from imajin_cli.devices.policy import MOST_PASSES
from imajin_cli.devices.session import Grant
from imajin_cli.devices.table import MOST_SLOTS, Record, head, line, parse
from imajin_cli.devices.waiting import Claim
from leaseholders import Holder as HolderProcess
from leaseholders import status

TOTAL = 1000


def device(free: int = TOTAL) -> Device:
    return Device("sim:0", "SIM-sim-0", "simulated", "simulated", TOTAL, free)


class Machine(RuleBasedStateMachine):
    """Leases that are granted, given back, or whose holder dies; a table that is damaged; a slot that others put there."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.said: list[str] = []
        self.live: dict[str, Grant] = {}

    @initialize()
    def start(self) -> None:
        self.ledger = Ledger(self.root, device(), self.said.append)

    def teardown(self) -> None:
        for grant in self.live.values():
            os.close(grant.descriptor)
        shutil.rmtree(self.root)

    @property
    def used(self) -> int:
        return sum(grant.mib for grant in self.live.values())

    def one_of_them(self, data: st.DataObject) -> Grant:
        """A lease that lives no more; by its age, for its id is another at every run of the same example."""
        return self.live.pop(list(self.live)[data.draw(st.integers(0, len(self.live) - 1))])

    @rule(mib=st.integers(1, TOTAL + 5))
    def acquire(self, mib: int) -> None:
        with self.ledger.session(soon(5)) as session:
            may, state = session.can_start(mib, [], TOTAL)
            assert may == (mib <= TOTAL - self.used), state
            if may:
                grant = session.take(mib, this_process("model"), "normal")
                assert grant.id not in self.live
                self.live[grant.id] = grant

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.ledger.release(self.one_of_them(data))

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        """All that a death does to a ledger: the descriptor is closed."""
        os.close(self.one_of_them(data).descriptor)

    @rule(at=st.integers(0, 400), junk=st.binary(min_size=1, max_size=80))
    def damage(self, at: int, junk: bytes) -> None:
        path = Path(self.ledger.place.at("table"))
        if path.exists():
            data = bytearray(path.read_bytes())
            data[at : at + len(junk)] = junk
            before = parse(bytes(data))
            path.write_bytes(bytes(data))
            # Junk that is no damage by chance would be another table.
            assert not before.whole or bytes(data) == path.read_bytes()

    @rule(size=st.integers(0, 400))
    def cut(self, size: int) -> None:
        path = Path(self.ledger.place.at("table"))
        if path.exists() and path.stat().st_size > size:
            os.truncate(path, size)

    @rule()
    def lose_the_table(self) -> None:
        Path(self.ledger.place.at("table")).unlink(missing_ok=True)

    @rule(slot=st.integers(0, 6), kind=st.sampled_from(["link", "pipe", "folder", "huge", "junk"]))
    def put_a_stranger(self, slot: int, kind: str) -> None:
        path = Path(self.ledger.place.at(f"slot-{slot:04d}"))
        if not path.exists() and not path.is_symlink():
            put(path, kind)

    @invariant()
    def the_ledger_knows_exactly_who_lives(self) -> None:
        with self.ledger.session(soon(5)) as session:
            assert {record.id: record.mib for _, record in session.live()} == {
                grant.id: grant.mib for grant in self.live.values()
            }


TestLedger = Machine.TestCase
TestLedger.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def put(path: Path, kind: str) -> None:
    """Something that nobody of ours put there."""
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(1 << 30)
    else:
        path.write_bytes(b"\xff\x00{[" * 9)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "ledger"
    monkeypatch.setenv("IMAJIN_LEDGER", str(folder))
    monkeypatch.setenv("IMAJIN_DEVICES", f"sim:0={TOTAL}")
    return folder


@pytest.fixture
def one(ledger: Path) -> Iterator[lease.Lease]:
    """A lease that is held, so that the folder is there."""
    with lease.acquire(mib=10, wait=0) as held:
        yield held


@settings(deadline=None)
@given(
    st.lists(st.builds(Record, st.integers(1, 10**9), st.text("0123456789abcdef", min_size=8, max_size=8)), max_size=20)
)
def test_a_table_is_read_as_it_was_written(records):
    data = head(7, 3, len(records)) + b"".join(line(slot, record) for slot, record in enumerate(records))
    found = parse(data)
    assert (found.number, found.foreign, found.records, found.whole) == (7, 3, records, True)
    for at in range(0, len(data), 5):
        broken = bytearray(data)
        broken[at] ^= 0x11
        assert not parse(bytes(broken)).whole or at < 64
        assert not parse(data[:at]).whole


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_whatever_a_table_holds_reading_it_gives_an_answer(data):
    assert len(parse(data).records) <= MOST_SLOTS


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "huge"])
def test_a_strange_slot_is_ignored_and_said(one, ledger, kind):
    put(ledger / "SIM-sim-0" / "slot-0001", kind)
    said: list[str] = []
    with lease.acquire(mib=20, wait=0, say=said.append):
        assert sorted(row.mib for row in status().leases) == [10, 20]
    assert len(said) == 1
    assert "slot-0001 is ignored: it " in said[0]
    assert Path("/etc/passwd").read_bytes().startswith(b"root")


def test_a_file_with_another_name_elsewhere_is_not_written(one, ledger, tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    os.link(precious, ledger / "SIM-sim-0" / "slot-0001")
    said: list[str] = []
    lease.acquire(mib=20, wait=0, say=said.append).release()
    assert "has another name elsewhere" in said[0]
    assert precious.read_bytes() == b"precious"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_or_open_to_all_is_ignored(one, ledger):
    folder = ledger / "SIM-sim-0"
    (folder / "slot-0001").write_bytes(b"")
    os.chown(folder / "slot-0001", 12345, 12345)
    (folder / "slot-0002").write_bytes(b"")
    (folder / "slot-0002").chmod(0o666)
    said: list[str] = []
    lease.acquire(mib=20, wait=0, say=said.append).release()
    assert "slot-0001 is ignored: it belongs to another user" in said[0]
    assert "slot-0002 is ignored: it may be written by more people than its folder" in said[1]


@pytest.mark.parametrize("name", ["table", "queue"])
def test_a_link_in_place_of_the_ledgers_own_files_is_refused(ledger, tmp_path, name):
    (ledger / "SIM-sim-0").mkdir(parents=True, mode=0o700)
    (tmp_path / "elsewhere").mkdir()
    (ledger / "SIM-sim-0" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="the ledger of leases cannot be used"):
        lease.acquire(mib=10, wait=0)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_strange_tickets_are_nobodys(one, ledger):
    queue = ledger / "SIM-sim-0" / "queue"
    for number, kind in enumerate(["link", "pipe", "folder", "huge", "junk"]):
        put(queue / f"ticket-{number:015d}-interactive-900-0000000{number}", kind)
    put(queue / "ticket-999999999999999-normal-9-00000000", "junk")
    put(queue / "whatever", "junk")
    assert not one.wanted()
    lease.acquire(mib=900, wait=0).release()


def test_a_damaged_table_is_made_anew_from_the_leases(one, ledger):
    path = ledger / "SIM-sim-0" / "table"
    with lease.acquire(mib=500, wait=0):
        for junk in (b"", b"\0" * 5000, path.read_bytes()[:-16], b"x" + path.read_bytes()[1:], path.read_bytes()[:-32]):
            path.write_bytes(junk)
            said: list[str] = []
            with pytest.raises(NoCapacityError):
                lease.acquire(mib=491, wait=0, say=said.append)
            assert "was damaged; it is made anew" in said[0]
            assert parse(path.read_bytes()).whole
    lease.acquire(mib=990, wait=0).release()


def test_a_held_lease_that_does_not_say_how_much_counts_as_everything(one, ledger):
    folder = ledger / "SIM-sim-0"
    with lease.acquire(mib=20, wait=0):
        (folder / "slot-0001").write_bytes(b"[" * 512)
        (folder / "table").write_bytes(b"junk")
        said: list[str] = []
        with pytest.raises(NoCapacityError):
            lease.acquire(mib=1, wait=0, say=said.append)
        assert "counts as the whole device" in said[1]
    lease.acquire(mib=990, wait=0).release()


def test_foreign_json_is_shown_and_harms_nobody(one, ledger):
    path = ledger / "SIM-sim-0" / "slot-0000"
    path.write_bytes(
        json.dumps({"label": "a\x1b[31m\nb" * 20, "pid": -5, "user": [], "host": None, "since": 7}).encode()
    )
    row = status().leases[0]
    assert row.mib == 10
    assert row.holder == Holder(("a?[31m?b" * 50)[:60], 0, 0, "", "")


RUN = (
    "import sys; from imajin_cli.devices import lease\n"
    "with lease.acquire(mib=int(sys.argv[1]), wait=0) as held: print(held.mib)\n"
)


def run(*arguments: str, before: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
    """A process that takes a lease as the command line would, its errors as one line and a code."""
    program = (
        "import sys\nfrom imajin_cli.run.boundary import guarded\n"
        f"{before}\n"
        f"def work():\n    exec({RUN!r}, {{}})\n    return 0\n"
        "sys.exit(guarded(work))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        env=environment(**extra),
        timeout=60,
    )


def test_a_full_disk_is_one_line_and_leaves_the_leases_right(one, ledger):
    """A process that may write no file beyond 40 bytes: as on a full disk, what is there already can be written over."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))"
    done = run("20", before=limit)
    assert done.returncode == Exit.USAGE, done
    assert done.stderr.count("\n") == 1
    assert "the ledger of leases cannot be used: " in done.stderr
    assert "No space left on device" in done.stderr or "File too large" in done.stderr
    assert [row.mib for row in status().leases] == [10]
    lease.acquire(mib=990, wait=0).release()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 40


def test_no_space_left_is_one_line(one, ledger):
    full = (
        "import os, errno\ndef full(*given): raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))\nos.pwrite = full"
    )
    done = run("20", before=full)
    assert done.returncode == Exit.USAGE, done
    assert "No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [row.mib for row in status().leases] == [10]


def test_a_ledger_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    done = run("20", IMAJIN_LEDGER=str(tmp_path / "file" / "ledger"), IMAJIN_DEVICES="sim:0=1000")
    assert done.returncode == Exit.USAGE, done
    assert done.stderr.count("\n") == 1
    assert "$IMAJIN_LEDGER" in done.stderr


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that other users reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="imajin-"))
    folder.chmod(0o755)
    yield folder / "ledger"
    shutil.rmtree(folder)


OTHER_USERS = pytest.mark.skipif(
    shutil.which("setpriv") is None or not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="needs root, and setpriv to leave it",
)


@OTHER_USERS
def as_user(user: int) -> list[str]:
    """The start of a command that runs as another user, who may read the environment of these tests wherever it lies."""
    caps = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return ["setpriv", f"--reuid={user}", f"--regid={user}", *caps]


def test_a_read_only_ledger_is_one_line(public):
    folder = public
    folder.mkdir()
    os.chmod(folder, 0o555)
    program = f"from imajin_cli.run.boundary import guarded\ndef work():\n    exec({RUN!r}, {{}})\nguarded(work)"
    done = subprocess.run(
        [*as_user(12345), "--clear-groups", sys.executable, "-c", program, "20"],
        capture_output=True, text=True, timeout=60,
        env=environment(IMAJIN_LEDGER=str(folder), IMAJIN_DEVICES="sim:0=1000", HOME="/nonexistent"),
    )  # fmt: skip
    assert "the ledger of leases cannot be used: Permission denied" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_clock_that_is_set_back_changes_nothing(one, ledger, tmp_path):
    """The time of day jumps back by a year at every look: only a label, never a decision."""
    back = "import time; day = [1e9]\ndef earlier(): day[0] -= 3e7; return day[0]\ntime.time = earlier"
    assert run("990", before=back).stdout == "990\n"
    waiting = run("991", before=back)
    assert waiting.returncode == Exit.NO_CAPACITY
    written = [entry["time"] for entry in journal.entries(make_place(str(ledger / "SIM-sim-0")))]
    assert written != sorted(written)


def test_no_dev_shm_is_needed(ledger):
    """Nothing of it is opened."""
    watch = (
        "import sys\n"
        "def watch(event, given):\n"
        "    if event == 'open' and str(given[0]).startswith('/dev/shm'): sys.exit(99)\n"
        "sys.addaudithook(watch)"
    )
    assert run("990", before=watch).stdout == "990\n"


@OTHER_USERS
def test_two_users_share_a_folder(public):
    """Setgid and the group's: what one user's process leaves behind, another's clears away; the umask does not matter."""
    folder = public
    folder.mkdir()
    os.chown(folder, 0, 777)
    os.chmod(folder, 0o2770)

    def by(user: int, mib: int, *, die: bool = False) -> subprocess.CompletedProcess[str]:
        program = (
            "import os, sys, signal; os.umask(0o077)\n"
            "from imajin_cli.devices import lease\n"
            f"held = lease.acquire(mib={mib}, wait=0)\nprint(held.mib, flush=True)\n"
            + ("os.kill(os.getpid(), signal.SIGKILL)" if die else "held.release()")
        )
        return subprocess.run(
            [*as_user(user), "--groups=777", sys.executable, "-c", program],
            capture_output=True, text=True, timeout=60,
            env=environment(IMAJIN_LEDGER=str(folder), IMAJIN_DEVICES="sim:0=1000", HOME="/nonexistent"),
        )  # fmt: skip

    assert by(2001, 900, die=True).stdout == "900\n"
    done = by(2002, 800)
    assert (done.stdout, done.stderr) == ("800\n", "")
    done = by(2001, 1000)
    assert (done.stdout, done.stderr) == ("1000\n", "")
    for path in (folder / "SIM-sim-0").rglob("*"):
        found = path.stat()
        assert found.st_gid == 777, path
        assert found.st_mode & 0o060 == 0o060, path
        assert not found.st_mode & 0o007, path
    stranger = subprocess.run(
        [*as_user(2003), "--clear-groups", sys.executable, "-c", RUN, "1"],
        capture_output=True, text=True, timeout=60,
        env=environment(IMAJIN_LEDGER=str(folder), IMAJIN_DEVICES="sim:0=1000", HOME="/nonexistent"),
    )  # fmt: skip
    assert "Permission denied" in stranger.stderr


def test_a_process_that_has_the_lock_and_stands_still_delays_no_longer_than_the_wait(one, ledger):
    program = (
        "import sys, time; from imajin_cli.devices import lease, ledger, probe\n"
        "book = ledger.Ledger(__import__('imajin_cli.devices.places', fromlist=['x']).ledger_root(), probe.devices()[0], print)\n"
        "with book.session(ledger.soon(5)):\n"
        "    print('held x 0', flush=True)\n"
        "    time.sleep(60)\n"
    )
    stuck = HolderProcess(ledger, program=program)
    assert stuck.said()
    with pytest.raises(NoCapacityError, match="another process has the ledger's lock and does not go on"):
        lease.acquire(mib=1, wait=0.3)
    stuck.kill()
    lease.acquire(mib=990, wait=0).release()
    stuck.end()


def test_a_flood_that_always_finds_room_passes_who_waits_only_so_often(ledger):
    """Also those that never draw a ticket, since they come just when there is room."""
    book, who = Ledger(ledger, device(), lambda text: None), this_process("flood")
    held = Claim(book, TOTAL, "normal", who).attempt(soon(5), queue=False)
    low = Claim(book, TOTAL, "batch", who)
    assert low.attempt(soon(5), queue=True) is None
    passed = 0
    while held is not None:
        book.release(held)
        held = Claim(book, TOTAL, "interactive", who).attempt(soon(5), queue=False)
        passed += held is not None
        assert passed <= MOST_PASSES
    assert passed == MOST_PASSES - 1
    granted = low.attempt(soon(5), queue=True)
    assert granted is not None
    book.release(granted)


def test_the_log_is_bounded_and_keeps_the_last(ledger):
    for _ in range(700):
        lease.acquire(mib=1, wait=0, label="x" * 60).release()
    folder = ledger / "SIM-sim-0"
    assert 0 < (folder / "log.jsonl").stat().st_size <= 64 << 10
    assert 0 < (folder / "log.1.jsonl").stat().st_size <= 64 << 10
    with lease.acquire(mib=1, wait=0) as held:
        last = list(journal.entries(make_place(str(folder))))[-1]
        assert (last["event"], last["lease"]) == ("granted", held.id)
    (folder / "log.jsonl").unlink()
    (folder / "log.jsonl").symlink_to("/etc/passwd")
    lease.acquire(mib=1, wait=0).release()
