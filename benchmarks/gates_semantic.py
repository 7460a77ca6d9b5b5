"""The semantic gate on held-out icon sets and composed scenes: AUC with intervals, what the thresholds do, time a picture.

    PYTHONPATH=.:training/clip python benchmarks/gates_semantic.py --data .training [--out benchmarks/gates_semantic.json]

The data comes from the recipe (training/clip/README.md); which sets, situations and wordings are held out stands in
training/clip/split.yaml, what a wrong prompt is in training/clip/evaluate.py.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from evaluate import Pairs, Words, icons, pairs, report, scenes
from PIL import Image

from imajin_cli.stages.backends.miniclip import MiniClip, revision
from imajin_cli.stages.imaging.metrics.planes import Planes
from imajin_cli.stages.semantics.judge import calibration, curve
from imajin_cli.stages.semantics.look import look, reduced


def judged(p: Pairs, name: str) -> dict[str, Any]:
    """The report of one class by its calibrated curve, and the bare cosine's AUC beside it."""
    made = curve(name, revision())
    logits = p.features @ np.array(made.weights) + made.bias
    limit = float(np.log(made.threshold / (1 - made.threshold)))
    from evaluate import auc

    found = {"threshold": made.threshold, **report(logits, limit, p)}
    found["auc of the bare cosine"] = round(auc(p.features[p.right, 0], p.features[~p.right, 0]), 4)
    return found


def seconds(clip: MiniClip) -> dict[str, float]:
    """Median seconds to look at and encode a 512-pixel picture, one thread, model loaded."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (8, 8, 4), np.uint8)).resize((512, 512), Image.Resampling.NEAREST)
    looked, encoded = [], []
    for _ in range(15):
        start = time.perf_counter()
        pixels = look(Planes(reduced(image)))
        middle = time.perf_counter()
        assert pixels is not None
        clip.image(pixels)
        looked.append(middle - start)
        encoded.append(time.perf_counter() - middle)
    return {"look": round(float(np.median(looked)), 4), "encode": round(float(np.median(encoded)), 4)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    args = parser.parse_args()
    clip = MiniClip()
    words, sample = Words(clip, args.data / "text"), clip.sample()
    part = icons(clip, args.data / "shards", "test")
    scene, situations = scenes(clip, args.data / "scenes/test.npz", "test")
    icon = pairs(part, words, sample, part.prompts, part.prompts)
    illustration = pairs(scene, words, sample, part.prompts, situations, each=8)
    found = {
        "revision": revision(),
        "icons of unseen sets": judged(icon, "icon"),
        "composed scenes": judged(illustration, "illustration"),
        "icons of unseen sets, class auto": judged(icon, "drawing"),
        "composed scenes, class auto": judged(illustration, "drawing"),
        "filters on unseen emoji": calibration()["filters"],
        "seconds": seconds(clip),
    }
    args.out.write_text(json.dumps(found, indent=1) + "\n")
    for name in [key for key in found if key.startswith(("icons", "composed"))]:
        for key in ("all", "wrong of the same set", "wrong from anywhere"):
            print(f"{name:22s} {key:22s} {found[name][key]}")
        for key in ("by set", "by mark"):
            for value, rates in found[name][key].items():
                print(f"{name:22s} {value:22s} {rates}")


if __name__ == "__main__":
    main()
