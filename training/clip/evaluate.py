"""How well right prompts are told from wrong ones on held-out sets and scenes, through the product's own encoder.

A wrong prompt is another picture's right one: half of the same set (so of its style and palette), half from anywhere in
the same part of the split. Left out is a wrong prompt that is true all the same: one whose words are all among the right
one's ("user" under a picture of "user plus"); the reverse stays in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import yaml
from icons import MARGIN
from icons import SIDE as RENDERED
from PIL import Image

from imajin_cli.stages.backends import compose, embedding
from imajin_cli.stages.backends.miniclip import MiniClip
from imajin_cli.stages.backends.things import GRANTED, agreement
from imajin_cli.stages.imaging.metrics.planes import Planes
from imajin_cli.stages.scene import knowledge
from imajin_cli.stages.scene.knowledge.bank import Bank
from imajin_cli.stages.scene.knowledge.compile import rows_of
from imajin_cli.stages.scene.knowledge.match import match
from imajin_cli.stages.scene.knowledge.sources import read
from imajin_cli.stages.scene.knowledge.text import normalise, phrase_key
from imajin_cli.stages.semantics.judge import LEAST_SPREAD, composed_class
from imajin_cli.stages.semantics.look import canvas_of, made_for, reduced
from imajin_cli.stages.semantics.seen import all_views, is_small, views_of
from imajin_cli.stages.semantics.wanted import called_for, shares
from imajin_cli.stages.semantics.words import ids_of, words_of

REPEATS, MOST_AT_ONCE = 200, 2000


@dataclass(frozen=True)
class Shows:
    """A composed scene's situation, its subject's title, and the words of its alt text."""

    situation: str
    subject: str
    words: frozenset[str]


@dataclass
class Part:
    """Pictures of one part of the split: the vectors of its views (n, 5, 256); their set's name,
    their right prompts, and marks for reports."""

    vectors: np.ndarray
    sets: np.ndarray
    prompts: list[str]
    marks: np.ndarray
    shows: list[Shows] | None = None
    """What composed scenes show, by their specification: only to find wrong prompts that are true all the same."""
    classes: np.ndarray | None = None
    """The classes of composed scenes, by layout and theme, as `composed_class` gives them."""


@dataclass
class Pairs:
    """Features (n, 11) as in judge.fit, rank, label, kind ("right", "same set", "other"), the picture's number, set and mark."""

    features: np.ndarray
    ranks: np.ndarray
    right: np.ndarray
    kinds: np.ndarray
    pictures: np.ndarray
    sets: np.ndarray
    marks: np.ndarray
    doubtful: np.ndarray
    """Wrong prompts that are true of the picture by `true_of_scene`."""
    classes: np.ndarray
    """Of our own scenes the class, else ""."""
    small: np.ndarray
    """Whether the picture's subject takes little of it, which makes it a scene where the class is found by the pixels."""


class Words:
    """Vectors of prompts through the text head, from the embeddings kept by text.py; others are embedded now."""

    def __init__(self, clip: MiniClip, folder: Path, known: Bank | None = None) -> None:
        self.clip, self.table = clip, clip.vocabulary
        self.known = known or Bank()
        self.wants: dict[str, np.ndarray] = {}
        self.raw: dict[str, np.ndarray] = {}
        for file in sorted(folder.glob("text-*.npz")):
            with np.load(file) as data:
                self.raw.update(zip(data["texts"].tolist(), data["vectors"].astype(np.float32), strict=True))

    def called_for(self, prompts: list[str]) -> np.ndarray:
        """How much each thing is called for by each prompt, (n, things)."""
        self.embed(prompts)
        steps = range(0, len(prompts), 500)
        return np.concatenate(
            [self.clip.called_for(np.stack([self.raw[p] for p in prompts[i : i + 500]])) for i in steps]
        )

    def drawings(self, prompts: list[str]) -> np.ndarray:
        """How much each of the composer's drawings is called for by each prompt, (n, drawings), by the knowledge at hand."""
        for prompt in prompts:
            if prompt not in self.wants:
                found = match(prompt, embed=embedding.shared(), known=self.known)
                parts = self.clip.parts
                self.wants[prompt] = called_for(shares(found, self.known, parts.also), parts.places)
        return np.stack([self.wants[prompt] for prompt in prompts])

    def embed(self, prompts: list[str]) -> None:
        """Embed what is not kept."""
        new = [p for p in dict.fromkeys(prompts) if p not in self.raw]
        if new:
            from imajin_cli.stages.backends.embedding import shared

            engine = shared()
            assert engine is not None
            for start in range(0, len(new), MOST_AT_ONCE):
                some = new[start : start + MOST_AT_ONCE]
                self.raw.update(zip(some, engine.embed(some), strict=True))

    def __call__(self, prompts: list[str]) -> np.ndarray:
        self.embed(prompts)
        unique = list(dict.fromkeys(prompts))
        out = {}
        for start in range(0, len(unique), 2000):
            some = unique[start : start + 2000]
            vectors = self.clip.text(np.stack([self.raw[p] for p in some]), [ids_of(p, self.table) for p in some])
            out.update(zip(some, vectors, strict=True))
        return np.stack([out[p] for p in prompts])


