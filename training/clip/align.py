"""After training, set the last linear layers anew in closed form over all training pictures.

Stochastic training of an hour leaves the top layers behind what the features below them already tell. Given the frozen
features x of a picture and those y of its caption (word bag, e5 vector, the trained text head), x is modelled as normal
around yB with one covariance for all captions, as in linear discriminant analysis (Fisher 1936; Rao 1948): B by ridge
regression, both sides whitened by the covariance of what is left, the 256 directions kept in which captions differ most.
The result has the trained network's own form, so it is folded back into its weights.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import model
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from export import load
from model import DIM, TEXT
from torch import nn

from data import Choice, Pictures, Texts, around, paint

CHUNK = 256
SCENE_CAPTIONS, SCENE_WEIGHT = 3, 2.0
# How much wider than the subject the nearer look is, and the penalty of the boxes' regression in mean variances.
AROUND, BOX_RIDGE = 1.25, 0.01
RIDGE, SHRINK = (50.0, 50.0, 500.0, 50.0), 0.1


def pooled(image: nn.Module, pictures: Pictures, rows: np.ndarray, seed: int | None = None) -> np.ndarray:
    """Pooled features (n, w), half precision, of training pictures on white.

    With ``seed`` every second picture is painted as in training, so that the covariance knows palettes, and scenes are
    cropped around their subjects; without one they are whole.
    """
    out = []
    gen = torch.Generator().manual_seed(seed or 0)
    rng = None if seed is None else np.random.default_rng(seed)
    with torch.inference_mode():
        for start in range(0, len(rows), CHUNK):
            some_rows = rows[start : start + CHUNK]
            raw = torch.from_numpy(pictures.views(some_rows, rng))
            part = raw.permute(0, 3, 1, 2).float() / 255
            rgb = part[:, :3] + 1 - part[:, 3:]
            if rng is not None:
                rgb[::2] = paint(raw[::2], pictures.coloured[some_rows][::2], gen)
            rgb = F.interpolate(rgb, model.INPUT, mode="bilinear", antialias=True)
            x = (rgb * 2 - 1).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16):
                y = image.stages(image.stem(x))
            out.append(image.pool(y.float()).half().numpy())
            if start % (CHUNK * 40) == 0:
                print("looked at", start, flush=True)
    return np.concatenate(out)


def subject_boxes(pictures: Pictures, rows: np.ndarray) -> np.ndarray:
    """Middle x, middle y and side of the square to look at more closely, in shares (n, 3); an icon is all subject."""
    out = np.tile(np.array([0.5, 0.5, 1.0], np.float32), (len(rows), 1))
    scenes = rows >= pictures.icons
    boxes = pictures.boxes[rows[scenes] - pictures.icons]
    side = np.minimum(boxes[:, 2:].max(1) * AROUND, 1.0)
    out[scenes] = np.column_stack([boxes[:, 0] + boxes[:, 2] / 2, boxes[:, 1] + boxes[:, 3] / 2, side])
    return out


def cropped_boxes(pictures: Pictures, rows: np.ndarray, seed: int | None) -> np.ndarray:
    """What `subject_boxes` gives, in shares of the crops that `pooled` makes of scenes with ``seed`` (n, 3)."""
    out = subject_boxes(pictures, rows)
    if seed is None:
        return out
    rng = np.random.default_rng(seed)
    for at, row in enumerate(rows):
        left, top, wide = around(pictures.boxes[row - pictures.icons], rng)
        x, y, side = out[at]
        out[at] = (x - left) / wide, (y - top) / wide, min(side / wide, 1.0)
    return out


def fit_boxes(net: nn.ModuleDict, x: torch.Tensor, boxes: torch.Tensor) -> None:
    """Set the layer that says where the subject is, by ridge regression of boxes (n, 3) on features (n, w)."""
    mean, middle = x.mean(0), boxes.mean(0)
    centred, wanted = x - mean, boxes - middle
    gram = centred.T @ centred
    gram.diagonal().add_(BOX_RIDGE * gram.diagonal().mean())
    found = torch.linalg.solve(gram, centred.T @ wanted)
    with torch.no_grad():
        net["image"].box.weight.copy_(found.T)
        net["image"].box.bias.copy_(middle - mean @ found)
    print("boxes off by", (centred @ found - wanted).abs().mean(0).tolist(), flush=True)


def trained(text: nn.Module, e5: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """What captions are regressed on besides their words: e5 (384), the text head's hidden layer and its own output."""
    with torch.inference_mode():
        hidden = F.gelu(text.up(e5), approximate="tanh")
        present = (ids > 0).float().sum(1, keepdim=True).clamp(min=1)
        whole = text.skip(e5) + text.down(hidden) + text.words(ids).sum(1) / present.sqrt()
        return torch.cat([e5, hidden, whole], 1)


