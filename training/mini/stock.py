"""What the parts after the autoencoder draw from: codes by set, captions as tokens, noise and velocity, pictures of samples."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sayings import Concept, said
from torch import Tensor, nn
from transformers import CLIPTokenizer

VARIANTS = 48
"""Captions drawn for each concept once, before the training."""
LINE = 2
"""The number of the set that the LoRA is taught."""


class Stock:
    """Codes of unit variance, the concept and set of each, and captions' tokens by concept."""

    def __init__(self, data: Path) -> None:
        kept, drawn = torch.load(data / "codes.pt", weights_only=True), np.load(data / "pictures.npz")
        self.scale, self.codes = float(kept["scale"]), kept["codes"] * kept["scale"]
        self.pictures = torch.from_numpy(drawn["pictures"]).permute(0, 3, 1, 2)
        self.concept, self.set = torch.from_numpy(drawn["concept"]), torch.from_numpy(drawn["set"])
        rows = json.loads((data / "concepts.json").read_text())
        self.concepts = [Concept(r["code"], r["name"], r["tags"], r["others"], r["held"]) for r in rows]
        self.tokenizer = CLIPTokenizer.from_pretrained(str(data / "tokenizer"))
        self.vectors = torch.from_numpy(np.load(data / "tokens.npy"))
        rng = random.Random(3)
        captions = [said(c, rng) for c in self.concepts for _ in range(VARIANTS)]
        self.tokens = self.read(captions).view(len(self.concepts), VARIANTS, -1)
        self.nothing = self.read([""])[0]

    @property
    def ends(self) -> tuple[int, int]:
        """Numbers of the marks before and after a prompt."""
        return self.tokenizer.bos_token_id, self.tokenizer.eos_token_id

    def read(self, texts: Sequence[str]) -> Tensor:
        """Tokens (n, 32)."""
        found = self.tokenizer(list(texts), padding="max_length", truncation=True, max_length=self.tokenizer.model_max_length)
        return torch.tensor(found["input_ids"])

    def rows(self, shares: Sequence[float], count: int, rng: torch.Generator) -> Tensor:
        """``count`` pictures, of each set by its share."""
        weights = torch.zeros(len(self.codes))
        for number, share in enumerate(shares):
            own = self.set == number
            weights[own] = share / int(own.sum())
        return torch.multinomial(weights, count, generator=rng)

    def captions(self, rows: Tensor, without: float, rng: torch.Generator) -> Tensor:
        """A caption for each picture; of a share of them ``without``, none."""
        which = torch.randint(VARIANTS, (len(rows),), generator=rng)
        found = self.tokens[self.concept[rows], which].clone()
        found[torch.rand(len(rows), generator=rng) < without] = self.nothing
        return found


def noised(codes: Tensor, alphas: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Codes with noise, their times (each batch spread evenly over all), and the velocity that is to be predicted."""
    count = len(codes)
    spread = (torch.arange(count) + torch.rand(count, generator=rng)) / count
    times = (spread * len(alphas)).long().clamp(max=len(alphas) - 1)[torch.randperm(count, generator=rng)]
    a = alphas[times].sqrt().view(-1, 1, 1, 1)
    s = (1 - alphas[times]).sqrt().view(-1, 1, 1, 1)
    noise = torch.randn(codes.shape, generator=rng)
    return a * codes + s * noise, times, a * noise - s * codes


class Average:
    """A running average of networks' weights: what is sampled from and released."""

    def __init__(self, nets: dict[str, nn.Module], decay: float = 0.998) -> None:
        self.decay, self.steps = decay, 0
        self.kept = {f"{n}.{k}": v.detach().clone() for n, m in nets.items() for k, v in m.state_dict().items()}

    @torch.no_grad()
    def add(self, nets: dict[str, nn.Module]) -> None:
        """One step's weights."""
        self.steps += 1
        weight = 1 - min(self.decay, self.steps / (self.steps + 9))
        for name, net in nets.items():
            for key, value in net.state_dict().items():
                own = self.kept[f"{name}.{key}"]
                if value.is_floating_point():
                    own.lerp_(value, weight)
                else:
                    own.copy_(value)

    def of(self, name: str) -> dict[str, Tensor]:
        """The averaged state of a network."""
        return {key.partition(".")[2]: value for key, value in self.kept.items() if key.startswith(name + ".")}


@torch.inference_mode()
def sampled(parts: Any, vae: nn.Module, scale: float, tokens: Tensor, nothing: Tensor, more: Any = None,
    guidance: float = 4.0, steps: int = 16, seed: int = 1) -> Tensor:  # fmt: skip
    """Pictures (n, 3, 64, 64) in 0..1 by classifier-free guidance, without a pipeline around it."""
    unet, text, schedule = parts
    schedule.set_timesteps(steps)
    both = torch.cat([nothing.expand(len(tokens), -1), tokens])
    told = text(both).last_hidden_state
    x = torch.randn((len(tokens), 16, 8, 8), generator=torch.Generator().manual_seed(seed))
    for t in schedule.timesteps:
        twice = torch.cat([x, x])
        extra = more(twice, t, told) if more else {}
        none, said_so = unet(twice, t, told, **extra).sample.chunk(2)
        x = schedule.step(none + guidance * (said_so - none), t, x).prev_sample
    found: Tensor = vae.decode(x / scale).sample
    return (found / 2 + 0.5).clamp(0, 1)


def sheet(pictures: Tensor, file: Path, columns: int, factor: int = 2) -> None:
    """Pictures (n, 3, h, w) in 0..1 side by side as a PNG."""
    n, _, h, w = pictures.shape
    rows = -(-n // columns)
    whole = np.full((rows * (h + 4), columns * (w + 4), 3), 235, np.uint8)
    for at, one in enumerate((pictures.permute(0, 2, 3, 1) * 255).round().byte().numpy()):
        y, x = at // columns * (h + 4) + 2, at % columns * (w + 4) + 2
        whole[y : y + h, x : x + w] = one
    image = Image.fromarray(whole)
    image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST).save(file)
