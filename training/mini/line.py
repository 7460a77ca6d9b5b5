"""The example LoRA: the line style's pictures, whatever is said of them."""

from __future__ import annotations

import torch
from base import BATCH, SHOWN
from clock import Part, begun, options
from frozen import Base
from nets import optimisers
from peft import LoraConfig, get_peft_model_state_dict
from stock import LINE, Stock, noised, sampled, sheet

RANK = 4
WHERE = [
    "to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out", "time_emb_proj", "conv1", "conv2",
]  # fmt: skip


def main() -> None:
    args = begun(options(2.5), 14)
    stock = Stock(args.data)
    base = Base(args.data, stock)
    base.unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=WHERE, init_lora_weights="gaussian"))
    lora = torch.nn.ParameterDict({n.replace(".", "/"): p for n, p in base.unet.named_parameters() if p.requires_grad})
    part = Part(args.data / "line.pt", args.minutes, {"lora": lora}, optimisers([lora], 3e-3))
    rng = torch.Generator().manual_seed(500 + part.steps)
    shares = [0.0] * LINE + [1.0]
    while part.share < 1:
        rows = stock.rows(shares, BATCH, rng)
        x, times, velocity = noised(stock.codes[rows], base.schedule.alphas_cumprod, rng)
        told = base.told(stock.captions(rows, 0.1, rng))
        part.step((base.unet(x, times, told).sample - velocity).square().mean())
    torch.save({k: v.detach().clone() for k, v in get_peft_model_state_dict(base.unet).items()}, args.data / "line-lora.pt")
    made = sampled(base.parts, base.vae, stock.scale, stock.read(SHOWN), stock.nothing)
    sheet(made, args.data / "line.png", 8)


if __name__ == "__main__":
    main()
