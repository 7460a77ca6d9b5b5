"""imajin-mini-clip: a ConvNeXt-like image encoder (Liu et al. 2022, arXiv:2201.03545) and a head over frozen e5 embeddings."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

DIM = 256
TEXT = 384
INPUT = 48
"""Pixels a side that the finished network is for; training begins with smaller ones (train.py)."""


class Block(nn.Module):
    """Depthwise 5×5, layer norm, two linear layers, residual. Input and output (n, c, h, w), channels last in memory."""

    def __init__(self, width: int, scale: float = 0.2) -> None:
        super().__init__()
        self.mix = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.gain = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor) -> Tensor:
        y = self.mix(x).permute(0, 2, 3, 1)
        y = self.down(F.gelu(self.up(self.norm(y)), approximate="tanh")) * self.gain
        return x + y.permute(0, 3, 1, 2)


class Image(nn.Module):
    """(n, 3, INPUT, INPUT) in -1..1 to unit vectors (n, DIM).

    ``quarters`` is for a network aligned after training (align.py): it pools each quarter of the picture besides the
    whole, and has a layer that says where the subject is.
    """

    def __init__(
        self, widths: tuple[int, ...] = (64, 160, 352), depths: tuple[int, ...] = (1, 4, 2), quarters: bool = False
    ) -> None:
        super().__init__()
        w = widths
        self.stem = nn.Conv2d(3, w[0], 6, 4, padding=1)
        stages: list[nn.Module] = []
        for i, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            if i:
                stages.append(nn.GroupNorm(1, w[i - 1]))
                stages.append(nn.Conv2d(w[i - 1], width, 2, 2))
            stages += [Block(width) for _ in range(depth)]
        self.stages = nn.Sequential(*stages)
        self.quarters = quarters
        self.norm = nn.LayerNorm(2 * w[-1])
        self.head = nn.Linear((6 if quarters else 2) * w[-1], DIM)
        if quarters:
            self.box = nn.Linear(6 * w[-1], 3)

    def pool(self, y: Tensor) -> Tensor:
        """Mean and greatest value of each channel, layer-normalised; with ``quarters`` each quarter's mean on the same scale."""
        flat = y.flatten(2)
        whole = torch.cat([flat.mean(2), flat.amax(2)], 1)
        if not self.quarters:
            return self.norm(whole)
        spread = (whole.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
        n = y.shape[2]
        fours = F.avg_pool2d(y, (n + 1) // 2, n // 2).flatten(1)
        return torch.cat([self.norm(whole), (fours - whole.mean(1, keepdim=True)) / spread], 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(self.head(self.pool(self.stages(self.stem(x)))).float(), dim=1)


class Memory(nn.Module):
    """Captions of training by their e5 vectors, and for each thing or situation that they tell of a vector to add.

    A text is answered by those it is near to: softmax over cosines, with "nothing like it" as one more choice, so that a
    wording never seen finds the situation of its paraphrases.
    """

    def __init__(self, captions: int, owners: int) -> None:
        super().__init__()
        self.register_buffer("keys", torch.zeros(captions, TEXT))
        self.register_buffer("owner", torch.zeros(captions, dtype=torch.long))
        self.values = nn.Parameter(torch.zeros(owners, DIM))
        self.heat = nn.Parameter(torch.tensor(3.0))
        self.nothing = nn.Parameter(torch.tensor(0.3))

    def forward(self, e5: Tensor, hide: Tensor | None = None) -> Tensor:
        near = e5 @ self.keys.T
        if hide is not None:
            near = near.masked_fill(hide, -9.0)
        near = torch.cat([near, self.nothing.expand(len(e5), 1)], 1) * self.heat.exp()
        share = torch.softmax(near.float(), 1)[:, :-1]
        owned = torch.zeros(len(e5), len(self.values)).index_add_(1, self.owner, share)
        return owned @ self.values


class Text(nn.Module):
    """Centred e5 vectors (n, 384) and word ids (n, k; 0 is none) to unit vectors (n, DIM)."""

    def __init__(self, words: int, hidden: int = 768) -> None:
        super().__init__()
        self.up = nn.Linear(TEXT, hidden)
        self.down = nn.Linear(hidden, DIM)
        self.skip = nn.Linear(TEXT, DIM)
        self.words = nn.Embedding(words + 1, DIM, padding_idx=0)
        self.memory: Memory | None = None
        nn.init.zeros_(self.words.weight)

    def whole(self, e5: Tensor, ids: Tensor, keep: Tensor | None = None) -> Tensor:
        """What the text comes to before the memory is asked and the length set to one."""
        t = self.skip(e5) + self.down(F.gelu(self.up(e5), approximate="tanh"))
        present = (ids > 0).float().sum(1, keepdim=True).clamp(min=1)
        bag = self.words(ids).sum(1) / present.sqrt()
        if keep is not None:
            bag = bag * keep
        return t + bag

    def forward(self, e5: Tensor, ids: Tensor, keep: Tensor | None = None) -> Tensor:
        t = self.whole(e5, ids, keep)
        if self.memory is not None:
            t = t + self.memory(e5)
        return F.normalize(t.float(), dim=1)
