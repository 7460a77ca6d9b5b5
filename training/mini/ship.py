"""Write what was taught as the package carries it: diffusers' folders in half precision, and their lines in the catalogue."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from adapt import attached
from decode import released
from diffusers import StableDiffusionPipeline
from frozen import Base
from nets import controlnet, vision_model
from safetensors.torch import save_file
from stock import Stock
from torch import Tensor

from imajin_cli.models import catalogue

MODEL, SCRIBBLE, ADAPTER, LINE = "imajin-mini", "imajin-mini-scribble", "imajin-mini-ip", "imajin-mini-line"
TASKS = {MODEL: "diffusion", SCRIBBLE: "controlnet", ADAPTER: "ip-adapter", LINE: "lora"}
NOTES = {
    MODEL: "Our own, embedded: emoji-like things at 64 pixels, so that every way of painting can be tried offline."
    " How far it is: stages/diffusion/compiled/card.md.",
    SCRIBBLE: "A ControlNet for imajin-mini that reads scribbles; embedded.",
    ADAPTER: "An IP-Adapter for imajin-mini; embedded.",
    LINE: "A LoRA for imajin-mini that draws black glyphs; embedded.",
}
OUT = Path("stages/diffusion/compiled")


def half(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights in half precision, each in memory of its own."""
    return {name: value.half().contiguous().clone() if value.is_floating_point() else value for name, value in state.items()}


def base(data: Path, stock: Stock, out: Path) -> Base:
    """The pipeline's folder."""
    found = Base(data, stock)
    vae: Any = released(data)
    vae.register_to_config(scaling_factor=round(stock.scale, 6), latent_magnitude=3)
    pipe = StableDiffusionPipeline(
        vae=vae, text_encoder=found.text, tokenizer=stock.tokenizer, unet=found.unet, scheduler=found.schedule,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipe.to(torch.float16).save_pretrained(out / MODEL)
    tokens = out / MODEL / "tokenizer/tokenizer.json"
    tokens.write_text(json.dumps(json.loads(tokens.read_text()), ensure_ascii=False, separators=(",", ":")))
    return Base(data, stock)


def control(data: Path, found: Base, out: Path) -> None:
    """The ControlNet's folder."""
    net = controlnet(found.unet)
    net.load_state_dict(torch.load(data / "control.pt", weights_only=True)["nets"]["controlnet"])
    net.half().save_pretrained(out / SCRIBBLE)


def adapter(data: Path, stock: Stock, out: Path) -> None:
    """The IP-Adapter's folder: weights by the names of its authors, and its image encoder."""
    own = Base(data, stock)
    taught = attached(own.unet)
    held = torch.load(data / "adapter.pt", weights_only=True)["nets"]
    taught.load_state_dict(held["adapter"])
    vision = vision_model()
    vision.load_state_dict(held["vision"])
    flat = {}
    for name, value in taught["image"].state_dict().items():
        rest = name.rpartition("image_projection_layers.0.")[2].replace("image_embeds.", "proj.")
        flat[f"image_proj.{rest}"] = value
    for name, value in taught["ways"].state_dict().items():
        at, _, rest = name.partition(".")
        flat[f"ip_adapter.{2 * int(at) + 1}.{rest.replace('.0.weight', '.weight')}"] = value
    (out / ADAPTER).mkdir(parents=True, exist_ok=True)
    save_file(half(flat), out / ADAPTER / "ip-adapter.safetensors")
    vision.half().save_pretrained(out / ADAPTER / "image_encoder")


def line(data: Path, out: Path) -> None:
    """The LoRA's file."""
    (out / LINE).mkdir(parents=True, exist_ok=True)
    weights = {f"unet.{name}": value for name, value in torch.load(data / "line-lora.pt", weights_only=True).items()}
    save_file(half(weights), out / LINE / f"{LINE}.safetensors")


def entry(name: str, out: Path) -> str:
    """The catalogue's lines for what lies in ``out`` / ``name``."""
    lines = []
    for file in sorted(item for item in (out / name).rglob("*") if item.is_file()):
        data = file.read_bytes()
        where = file.relative_to(out / name).as_posix()
        lines.append(f"    - {{name: {where}, size: {len(data)}, sha256: {hashlib.sha256(data).hexdigest()}}}\n")
    settings = ""
    if name == MODEL:
        score = json.loads((out / "scores.json").read_text()) if (out / "scores.json").is_file() else {}
        said = score.get("experimental", "experimental: not measured yet")
        more = f', experimental: "{said}"' if said else ""
        settings = f"  diffusion: {{steps: 20, guidance: 6.0, side: 64, parameters: 5{more}}}\n"
    return (
        f"{name}:\n  task: {TASKS[name]}\n  licence: Apache-2.0\n  commercial: allowed\n  note: >-\n    {NOTES[name]}\n  files:\n"
        + "".join(lines)
        + "  sources:\n    - {kind: installed, package: imajin_cli.stages.diffusion, requirement: imajin, folder: compiled/"
        + f"{name}}}\n{settings}"
    )


def enter(out: Path) -> None:
    """Put every part that is there into the catalogue, in its own place, or behind imajin-mini-clip."""
    text = catalogue.SOURCE.read_text(encoding="utf-8")
    behind = "imajin-mini-clip"
    for name in TASKS:
        if not (out / name).is_dir():
            continue
        own = entry(name, out)
        text, found = re.subn(rf"(?m)^{name}:\n(?:  .*\n)+", lambda _, own=own: own, text)
        if not found:
            text = re.sub(rf"(?m)^{behind}:\n(?:  .*\n)+", lambda m, own=own: m[0] + "\n" + own, text)
        behind = name
    catalogue.SOURCE.write_text(text, encoding="utf-8")
    catalogue.COMPILED.write_text(catalogue.compiled(), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--enter", action="store_true", help="only renew the catalogue's lines")
    args = parser.parse_args()
    if not args.enter:
        stock = Stock(args.data)
        for name in TASKS:
            shutil.rmtree(args.out / name, ignore_errors=True)
        found = base(args.data, stock, args.out)
        if (args.data / "control.pt").is_file():
            control(args.data, found, args.out)
        if (args.data / "adapter.pt").is_file():
            adapter(args.data, stock, args.out)
        if (args.data / "line-lora.pt").is_file():
            line(args.data, args.out)
        for file in args.out.rglob("*.safetensors"):
            file.chmod(0o644)
        for name in TASKS:
            print(name, sum(f.stat().st_size for f in (args.out / name).rglob("*") if f.is_file()))
    if args.out == OUT:
        enter(args.out)


if __name__ == "__main__":
    main()
