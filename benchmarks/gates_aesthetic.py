"""The aesthetic gate on icon sets and situations that training never saw: pairs in order, by damage, and time a picture.

    PYTHONPATH=.:training/aesthetic python benchmarks/gates_aesthetic.py --data .training [--out benchmarks/gates_aesthetic.json]

The data comes from the recipe (training/aesthetic/README.md): a pair is a clean picture and its own damaged version, and
is in order where the clean one scores higher; intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from calibrate import good
from evaluate import combined, interval, learned, report
from pairs import Pairs, load

from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Asset
from imajin_cli.stages.aesthetic import Aesthetic, AestheticParams
from imajin_cli.stages.aesthetics.classes import CLASSES
from imajin_cli.stages.aesthetics.combine import PARTS, norm
from imajin_cli.stages.backends import compose, scorer
from imajin_cli.stages.scene.choose import Manner


def judged(values: np.ndarray, data: Pairs, limits: dict[str, float]) -> dict[str, Any]:
    """Of damaged pictures, the share that is rejected at the class's own threshold, by damage."""
    low = values < np.array([limits[str(c)] for c in data.cls])
    kinds = sorted(set(data.kind[data.of >= 0]))
    return {str(kind): round(float(low[(data.kind == kind) & (data.of >= 0)].mean()), 3) for kind in kinds}


def rejected(folder: Path, norms: dict[str, Any], limits: dict[str, float]) -> dict[str, Any]:
    """Of good pictures of unseen sets and situations, the share that is rejected, by class, with the interval."""
    found, low, total = {}, 0, 0
    for cls in CLASSES:
        data = good(folder, "test", cls)
        count = int((combined(data, learned(data), norms) < limits[cls]).sum())
        found[cls] = {
            "share": round(count / len(data.of), 4),
            "pictures": len(data.of),
            "interval": _rounded(count, len(data.of)),
        }
        if cls != "photo":
            low, total = low + count, total + len(data.of)
    found["all but photo"] = {"share": round(low / total, 4), "pictures": total, "interval": _rounded(low, total)}
    return found


def _rounded(count: int, total: int) -> list[float]:
    return [round(value, 4) for value in interval(count, total)]


def seconds(size: int, rounds: int = 15) -> dict[str, float]:
    """Least and median CPU seconds of the whole gate for a composed picture, one thread, the scorer loaded, pixels at hand."""
    stage = Aesthetic(AestheticParams())
    made, _ = compose.scene(compose.Order("an empty inbox", 3, size, size, Manner("spot")))
    image = compose.picture(made.vector, size, size).image
    stage.apply(Asset(Sidecar(id="x"), Picture.of(image)))
    took = []
    for _ in range(rounds):
        start = time.process_time()
        stage.apply(Asset(Sidecar(id="x"), Picture.of(image.copy())))
        took.append(time.process_time() - start)
    return {"least": round(min(took), 4), "median": round(float(np.median(took)), 4)}


def loading(rounds: int = 7) -> dict[str, float]:
    """CPU seconds to open the scorer, onnxruntime imported."""
    took = []
    data = scorer.FOLDER / scorer.WEIGHTS
    from imajin_cli.stages.backends.onnx import open_session

    for _ in range(rounds):
        start = time.process_time()
        open_session(data.read_bytes)
        took.append(time.process_time() - start)
    return {"least": round(min(took), 4), "median": round(float(np.median(took)), 4)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    args = parser.parse_args()
    folder = args.data / "pairs"
    data = load(folder, "test")
    norms = {cls: norm(cls, scorer.NAME, scorer.revision()) for cls in CLASSES}
    limits = {cls: held.threshold for cls, held in norms.items()}
    scores = learned(data)
    values = combined(data, scores, norms)
    found = {
        "revision": scorer.revision(),
        "weights": {name: weight for name, (weight, _) in PARTS.items()},
        "combined score": report(values, data),
        "learned part alone": report(scores, data)["all"],
        "plain measures alone": report(plain(data, norms), data)["all"],
        "rejected good pictures": rejected(folder, norms, limits),
        "rejected damaged pictures": judged(values, data, limits),
        "CPU seconds": {"512": seconds(512), "1024": seconds(1024), "open the scorer": loading()},
    }
    args.out.write_text(json.dumps(found, indent=1) + "\n")
    for key in ("by damage", "by class", "by set"):
        for name, rate in found["combined score"][key].items():
            print(f"{key:10s} {name:18s} {rate}")
    for name in list(found)[2:]:
        print(name, found[name]["all"] if name == "combined score" else found[name])


def plain(data: Pairs, norms: dict[str, Any]) -> np.ndarray:
    """The combined score without the learned part."""
    means = np.array([norms[str(c)].parts["learned"][0] for c in data.cls])
    return combined(data, means, norms)


if __name__ == "__main__":
    main()
