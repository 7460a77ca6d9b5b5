"""What devices there are: control groups, CUDA's own rules, and drivers that talk nonsense."""

from __future__ import annotations

import json
import os
import sys
import types
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import environment
from imajin_cli.contract.errors import NoCapacityError, UsageError
from imajin_cli.devices import lease, probe
from imajin_cli.devices.cgroup import cores, memory_limit
from imajin_cli.devices.host import cpu_device
from imajin_cli.devices.torchside import torch_devices
from imajin_cli.devices.units import mebibytes, seconds, shown
from imajin_cli.devices.visible import visible

MEMINFO = "MemTotal: 16777216 kB\nMemFree: 1024 kB\nMemAvailable: 8388608 kB\nSwapTotal: 99999999 kB\n"


def tree(root: Path, files: dict[str, str]) -> Path:
    """A folder that stands in for the file system's root."""
    for name, text in {"proc/meminfo": MEMINFO, "proc/sys/kernel/random/boot_id": "boot", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("text", "mib"),
    [("8GiB", 8192), ("512MiB", 512), ("1.5GiB", 1536), ("1 TiB", 1 << 20), ("1kB", 1), ("8GB", 7630), ("1024 KiB", 1)],
)
def test_amounts(text, mib):
    assert mebibytes(text) == mib


@pytest.mark.parametrize(
    "text", ["8", "8G", "-1GiB", "GiB", "0MiB", "1e3MiB", "999999TiB", "８GiB", "8GiB!", "", "9" * 400]
)
def test_what_is_no_amount(text):
    with pytest.raises(UsageError):
        mebibytes(text)


@settings(deadline=None)
@given(st.integers(1, 1 << 26))
def test_an_amount_in_mib_is_read_as_it_is(mib):
    assert mebibytes(f"{mib}MiB") == mib
    assert shown(mib).endswith(("MiB", "GiB"))


@pytest.mark.parametrize(
    ("text", "value"), [("60s", 60), ("60", 60), ("500ms", 0.5), ("2m", 120), ("1h", 3600), ("0", 0)]
)
def test_times(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "x", "-1s", "1d", "9999999h", "nan", "inf"])
def test_what_is_no_time(text):
    with pytest.raises(UsageError):
        seconds(text)


def test_the_cpu_without_limits_is_all_of_ram_and_no_swap(tmp_path):
    found = cpu_device(tree(tmp_path, {}))
    assert (found.id, found.kind, found.total_mib, found.free_mib) == ("cpu", "cpu", 16384, 8192)
    assert found.uuid.startswith("CPU-")


def test_version_2_takes_the_tightest_limit_of_all_groups_above(tmp_path):
    root = tree(tmp_path, {
        "proc/self/cgroup": "0::/a/b",
        "proc/self/mountinfo": "30 20 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
        "sys/fs/cgroup/a/memory.max": str(4 << 30),
        "sys/fs/cgroup/a/memory.current": str(3 << 30),
        "sys/fs/cgroup/a/memory.stat": f"anon 1\ninactive_file {1 << 30}\nactive_file 5",
        "sys/fs/cgroup/a/b/memory.max": "max",
        "sys/fs/cgroup/a/b/cpu.max": "150000 100000",
    })  # fmt: skip
    limit = memory_limit(root)
    assert limit is not None
    assert (limit.limit, limit.used) == (4 << 30, 2 << 30)
    found = cpu_device(root)
    assert (found.total_mib, found.free_mib) == (4096, 2048)
    assert cores(root) == min(1.5, len(os.sched_getaffinity(0)))
    assert found.uuid != cpu_device(tree(tmp_path / "other", {})).uuid


def test_version_1_in_a_container_that_sees_only_its_own_group(tmp_path):
    root = tree(tmp_path, {
        "proc/self/cgroup": "9:name=systemd:/\n4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/",
        "proc/self/mountinfo": (
            "31 20 0:28 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
            "32 20 0:29 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct"
        ),
        "sys/fs/cgroup/memory/memory.limit_in_bytes": str(1 << 30),
        "sys/fs/cgroup/memory/memory.usage_in_bytes": str(1 << 29),
        "sys/fs/cgroup/memory/memory.stat": "cache 5\ntotal_inactive_file 0",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    })  # fmt: skip
    found = cpu_device(root)
    assert (found.total_mib, found.free_mib, found.name) == (1024, 512, "0.5 cores")


