"""Every test runs in a folder of its own, with no config, home or environment of the person who runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLUGINS = Path(__file__).parent / "plugins"
# The worker is tested by itself, in test_worker.py; elsewhere every command is a process of its own. With TEST_WORKER=on
# every test of commands goes through it.
os.environ["IMAJIN_WORKER"] = os.environ.get("TEST_WORKER", "off")
# The tests start some thousand processes. Where Python is told to keep no bytecode, as in many containers, each of them
# would compile three hundred modules anew, for a third of a second.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A shell that puts the tests in the background has them ignore interrupts, and every process that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-goldens", action="store_true", help="write golden files instead of comparing with them")


@pytest.fixture
def rewrite_goldens(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--rewrite-goldens"))


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("IMAJIN_", "XDG_")) and name != "IMAJIN_WORKER":
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    # Most tests of publishing are about files, and publish pictures that nobody judged. What output requires by default
    # is tested in test_moderate_required.py.
    monkeypatch.setenv("IMAJIN_OUTPUT__REQUIRE", "")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The folder in which the test runs."""
    return tmp_path / "work"


def environment(**extra: str) -> dict[str, str]:
    """The environment of a child process: ours, with the test stages installed."""
    path = os.pathsep.join(filter(None, [str(PLUGINS), str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "error", **extra}


IMAJIN = f"{sys.executable} -m imajin_cli"

Cli = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def cli() -> Cli:
    """Run `imajin ARGUMENTS` as a real process."""

    def run(*arguments: str, stdin: bytes | None = None, timeout: float = 60, **extra: str) -> subprocess.CompletedProcess[bytes]:
        command: Sequence[str] = [sys.executable, "-m", "imajin_cli", *arguments]
        source = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        return subprocess.run(command, capture_output=True, env=environment(**extra), timeout=timeout, **source)

    return run


@pytest.fixture
def sh() -> Cli:
    """Run a bash script in which `imajin` is a function that starts a real process, with pipefail."""

    def run(script: str, *, stdin: bytes | None = None, timeout: float = 60, **extra: str) -> subprocess.CompletedProcess[bytes]:
        prelude = f'set -o pipefail; imajin() {{ {IMAJIN} "$@"; }}; '
        source = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        return subprocess.run(
            ["bash", "-c", prelude + script], capture_output=True, env=environment(**extra), timeout=timeout, **source
        )

    return run


@pytest.fixture
def png(work: Path) -> Callable[..., Path]:
    """Write a small PNG: png("a.png", 200) is a grey of 200."""

    def write(name: str = "a.png", grey: int = 200, size: tuple[int, int] = (32, 24)) -> Path:
        from PIL import Image

        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", size, (grey, grey, grey))
        image.putpixel((0, 0), (1, 2, 3))
        image.save(path, "PNG")
        return path

    return write
