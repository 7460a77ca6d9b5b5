"""Statistics of good pictures for each asset class, and the score below which a picture is rejected.

    python training/aesthetic/calibrate.py --data .training

The threshold is the score that one in a hundred good pictures of the calibration part falls short of, or, where that is
lower, the one-sided tolerance limit of a normal distribution: with so few pictures the hundredth alone is chance.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from evaluate import learned, raw
from pairs import Pairs

from imajin_cli.stages.aesthetics import combine
from imajin_cli.stages.aesthetics.classes import CLASSES
from imajin_cli.stages.backends import scorer

REJECTED = 0.01
# Standard deviations below the mean under which, with 95 % confidence, at most 1 % lies, of a normal distribution known from
# 120 values (the non-central t distribution; by Natrella 1963, NBS Handbook 91, 2-13).
TOLERANCE = 2.65


def good(folder: Path, part: str, cls: str) -> Pairs:
    with np.load(folder / f"good-{part}-{cls}.npz") as data:
        count = len(data["features"])
        none, said = np.full(count, -1), np.full(count, "clean")
        return Pairs(data["whole"], data["patches"], data["features"], none, said, data["family"], np.full(count, cls))


def robust(values: np.ndarray) -> tuple[float, float]:
    """Mean without the outer twentieth on either side, and a spread that a few strange pictures do not stretch."""
    low, high = np.percentile(values, (5, 95))
    middle = values[(values >= low) & (values <= high)]
    spread = max(float(np.std(middle)) * 1.25, 0.02 * (1 + abs(float(np.mean(middle)))))
    return round(float(np.mean(middle)), 5), round(spread, 5)


def entry(data: Pairs) -> dict:
    parts = raw(data, learned(data))
    norms = {name: robust(values) for name, values in parts.items()}
    total = np.array(
        [
            sum(w * combine.z_of(float(parts[n][i]), *norms[n], side) for n, (w, side) in combine.PARTS.items())
            for i in range(len(data.of))
        ]
    )
    mean, spread = robust(total)
    scores = (total - mean) / spread
    limit = min(float(np.quantile(scores, REJECTED)), float(scores.mean() - TOLERANCE * scores.std(ddof=1)))
    return {
        "pictures": len(data.of),
        "parts": norms,
        "sum": (mean, spread),
        "threshold": round(limit - 0.05, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    found = {
        "scorer": scorer.NAME,
        "revision": scorer.revision(),
        "classes": {cls: entry(good(args.data / "pairs", "calibrate", cls)) for cls in CLASSES},
    }
    (combine.FOLDER / combine.STATISTICS).write_text(json.dumps(found, indent=1) + "\n")
    for cls, one in found["classes"].items():
        print(cls, one)


if __name__ == "__main__":
    main()
