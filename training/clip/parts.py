"""The table of drawings beside the encoder: what each drawing of the composer's looks like to it, in scenes of many kinds.

Every drawing, its own ones more often than icons, is drawn in the company of taught situations, in every layout that shows
one, and looked at as the gate looks; then again for dark surfaces, see-through or not. Drawings of one title are one: "Bell"
is a subject and an icon. Linear discriminant analysis over the nearer looks then makes weights and a bias for each; the text
side's vectors of the titles make another. How sure they may be is set on scenes of development (`SURER`, `NAMED`). Resumable.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml
from evaluate import Words
from safetensors.numpy import save_file
from scenes import KNOWLEDGE, SIZES, held, wordings

from imajin_cli.stages.backends import compose, miniclip, resvg
from imajin_cli.stages.imaging.metrics.planes import Planes
from imajin_cli.stages.scene.choose import Manner
from imajin_cli.stages.scene.knowledge.bank import bank
from imajin_cli.stages.scene.wish import PEOPLE_ICONS, PEOPLE_SITUATIONS, situations
from imajin_cli.stages.semantics.look import canvas_of, made_for, reduced
from imajin_cli.stages.semantics.seen import all_views
from training.colours import COLOURS

HERE = Path(__file__).parent
CHUNK, BATCH, PEOPLE, DARK_PEOPLE, PERSON = 500, 50, 120, 60, "Person"
LAYOUTS = ("spot",) * 6 + ("hero",) * 2 + ("icon",) * 3 + ("banner", "pattern")
SHRINK, SURER, NAMED = 0.3, 0.45, 2.0
"""How much of the mean variance is added to each direction, the power of a look's likelihood, and that of a deviation."""


def orders(own: int, icons: int, dark: bool = False) -> Iterator[tuple[str, compose.Order]]:
    """The title of a drawing and the scene to draw it in, each drawing so often; round by round.

    With ``dark`` all are for dark surfaces, most of them see-through; without it a quarter is, on its own paper.
    """
    kind = "dark/" if dark else ""
    split = yaml.safe_load((HERE / "split.yaml").read_text())["scenes"]
    entries = yaml.safe_load((KNOWLEDGE / "situations.yaml").read_text())
    known = [name for name in sorted(situations()) if not held(name, split["situations"])]
    for k in range(max(own, icons)):
        for concept, name in zip(bank().concepts, bank().titles, strict=True):
            if k < (own if concept.pack == "subjects" else icons):
                rng = random.Random(f"{kind}whole/{name}/{k}")
                yield concept.title, _order(name, rng, known, entries, 100 + k, dark)

    for k in range(DARK_PEOPLE if dark else PEOPLE):
        rng = random.Random(f"{kind}person/{k}")
        yield PERSON, _order(None, rng, known, entries, 100 + k, dark)


def also() -> dict[str, list[str]]:
    """What is drawn besides for an icon or in a situation: drawings that hold the icon's word, and persons."""
    found: dict[str, list[str]] = {}
    library, titles = compose.library(()), dict(zip(bank().titles, (c.title for c in bank().concepts), strict=True))
    for name in bank().titles:
        others = [titles[other] for other in library.with_drawings((name,)) if other != name and other in titles]
        persons = [PERSON] if name.removeprefix("phosphor:") in PEOPLE_ICONS else []
        if others or persons:
            found[name] = list(dict.fromkeys([*others, *persons]))
    return found | {name: [PERSON] for name in sorted(PEOPLE_SITUATIONS)}


def _order(
    name: str | None, rng: random.Random, known: list[str], entries: dict[str, dict[str, object]], seed: int, dark: bool
) -> compose.Order:
    layout, theme = rng.choice(LAYOUTS if name else ("spot",)), rng.choice(("light", "light", "light", "dark"))
    theme = "dark" if dark else theme
    width, height = rng.choice(SIZES)
    situation = rng.choice(known)
    people = "auto" if name else "always"
    manner = Manner(layout, theme, rng.choice(COLOURS), subject=name, aspect=width / height, people=people)
    back = (
        "paper" if theme == "dark" and not dark else rng.choice(("none", "none", "auto", "paper")[: 4 if dark else 3])
    )
    prompt = wordings(entries[situation])[0][0]
    return compose.Order(prompt, seed, width, height, manner, situation=situation, background=back)


