"""Resident memory of a pipe of three stages after 100 and after 1,000 pictures: ``python -m benchmarks.memory``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
STAGES = (["load"], ["tint"], ["bright", "--threshold", "1"])
COUNTS = (100, 1000)


def resident_mib(pid: int) -> float:
    """MiB that process ``pid`` has in memory (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def write_pictures(folder: Path, count: int) -> list[Path]:
    """``count`` different PNGs of 128 px."""
    from PIL import Image

    paths = []
    for i in range(count):
        image = Image.linear_gradient("L").resize((128, 128)).rotate(i)
        image.putpixel((0, 0), i % 256)
        paths.append(folder / f"p{i}.png")
        image.convert("RGB").save(paths[-1])
    return paths


def measure(counts: tuple[int, ...] = COUNTS) -> dict[str, dict[int, float]]:
    """Stage → number of pictures that have come out of the pipe → MiB resident then."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "plugins"), str(ROOT)]),
        "OMP_NUM_THREADS": "1",
    }
    found: dict[str, dict[int, float]] = {stage[0]: {} for stage in STAGES}
    with tempfile.TemporaryDirectory() as name:
        paths = write_pictures(Path(name), max(counts))
        running: list[subprocess.Popen[bytes]] = []
        for stage in STAGES:
            source = running[-1].stdout if running else subprocess.PIPE
            command = [sys.executable, "-m", "imajin_cli", *stage]
            running.append(subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE, cwd=name, env=environment))
        first, last = running[0].stdin, running[-1].stdout
        if first is None or last is None:
            raise RuntimeError("a pipe is missing")
        for done, path in enumerate(paths, 1):
            first.write(os.fsencode(path) + b"\n")
            first.flush()
            last.readline()
            if done in counts:
                for stage, process in zip(STAGES, running, strict=True):
                    found[stage[0]][done] = resident_mib(process.pid)
        first.close()
        for process in running:
            process.wait()
    return found


if __name__ == "__main__":
    for stage, sizes in measure().items():
        print(f"{stage}: " + ", ".join(f"{size:.1f} MiB after {count} pictures" for count, size in sizes.items()))
