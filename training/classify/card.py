"""Write the card of the compiled heads: what they are, and what they were measured to do.

The measures are those that `python -m benchmarks --keep classify` left in RESULTS.json.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.classify import rows
from benchmarks.results import read
from imajin_cli.stages.classification.heads import COMPILED

HERE = Path(__file__).parent


def main() -> None:
    """Measure, and write."""
    facts = json.loads((COMPILED / "heads.json").read_bytes())
    with np.load(COMPILED / "heads.npz", allow_pickle=False) as stored:
        parameters = sum(stored[name].size for name in stored.files)
    found = read()["classify"]["rows"]
    table = ["| measured | value |", "|---|---|"]
    table += [f"| {name} | {value:.3g} |" for name, value in found.items() if not name.startswith(("ms", "requests"))]
    text = (HERE / "card.in.md").read_text(encoding="utf-8")
    card = text.format(
        revision=facts["revision"],
        embedder=facts["embedder"],
        parameters=parameters,
        kib=(COMPILED / "heads.npz").stat().st_size / 1000,
        requests=facts["requests"],
        held=facts["held"],
        rows=len(rows()),
        table="\n".join(table),
    )
    (COMPILED / "card.md").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