def looked_at(clip: miniclip.MiniClip, some: list[compose.Order]) -> np.ndarray:
    """The views' vectors (n, 5, 256) of scenes, through the gate's own steps."""
    found = []
    for order in some:
        made, _ = compose.scene(order)
        picture = reduced(resvg.render(made.vector.svg, order.width, order.height))
        canvas = canvas_of(Planes(picture), made_for(order.manner.theme))
        assert canvas is not None
        found.append(canvas)
    steps = range(0, len(found), BATCH)
    parts = [all_views(*map(list, zip(*found[i : i + BATCH], strict=True)), clip) for i in steps]  # type: ignore[arg-type]
    return np.concatenate(parts)


def gather(clip: miniclip.MiniClip, folder: Path, name: str, todo: list[tuple[str, compose.Order]]) -> None:
    """Keep the views (n, 5, 256) of scenes and their titles in chunks: what is there already is not drawn again."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(todo), CHUNK):
        part = todo[start : start + CHUNK]
        file = folder / f"part-{name}-{start:05d}.npz"
        if not file.exists():
            views = looked_at(clip, [order for _, order in part]).astype(np.float16)
            np.savez(folder / "tmp.npz", V=views, titles=[title for title, _ in part])
            (folder / "tmp.npz").rename(file)
            print(name, start + len(part), "of", len(todo), flush=True)


def kept(folder: Path) -> tuple[np.ndarray, list[str]]:
    """What `gather` left in a folder."""
    views, titles = [], []
    for file in sorted(folder.glob("part-*.npz")):
        with np.load(file) as data:
            views.append(data["V"])
            titles += data["titles"].tolist()
    return np.concatenate(views), titles


def fitted(views: np.ndarray, rows: np.ndarray, count: int, shrink: float = SHRINK) -> tuple[np.ndarray, np.ndarray]:
    """Weights (count, width) and bias (count,) of linear discriminant analysis, every drawing equally likely beforehand."""
    near = views[:, 1:].astype(np.float32)
    width = near.shape[2]
    means = np.zeros((count, width), np.float32)
    np.add.at(means, rows, near.mean(1))
    means /= np.bincount(rows, minlength=count)[:, None]
    rest = (near - means[rows][:, None]).reshape(-1, width)
    within = rest.T @ rest / len(rest)
    within[np.diag_indices(width)] += shrink * np.trace(within) / width
    middle = means.mean(0)
    weight = np.linalg.solve(within, (means - middle).T).T
    return weight, -0.5 * (weight * (means - middle)).sum(1) - weight @ middle


def named(clip: miniclip.MiniClip, texts: Path, titles: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Weights and bias that give, for a unit vector, each title's deviation over the sample's pictures."""
    vectors, usual = Words(clip, texts)(titles), clip.sample()["pictures"]
    cosines = usual @ vectors.T
    return vectors / cosines.std(0)[:, None], -cosines.mean(0) / cosines.std(0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--own", type=int, default=7, help="scenes of each drawing of our own")
    parser.add_argument("--icons", type=int, default=4, help="scenes of each icon")
    parser.add_argument("--dark-own", type=int, default=4, help="scenes for dark surfaces of each drawing of our own")
    parser.add_argument("--dark-icons", type=int, default=2, help="scenes for dark surfaces of each icon")
    parser.add_argument("--fit", action="store_true", help="draw nothing: fit to what is there")
    parser.add_argument("--out", type=Path, default=miniclip.FOLDER)
    args = parser.parse_args()
    clip = miniclip.MiniClip(args.out)
    folder = args.data / "parts"
    if not args.fit:
        gather(clip, folder, f"{args.own}-{args.icons}", list(orders(args.own, args.icons)))
        dark = list(orders(args.dark_own, args.dark_icons, dark=True))
        gather(clip, folder, f"dark-{args.dark_own}-{args.dark_icons}", dark)
    views, titles = kept(folder)
    places = {title: at for at, title in enumerate(dict.fromkeys(titles))}
    weight, bias = fitted(views, np.array([places[t] for t in titles]), len(places))
    names, names_bias = named(clip, args.data / "text", list(places))
    tables = {
        "looks": weight * SURER,
        "looks_bias": bias * SURER,
        "names": names * NAMED,
        "names_bias": names_bias * NAMED,
    }
    about = {"about": "imajin-mini-clip's table of drawings: training/clip/parts.py"}
    save_file(
        {k: np.array(v, np.float16, order="C") for k, v in tables.items()}, args.out / miniclip.PARTS, metadata=about
    )
    text = json.dumps({"titles": list(places), "also": also()}, ensure_ascii=False, separators=(",", ":"))
    (args.out / miniclip.TITLES).write_text(text + "\n", encoding="utf-8")
    for name in (miniclip.PARTS, miniclip.TITLES):
        (args.out / name).chmod(0o644)
    print(len(places), "drawings by", len(titles), "scenes")


if __name__ == "__main__":
    main()
