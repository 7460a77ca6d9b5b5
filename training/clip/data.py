"""What training draws from: shards of pictures, their captions' embeddings and word ids; batches with colour and place varied."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from text import worded
from torch import Tensor

from imajin_cli.stages.semantics.words import words_of

LENGTH = 12
SIDE = 64
SCENE_SHARE = 0.26
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


@dataclass
class Choice:
    """What may be said of one picture: text rows of its names and of other ways to say them, and the key of either."""

    names: list[int]
    other: list[int]
    first: int
    second: int


class Pictures:
    """Pictures with their captions. Icons come first, then scenes; a picture holds both keys of its `Choice`."""

    SITUATIONS, THINGS = 10_000, 10_001

    def __init__(self, shards: Path, scenes: Path | None, texts: Texts, part: str = "train") -> None:
        self.texts, self.choices = texts, list[Choice]()
        self.numbers: dict[str, int] = {}
        sets, coloured, flips, images = [], [], [], []
        for at, file in enumerate(sorted(f for f in shards.glob(f"{part}-*.npz") if ".tmp" not in f.name)):
            data = np.load(file)
            names = data["captions"].tolist()
            rows = [i for i, n in enumerate(names) if n in texts.at]
            images.append(data["images"][rows])
            self.choices += [self._icon(names[i]) for i in rows]
            sets += [at] * len(rows)
            coloured += [bool(data["coloured"])] * len(rows)
            flips += [not (_SIDED & set(words_of(names[i]))) for i in rows]
        self.images, self.icons = np.concatenate(images), len(self.choices)
        self.scenes, self.boxes = np.zeros((0, 1, 1, 4), np.uint8), np.zeros((0, 4), np.float32)
        if scenes is not None:
            self._read_scenes(scenes)
        more = len(self.choices) - self.icons
        kinds = [self.THINGS if c.first == c.second else self.SITUATIONS for c in self.choices[self.icons :]]
        self.sets = np.array(sets + kinds)
        self.coloured, self.flips = torch.tensor(coloured + [True] * more), torch.tensor(flips + [False] * more)
        self.by_set = {int(s): np.flatnonzero(self.sets == s) for s in np.unique(self.sets)}
        self.weights = {
            s: len(r) ** 0.7 * (1.3 if self.coloured[r[0]] else 1.0)
            for s, r in self.by_set.items()
            if s < self.SITUATIONS
        }
        self._text_keys()

    def _number(self, key: str) -> int:
        return self.numbers.setdefault(key, len(self.numbers))

    def _icon(self, name: str) -> Choice:
        key, at = self._number(key_of(name)), self.texts.at
        other = [worded(name), *self.texts.extras.get(name, [])]
        return Choice([at[name]], [at[t] for t in other if t in at], key, key)

    def _read_scenes(self, folder: Path) -> None:
        """Scenes of every file there; one that no embedded caption tells of is left out."""
        images, boxes, at = [], [], self.texts.at
        for file in sorted([*folder.glob("train-*.npz"), *folder.glob("texts-*.npz")]):
            with np.load(file) as data:
                rows = [json.loads(r) for r in data["rows"]]
                told = [i for i, r in enumerate(rows) if any(t in at for t in (*r["captions"], r["subject"]))]
                images.append(data["images"][told])
                boxes.append(data["boxes"][told])
            for row in (rows[i] for i in told):
                says = [at[t] for t in row["captions"] if t in at]
                drawn = [at[t] for t in (row["subject"], row["says"]) if t in at]
                second = self._number("subject " + row["subject"])
                first = self._number("scene " + row["situation"]) if row["situation"] else second
                self.choices.append(Choice(says or drawn, drawn, first, second))
        if images:
            self.scenes, self.boxes = np.concatenate(images), np.concatenate(boxes)

    def _text_keys(self) -> None:
        """Text row → a key of a picture that it is said of, and which rows icons and scenes are asked for by."""
        keys: dict[int, int] = {}
        pools: list[dict[int, None]] = [{}, {}]
        for at, choice in enumerate(self.choices):
            for rows, key in ((choice.names, choice.first), (choice.other, choice.second)):
                for row in rows:
                    keys.setdefault(row, key)
                    pools[at >= self.icons][row] = None
        self.text_key = torch.full((len(self.texts.texts),), -1)
        self.text_key[list(keys)] = torch.tensor(list(keys.values()))
        self.pools = [np.array(list(p), int) for p in pools]

    def draw(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Rows for a batch: scenes, two icon sets (hard wrong prompts of one style), and icons of everywhere."""
        sets = sorted(self.weights)
        p = np.array([self.weights[s] for s in sets])
        p /= p.sum()
        rows = [rng.choice(self.by_set[int(s)], size // 5) for s in rng.choice(sets, 2, p=p)]
        kinds = [self.by_set[s] for s in (self.SITUATIONS, self.THINGS) if s in self.by_set]
        rows += [rng.choice(kind, int(size * SCENE_SHARE / 2)) for kind in kinds]
        each = np.bincount(rng.choice(len(sets), size - sum(map(len, rows)), p=p), minlength=len(sets))
        rows += [rng.choice(self.by_set[s], n) for s, n in zip(sets, each, strict=True) if n]
        return np.unique(np.concatenate(rows))

    def captions(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """For each row a caption's text row, that caption's key, and the picture's two keys (n, 2)."""
        text, key, keys = [], [], []
        for row in rows:
            choice = self.choices[row]
            # A scene is mostly asked for by what stands in it: which thing a wording calls for is associate.py's.
            use_other = choice.other and rng.random() < (0.4 if row < self.icons else 0.75)
            pool = choice.other if use_other else choice.names
            text.append(pool[rng.integers(len(pool))])
            key.append(choice.second if use_other else choice.first)
            keys.append((choice.first, choice.second))
        return torch.tensor(text), torch.tensor(key), torch.tensor(keys)

    def wrong(self, rows: np.ndarray, count: int, rng: np.random.Generator) -> Tensor:
        """Text rows of ``count`` further captions: a quarter of the batch's sets, a quarter of scenes, half of icons."""
        quarter = count // 4
        near = rng.choice(rows, quarter)
        like = [self.choices[int(rng.choice(self.by_set[int(self.sets[r])]))] for r in near]
        out = [np.array([c.names[rng.integers(len(c.names))] for c in like])]
        scenes = self.pools[1] if len(self.pools[1]) else self.pools[0]
        out += [rng.choice(scenes, quarter), rng.choice(self.pools[0], count - 2 * quarter)]
        return torch.from_numpy(np.unique(np.concatenate(out)))

    def views(self, rows: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """The pictures, premultiplied uint8 (n, 64, 64, 4); scenes whole, or with ``rng`` cropped around their subject."""
        out = np.empty((len(rows), SIDE, SIDE, 4), np.uint8)
        icon = rows < self.icons
        out[icon] = self.images[rows[icon]]
        for at in np.flatnonzero(~icon):
            k = rows[at] - self.icons
            box = (0.0, 0.0, 1.0) if rng is None else around(self.boxes[k], rng)
            out[at] = cut(self.scenes[k], box)
        return out


def around(box: np.ndarray, rng: np.random.Generator) -> tuple[float, float, float]:
    """Left, top and side, in shares, of a square that holds ``box`` (left, top, width, height): tight, wider, or all."""
    side = min(1.0, float(max(box[2], box[3])) * 1.12)
    kind = rng.random()
    if kind < 0.3:
        return 0.0, 0.0, 1.0
    wide = min(1.0, side * (1 + 0.45 * rng.random())) if kind < 0.8 else side + (1 - side) * rng.random()
    corner = []
    for i in (0, 1):
        room = wide - float(box[i + 2])
        corner.append(float(box[i]) - room * (0.5 - (rng.random() - 0.5) * 0.9))
    left, top = (min(max(v, 0.0), 1 - wide) for v in corner)
    return left, top, wide


def cut(picture: np.ndarray, box: tuple[float, float, float]) -> np.ndarray:
    """A square of a premultiplied picture (s, s, 4), scaled to (64, 64, 4)."""
    whole = len(picture)
    left, top, side = (v * whole for v in box)
    image = Image.frombuffer("CMYK", (whole, whole), np.ascontiguousarray(picture))
    method = Image.Resampling.BOX if side > SIDE else Image.Resampling.BILINEAR
    return np.asarray(image.resize((SIDE, SIDE), method, box=(left, top, left + side, top + side)))


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
