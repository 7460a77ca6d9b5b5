"""Fit the curves and thresholds on the calibration part, write them beside the weights. Run with PYTHONPATH at the root."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import fields
from pathlib import Path

import numpy as np
import yaml
from evaluate import Pairs, Part, Words, auc, encode, icons, pairs, scenes
from runs import drawn

from imajin_cli.stages.backends import miniclip
from imajin_cli.stages.semantics.words import words_of

# Right prompts that a threshold may reject, of icons, of scenes, and of scenes of situations never taught.
FALSE_REJECTIONS, LEAST_PICTURES = (0.05, 0.04, 0.1), 10
SCENES_WEIGH = 2.0
# What share of the threshold counts by default for pictures that are not ours: the encoder is least sure of what it was never
# taught. For our own scenes the default is measured, as the share of right prompts that it may reject.
EASED, MILD = 0.2, 0.01
# For dark surfaces fewer: their drawings are told apart less well, and what was drawn for a person must not fall by that.
MILD_DARK = 0.003
# Our own scenes of a class are judged where the curve tells them apart so well (AUC); else they are recorded.
TOLD_APART, WRONG = 0.85, 12
# The last features, of judge.known.
KNOWN = 2
TAXONOMY = Path(__file__).resolve().parents[2] / "stages/semantics/taxonomy.yaml"


def logistic(
    x: np.ndarray, y: np.ndarray, ridge: float = 1e-3, scene: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Weights and bias of a logistic regression, right and wrong weighing the same; Newton's method on standardised x.

    With ``scene`` (n,) scenes and icons weigh as `SCENES_WEIGH` says, however many there are of either.
    """
    mean, std = x.mean(0), x.std(0) + 1e-9
    a = np.column_stack([(x - mean) / std, np.ones(len(x))])
    kind = np.zeros(len(y), int) if scene is None else scene.astype(int)
    weight = np.zeros(len(y))
    for k, share in ((0, 1.0), (1, SCENES_WEIGH)):
        for part in (y & (kind == k), ~y & (kind == k)):
            weight[part] = share * 0.5 / max(part.sum(), 1)
    weight /= weight.sum()
    w = np.zeros(a.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(a @ w, -30, 30)))
        gradient = a.T @ (weight * (p - y)) + ridge * w
        hessian = (a * (weight * p * (1 - p))[:, None]).T @ a + ridge * np.eye(len(w))
        w -= np.linalg.solve(hessian, gradient)
    return w[:-1] / std, float(w[-1] - (w[:-1] * mean / std).sum())


def curve_of(p: Pairs, whose: np.ndarray, chosen: np.ndarray) -> dict[str, object]:
    """A curve over the chosen pairs, and a threshold; of several kinds of pictures the one that scores lowest sets it.

    Which of our drawings a picture shows is left out: it is anybody's picture.
    """
    features, right, whose = p.features[chosen, :-KNOWN], p.right[chosen], whose[chosen]
    weights, bias = logistic(features, right, scene=whose > 0)
    scores = 1 / (1 + np.exp(-(features @ weights + bias)))
    kinds = [(right & (whose == k), share) for k, share in enumerate(FALSE_REJECTIONS)]
    threshold = min(float(np.quantile(scores[k], share)) for k, share in kinds if k.sum() >= LEAST_PICTURES)
    return written(np.append(weights, [0.0] * KNOWN), bias, (threshold, EASED * threshold), scores, right)


def own_curve(p: Pairs, mildly: float = MILD) -> dict[str, object]:
    """The curve of a class of our own scenes, of whose right prompts the default may reject the share ``mildly``."""
    keep = ~p.doubtful
    features, right = p.features[keep], p.right[keep]
    weights, bias = logistic(features, right)
    scores = 1 / (1 + np.exp(-(features @ weights + bias)))
    strict, mild = (float(np.quantile(scores[right], share)) for share in (FALSE_REJECTIONS[1], mildly))
    return written(weights, bias, (strict, mild), scores, right)


