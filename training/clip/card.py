"""Write the model card beside the weights: what it is, what it learnt from under which licences, what it was measured to do."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from imajin_cli.stages.backends.miniclip import THINGS, tensors
from imajin_cli.stages.backends.named import Named
from imajin_cli.stages.backends.parts import Parts

HERE = Path(__file__).resolve().parent
OUT = HERE.parents[1] / "stages/semantics/compiled/card.md"
CLEAN = "without wrong prompts that are true"
RESULTS = HERE.parents[1] / "benchmarks/gates_semantic.json"


def sets(data: Path, icons: Path) -> list[str]:
    split = yaml.safe_load((HERE / "split.yaml").read_text())["icons"]
    rows = ["| set | part | pictures | licence | by |", "|---|---|---|---|---|"]
    for part in ("train", "calibrate", "test"):
        for source in sorted(s for group in split[part].values() for s in group):
            info = json.loads((icons / source / "info.json").read_text())
            with np.load(data / "shards" / f"{part}-{source}.npz") as shard:
                count = len(shard["captions"])
            rows.append(f"| {source} | {part} | {count} | {info['license']['spdx']} | {info['author']['name']} |")
    return rows


def line(name: str, rates: dict[str, Any]) -> str:
    low, high = rates["auc"][1:]
    return (
        f"| {name} | {rates['auc'][0]:.3f} ({low:.3f} to {high:.3f}) | {rates['false_rejections'] * 100:.1f} % "
        f"| {rates['wrong_caught'] * 100:.1f} % | {rates['right']} / {rates['wrong']} |"
    )


def results() -> list[str]:
    found = json.loads(RESULTS.read_text())
    rows = [
        "| what | AUC (95 %) | right prompts rejected | wrong prompts caught | right / wrong |",
        "|---|---|---|---|---|",
    ]
    for kind in (key for key in found if key.startswith(("icons", "composed"))):
        keys = ("all", "wrong of the same set", "wrong from anywhere", CLEAN, "without them, of the same set")
        rows += [line(f"{kind}: {key}", found[kind][key]) for key in keys if key in found[kind]]
        for by in ("by set", "by mark", "without them, by mark"):
            note = ", without them" if by.startswith("without") else ""
            rows += [line(f"{kind}: {value}{note}", rates) for value, rates in found[kind].get(by, {}).items()]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--modules", type=Path, required=True)
    args = parser.parse_args()
    text = (HERE / "card.in.md").read_text()
    text = text.replace("{sets}", "\n".join(sets(args.data, args.modules / "@iconify-json")))
    text = text.replace("{results}", "\n".join(results()))
    text = text.replace("{revision}", json.loads(RESULTS.read_text())["revision"])
    kept = tensors(OUT.parent / THINGS)
    text = text.replace("{rows}", f"{len(kept['keys']):,}").replace("{things}", str(len(kept["prior"])))
    text = text.replace("{names}", f"{len(Named(OUT.parent).tables['keys']):,}")
    text = text.replace("{drawings}", f"{len(Parts(OUT.parent).places):,}")
    OUT.write_text(text)


if __name__ == "__main__":
    main()