def encode(clip: MiniClip, images: np.ndarray) -> np.ndarray:
    """Vectors (n, 5, 256) of premultiplied RGBA pictures (n, s, s, 4) on white, whole and from nearer."""
    out = []
    drawn = MARGIN * images.shape[1] // RENDERED
    for start in range(0, len(images), 128):
        rgba = images[start : start + 128].astype(np.float32)
        rgb = (rgba[..., :3] + (255 - rgba[..., 3:])).round().clip(0, 255).astype(np.uint8)
        # Without the margin that icons.py drew: the gate squares the content itself.
        canvases = [Image.fromarray(one[drawn:-drawn, drawn:-drawn]) for one in rgb]
        out.append(all_views(canvases, [(255, 255, 255)] * len(canvases), clip))
    return np.concatenate(out)


def looked_at(clip: MiniClip, image: Image.Image, theme: str = "light") -> np.ndarray:
    """The views' vectors (5, 256) of a picture for surfaces of a theme, through the gate's own steps."""
    canvas = canvas_of(Planes(reduced(image)), made_for(theme))
    assert canvas is not None
    return views_of(*canvas, clip)


def icons(clip: MiniClip, shards: Path, part: str, most: int = 10_000) -> Part:
    """The icons of a part; a mark says whether the name occurs in training ("seen") or not."""
    known = {" ".join(words_of(c)) for f in shards.glob("train-*.npz") for c in np.load(f)["captions"].tolist()}
    images, sets, prompts = [], [], []
    for file in sorted(shards.glob(f"{part}-*.npz")):
        with np.load(file) as data:
            rows = np.sort(np.random.default_rng(3).permutation(len(data["captions"]))[:most])
            images.append(data["images"][rows])
            prompts += data["captions"][rows].tolist()
            sets += [file.stem.removeprefix(f"{part}-")] * len(rows)
    marks = np.array(["seen" if " ".join(words_of(p)) in known else "unseen" for p in prompts])
    return Part(encode(clip, np.concatenate(images)), np.array(sets), prompts, marks)


def icon_names(shards: Path, part: str) -> list[str]:
    """The right prompts of a part's icons, without looking at them."""
    return [name for file in sorted(shards.glob(f"{part}-*.npz")) for name in np.load(file)["captions"].tolist()]


def scenes(clip: MiniClip, folder: Path, part: str) -> tuple[Part, list[str]]:
    """The test scenes of half of the situations (by the parity of a digest), and each one's situation.

    Situations seen in training are asked for in the held-out wording, the others in any of theirs.
    """
    rows = json.loads((folder / "test.json").read_text())
    parity = 0 if part == "calibrate" else 1
    mine = [i for i, r in enumerate(rows) if hashlib.sha256(r["situation"].encode()).digest()[1] % 2 == parity]
    rng = np.random.default_rng(5)
    prompts = []
    for i in mine:
        pool = rows[i]["held"] + (rows[i]["captions"][:3] if rows[i]["unseen"] else [])
        prompts.append(pool[rng.integers(len(pool))])
    marks = np.array(["unseen situation" if rows[i]["unseen"] else "unseen wording" for i in mine])
    pictures = [(Image.open(folder / "test" / f"{i:04d}.png"), rows[i]["theme"]) for i in mine]
    vectors = np.stack([looked_at(clip, image, theme) for image, theme in pictures])
    shows = [
        Shows(rows[i]["situation"], rows[i]["subject"], frozenset(words_of(f"{rows[i]['subject']} {rows[i]['alt']}")))
        for i in mine
    ]
    classes = np.array([composed_class(rows[i]["layout"], rows[i]["theme"]) for i in mine])
    return Part(vectors, np.array(["compose"] * len(mine)), prompts, marks, shows, classes), [
        s.situation for s in shows
    ]