@pytest.mark.parametrize("text", ["9223372036854771712", "max", "-1", "junk", "", "0", "9" * 50])
def test_a_limit_that_is_none_or_nonsense_is_none(tmp_path, text):
    root = tree(tmp_path, {
        "proc/self/cgroup": "4:memory:/",
        "proc/self/mountinfo": "31 20 0:28 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": text,
    })  # fmt: skip
    assert memory_limit(root) is None


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=200), st.text(max_size=200))
def test_whatever_the_system_says_there_is_an_answer(tmp_path_factory, cgroup, mounts):
    root = tree(tmp_path_factory.mktemp("root"), {"proc/self/cgroup": "", "proc/self/mountinfo": ""})
    (root / "proc/self/cgroup").write_text(cgroup, "utf-8", "replace")
    (root / "proc/self/mountinfo").write_text(mounts, "utf-8", "replace")
    assert cpu_device(root).total_mib > 0


def test_the_cpu_of_this_machine_makes_sense():
    found = cpu_device()
    assert 64 < found.total_mib < 1 << 24
    assert found.free_mib is not None
    assert 0 <= found.free_mib <= found.total_mib
    assert cpu_device().uuid == found.uuid


WHOLE = [["GPU-aa1"], ["GPU-ab2"], ["MIG-x1", "MIG-x2"]]


@pytest.mark.parametrize(
    ("setting", "seen"),
    [
        (None, ["GPU-aa1", "GPU-ab2", "MIG-x1", "MIG-x2"]),
        ("", []),
        ("-1", []),
        ("1", ["GPU-ab2"]),
        ("1,0", ["GPU-ab2", "GPU-aa1"]),
        (" 1 , 0 ", ["GPU-ab2", "GPU-aa1"]),
        ("2", ["MIG-x1"]),
        ("0,9,1", ["GPU-aa1"]),
        ("0,-1,1", ["GPU-aa1"]),
        ("0,0", []),
        ("GPU-ab", ["GPU-ab2"]),
        ("GPU-a", []),
        ("MIG-x2,GPU-aa1", ["MIG-x2", "GPU-aa1"]),
        ("all", []),
        ("9" * 50, []),
    ],
)
def test_cuda_visible_devices_as_cuda_reads_it(setting, seen):
    assert visible(WHOLE, setting) == seen


FAKE = '''\
"""A driver's binding that answers what the test wants."""
import json, os
_SAID = json.loads(os.environ["FAKE_NVML"])
class NVMLError(Exception): pass
class NVMLError_LibraryNotFound(NVMLError): pass
class NVMLError_NotFound(NVMLError): pass
class _Memory:
    def __init__(self, total, free): self.total, self.free = total, free
def nvmlInit():
    if _SAID.get("init") == "absent": raise NVMLError_LibraryNotFound("not found")
    if _SAID.get("init") == "broken": raise NVMLError("driver/library version mismatch")
def nvmlDeviceGetCount():
    if "count" in _SAID: return _SAID["count"]
    return len(_SAID["gpus"])
def nvmlDeviceGetHandleByIndex(index): return _SAID["gpus"][index]
def nvmlDeviceGetHandleByUUID(uuid):
    every = [part for gpu in _SAID["gpus"] for part in [gpu, *[m for m in gpu.get("mig", []) if m]]]
    return next(part for part in every if part["uuid"] == uuid)
def nvmlDeviceGetMigMode(gpu):
    if "mig" not in gpu: raise NVMLError("not supported")
    return 1, 1
def nvmlDeviceGetMaxMigDeviceCount(gpu): return len(gpu["mig"])
def nvmlDeviceGetMigDeviceHandleByIndex(gpu, index):
    if gpu["mig"][index] is None: raise NVMLError_NotFound("not found")
    return gpu["mig"][index]
def nvmlDeviceGetUUID(gpu): return gpu["uuid"]
def nvmlDeviceGetName(gpu): return gpu.get("name", "Fake GPU").encode()
def nvmlDeviceGetMemoryInfo(gpu):
    if gpu.get("memory") == "raise": raise NVMLError("unknown error")
    return _Memory(gpu["total"], gpu["free"])
'''
GIB = 1 << 30
GOOD = {"uuid": "GPU-11111111-2222", "total": 24 * GIB, "free": 20 * GIB}


