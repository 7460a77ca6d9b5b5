"""What training draws from: shards of pictures, their captions' embeddings and word ids; batches with colour and place varied."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from text import worded
from torch import Tensor

from imajin_cli.stages.semantics.words import words_of

LENGTH = 12
_SIDED = {"left", "right", "rtl", "ltr", "clockwise", "counterclockwise", "east", "west", "next", "previous", "forward",
    "back", "undo", "redo", "text", "letter", "input", "abc", "number", "sign", "file", "folder", "math", "align", "clock",
    "oclock", "moon", "crescent", "quarter", "question", "kanji", "ideograph", "button"}  # fmt: skip


class Texts:
    """Every embedded caption: its centred vector and its word ids, by text."""

    def __init__(self, folder: Path) -> None:
        self.words = {w: i + 1 for i, w in enumerate(json.loads((folder / "vocabulary.json").read_text()))}
        self.extras: dict[str, list[str]] = json.loads((folder / "extras.json").read_text())
        texts: list[str] = []
        vectors = []
        for file in sorted(folder.glob("text-*.npz")):
            data = np.load(file)
            texts += data["texts"].tolist()
            vectors.append(data["vectors"].astype(np.float32))
        self.at = {t: i for i, t in enumerate(texts)}
        self.texts = texts
        raw = np.concatenate(vectors)
        mean_file = folder / "mean.npy"
        if not mean_file.exists():
            np.save(mean_file, raw.mean(0))
        self.mean = np.load(mean_file)
        self.vectors = torch.from_numpy(normal(raw - self.mean))
        self.ids = torch.from_numpy(np.stack([ids_of(t, self.words) for t in texts]))


def normal(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-6)


def ids_of(text: str, words: dict[str, int]) -> np.ndarray:
    """The first LENGTH known words of a text, without repeats."""
    found = [i for w in dict.fromkeys(words_of(text)) if (i := words.get(w))][:LENGTH]
    return np.array(found + [0] * (LENGTH - len(found)), np.int64)


def key_of(name: str) -> str:
    return " ".join(words_of(name))


class Pictures:
    """Pictures with their caption choices. A caption is (text row, key); a picture holds every key in its `keys`."""

    def __init__(self, shards: Path, scenes: Path | None, texts: Texts, part: str = "train") -> None:
        images, self.choices, self.keys, self.sets, coloured, flips = [], [], [], [], [], []
        numbers: dict[str, int] = {}

        def number(key: str) -> int:
            return numbers.setdefault(key, len(numbers))

        for at, file in enumerate(sorted(shards.glob(f"{part}-*.npz"))):
            if ".tmp" in file.name:
                continue
            data = np.load(file)
            names = data["captions"].tolist()
            rows = [i for i, n in enumerate(names) if n in texts.at]
            images.append(data["images"][rows])
            for i in rows:
                name = names[i]
                key = number(key_of(name))
                other = [worded(name), *texts.extras.get(name, [])]
                self.choices.append(([texts.at[name]], [texts.at[t] for t in other if t in texts.at], key, key))
                self.sets.append(at)
                coloured.append(bool(data["coloured"]))
                flips.append(not (_SIDED & set(words_of(name))))
        self.icons = len(self.choices)
        if scenes is not None:
            data = np.load(scenes)
            rows_ = [json.loads(r) for r in data["rows"]]
            # A scene whose every wording is new since the captions were embedded has nothing to be asked for by.
            told = [i for i, r in enumerate(rows_) if any(t in texts.at for t in (*r["captions"], r["subject"]))]
            images.append(data["images"][told])
            for row in [rows_[i] for i in told]:
                says = [texts.at[t] for t in row["captions"] if t in texts.at]
                drawn = [texts.at[t] for t in (row["subject"],) if t in texts.at] or says
                says = says or drawn
                self.choices.append(
                    (
                        says,
                        drawn,
                        number("scene " + row["situation"] + ("" if row["situation"] else row["subject"])),
                        number("subject " + row["subject"]),
                    )
                )
                self.sets.append(10_000)
                coloured.append(True)
                flips.append(False)
        self.images = np.concatenate(images)
        self.coloured, self.flips = torch.tensor(coloured), torch.tensor(flips)
        self.sets = np.array(self.sets)
        self.by_set = {int(s): np.flatnonzero(self.sets == s) for s in np.unique(self.sets)}
        self.weights = {
            s: len(r) ** 0.7 * (1.3 if self.coloured[r[0]] else 1.0) * (2.0 if s == 10_000 else 1.0)
            for s, r in self.by_set.items()
        }

    def draw(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Rows for a batch: about half from two sets (hard wrong prompts of one style), half from everywhere."""
        sets = sorted(self.by_set)
        p = np.array([self.weights[s] for s in sets])
        p /= p.sum()
        rows = [rng.choice(self.by_set[int(s)], size // 4) for s in rng.choice(sets, 2, p=p)]
        each = np.bincount(rng.choice(len(sets), size - size // 4 * 2, p=p), minlength=len(sets))
        rows += [rng.choice(self.by_set[s], n) for s, n in zip(sets, each, strict=True) if n]
        return np.unique(np.concatenate(rows))

    def captions(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """For each row a caption's text row, that caption's key, and the picture's two keys (n, 2)."""
        text, key, keys = [], [], []
        for row in rows:
            names, other, first, second = self.choices[row]
            use_other = other and rng.random() < 0.4
            pool = other if use_other else names
            text.append(pool[rng.integers(len(pool))])
            key.append(second if use_other else first)
            keys.append((first, second))
        return torch.tensor(text), torch.tensor(key), torch.tensor(keys)


def paint(rgba: Tensor, coloured: Tensor, gen: torch.Generator) -> Tensor:
    """Premultiplied uint8 (n, h, w, 4) to (n, 3, h, w) in 0..1: one-colour icons get a colour, everything a ground."""
    x = rgba.permute(0, 3, 1, 2).float() / 255
    n = len(x)
    alpha = x[:, 3:]
    kind = torch.rand(n, generator=gen)
    dark = torch.rand(n, 3, generator=gen) * 0.55
    light = 1 - torch.rand(n, 3, generator=gen) * 0.22
    white = torch.ones(n, 3)
    any_ = torch.rand(n, 3, generator=gen)
    ground = torch.where(
        (kind < 0.5)[:, None],
        white,
        torch.where((kind < 0.8)[:, None], light, torch.where((kind < 0.9)[:, None], any_, dark)),
    )
    one = ~coloured
    black = torch.rand(n, 3, generator=gen) * 0.15
    ink = torch.where((torch.rand(n, generator=gen) < 0.4)[:, None], black, torch.rand(n, 3, generator=gen) * 0.8)
    swap = one & (torch.rand(n, generator=gen) < 0.25)
    ink, ground = torch.where(swap[:, None], light, ink), torch.where(swap[:, None], dark, ground)
    near = one & ((ink - ground).abs().amax(1) < 0.35)
    ink = torch.where(near[:, None], torch.where((ground.mean(1) > 0.5)[:, None], black, white), ink)
    rgb = x[:, :3] + torch.where(one[:, None, None, None], ink[:, :, None, None] * alpha, torch.zeros(()))
    return rgb + (1 - alpha) * ground[:, :, None, None]


def vary(x: Tensor, flips: Tensor, side: int, gen: torch.Generator) -> Tensor:
    """Scale, shift, a little turn and flips, resampled to ``side`` pixels; contrast and brightness; to -1..1."""
    n = len(x)
    r = lambda low, high: low + (high - low) * torch.rand(n, generator=gen)  # noqa: E731
    scale, aspect, turn = r(0.92, 1.3), r(0.92, 1.09), r(-0.12, 0.12) * (r(0, 1) < 0.5)
    mirror = torch.where(flips & (r(0, 1) < 0.5), -1.0, 1.0)
    room = (scale - 1).abs() * 0.6 + 0.03
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = scale * aspect * torch.cos(turn) * mirror, -scale * torch.sin(turn)
    theta[:, 1, 0], theta[:, 1, 1] = scale * torch.sin(turn), scale / aspect * torch.cos(turn)
    theta[:, 0, 2], theta[:, 1, 2] = r(-1, 1) * room, r(-1, 1) * room
    grid = F.affine_grid(theta, [n, 3, side, side], align_corners=False)
    y = F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)
    y = (y - 0.5) * r(0.8, 1.15)[:, None, None, None] + 0.5 + r(-0.06, 0.06)[:, None, None, None]
    return y.clamp(0, 1).mul(2).sub(1).contiguous(memory_format=torch.channels_last)
