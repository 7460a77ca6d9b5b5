"""How often a clean picture ranks above its damaged version, by damage, with Wilson's intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pairs import Pairs
from PIL import Image

from imajin_cli.stages.aesthetics import combine
from imajin_cli.stages.backends import scorer
from imajin_cli.stages.imaging.looks.features import features
from imajin_cli.stages.imaging.looks.views import Views


def interval(right: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share (Journal of the American Statistical Association 22, 1927)."""
    if not count:
        return 0.0, 1.0
    p, n = right / count, count
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def learned(data: Pairs, made: scorer.Embedded | None = None) -> np.ndarray:
    made = made or scorer.Embedded()
    return np.array([made.score(*row) for row in zip(data.whole, data.patches, data.features, strict=True)])


def raw(data: Pairs, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Each part's own numbers."""
    at = {name: i for i, name in enumerate(features(Views(Image.new("RGB", (64, 64), "white"))))}
    return {
        name: scores if name == combine.LEARNED else data.features[:, at[name]].astype(float) for name in combine.PARTS
    }


def combined(data: Pairs, scores: np.ndarray, norms: dict[str, combine.Norm]) -> np.ndarray:
    parts = raw(data, scores)
    return np.array(
        [norms[str(c)].judged({n: float(v[i]) for n, v in parts.items()})[0] for i, c in enumerate(data.cls)]
    )


def rates(values: np.ndarray, data: Pairs, chosen: np.ndarray | None = None) -> dict[str, Any]:
    """Pairs in order: share, how many, and the interval."""
    bad = data.of >= 0
    if chosen is not None:
        bad &= chosen
    rows = np.flatnonzero(bad)
    right = int((values[data.of[rows]] > values[rows]).sum())
    low, high = interval(right, len(rows))
    return {
        "share": round(right / max(1, len(rows)), 4),
        "pairs": len(rows),
        "interval": [round(low, 4), round(high, 4)],
    }


def report(values: np.ndarray, data: Pairs) -> dict[str, Any]:
    return {
        "all": rates(values, data),
        "by damage": {str(k): rates(values, data, data.kind == k) for k in sorted(set(data.kind[data.of >= 0]))},
        "by class": {str(c): rates(values, data, data.cls == c) for c in sorted(set(data.cls))},
        "by set": {str(f): rates(values, data, data.family == f) for f in sorted(set(data.family[data.cls == "icon"]))},
    }
