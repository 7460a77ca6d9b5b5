"""The table of names beside the encoder: what the icons of each name that several sets share look like to it.

Of the training sets' names the `MOST` that most sets draw are kept, each with at most `EACH` icons, of as many sets as there
are. Every icon is looked at on white, half of them once more in other colours on another ground. Linear discriminant analysis
over all names then tells how a name's icons differ from one another; a name's mean is drawn to the middle the more, the fewer
icons it has, by the empirical Bayes estimate for each direction. `SURER`, `MOST` and the constants of
``stages/backends/named.py`` were set on the icon sets of calibration. Resumable.
"""

from __future__ import annotations

import argparse
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import resvg_py
import yaml
from evaluate import Words
from icons import HERE, MARGIN, square, svg
from names import caption, keep_size
from PIL import Image
from safetensors.numpy import save_file

from imajin_cli.stages.backends import miniclip
from imajin_cli.stages.semantics.look import whole
from imajin_cli.stages.semantics.words import words_of

MOST, EACH, BATCH = 12_000, 8, 64
SHRINK, SURER = 0.3, 0.18
"""How much of the mean variance is added to each direction, and the power of a look's likelihood."""
WHITE = (255, 255, 255)

Names = dict[str, dict[str, list[tuple[str, str]]]]


def shared_names(sets: list[str], folder: Path) -> Names:
    """Key → set → (icon, its caption), of names that two sets have; those of most sets come first."""
    found: Names = defaultdict(dict)
    for source in sets:
        icons = json.loads((folder / source / "icons.json").read_text())["icons"]
        for name in keep_size(sorted(n for n, icon in icons.items() if not icon.get("hidden"))):
            said = caption(name, source)
            if said and (key := " ".join(words_of(said))):
                found[key].setdefault(source, []).append((name, said))
    keys = sorted((k for k, v in found.items() if len(v) > 1), key=lambda k: -len(found[k]))
    return {key: found[key] for key in keys[:MOST]}


def chosen(names: Names) -> dict[str, list[tuple[str, str]]]:
    """Set → (icon, key): of each name up to three of a set, one of every set first, the sets in an order of the name's own."""
    todo = defaultdict(list)
    for key, of in names.items():
        order = np.random.default_rng(sum(map(ord, key))).permutation(sorted(of))
        picks = [(str(s), of[str(s)][i][0]) for i in range(3) for s in order if len(of[str(s)]) > i]
        for source, icon in picks[:EACH]:
            todo[source].append((icon, key))
    return todo


def painted(icon: np.ndarray, one_colour: bool, rng: np.random.Generator) -> tuple[np.ndarray, tuple[int, int, int]]:
    """A premultiplied icon (s, s, 4) on another ground, in another colour where it has but one; and the ground."""
    alpha, rgb = icon[..., 3:].astype(np.float32) / 255, icon[..., :3].astype(np.float32)
    dark, light = rng.random(3) * 0.55, 1 - rng.random(3) * 0.22
    ground = [np.ones(3), light, rng.random(3), dark][rng.choice(4, p=[0.3, 0.3, 0.1, 0.3])]
    ink = rng.random(3) * 0.15 if rng.random() < 0.4 else rng.random(3) * 0.8
    if one_colour:
        if rng.random() < 0.25:
            ink, ground = light, dark
        if np.abs(ink - ground).max() < 0.35:
            ink = rng.random(3) * 0.15 if ground.mean() > 0.5 else np.ones(3)
        rgb = rgb + ink * alpha * 255
    on = tuple(int(value * 255) for value in ground)
    return np.clip(rgb + (1 - alpha) * ground * 255, 0, 255).round().astype(np.uint8), (on[0], on[1], on[2])


def looks(data: dict[str, Any], todo: list[tuple[str, str]], coloured: bool) -> Iterator[tuple[str, np.ndarray]]:
    """The key and the encoder's input (1, 3, 48, 48) of each look at the icons of a set."""
    rng = np.random.default_rng(5)
    for icon, key in todo:
        try:
            png = bytes(resvg_py.svg_to_bytes(svg_string=svg(data, icon), skip_system_fonts=True))
            found = square(Image.open(io.BytesIO(png)).convert("RGBA"))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # noqa: BLE001  a Rust panic is no Exception
            continue
        if found is None:
            continue
        plain = (found[..., :3].astype(np.float32) + 255 - found[..., 3:]).round().clip(0, 255).astype(np.uint8)
        shown = [(plain, WHITE)]
        if rng.random() < 0.5:
            shown.append(painted(found, not coloured, rng))
        for pixels, ground in shown:
            yield key, whole(Image.fromarray(pixels[MARGIN:-MARGIN, MARGIN:-MARGIN]), ground)


