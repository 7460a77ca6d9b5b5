"""The contact sheet: 40 fixed prompts drawn into one PNG, to be looked at.

python benchmarks/contact_sheet.py OUT.png [--dark] [--ratios] [--candidates N] [--only TEXT] [--seed N] [--thumb PX]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent.parent))

from imajin_cli.contract.sidecar import Request
from imajin_cli.stages.generate import Generate, GenerateParams

if TYPE_CHECKING:
    from PIL.Image import Image

PROMPTS = Path(__file__).with_suffix(".tsv")
RATIOS = ("1024x1024", "1600x900", "1500x500", "1200x630", "800x1200", "800x1000")


def prompts(file: Path, only: str | None) -> Iterator[tuple[str, str, str, str]]:
    """(kind, layout, size, prompt) of each line."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#") and (only is None or only in line):
            kind, layout, size, prompt = line.split("\t")
            yield kind, layout, size, prompt


def draw(arguments: argparse.Namespace) -> Iterator[tuple[str, Image]]:
    """(caption, picture) of everything on the sheet."""
    for kind, layout, size, prompt in prompts(arguments.prompts, arguments.only):
        theme = "dark" if arguments.dark else "light"
        stage = Generate(GenerateParams.model_validate({"layout": layout, "theme": theme}))
        sizes = list(RATIOS) if arguments.ratios else [size]
        headline = "A headline" if arguments.text else None
        request = Request(prompt=prompt, size=sizes, seed=arguments.seed, count=arguments.candidates, headline=headline)
        for job in stage.plan(request):
            outcome = stage.make(job)
            assert outcome.picture is not None
            assert outcome.picture.vector is not None
            scene = outcome.picture.vector.scene
            label = scene["match"].get("label", "")
            caption = f"{prompt[:38]} | {kind} {label} | {scene['layout']}/{scene['variant']} {job.seed}"
            yield caption, outcome.picture.image


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--ratios", action="store_true")
    parser.add_argument("--text", action="store_true", help="keep room for a headline")
    parser.add_argument("--candidates", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only")
    parser.add_argument("--prompts", type=Path, default=PROMPTS, help="another list, such as contact_sheet_blind.tsv")
    parser.add_argument("--thumb", type=int, default=320)
    parser.add_argument("--columns", type=int, default=0)
    arguments = parser.parse_args()
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(11)
    cell, surface = arguments.thumb, "#12161f" if arguments.dark else "#ffffff"
    pictures = list(draw(arguments))
    columns = arguments.columns or min(8, len(pictures))
    sheet = Image.new("RGB", (columns * cell, -(-len(pictures) // columns) * (cell + 18)), surface)
    pen = ImageDraw.Draw(sheet)
    for at, (caption, picture) in enumerate(pictures):
        x, y = at % columns * cell, at // columns * (cell + 18)
        small = picture.copy()
        small.thumbnail((cell - 4, cell - 4))
        sheet.paste(small, (x + (cell - small.width) // 2, y + (cell - small.height) // 2), small)
        pen.rectangle((x, y, x + cell - 1, y + cell - 1), outline="#e8e8ee" if not arguments.dark else "#2a3040")
        pen.text(
            (x + 4, y + cell + 2), caption.encode("latin-1", "replace").decode("latin-1"), fill="#888888", font=font
        )
    sheet.save(arguments.out)


if __name__ == "__main__":
    main()