@dataclass
class Fitted:
    """Image side: (x - mean) @ head. Text side: bag @ words + (dense - dense_mean) @ dense."""

    mean: torch.Tensor
    head: torch.Tensor
    words: torch.Tensor
    dense: torch.Tensor
    dense_mean: torch.Tensor


def scaled(ids: torch.Tensor) -> torch.Tensor:
    """What each place of a word bag weighs (n, k): one over the root of the caption's count, 0 where there is no word."""
    here = (ids > 0).float()
    return here / here.sum(1, keepdim=True).clamp(min=1).sqrt()


def bag_gram(ids: torch.Tensor, weight: torch.Tensor, size: int) -> torch.Tensor:
    """The weighted Gram matrix (size, size) of the word bags, summed over pairs of places without making the bags."""
    out = torch.zeros(size * size)
    s = scaled(ids)
    for a in range(ids.shape[1]):
        for b in range(ids.shape[1]):
            value = s[:, a] * s[:, b] * weight
            used = value > 0
            if used.any():
                out += torch.bincount(ids[used, a] * size + ids[used, b], value[used], size * size)
    return out.view(size, size)


def bag_cross(ids: torch.Tensor, other: torch.Tensor, size: int) -> torch.Tensor:
    """The word bags, transposed, times ``other`` (n, w)."""
    out = torch.zeros(size, other.shape[1])
    s = scaled(ids)
    for a in range(ids.shape[1]):
        used = ids[:, a] > 0
        out.index_add_(0, ids[used, a], other[used] * s[used, a : a + 1])
    return out