@pytest.fixture
def driver(tmp_path: Path, cli):
    """Run `imajin gpu …` with a driver that says so; gives its exit code, events by kind, and standard error."""
    folder = tmp_path / "fake"
    folder.mkdir()
    (folder / "pynvml.py").write_text(FAKE)

    def run(said: dict, *arguments: str, **extra: str):
        path = os.pathsep.join([str(folder), environment()["PYTHONPATH"]])
        return cli(
            "gpu",
            *arguments,
            PYTHONPATH=path,
            FAKE_NVML=json.dumps(said),
            IMAJIN_LEDGER=str(tmp_path / "ledger"),
            **extra,
        )

    return run


def events(done) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for line in done.stdout.splitlines():
        event = json.loads(line)
        found.setdefault(event["event"], []).append(event)
    return found


def test_a_gpu_is_known_by_its_uuid_and_shown_by_its_number(driver):
    found = events(driver({"gpus": [GOOD]}, "status", "--json"))
    gpu, cpu = found["device"]
    assert (gpu["id"], gpu["uuid"], gpu["kind"]) == ("cuda:0", "GPU-11111111-2222", "cuda")
    assert (gpu["total_mib"], gpu["free_mib"]) == (24576, 20480)
    assert cpu["id"] == "cpu"
    assert found["finished"][0]["code"] == 0


def test_a_program_sees_the_one_gpu_that_it_leased(driver):
    other = {**GOOD, "uuid": "GPU-33333333-4444", "free": 23 * GIB}
    show = ("run", "--vram", "8GiB", "--", sys.executable, "-c", "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])")
    assert driver({"gpus": [GOOD, other]}, *show).stdout == b"GPU-33333333-4444\n"
    assert driver({"gpus": [GOOD, other]}, *show, CUDA_VISIBLE_DEVICES="0").stdout == b"GPU-11111111-2222\n"
    cpu = ("run", "--device", "cpu", "--vram", "1MiB", *show[3:])
    assert driver({"gpus": [GOOD, other]}, *cpu).stdout == b"\n"


def test_what_others_use_is_not_leased(driver):
    done = driver({"gpus": [{**GOOD, "free": 2 * GIB}]}, "run", "--wait", "0", "--vram", "3GiB", "true")
    assert done.returncode == 21
    assert b"cuda:0 has 2 GiB of 24 GiB left, 22 GiB are used without a lease" in done.stderr


def test_a_gpu_that_is_split_is_its_instances(driver):
    parts = [{"uuid": f"MIG-{n}", "total": 10 * GIB, "free": 10 * GIB} for n in (1, 2)]
    said = {"gpus": [GOOD, {**GOOD, "uuid": "GPU-5", "mig": [parts[0], None, parts[1]]}]}
    assert [d["uuid"] for d in events(driver(said, "status", "--json"))["device"]][:-1] == [
        GOOD["uuid"],
        "MIG-1",
        "MIG-2",
    ]
    only = events(driver(said, "status", "--json", CUDA_VISIBLE_DEVICES="MIG-2"))["device"]
    assert [d["uuid"] for d in only][:-1] == ["MIG-2"]
    assert driver(said, "run", "--device", "MIG-2", "--vram", "11GiB", "true").returncode == 21


