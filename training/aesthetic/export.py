"""The trained scorer as ONNX, and a check that the product's own path gives the same numbers.

python training/aesthetic/export.py --data .training
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from model import Scorer
from pairs import load
from torch import Tensor, nn

from imajin_cli.stages.backends import scorer
from training.halves import halve


class Bytes(nn.Module):
    """The scorer with views as they are made: bytes."""

    def __init__(self, net: Scorer) -> None:
        super().__init__()
        self.net = net

    def forward(self, whole: Tensor, patches: Tensor, numbers: Tensor) -> Tensor:
        return self.net(whole.float(), patches.float(), numbers)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--out", type=Path, default=scorer.FOLDER)
    args = parser.parse_args()
    torch.set_num_threads(1)
    kept = torch.load(args.checkpoint or args.data / "checkpoint.pt", weights_only=True)
    net = Scorer(len(kept["average"]["mean"]))
    net.load_state_dict(kept["average"])
    net.eval()
    data = load(args.data / "pairs", "calibrate")
    rows = np.linspace(0, len(data.of) - 1, 48).astype(int)
    feed = [torch.from_numpy(a[rows]) for a in (data.whole, data.patches, data.features)]
    target = args.out / scorer.WEIGHTS
    names = ["whole", "patches", "numbers"]
    one = tuple(part[:1] for part in feed)
    torch.onnx.export(
        Bytes(net).eval(), one, target, input_names=names, output_names=["score"], dynamo=False, opset_version=17
    )
    halve(target, lambda values: values.ndim >= 2)
    scorer.revision.cache_clear()
    with torch.no_grad():
        wanted = net(feed[0].float(), feed[1].float(), feed[2]).numpy()
    made = scorer.Embedded(args.out)
    found = np.array([made.score(data.whole[r], data.patches[r], data.features[r]) for r in rows])
    off = float(np.abs(found - wanted).max())
    print("revision", made.revision, "bytes", target.stat().st_size, "step", kept["step"], "off by", off)
    assert off < 0.05 * float(wanted.std()), off


if __name__ == "__main__":
    main()
