"""What stages need is leased before it is loaded, once a process, and given up in the right order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest import ROOT, environment
from imajin_cli.config.layers import load_settings
from imajin_cli.contract import need as residents
from imajin_cli.contract.errors import NoCapacityError, OutputError
from imajin_cli.contract.need import Need
from imajin_cli.devices import lease, peaks, places
from imajin_cli.devices.ledger import Ledger
from imajin_cli.devices.probe import devices
from imajin_cli.run.leasing import Residence, united
from leaseholders import Holder, status, until

TOTAL = 1000


@pytest.fixture(autouse=True)
def ledger(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("IMAJIN_LEDGER", str(tmp_path / "ledger"))
    monkeypatch.setenv("IMAJIN_DEVICES", f"sim:0={TOTAL},cpu={TOTAL}")
    places._of_files.cache_clear()
    monkeypatch.setattr(places, "_configured", [])
    monkeypatch.setattr(residents, "_forget", {})
    monkeypatch.setattr(residents, "_places", {})
    return tmp_path / "ledger"


@pytest.fixture
def home() -> Iterator[Residence]:
    """A process's models, all given back in the end."""
    made = Residence()
    yield made
    for group in made._groups:
        if group.lease is not None:
            group.lease.release()


def one(model: str, mib: int, **more) -> tuple[Need, ...]:
    return (Need(model, mib, **{"device": "sim:0", **more}),)


def load(model: str, gone: list[str] | None = None) -> None:
    """What a backend does when it has loaded its model."""
    residents.loaded(model, lambda: None if gone is None else gone.append(model))


def leased() -> list[int]:
    return sorted(row.mib for row in status().leases)


def test_it_is_leased_once_for_all_pictures(home, monkeypatch):
    needs = one("m", 300)
    home.ready(needs)
    monkeypatch.setattr(lease, "acquire", None)
    for _ in range(5):
        home.ready(needs)
    home.ready(one("m", 300))
    assert leased() == [300]
    assert residents.device_of("m") == "sim:0"


@pytest.mark.parametrize(("devices", "wanted"), [("sim:0=1000,cpu=1000", 300), ("cpu=1000", 700)])
def test_what_computes_in_another_format_on_a_cpu_leases_that_there(home, monkeypatch, devices, wanted):
    monkeypatch.setenv("IMAJIN_DEVICES", devices)
    needs = one("m", 300, device="auto", dtype="fp16", on_cpu=Need("m", 700, dtype="fp32"))
    home.ready(needs)
    assert leased() == [wanted]
    home.ready(one("m", 300, device="auto", dtype="fp16", on_cpu=Need("m", 700, dtype="fp32")))
    assert leased() == [wanted]
    assert residents.device_of("m") == ("sim:0" if wanted == 300 else "cpu")


def test_a_command_that_waits_gives_up_what_it_has_not_used_yet(home, ledger):
    gone: list[str] = []
    home.begin("first", load_settings(), lambda _: None)
    needs = one("m", 700)
    home.ready(needs)
    load("m", gone)
    home.begin("second", load_settings(), lambda _: None)
    assert home.give_way(9.0)
    other = Holder(ledger, f"sim:0={TOTAL}", device="sim:0", mib=600)
    until(lambda: not home.give_way(9.0))
    assert other.said().startswith("held")
    assert gone == ["m"]
    other.let_go()
    other.end()
    home.ready(one("m", 700))
    load("m", gone)
    # What it works with itself it keeps.
    assert not home.give_way(9.0)
    assert leased() == [700]


def test_what_runs_together_is_one_lease(home):
    home.ready(united([one("a", 100), one("b", 200), one("a", 100)]))
    assert leased() == [300]


def test_the_longest_unused_make_room_and_no_more_than_that(home):
    gone: list[str] = []
    for model in ("old", "older", "new"):
        home.ready(one(model, 300))
        load(model, gone)
    home.ready(one("old", 300))
    home.ready(one("large", 350))
    assert gone == ["older"]
    assert leased() == [300, 300, 350]
    home.ready(one("older", 300))
    assert gone == ["older", "new"]


def test_a_model_that_cannot_be_dropped_stays(home):
    home.ready(one("stays", 600))
    home._settings = None
    places._configured[:] = [places.DevicesParams(wait=0.2)]
    with pytest.raises(NoCapacityError, match="within"):
        home.ready(one("large", 500))
    assert leased() == [600]


