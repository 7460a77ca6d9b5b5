"""Train the scorer in pairs, by the clock, one CPU thread a process. Resumable: the checkpoint holds all that there is.

Bradley and Terry's model (Biometrika 39, 1952): the chance that one picture is preferred is the logistic function of the
difference of their scores. Most pairs are a picture and its own damaged version; pairs across pictures, of smaller
weight, keep scores of different pictures comparable, as a threshold needs.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from model import Scorer
from pairs import Pairs, load
from torch import Tensor, nn

ACROSS = 0.25


def loss_of(score: Tensor, of: Tensor) -> Tensor:
    """Mean logistic loss over each damaged picture and its own clean one, and over all clean against all damaged ones."""
    bad = of >= 0
    own = F.softplus(score[bad] - score[of[bad]])
    across = F.softplus(score[bad][None] - score[~bad][:, None])
    return own.mean() + ACROSS * across.mean()


def batch(data: Pairs, items: list[np.ndarray], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Whole items; half of them mirrored."""
    rows = np.concatenate(items)
    at = {int(row): i for i, row in enumerate(rows)}
    of = torch.tensor([at[int(data.of[row])] if data.of[row] >= 0 else -1 for row in rows])
    whole, patches = torch.from_numpy(data.whole[rows]).float(), torch.from_numpy(data.patches[rows]).float()
    mirrored = np.concatenate([np.full(len(item), rng.random() < 0.5) for item in items])
    flip = torch.from_numpy(mirrored)
    whole[flip], patches[flip] = whole[flip].flip(3), patches[flip].flip(4)
    numbers = torch.from_numpy(data.features[rows])
    return whole, patches, numbers + 0.02 * torch.randn(numbers.shape) * torch.from_numpy(data.spread), of


def warm_up(net: Scorer, data: Pairs, steps: int = 250) -> None:
    """The part that is told numbers, trained alone: it costs seconds, and the networks then learn what it cannot know."""
    numbers, of = torch.from_numpy(data.features), torch.from_numpy(data.of)
    inside = [*net.numbers.parameters(), *net.alone.parameters()]
    optimiser = torch.optim.AdamW(inside, lr=3e-3, weight_decay=0.05)
    bad = of >= 0
    for _ in range(steps):
        score = net.alone(net.told(numbers)).squeeze(1)
        loss = (
            F.softplus(score[bad] - score[of[bad]]).mean()
            + ACROSS * F.softplus(score[bad] - score[~bad][torch.randint(int((~bad).sum()), (int(bad.sum()),))]).mean()
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    # The networks begin by adding nothing.
    nn.init.zeros_(net.head[-1].weight)
    nn.init.zeros_(net.head[-1].bias)
    print(f"numbers alone: loss {loss.item():.4f}", flush=True)


def shared(net: Scorer, folder: Path, worker: int, workers: int) -> None:
    """Give what this worker has learnt, and take the mean with what the others gave last (local SGD, Stich 2018)."""
    folder.mkdir(exist_ok=True)
    own = folder / f"worker-{worker}.pt"
    torch.save(net.state_dict(), own.with_suffix(".tmp"))
    own.with_suffix(".tmp").rename(own)
    paths = [folder / f"worker-{k}.pt" for k in range(workers)]
    states = [torch.load(path, weights_only=True) for path in paths if path.exists()]
    with torch.no_grad():
        for key, value in net.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.stack([state[key] for state in states]).mean(0))


@torch.no_grad()
def accuracy(net: Scorer, data: Pairs) -> float:
    """Share of pairs in which the clean picture has the higher score."""
    net.eval()
    scores = torch.cat(
        [
            net(
                torch.from_numpy(data.whole[i : i + 256]).float(),
                torch.from_numpy(data.patches[i : i + 256]).float(),
                torch.from_numpy(data.features[i : i + 256]),
            )
            for i in range(0, len(data.of), 256)
        ]
    ).numpy()
    net.train()
    bad = data.of >= 0
    return float((scores[data.of[bad]] > scores[bad]).mean())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--worker", type=int, default=0, help="which of several processes that train together")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--share", type=int, default=12, help="steps after which they take the mean of their weights")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data, check = load(args.data / "pairs", "train"), load(args.data / "pairs", "calibrate")
    net = Scorer(data.features.shape[1]).to(memory_format=torch.channels_last)
    net.mean.copy_(torch.from_numpy(data.mean))
    net.spread.copy_(torch.from_numpy(data.spread))
    decay = [p for p in net.parameters() if p.ndim > 1]
    rest = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=args.rate)
    warm_up(net, data)
    average = {k: v.clone() for k, v in net.state_dict().items()}
    step, spent = 0, 0.0
    checkpoint = args.data / ("checkpoint.pt" if args.worker == 0 else f"checkpoint-{args.worker}.pt")
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(kept["net"])
        optimiser.load_state_dict(kept["optimiser"])
        average, step, spent = kept["average"], kept["step"], kept["spent"]
    rng = np.random.default_rng([step, args.worker])
    torch.manual_seed(step * 100 + args.worker)
    start = saved = time.monotonic()
    print("items", len(data.items), "pictures", len(data.of), "numbers", data.features.shape[1], flush=True)
    queue: list[np.ndarray] = []
    losses: list[float] = []
    while True:
        done = min(1.0, (spent + time.monotonic() - start) / (args.minutes * 60))
        for group in optimiser.param_groups:
            group["lr"] = args.rate * min(1.0, (step + 1) / 60) * (0.5 * (1 + math.cos(math.pi * done)) * 0.98 + 0.02)
        taken: list[np.ndarray] = []
        while sum(map(len, taken)) < args.batch:
            if not queue:
                queue = [data.items[i] for i in rng.permutation(len(data.items))]
            taken.append(queue.pop())
        whole, patches, numbers, of = batch(data, taken, rng)
        with torch.autocast("cpu", torch.bfloat16):
            score = net(whole.contiguous(memory_format=torch.channels_last), patches, numbers)
        loss = loss_of(score.float(), of)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        step += 1
        if args.workers > 1 and step % args.share == 0:
            shared(net, args.data / "shared", args.worker, args.workers)
        keep = min(0.98, (1 + step) / (10 + step))
        for key, value in net.state_dict().items():
            if value.is_floating_point():
                average[key].lerp_(value, 1 - keep)
        losses.append(loss.item())
        finished = done >= 1
        if step % 20 == 0:
            print(
                f"step {step} done {done:.2f} loss {np.mean(losses):.4f} {time.monotonic() - start:.0f} s", flush=True
            )
            losses = []
        if time.monotonic() - saved > 180 or finished:
            total = spent + time.monotonic() - start
            torch.save(
                {
                    "net": net.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "average": average,
                    "step": step,
                    "spent": total,
                },
                checkpoint.with_suffix(".tmp"),
            )
            checkpoint.with_suffix(".tmp").rename(checkpoint)
            saved = time.monotonic()
            if args.worker == 0 and (finished or spent == 0):
                judge = Scorer(data.features.shape[1])
                judge.load_state_dict(average)
                print(f"step {step} pairs of unseen sets in order {accuracy(judge, check):.4f}", flush=True)
        if finished:
            return


if __name__ == "__main__":
    main()
