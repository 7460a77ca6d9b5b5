"""The worker: what a warm command costs, a pipe of six stages against one process, and `make -j4` over a large model (make.py).

Whole processes, taking turns. The large model needs torch and safetensors, which imajin does not: where they are absent
that part is left out, and said. $TORCH_PYTHON may name another interpreter that has them, and imajin's own libraries.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.timing import interleaved

ROOT = Path(__file__).parents[1]
RAN = [sys.executable, "-m", "imajin_cli"]
PIPE = ("load", "moderate", "semantic", "text", "quality", "output")
PICTURES = 100
ASSETS, ALONE = 40, 8


class Place:
    """A folder with a home and a worker of its own."""

    def __init__(self, folder: Path, python: str) -> None:
        self.folder = folder
        self._python = python
        (folder / "run").mkdir(mode=0o700)
        plugins = str(ROOT / "tests" / "plugins" / "worker")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("IMAJIN_", "XDG_"))}
        path = os.pathsep.join(filter(None, [str(ROOT), plugins, os.environ.get("PYTHONPATH", "")]))
        # The pictures are drawings that no gate needs to like: what is measured is the time that it takes.
        own = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "run"), "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        self.env = {**kept, **own, "IMAJIN_QUALITY__MIN_SHARPNESS": "0", "IMAJIN_QUALITY__MAX_FRINGE": "1"}

    def run(self, *command: str, worker: str, **extra: str) -> Callable[[], object]:
        """A command to measure; what it says on standard error is shown where it fails."""

        def work() -> None:
            env = {**self.env, "IMAJIN_WORKER": worker, **extra}
            done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True)
            if done.returncode:
                raise SystemExit(f"{' '.join(command)[:200]}: {done.returncode}\n{done.stderr.decode()}")

        return work

    def stop(self) -> None:
        """End the worker."""
        command = [self._python, *RAN[1:], "worker", "status", "--json"]
        done = subprocess.run(command, env=self.env, capture_output=True, check=True)
        for one in json.loads(done.stdout):
            os.kill(one["pid"], signal.SIGTERM)


@contextlib.contextmanager
def place(python: str = sys.executable) -> Iterator[Place]:
    """A place for one measurement of what ``python`` runs."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        here = Place(Path(folder), python)
        try:
            yield here
        finally:
            here.stop()


def scenes(here: Place, count: int, size: int) -> list[str]:
    """Names of composed pictures of ``size`` pixels, each another."""
    made = []
    here.run(*RAN, "generate", "a lost robot", "-n", str(count), "--size", str(size), "--out-dir", ".", worker="off")()
    for index, path in enumerate(sorted(here.folder.glob("*.png"))):
        made.append(path.rename(here.folder / f"p{index:03}.png").name)
        path.with_name(path.name + ".json").unlink(missing_ok=True)
    return made


def warm(repeats: int = 15) -> dict[str, float]:
    """Milliseconds of a warm stage on one 512 px picture, beyond the time that the stage itself took, over `python -c pass`."""
    with place() as here:
        (name,) = scenes(here, 1, 512)
        sidecar = here.folder / f"{name}.json"
        inside: dict[str, float] = {}

        def stage(which: str) -> Callable[[], object]:
            command = here.run(*RAN, which, name, "--force", worker="on")

            def work() -> None:
                started = time.perf_counter()
                command()
                took = time.perf_counter() - started
                own = json.loads(sidecar.read_bytes())["stages"][-1]["seconds"]
                inside[which] = min(inside.get(which, took), took - own)

            return work

        stages = ("moderate", "semantic", "quality")
        for which in stages:
            stage(which)()
        inside.clear()
        variants = {"pass": here.run(sys.executable, "-c", "pass", worker="off")}
        times = interleaved(
            {**variants, **{which: stage(which) for which in stages}}, repeats, lambda: sidecar.unlink(missing_ok=True)
        )
        limit = 4 * times["pass"] + 0.02
        found = {f"warm {which}, beyond the stage's own time, ms": inside[which] * 1000 for which in stages}
        return {
            "python -c pass, ms": times["pass"] * 1000,
            **found,
            "worst of them over (4 x pass + 20 ms)": max(inside[which] for which in stages) / limit,
        }


def pipe(count: int = PICTURES, repeats: int = 1) -> dict[str, float]:
    """A shell pipe of six stages over pictures, through the worker, against one process that does the same, cold and warm."""
    with place() as here:
        names = scenes(here, count, 256)

        def fresh() -> None:
            for old in (".imajin", "dist"):
                shutil.rmtree(here.folder / old, ignore_errors=True)
            for name in names:
                (here.folder / f"{name}.json").unlink(missing_ok=True)

        imajin = " ".join(RAN)
        chain = " | ".join(f"{imajin} {stage}" + (" -o dist" if stage == "output" else "") for stage in PIPE)
        script = f"set -o pipefail; ls p*.png | {chain}"
        times = interleaved(
            {
                "one": here.run(*RAN, "run", *names, "-o", "dist", worker="off"),
                "warm": here.run(*RAN, "run", *names, "-o", "dist", worker="on"),
                "pipe": here.run("bash", "-c", script, worker="on"),
            },
            repeats,
            fresh,
        )
    return {
        f"six stages piped over {count} pictures, worker, over one process": times["pipe"] / times["one"],
        "the same over one process of the worker's, warm": times["pipe"] / times["warm"],
        "one process, seconds": times["one"],
    }


def make() -> dict[str, float]:
    """`make -j4` over assets and a model of 300 MB: with the worker, which starts cold, and without, over fewer of them."""
    python = os.environ.get("TORCH_PYTHON", sys.executable)
    has = [python, "-c", "import torch, safetensors"]
    if subprocess.run(has, stderr=subprocess.DEVNULL).returncode:
        return {"make -j4 with a torch model: left out, torch or safetensors is not installed": float("nan")}
    with place() as here:
        weights = here.folder / "weights.safetensors"
        subprocess.run([python, "-m", "imajin_heavy", str(weights)], env=here.env, check=True)
        names = scenes(here, ASSETS, 64)
        recipe = f"%.done: %.png\n\t@{python} -m imajin_cli heavy --weights {weights} $< >/dev/null && touch $@\n"
        (here.folder / "Makefile").write_text(recipe)
        targets = [name.replace(".png", ".done") for name in names]
        times = {}
        for worker, wanted in (("off", targets[:ALONE]), ("on", targets)):
            for old in here.folder.glob("*.done"):
                old.unlink()
            for old in here.folder.glob("p*.json"):
                old.unlink()
            started = time.perf_counter()
            here.run("make", "-s", "-j4", *wanted, worker=worker)()
            times[worker] = (time.perf_counter() - started) / len(wanted)
    return {
        f"make -j4 without the worker, seconds an asset (of {ALONE})": times["off"],
        f"make -j4 with it, from a cold start, seconds an asset (of {ASSETS})": times["on"],
        "without over with": times["off"] / times["on"],
    }


def measure() -> dict[str, float]:
    """All of it."""
    return {**warm(), **pipe()}


if __name__ == "__main__":
    for part in sys.argv[1:] or ("warm", "pipe", "make"):
        for label, value in globals()[part]().items():
            print(f"{label}: {value:.3f}", flush=True)
