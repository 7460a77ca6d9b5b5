"""Bytes and time of our encoders against others', at equal look: ``python -m benchmarks.encoders --peers FOLDER [--count N]``.

FOLDER holds node_modules with sharp, @jsquash/webp, @jsquash/avif and @jsquash/oxipng (``npm install`` them there); pngquant,
avifenc and cwebp are taken from PATH where they are; the package ssimulacra2 must be importable. A file's look is the lower of
its SSIMULACRA2 on white and on black. Ours is encoded as `output` does by default; a peer's is the smallest at a quality
whose look is no worse than ours, or than 90, from which no difference is seen (its authors'
words), found by bisection. Prints a Markdown table; --write puts it into ENCODERS.md.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from imajin_cli.stages.imaging.encode.formats import Drawn, Settings, encode
from imajin_cli.stages.imaging.encode.versions import encoder_versions

HERE = Path(__file__).parent
# (prompt, layout, size, background): sixty of them, with and without transparency, as small as they are shown and larger.
PROMPTS = {
    "icon": ["shopping cart", "calendar", "rocket", "heart", "camera", "bell", "cloud", "lock", "gift", "map"],
    "spot": ["page not found", "an empty inbox", "server error", "loading, please wait", "no results", "payment failed",
             "you are offline", "welcome", "all done", "access denied"],
    "avatar": ["a smiling woman with glasses", "an old man with a beard", "a robot", "a cat", "a boy with a cap"],
    "hero": ["a lost robot in space", "a team at work", "mountains at night", "a city", "a rocket launch"],
}  # fmt: skip
SIZES = {
    "icon": ("96x96", "256x256"),
    "spot": ("256x256", "400x400"),
    "avatar": ("128x128", "256x256"),
    "hero": ("320x180", "640x360"),
}
KINDS = ("png", "webp", "avif")
# What a peer may choose among: every step is a look at the file, which takes longer than the encoding.
QUALITIES = (30, 40, 50, 56, 62, 68, 72, 76, 80, 84, 88, 91, 94, 97, 100)
# "Visually lossless … not distinguishable in a flicker test" (github.com/cloudinary/ssimulacra2).
UNSEEN = 90.0


@dataclass(frozen=True)
class Coded:
    """One encoder's file: bytes, look (SSIMULACRA2), and the seconds that encoding took."""

    size: int
    look: float
    seconds: float


def pictures() -> Iterator[tuple[str, Image.Image]]:
    """(name, RGBA picture), sixty: half of each layout's prompts at each size, in an order that mixes them."""
    from imajin_cli.contract.sidecar import Request
    from imajin_cli.stages.generate import Generate, GenerateParams

    jobs = [(layout, prompt, size) for layout, prompts in PROMPTS.items() for prompt in prompts for size in SIZES[layout]]
    for layout, prompt, size in sorted(jobs, key=lambda job: hash_of(*job))[:60]:
        stage = Generate(GenerateParams(layout=layout))
        made = stage.make(next(iter(stage.plan(Request(prompt=prompt, size=[size]))))).picture
        assert made is not None
        yield f"{layout} {size} {prompt}", made.image.convert("RGBA")


def hash_of(*words: str) -> str:
    """A digest to order by."""
    from imajin_cli.contract.digest import sha256

    return sha256("|".join(words).encode())


def look(data: bytes, source: Image.Image) -> float:
    """The lower SSIMULACRA2 of the file ``data`` on white and on black."""
    from ssimulacra2 import compute_ssimulacra2

    found = Image.open(io.BytesIO(data)).convert("RGBA")
    scores = []
    with tempfile.TemporaryDirectory() as folder:
        for ground in ("white", "black"):
            paths = []
            for name, image in (("a", source), ("b", found)):
                laid = Image.new("RGBA", source.size, ground)
                laid.alpha_composite(image)
                paths.append(Path(folder) / f"{name}.png")
                laid.convert("RGB").save(paths[-1], compress_level=1)
            scores.append(float(compute_ssimulacra2(*map(str, paths))))
            if source.getchannel("A").getextrema()[0] == 255:
                break
    return min(scores)


