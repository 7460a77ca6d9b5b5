"""The shards of one part as arrays, and which rows belong together."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np


@dataclass
class Pairs:
    """``of`` is each picture's clean one (a row), -1 for clean ones; ``kind`` its damage; ``family`` its set or layout."""

    whole: np.ndarray
    patches: np.ndarray
    features: np.ndarray
    of: np.ndarray
    kind: np.ndarray
    family: np.ndarray
    cls: np.ndarray
    items: list[np.ndarray] = field(default_factory=list)

    @cached_property
    def mean(self) -> np.ndarray:
        return self.features.mean(0)

    @cached_property
    def spread(self) -> np.ndarray:
        return np.maximum(self.features.std(0), 1e-3)


def load(folder: Path, part: str) -> Pairs:
    """Every finished shard of ``part``, in order. A gradient's clean picture and its damaged one are items of their own."""
    names = ("whole", "patches", "features", "of", "kind", "family", "cls")
    shards = []
    for path in sorted(folder.glob(f"{part}-???.npz")):
        with np.load(path) as data:
            shards.append({name: data[name] for name in names})
    start = 0
    for shard in shards:
        shard["of"] = np.where(shard["of"] >= 0, shard["of"] + start, -1)
        start += len(shard["of"])
    found = Pairs(*(np.concatenate([s[name] for s in shards]) for name in names))
    root = np.where(found.of >= 0, found.of, np.arange(len(found.of)))
    order = np.argsort(root, kind="stable")
    cuts = np.flatnonzero(np.diff(root[order])) + 1
    found.items = [rows for rows in np.split(order, cuts) if len(rows) > 1]
    return found
