"""Render the icon sets of split.yaml to shards: 64-pixel RGBA (premultiplied), captions, one file a set. Resumable."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import resvg_py
import yaml
from names import caption, keep_size
from PIL import Image

SIDE, RENDER, MARGIN = 64, 128, 3
HERE = Path(__file__).parent


def svg(data: dict[str, Any], name: str) -> str:
    icon = data["icons"][name]
    left, top = icon.get("left", data.get("left", 0)), icon.get("top", data.get("top", 0))
    width, height = icon.get("width", data.get("width", 16)), icon.get("height", data.get("height", 16))
    side = max(width, height)
    box = f"{left - (side - width) / 2} {top - (side - height) / 2} {side} {side}"
    body = icon["body"].replace("currentColor", "#000")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{RENDER}"'
        f' height="{RENDER}" viewBox="{box}">{body}</svg>'
    )


def frame_of(image: Image.Image) -> tuple[int, int, int] | None:
    """Left, top and side of the square around what is drawn, as `square` shows it. None if nothing is drawn."""
    alpha = np.asarray(image.getchannel("A"))
    rows, columns = np.flatnonzero(alpha.max(1) > 8), np.flatnonzero(alpha.max(0) > 8)
    if not len(rows):
        return None
    y0, y1, x0, x1 = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    side = max(y1 - y0, x1 - x0, RENDER // 4)
    return x0 - (side - (x1 - x0)) // 2, y0 - (side - (y1 - y0)) // 2, side


def square(image: Image.Image, pixels: int = SIDE) -> np.ndarray | None:
    """Content cropped, squared and scaled; premultiplied uint8 of shape (pixels, pixels, 4). None if nothing is drawn."""
    frame = frame_of(image)
    if frame is None:
        return None
    left, top, side = frame
    canvas = image.convert("RGBa").crop((left, top, left + side, top + side))
    margin = MARGIN * pixels // SIDE
    inner = pixels - 2 * margin
    whole = Image.new("RGBa", (pixels, pixels))
    method = Image.Resampling.BOX if side > inner else Image.Resampling.BILINEAR
    whole.paste(canvas.resize((inner, inner), method), (margin, margin))
    return np.asarray(whole)


def render_set(source: str, folder: Path, most: int) -> tuple[np.ndarray, list[str]]:
    data = json.loads((folder / source / "icons.json").read_text())
    names = sorted(keep_size(sorted(n for n, i in data["icons"].items() if not i.get("hidden"))))
    names = [n for n in names if caption(n, source)]
    if len(names) > most:
        names = [names[i] for i in np.random.default_rng(7).permutation(len(names))[:most]]
    images, captions = [], []
    for name in names:
        try:
            png = bytes(resvg_py.svg_to_bytes(svg_string=svg(data, name), skip_system_fonts=True))
            pixels = square(Image.open(io.BytesIO(png)).convert("RGBA"))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # noqa: BLE001  a Rust panic is no Exception
            continue
        if pixels is not None:
            images.append(pixels)
            captions.append(str(caption(name, source)))
    return np.stack(images), captions


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--icons", type=Path, required=True, help="node_modules/@iconify-json")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--most", type=int, default=5000)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    split = yaml.safe_load((HERE / "split.yaml").read_text())["icons"]
    train = [s for pair in zip(split["train"]["coloured"], split["train"]["one-colour"], strict=False) for s in pair]
    train += [s for kind in ("coloured", "one-colour") for s in split["train"][kind] if s not in train]
    order = [("train", s) for s in train] + [
        (part, s) for part in ("test", "calibrate") for v in split[part].values() for s in v
    ]
    coloured = {s for part in split.values() for s in part["coloured"]}
    for part, source in order:
        target = args.out / f"{part}-{source}.npz"
        if target.exists():
            continue
        images, captions = render_set(source, args.icons, args.most)
        temporary = target.with_suffix(".tmp.npz")
        np.savez(temporary, images=images, captions=np.array(captions), coloured=source in coloured)
        temporary.rename(target)
        print(part, source, len(captions), captions[:: max(1, len(captions) // 8)], flush=True)


if __name__ == "__main__":
    main()