class Node:
    """The peers that are JavaScript packages, in one process."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            ["node", str(HERE / "encoders.mjs")], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def coded(self, by: str, kind: str, picture: Path, size: tuple[int, int], quality: int) -> tuple[bytes, float]:
        """The bytes and the seconds of one encoding."""
        to = picture.with_suffix(".out")
        job = {"by": by, "kind": kind, "quality": quality, "from": str(picture), "raw": str(picture.with_suffix(".raw")),
               "to": str(to), "width": size[0], "height": size[1]}  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        while not (line := self.process.stdout.readline()).startswith("{"):
            if not line:
                raise RuntimeError("node ended")
        told = json.loads(line)
        if "error" in told:
            raise RuntimeError(f"{by} {kind}: {told['error']}")
        return to.read_bytes(), float(told["seconds"])


def program(*command: str, to: Path) -> tuple[bytes, float]:
    """The bytes that a program writes to ``to``, and its seconds without process start (that of its --version)."""
    begun = time.perf_counter()
    subprocess.run([command[0], "--version"], capture_output=True, check=False)
    start = time.perf_counter() - begun
    begun = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return to.read_bytes(), max(0.0005, time.perf_counter() - begun - start)


Encoder = Callable[[Path, tuple[int, int], int], tuple[bytes, float]]


def peers(node: Node) -> dict[str, dict[str, Encoder]]:
    """Format → name → encoder of a picture's PNG file (raw RGBA beside it) at a quality."""

    def js(by: str, kind: str) -> Encoder:
        return lambda picture, size, quality: node.coded(by, kind, picture, size, quality)

    def pngquant(picture: Path, _: tuple[int, int], quality: int) -> tuple[bytes, float]:
        to = picture.with_suffix(".q.png")
        return program("pngquant", "--force", "--quality", f"0-{quality}", "--output", str(to), str(picture), to=to)

    def optimised(picture: Path, size: tuple[int, int], quality: int) -> tuple[bytes, float]:
        _data, first = pngquant(picture, size, quality)
        data, second = node.coded("oxipng", "png", picture.with_suffix(".q.png"), size, quality)
        return data, first + second

    def avifenc(picture: Path, _: tuple[int, int], quality: int) -> tuple[bytes, float]:
        to = picture.with_suffix(".avif")
        step = str(round(63 * (100 - quality) / 100))  # 0.11 knows quantisers alone
        return program("avifenc", "--min", step, "--max", step, "-s", "6", "-j", "1", str(picture), str(to), to=to)

    def cwebp(picture: Path, _: tuple[int, int], quality: int) -> tuple[bytes, float]:
        to = picture.with_suffix(".webp")
        return program("cwebp", "-quiet", "-q", str(quality), str(picture), "-o", str(to), to=to)

    return {
        "png": {"pngquant": pngquant, "pngquant + oxipng": optimised, "sharp": js("sharp", "png")},
        "webp": {"sharp": js("sharp", "webp"), "sharp, lossless": js("sharp", "webp-lossless"),
                 "@jsquash": js("jsquash", "webp"), "cwebp": cwebp},
        "avif": {"sharp": js("sharp", "avif"), "@jsquash": js("jsquash", "avif"), "avifenc": avifenc},
    }  # fmt: skip


def ours(image: Image.Image, kind: str) -> Coded:
    """Our file, as `output` makes it by default."""
    settings = Settings()
    encode(Drawn(image, settings), kind, settings)
    begun = time.perf_counter()
    data = encode(Drawn(image, settings), kind, settings).data
    seconds = time.perf_counter() - begun
    return Coded(len(data), look(data, image), seconds)