def written(
    weights: np.ndarray, bias: float, limits: tuple[float, float], scores: np.ndarray, right: np.ndarray
) -> dict[str, object]:
    """A curve with its two thresholds, and what it did where it was made."""
    threshold, mild = limits
    made = {
        "right": int(right.sum()),
        "wrong": int((~right).sum()),
        "auc": round(auc(scores[right], scores[~right]), 4),
        "wrong_caught": round(float((scores[~right] < threshold).mean()), 4),
        "wrong_caught_by_default": round(float((scores[~right] < mild).mean()), 4),
    }
    return {
        "weights": [round(float(w), 5) for w in weights],
        "bias": round(bias, 5),
        "threshold": round(threshold, 5),
        "mild": round(mild, 5),
        "made": made,
    }


def together(one: Pairs, other: Pairs) -> tuple[Pairs, np.ndarray]:
    """Icons and scenes as one, and whose each pair is: 0 an icon's, 1 a scene's, 2 a scene's of a situation never taught."""
    both = Pairs(*(np.concatenate([getattr(one, f.name), getattr(other, f.name)]) for f in fields(Pairs)))
    whose = np.repeat([0, 1], [len(one.right), len(other.right)])
    # A curve is not taught that a prompt is wrong that is true of the picture.
    keep = ~both.doubtful
    both, whose = Pairs(*(getattr(both, f.name)[keep] for f in fields(Pairs))), whose[keep]
    return both, np.where((whose == 1) & (both.marks == "unseen situation"), 2, whose)


def subgroups(modules: Path) -> dict[str, str]:
    """Emoji label, as words → CLDR subgroup."""
    names = json.loads((modules / "emojibase-data/meta/groups.json").read_text())["subgroups"]
    found = json.loads((modules / "emojibase-data/en/data.json").read_text())
    return {" ".join(words_of(e["label"])): names[str(e["subgroup"])] for e in found if "subgroup" in e}


def labelled(
    clip: miniclip.MiniClip, shards: Path, sets: tuple[str, ...], groups: dict[str, str]
) -> tuple[np.ndarray, list[str]]:
    """Vectors of the sets' icons whose names are emoji labels, and their subgroups."""
    vectors, labels = [], []
    for name in sets:
        with np.load(shards / f"{name}.npz") as data:
            keys = [" ".join(words_of(c)) for c in data["captions"].tolist()]
            rows = [i for i, k in enumerate(keys) if k in groups]
            vectors.append(encode(clip, data["images"][rows]))
            labels += [groups[keys[i]] for i in rows]
    return np.concatenate(vectors), labels


def filter_scores(vectors: np.ndarray, wordings: np.ndarray, sample: dict[str, np.ndarray]) -> np.ndarray:
    """Each picture's best wording, in deviations over the sample's mean prompt, as judge.fit has them of views (n, 5, 256)."""
    base = vectors @ sample["prompts"].T
    over = ((vectors @ wordings.T) - base.mean(2, keepdims=True)) / base.std(2, keepdims=True)
    best: np.ndarray = ((over[:, 0] + over[:, 1:].mean(1)) / 2).max(1)
    return best


