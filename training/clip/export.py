"""Write the trained encoder into the package: ONNX image side, text head, word table, sample, taxonomy's vectors.

Run with PYTHONPATH at the repository's root. Checks the exported graph against the trained one.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
import yaml
from model import DIM, INPUT, TEXT, Image, Memory, Text
from PIL import Image as Picture
from safetensors.numpy import save_file
from torch import Tensor, nn

from data import Pictures, Texts
from imajin_cli.stages.backends import miniclip
from imajin_cli.stages.backends.embedding import shared as embedder
from imajin_cli.stages.semantics import look
from imajin_cli.stages.semantics.words import ids_of
from training.halves import halve

SAMPLE = 512
TAXONOMY = Path(__file__).resolve().parents[2] / "stages/semantics/taxonomy.yaml"


def load(checkpoint: Path, words: int, quarters: bool = False, hidden: int | None = None) -> nn.ModuleDict:
    """The averaged weights of a checkpoint. ``quarters``: with the layers that see quarters, as they are, or added.

    What is added starts so that nothing changes: a wider last layer of the image side with zeros, a text side of
    ``hidden`` units (as many as are stored by default) with further units that nothing follows from.
    """
    state = torch.load(checkpoint, weights_only=True)["average"]
    stored = len(state["text.up.weight"])
    net = nn.ModuleDict({"image": Image(quarters=quarters), "text": Text(words, hidden or stored)})
    if "text.memory.keys" in state:
        net["text"].memory = Memory(len(state["text.memory.keys"]), len(state["text.memory.values"]))
    torch.manual_seed(3)
    nn.init.normal_(net["text"].up.weight, std=TEXT**-0.5)
    nn.init.zeros_(net["text"].down.weight)
    own = net.state_dict()
    for key, value in state.items():
        if own[key].shape == value.shape:
            own[key] = value
        elif key == "image.head.weight":
            own[key] = torch.zeros_like(own[key])
            own[key][:, : value.shape[1]] = value
        elif key == "text.down.weight":
            own[key][:, :stored] = value
        else:
            own[key][:stored] = value
    net.load_state_dict(own)
    return net.eval()


class Plain(nn.Module):
    """The image encoder with its two outputs: vectors, and where the subject is."""

    def __init__(self, image: nn.Module) -> None:
        super().__init__()
        self.image = image

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        pooled = self.image.pool(self.image.stages(self.image.stem(pixels)))
        return nn.functional.normalize(self.image.head(pooled), dim=1), self.image.box(pooled)


def text_tables(net: nn.ModuleDict, texts: Texts) -> dict[str, np.ndarray]:
    """The text side in half precision, the tables of words and captions in 8 bits a number with a scale a row."""
    weights = {k.replace(".", "_"): v.numpy() for k, v in net["text"].state_dict().items()}
    tables: dict[str, np.ndarray] = {}
    for name in ("words_weight", "memory_keys"):
        if name in weights:
            table = weights.pop(name)
            scale = np.maximum(np.abs(table).max(1), 1e-8) / 127
            short = name.removesuffix("_weight")
            tables[short] = np.round(table / scale[:, None]).astype(np.int8)
            tables[short + "_scale"] = scale.astype(np.float32)
    if "memory_owner" in weights:
        tables["memory_owner"] = weights.pop("memory_owner").astype(np.float32)
    tables |= {k: np.array(v, np.float16, order="C") for k, v in weights.items()}
    tables["mean"] = texts.mean.astype(np.float32)
    return tables


def encode(clip: miniclip.MiniClip, phrases: list[str]) -> np.ndarray:
    """Texts as the product embeds them."""
    engine = embedder()
    assert engine is not None
    table = clip.vocabulary
    return np.concatenate(
        [
            clip.text(engine.embed(phrases[i : i + 256]), [ids_of(t, table) for t in phrases[i : i + 256]])
            for i in range(0, len(phrases), 256)
        ]
    )


def pixels_of(view: np.ndarray) -> np.ndarray:
    """A premultiplied picture (64, 64, 4) on white, as the encoder's input (1, 3, INPUT, INPUT)."""
    rgba = view.astype(np.float32)
    rgb = Picture.fromarray((rgba[..., :3] + 255 - rgba[..., 3:]).round().clip(0, 255).astype(np.uint8))
    return look.array_of(rgb.resize((INPUT, INPUT), Picture.Resampling.BOX))