def unlearnt(held: Callable[[str], bool], lines: set[str]) -> Bank:
    """The composer's knowledge without the situations that are ``held``, and without ``lines``: what is left of it for wordings
    of situations that nobody wrote down."""
    found, source = Bank(), read()
    texts, owners = rows_of(source)
    gone = {i for i, situation in enumerate(found.situations) if held(situation.id)}
    said = {normalise(line) for line in lines}
    rows = [
        i for i, (text, owner) in enumerate(zip(texts, owners, strict=True)) if owner in gone or normalise(text) in said
    ]
    found.vectors.unit[rows] = 0.0
    keys = {phrase_key(line) for line in lines}
    for name in ("phrases", "unspaced"):
        kept = {k: [o for o in of if o not in gone] for k, of in getattr(found, name).items() if k not in keys}
        setattr(found, name, {k: of for k, of in kept.items() if of})
    return found


@lru_cache(maxsize=1)
def drawn_for() -> dict[str, frozenset[str]]:
    """Situation → titles of the subjects that it may be drawn with, by the composer's own table."""
    library = compose.library(())
    entries = yaml.safe_load((Path(knowledge.__file__).parent / "situations.yaml").read_text())
    found = {name: [library.find(subject) for subject in entry["subjects"]] for name, entry in entries.items()}
    return {name: frozenset(part.title for part in parts if part) for name, parts in found.items()}


def true_of_scene(shows: Shows, wrong: str, situation: str | None) -> bool:
    """Whether a wrong prompt is true of a scene: the composer draws the same subject for the prompt's situation too, or,
    where the prompt is an icon's name, all of its words are in the subject's title or the scene's alt text."""
    if situation is not None:
        return shows.subject in drawn_for().get(situation, ())
    return set(words_of(wrong)) <= shows.words


def true_too(wrong: str, right: str) -> bool:
    """Whether a wrong prompt says nothing that the right one does not."""
    return set(words_of(wrong)) <= set(words_of(right))


def choose_wrong(
    part: Part, others: list[str], groups: list[str], each: int, rng: np.random.Generator
) -> list[tuple[int, str, str]]:
    """(picture, wrong prompt, kind): ``each`` of the same set and ``each`` from ``others``, if any, for every picture."""
    rows_of = {s: np.flatnonzero(part.sets == s) for s in np.unique(part.sets)}
    out = []
    for i, right in enumerate(part.prompts):
        same = rows_of[part.sets[i]]
        draws = (("same set", lambda: int(rng.choice(same))), ("other", lambda: -1))  # noqa: B023
        for kind, draw in draws if others else draws[:1]:
            found = 0
            for _ in range(50):
                at = draw()
                wrong = part.prompts[at] if at >= 0 else others[rng.integers(len(others))]
                if true_too(wrong, right) or (at >= 0 and groups[at] == groups[i]):
                    continue
                out.append((i, wrong, kind))
                found += 1
                if found == each:
                    break
    return out


def agreements(
    part: Part, words: Words, sample: dict[str, np.ndarray], prompts: list[str], at: np.ndarray
) -> list[np.ndarray]:
    """The features of judge.agreeing and judge.known (names, then drawings) for each prompt with the picture ``at`` its place."""
    things = words.clip.things
    shown, others = things.shown(part.vectors), things.shown(sample["pictures"][:, None])
    unique = {p: i for i, p in enumerate(dict.fromkeys(prompts))}
    called_for = words.called_for(list(unique))
    usual = agreement(called_for, others)
    row = np.array([unique[p] for p in prompts])
    steps = [slice(i, i + 2000) for i in range(0, len(row), 2000)]

    def agreed(wants: np.ndarray, has: np.ndarray) -> np.ndarray:
        ratio = np.concatenate([(wants[row[s]] * has[at[s]]).sum(1) for s in steps])
        return np.log((ratio + GRANTED) / (1 + GRANTED))

    found = agreed(called_for, shown)
    # Names are many: what texts call for of them is made a step at a time.
    named, vectors = words.clip.named, words(list(unique))
    looks = named.shown(part.vectors)
    by_name = [(named.called_for(vectors[row[s]]) * looks[at[s]]).sum(1) for s in steps]
    drawn, wants = words.clip.parts.shown(part.vectors), words.drawings(list(unique))
    known = [np.log((np.concatenate(by_name) + GRANTED) / (1 + GRANTED)), *(agreed(wants, one) for one in drawn)]
    return [found, (found - usual.mean(1)[row]) / np.maximum(usual.std(1)[row], LEAST_SPREAD), *known]