@pytest.mark.parametrize(
    ("said", "note"),
    [
        ({"init": "broken", "gpus": []}, "the NVIDIA driver does not answer: driver/library version mismatch"),
        ({"count": "many", "gpus": []}, "does not say how many GPUs there are"),
        ({"count": 3, "gpus": []}, "GPU 0: the driver does not answer"),
        ({"gpus": [{**GOOD, "memory": "raise"}]}, "GPU 0: the driver does not answer: unknown error"),
        ({"gpus": [{**GOOD, "free": 99 * GIB}]}, "talks nonsense: 101376 MiB of 24576 are free"),
        ({"gpus": [{**GOOD, "free": -GIB}]}, "talks nonsense: -1024 MiB of 24576 are free"),
        ({"gpus": [{**GOOD, "total": 0, "free": 0}]}, "talks nonsense: its memory is 0 MiB"),
        ({"gpus": [{**GOOD, "total": 1 << 80}]}, "talks nonsense: its memory is"),
        ({"gpus": [{**GOOD, "uuid": "../../etc/x"}]}, "talks nonsense: its name is"),
        ({"gpus": [{**GOOD, "uuid": ""}]}, "talks nonsense: its name is ''"),
        ({"gpus": [{**GOOD, "total": None}]}, "GPU 0: the driver does not answer"),
    ],
)
def test_a_driver_that_talks_nonsense_leaves_its_gpu_out_and_says_so(driver, said, note):
    done = driver(said, "status", "--json")
    found = events(done)
    assert done.returncode == 0, done.stderr
    assert [device["id"] for device in found["device"]] == ["cpu"]
    assert any(note in row["text"] for row in found["note"]), found["note"]


def test_a_good_gpu_beside_a_bad_one_keeps_its_number(driver):
    said = {"gpus": [{**GOOD, "total": 0}, {**GOOD, "uuid": "GPU-7"}]}
    found = events(driver(said, "status", "--json", CUDA_VISIBLE_DEVICES="1"))
    assert [device["uuid"] for device in found["device"]][:-1] == ["GPU-7"]


def test_without_a_driver_nothing_is_said(driver):
    found = events(driver({"init": "absent", "gpus": []}, "status", "--json"))
    assert [device["id"] for device in found["device"]] == ["cpu"]
    assert "note" not in found


def test_a_driver_that_falls_silent_grants_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAJIN_LEDGER", str(tmp_path / "ledger"))
    monkeypatch.setenv("IMAJIN_DEVICES", "sim:0=1000")
    monkeypatch.setattr("imajin_cli.devices.waiting.free_mib", lambda device: None)
    with pytest.raises(NoCapacityError, match="the driver of sim:0 does not say how much is free"):
        lease.acquire(mib=1, wait=0)


def test_torch_is_asked_only_where_it_is_there_already(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert torch_devices() == []
    assert "torch" not in sys.modules
    torch = types.SimpleNamespace(
        version=types.SimpleNamespace(hip="6.2"),
        cuda=types.SimpleNamespace(
            is_available=lambda: True,
            device_count=lambda: 1,
            get_device_properties=lambda index: types.SimpleNamespace(name="MI300", uuid="abc"),
            mem_get_info=lambda index: (100 * GIB, 192 * GIB),
        ),
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    [found] = torch_devices()
    assert (found.id, found.kind, found.total_mib, found.free_mib) == ("cuda:0", "rocm", 192 * 1024, 100 * 1024)
    apple = types.SimpleNamespace(
        version=types.SimpleNamespace(hip=None),
        backends=types.SimpleNamespace(mps=types.SimpleNamespace(is_available=lambda: True)),
        mps=types.SimpleNamespace(recommended_max_memory=lambda: 16 * GIB, driver_allocated_memory=lambda: GIB),
    )
    monkeypatch.setitem(sys.modules, "torch", apple)
    [found] = torch_devices()
    assert (found.id, found.total_mib, found.free_mib) == ("mps", 16384, 15360)
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace())
    assert torch_devices() == []


@pytest.mark.parametrize("setting", ["sim:0", "sim:0=x", "sim:0=0", "sim:0=5/6", "=5", "SIM=5", "sim:0=5,", "a" * 99])
def test_simulated_devices_that_cannot_be_read(monkeypatch, setting):
    monkeypatch.setenv("IMAJIN_DEVICES", setting)
    with pytest.raises(UsageError, match="IMAJIN_DEVICES"):
        probe.devices()


def test_a_name_that_may_mean_several_is_refused(monkeypatch):
    monkeypatch.setenv("IMAJIN_DEVICES", "sim:0=5,sim:1=5")
    assert [d.id for d in probe.candidates("auto")] == ["sim:0", "sim:1"]
    with pytest.raises(UsageError, match="may mean several devices"):
        probe.candidates("SIM-sim")
    with pytest.raises(UsageError, match="there is no device SIM"):
        probe.candidates("SIM")
