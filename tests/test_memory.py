"""A stream holds memory flat: what a process has resident after a hundred pictures is what it has at the end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import environment

MIB = 1 << 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc"),
]


def resident(pid: int) -> int:
    """Bytes that process ``pid`` has in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth(arguments: list[str], paths: list[Path], early: int) -> int:
    """Bytes by which a stage grew between its ``early``-th picture and its last."""
    process = subprocess.Popen(
        [sys.executable, "-m", "imajin_cli", *arguments],
        env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    sizes = []
    # One at a time: the stage waits for the next name while it is measured.
    for count, path in enumerate(paths, 1):
        process.stdin.write(os.fsencode(path) + b"\n")
        process.stdin.flush()
        assert process.stdout.readline()
        if count in (early, len(paths)):
            sizes.append(resident(process.pid))
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()
    return sizes[-1] - sizes[0]


@pytest.mark.timeout(300)
def test_a_gate_over_a_thousand_pictures(png):
    paths = [png(f"p{i}.png", 100 + i % 100, size=(96, 96)) for i in range(1000)]
    assert growth(["bright", "--threshold", "1"], paths, 100) < 3 * MIB


@pytest.mark.timeout(300)
def test_a_transform_over_three_hundred_pictures(png):
    paths = [png(f"p{i}.png", 100 + i % 100, size=(256, 256)) for i in range(300)]
    assert growth(["tint"], paths, 100) < 3 * MIB


@pytest.mark.timeout(300)
def test_the_best_of_many_waits_with_names_and_not_with_pixels(png):
    """A ranking prints at the end: the peak is what tells."""
    peaks = []
    for count in (20, 120):
        paths = [png(f"p{i}.png", 100 + i % 100, size=(600, 600)) for i in range(count)]
        code = "import resource, runpy, sys, atexit; atexit.register(lambda: print(resource.getrusage(" \
            "resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)); sys.argv[0] = 'imajin'; " \
            "runpy.run_module('imajin_cli', run_name='__main__')"  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", code, "bright", "--best", "3", *map(str, paths)],
            env=environment(),
            capture_output=True,
        )
        assert len(done.stdout.splitlines()) == 3, done.stderr
        peaks.append(int(done.stderr.split()[-1]) * 1024)
    assert peaks[1] - peaks[0] < 12 * MIB


# What is held between stages is measured here. The reader of text in moderate keeps buffers for every size of line that it
# has met, some 30 MiB over the first fifty pictures.
LEFT_OUT = ("--skip", "moderate", "--set", "semantic.judge=never")


@pytest.mark.timeout(300)
def test_a_run_over_many_candidates_holds_no_more_than_a_few(cli):
    code = "import resource, runpy, sys, atexit; atexit.register(lambda: print(resource.getrusage(" \
        "resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)); sys.argv[0] = 'imajin'; " \
        "runpy.run_module('imajin_cli', run_name='__main__')"  # fmt: skip
    peaks = []
    for count in ("6", "60"):
        done = subprocess.run(
            [
                sys.executable, "-c", code, "run", "a rocket", "-n", count, "--size", "256", "--format", "png",
                "-o", f"o{count}", *LEFT_OUT,
            ],
            env=environment(), capture_output=True,
        )  # fmt: skip
        assert len(done.stdout.splitlines()) == int(count), done.stderr
        peaks.append(int(done.stderr.split()[-1]) * 1024)
    assert peaks[1] - peaks[0] < 12 * MIB
