"""After training, go on with the last layers alone, over features of the pictures that are made once.

With the network below frozen, a step costs a tenth, so that texts are seen many more times than pictures could be: what
a wording calls for is mostly learnt here (compare Zhai et al. 2022, arXiv:2111.07991, which tunes one side of two).
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from align import cropped_boxes, fit_boxes, pooled
from export import load
from model import Memory
from torch import nn
from train import Average, loss_of

from data import Pictures, Texts

HIDDEN = 1536


class Features:
    """Pooled features of views of pictures: icons once, painted or on white; scenes whole and from nearer."""

    def __init__(self, file: Path, net: nn.ModuleDict, pictures: Pictures, most: int) -> None:
        if not file.exists():
            rng = np.random.default_rng(2)
            icons = np.sort(rng.permutation(pictures.icons)[:most])
            scenes = np.arange(pictures.icons, len(pictures.choices))
            parts = [(icons, 7), (scenes, None), (scenes, 5)]
            x = np.concatenate([pooled(net["image"], pictures, rows, seed) for rows, seed in parts])
            np.savez(file, x=x, rows=np.concatenate([rows for rows, _ in parts]))
        with np.load(file) as data:
            self.x, self.rows = torch.from_numpy(data["x"]), data["rows"]
        sets = pictures.sets[self.rows]
        self.by_set = {int(s): np.flatnonzero(sets == s) for s in np.unique(sets)}
        self.icons = np.flatnonzero(sets < pictures.SITUATIONS)
        self.weights = {s: len(r) ** 0.7 for s, r in self.by_set.items() if s < pictures.SITUATIONS}

    def draw(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Places for a batch: a third situations, some things, half icons, and half of those of four sets."""
        sets = sorted(self.weights)
        p = np.array([self.weights[s] for s in sets])
        chosen = rng.choice(sets, 4, p=p / p.sum(), replace=False)
        out = [rng.choice(self.by_set[int(s)], size // 16) for s in chosen]
        shares = ((Pictures.SITUATIONS, 0.35), (Pictures.THINGS, 0.15))
        out += [rng.choice(self.by_set[s], int(size * share)) for s, share in shares if s in self.by_set]
        out.append(rng.choice(self.icons, size - sum(map(len, out))))
        return np.unique(np.concatenate(out))


def find_subjects(net: nn.ModuleDict, pictures: Pictures) -> None:
    """Set the layer that says where the subject is, on scenes whole and cropped: among icons it would learn which is which."""
    scenes = np.arange(pictures.icons, len(pictures.choices))
    x = [torch.from_numpy(pooled(net["image"], pictures, scenes, seed)) for seed in (None, 5, 6)]
    boxes = [torch.from_numpy(cropped_boxes(pictures, scenes, seed)) for seed in (None, 5, 6)]
    fit_boxes(net, torch.cat(x).float(), torch.cat(boxes))


def remembered(texts: Texts, pictures: Pictures) -> tuple[Memory, torch.Tensor, dict[int, int]]:
    """A memory of the wordings of situations and their subjects; where each text row is in it (-1: nowhere); key → owner."""
    rows: dict[int, int] = {}
    for choice in pictures.choices[pictures.icons :]:
        if choice.first != choice.second:
            for row in choice.names:
                rows.setdefault(row, choice.first)
            for row in choice.other:
                rows.setdefault(row, choice.second)
    owners = {key: at for at, key in enumerate(sorted(set(rows.values())))}
    memory = Memory(len(rows), len(owners))
    memory.keys.copy_(texts.vectors[list(rows)])
    memory.owner.copy_(torch.tensor([owners[key] for key in rows.values()]))
    place = torch.full((len(texts.texts),), -1)
    place[list(rows)] = torch.arange(len(rows))
    return memory, place, owners


def begin(memory: Memory, owners: dict[int, int], features: Features, pictures: Pictures, net: nn.ModuleDict) -> None:
    """Each owner's value starts as the mean of its pictures' vectors, as long as a text's is on average."""
    keys = torch.tensor([(c.first, c.second) for c in pictures.choices])[features.rows]
    with torch.inference_mode():
        for key, at in owners.items():
            mine = (keys == key).any(1)
            memory.values[at] = F.normalize(net["image"].head(features.x[mine].float()), dim=1).mean(0)


def hidden(memory: Memory, place: torch.Tensor, captions: torch.Tensor, gen: torch.Generator) -> torch.Tensor:
    """What of the memory each caption may not look at: itself, and by chance a third of all."""
    hide = (torch.rand(len(memory.keys), generator=gen) < 0.33).expand(len(captions), -1).clone()
    at = place[captions]
    mine = torch.arange(len(captions))[at >= 0]
    hide[mine, at[at >= 0]] = True
    return hide


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10, help="0: only the layer that finds subjects is set")
    parser.add_argument("--batch", type=int, default=768)
    parser.add_argument("--wrong", type=int, default=1024)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--most", type=int, default=50_000, help="icons")
    parser.add_argument("--name", default="checkpoint")
    args = parser.parse_args()
    torch.set_num_threads(1)
    texts = Texts(args.data / "text")
    pictures = Pictures(args.data / "shards", args.data / "scenes", texts)
    net = load(args.data / f"{args.name}.pt", len(texts.words), quarters=True, hidden=HIDDEN)
    find_subjects(net, pictures)
    if not args.minutes:
        state = torch.load(args.data / f"{args.name}.pt", weights_only=True)
        torch.save({"average": net.state_dict(), "scale": state["scale"]}, args.data / f"{args.name}-heads.pt")
        return
    features = Features(args.data / f"features-{args.name.removesuffix('-heads')}.npz", net, pictures, args.most)
    head, text = net["image"].head, net["text"]
    memory, place, owners = remembered(texts, pictures)
    if text.memory is None:
        begin(memory, owners, features, pictures, net)
        with torch.inference_mode():
            some = torch.arange(0, len(texts.texts), 50)
            memory.values.mul_(text.whole(texts.vectors[some], texts.ids[some]).norm(dim=1).mean())
    else:
        memory.load_state_dict(text.memory.state_dict())
    text.memory = memory
    scale = nn.Parameter(torch.tensor(torch.load(args.data / f"{args.name}.pt", weights_only=True)["scale"]))
    tuned = nn.ModuleDict({"head": head, "text": text})
    decay = [p for n, p in tuned.named_parameters() if p.ndim > 1 and "words" not in n]
    rest = [p for n, p in tuned.named_parameters() if p.ndim <= 1 or "words" in n]
    groups = [{"params": decay, "weight_decay": 0.1}, {"params": [*rest, scale], "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=args.rate, betas=(0.9, 0.98), foreach=True)
    average = Average(tuned)
    rng, gen = np.random.default_rng(1), torch.Generator().manual_seed(1)
    start = last = time.monotonic()
    step, losses = 0, []
    print("views", len(features.rows), "captions", len(texts.texts), "remembered", len(memory.keys), flush=True)
    while (done := (time.monotonic() - start) / (args.minutes * 60)) < 1:
        rate = args.rate * min(1.0, (step + 1) / 100) * (0.5 * (1 + math.cos(math.pi * done)) * 0.98 + 0.02)
        for group in optimiser.param_groups:
            group["lr"] = rate
        at = features.draw(args.batch, rng)
        rows = features.rows[at]
        captions, key, keys = pictures.captions(rows, rng)
        wrong = pictures.wrong(rows, args.wrong, rng)
        captions, key = torch.cat([captions, wrong]), torch.cat([key, pictures.text_key[wrong]])
        e5, ids = texts.vectors[captions], texts.ids[captions]
        keep = (torch.rand(len(captions), 1, generator=gen) > 0.3).float()
        noisy = e5 + 0.02 * torch.randn(e5.shape, generator=gen)
        with torch.autocast("cpu", torch.bfloat16):
            x = F.dropout(features.x[at].float(), 0.1)
            image = F.normalize(head(x).float(), dim=1)
            told = memory(e5, hidden(memory, place, captions, gen))
            words = F.normalize((text.whole(noisy, ids, keep) + told).float(), dim=1)
        loss = loss_of(image, words, scale.exp().clamp(max=60), key, keys, ids, e5)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(tuned.parameters(), 1.0)
        optimiser.step()
        step += 1
        average.update(tuned, step)
        losses.append(loss.item())
        if step % 50 == 0:
            spent = (time.monotonic() - last) / 50
            said = f"step {step} done {done:.3f} loss {np.mean(losses):.3f} scale {scale.exp():.1f} {spent:.2f} s"
            print(f"{said} heat {memory.heat.exp():.1f} nothing {memory.nothing.item():.2f}", flush=True)
            last, losses = time.monotonic(), []
    tuned.load_state_dict(average.state)
    torch.save({"average": net.state_dict(), "scale": scale.item()}, args.data / f"{args.name}-heads.pt")


if __name__ == "__main__":
    main()