def sample(clip: miniclip.MiniClip, texts: Texts, data: Path) -> dict[str, np.ndarray]:
    """Prompts and pictures of the training sets, half icons and half scenes' wordings, drawn by a fixed seed."""
    rng = np.random.default_rng(11)
    pictures = Pictures(data / "shards", data / "scenes", texts)
    icons = rng.permutation(pictures.icons)[: SAMPLE * 3 // 4]
    scenes = pictures.icons + rng.permutation(len(pictures.choices) - pictures.icons)[: SAMPLE // 4]
    rows = np.concatenate([icons, scenes])
    phrases = [texts.texts[pictures.choices[r].names[-1 if r % 2 else 0]] for r in rows]
    # Every second scene from nearer: what pictures are ranked against holds views of either kind.
    near = (np.arange(len(rows)) % 2 == 0) & (rows >= pictures.icons)
    views = pictures.views(rows)
    views[near] = pictures.views(rows[near], np.random.default_rng(12))
    vectors = clip.image(np.concatenate([pixels_of(view) for view in views]))
    return {"prompts": encode(clip, phrases).astype(np.float16), "pictures": vectors.astype(np.float16)}


def taxonomy(clip: miniclip.MiniClip, folder: Path) -> None:
    """Compile taxonomy.yaml: its filters as JSON, the wordings of those that the encoder judges as vectors."""
    filters = yaml.safe_load(TAXONOMY.read_text())["filters"]
    phrases: list[str] = []
    for entry in filters.values():
        if "measure" not in entry:
            entry["rows"] = list(range(len(phrases), len(phrases) + len(entry["says"])))
            phrases += [str(s) for s in entry["says"]]
    np.savez(folder / "filters.npz", vectors=encode(clip, phrases).astype(np.float16))
    known = json.loads((folder / "taxonomy.json").read_text())["filters"] if (folder / "taxonomy.json").exists() else {}
    for name, entry in filters.items():
        entry.pop("labels", None)
        entry.update({k: known[name][k] for k in ("middle", "steepness") if name in known and k in known[name]})
    (folder / "taxonomy.json").write_text(json.dumps({"filters": filters}, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="aligned.pt")
    parser.add_argument("--out", type=Path, default=miniclip.FOLDER)
    args = parser.parse_args()
    torch.set_num_threads(1)
    texts = Texts(args.data / "text")
    net = load(args.data / args.name, len(texts.words), quarters=True)
    pixels = torch.rand(2, 3, INPUT, INPUT) * 2 - 1
    target = args.out / miniclip.IMAGE
    torch.onnx.export(Plain(net["image"]), (pixels,), target, input_names=["pixels"], dynamo=False,
        output_names=["vectors", "boxes"], opset_version=17,
        dynamic_axes={"pixels": {0: "n"}, "vectors": {0: "n"}, "boxes": {0: "n"}})  # fmt: skip
    halve(target, lambda values: values.size >= 64)
    save_file(text_tables(net, texts), args.out / miniclip.TEXT)
    (args.out / miniclip.VOCABULARY).write_text(json.dumps(sorted(texts.words, key=texts.words.get)) + "\n")
    clip = miniclip.MiniClip(args.out)
    with torch.no_grad():
        wanted = net["image"](pixels).numpy()
    off = float(np.abs(clip.image(pixels.numpy()) - wanted).max())
    phrases = ["a red heart", "lock", "page not found"]
    with torch.no_grad():
        rows = [texts.at[p] for p in phrases if p in texts.at] or [0]
        there = net["text"](texts.vectors[rows], texts.ids[rows]).numpy()
    again = encode(clip, [texts.texts[r] for r in rows])
    print("image side off by", off, "text side off by", float(np.abs(there - again).max()), "of unit vectors of", DIM)
    assert off < 0.01
    save_file(sample(clip, texts, args.data), args.out / miniclip.SAMPLE)
    taxonomy(clip, args.out)
    for file in args.out.iterdir():
        file.chmod(0o644)
    miniclip.revision.cache_clear()
    print("revision", miniclip.revision(args.out), {f.name: f.stat().st_size for f in sorted(args.out.iterdir())})


if __name__ == "__main__":
    main()
