"""The memory of things beside the encoder: which things a wording calls for, and what each looks like to the encoder.

Rows are the wordings of training's scenes with the things drawn for them, the names and descriptions of things, and what
associations.yaml and themes.yaml say that things stand for. A wording is answered by the rows it is near to; how near is
learnt: a caption of a batch may not look at itself, and half of the time at nothing of its own situation either, so that
it is learnt how situations never taught are answered. Things are told by a softmax regression on the encoder's vectors.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
import yaml
from evaluate import encode
from safetensors.numpy import save_file
from scenes import Kept, held
from torch import Tensor, nn

from imajin_cli.stages.backends import compose, miniclip
from imajin_cli.stages.backends.things import GRANTED
from imajin_cli.stages.scene.wish import LENDS

HERE = Path(__file__).parent
TEXT = 384
SURER = 2.0
"""How much surer the looks are made: AUC on the calibration part 0.880 at 1, 0.91 at 2, 0.90 at 3."""


@dataclass
class Rows:
    """Wordings, the things that stand for each with shares (rows, things), and the situations that each belongs to."""

    texts: list[str] = field(default_factory=list)
    things: list[str] = field(default_factory=list)
    situations: list[str] = field(default_factory=list)
    shares: Tensor = field(default_factory=lambda: torch.zeros(0))
    own: Tensor = field(default_factory=lambda: torch.zeros(0))
    usual: Tensor = field(default_factory=lambda: torch.zeros(0))
    """Whether a situation is drawn with a thing (situations, things)."""
    drawn: list[tuple[int, int, int]] = field(default_factory=list)
    """Row, thing and situation (-1: none) of each caption of each scene."""


def ideas() -> list[tuple[str, str]]:
    """What is said, and the name of a thing that stands for it."""
    said = yaml.safe_load((HERE / "associations.yaml").read_text())
    themes = yaml.safe_load((HERE / "themes.yaml").read_text())
    pairs = [(text, name) for name, texts in said.items() for text in texts]
    return pairs + [(text, name) for theme in themes for text in theme["say"] for name in theme["show"]]


def allowed(never: set[str], bound: int) -> list[tuple[str, str, list[str]]]:
    """The ideas as text, title of the thing, and situations that the composer takes it for; without held-out ones."""
    library = compose.library(())
    out, taken = [], dict[str, list[str]]()
    for text, name in ideas():
        if text not in taken:
            taken[text] = [hit.name for hit in compose.matched(text).situations if hit.score >= LENDS]
        part = library.find(name)
        assert part is not None, name
        if text not in never and not any(held(hit, bound) for hit in taken[text]):
            out.append((text, part.title, taken[text]))
    return out


def scenes_of(folder: Path) -> tuple[np.ndarray, list[dict[str, object]]]:
    """Training's scenes, premultiplied (n, 128, 128, 4), and what is told of them; those without a subject left out."""
    images, told = [], []
    for file in sorted([*folder.glob("train-*.npz"), *folder.glob("texts-*.npz")]):
        with np.load(file) as data:
            rows = [json.loads(r) for r in data["rows"]]
            keep = [i for i, r in enumerate(rows) if r["subject"]]
            images.append(data["images"][keep])
            told += [rows[i] for i in keep]
    return np.concatenate(images), told


def gathered(told: list[dict[str, object]], said: list[tuple[str, str, list[str]]]) -> Rows:
    """All rows, from scenes and from ideas."""
    rows = Rows(things=sorted({str(r["subject"]) for r in told}))
    rows.situations = sorted({str(r["situation"]) for r in told if r["situation"]})
    thing, place = ({n: i for i, n in enumerate(names)} for names in (rows.things, rows.situations))
    weights: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    own: dict[str, set[int]] = defaultdict(set)
    spoken: list[tuple[str, int, int]] = []
    for row in told:
        at, situation = thing[str(row["subject"])], place.get(str(row["situation"]), -1)
        captions = [str(c) for c in row["captions"]]  # type: ignore[attr-defined]
        names = [str(row[k]) for k in ("subject", "says") if row[k]]
        for caption in captions:
            own[caption] |= {situation} - {-1}
        for text in captions + names:
            weights[text][at] += 1
        spoken += [(c, at, situation) for c in (captions if situation >= 0 else captions + names[1:])]
    for text, title, situations in said:
        if title in thing:
            weights[text][thing[title]] += 1
            own[text] |= {place[s] for s in situations if s in place}
    rows.texts = list(weights)
    rows.shares = torch.zeros(len(rows.texts), len(rows.things))
    rows.own = torch.zeros(len(rows.texts), len(rows.situations), dtype=torch.bool)
    for i, text in enumerate(rows.texts):
        rows.shares[i, list(weights[text])] = torch.tensor(list(weights[text].values()))
        rows.own[i, list(own[text])] = True
    rows.shares /= rows.shares.sum(1, keepdim=True)
    number = {t: i for i, t in enumerate(rows.texts)}
    rows.drawn = [(number[c], at, s) for c, at, s in spoken]
    rows.usual = torch.zeros(len(rows.situations), len(rows.things), dtype=torch.bool)
    for _, at, situation in rows.drawn:
        if situation >= 0:
            rows.usual[situation, at] = True
    return rows


