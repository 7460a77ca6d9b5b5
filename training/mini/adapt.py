"""The IP-Adapter: an image encoder that is taught to see as imajin-mini-clip does, then its way into the denoiser's attention."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from base import BATCH, SHARES
from clock import Part, begun, options
from frozen import Base
from nets import SEEN, WIDTH, optimisers, vision_model
from PIL import Image
from stock import Stock, noised, sampled, sheet
from torch import Tensor, nn
from transformers import CLIPVisionModelWithProjection

TOKENS = 4
"""How many tokens a picture becomes."""
MEAN = torch.tensor((0.48145466, 0.4578275, 0.40821073)).view(1, 3, 1, 1)
DEVIATION = torch.tensor((0.26862954, 0.26130258, 0.27577711)).view(1, 3, 1, 1)
"""CLIP's own levels, which its image processor brings pictures to."""


def pixels(pictures: Tensor) -> Tensor:
    """Pictures (n, 3, 64, 64), 0..255, as the image encoder takes them."""
    return (pictures.float() / 255 - MEAN) / DEVIATION


def wanted(stock: Stock, file: Path) -> Tensor:
    """imajin-mini-clip's vector of every picture, made once."""
    if not file.is_file():
        from imajin_cli.stages.backends.miniclip import MiniClip

        clip, found = MiniClip(), []
        for one in stock.pictures.permute(0, 2, 3, 1).numpy():
            small = np.asarray(Image.fromarray(one).resize((48, 48), Image.Resampling.BOX), np.float32) / 127.5 - 1
            found.append(clip.image(np.ascontiguousarray(small.transpose(2, 0, 1)[None])))
        torch.save(torch.from_numpy(np.concatenate(found)), file)
    made: Tensor = torch.load(file, weights_only=True)
    return made


def see(stock: Stock, data: Path, minutes: float) -> CLIPVisionModelWithProjection:
    """The image encoder."""
    net, targets = vision_model(), wanted(stock, data / "seen.pt")
    part = Part(data / "vision.pt", minutes, {"vision": net}, optimisers([net], 2e-3))
    rng = torch.Generator().manual_seed(300 + part.steps)
    while part.share < 1:
        rows = torch.randint(len(targets), (BATCH,), generator=rng)
        found = F.normalize(net(pixels(stock.pictures[rows])).image_embeds, dim=1)
        part.step(1 - (found * targets[rows]).sum(1).mean())
    return net


def attached(unet: Any) -> nn.ModuleDict:
    """Put an untaught adapter on ``unet``; what of it is taught."""
    layers = [name for name in unet.attn_processors if ".attn2." in name]
    state: dict[str, dict[str, Tensor]] = {"image_proj": {
        "proj.weight": torch.randn(TOKENS * WIDTH, SEEN) / SEEN**0.5, "proj.bias": torch.zeros(TOKENS * WIDTH),
        "norm.weight": torch.ones(WIDTH), "norm.bias": torch.zeros(WIDTH)}, "ip_adapter": {}}  # fmt: skip
    for at, name in enumerate(layers):
        own = unet.get_submodule(name.removesuffix(".processor"))
        # From the prompt's own, as its authors began.
        state["ip_adapter"][f"{2 * at + 1}.to_k_ip.weight"] = own.to_k.weight.detach().clone()
        state["ip_adapter"][f"{2 * at + 1}.to_v_ip.weight"] = own.to_v.weight.detach().clone()
    unet._load_ip_adapter_weights([state])
    ways = nn.ModuleList([unet.attn_processors[name] for name in layers])
    return nn.ModuleDict({"image": unet.encoder_hid_proj, "ways": ways}).requires_grad_(True)


def main() -> None:
    parser = options(5)
    parser.add_argument("--seeing", type=float, default=1.5, help="minutes of the image encoder alone, before that")
    args = begun(parser, 13)
    stock = Stock(args.data)
    base, vision = Base(args.data, stock), see(stock, args.data, args.seeing)
    adapter = attached(base.unet)
    nets = {"adapter": adapter, "vision": vision}
    part = Part(args.data / "adapter.pt", args.minutes, nets, optimisers(nets.values(), 1e-3))
    rng = torch.Generator().manual_seed(400 + part.steps)
    while part.share < 1:
        rows = stock.rows(SHARES, BATCH, rng)
        x, times, velocity = noised(stock.codes[rows], base.schedule.alphas_cumprod, rng)
        told = base.told(stock.captions(rows, 0.7, rng))
        seen = vision(pixels(stock.pictures[rows])).image_embeds
        # Without a picture the pipeline gives zeros.
        seen = seen * (torch.rand((BATCH, 1), generator=rng) > 0.1)
        made = base.unet(x, times, told, added_cond_kwargs={"image_embeds": [seen[:, None]]}).sample
        part.step((made - velocity).square().mean())
    vision.eval()
    rows = torch.arange(0, 16 * 70, 70)
    with torch.no_grad():
        seen = vision(pixels(stock.pictures[rows])).image_embeds[:, None]
    more = {"added_cond_kwargs": {"image_embeds": [torch.cat([torch.zeros_like(seen), seen])]}}
    made = sampled(base.parts, base.vae, stock.scale, stock.nothing.expand(16, -1), stock.nothing, lambda *_: more)
    sheet(torch.cat([stock.pictures[rows].float() / 255, made]), args.data / "adapter.png", 8)


if __name__ == "__main__":
    main()
