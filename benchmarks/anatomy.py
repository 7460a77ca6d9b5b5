"""How well `fix-anatomy`'s scores tell damaged faces, eyes and hands from clean ones.

    python -m benchmarks.photos PHOTOS && python -m benchmarks.anatomy PHOTOS --write
    imajin models pull face-detect-full face-mesh iris hands

Every part that is found in the sample photographs is damaged in ways that stand in for what diffusion models get wrong (its
detail melted, blurred, warped, swirled, an eye moved or shrunk, a hand's fingers smeared or doubled), one damage and one
strength at a time, and looked for again. A damaged part that is not found again cannot be flagged, and counts as missed. AUC
is over the parts that were found, with 95 % intervals by resampling photographs (1,000 times), since the parts of one
photograph are not independent. The damages are ours, not a diffusion model's: a high AUC here is necessary, not enough. Where the
scores' measures count as bad was set by these very photographs, so the false alarms are the least that can be hoped for.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.gates_moderate import interval
from imajin_cli.stages.anatomy.find import Part, parts, same
from imajin_cli.stages.anatomy.score import KINDS, LEAST, score
from imajin_cli.stages.imaging.decode import decode
from imajin_cli.stages.imaging.patch import blended, feathered

HERE = Path(__file__).parent
SIDE = 1024
Damage = Callable[[np.ndarray, Part, np.random.Generator, float], np.ndarray]


def _side(part: Part) -> float:
    return max(part.box[2] - part.box[0], part.box[3] - part.box[1])


def melted(pixels: np.ndarray, part: Part, _: np.random.Generator, strength: float) -> np.ndarray:
    """Detail lost as in small faces that a model paints: shrunk so far that a few pixels are left, and warped there."""
    image = Image.fromarray(pixels)
    by = max(2.0, _side(part) / (22 if strength < 1 else 12))
    small = image.resize((max(4, round(image.width / by)), max(4, round(image.height / by))), Image.Resampling.BOX)
    return np.asarray(small.resize(image.size, Image.Resampling.BICUBIC))


def blurred(pixels: np.ndarray, part: Part, _: np.random.Generator, strength: float) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(_side(part) * 0.05 * strength)))


def moved(pixels: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Each pixel taken from (dx, dy) away."""
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    y = np.clip(np.round(rows + dy), 0, pixels.shape[0] - 1).astype(int)
    x = np.clip(np.round(columns + dx), 0, pixels.shape[1] - 1).astype(int)
    return pixels[y, x]


def warped(pixels: np.ndarray, part: Part, rng: np.random.Generator, strength: float) -> np.ndarray:
    """A smooth random field of displacements, a few bends over the part."""
    cells = max(3, round(max(pixels.shape[:2]) / (_side(part) * 0.28)))
    size = pixels.shape[1], pixels.shape[0]
    fields = [
        np.asarray(
            Image.fromarray(rng.normal(0, 1, (cells, cells)).astype(np.float32), "F").resize(
                size, Image.Resampling.BICUBIC
            )
        )
        for _ in range(2)
    ]
    return moved(pixels, *(field * _side(part) * 0.06 * strength for field in fields))


def swirled(pixels: np.ndarray, part: Part, _: np.random.Generator, strength: float) -> np.ndarray:
    cx, cy = (part.box[0] + part.box[2]) / 2, (part.box[1] + part.box[3]) / 2
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]].astype(float)
    x, y = columns - cx, rows - cy
    turn = 1.2 * strength * np.exp(-np.hypot(x, y) / (0.3 * _side(part)))
    return moved(pixels, x * np.cos(turn) - y * np.sin(turn) - x, x * np.sin(turn) + y * np.cos(turn) - y)