def bag_times(ids: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """The word bags times ``table``."""
    s = scaled(ids)
    out = torch.zeros(len(ids), table.shape[1])
    for a in range(ids.shape[1]):
        used = ids[:, a] > 0
        out[used] += table[ids[used, a]] * s[used, a : a + 1]
    return out


class Regression:
    """The normal equations, made once; `solve` answers for different penalties."""

    def __init__(
        self, x: torch.Tensor, weight: torch.Tensor, ids: torch.Tensor, dense: torch.Tensor, words: int
    ) -> None:
        self.x, self.weight, self.ids, self.size = x, weight / weight.mean(), ids, words + 1
        w = self.weight[:, None]
        self.mean, self.dense_mean = (w * x).mean(0), (w * dense).mean(0)
        self.x, self.dense = x - self.mean, dense - self.dense_mean
        both = torch.cat([self.dense, self.x], 1) * w
        corner = bag_cross(ids, both, self.size)
        wide = self.dense.shape[1]
        lower = self.dense.T @ both
        self.gram = torch.cat([torch.cat([bag_gram(ids, self.weight, self.size), corner[:, :wide]], 1),
            torch.cat([corner[:, :wide].T, lower[:, :wide]], 1)])  # fmt: skip
        self.cross = torch.cat([corner[:, wide:], lower[:, wide:]])

    def solve(self, ridge: tuple[float, float, float, float], shrink: float) -> Fitted:
        """``ridge``: penalties of words, e5, hidden layer, trained output; ``shrink`` mixes the covariance with its mean."""
        hidden = self.dense.shape[1] - TEXT - DIM
        widths = (self.size, TEXT, hidden, DIM)
        gram = self.gram.clone()
        gram.diagonal().add_(torch.cat([torch.full((n,), r) for n, r in zip(widths, ridge, strict=True)]))
        b = torch.cholesky_solve(self.cross, torch.linalg.cholesky(gram))
        told = bag_times(self.ids, b[: self.size]) + self.dense @ b[self.size :]
        w = self.weight[:, None]
        rest = self.x - told
        left, between = (w * rest).T @ rest / len(rest), (w * told).T @ told / len(rest)
        left.diagonal().add_(shrink * left.diagonal().mean())
        values, vectors = torch.linalg.eigh(left)
        white = vectors * values.clamp(min=1e-9) ** -0.5 @ vectors.T
        _, directions = torch.linalg.eigh(white @ between @ white)
        head = white @ directions[:, -DIM:]
        b = b @ head
        return Fitted(self.mean, head, b[: self.size], b[self.size :], self.dense_mean)


def fold(net: nn.ModuleDict, found: Fitted) -> None:
    """Put the fitted layers into the network's own weights."""
    image, text = net["image"], net["text"]
    direct, hidden, through = (part.T for part in found.dense.split([TEXT, len(found.dense) - TEXT - DIM, DIM]))
    with torch.no_grad():
        image.head.weight.copy_(found.head.T)
        image.head.bias.copy_(-(found.mean @ found.head))
        text.skip.bias.copy_(through @ (text.skip.bias + text.down.bias) - found.dense_mean @ found.dense)
        text.down.bias.zero_()
        text.skip.weight.copy_(direct + through @ text.skip.weight)
        text.down.weight.copy_(hidden + through @ text.down.weight)
        text.words.weight.copy_(found.words + text.words.weight @ through.T)
        text.words.weight[0] = 0


def some(choice: Choice, most: int, rng: np.random.Generator) -> list[int]:
    """At most ``most`` of a picture's names, and one other way to say it."""
    chosen = [choice.names[k] for k in rng.permutation(len(choice.names))[:most]]
    return [*chosen, choice.other[rng.integers(len(choice.other))]] if choice.other else chosen


def gather(net: nn.ModuleDict, pictures: Pictures, most: int) -> dict[str, np.ndarray]:
    """Features of at most ``most`` pictures (every scene whole and from nearer, icons by chance), with some captions."""
    rng = np.random.default_rng(2)
    scenes = np.arange(pictures.icons, len(pictures.choices))
    icons = np.sort(rng.permutation(pictures.icons)[: most - 2 * len(scenes)])
    parts = [(np.concatenate([icons, scenes]), None), (scenes, 5)]
    x = np.concatenate([pooled(net["image"], pictures, rows, seed) for rows, seed in parts])
    rows = np.concatenate([part for part, _ in parts])
    at, captions, weight = [], [], []
    for i, row in enumerate(rows):
        chosen = some(pictures.choices[row], SCENE_CAPTIONS if row >= pictures.icons else 1, rng)
        at += [i] * len(chosen)
        captions += chosen
        weight += [(SCENE_WEIGHT if row >= pictures.icons else 1.0) / len(chosen)] * len(chosen)
    return {"x": x, "at": np.array(at), "captions": np.array(captions), "weight": np.array(weight),
        "boxes": subject_boxes(pictures, parts[0][0]), "scenes": np.array(len(scenes))}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--most", type=int, default=60_000)
    parser.add_argument("--name", default="checkpoint")
    args = parser.parse_args()
    torch.set_num_threads(1)
    texts = Texts(args.data / "text")
    net = load(args.data / f"{args.name}.pt", len(texts.words), quarters=True)
    kept = args.data / f"features-{args.name}.npz"
    if not kept.exists():
        np.savez(kept, **gather(net, Pictures(args.data / "shards", args.data / "scenes", texts), args.most))
    with np.load(kept) as data:
        found = {k: torch.from_numpy(data[k]) for k in data.files}
    captions, boxes = found["captions"], found["boxes"]
    fit_boxes(net, found["x"][len(boxes) - found["scenes"] : len(boxes)].float(), boxes[-found["scenes"] :])
    e5, ids = texts.vectors[captions], texts.ids[captions]
    dense = trained(net["text"], e5, ids)
    x = found["x"][found["at"]].float()
    fold(net, Regression(x, found["weight"].float(), ids, dense, len(texts.words)).solve(RIDGE, SHRINK))
    torch.save({"average": net.state_dict()}, args.data / "aligned.pt")
    print("aligned over", len(found["x"]), "pictures and", len(captions), "captions")


if __name__ == "__main__":
    main()
