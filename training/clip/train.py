"""Train imajin-mini-clip on the CPU, by the clock. Resumable: the checkpoint holds weights, optimiser, averages and step."""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from model import INPUT, Image, Text
from torch import Tensor, nn

from data import Pictures, Texts, paint, vary


def loss_of(
    image: Tensor,
    text: Tensor,
    scale: Tensor,
    text_key: Tensor,
    image_keys: Tensor,
    ids: Tensor,
    e5: Tensor,
) -> Tensor:
    """Softmax contrastive loss both ways, of n pictures with m >= n captions: the first n are theirs, the others wrong.

    A caption is right for each picture that has its key; captions that say no more than a picture's own (their words are
    a part of it) or mean the same (e5) are neither right nor wrong, nor are further captions that have a picture's key.
    """
    n = len(image)
    logits = image @ text.T * scale
    right = (image_keys[:, None, :] == text_key[None, :, None]).any(2)
    held, places = ids.unique(return_inverse=True)
    hot = torch.zeros(len(ids), len(held)).scatter_(1, places, 1.0)
    hot[:, held == 0] = 0
    count = hot.sum(1)
    within = (hot[:n] @ hot.T >= count[None, :] - 0.5) & (count[None, :] > 0)
    same = e5[:n] @ e5.T > 0.8
    out = (within | same) & ~right
    out[:, n:] |= right[:, n:]
    out[torch.arange(n), torch.arange(n)] = False
    logits = logits.masked_fill(out, -1e4)
    target = right[:, :n].float()
    forward = -(F.log_softmax(logits, 1)[:, :n] * target).sum(1) / target.sum(1)
    backward = -(F.log_softmax(logits[:, :n], 0) * target).sum(0) / target.sum(0).clamp(min=1)
    return (forward.mean() + backward.mean()) / 2


