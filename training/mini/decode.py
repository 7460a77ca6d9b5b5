"""More for the decoder alone: the codes stay as they are, so that this can run beside the parts that are taught by them."""

from __future__ import annotations

from pathlib import Path

import torch
from autoencode import BATCH, CROP
from clock import Part, begun, options
from nets import autoencoder, optimisers
from stock import Stock
from torch import Tensor, nn


def released(data: Path) -> nn.Module:
    """The autoencoder with its decoder as far as it was taught."""
    net = autoencoder()
    net.load_state_dict(torch.load(data / "autoencoder.pt", weights_only=True)["nets"]["vae"])
    if (data / "decoder.pt").is_file():
        net.decoder.load_state_dict(torch.load(data / "decoder.pt", weights_only=True)["nets"]["decoder"])
    return net.eval()


def pairs(codes: Tensor, pictures: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Crops of codes, and of their pictures in -1..1."""
    cell = CROP // 8
    rows = torch.randint(len(codes), (BATCH,), generator=rng).tolist()
    places = torch.randint(0, 8 - cell + 1, (BATCH, 2), generator=rng).tolist()
    given = [codes[r, :, y : y + cell, x : x + cell] for r, (y, x) in zip(rows, places, strict=True)]
    wanted = [pictures[r, :, 8 * y : 8 * y + CROP, 8 * x : 8 * x + CROP] for r, (y, x) in zip(rows, places, strict=True)]
    return torch.stack(given), torch.stack(wanted).float() / 127.5 - 1


def main() -> None:
    args = begun(options(10))
    stock = Stock(args.data)
    net, raw = released(args.data).train(), stock.codes / stock.scale
    part = Part(args.data / "decoder.pt", args.minutes, {"decoder": net.decoder}, optimisers([net.decoder], 2e-3))
    rng = torch.Generator().manual_seed(600 + part.steps)
    while part.share < 1:
        codes, pictures = pairs(raw, stock.pictures, rng)
        off = net.decoder(codes + 0.05 * torch.randn(codes.shape, generator=rng)) - pictures
        part.step(off.abs().mean() + 2 * off.square().mean())
    net.eval()
    with torch.inference_mode():
        errors = [
            (((net.decoder(c / stock.scale).clamp(-1, 1) - p.float().div(127.5).sub(1)) / 2) ** 2).mean((1, 2, 3))
            for c, p in zip(stock.codes.split(64), stock.pictures.split(64), strict=True)
        ]
    print(f"PSNR {float(-10 * torch.cat(errors).mean().log10()):.2f} dB")


if __name__ == "__main__":
    main()