def pairs(
    part: Part, words: Words, sample: dict[str, np.ndarray], others: list[str], groups: list[str], each: int = 2
) -> Pairs:
    """Every picture with its right prompt and with its wrong ones."""
    wrong = choose_wrong(part, others, groups, each, np.random.default_rng(9))
    rows = [(i, p, "right") for i, p in enumerate(part.prompts)] + wrong
    at = np.array([r[0] for r in rows])
    texts = words([r[1] for r in rows])
    by_picture = texts @ sample["pictures"].T
    seen, ranks = [], []
    for view in range(part.vectors.shape[1]):
        mine = part.vectors[:, view]
        cosine = (texts * mine[at]).sum(1)
        by_prompt = mine @ sample["prompts"].T
        over_prompts = (cosine - by_prompt.mean(1)[at]) / by_prompt.std(1)[at]
        over_pictures = (cosine - by_picture.mean(1)) / by_picture.std(1)
        seen.append(np.stack([cosine, over_prompts, over_pictures], 1))
        ranks.append((by_prompt[at] < cosine[:, None]).mean(1))
    features = [*seen[0].T, *np.mean(seen[1:], 0).T]
    features += agreements(part, words, sample, [r[1] for r in rows], at)
    kinds = np.array([r[2] for r in rows])
    doubtful = np.zeros(len(rows), bool)
    if part.shows is not None:
        of = {p: s.situation for p, s in zip(part.prompts, part.shows, strict=True)}
        doubtful[:] = [k != "right" and true_of_scene(part.shows[i], p, of.get(p)) for i, p, k in rows]
    return Pairs(
        np.stack(features, 1),
        (ranks[0] + np.mean(ranks[1:], 0)) / 2,
        kinds == "right",
        kinds,
        at,
        part.sets[at],
        part.marks[at],
        doubtful,
        np.array([""] * len(rows)) if part.classes is None else part.classes[at],
        is_small(part.vectors)[at],
    )


def auc(right: np.ndarray, wrong: np.ndarray) -> float:
    """Area under the ROC curve: how often a right pair scores above a wrong one, ties a half."""
    order = np.sort(wrong)
    below, upto = np.searchsorted(order, right, "left"), np.searchsorted(order, right, "right")
    return float(((below + upto) / 2).mean() / len(wrong))


def interval(scores: np.ndarray, p: Pairs, chosen: np.ndarray) -> list[float]:
    """AUC over the chosen pairs, and its 95 % bootstrap interval over pictures (each drawn with all of its pairs)."""
    index = np.flatnonzero(chosen)
    value = auc(scores[index][p.right[index]], scores[index][~p.right[index]])
    order = index[np.argsort(scores[index], kind="stable")]
    right = p.right[order].astype(float)
    pictures, which = np.unique(p.pictures[order], return_inverse=True)
    rng, out = np.random.default_rng(1), []
    for _ in range(REPEATS):
        times = np.bincount(rng.integers(0, len(pictures), len(pictures)), minlength=len(pictures))[which]
        wrong_below = np.cumsum(times * (1 - right))
        out.append(float((times * right * wrong_below).sum() / max((times * right).sum() * wrong_below[-1], 1e-9)))
    low, high = np.percentile(out, [2.5, 97.5])
    return [round(value, 4), round(float(low), 4), round(float(high), 4)]


def report(scores: np.ndarray, threshold: float, p: Pairs) -> dict[str, object]:
    """AUCs with intervals, and what the threshold does, in all and by kind, set and mark."""
    wrong = ~p.right

    def rates(chosen: np.ndarray) -> dict[str, object]:
        r, w = chosen & p.right, chosen & wrong
        return {
            "auc": interval(scores, p, chosen),
            "right": int(r.sum()),
            "wrong": int(w.sum()),
            "false_rejections": round(float((scores[r] < threshold).mean()), 4),
            "wrong_caught": round(float((scores[w] < threshold).mean()), 4),
            "top_of_512": round(float((p.ranks[r] >= 1 - 1 / 512).mean()), 4),
        }

    everything = np.ones(len(scores), bool)
    out: dict[str, object] = {"all": rates(everything)}
    if p.doubtful.any():
        out["without wrong prompts that are true"] = rates(~p.doubtful)
        out["without them, of the same set"] = rates(~p.doubtful & (p.right | (p.kinds == "same set")))
        marked = {str(v): rates(~p.doubtful & (p.marks == v)) for v in np.unique(p.marks)}
        out["without them, by mark"] = marked
    out["wrong of the same set"] = rates(p.right | (p.kinds == "same set"))
    out["wrong from anywhere"] = rates(p.right | (p.kinds == "other"))
    for name, values in (("by set", p.sets), ("by mark", p.marks)):
        out[name] = {str(v): rates(values == v) for v in np.unique(values)}
    return out