def one_eye(pixels: np.ndarray, part: Part, rng: np.random.Generator, strength: float) -> np.ndarray:
    """One of the two eyes moved down and grown or shrunk."""
    outline = part.outlines[int(rng.integers(2))]
    (left, top), (right, bottom) = outline.min(0), outline.max(0)
    wide, high = right - left, bottom - top
    box = [round(v) for v in (left - 0.1 * wide, top - 0.2 * high, right + 0.1 * wide, bottom + 0.2 * high)]
    eye = Image.fromarray(pixels).crop(box)
    by = (0.65 if rng.random() < 0.5 else 1.4) if strength >= 1 else 0.8
    eye = eye.resize((max(2, round(eye.width * by)), max(2, round(eye.height * by))), Image.Resampling.BICUBIC)
    image = Image.fromarray(pixels).copy()
    mask = Image.new("L", eye.size, 0)
    mask.paste(255, (eye.width // 6, eye.height // 6, eye.width - eye.width // 6, eye.height - eye.height // 6))
    at = (
        round((left + right) / 2 - eye.width / 2),
        round((top + bottom) / 2 - eye.height / 2 + 0.35 * strength * high),
    )
    image.paste(eye, at, mask.filter(ImageFilter.GaussianBlur(max(1, eye.width / 16))))
    return np.asarray(image)


def doubled(pixels: np.ndarray, part: Part, rng: np.random.Generator, strength: float) -> np.ndarray:
    """The part once more beside itself, half seen through: fingers that are too many, or fused."""
    off = round(_side(part) * 0.12 * strength) * (1 if rng.random() < 0.5 else -1)
    return ((pixels.astype(int) + np.roll(pixels, off, axis=1)) // 2).astype(np.uint8)


DAMAGES: dict[str, dict[str, Damage]] = {
    "face": {"melted": melted, "blurred": blurred, "warped": warped, "swirled": swirled},
    "eyes": {"melted": melted, "blurred": blurred, "warped": warped, "one eye": one_eye},
    "hand": {"melted": melted, "blurred": blurred, "warped": warped, "swirled": swirled, "doubled": doubled},
}
STRENGTHS = {"mild": 0.6, "strong": 1.4}


def measured(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for path in sorted(folder.iterdir()):
        image = decode(path.read_bytes()).image.convert("RGB")
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        pixels = np.asarray(image)
        rng = np.random.default_rng(len(rows) + 1)
        found = parts(pixels, KINDS)
        for whole in found:
            # Only what is around the part, so that looking again is quick; the clean part is looked at in the same cut.
            pixels, part = around(np.asarray(image), whole)
            if part is None:
                continue
            base = {"picture": path.stem, "kind": part.kind, "side": round(_side(part))}
            rows.append({**base, "damage": None, "found": True, "measures": part.measures, "score": part.score})
            weights = feathered(part.mask(pixels.shape), max(1, round(0.05 * _side(part))))
            for name, damage in DAMAGES[part.kind].items():
                for how, strength in STRENGTHS.items():
                    broken = blended(pixels, damage(pixels, part, rng, strength), weights)
                    again = same(part, parts(broken, [part.kind]))
                    told = {"found": again is not None}
                    if again is not None:
                        told |= {"measures": again.measures, "score": again.score}
                    rows.append({**base, "damage": name, "strength": how, **told})
        print(path.stem, [f"{one.kind} {one.score}" for one in found], flush=True)
    return rows


def around(pixels: np.ndarray, part: Part) -> tuple[np.ndarray, Part | None]:
    """The part with its own size around it, and the part as it is found there."""
    side, (left, top, right, bottom) = _side(part), part.box
    x, y = max(0, round(left - side)), max(0, round(top - side))
    cut = np.ascontiguousarray(pixels[y : round(bottom + side), x : round(right + side)])
    moved_ = Part(part.kind, (left - x, top - y, right - x, bottom - y), (), part.measures, part.score)
    return cut, same(moved_, parts(cut, [part.kind]))


def auc(clean: np.ndarray, damaged: np.ndarray) -> float:
    """How often a clean score is above a damaged one; ties count half."""
    if not len(clean) or not len(damaged):
        return float("nan")
    both = np.sign(clean[:, None] - damaged[None])
    return float((both.mean() + 1) / 2)


def between(
    clean: list[dict[str, Any]], damaged: list[dict[str, Any]], value: Callable[[dict[str, Any]], float]
) -> str:
    names = sorted({row["picture"] for row in clean})
    goods, bads = (
        [np.array([value(row) for row in some if row["picture"] == name]) for name in names]
        for some in (clean, damaged)
    )
    middle = auc(np.concatenate(goods), np.concatenate(bads))
    rng, drawn = np.random.default_rng(1), []
    for _ in range(1000):
        at = rng.integers(0, len(names), len(names))
        drawn.append(auc(np.concatenate([goods[i] for i in at]), np.concatenate([bads[i] for i in at])))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def page(rows: list[dict[str, Any]]) -> str:
    for row in rows:
        if row["found"]:
            row["score"] = score(row["kind"], row["measures"])
    out = ["| part | damage | found again | AUC | flagged of all |", "|---|---|---|---|---|"]
    for kind in KINDS:
        own = [row for row in rows if row["kind"] == kind]
        clean = [row for row in own if row["damage"] is None]
        alarms = sum(row["score"] < LEAST[kind] for row in clean)
        for name in DAMAGES[kind]:
            for how in STRENGTHS:
                some = [r for r in own if r["damage"] == name and r["strength"] == how]
                seen = [r for r in some if r["found"]]
                flagged = sum(r["score"] < LEAST[kind] for r in seen)
                value = between(clean, seen, lambda r: r["score"]) if seen else "-"
                out.append(f"| {kind} | {name}, {how} | {len(seen)}/{len(some)} | {value} | {flagged}/{len(some)} |")
        low, high = interval(alarms, max(1, len(clean)))
        out.append(
            f"| {kind} | none | {len(clean)} parts | | false alarms {alarms}/{len(clean)} ({low:.0%} to {high:.0%}) |"
        )
    out += [
        "",
        "AUC of each measure alone, over all damages of a kind:",
        "",
        "| part | measure | AUC |",
        "|---|---|---|",
    ]
    for kind in KINDS:
        own = [row for row in rows if row["kind"] == kind and row["found"]]
        clean, bad = [r for r in own if r["damage"] is None], [r for r in own if r["damage"]]
        if not clean or not bad:
            continue
        for name in clean[0]["measures"]:
            sign = 1 if name in ("presence", "sharp") else -1
            out.append(f"| {kind} | {name} | {between(clean, bad, lambda r, n=name, s=sign: s * r['measures'][n])} |")
        out.append(f"| {kind} | the score | {between(clean, bad, lambda r: r['score'])} |")
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="a folder of photographs, or the JSON of an earlier run")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--rows", type=Path)
    given = parser.parse_args()
    rows = json.loads(given.photos.read_text()) if given.photos.suffix == ".json" else measured(given.photos)
    if given.rows:
        given.rows.write_text(json.dumps(rows), encoding="utf-8")
    print(page(rows))
    if given.write:
        (HERE / "anatomy.json").write_text(json.dumps(rows) + "\n", encoding="utf-8")
        head = (__doc__ or "").split("\n\n", 2)[2]
        (HERE / "ANATOMY.md").write_text(
            f"# Faces, eyes and hands: damaged or clean\n\n{head.strip()}\n\n{page(rows)}\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
