"""A third party's stage with a large torch model: 300 MB of random weights. ``python -m imajin_heavy FILE`` writes them."""

from __future__ import annotations

import functools
import os
import sys
import time
from typing import Annotated, Any

from pydantic import Field

from imajin_cli.contract.exits import Exit
from imajin_cli.contract.sidecar import Score
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage

LAYERS, WIDTH = 18, 2048


@functools.lru_cache(maxsize=2)
def model(path: str) -> Any:
    """The weights, read once a process."""
    import torch
    from safetensors.torch import load_file

    torch.set_num_threads(1)
    return [weight.clone() for _, weight in sorted(load_file(path).items())]


class HeavyParams(Params):
    weights: Annotated[str, Field(description="File of weights.")] = ""


class Heavy(Stage[HeavyParams]):
    """Pass a picture through a large network."""

    name = "heavy"
    kind = Kind.GATE
    rejects_with = Exit.QUALITY
    Params = HeavyParams

    def apply(self, asset: Asset) -> Outcome:
        import numpy as np

        assert asset.picture is not None
        layers = model(self.params.weights)
        import torch

        grey = np.asarray(asset.picture.image.convert("L").resize((64, 32)), np.float32).reshape(-1) / 255
        started = time.perf_counter()
        with torch.inference_mode():
            value = torch.from_numpy(grey)
            for weight in layers:
                value = torch.tanh(weight @ value)
        forward = time.perf_counter() - started
        score = Score(name="heavy", value=round(float(value.mean()), 4), threshold=-2, op=">=", passed=True)
        return Outcome("passed", scores=[score], notes={"forward": round(forward, 4), "pid": os.getpid()})


def write(path: str) -> None:
    """Write random weights."""
    import torch
    from safetensors.torch import save_file

    random = torch.Generator().manual_seed(1)
    save_file({f"{i:02}": torch.randn(WIDTH, WIDTH, generator=random) / WIDTH**0.5 for i in range(LAYERS)}, path)


if __name__ == "__main__":
    write(sys.argv[1])