def gather(clip: miniclip.MiniClip, icons: Path, folder: Path) -> None:
    """Keep the vectors (n, 256) of the looks and their names, a file a set: what is there already is not drawn again."""
    folder.mkdir(parents=True, exist_ok=True)
    train = yaml.safe_load((HERE / "split.yaml").read_text())["icons"]["train"]
    names = shared_names([s for kind in train.values() for s in kind], icons)
    told = {key: min((said for rows in of.values() for _, said in rows), key=len) for key, of in names.items()}
    (folder / "names.json").write_text(json.dumps(told))
    for source, todo in chosen(names).items():
        file = folder / f"{source}.npz"
        if file.exists():
            continue
        data = json.loads((icons / source / "icons.json").read_text())
        keys, inputs = zip(*looks(data, todo, source in train["coloured"]), strict=True)
        steps = range(0, len(inputs), BATCH)
        vectors = np.concatenate([clip.image(np.concatenate(inputs[i : i + BATCH])) for i in steps])
        np.savez(folder / "tmp.npz", V=vectors.astype(np.float16), K=np.array(keys))
        (folder / "tmp.npz").rename(file)
        print(source, len(keys), flush=True)


def fitted(vectors: np.ndarray, rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (count, 256) and bias (count,) of linear discriminant analysis with shrunken means, names equally likely."""
    often = np.bincount(rows, minlength=count).astype(np.float32)
    middle = vectors.mean(0)
    means = np.zeros((count, vectors.shape[1]), np.float32)
    np.add.at(means, rows, vectors - middle)
    means /= often[:, None]
    rest = vectors - middle - means[rows]
    within = rest.T @ rest / (len(vectors) - count)
    within[np.diag_indices_from(within)] += SHRINK * np.trace(within) / len(within)
    # In these directions the icons of a name vary by one and independently, and names vary independently too.
    whiten = np.linalg.inv(np.linalg.cholesky(within.astype(np.float64)))
    between = (means @ whiten.T * often[:, None]).T @ (means @ whiten.T) / often.sum()
    turn = whiten.T @ np.linalg.eigh(between)[1]
    means = means @ turn
    names_vary = np.maximum((means**2).mean(0) - (1 / often).mean(), 1e-3)
    means *= often[:, None] * names_vary / (often[:, None] * names_vary + 1)
    weight = means @ turn.T
    return weight, -0.5 * (means**2).sum(1) - weight @ middle


def eighth(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A table in 8 bits a number with a scale a row."""
    scale = np.maximum(np.abs(table).max(1), 1e-8) / 127
    return np.round(table / scale[:, None]).astype(np.int8), scale.astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--icons", type=Path, help="node_modules/@iconify-json; without it nothing is drawn")
    parser.add_argument("--out", type=Path, default=miniclip.FOLDER)
    args = parser.parse_args()
    clip, folder = miniclip.MiniClip(args.out), args.data / "named"
    if args.icons:
        gather(clip, args.icons, folder)
    told = json.loads((folder / "names.json").read_text())
    files = [np.load(file) for file in sorted(folder.glob("*.npz"))]
    vectors = np.concatenate([file["V"] for file in files]).astype(np.float32)
    keys = [str(key) for file in files for key in file["K"]]
    places = {key: at for at, key in enumerate(dict.fromkeys(keys))}
    weight, bias = fitted(vectors, np.array([places[key] for key in keys]), len(places))
    tables = {"looks_bias": (bias * SURER).astype(np.float32)}
    tables["looks"], tables["looks_scale"] = eighth(weight * SURER)
    tables["keys"], tables["keys_scale"] = eighth(Words(clip, args.data / "text")([told[key] for key in places]))
    about = {"about": "imajin-mini-clip's table of names: training/clip/named.py"}
    save_file(tables, args.out / miniclip.NAMED, metadata=about)
    (args.out / miniclip.NAMED).chmod(0o644)
    print(len(places), "names by", len(keys), "looks")


if __name__ == "__main__":
    main()