def filters(clip: miniclip.MiniClip, folder: Path, data: Path, modules: Path) -> dict[str, object]:
    """Set each labelled filter's curve on training emoji, and tell what it does on a held-out set."""
    compiled = json.loads((folder / "taxonomy.json").read_text())
    asked = yaml.safe_load(TAXONOMY.read_text())["filters"]
    wordings, sample, groups = (
        np.load(folder / "filters.npz")["vectors"].astype(np.float32),
        clip.sample(),
        subgroups(modules),
    )
    train, train_labels = labelled(
        clip, data / "shards", ("train-twemoji", "train-fluent-emoji-flat", "train-noto", "train-noto-v1"), groups
    )
    test, test_labels = labelled(clip, data / "shards", ("test-emojione",), groups)
    told: dict[str, object] = {}
    usual = defaultdict(list)
    for name, entry in compiled["filters"].items():
        wanted = set(asked[name].get("labels", ()))
        y = np.array([g in wanted for g in train_labels])
        if "rows" not in entry or y.sum() < 5:
            continue
        # The direction from all pictures to the labelled ones tells more than the wordings do; it takes their place.
        flat = train.mean(1)
        shown = flat[y].mean(0) - flat.mean(0)
        shown /= np.linalg.norm(shown)
        entry["rows"] = [len(wordings)]
        wordings = np.vstack([wordings, shown[None]])
        rows = wordings[entry["rows"]]
        weight, bias = logistic(filter_scores(train, rows, sample)[:, None], y, 1e-4)
        steep = max(0.3, float(weight[0]))
        entry["middle"], entry["steepness"] = round(-bias / steep, 3), round(steep, 3)
        usual["middle"].append(entry["middle"])
        usual["steepness"].append(entry["steepness"])
        z, truth = filter_scores(test, rows, sample), np.array([g in wanted for g in test_labels])
        if truth.sum():
            held = z >= entry["middle"]
            told[name] = {"examples": int(truth.sum()), "auc": round(auc(z[truth], z[~truth]), 3),
                "found": round(float(held[truth].mean()), 3), "false_alarms": round(float(held[~truth].mean()), 4)}  # fmt: skip
    for entry in compiled["filters"].values():
        if "rows" in entry and "middle" not in entry:
            entry["middle"], entry["steepness"] = (
                round(float(np.median(usual[k])), 3) for k in ("middle", "steepness")
            )
    np.savez(folder / "filters.npz", vectors=wordings.astype(np.float16))
    (folder / "taxonomy.json").write_text(json.dumps(compiled, indent=1, ensure_ascii=False) + "\n")
    return told


def own_curves(clip: miniclip.MiniClip, words: Words, folder: Path) -> dict[str, object]:
    """The curve of every class of our own scenes that can be told apart; the others are said, and left out."""
    part, groups = drawn(clip, folder)
    out: dict[str, object] = {}
    for name in np.unique(part.sets):
        rows = np.flatnonzero(part.sets == name)
        some = Part(part.vectors[rows], part.sets[rows], [part.prompts[i] for i in rows], part.marks[rows])
        found = pairs(some, words, clip.sample(), [], [groups[i] for i in rows], each=WRONG)
        made = own_curve(found, MILD_DARK if str(name).endswith("-dark") else MILD)
        print(name, len(rows), json.dumps(made))
        if made["made"]["auc"] >= TOLD_APART:  # type: ignore[index]
            out[str(name)] = made
    return out


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--modules", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=miniclip.FOLDER)
    parser.add_argument(
        "--own", action="store_true", help="set the curves of our own scenes alone, and keep the others"
    )
    parser.add_argument("--curves", action="store_true", help="set every curve, and keep what is set of filters")
    args = parser.parse_args()
    clip = miniclip.MiniClip(args.out)
    kept = json.loads((args.out / "calibration.json").read_text()) if args.own or args.curves else {}
    if args.own:
        kept["classes"] = {k: v for k, v in kept["classes"].items() if not k.startswith("composed")}
        kept["classes"] |= own_curves(clip, Words(clip, args.data / "text"), args.data / "runs")
        kept["revision"] = miniclip.revision(args.out)
        (args.out / "calibration.json").write_text(json.dumps(kept, indent=1) + "\n")
        return
    words, sample = Words(clip, args.data / "text"), clip.sample()
    part = icons(clip, args.data / "shards", "calibrate")
    icon = pairs(part, words, sample, part.prompts, part.prompts)
    scene, situations = scenes(clip, args.data / "scenes", "calibrate")
    illustration = pairs(scene, words, sample, part.prompts, situations, each=8)
    both, whose = together(icon, illustration)
    near = both.small
    classes = {
        "icon": curve_of(both, whose, whose == 0),
        "illustration": curve_of(both, whose, whose > 0),
        "drawing": curve_of(both, whose, ~near),
        "scene": curve_of(both, whose, near),
        **own_curves(clip, words, args.data / "runs"),
    }
    told = kept["filters"] if args.curves else filters(clip, args.out, args.data, args.modules)
    found = {"revision": miniclip.revision(args.out), "classes": classes, "filters": told}
    (args.out / "calibration.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(classes, indent=1))


if __name__ == "__main__":
    main()