class Near(nn.Module):
    """How near two wordings are: cosine after a linear map that starts as the identity, and a small correction."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.turn = nn.Parameter(torch.eye(TEXT))
        self.up, self.down = nn.Linear(TEXT, 512), nn.Linear(512, TEXT)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)
        self.bias = nn.Parameter(torch.zeros(rows))
        self.heat, self.nothing = nn.Parameter(torch.tensor(3.0)), nn.Parameter(torch.tensor(0.2))
        self.gain = nn.Parameter(torch.tensor(0.0))

    def forward(self, x: Tensor) -> Tensor:
        y = x @ self.turn.T + self.down(F.gelu(self.up(x), approximate="tanh"))
        return F.normalize(y.float(), dim=1)


def learnt(rows: Rows, e5: Tensor, prior: Tensor, steps: int, rate: float = 1e-3) -> Near:
    """Learn which rows answer which wordings, as if each picture's thing were known for sure."""
    torch.manual_seed(0)
    rng, net = np.random.default_rng(0), Near(len(rows.texts))
    decay = [net.turn, net.up.weight, net.down.weight]
    rest = [net.gain, net.heat, net.nothing, net.bias, net.up.bias, net.down.bias]
    optimiser = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}], lr=rate
    )
    drawn = np.array(rows.drawn)
    kinds = [np.flatnonzero(drawn[:, 2] >= 0), np.flatnonzero(drawn[:, 2] < 0)]
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 30) * (0.5 + 0.5 * np.cos(np.pi * step / steps) + 0.02)
        if step % 5 == 0:
            with torch.no_grad():
                keys = net(e5)
        batch = torch.from_numpy(
            drawn[np.concatenate([rng.choice(k, n) for k, n in zip(kinds, (128, 64), strict=True)])]
        )
        loss = _loss(net, rows, e5, keys, prior, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 30 == 29:
            print("step", step + 1, "loss", round(loss.item(), 3), "heat", round(net.heat.exp().item(), 1), flush=True)
    return net.eval()


def _loss(net: Near, rows: Rows, e5: Tensor, keys: Tensor, prior: Tensor, batch: Tensor) -> Tensor:
    """Contrastive loss of captions and things both ways; a thing that a caption's situation is drawn with is not wrong."""
    caption, thing, situation = batch.T
    n = len(batch)
    hide = torch.zeros(n, len(rows.texts), dtype=torch.bool)
    hide[torch.arange(n), caption] = True
    untaught = (torch.rand(n) < 0.5) & (situation >= 0)
    hide[untaught] |= rows.own[:, situation[untaught]].T
    asked = F.normalize(e5[caption] + 0.01 * torch.randn(n, TEXT), dim=1)
    heat = net.heat.exp()
    with torch.autocast("cpu", torch.bfloat16):
        near = net(asked).bfloat16() @ keys.bfloat16().T
    near = (heat * near.float() + net.bias).masked_fill(hide, -1e4)
    share = torch.softmax(torch.cat([near, (heat * net.nothing).expand(n, 1)], 1), 1)
    called = share[:, :-1] @ rows.shares + share[:, -1:] * prior
    score = torch.log(called / prior + GRANTED)[:, thing] * net.gain.exp()
    true_too = (situation[:, None] == situation) & (situation >= 0) | (thing[:, None] == thing)
    true_too[situation >= 0] |= rows.usual[situation[situation >= 0]][:, thing]
    score = score.masked_fill(true_too & ~torch.eye(n, dtype=torch.bool), -1e4)
    right = torch.arange(n)
    return (F.cross_entropy(score, right) + F.cross_entropy(score.T, right)) / 2


def looks(vectors: Tensor, thing: Tensor, things: int, steps: int = 500) -> tuple[Tensor, Tensor]:
    """Weights (things, 256) and bias of a softmax regression of things on views' vectors (n, k, 256), things drawn evenly."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    flat, thing = vectors.flatten(0, 1), thing.repeat_interleave(vectors.shape[1])
    start = torch.zeros(things, vectors.shape[2]).index_add_(0, thing, flat)
    weight, bias = nn.Parameter(F.normalize(start, dim=1) * 16), nn.Parameter(torch.zeros(things))
    of = [np.flatnonzero(thing.numpy() == k) for k in range(things)]
    optimiser = torch.optim.Adam([weight, bias], lr=0.1)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 0.1 * (0.5 + 0.5 * np.cos(np.pi * step / steps) + 0.01)
        at = torch.tensor([rng.choice(of[k]) for k in rng.integers(0, things, 512)])
        x = flat[at] + 0.02 * torch.randn(len(at), flat.shape[1])
        loss = F.cross_entropy(x @ weight.T + bias, thing[at], label_smoothing=0.02)
        loss = loss + 2e-6 * (weight**2).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 100 == 99:
            print("looks", step + 1, round(loss.item(), 3), flush=True)
    # The smoothed labels leave it less sure than it is right to be of several views that agree.
    return weight.detach() * SURER, bias.detach() * SURER


def write(path: Path, net: Near, rows: Rows, e5: Tensor, prior: Tensor, look: tuple[Tensor, Tensor]) -> None:
    """The memory as one file: keys in 8 bits with a scale a row, shares as (row, thing, weight), the rest in half precision."""
    with torch.no_grad():
        keys = net(e5).numpy()
    scale = np.abs(keys).max(1) / 127
    at = rows.shares.nonzero()
    half = {
        "turn": net.turn, "up_weight": net.up.weight, "up_bias": net.up.bias, "down_weight": net.down.weight,
        "down_bias": net.down.bias, "bias": net.bias, "looks": look[0], "looks_bias": look[1],
        "weight": rows.shares[at[:, 0], at[:, 1]],
    }  # fmt: skip
    tables: dict[str, np.ndarray] = {k: v.detach().numpy().astype(np.float16) for k, v in half.items()}
    tables |= {k: np.array(v, np.float32) for k, v in (("heat", net.heat.item()), ("nothing", net.nothing.item()))}
    tables |= {"keys": np.round(keys / scale[:, None]).astype(np.int8), "keys_scale": scale.astype(np.float32)}
    tables |= {"row": at[:, 0].numpy().astype(np.float32), "thing": at[:, 1].numpy().astype(np.float32)}
    tables["prior"] = prior.numpy().astype(np.float32)
    # The words about it also make the header longer than 1,152 bytes, whose length would begin the file as a pickle begins.
    about = {"about": "imajin-mini-clip's memory of things: training/clip/associate.py"}
    save_file({k: np.array(v, order="C") for k, v in tables.items()}, path, metadata=about)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=90)
    parser.add_argument("--out", type=Path, default=miniclip.FOLDER)
    args = parser.parse_args()
    torch.set_num_threads(1)
    bound = yaml.safe_load((HERE / "split.yaml").read_text())["scenes"]["situations"]
    kept = Kept(args.data / "text")
    compose.embedding.shared = lambda: kept  # type: ignore[assignment]
    never = set((args.data / "scenes/held.txt").read_text().splitlines())
    images, told = scenes_of(args.data / "scenes")
    rows = gathered(told, allowed(never, bound))
    raw = kept.embed(rows.texts) - np.load(args.data / "text/mean.npy")
    e5 = F.normalize(torch.from_numpy(raw).float(), dim=1)
    prior = rows.shares.mean(0) + 2e-4
    prior /= prior.sum()
    print("rows", len(rows.texts), "things", len(rows.things), "situations", len(rows.situations), flush=True)
    kept_file = args.data / f"seen-{miniclip.digest(args.out / miniclip.IMAGE)}.npy"
    if not kept_file.exists():
        np.save(kept_file, encode(miniclip.MiniClip(args.out), images))
    vectors = torch.from_numpy(np.load(kept_file))
    number = {n: i for i, n in enumerate(rows.things)}
    look = looks(vectors, torch.tensor([number[str(r["subject"])] for r in told]), len(rows.things))
    net = learnt(rows, e5, prior, args.steps)
    write(args.out / miniclip.THINGS, net, rows, e5, prior, look)


if __name__ == "__main__":
    main()
