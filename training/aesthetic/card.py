"""Write the card of the committed weights from what was measured: benchmarks/gates_aesthetic.json and the checkpoint.

python training/aesthetic/card.py --data .training --icons NODE_MODULES/@iconify-json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import sources
import torch
from model import Scorer
from pairs import load

from imajin_cli.stages.backends import scorer

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def rows(rates: dict) -> str:
    lines = ["| damage | in order | interval | pairs |", "|---|---|---|---|"]
    for name, rate in rates.items():
        low, high = rate["interval"]
        lines.append(f"| {name} | {rate['share']:.1%} | {low:.1%} to {high:.1%} | {rate['pairs']} |")
    return "\n".join(lines)


def licences(folder: Path) -> str:
    lines = ["| icon set | licence | by |", "|---|---|---|"]
    names = sorted(
        {n for part in ("train", "calibrate") for kind in sources.SPLIT["icons"][part].values() for n in kind}
    )
    for name in names:
        path = folder / name / "info.json"
        if path.is_file():
            info = json.loads(path.read_text())
            lines.append(f"| {info['name']} | {info['license']['spdx']} | {info['author']['name']} |")
    used = ", ".join(f"`{n}`" for part in ("train", "calibrate") for n in sources.PHOTOS[part])
    photos = (
        f"Photographs (public domain or CC0, by the docstrings of skimage.data): {used}. Scenes: this project's own."
    )
    return "\n".join([*lines, "", photos])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--icons", type=Path, required=True)
    args = parser.parse_args()
    found = json.loads((ROOT / "benchmarks/gates_aesthetic.json").read_text())
    assert found["revision"] == scorer.revision(), "measure the committed weights first"
    kept = torch.load(args.data / "checkpoint.pt", weights_only=True)
    data = load(args.data / "pairs", "train")
    every, low = found["combined score"]["all"], found["rejected good pictures"]["all but photo"]
    text = (HERE / "card.in.md").read_text().format(
        revision=found["revision"], numbers=data.features.shape[1], steps=kept["step"], minutes=kept["spent"] / 60,
        parameters=f"{sum(p.numel() for p in Scorer(data.features.shape[1]).parameters()):,}",
        bytes=f"{(scorer.FOLDER / scorer.WEIGHTS).stat().st_size:,}",
        pictures=f"{len(data.of):,}", items=f"{(data.of < 0).sum():,}",
        all_share=every["share"], all_low=every["interval"][0], all_high=every["interval"][1], all_pairs=every["pairs"],
        learned_share=found["learned part alone"]["share"], plain_share=found["plain measures alone"]["share"],
        table=rows(found["combined score"]["by damage"]), rejected=low["share"], rejected_low=low["interval"][0],
        rejected_high=low["interval"][1], rejected_pictures=low["pictures"], data=licences(args.icons),
    )  # fmt: skip
    (scorer.FOLDER / "card.md").write_text(text)


if __name__ == "__main__":
    main()
