"""Leases held by real processes: they end with their holder, are granted in turn, and never exceed the device."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import environment
from imajin_cli.contract.errors import NoCapacityError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.devices import lease
from imajin_cli.devices.peaks import PeakKey
from leaseholders import Holder, status, until

Spawn = Callable[..., Holder]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "ledger"
    monkeypatch.setenv("IMAJIN_LEDGER", str(folder))
    monkeypatch.setenv("IMAJIN_DEVICES", "sim:0=1000")
    for left in lease.held():  # of stages that other tests ran in this process
        left.release()
    return folder


@pytest.fixture(autouse=True)
def _nothing_is_wrong_with_the_ledger(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert caplog.messages == []


@pytest.fixture
def spawn(ledger: Path) -> Iterator[Spawn]:
    made: list[Holder] = []

    def start(**given: object) -> Holder:
        made.append(Holder(ledger, **given))
        return made[-1]

    yield start
    for each in made:
        each.end()


def fits(mib: int) -> bool:
    try:
        lease.acquire(mib=mib, wait=0).release()
    except NoCapacityError:
        return False
    return True


def test_a_lease_takes_room_and_gives_it_back(ledger):
    with lease.acquire(mib=600, label="one") as held:
        assert (held.mib, held.device.id, held.device.total_mib) == (600, "sim:0", 1000)
        os.fstat(held.descriptor)
        assert not os.get_inheritable(held.descriptor)
        assert fits(400)
        assert not fits(401)
        assert [row.mib for row in status().leases] == [600]
        with lease.acquire(mib=1) as other:
            assert lease.held() == (held, other)
    assert not held.is_held
    assert lease.held() == ()
    assert fits(1000)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_lease_ends_with_its_holder_however_that_ends(spawn, number):
    holder = spawn(mib=900)
    assert holder.said().startswith("held")
    assert not fits(101)
    holder.process.send_signal(number)
    holder.process.wait()
    assert fits(1000)
    assert status().leases == []


def test_a_stopped_holder_keeps_what_it_uses(spawn):
    holder = spawn(mib=900)
    holder.said()
    os.kill(holder.process.pid, signal.SIGSTOP)
    try:
        assert not fits(101)
    finally:
        os.kill(holder.process.pid, signal.SIGCONT)


def test_a_child_does_not_inherit_a_lease_by_accident(ledger):
    program = (
        "import os, sys, time\n"
        "from imajin_cli.devices import lease\n"
        "held = lease.acquire(mib=900)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    assert not held.is_held\n"
        "    os.write(1, b'forked\\n')\n"
        "    time.sleep(60)\n"
        "    os._exit(0)\n"
        "import subprocess\n"
        "other = subprocess.Popen([sys.executable, '-c', 'import os, time; os.write(1, b\"started\\\\n\"); time.sleep(60)'])\n"
        "os.write(1, f'{child} {other.pid}\\n'.encode())\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment())
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    children = next([int(word) for word in line.split()] for line in lines if line[0].isdigit())
    assert not fits(101)
    process.kill()
    process.wait()
    try:
        # Both children live on, the lease does not.
        for child in children:
            os.kill(child, 0)
        assert fits(1000)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
        process.stdout.close()


def test_a_lease_that_is_passed_on_lasts_as_long_as_the_child(ledger):
    """Also where the parent, a wrapper that was killed, is long gone."""
    program = (
        "import subprocess, sys, time\n"
        "from imajin_cli.devices import lease\n"
        "held = lease.acquire(mib=900)\n"
        "child = subprocess.Popen(['sleep', '60'], pass_fds=[held.hand_over()], stdout=subprocess.DEVNULL)\n"
        "held.release()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment())
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    assert not fits(101)
    os.kill(child, signal.SIGKILL)
    until(lambda: fits(1000))


def test_more_than_there_is_in_all_is_refused_at_once(ledger):
    started = time.monotonic()
    with pytest.raises(NoCapacityError, match=r"1001 MiB are more than there is in all: sim:0 has 1000 MiB") as caught:
        lease.acquire(mib=1001, wait=60)
    assert time.monotonic() - started < 1
    assert caught.value.code == Exit.NO_CAPACITY == 21


def test_a_refusal_says_who_holds_what(spawn):
    spawn(mib=700, label="train.py").said()
    started = time.monotonic()
    with pytest.raises(
        NoCapacityError, match=r"400 MiB: sim:0 has 300 MiB of 1000 MiB left; held by train.py \(pid \d+"
    ):
        lease.acquire(mib=400, wait=0.3)
    assert 0.3 <= time.monotonic() - started < 2


def test_waiters_are_served_in_the_order_in_which_they_came(spawn, ledger):
    first = lease.acquire(mib=1000)
    waiters = []
    for place in range(5):
        waiters.append(spawn(mib=1000, wait=60, label=f"waiter {place}"))
        until(lambda place=place: len(status().waiting) == place + 1)
    assert [row.holder.label for row in status().waiting] == [f"waiter {place}" for place in range(5)]
    first.release()
    for place in range(5):
        assert waiters[place].said().startswith("held")
        assert [row.holder.label for row in status().leases] == [f"waiter {place}"]
        waiters[place].let_go()


def test_a_newcomer_does_not_pass_who_waits_but_a_small_one_that_cannot_delay_does(spawn, ledger):
    first, second = lease.acquire(mib=600), lease.acquire(mib=200)
    big = spawn(mib=700, wait=60)
    until(lambda: status().waiting)
    # 200 are free. The big one starts when the first lease ends, and then 100 are left beside the second: 100 delay nobody,
    # 101 would, where the first lease ends before the second.
    assert fits(100)
    assert not fits(101)
    first.release()
    assert big.said().startswith("held")
    second.release()


def test_a_higher_class_goes_first(spawn, ledger):
    first = lease.acquire(mib=1000)
    low = spawn(mib=1000, wait=60, priority="batch")
    until(lambda: len(status().waiting) == 1)
    high = spawn(mib=1000, wait=60, priority="interactive")
    until(lambda: len(status().waiting) == 2)
    first.release()
    assert high.said().startswith("held")
    high.let_go()
    assert low.said().startswith("held")


def test_a_waiter_that_dies_gives_up_its_place(spawn, ledger):
    first = lease.acquire(mib=1000)
    dead, alive = spawn(mib=1000, wait=60), None
    until(lambda: len(status().waiting) == 1)
    alive = spawn(mib=1000, wait=60)
    until(lambda: len(status().waiting) == 2)
    dead.kill()
    first.release()
    assert alive.said().startswith("held")


def test_a_waiter_that_is_stopped_is_passed_until_it_goes_on(spawn, ledger):
    first = lease.acquire(mib=1000)
    stopped = spawn(mib=1000, wait=60)
    until(lambda: len(status().waiting) == 1)
    other = spawn(mib=1000, wait=60)
    until(lambda: len(status().waiting) == 2)
    # Not while it has the ledger's lock, which it has for an instant now and then: status needs it too.
    os.kill(stopped.process.pid, signal.SIGSTOP)
    while True:
        try:
            status()
            break
        except NoCapacityError:
            os.kill(stopped.process.pid, signal.SIGCONT)
            time.sleep(0.01)
            os.kill(stopped.process.pid, signal.SIGSTOP)
    first.release()
    assert other.said().startswith("held")
    os.kill(stopped.process.pid, signal.SIGCONT)
    other.let_go()
    assert stopped.said().startswith("held")


def test_an_idle_holder_sees_that_it_is_wanted_and_the_waiter_gets_it_within_a_second(spawn, ledger):
    idle = lease.acquire(mib=800)
    assert not idle.wanted()
    small = spawn(mib=200, wait=60)
    assert small.said().startswith("held")
    assert not idle.wanted()
    started = time.monotonic()
    waiter = spawn(mib=500, wait=60)
    until(idle.wanted)
    seen = time.monotonic()
    idle.release()
    assert waiter.said().startswith("held")
    assert time.monotonic() - seen < 1
    assert time.monotonic() - started < 10


def test_of_several_idle_holders_the_one_that_was_idle_longest_gives_way(spawn, ledger):
    long, short = lease.acquire(mib=400), lease.acquire(mib=400)
    waiter = spawn(mib=500, wait=60)
    until(lambda: long.wanted(idle=600))
    assert not short.wanted(idle=0)
    long.release()
    assert waiter.said().startswith("held")
    assert not short.wanted(idle=0)
    another = spawn(mib=500, wait=60)
    until(lambda: short.wanted(idle=0))
    short.release()
    waiter.let_go()
    assert another.said().startswith("held")


def test_a_callback_hears_that_the_lease_is_wanted(spawn, ledger):
    idle = lease.acquire(mib=800)
    called: list[float] = []
    idle.on_wanted(lambda: (called.append(time.monotonic()), idle.release()))
    waiter = spawn(mib=500, wait=60)
    assert waiter.said().startswith("held")
    assert len(called) == 1
    assert not idle.is_held


def test_the_lock_of_a_lease_is_nobodys_to_take_while_a_thread_forks(ledger):
    """The device's lock is dropped for every copy of its descriptor: a fork in the middle keeps nobody waiting."""
    for _ in range(20):
        held = lease.acquire(mib=10)
        child = os.fork()
        if child == 0:
            time.sleep(0.2)
            os._exit(0)
        held.release()
        assert fits(1000)
        os.waitpid(child, 0)