def optimisers(net: nn.ModuleDict, scale: nn.Parameter, rate: float, muon: bool) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for the matrices inside the network, AdamW for the rest."""
    inner = [p for n, p in net.named_parameters() if p.ndim == 2 and "words" not in n and muon]
    chosen = {id(p) for p in inner}
    others = [(n, p) for n, p in net.named_parameters() if id(p) not in chosen]
    decay = [p for n, p in others if p.ndim > 1 and "words" not in n]
    rest = [p for n, p in others if p.ndim <= 1 or "words" in n]
    groups = [{"params": decay, "weight_decay": 0.05}, {"params": [*rest, scale], "weight_decay": 0.0}]
    made: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), foreach=True)]
    if inner:
        made.append(torch.optim.Muon(inner, lr=rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"))
    return made


def side_of(done: float) -> int:
    """The training side by the share of the time that is over; small pictures first."""
    return 32 if done < 0.4 else INPUT


class Average:
    """Exponential averages of all weights."""

    def __init__(self, modules: nn.ModuleDict) -> None:
        self.state = {k: v.detach().clone() for k, v in modules.state_dict().items()}

    def update(self, modules: nn.ModuleDict, step: int) -> None:
        keep = min(0.99, (1 + step) / (10 + step))
        for key, value in modules.state_dict().items():
            if value.is_floating_point():
                self.state[key].lerp_(value.detach(), 1 - keep)


def taken_over(net: nn.ModuleDict, file: Path, words: dict[str, int], known: list[str]) -> float:
    """Load the averaged weights of an earlier training with a vocabulary of its own, words by name; its log scale."""
    kept = torch.load(file, weights_only=True)
    state = dict(kept["average"])
    table = net["text"].words.weight.detach().clone()
    rows = [(words[word], at + 1) for at, word in enumerate(known) if word in words]
    table[[to for to, _ in rows]] = state["text.words.weight"][[at for _, at in rows]]
    state["text.words.weight"] = table
    net.load_state_dict(state)
    return float(kept["scale"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=80)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--wrong", type=int, default=1024, help="further captions a batch, right for none of it")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--plain", action="store_true", help="AdamW for everything")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--reload", type=float, default=5, help="minutes between looks for new scenes")
    parser.add_argument("--steps", type=int, default=0, help="stop after so many")
    parser.add_argument("--name", default="checkpoint")
    parser.add_argument("--start", type=Path, help="checkpoint of an earlier training to begin with")
    parser.add_argument("--start-words", type=Path, help="that training's vocabulary.json")
    train(parser.parse_args())


def train(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    texts = Texts(args.data / "text")
    pictures = Pictures(args.data / "shards", args.data / "scenes", texts)
    net = nn.ModuleDict({"image": Image().to(memory_format=torch.channels_last), "text": Text(len(texts.words))})
    scale = nn.Parameter(torch.tensor(math.log(14.0)))
    checkpoint = args.data / f"{args.name}.pt"
    if args.start and not checkpoint.exists():
        known = json.loads(args.start_words.read_text())
        scale.data.fill_(taken_over(net, args.start, texts.words, known))
    optimiser = optimisers(net, scale, args.rate, not args.plain)
    average = Average(net)
    step, spent, seen = 0, 0.0, 0
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(kept["net"])
        for one, state in zip(optimiser, kept["optimiser"], strict=True):
            one.load_state_dict(state)
        average.state, step, spent, seen = kept["average"], kept["step"], kept["spent"], kept["seen"]
        scale.data.fill_(kept["scale"])
    rng, gen = np.random.default_rng(step), torch.Generator().manual_seed(step)
    start = last = saved = loaded = time.monotonic()
    losses, since = [], seen
    print("pictures", len(pictures.choices), "scenes", len(pictures.scenes), "words", len(texts.words), flush=True)
    while True:
        now = time.monotonic()
        done = min(1.0, (spent + now - start) / (args.minutes * 60))
        rate = args.rate * min(1.0, (step + 1) / 100) * (0.5 * (1 + math.cos(math.pi * done)) * 0.98 + 0.02)
        for one in optimiser:
            for group in one.param_groups:
                group["lr"] = rate
        side = side_of(done)
        rows = pictures.draw(args.batch, rng)
        text, key, keys = pictures.captions(rows, rng)
        wrong = pictures.wrong(rows, args.wrong, rng)
        text, key = torch.cat([text, wrong]), torch.cat([key, pictures.text_key[wrong]])
        with torch.no_grad():
            x = paint(torch.from_numpy(pictures.views(rows, rng)), pictures.coloured[rows], gen)
            x = vary(x, pictures.flips[rows], side, gen)
        e5, ids = texts.vectors[text], texts.ids[text]
        keep = (torch.rand(len(text), 1, generator=gen) > 0.25).float()
        noisy = e5 + 0.015 * torch.randn(e5.shape, generator=gen)
        with torch.autocast("cpu", torch.bfloat16):
            image = net["image"](x)
            words = net["text"](noisy, ids, keep)
        loss = loss_of(image, words, scale.exp().clamp(max=60), key, keys, ids, e5)
        for one in optimiser:
            one.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        for one in optimiser:
            one.step()
        step += 1
        seen += len(rows)
        average.update(net, step)
        losses.append(loss.item())
        if step % 20 == 0:
            speed = (seen - since) / (time.monotonic() - last)
            told = f"step {step} seen {seen} done {done:.3f} side {side} loss {np.mean(losses):.3f}"
            print(f"{told} scale {scale.exp():.1f} {speed:.0f}/s lr {rate:.5f}", flush=True)
            last, losses, since = time.monotonic(), [], seen
        finished = done >= 1.0 or step == args.steps
        if now - saved > 120 or finished:
            state = {
                "net": net.state_dict(),
                "optimiser": [one.state_dict() for one in optimiser],
                "average": average.state,
                "step": step,
                "seen": seen,
                "spent": spent + time.monotonic() - start,
                "scale": scale.item(),
            }
            torch.save(state, checkpoint.with_suffix(".tmp"))
            checkpoint.with_suffix(".tmp").rename(checkpoint)
            saved = time.monotonic()
        if now - loaded > args.reload * 60 and done < 0.6:
            texts = Texts(args.data / "text")
            pictures = Pictures(args.data / "shards", args.data / "scenes", texts)
            loaded = time.monotonic()
            print("pictures", len(pictures.choices), "scenes", len(pictures.scenes), flush=True)
        if finished:
            break


if __name__ == "__main__":
    main()
