"""`imajin auto` over a hundred varied requests, forbidden ones, the same pictures against others' prompts, and by the clock.

    python -m benchmarks.auto [--wrong] [--out FOLDER]

Every request is a process of its own. The hundred are drawn evenly from classify.tsv, from all kinds in six languages: edits
among them take a background away, and variations are of pictures that `auto` made before; what a diffusion model would have to
paint is left out. The forbidden ones stand in auto_forbidden.txt. Each new picture is then held against the prompt of
another request: as `auto` has `semantic` judge, as that judges by default, and where it judges all. Times are the clock's, beside
them what the processes and the worker took of a processor, which is the fairer number on a busy machine. ``--wrong`` lists what
was not published and what was not refused; ``--out`` keeps the pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.classify import rows
from imajin_cli.run.sidecars import sidecar_path

if TYPE_CHECKING:
    from imajin_cli.contract.stage import Asset
    from imajin_cli.stages.semantic import Semantic

HERE = Path(__file__).parent
FORBIDDEN = HERE / "auto_forbidden.txt"
REQUESTS, COLD = 100, 15
REFUSED = (10, 11)
# Rows of classify.tsv that name a picture and need no diffusion model, by the picture that each names.
EDITED, VARIED = "team.png", ("mascot.png", "hero.png", "empty.png", "robot.png", "onboarding.png")
TICKS = os.sysconf("SC_CLK_TCK")


class Done(NamedTuple):
    """One process: its exit code, seconds by the clock, the files it published, and what it said."""

    request: str
    code: int
    seconds: float
    files: tuple[Path, ...]
    said: str


def requests() -> list[str]:
    """A hundred requests, spread over kinds and languages: a background and a variation in each language, the rest new."""
    known = [row for row in rows() if row.maturity == "general"]
    named = [row.request for row in known if row.kind == "edit" and EDITED in row.request]
    for at, language in enumerate(dict.fromkeys(row.language for row in known)):
        name = VARIED[at % len(VARIED)]
        named += [
            row.request for row in known if row.kind == "variation" and row.language == language and name in row.request
        ]
    new = [row.request for row in known if row.kind not in ("edit", "variation")]
    number = REQUESTS - len(named)
    return [new[i * len(new) // number] for i in range(number)] + named


def forbidden() -> list[str]:
    """Requests that must be refused."""
    return [line for line in FORBIDDEN.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


class Home:
    """A home of its own for `imajin auto`, with the pictures that requests name, and its worker or none."""

    def __init__(self, folder: Path, worker: str) -> None:
        self.folder = folder
        # Absolute: a command that looks for modules in its working folder is none for the worker.
        told = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
        paths = os.pathsep.join([str(HERE.parent), *told])
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("IMAJIN_", "XDG_", "CI"))}
        self.env = {**kept, "HOME": str(folder), "PYTHONPATH": paths, "IMAJIN_WORKER": worker}

    def imajin(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One command."""
        command = [sys.executable, "-m", "imajin_cli", *words]
        return subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=600)

    def auto(self, request: str, to: str = "out") -> Done:
        """One `imajin auto`."""
        started = time.perf_counter()
        done = self.imajin("auto", request, "-o", to)
        seconds = time.perf_counter() - started
        files = tuple(self.folder / name for name in done.stdout.splitlines())
        return Done(request, done.returncode, seconds, files, done.stderr.strip())

    def name_pictures(self) -> None:
        """Make the pictures that requests name: one of ours under every name, with the sidecar that says how it was made."""
        made = self.auto("a friendly spot illustration of a robot", "source").files[0]
        for name in (EDITED, *VARIED):
            shutil.copy(made, self.folder / name)
            shutil.copy(sidecar_path(made), sidecar_path(self.folder / name))

    def cpu(self) -> float:
        """Seconds of a processor that ended commands and the worker's processes have taken."""
        told = (
            [] if self.env["IMAJIN_WORKER"] == "off" else json.loads(self.imajin("worker", "status", "--json").stdout)
        )
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return ended.ru_utime + ended.ru_stime + sum(_taken(one["pid"]) for one in told)


