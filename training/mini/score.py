"""What the shipped weights are worth: held-out prompts by the semantic encoder, adapters against shuffled inputs.

Run by diffusers' own pipelines from the package's folders. Maps and pictures are those of a set that taught neither adapter.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from control import maps_of
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline, StableDiffusionPipeline
from PIL import Image
from ship import ADAPTER, LINE, MODEL, OUT, SCRIBBLE
from stock import Stock
from transformers import CLIPVisionModelWithProjection

from imajin_cli.stages.backends.miniclip import MiniClip, revision
from imajin_cli.stages.imaging.control.edges import scribble
from imajin_cli.stages.imaging.metrics.planes import Planes
from imajin_cli.stages.semantics.judge import agreeing, curve, fit, known
from imajin_cli.stages.semantics.look import look
from imajin_cli.stages.semantics.seen import Seen, meaning, text_vectors
from imajin_cli.stages.semantics.seen import names as names_of

WRONG = 19
"""Other held-out prompts that a picture's own is ranked among."""
STEPS, GUIDANCE, BATCH = 20, 6.0, 25


def vectors_of(pictures: Sequence[Image.Image]) -> np.ndarray:
    """The semantic encoder's vectors, each picture looked at whole as the gate does; zeros for a blank one."""
    clip = MiniClip()
    seen = [look(Planes(p)) for p in pictures]
    return np.concatenate([np.zeros((1, 256), np.float32) if one is None else clip.image(one) for one in seen])


def painted(pipe: Any, prompts: Sequence[str], first: int, **more: Any) -> list[Image.Image]:
    """One picture for each prompt, each by a seed of its own."""
    found: list[Image.Image] = []
    for at in range(0, len(prompts), BATCH):
        part = list(prompts[at : at + BATCH])
        seeds = [torch.Generator().manual_seed(first + at + k) for k in range(len(part))]
        extra = {name: values[at : at + BATCH] for name, values in more.items()}
        with torch.inference_mode():
            found += pipe(prompt=part, num_inference_steps=STEPS, guidance_scale=GUIDANCE, generator=seeds,
                height=64, width=64, **extra).images  # fmt: skip
    return found


def contests(count: int) -> list[list[int]]:
    """For each of ``count`` prompts its own place, then those of `WRONG` others."""
    rng = random.Random(20)
    return [[row, *rng.sample([i for i in range(count) if i != row], WRONG)] for row in range(count)]


def by_gate(pictures: Sequence[Image.Image], prompts: Sequence[str]) -> list[np.ndarray]:
    """The gate's probability of each picture's own prompt, then of `WRONG` others, by its curve for icons."""
    made = curve("icon", revision())
    asked = [(vector, called_for, names_of(vector)) for vector, called_for in map(meaning, prompts)]
    found = []
    for picture, rows in zip(pictures, contests(len(prompts)), strict=True):
        seen, scores = Seen(Planes(picture)), []
        for vector, called_for, named in () if seen.blank else [asked[row] for row in rows]:
            agree = (*agreeing(called_for, *seen.shown), *known(named, seen.named))
            # The curve leaves out which of the composer's drawings a picture shows.
            drawings = (0.0,) * (len(made.weights) - len(agree) - 6)
            scores.append(made.probability(fit(vector, seen.views, seen.sample, (*agree, *drawings)).features))
        found.append(np.array(scores or [0.0] * len(rows)))
    return found


def by_cosine(pictures: Sequence[Image.Image], prompts: Sequence[str]) -> list[np.ndarray]:
    """The same by the encoder's vectors alone, each picture looked at whole."""
    texts, seen = text_vectors(list(prompts)), vectors_of(pictures)
    return [texts[rows] @ picture for picture, rows in zip(seen, contests(len(prompts)), strict=True)]


def ranks(scores: Sequence[np.ndarray]) -> np.ndarray:
    """The rank of the first of each row of scores, 1 the highest; a tie is lost."""
    return np.array([1 + int((one[1:] >= one[0]).sum()) for one in scores])


