"""A part of the training: so many minutes of its own, in as many sittings as it takes."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

KEEP_EVERY = 90.0


def options(minutes: float) -> argparse.ArgumentParser:
    """What every part is asked: the folder of data, and its minutes, by default ``minutes``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=minutes)
    return parser


def begun(parser: argparse.ArgumentParser, seed: int | None = None) -> argparse.Namespace:
    """The answers; from here on torch has one thread, and its own noise comes from ``seed``."""
    found = parser.parse_args()
    torch.set_num_threads(1)
    if seed is not None:
        torch.manual_seed(seed)
    return found


class Part:
    """Networks and optimisers with their checkpoint; `share` of its minutes is over, by which the rate falls."""

    def __init__(self, file: Path, minutes: float, nets: dict[str, nn.Module], made: Iterable[torch.optim.Optimizer]) -> None:
        self.file, self.minutes, self.nets, self.optimisers = file, minutes, nets, list(made)
        self.rates = [group["lr"] for o in self.optimisers for group in o.param_groups]
        self.seconds, self.steps, self.told = 0.0, 0, 0.0
        self.last = self.kept = time.monotonic()
        if file.is_file():
            self._take_up(torch.load(file, weights_only=True))

    def _take_up(self, found: dict[str, Any]) -> None:
        for name, net in self.nets.items():
            net.load_state_dict(found["nets"][name])
        for one, state in zip(self.optimisers, found["optimisers"], strict=True):
            one.load_state_dict(state)
        self.seconds, self.steps = found["seconds"], found["steps"]

    @property
    def share(self) -> float:
        """How much of the part's minutes is over, 0..1."""
        return min(1.0, self.seconds / (60 * self.minutes))

    def step(self, loss: torch.Tensor, clip: float = 1.0) -> None:
        """One step down ``loss``; the rate rises over a hundred steps, holds, and falls to nothing over the last part."""
        rate = min(1.0, (self.steps + 1) / 100) * min(1.0, max(0.01, (1 - self.share) / 0.45))
        for group, full in zip((g for o in self.optimisers for g in o.param_groups), self.rates, strict=True):
            group["lr"] = full * rate
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for o in self.optimisers for g in o.param_groups for p in g["params"]], clip)
        for one in self.optimisers:
            one.step()
            one.zero_grad(set_to_none=True)
        self.steps += 1
        now = time.monotonic()
        self.seconds += now - self.last
        self.last = now
        shown = float(loss.detach())
        self.told = 0.98 * self.told + 0.02 * shown if self.told else shown
        if self.steps % 100 == 0:
            print(f"{self.file.stem} {self.steps} steps, {self.seconds:.0f} s, loss {self.told:.4f}", flush=True)
        if now - self.kept > KEEP_EVERY or self.share >= 1:
            self.keep()

    def keep(self) -> None:
        """Write the checkpoint."""
        held = {
            "nets": {name: net.state_dict() for name, net in self.nets.items()},
            "optimisers": [one.state_dict() for one in self.optimisers],
            "seconds": self.seconds,
            "steps": self.steps,
        }
        temporary = self.file.with_suffix(".tmp")
        torch.save(held, temporary)
        temporary.rename(self.file)
        self.kept = self.last = time.monotonic()