def _taken(pid: int) -> float:
    """Seconds of a processor that a process, its children that ended, and those that live have taken (Linux)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS + sum(_taken(int(child)) for child in children)


@contextmanager
def home(worker: str, folder: Path | None = None) -> Iterator[Home]:
    """A home in ``folder``, else in one that goes away; its worker is warm at first and ended at last."""
    with tempfile.TemporaryDirectory() as name:
        made = Home(folder or Path(name), worker)
        made.folder.mkdir(parents=True, exist_ok=True)
        made.name_pictures()
        try:
            yield made
        finally:
            made.imajin("worker", "stop")


class Judged(NamedTuple):
    """How many of ``pictures`` semantic passes by their own prompt as `auto` has it judge, and rejects by another's: so, by
    default, and where it judges all.
    """

    pictures: int
    own: int
    other: int
    mildly: int
    always: int


def judged(done: Sequence[Done]) -> Judged:
    """The first picture of each request for something new, held against its own prompt and against a shuffled one.

    In the table every kind holds the same things in each language; a prompt of the same kind may be the same request in
    other words, so that the next one of another kind is taken.
    """
    from benchmarks.end_to_end import shuffled
    from imajin_cli.asking.plan import JUDGE
    from imajin_cli.stages.semantic import Semantic, SemanticParams

    kinds = {row.request: row.kind for row in rows()}
    made = [one for one in done if one.code == 0 and kinds[one.request] not in ("edit", "variation")]
    assets = [_asset(one.files[0]) for one in made]
    order = shuffled(len(made))
    gate, mild, always = (Semantic(SemanticParams(judge=judge)) for judge in (JUDGE, "auto", "always"))  # type: ignore[arg-type]
    counts = [0, 0, 0, 0]
    for at, asset in enumerate(assets):
        turn = next(i for i in order[at:] + order if kinds[made[i].request] != kinds[made[at].request])
        moved = _asking(asset, made[turn].request)
        told = (not _rejects(gate, asset), *(_rejects(one, moved) for one in (gate, mild, always)))
        counts = [count + one for count, one in zip(counts, told, strict=True)]
    return Judged(len(made), *counts)


def _asset(file: Path) -> Asset:
    from imajin_cli.contract.stage import Asset
    from imajin_cli.run.found import find_sidecar
    from imajin_cli.stages.load import Load, LoadParams

    sidecar = find_sidecar(file)
    return Asset(sidecar, Load(LoadParams()).apply(Asset(sidecar, raw=file.read_bytes())).picture, file.stem)


def _asking(asset: Asset, prompt: str) -> Asset:
    from imajin_cli.contract.sidecar import Request

    return replace(asset, sidecar=asset.sidecar.model_copy(update={"request": Request(prompt=prompt)}))


def _rejects(gate: Semantic, asset: Asset) -> bool:
    return gate.apply(asset).status == "rejected"


def measure(wrong: bool = False, out: Path | None = None) -> dict[str, float]:
    """Shares in per cent, and seconds."""
    with home("on", out) as warm:
        asked, cpu = _all(warm, requests())
        refused, _ = _all(warm, forbidden())
        found = judged(asked)
    with home("off") as cold:
        slow, slow_cpu = _all(cold, requests()[:: REQUESTS // COLD])
    for done in [done for done in asked if done.code] + [done for done in refused if done.code not in REFUSED]:
        if wrong:
            print(f"{done.code}: {done.request}\n    {done.said}")
    return {
        "requests published, %": _share(done.code == 0 for done in asked),
        "forbidden requests": len(refused),
        "forbidden requests refused (10 or 11), %": _share(done.code in REFUSED for done in refused),
        "pictures that pass by their own prompt, %": 100 * found.own / found.pictures,
        "pictures rejected by another's prompt, %": 100 * found.other / found.pictures,
        "the same, as semantic judges by default, %": 100 * found.mildly / found.pictures,
        "the same, where it judges all, %": 100 * found.always / found.pictures,
        "whole process with the worker, median seconds": statistics.median(done.seconds for done in asked),
        "whole process with the worker, mean seconds of a processor": cpu,
        "whole process without it, median seconds": statistics.median(done.seconds for done in slow),
        "whole process without it, mean seconds of a processor": slow_cpu,
    }


def _all(where: Home, wanted: Sequence[str]) -> tuple[list[Done], float]:
    """Each request by a process of its own, and the mean seconds of a processor."""
    before = where.cpu()
    done = [where.auto(request) for request in wanted]
    return done, (where.cpu() - before) / len(wanted)


def _share(right: Iterable[bool]) -> float:
    return 100 * statistics.mean(right)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wrong", action="store_true", help="list what was not published, and what was not refused")
    parser.add_argument("--out", type=Path, help="keep the pictures here")
    options = parser.parse_args()
    for name, value in measure(options.wrong, options.out and options.out.resolve()).items():
        print(f"{name}: {value:.3g}")


if __name__ == "__main__":
    main()
