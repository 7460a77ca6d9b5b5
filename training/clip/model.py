"""imajin-mini-clip: a ConvNeXt-like image encoder (Liu et al. 2022, arXiv:2201.03545) and a head over frozen e5 embeddings."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

DIM = 256
TEXT = 384


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
    """(n, 3, 64, 64) in -1..1 to unit vectors (n, DIM).

    ``quarters`` is for a network aligned after training (align.py): it pools each quarter of the picture besides the whole.
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

    def pool(self, y: Tensor) -> Tensor:
        """Mean and greatest value of each channel, layer-normalised; with ``quarters`` each quarter's mean on the same scale."""
        flat = y.flatten(2)
        whole = torch.cat([flat.mean(2), flat.amax(2)], 1)
        if not self.quarters:
            return self.norm(whole)
        spread = (whole.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
        fours = F.avg_pool2d(y, 2).flatten(1)
        return torch.cat([self.norm(whole), (fours - whole.mean(1, keepdim=True)) / spread], 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(self.head(self.pool(self.stages(self.stem(x)))).float(), dim=1)


class Text(nn.Module):
    """Centred e5 vectors (n, 384) and word ids (n, k; 0 is none) to unit vectors (n, DIM)."""

    def __init__(self, words: int, hidden: int = 768) -> None:
        super().__init__()
        self.up = nn.Linear(TEXT, hidden)
        self.down = nn.Linear(hidden, DIM)
        self.skip = nn.Linear(TEXT, DIM)
        self.words = nn.Embedding(words + 1, DIM, padding_idx=0)
        nn.init.zeros_(self.words.weight)

    def forward(self, e5: Tensor, ids: Tensor, keep: Tensor | None = None) -> Tensor:
        t = self.skip(e5) + self.down(F.gelu(self.up(e5), approximate="tanh"))
        present = (ids > 0).float().sum(1, keepdim=True).clamp(min=1)
        bag = self.words(ids).sum(1) / present.sqrt()
        if keep is not None:
            bag = bag * keep
        return F.normalize((t + bag).float(), dim=1)
