"""A third party's stage with a large torch model: 300 MB of random weights. ``python -m imajin_heavy FILE`` writes them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from imajin_cli.contract.backend import Backend, Item, Settings, ask
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.need import Need
from imajin_cli.contract.sidecar import Score
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage

LAYERS, WIDTH = 18, 2048


class Network(Backend):
    """The weights, read once a process, and as many pictures at a time as there are: what takes long is reading them."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._layers: list[Any] = []

    def need(self) -> Need:
        return need(self.settings["weights"])

    def batch(self, items: Sequence[Item]) -> list[Item]:
        import torch
        from safetensors.torch import load_file

        if not self._layers:
            torch.set_num_threads(1)
            loaded = load_file(self.settings["weights"])
            self._layers = [loaded[name].clone() for name in sorted(loaded)]
        started = time.perf_counter()
        with torch.inference_mode():
            value = torch.stack(
                [torch.frombuffer(bytearray(item["grey"]), dtype=torch.float32) for item in items], dim=1
            )
            for weight in self._layers:
                value = torch.tanh(weight @ value)
        forward = time.perf_counter() - started
        means = value.mean(dim=0)
        return [{"mean": float(mean), "forward": forward, "together": len(items), "pid": os.getpid()} for mean in means]

    def close(self) -> None:
        self._layers = []


def need(path: str) -> Need:
    return Need(f"heavy {os.path.basename(path)}", 900, device="auto", dtype="fp32", shared=True)


class HeavyParams(Params):
    weights: Annotated[str, Field(description="File of weights.")] = ""


class Heavy(Stage[HeavyParams]):
    """Pass a picture through a large network."""

    name = "heavy"
    kind = Kind.GATE
    rejects_with = Exit.QUALITY
    Params = HeavyParams

    def needs(self) -> Sequence[Need]:
        return [need(self.params.weights)]

    def apply(self, asset: Asset) -> Outcome:
        import numpy as np

        assert asset.picture is not None
        grey = np.asarray(asset.picture.image.convert("L").resize((64, 32)), np.float32).reshape(-1) / 255
        (found,) = ask("imajin_heavy:Network", {"weights": self.params.weights}, [{"grey": grey.tobytes()}])
        score = Score(name="heavy", value=round(found["mean"], 4), threshold=-2, op=">=", passed=True)
        notes = {name: found[name] for name in ("forward", "together", "pid")}
        return Outcome("passed", scores=[score], notes=notes)


def write(path: str) -> None:
    """Write random weights."""
    import torch
    from safetensors.torch import save_file

    random = torch.Generator().manual_seed(1)
    save_file({f"{i:02}": torch.randn(WIDTH, WIDTH, generator=random) / WIDTH**0.5 for i in range(LAYERS)}, path)


if __name__ == "__main__":
    write(sys.argv[1])
