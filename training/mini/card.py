"""Write the card from its template, the scores and the weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from ship import MODEL, OUT

HERE = Path(__file__).parent
REACHED = "half of the held-out prompts come first and the adapters beat shuffled inputs: it is as far as it was to go"


def percent(share: float) -> str:
    """A share as people read it."""
    return f"{100 * share:.1f} %"


def main() -> None:
    scores = json.loads((OUT / "scores.json").read_text())
    files = list(OUT.rglob("*.safetensors"))
    weights = sum(int(np.prod(w.shape)) for file in files if MODEL in file.parts for w in load_file(file).values())
    fields = {
        "parameters": f"{weights / 1e6:.1f}", "megabytes": f"{sum(f.stat().st_size for f in files) / 1e6:.1f}",
        "verdict": (scores["experimental"] or REACHED).capitalize() + ".",
        "prompts": scores["text"]["prompts"],
        "psnr": scores["psnr"], "seconds": scores["text"]["seconds_a_picture"], "pairs": scores["control"]["pairs"],
    }  # fmt: skip
    for name, key in (("held", "held"), ("names", "names"), ("real", "drawings")):
        own = scores["text"][key]
        shares = {f"{name}_first": percent(own["first"]), f"{name}_five": percent(own["first_five"])}
        fields |= shares | {f"{name}_mean": f"{own['mean_rank']:.1f}", f"{name}_cosine": percent(own["first_by_cosine"])}
    for name in ("control", "adapter"):
        own = scores[name]
        means = {f"{name}_{key}": f"{own[key]:.3f}" for key in ("own", "shuffled")}
        fields |= means | {f"{name}_wins": percent(own["wins"])}
    (OUT / "card.md").write_text((HERE / "card.in.md").read_text().format(**fields))


if __name__ == "__main__":
    main()