def test_auto_takes_the_device_with_room_and_waits_for_the_first_of_several(ledger, monkeypatch):
    monkeypatch.setenv("IMAJIN_DEVICES", "sim:0=1000/500,sim:1=800")
    with lease.acquire(mib=400) as one:
        assert one.device.id == "sim:1"
        with lease.acquire(mib=450) as two:
            assert two.device.id == "sim:0"
            with pytest.raises(
                NoCapacityError, match=r"sim:1 has 400 MiB.*or .*sim:0 has 50 MiB of 1000 MiB left, 500 MiB are"
            ):
                lease.acquire(mib=450, wait=0.1)
    with lease.acquire("sim:0", mib=100) as named:
        assert named.device.id == "sim:0"
    with lease.acquire("SIM-sim-1", mib=100) as named:
        assert named.device.id == "sim:1"


def test_what_the_driver_says_others_use_is_not_granted(ledger, monkeypatch):
    monkeypatch.setenv("IMAJIN_DEVICES", "sim:0=1000/300")
    assert fits(300)
    assert not fits(301)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"device": "cuda:7"}, UsageError),
        ({"mib": 0}, UsageError),
        ({"priority": "urgent"}, UsageError),
    ],
)
def test_a_wrong_wish_is_refused(ledger, given, error):
    with pytest.raises(error):
        lease.acquire(**{"mib": 10, **given})


