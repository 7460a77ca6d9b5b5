"""`imajin batch`: what a file of jobs may say, what is done again and what is not, and what a kill leaves."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import environment
from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.run.batch.jobs import job_of, read_jobs, run_options
from imajin_cli.run.batch.journal import Done, Journal
from imajin_cli.run.batch.meter import Meter
from imajin_cli.run.batch.schedule import LONGEST_WAIT, Schedule, Task, wait_before
from imajin_cli.run.report import Report

PROMPTS = ("an empty inbox", "a lost robot", "payment failed", "a rocket launch", "no search results", "a broken cable")
QUICK: dict[str, Any] = {"size": "96x96", "format": "png", "skip": ["moderate", "semantic", "quality"]}


def write_jobs(path: Path, jobs: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(job) + "\n" for job in jobs))


def quick_jobs(path: Path, count: int = len(PROMPTS)) -> None:
    write_jobs(path, [{"prompt": PROMPTS[i % 6], "seed": i, "name": f"p{i}", **QUICK} for i in range(count)])


def state(folder: Path) -> dict[str, str | bytes]:
    """Every published picture's bytes, every sidecar's canonical digest."""
    found: dict[str, str | bytes] = {}
    for path in sorted(folder.iterdir()):
        if path.name.endswith(".png.json"):
            found[path.name] = Sidecar.model_validate_json(path.read_bytes()).digest()
        elif path.name != "manifest.json":
            found[path.name] = path.read_bytes()
    return found


def events(out: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


# --- what a job may say


def test_options_and_sections_reach_their_stage():
    job = job_of({"prompt": "x", "n": 3, "from": "validate", "colour": "#fff", "quality": {"min-contrast": 2}}, "a:1")
    assert job.flags == {
        "request": {"count": 3},
        "run": {"start": "validate"},
        "generate": {"colour": "#fff"},
        "quality": {"min_contrast": 2},
    }


def test_a_list_of_one_needs_no_brackets():
    assert job_of({"prompt": "x", "size": "64x64,32x32"}, "a:1").flags["request"]["size"] == ["64x64", "32x32"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"prompt": "x", "colr": "#fff"}, "a:1: unknown key colr (did you mean colour?)"),
        ({"prompt": "x", "quality": {"min_contrst": 2}}, "a:1: quality: unknown parameter min_contrst"),
        ({"prompt": "x", "files": ["a.png"]}, "a prompt or files, not both"),
        ({"seed": 3}, "a job needs a prompt, files or a preset"),
        ({"prompt": 3}, "prompt must be text"),
        ({"files": [3]}, "files must be a name"),
    ],
)
def test_a_job_that_is_none_is_named(given, said):
    with pytest.raises(UsageError) as caught:
        job_of(given, "a:1")
    assert said in caught.value.line()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", "{", "a.jsonl:1: not JSON"),
        ("a.jsonl", "\n[1]\n", "a.jsonl:2: a job is an object"),
        ("a.jsonl", '{"prompt":"a","prompt":"b"}', '"prompt" stands here twice'),
        ("a.jsonl", "[" * 100_000, "a.jsonl:1: not JSON"),
        ("a.yaml", "jobs: 3", "expected a list of assets"),
        ("a.yaml", "jbs: []", "unknown key jbs (did you mean jobs?)"),
        ("a.yaml", "- prompt: x\n- 3", "a.yaml:2: an asset is a mapping"),
        ("a.yaml", "- &a {prompt: x}\n- *a", "aliases"),
        ("a.txt", "", "jobs are read from .yaml, .jsonl, .csv"),
    ],
)
def test_a_file_that_is_none_is_named(work, name, text, said):
    (work / name).write_text(text)
    with pytest.raises(UsageError) as caught:
        list(read_jobs(name))
    assert said in caught.value.line()


def test_yaml_with_defaults(work):
    (work / "a.yaml").write_text("defaults: {preset: icon, seed: 4}\njobs:\n- prompt: a\n- {prompt: b, seed: 5}\n")
    first, second = read_jobs("a.yaml")
    assert (first.preset, first.flags["request"]["seed"], first.place) == ("icon", 4, "a.yaml:3")
    assert second.flags["request"]["seed"] == 5


def test_every_option_of_run_can_stand_in_a_job(cli):
    told = cli("run", "--help").stdout.decode()
    for name in run_options():
        assert ("-" if len(name) == 1 else "--") + name.replace("_", "-") in told


# --- the schedule


def tasks(count: int) -> list[Task]:
    return [Task(i, f"k{i}", job_of({"prompt": "x", "seed": i}, f"a:{i}")) for i in range(count)]


def test_a_task_that_failed_in_passing_is_tried_again_after_a_while():
    schedule = Schedule(iter(tasks(2)), retries=1)
    first = schedule.next(0)
    assert first is not None
    assert schedule.failed(first, Done(code=1, again=True), 10)
    assert schedule.pause(10) == wait_before(1)
    second = schedule.next(10)
    assert second is not None
    assert second.number == 1
    assert schedule.next(10) is None
    assert not schedule.empty
    again = schedule.next(10 + wait_before(1))
    assert again is not None
    assert (again.number, again.tries) == (0, 1)
    assert not schedule.failed(again, Done(code=1, again=True), 20)
    assert not schedule.failed(second, Done(code=10), 20)
    assert schedule.empty


def test_waits_grow_and_end():
    waits = [wait_before(i) for i in range(1, 30)]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT


def test_the_schedule_reads_no_further_than_it_is_asked():
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 1
            yield tasks(1)[0]

    schedule = Schedule(endless(), retries=0)
    for _ in range(3):
        schedule.next(0)
    assert read == 3


# --- the journal


def test_the_journal_survives_a_line_that_was_cut_off(work):
    done = Done(code=0, passed=1, paths=("a.png",), ids=("1",))
    with Journal.of("jobs.jsonl") as journal:
        journal.keep("k1", done)
        journal.keep("k2", done)
        path = journal.path
    path.write_bytes(path.read_bytes()[:-9])
    with Journal.of("jobs.jsonl") as journal:
        assert set(journal.known) == {"k1"}
        journal.keep("k3", done)
    path.write_bytes(path.read_bytes() + b'null\n{"imajin":1}\n\xff\n' + b"[" * 5000 + b"\n")
    with Journal.of("jobs.jsonl") as journal:
        assert set(journal.known) == {"k1", "k3"}


def test_two_batches_do_not_share_a_journal(work):
    with Journal.of("jobs.jsonl"), pytest.raises(UsageError, match="another batch"), Journal.of("jobs.jsonl"):
        pass
    assert Journal.of("jobs.jsonl").path != Journal.of("sub/jobs.jsonl").path


# --- what is told meanwhile


def test_the_end_is_told_from_the_rate_of_what_was_worked_on(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr("imajin_cli.run.batch.meter.time.monotonic", lambda: now[0])
    with Meter(100, Report("batch")) as meter:
        for _ in range(20):
            meter.step(Done(code=0, tried=False))
        for _ in range(8):
            now[0] += 2.5
            meter.step(Done(code=0))
        now[0] += 400
        meter.step(Done(code=0))
    told = capsys.readouterr().err.splitlines()
    # Six were worked on in 15 s; 74 of the hundred are left, those that were done already among neither.
    assert told[0] == "imajin batch: 26 of 100 jobs, about 3 min left"
    assert told[1] == "imajin batch: 29 of 100 jobs, about 55 min left"
    assert told[2] == "imajin batch: 9 of 100 jobs in 420.0 s, 20 were done already"


# --- whole runs, real processes


def test_jobs_are_done_once(cli, work):
    quick_jobs(work / "jobs.jsonl")
    first = cli("batch", "jobs.jsonl", "-j", "2", "--json")
    assert first.returncode == 0, first.stderr
    *jobs, summary = events(first.stdout)
    assert {job["place"] for job in jobs} == {f"jobs.jsonl:{i}" for i in range(1, 7)}
    assert summary["passed"] == 6
    before = state(work / "dist")
    second = cli("batch", "jobs.jsonl", "--json")
    assert [event["tries"] for event in events(second.stdout)[:-1]] == [0] * 6
    (work / "dist/p3.png").write_bytes(b"broken")
    third = cli("batch", "jobs.jsonl", "--json")
    assert [event["paths"] for event in events(third.stdout)[:-1] if event["tries"]] == [["dist/p3.png"]]
    assert state(work / "dist") == before


def test_a_batch_makes_what_run_makes(cli, work):
    quick_jobs(work / "jobs.jsonl", 1)
    assert cli("batch", "jobs.jsonl", "-o", "many").returncode == 0
    left_out = [argument for name in QUICK["skip"] for argument in ("--skip", name)]
    alone = cli("run", PROMPTS[0], "--size", "96x96", "--name", "p0", "--format", "png", *left_out, "-o", "one")
    assert alone.returncode == 0, alone.stderr
    assert state(work / "many") == state(work / "one")


def test_a_rejected_job_stays_rejected_and_the_others_go_on(cli, work):
    jobs = [
        {"prompt": "a" * 5000, **QUICK},
        {"prompt": "an empty inbox", **QUICK},
        {"files": ["gone.png"], "until": "quality"},
    ]
    write_jobs(work / "jobs.jsonl", jobs[:2])
    for tries in (1, 0):
        done = cli("batch", "jobs.jsonl", "--json")
        assert done.returncode == 10, done.stderr
        assert [event["tries"] for event in events(done.stdout)[:-1]] == [tries, tries]
    write_jobs(work / "jobs.jsonl", jobs)
    gone = cli("batch", "jobs.jsonl")
    assert gone.returncode == 2
    assert b"jobs.jsonl:3: gone.png: cannot be read" in gone.stderr


def test_a_fault_in_the_file_is_found_before_any_work(cli, work):
    write_jobs(work / "jobs.jsonl", [{"prompt": "an empty inbox", **QUICK}, {"prompt": "x", "seed": -1}])
    done = cli("batch", "jobs.jsonl")
    assert done.returncode == 2
    assert b"jobs.jsonl:2: --seed" in done.stderr
    assert not (work / "dist").exists()


def test_two_jobs_cannot_publish_under_one_name(cli, work):
    write_jobs(work / "jobs.jsonl", [{"prompt": "an empty inbox", "seed": i, **QUICK} for i in range(2)])
    done = cli("batch", "jobs.jsonl", "-j", "1")
    assert done.returncode == 2
    assert b"jobs.jsonl:2: jobs.jsonl:1 publishes under this name too: dist/an-empty-inbox" in done.stderr
    # Without a lock it is known once both are published.
    done = cli("batch", "jobs.jsonl", "-j", "1", "--no-lock")
    assert done.returncode == 2
    assert b"jobs.jsonl:2: dist/an-empty-inbox.png: jobs.jsonl:1 publishes under this name too" in done.stderr


def test_the_same_job_twice_is_one(cli, work):
    write_jobs(work / "jobs.jsonl", [{"prompt": "an empty inbox", **QUICK}] * 2)
    done = cli("batch", "jobs.jsonl", "--json")
    assert done.returncode == 0
    assert len(events(done.stdout)) == 2
    assert b"jobs.jsonl:2: the same as jobs.jsonl:1" in done.stderr


def test_an_empty_file_is_an_empty_stream(cli, work):
    (work / "jobs.jsonl").write_text("\n")
    assert cli("batch", "jobs.jsonl").returncode == 24


def test_a_folder_that_cannot_be_written_is_one_clear_line_a_job(cli, work):
    quick_jobs(work / "jobs.jsonl", 1)
    (work / "dist").write_text("a file")
    done = cli("batch", "jobs.jsonl")
    assert done.returncode == 2
    assert b"jobs.jsonl:1: dist: is a file, not a folder to publish into" in done.stderr


def start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "imajin_cli", "batch", *arguments],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def children_of(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, check=False)
    return [int(line) for line in found.stdout.split()]


def test_a_process_that_is_killed_costs_one_try(work):
    quick_jobs(work / "jobs.jsonl")
    process = start("jobs.jsonl", "-j", "1", "--json")
    assert process.stdout is not None
    process.stdout.readline()
    for pid in children_of(process.pid):
        os.kill(pid, signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert sorted(event["tries"] for event in events(out)[:-1])[-1] in (1, 2)
    assert len(list((work / "dist").glob("*.png"))) == 6


def test_sigterm_ends_with_143_and_nothing_half(work):
    quick_jobs(work / "jobs.jsonl", 40)
    process = start("jobs.jsonl", "-j", "2")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    made = len(list((work / "dist").glob("*.png")))
    assert 0 < made < 40
    assert not list((work / "dist").glob(".imajin-*"))
    again = start("jobs.jsonl", "--json")
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert sum(event["tries"] == 0 for event in events(out)[:-1]) == made


def test_ctrl_c_ends_with_130_and_leaves_no_process(work):
    quick_jobs(work / "jobs.jsonl", 40)
    process = start("jobs.jsonl", "-j", "2")
    assert process.stdout is not None
    process.stdout.readline()
    children = children_of(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    for pid in children:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def kill_at_random(work: Path, times: int, count: int) -> None:
    quick_jobs(work / "jobs.jsonl", count)
    whole = start("jobs.jsonl", "-o", "whole")
    started = time.monotonic()
    assert whole.wait(300) == 0
    whole.communicate()
    span = time.monotonic() - started
    chance = random.Random(5)
    for _ in range(times):
        process = start("jobs.jsonl", "-o", "killed")
        time.sleep(chance.uniform(0.1, 1.2 * span))
        # The parent alone: what it started has to notice.
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        if chance.random() < 0.3:
            for path in list((work / "killed").glob("p*"))[:20] if (work / "killed").exists() else []:
                path.unlink()
    last = start("jobs.jsonl", "-o", "killed")
    _, err = last.communicate(timeout=300)
    assert last.returncode == 0, err
    assert state(work / "killed") == state(work / "whole")
    manifests = [json.loads((work / folder / "manifest.json").read_bytes()) for folder in ("killed", "whole")]
    assert manifests[0]["assets"] == manifests[1]["assets"]


def test_killed_a_few_times(work):
    kill_at_random(work, 3, 8)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_twenty_times(work):
    kill_at_random(work, 20, 30)


def test_what_a_library_says_does_not_stand_between_paths():
    script = """
