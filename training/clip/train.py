"""Train imajin-mini-clip on the CPU, by the clock. Resumable: the checkpoint holds weights, optimiser, averages and step."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from model import Image, Text
from torch import Tensor, nn

from data import Pictures, Texts, paint, vary


def loss_of(
    image: Tensor, text: Tensor, scale: Tensor, text_key: Tensor, image_keys: Tensor, ids: Tensor, e5: Tensor
) -> Tensor:
    """Softmax contrastive loss both ways. A caption is right for each picture that has its key; captions that say no more
    than a picture's own (their words are a part of it) or mean the same (e5) are neither right nor wrong."""
    logits = image @ text.T * scale
    right = (image_keys[:, None, :] == text_key[None, :, None]).any(2)
    hot = torch.zeros(len(ids), int(ids.max()) + 1).scatter_(1, ids, 1.0)
    hot[:, 0] = 0
    count = hot.sum(1)
    within = (hot @ hot.T >= count[None, :] - 0.5) & (count[None, :] > 0)
    same = e5 @ e5.T > 0.8
    out = (within | same) & ~right
    out.fill_diagonal_(False)
    logits = logits.masked_fill(out, -1e4)
    target = right.float()
    forward = -(F.log_softmax(logits, 1) * target).sum(1) / target.sum(1)
    backward = -(F.log_softmax(logits, 0) * target).sum(0) / target.sum(0).clamp(min=1)
    return (forward.mean() + backward.mean()) / 2


class Average:
    """Exponential averages of all weights."""

    def __init__(self, modules: nn.ModuleDict) -> None:
        self.state = {k: v.detach().clone() for k, v in modules.state_dict().items()}

    def update(self, modules: nn.ModuleDict, step: int) -> None:
        keep = min(0.998, (1 + step) / (10 + step))
        for key, value in modules.state_dict().items():
            self.state[key].lerp_(value.detach(), 1 - keep)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=55)
    parser.add_argument("--batch", type=int, default=384)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--reload", type=float, default=4, help="minutes between looks for new shards")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    texts = Texts(args.data / "text")
    pictures = Pictures(args.data / "shards", args.data / "scenes/train.npz", texts)
    net = nn.ModuleDict({"image": Image().to(memory_format=torch.channels_last), "text": Text(len(texts.words))})
    scale = nn.Parameter(torch.tensor(math.log(14.0)))
    decay = [p for n, p in net.named_parameters() if p.ndim > 1 and "words" not in n]
    rest = [p for n, p in net.named_parameters() if p.ndim <= 1 or "words" in n]
    optimiser = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.05}, {"params": [*rest, scale], "weight_decay": 0.0}],
        lr=args.rate,
        betas=(0.9, 0.98),
        foreach=True,
    )
    average = Average(net)
    step, spent = 0, 0.0
    checkpoint = args.data / "checkpoint.pt"
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(kept["net"])
        optimiser.load_state_dict(kept["optimiser"])
        average.state, step, spent = kept["average"], kept["step"], kept["spent"]
        scale.data.fill_(kept["scale"])
    rng, gen = np.random.default_rng(step), torch.Generator().manual_seed(step)
    start = last = saved = loaded = time.monotonic()
    seen, losses = 0, []
    print("pictures", len(pictures.choices), "sets", len(pictures.by_set), "words", len(texts.words), flush=True)
    while True:
        now = time.monotonic()
        done = min(1.0, (spent + now - start) / (args.minutes * 60))
        rate = args.rate * min(1.0, (step + 1) / 50) * (0.5 * (1 + math.cos(math.pi * done)) * 0.98 + 0.02)
        for group in optimiser.param_groups:
            group["lr"] = rate
        side = 40 if done < 0.3 else 48 if done < 0.85 else 64
        rows = pictures.draw(args.batch, rng)
        text, key, keys = pictures.captions(rows, rng)
        with torch.no_grad():
            x = paint(torch.from_numpy(pictures.images[rows]), pictures.coloured[rows], gen)
            x = vary(x, pictures.flips[rows], side, gen)
        e5, ids = texts.vectors[text], texts.ids[text]
        keep = (torch.rand(len(rows), 1, generator=gen) > 0.25).float()
        noisy = e5 + 0.015 * torch.randn(e5.shape, generator=gen)
        with torch.autocast("cpu", torch.bfloat16):
            image = net["image"](x)
            words = net["text"](noisy, ids, keep)
        loss = loss_of(image, words, scale.exp().clamp(max=60), key, keys, ids, e5)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        step += 1
        seen += len(rows)
        average.update(net, step)
        losses.append(loss.item())
        if step % 20 == 0:
            speed = 20 * len(rows) / (time.monotonic() - last)
            told = f"step {step} seen {seen} done {done:.3f} loss {np.mean(losses):.3f} scale {scale.exp():.1f}"
            print(f"{told} {speed:.0f}/s lr {rate:.5f}", flush=True)
            last, losses = time.monotonic(), []
        finished = done >= 1.0
        if now - saved > 120 or finished:
            total = spent + time.monotonic() - start
            torch.save(
                {
                    "net": net.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "average": average.state,
                    "step": step,
                    "spent": total,
                    "scale": scale.exp().log().item(),
                },
                checkpoint.with_suffix(".tmp"),
            )
            checkpoint.with_suffix(".tmp").rename(checkpoint)
            saved = time.monotonic()
        if now - loaded > args.reload * 60 and done < 0.5:
            texts = Texts(args.data / "text")
            pictures = Pictures(args.data / "shards", args.data / "scenes/train.npz", texts)
            loaded = time.monotonic()
            print("pictures", len(pictures.choices), "sets", len(pictures.by_set), flush=True)
        if finished:
            break


if __name__ == "__main__":
    main()
