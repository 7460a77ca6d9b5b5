"""The ControlNet: the scribble of a picture (the one that `imajin condition` makes) and its caption, or the scribble alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from base import BATCH, SHARES
from clock import Part, begun, options
from frozen import Base
from nets import controlnet, optimisers
from PIL import Image
from stock import LINE, Stock, noised, sampled, sheet
from torch import Tensor

from imajin_cli.stages.imaging.control.edges import scribble

WITHOUT = 0.4


def maps_of(pictures: Tensor) -> Tensor:
    """Two scribbles (n, 2, 64, 64) of each picture: of itself, and of itself four times as large, whose lines are finer."""
    found = []
    for one in pictures.permute(0, 2, 3, 1).numpy():
        large = np.asarray(Image.fromarray(one).resize((256, 256), Image.Resampling.BICUBIC))
        fine = np.asarray(Image.fromarray(scribble(large)).resize((64, 64), Image.Resampling.LANCZOS))
        found.append(np.stack([scribble(one), fine]))
    return torch.from_numpy(np.stack(found))


def kept_maps(stock: Stock, file: Path) -> Tensor:
    """`maps_of` every picture that is not of the line style, made once."""
    if not file.is_file():
        torch.save(maps_of(stock.pictures[stock.set != LINE]), file)
    found: Tensor = torch.load(file, weights_only=True)
    return found


def shown(maps: Tensor, which: Tensor) -> Tensor:
    """The maps as a ControlNet takes them, (n, 3, 64, 64) in 0..1."""
    return maps[torch.arange(len(maps)), which][:, None].expand(-1, 3, -1, -1).float() / 255


def main() -> None:
    args = begun(options(5), 12)
    stock = Stock(args.data)
    base, maps = Base(args.data, stock), kept_maps(stock, args.data / "maps.pt")
    net = controlnet(base.unet)
    part = Part(args.data / "control.pt", args.minutes, {"controlnet": net}, optimisers([net], 1.5e-3))
    rng = torch.Generator().manual_seed(200 + part.steps)
    while part.share < 1:
        rows = stock.rows(SHARES, BATCH, rng)
        x, times, velocity = noised(stock.codes[rows], base.schedule.alphas_cumprod, rng)
        told = base.told(stock.captions(rows, WITHOUT, rng))
        given = shown(maps[rows], torch.randint(2, (BATCH,), generator=rng))
        down, mid = net(x, times, told, controlnet_cond=given, return_dict=False)
        made = base.unet(x, times, told, down_block_additional_residuals=down, mid_block_additional_residual=mid).sample
        part.step((made - velocity).square().mean())
    rows = torch.arange(0, 16 * 70, 70)
    given = shown(maps[rows], torch.ones(16, dtype=torch.long))

    def steered(x: Tensor, t: Tensor, told: Tensor) -> dict[str, object]:
        down, mid = net(x, t, told, controlnet_cond=torch.cat([given, given]), return_dict=False)
        return {"down_block_additional_residuals": down, "mid_block_additional_residual": mid}

    names = [stock.concepts[int(c)].name for c in stock.concept[rows]]
    made = sampled(base.parts, base.vae, stock.scale, stock.read(names), stock.nothing, steered)
    sheet(torch.cat([given, made]), args.data / "control.png", 8)


if __name__ == "__main__":
    main()