def test_nothing_is_held_while_it_waits_for_more(home, ledger):
    """Or two that wait for each other would wait for ever."""
    gone: list[str] = []
    home.ready(one("mine", 400))
    load("mine", gone)
    other = Holder(ledger, f"sim:0={TOTAL}", device="sim:0", mib=500)
    try:
        assert other.said().startswith("held")
        needs = united([one("mine", 400), one("more", 500)])
        thread = threading.Thread(target=home.ready, args=(needs,))
        thread.start()
        until(lambda: status().waiting)
        assert leased() == [500]
        assert [row.mib for row in status().waiting] == [900]
        assert gone == ["mine"]
        other.let_go()
        thread.join(20)
        assert leased() == [900]
    finally:
        other.end()


def test_a_lease_of_an_earlier_client_in_another_ledger_does_not_count(home, tmp_path, monkeypatch):
    gone: list[str] = []
    home.ready(one("m", 300))
    load("m", gone)
    monkeypatch.setenv("IMAJIN_LEDGER", str(tmp_path / "other"))
    home.begin("next", load_settings(), print)
    home.ready(one("m", 300))
    assert gone == ["m"]
    assert leased() == [300]
    monkeypatch.setenv("IMAJIN_LEDGER", str(tmp_path / "ledger"))
    assert leased() == []


def test_more_than_the_device_has_is_refused_at_once(home):
    started = time.monotonic()
    with pytest.raises(NoCapacityError, match="more than there is in all"):
        home.ready(united([one("a", 600), one("b", 500)]))
    assert time.monotonic() - started < 5
    assert leased() == []


def test_another_size_of_a_loaded_model_adds_what_it_takes_more(home):
    home.ready(one("m", 300, size="512x512"))
    load("m")
    home.ready(one("m", 450, size="1024x1024"))
    assert leased() == [150, 300]
    home.ready(one("other", 700))
    assert leased() == [700]


def test_measured_peaks_correct_the_next_lease(home, monkeypatch):
    from imajin_cli.devices import meter

    monkeypatch.setattr(meter, "used", lambda device: 50)
    monkeypatch.setattr(meter, "peak", lambda device: 290)
    home.ready(united([one("a", 300, dtype="fp16"), one("b", 100), one("never", 100)]))
    load("a"), load("b")
    home.settle(), home.settle()
    known = json.loads(next(Path(os.environ["IMAJIN_LEDGER"]).glob("peaks-*.json")).read_text())
    assert known == {"a fp16  1": [180], "b   1": [60]}
    with lease.acquire("sim:0", parts=[(peaks.PeakKey("a", "fp16"), 300), (peaks.PeakKey("c"), 100)]) as held:
        assert held.mib == 191 + 100


def test_the_memory_of_this_process_is_measured(home, monkeypatch):
    monkeypatch.delenv("IMAJIN_DEVICES")
    home.ready((Need("bytes", 300),))
    block = bytearray(100 << 20)
    block[::4096] = b"x" * len(block[::4096])
    load("bytes")
    home.settle()
    del block
    key = peaks.PeakKey("bytes")
    found = peaks.learned(Ledger(places.ledger_root(), devices()[-1], print), [key])
    assert 95 * peaks.MARGIN <= found[key] <= 160