def test_a_measured_peak_corrects_the_next_reservation(ledger):
    key = PeakKey("sdxl-turbo@abc", "fp16", "512x512", 1)
    with lease.acquire(mib=900, key=key) as held:
        held.report_peak(400)
    with lease.acquire(mib=900, key=key) as held:
        assert 400 <= held.mib <= 400 * 1.15
        held.report_peak(500)
    with lease.acquire(mib=900, key=key._replace(batch=4)) as other:
        assert other.mib == 900
    with lease.acquire(mib=900, key=key) as held:
        assert 500 <= held.mib <= 500 * 1.15


def test_the_file_of_peaks_is_bounded_and_keeps_those_reported_last(ledger):
    with lease.acquire(mib=1) as held:
        for number in range(300):
            held._key = PeakKey(f"{number} " + "ü" * 90, "fp16", "512x512", 1)
            held.report_peak(100 + number)
    path = ledger / "peaks-simulated-simulated.json"
    assert path.stat().st_size <= 64 << 10
    with lease.acquire(mib=1, key=PeakKey("299 " + "ü" * 90, "fp16", "512x512", 1)) as held:
        assert held.mib >= 399
    with lease.acquire(mib=1, key=PeakKey("0 " + "ü" * 90, "fp16", "512x512", 1)) as held:
        assert held.mib == 1


@pytest.mark.parametrize("junk", [b"", b"[1]", b"{" * 5000, b"\xff\x00", b'{"m   1": [-5, "x", 1e400, true]}', b"null"])
def test_a_damaged_file_of_peaks_is_ignored_and_made_anew(ledger, junk):
    key = PeakKey("m")
    path = ledger / "peaks-simulated-simulated.json"
    ledger.mkdir(mode=0o700)
    path.write_bytes(junk)
    path.chmod(0o600)
    said: list[str] = []
    with lease.acquire(mib=10, key=key, say=said.append) as held:
        assert held.mib == 10
        held.report_peak(100)
    assert len(said) == (0 if junk.startswith(b'{"m') else 1)
    with lease.acquire(mib=10, key=key) as held:
        assert held.mib == 106


def test_an_interrupt_between_grant_and_holder_leaves_no_lease(ledger, monkeypatch):
    """The worst moment: the lease is granted, and the exception comes before anybody has it."""
    from imajin_cli.devices import waiting

    drop = waiting.Claim._drop

    def interrupted(self: waiting.Claim) -> None:
        drop(self)
        monkeypatch.undo()
        monkeypatch.setenv("IMAJIN_LEDGER", str(ledger))
        monkeypatch.setenv("IMAJIN_DEVICES", "sim:0=1000")
        raise KeyboardInterrupt

    monkeypatch.setattr(waiting.Claim, "_drop", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lease.acquire(mib=900, wait=0)
    assert fits(1000)


def test_a_lease_inside_a_lease_is_a_part_of_it(cli, ledger):
    program = (
        "from imajin_cli.devices import lease\n"
        "held = lease.acquire(mib=700, wait=0)\n"
        "print(held.id, held.mib)\n"
        "held.release()\n"
    )
    done = cli("gpu", "run", "--vram", "800MiB", "--", sys.executable, "-c", program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == b"800"
    other = program.replace("700", "900")
    done = cli("gpu", "run", "--vram", "800MiB", "--", sys.executable, "-c", other)
    assert b"sim:0 has 200 MiB of 1000 MiB left" in done.stderr


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root"
)
def test_containers_that_mount_the_same_folder_share_its_leases(ledger, tmp_path):
    """Another process-id and mount namespace, where the folder has another name."""
    ledger.mkdir(mode=0o700)
    inside = tmp_path / "inside"
    inside.mkdir()
    program = (
        "import os, time; from imajin_cli.devices import lease\n"
        "held = lease.acquire(mib=900, label='contained')\n"
        "print(os.getpid(), flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
         'mount --bind "$1" "$2" && umount -l /dev/shm; IMAJIN_LEDGER="$2" exec "$3" -c "$4"', "sh",
         str(ledger), str(inside), sys.executable, program],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        pytest.skip(f"no namespaces here: {process.communicate()[1]}")
    assert int(line) < 10
    assert list(inside.iterdir()) == []
    assert not fits(101)
    assert [row.holder.label for row in status().leases] == ["contained"]
    process.kill()
    process.communicate()
    until(lambda: fits(1000))
