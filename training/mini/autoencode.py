"""The autoencoder: crops of the pictures, least absolute error, codes held to unit variance; then every picture's code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from clock import Part, begun, options
from nets import LATENT, autoencoder, optimisers
from torch import Tensor

CROP, BATCH = 32, 24


def crops(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """A batch of crops, -1..1, on cells of the code."""
    rows = torch.randint(len(pictures), (BATCH,), generator=rng)
    places = 8 * torch.randint(0, (64 - CROP) // 8 + 1, (BATCH, 2), generator=rng)
    found = [pictures[r, :, y : y + CROP, x : x + CROP] for r, (y, x) in zip(rows.tolist(), places.tolist(), strict=True)]
    return torch.stack(found).float() / 127.5 - 1


def teach(pictures: Tensor, file: Path, minutes: float) -> torch.nn.Module:
    """The autoencoder, trained."""
    net = autoencoder()
    part = Part(file, minutes, {"vae": net}, optimisers([net], 3e-3))
    rng = torch.Generator().manual_seed(part.steps + 1)
    while part.share < 1:
        shown = crops(pictures, rng)
        code = net.encoder(shown)
        mean, variance = code.mean((0, 2, 3)), code.var((0, 2, 3))
        back = net.decoder(code + 0.05 * torch.randn(code.shape, generator=rng))
        off = back - shown
        part.step(off.abs().mean() + off.square().mean() + 0.01 * (mean.square() + (variance - 1).square()).mean())
    return net.eval()


@torch.inference_mode()
def codes(net: torch.nn.Module, pictures: Tensor) -> tuple[Tensor, float]:
    """Every picture's code, and how well it comes back: PSNR in dB of the mean squared error over all."""
    found, errors = [], []
    for batch in pictures.split(64):
        shown = batch.float() / 127.5 - 1
        code = net.encode(shown).latents
        errors.append((((net.decode(code).sample.clamp(-1, 1) - shown) / 2) ** 2).mean((1, 2, 3)))
        found.append(code)
    return torch.cat(found), float(-10 * torch.cat(errors).mean().log10())


def main() -> None:
    args = begun(options(8))
    pictures = torch.from_numpy(np.load(args.data / "pictures.npz")["pictures"]).permute(0, 3, 1, 2).contiguous()
    net = teach(pictures, args.data / "autoencoder.pt", args.minutes)
    found, psnr = codes(net, pictures)
    scale = 1 / float(found.std())
    print(f"{len(found)} codes, deviation {1 / scale:.3f}, by channel {found.std((0, 2, 3)).min():.2f} to"
        f" {found.std((0, 2, 3)).max():.2f}, PSNR {psnr:.2f} dB")  # fmt: skip
    assert found.shape[1] == LATENT
    torch.save({"codes": found, "scale": scale, "psnr": psnr}, args.data / "codes.pt")


if __name__ == "__main__":
    main()