def matched(encoder: Encoder, picture: Path, image: Image.Image, wanted: float) -> Coded | None:
    """The peer's smallest file that looks no worse than ``wanted``, None where even its best does."""
    low, high, best = 0, len(QUALITIES) - 1, None
    while low <= high:
        at = (low + high) // 2
        data, seconds = encoder(picture, image.size, QUALITIES[at])
        found = Coded(len(data), look(data, image), seconds)
        if found.look >= min(wanted, UNSEEN) - 0.05:
            best, high = found, at - 1
        else:
            low = at + 1
    return best


def measured(
    folder: Path, count: int, kinds: Sequence[str] = KINDS
) -> dict[str, dict[str, list[tuple[Coded, Coded | None]]]]:
    """Format → peer → (ours, theirs) of each picture."""
    node = Node(folder)
    found: dict[str, dict[str, list[tuple[Coded, Coded | None]]]] = {kind: defaultdict(list) for kind in kinds}
    with tempfile.TemporaryDirectory() as scratch:
        for at, (name, image) in enumerate(pictures()):
            if at >= count:
                break
            picture = Path(scratch) / "picture.png"
            image.save(picture, compress_level=1)
            picture.with_suffix(".raw").write_bytes(image.tobytes())
            for kind, encoders in peers(node).items():
                if kind not in kinds:
                    continue
                own = ours(image, kind)
                for peer, encoder in encoders.items():
                    theirs = matched(encoder, picture, image, own.look)
                    found[kind][peer].append((own, theirs))
                    print(f"{name} {kind} {peer}: {own} {theirs}", file=sys.stderr)
    return found


def table(found: dict[str, dict[str, list[tuple[Coded, Coded | None]]]]) -> Iterator[str]:
    """The Markdown rows: median ratios of ours to each peer's, and to the best of them picture by picture."""
    yield "| format | against | pictures | bytes, ours / theirs (median) | seconds, ours / theirs (median) | never as good |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for kind, by in found.items():
        best: list[float] = []
        for rows in zip(*by.values(), strict=True):
            sizes = [theirs.size for _, theirs in rows if theirs is not None]
            if sizes:
                best.append(rows[0][0].size / min(sizes))
        for peer, rows in by.items():
            pairs = [(own, theirs) for own, theirs in rows if theirs is not None]
            if not pairs:
                yield f"| {kind} | {peer} | {len(rows)} | | | {len(rows)} |"
                continue
            size = statistics.median(own.size / theirs.size for own, theirs in pairs)
            speed = statistics.median(own.seconds / theirs.seconds for own, theirs in pairs)
            yield f"| {kind} | {peer} | {len(rows)} | {size:.3f} | {speed:.2f} | {len(rows) - len(pairs)} |"
        if best:
            yield f"| {kind} | **the best of them, each picture** | {len(best)} | **{statistics.median(best):.3f}** | | |"


def versions(folder: Path) -> str:
    """Every encoder's version, as one line."""
    found = [f"ours: {encoder_versions()}"]
    for name in ("sharp", "@jsquash/webp", "@jsquash/avif", "@jsquash/oxipng"):
        package = json.loads((folder / "node_modules" / name / "package.json").read_text(encoding="utf-8"))
        found.append(f"{name} {package['version']}")
    for command in (["pngquant", "--version"], ["avifenc", "--version"], ["cwebp", "-version"]):
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        number = re.search(r"\d+\.\d+(?:\.\d+)?", said)
        found.append(f"{command[0]} {number[0] if number else 'of unknown version'}")
    return "; ".join(found)


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print or write the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.encoders")
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--kind", action="append", choices=KINDS, help="this format alone; the others' rows are kept")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
    rows: dict[str, Any] = measured(given.peers, given.count, given.kind or KINDS)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    text = "\n".join([*table(rows), "", f"{given.count} pictures; load of the machine {load:.1f}. {versions(given.peers)}.", ""])
    print(text)
    if given.write:
        page = HERE / "ENCODERS.md"
        head, _, before = page.read_text(encoding="utf-8").partition("<!-- measured -->\n")
        # Rows of a run over other formats stay below, with what they were measured with.
        rest = f"\n{before}" if given.kind else ""
        page.write_text(f"{head}<!-- measured -->\n{text}{rest}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
