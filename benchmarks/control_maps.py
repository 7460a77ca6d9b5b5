"""Every kind of control map of a composed scene and of a photograph on one sheet, and how long each takes.

`python -m benchmarks.control_maps SHEET.png`
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median

from PIL import Image, ImageDraw

from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Request, Sidecar
from imajin_cli.contract.stage import Asset
from imajin_cli.stages.condition import Condition
from imajin_cli.stages.conditioning.params import ConditionParams
from imajin_cli.stages.generate import Generate, GenerateParams

PHOTO = Path(__file__).parents[1] / "docs" / "pictures" / "photo.jpg"
SIDE, CELL, TIMES = 512, 256, 5
LINES = ("canny", "softedge", "lineart", "scribble")
CLOTHES = ["torso=red jacket", "legs=blue jeans", "feet=boots", "head=cap"]


def composed(prompt: str, layout: str = "spot") -> Picture:
    """A scene of ``SIDE`` pixels."""
    stage = Generate(GenerateParams.model_validate({"backend": "compose", "background": "tint", "layout": layout}))
    found = stage.make(next(iter(stage.plan(Request(prompt=prompt, size=[f"{SIDE}x{SIDE}"]))))).picture
    assert found is not None
    return found


def photograph() -> Picture:
    """The photograph of the docs, ``SIDE`` pixels on its longer side."""
    image = Image.open(PHOTO).convert("RGB")
    image.thumbnail((SIDE, SIDE))
    return Picture.of(image)


def maps(picture: Picture | None, **params: object) -> tuple[dict[str, Image.Image], float]:
    """The maps, and the median of the seconds that making them took."""
    stage = Condition(ConditionParams.model_validate(params))
    asset = Asset(Sidecar(id="x", request=Request(prompt="x", size=[f"{SIDE}x{SIDE}"])), picture, "asset")
    seconds, done = [], None
    for _ in range(TIMES):
        started = time.perf_counter()
        done = stage.apply(asset)
        seconds.append(time.perf_counter() - started)
    assert done is not None
    return {kind: one.picture.image for kind, one in done.maps.items()}, median(seconds)


def main(target: str) -> None:
    """Make the sheet, and say the times."""
    scene, tall, photo = composed("a lost robot in the garden"), composed("page not found", "numerals"), photograph()
    rows: list[list[tuple[str, Image.Image]]] = []
    for name, picture, kinds in (
        ("scene", scene, (*LINES, "depth", "normal", "segmentation")),
        ("numerals", tall, (*LINES, "depth", "normal", "segmentation")),
        ("photo", photo, LINES),
    ):
        row = [(name, picture.image.convert("RGBA"))]
        for kind in kinds:
            found, seconds = maps(picture, kind=[kind])
            print(f"{name:9} {kind:13} {1000 * seconds:7.1f} ms")
            row.append((kind, found[kind]))
        rows.append(row)
    row = []
    for pose in ("standing", "sitting", "walking", "running"):
        found, seconds = maps(
            None, pose=pose, clothing=CLOTHES, palette="lip" if pose in ("walking", "running") else "ade20k"
        )
        print(f"pose      {pose:13} {1000 * seconds:7.1f} ms")
        row += [(pose, found["pose"]), ("clothing", found["segmentation"])]
    rows.append(row)
    sheet = Image.new("RGB", (CELL * max(map(len, rows)), (CELL + 16) * len(rows)), "white")
    pen = ImageDraw.Draw(sheet)
    for y, cells in enumerate(rows):
        for x, (name, image) in enumerate(cells):
            small = image.convert("RGBA")
            small.thumbnail((CELL - 4, CELL - 4))
            sheet.paste(small, (x * CELL, y * (CELL + 16) + 16), small)
            pen.text((x * CELL + 4, y * (CELL + 16) + 2), name, fill="black")
    sheet.save(target)


if __name__ == "__main__":
    main(sys.argv[1])