def ranked(pictures: Sequence[Image.Image], prompts: Sequence[str]) -> dict[str, float]:
    """Shares of the pictures whose own prompt comes first, and among the first five; also by the encoder's cosine alone."""
    own, plain = ranks(by_gate(pictures, prompts)), ranks(by_cosine(pictures, prompts))
    shares = {
        "first": (own == 1).mean(), "first_five": (own <= 5).mean(), "mean_rank": own.mean(),
        "first_by_cosine": (plain == 1).mean(),
    }  # fmt: skip
    return {name: round(float(value), 4) for name, value in shares.items()}


def prompts_of(stock: Stock, most: int) -> list[int]:
    """Concepts with a held-out prompt."""
    return [i for i, c in enumerate(stock.concepts) if c.held][:most]


def text(pipe: Any, stock: Stock, most: int, sheet: Path) -> dict[str, Any]:
    """Held-out prompts, the names that were taught, and what the encoder makes of the drawings themselves."""
    rows = prompts_of(stock, most)
    held, names = [stock.concepts[i].held for i in rows], [stock.concepts[i].name for i in rows]
    began = time.perf_counter()
    made = painted(pipe, held, 1000)
    seconds = (time.perf_counter() - began) / len(rows)
    drawn = {int(c): at for at, c in enumerate(stock.concept) if int(stock.set[at]) == 0}
    real = [(k, Image.fromarray(stock.pictures[drawn[i]].permute(1, 2, 0).numpy())) for k, i in enumerate(rows) if i in drawn]
    contact(made[:: max(1, len(made) // 60)][:60], sheet)
    return {
        "prompts": len(rows), "held": ranked(made, held), "names": ranked(painted(pipe, names, 1000), names),
        "drawings": ranked([p for _, p in real], [held[k] for k, _ in real]), "chance": 1 / (1 + WRONG),
        "seconds_a_picture": round(seconds, 3), "shown": held[:: max(1, len(made) // 60)][:60],
    }  # fmt: skip


def contact(pictures: Sequence[Image.Image], file: Path, columns: int = 12) -> None:
    """A sheet of pictures."""
    rows = -(-len(pictures) // columns)
    whole = Image.new("RGB", (columns * 68 + 4, rows * 68 + 4), (235, 235, 235))
    for at, one in enumerate(pictures):
        whole.paste(one, (at % columns * 68 + 4, at // columns * 68 + 4))
    file.parent.mkdir(parents=True, exist_ok=True)
    whole.save(file, optimize=True)


def unseen(stock: Stock, most: int) -> tuple[list[int], list[str], list[int]]:
    """Pictures of the set that taught no adapter, their names, and a shuffle without fixed points."""
    rows = [at for at in range(len(stock.set)) if int(stock.set[at]) == 1]
    rng = random.Random(7)
    rng.shuffle(rows)
    rows = rows[:most]
    return rows, [stock.concepts[int(stock.concept[at])].name for at in rows], [*range(1, len(rows)), 0]


def overlap(picture: Image.Image, lines: np.ndarray) -> float:
    """How far the scribble of a picture and a map agree: of each one's lines the share within two pixels of the other's, F1."""
    own = scribble(np.asarray(picture.convert("RGB"))) > 0
    wide = [_grown(one, 2) for one in (own, lines)]
    precision, recall = (float((a & b).sum() / max(1, a.sum())) for a, b in ((own, wide[1]), (lines, wide[0])))
    return 2 * precision * recall / max(1e-9, precision + recall)


def _grown(lines: np.ndarray, by: int) -> np.ndarray:
    padded = np.pad(lines, by)
    h, w = lines.shape
    found: np.ndarray = np.logical_or.reduce([padded[y : y + h, x : x + w] for y in range(2 * by + 1) for x in range(2 * by + 1)])
    return found


def paired(own: Sequence[float], other: Sequence[float]) -> dict[str, float]:
    """Means, and in how many pairs the right input wins."""
    a, b = np.array(own), np.array(other)
    found = {"own": a.mean(), "shuffled": b.mean(), "wins": (a > b).mean()}
    return {name: round(float(value), 4) for name, value in found.items()} | {"pairs": len(a)}


def control(pipe: Any, stock: Stock, most: int) -> dict[str, float]:
    """How well pictures follow their own map, and how well the same pictures would follow another's."""
    rows, names, shuffled = unseen(stock, most)
    maps = maps_of(stock.pictures[rows])[:, 0].numpy()
    net = ControlNetModel.from_pretrained(OUT / SCRIBBLE)
    own = StableDiffusionControlNetPipeline(**pipe.components, controlnet=net, requires_safety_checker=False)
    own.set_progress_bar_config(disable=True)
    made = painted(own, names, 3000, image=[Image.fromarray(m).convert("RGB") for m in maps])
    right = [overlap(p, m > 0) for p, m in zip(made, maps, strict=True)]
    return paired(right, [overlap(p, maps[k] > 0) for p, k in zip(made, shuffled, strict=True)])


def adapter(pipe: Any, stock: Stock, most: int) -> dict[str, float]:
    """How near pictures made without words are to the picture that they were given, and to another."""
    from safetensors.torch import load_file

    rows, _, shuffled = unseen(stock, most)
    given = [Image.fromarray(stock.pictures[at].permute(1, 2, 0).numpy()) for at in rows]
    flat = load_file(OUT / ADAPTER / "ip-adapter.safetensors")
    parts: dict[str, Any] = {"image_proj": {}, "ip_adapter": {}}
    for name, value in flat.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = value.float()
    encoder = CLIPVisionModelWithProjection.from_pretrained(OUT / ADAPTER / "image_encoder", dtype=torch.float32)
    pipe.register_modules(image_encoder=encoder)
    pipe.load_ip_adapter(parts, subfolder="", weight_name="", image_encoder_folder=None)
    made = [p for at in range(len(rows)) for p in painted(pipe, [""], 5000 + at, ip_adapter_image=[given[at]])]
    pipe.unload_ip_adapter()
    a, b = vectors_of(made), vectors_of(given)
    return paired((a * b).sum(1).tolist(), (a * b[shuffled]).sum(1).tolist())


def fidelity(vae: Any, stock: Stock) -> float:
    """How well the drawings come back from their codes, PSNR in dB over all of the set that is painted."""
    pictures = stock.pictures[stock.set == 0]
    errors = []
    with torch.inference_mode():
        for batch in pictures.split(64):
            given = batch.float() / 127.5 - 1
            back = vae.decode(vae.encode(given).latents).sample.clamp(-1, 1)
            errors.append((((back - given) / 2) ** 2).mean((1, 2, 3)))
    return round(float(-10 * torch.cat(errors).mean().log10()), 2)


def said(found: dict[str, Any]) -> str:
    """The line that says how far it is, nothing where it is far enough."""
    share = found["text"]["held"]["first"]
    if share >= 0.5 and all(found.get(part, {}).get("wins", 0) > 0.5 for part in ("control", "adapter")):
        return ""
    first = round(100 * share)
    return f"experimental: the semantic gate ranks a picture's own prompt first of 20 in {first} of 100 (wanted: 50)"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--most", type=int, default=500)
    parser.add_argument("--adapters", type=int, default=100)
    parser.add_argument("--parts", default="text,control,adapter,line")
    parser.add_argument("--pictures", type=Path, default=Path("docs/pictures"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    stock, file = Stock(args.data), OUT / "scores.json"
    pipe = StableDiffusionPipeline.from_pretrained(OUT / MODEL, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    found: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    found["psnr"] = fidelity(pipe.vae, stock)
    if "text" in args.parts:
        found["text"] = text(pipe, stock, args.most, args.pictures / "mini.png")
    if "control" in args.parts and (OUT / SCRIBBLE).is_dir():
        found["control"] = control(pipe, stock, args.adapters)
    if "adapter" in args.parts and (OUT / ADAPTER).is_dir():
        found["adapter"] = adapter(pipe, stock, args.adapters)
    if "line" in args.parts and (OUT / LINE).is_dir():
        pipe.load_lora_weights(OUT / LINE, weight_name=f"{LINE}.safetensors")
        contact(painted(pipe, found["text"]["shown"][:24], 1000), args.pictures / "mini-line.png")
    found["experimental"] = said(found)
    file.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps({k: v for k, v in found.items() if k != "shown"}, indent=1))


if __name__ == "__main__":
    main()