def test_what_torch_has_of_a_gpu_is_measured_with_what_cuda_takes_beside_it(monkeypatch):
    """A stand-in: torch tells of its own memory alone, and NVML of all that a process has, where it knows the process."""
    from imajin_cli.devices import meter
    from imajin_cli.devices.device import Device

    gpu = Device("cuda:1", "GPU-1", "a GPU", "cuda", 24576, 20000)
    mib = 1 << 20
    cuda = SimpleNamespace(
        memory_reserved=lambda device: {"cuda:1": 3000 * mib}[device],
        max_memory_reserved=lambda device: {"cuda:1": 5000 * mib}[device],
        reset_peak_memory_stats=lambda device: asked.append(device),
    )
    asked: list[str] = []
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    meter.restart(gpu)
    assert asked == ["cuda:1"]
    assert (meter.used(gpu), meter.peak(gpu)) == (3000 + meter.CONTEXT_MIB, 5000 + meter.CONTEXT_MIB)
    mine = [SimpleNamespace(pid=os.getpid(), usedGpuMemory=3400 * mib), SimpleNamespace(pid=1, usedGpuMemory=mib)]
    nvml = SimpleNamespace(
        nvmlDeviceGetHandleByUUID=lambda uuid: uuid, nvmlDeviceGetComputeRunningProcesses=lambda handle: mine
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    assert (meter.used(gpu), meter.peak(gpu)) == (3400, 5400)
    nvml.nvmlDeviceGetComputeRunningProcesses = lambda handle: 1 / 0
    assert meter.peak(gpu) == 5000 + meter.CONTEXT_MIB
    monkeypatch.delitem(sys.modules, "torch")
    assert (meter.used(gpu), meter.peak(gpu)) == (0, None)


def test_a_cpu_without_a_ledger_is_told_of_once_and_a_gpu_is_refused(home, ledger):
    ledger.write_text("a file where the folder should be")
    said: list[str] = []
    home._say = said.append
    home.ready((Need("m", 100),))
    home.ready((Need("m", 100),))
    (line,) = said
    assert line.startswith("working without a lease of the CPU's memory: ")
    with pytest.raises(OutputError):
        home.ready(one("g", 100))


# Real commands.


def rows(cli, **extra: str) -> list[dict]:
    lines = cli("gpu", "status", "--json", **extra).stdout.splitlines()
    return [row for line in lines if (row := json.loads(line))["event"] == "lease"]


def test_a_stage_holds_its_lease_while_it_works_and_not_after(cli, png, ledger, monkeypatch):
    png()
    monkeypatch.delenv("IMAJIN_DEVICES")
    env = environment(IMAJIN_WORKER="off")
    process = subprocess.Popen(
        [sys.executable, "-m", "imajin_cli", "semantic", "--detect"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
    )  # fmt: skip
    process.stdin.write(b"a.png\n")
    process.stdin.flush()
    process.stdout.readline()
    (held,) = rows(cli)
    assert (held["pid"], held["label"], held["device"]) == (process.pid, "semantic", "cpu")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert rows(cli) == []
    (path,) = ledger.glob("peaks-cpu.json")
    assert "imajin-mini-clip   1" in json.loads(path.read_text())


def test_without_a_picture_to_work_on_nothing_is_leased(cli, ledger):
    assert cli("semantic", stdin=b"", IMAJIN_LEDGER=str(ledger)).returncode == 24
    assert not ledger.exists()


def test_a_stage_larger_than_the_device_is_21_at_once_and_once(cli, png):
    png("a.png"), png("b.png")
    started = time.monotonic()
    done = cli("semantic", "a.png", "b.png", "--detect", IMAJIN_DEVICES="cpu=100")
    assert (done.returncode, done.stdout) == (21, b"")
    assert time.monotonic() - started < 20
    (line,) = done.stderr.decode().splitlines()
    assert "more than there is in all: cpu has 100 MiB" in line
    assert not Path("a.png.json").exists()


def test_a_run_waits_for_its_turn_says_so_and_ends_in_21(cli, ledger):
    holder = Holder(ledger, "cpu=1000", device="cpu", mib=900)
    try:
        assert holder.said().startswith("held")
        done = cli("run", "a cat", "-o", "dist", IMAJIN_DEVICES="cpu=1000", IMAJIN_DEVICES__WAIT="0.3")
        assert done.returncode == 21
        assert b"waiting for" in done.stderr
        assert b"within 0.3 s" in done.stderr
    finally:
        holder.end()


def test_the_record_names_the_device_and_the_digest_leaves_it_out(cli, png):
    from imajin_cli.contract.sidecar import Sidecar

    path = os.pathsep.join([str(ROOT / "tests" / "plugins" / "worker"), environment()["PYTHONPATH"]])
    found = []
    for name, given in (("a", "cpu=1000"), ("b", "cuda:1=1000,cpu=1000")):
        png(f"{name}/p.png")
        done = cli("leased", f"{name}/p.png", "--mib", "100", PYTHONPATH=path, IMAJIN_DEVICES=given)
        assert done.returncode == 0, done.stderr
        found.append(Sidecar.model_validate_json(Path(f"{name}/p.png.json").read_bytes()))
    assert [one.stages[-1].device for one in found] == ["cpu", "cuda:1"]
    assert found[0].digest() == found[1].digest()
