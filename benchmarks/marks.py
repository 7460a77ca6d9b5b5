"""What survives of the invisible mark, and what it costs: ``python -m benchmarks.marks [PHOTO…]`` prints MARKS.md's table.

Each picture is marked at each size, encoded as `output` does, decoded again and read. PSNR and SSIM (Wang et al. 2004, 8 px
windows on luma) are those of the marked pixels before encoding.
"""

from __future__ import annotations

import io
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

from imajin_cli.stages.imaging.encode.check import decoded
from imajin_cli.stages.imaging.encode.formats import Drawn, Settings, encode
from imajin_cli.stages.imaging.marking import invisible

PAYLOAD = b"imjn"
SIDES = (1024, 512, 256, 128)
KINDS = ("png", "webp", "avif", "jpeg")
PROMPTS = {
    "icon": ["shopping cart", "calendar", "rocket", "heart", "camera"],
    "hero": ["a lost robot in space", "a team at work", "mountains at night", "a city", "a rocket launch"],
    "empty-state": ["an empty inbox", "no files yet", "nothing found", "no messages", "an empty cart"],
    "avatar": ["a smiling woman with glasses", "an old man with a beard", "a robot", "a cat", "a boy with a cap"],
}


def drawn(preset: str, prompt: str) -> Image.Image:
    """The picture of ``prompt`` under ``preset``, at its base size."""
    from imajin_cli.config.layers import load_settings
    from imajin_cli.run.bind import bind
    from imajin_cli.run.execute import Memory, process
    from imajin_cli.run.single import prompt_entry

    settings = load_settings(preset)
    entry = prompt_entry([prompt], settings, {"request": {"size": ["1024x1024" if preset != "hero" else "1024x576"]}})
    return next(process(bind("generate", settings, {}), entry, Memory())).entry.asset.picture.image


def ssim(one: Image.Image, other: Image.Image) -> float:
    """Mean structural similarity of two pictures' luma, in windows of 8 × 8 that do not overlap."""
    a, b = (np.asarray(image.convert("L"), np.float64) for image in (one, other))
    rows, columns = a.shape[0] // 8, a.shape[1] // 8
    x, y = (v[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8).swapaxes(1, 2).reshape(-1, 64) for v in (a, b))
    mx, my, vx, vy = x.mean(1), y.mean(1), x.var(1), y.var(1)
    cov = ((x - mx[:, None]) * (y - my[:, None])).mean(1)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float((((2 * mx * my + c1) * (2 * cov + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean())


def psnr(one: Image.Image, other: Image.Image) -> float:
    """Peak signal to noise in dB of two pictures' colours."""
    off = np.asarray(one.convert("RGB"), np.float64) - np.asarray(other.convert("RGB"), np.float64)
    return float(10 * np.log10(255**2 / max((off**2).mean(), 1e-9)))


def rows(group: str, images: list[Image.Image]):
    """Measured lines of one class of asset: size, format, markable, read, bits, growth, PSNR, SSIM."""
    for side in SIDES:
        sized = []
        for image in images:
            small = image.copy()
            small.thumbnail((side, side), Image.Resampling.LANCZOS)
            sized.append((small, invisible.mark(small, PAYLOAD)))
        marked = [(bare, done.image) for bare, done in sized if done.why is None]
        quality = (
            (f"{np.mean([psnr(*pair) for pair in marked]):.1f}", f"{np.mean([ssim(*pair) for pair in marked]):.4f}")
            if marked
            else ("", "")
        )
        for kind in KINDS:
            found = defaultdict(list)
            for bare, image in marked:
                before, after = (encode(Drawn(one, Settings()), kind, Settings()).data for one in (bare, image))
                back = decoded(after, kind)
                back = back if back.mode in ("L", "LA", "RGB", "RGBA") else back.convert("RGBA")
                heard = invisible.hear(back, PAYLOAD)
                found["read"].append(heard.read)
                found["bits"].append(heard.bits)
                found["growth"].append(len(after) / len(before))
            yield (
                *(group, str(side), kind, f"{len(marked)} of {len(images)}"),
                f"{sum(found['read'])} of {len(marked)}" if marked else "",
                f"{np.mean(found['bits']):.3f}" if marked else "",
                f"{np.mean(found['growth']):.2f}" if marked else "",
                *quality,
            )


def main() -> None:
    """Print the table; photographs are named as arguments."""
    groups = {preset: [drawn(preset, prompt) for prompt in prompts] for preset, prompts in PROMPTS.items()}
    photos = [Image.open(io.BytesIO(Path(name).read_bytes())).convert("RGB") for name in sys.argv[1:]]
    if photos:
        groups["photo"] = photos
    print("| class | longer side | format | markable | read | bits | bytes, times | PSNR dB | SSIM |")
    print("|" + " --- |" * 9)
    for group, images in groups.items():
        for row in rows(group, images):
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
