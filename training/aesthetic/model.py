"""The scorer: two small convolutional networks, one for the whole view and one for the near ones, and a head over both

and the numbers. One number comes out; only differences mean anything.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv(inside: int, outside: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, size, stride, size // 2, bias=False), nn.BatchNorm2d(outside), nn.ReLU(inplace=True)
    )


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (
            conv(width, width),
            nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


def pooled(x: Tensor) -> Tensor:
    """Mean and largest of every channel."""
    return torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)


class Scorer(nn.Module):
    """(n, 5, 96, 96) and (n, 4, 4, 48, 48) in 0..255, (n, numbers) → (n,)."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.far = nn.Sequential(
            conv(7, 24, 2),
            conv(24, 32, 2),
            Residual(32),
            conv(32, 64, 2),
            Residual(64),
            conv(64, 112, 2),
            Residual(112),
        )
        self.near = nn.Sequential(conv(4, 24, 2, 5), conv(24, 40, 2), conv(40, 56, 2))
        self.register_buffer("mean", torch.zeros(numbers))
        self.register_buffer("spread", torch.ones(numbers))
        self.numbers = nn.Sequential(nn.Linear(numbers, 96), nn.ReLU(inplace=True), nn.Dropout(0.1))
        self.alone = nn.Linear(96, 1)
        self.head = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(224 + 224 + 96, 96), nn.ReLU(inplace=True), nn.Dropout(0.2), nn.Linear(96, 1)
        )
        # Where in the picture something stands is lost in pooling, unless the pixels know it.
        line = torch.linspace(-1, 1, 96)
        self.register_buffer("places", torch.stack([line.abs().expand(96, 96), line[:, None].expand(96, 96)])[None])

    def forward(self, whole: Tensor, patches: Tensor, numbers: Tensor) -> Tensor:
        x = whole / 127.5 - 1
        far = pooled(self.far(torch.cat([x, self.places.expand(len(x), -1, -1, -1)], 1)))
        near = pooled(self.near(patches.flatten(0, 1) / 127.5 - 1)).unflatten(0, (-1, patches.shape[1]))
        near = torch.cat([near.mean(1), near.amax(1)], 1)
        told = self.told(numbers)
        return (self.alone(told) + self.head(torch.cat([far, near, told], 1))).squeeze(1)

    def told(self, numbers: Tensor) -> Tensor:
        """What the numbers amount to, (n, 96)."""
        return self.numbers(((numbers - self.mean) / self.spread).clamp(-4, 4))