import os
from imajin_cli.run.pipe import to_ourselves, write_out
with to_ourselves():
    print("a node was lost", flush=True)
    os.write(1, b"and in C++")
    write_out(b"dist/a.png\\n")
write_out(b"dist/b.png\\n")
print("c", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, check=True)
    assert done.stdout == b"dist/a.png\ndist/b.png\nc\n"
    assert done.stderr == b"a node was lost\nand in C++"


def resident(pid: int) -> float:
    """MiB that a process holds, 0 for one that is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_memory_does_not_grow_with_the_jobs(work):
    """Of the process that gives out jobs and of the one that does them, each by itself: the last third over the second."""
    quick_jobs(work / "jobs.jsonl", 240)
    process = start("jobs.jsonl", "-j", "1", "--quiet")
    assert process.stdout is not None
    seen: dict[str, list[float]] = {"gives": [], "does": []}
    for _ in process.stdout:
        seen["gives"].append(resident(process.pid))
        seen["does"] += [found for found in map(resident, children_of(process.pid)) if found]
    process.communicate(timeout=30)
    assert process.returncode == 0
    for who, values in seen.items():
        third = len(values) // 3
        assert third >= 60, who
        assert max(values[-third:]) <= 1.08 * max(values[third:-third]), (who, values[::20])


def test_ray_is_named_where_it_is_absent(cli, work):
    quick_jobs(work / "jobs.jsonl", 1)
    (work / "ray.py").write_text("raise ImportError('hidden')\n")
    done = cli("batch", "jobs.jsonl", "--engine", "ray")
    assert done.returncode == 20
    assert b'pip install "imajin[ray]"' in done.stderr
    assert b"--engine ray" in cli("batch", "jobs.jsonl", "--address", "x:1").stderr
    assert cli("batch", "jobs.jsonl", "--engine", "slurm").returncode == 2
