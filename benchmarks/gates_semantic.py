"""The semantic gate on held-out icon sets and composed scenes: AUC with intervals, what the thresholds do, time a picture.

    PYTHONPATH=.:training/clip python -m benchmarks.gates_semantic --data .training [--out benchmarks/gates_semantic.json]

The data comes from the recipe (training/clip/README.md); which sets, situations and wordings are held out stands in
training/clip/split.yaml, what a wrong prompt is in training/clip/evaluate.py.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from evaluate import Pairs, Words, auc, icon_names, icons, pairs, report, scenes, unlearnt
from scenes import held, lines

from benchmarks.end_to_end import run
from imajin_cli.contract.sidecar import Request
from imajin_cli.contract.stage import Asset
from imajin_cli.stages.backends import compose
from imajin_cli.stages.backends.miniclip import MiniClip, revision
from imajin_cli.stages.imaging.metrics.planes import Planes
from imajin_cli.stages.scene.choose import Manner
from imajin_cli.stages.scene.wish import KNOWLEDGE
from imajin_cli.stages.semantic import Semantic, SemanticParams
from imajin_cli.stages.semantics.judge import calibration, curve, has_curve
from imajin_cli.stages.semantics.look import canvas_of, reduced
from imajin_cli.stages.semantics.seen import meaning, views_of

ROOT = Path(__file__).resolve().parents[1]


def judged(p: Pairs, name: str) -> dict[str, Any]:
    """The report of one class by its calibrated curve, and the bare cosine's AUC beside it."""
    near = p.small
    logits = np.empty(len(near))
    kinds = np.where(near, "scene", "drawing") if name == "auto" else np.full(len(near), name)
    if name == "composed":
        kinds = p.classes.copy()
        kinds[[not has_curve(str(kind)) for kind in kinds]] = "composed"
    for kind in np.unique(kinds):
        chosen, made = kinds == kind, curve(str(kind), revision())
        limit = float(np.log(made.threshold / (1 - made.threshold)))
        logits[chosen] = p.features[chosen] @ np.array(made.weights) + made.bias - limit
    found = report(logits, 0.0, p)
    found["seen from nearer"] = round(float(near[p.right].mean()), 4)
    found["auc of the bare cosine"] = round(auc(p.features[p.right, 0], p.features[~p.right, 0]), 4)
    return found


def unread(clip: MiniClip, data: Path, words: Words) -> Words:
    """The prompts' meanings where the knowledge lacks what is held out: situations, and the last wording of the others."""
    bound = yaml.safe_load((ROOT / "training/clip/split.yaml").read_text())["scenes"]
    found = Words(clip, data / "text", unlearnt(lambda name: held(name, bound["situations"]), set(lines(bound)[1])))
    found.raw = words.raw
    return found


def seconds(clip: MiniClip) -> dict[str, float]:
    """Median seconds to square and encode a 512-pixel scene in all views, and to tell what a text calls for, one thread."""
    made, _ = compose.scene(compose.Order("an empty inbox", 1, 512, 512, Manner()))
    image = compose.picture(made.vector, 512, 512).image
    looked, encoded, told = [], [], []
    meaning("warm")
    for at in range(15):
        start = time.perf_counter()
        canvas = canvas_of(Planes(reduced(image)))
        assert canvas is not None
        middle = time.perf_counter()
        views_of(*canvas, clip)
        end = time.perf_counter()
        meaning(f"prompt number {at}")
        looked.append(middle - start)
        encoded.append(end - middle)
        told.append(time.perf_counter() - end)
    names = ("look", "encode", "text")
    return {n: round(float(np.median(v)), 4) for n, v in zip(names, (looked, encoded, told), strict=True)}


def asked() -> list[tuple[str, str, str]]:
    """Prompts of the matcher's own test with their language and situation, and every thirtieth thing by its name."""
    lines = (ROOT / "tests/data/match_prompts.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    concepts = json.loads(KNOWLEDGE.read_text())["concepts"]
    names = [(concept["title"], "things", concept["name"]) for concept in concepts[::30]]
    return [(row[4], row[2], row[3]) for row in rows] + names


def runs(theme: str) -> dict[str, Any]:
    """What the gate does, as it stands by default, to what `generate` draws for prompts in a theme, and to the same with
    prompts moved on.

    Only prompts that the composer is sure of count: for the others it draws something plain, and says so.
    """
    prompts = [row for row in asked() if compose.matched(row[0]).label == "strong"]
    right: dict[str, list[tuple[float, bool]]] = {}
    wrong: dict[str, list[tuple[float, bool]]] = {}
    gate = Semantic(SemanticParams())
    for at, (prompt, language, situation) in enumerate(prompts):
        drawn = run(prompt, at, ("generate",), theme)[1]
        assert drawn is not None
        other = next(
            row for row in prompts[at + 37 :] + prompts if not set(row[2].split("|")) & set(situation.split("|"))
        )
        for found, text in ((right, prompt), (wrong, other[0])):
            meant = drawn.sidecar.model_copy(update={"request": Request(prompt=text)})
            done = gate.apply(Asset(meant, drawn.asset.picture))
            result = (float(done.scores[0].value or 0), done.status != "rejected")
            for name in ("all", language):
                found.setdefault(name, []).append(result)
    return {name: _rates(right[name], wrong[name]) for name in sorted(right)}


def _rates(right: list[tuple[float, bool]], wrong: list[tuple[float, bool]]) -> dict[str, float]:
    return {
        "prompts": len(right),
        "auc": round(auc(np.array([v for v, _ in right]), np.array([v for v, _ in wrong])), 4),
        "passed": round(sum(p for _, p in right) / len(right), 4),
        "moved on, rejected": round(1 - sum(p for _, p in wrong) / len(wrong), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    parser.add_argument("--own", action="store_true", help="our own scenes alone; what is told of icons is kept")
    args = parser.parse_args()
    clip = MiniClip()
    words, sample = Words(clip, args.data / "text"), clip.sample()
    found: dict[str, Any] = json.loads(args.out.read_text()) if args.own else {}
    found["revision"] = revision()
    if not args.own:
        part = icons(clip, args.data / "shards", "test")
        icon = pairs(part, words, sample, part.prompts, part.prompts)
        found["icons of unseen sets"] = judged(icon, "icon")
        found["icons of unseen sets, class auto"] = judged(icon, "auto")
    scene, situations = scenes(clip, args.data / "scenes", "test")
    others = icon_names(args.data / "shards", "test")
    illustration = pairs(scene, words, sample, others, situations, each=8)
    untold = pairs(scene, unread(clip, args.data, words), sample, others, situations, each=8)
    found["composed scenes"] = judged(illustration, "composed")
    found["composed scenes, held out of the knowledge"] = judged(untold, "composed")
    found["composed scenes, class auto"] = judged(illustration, "auto")
    found |= {"filters on unseen emoji": calibration()["filters"], "seconds": seconds(clip)}
    found |= {"runs of compose": runs("light"), "runs of compose, dark": runs("dark")}
    args.out.write_text(json.dumps(found, indent=1) + "\n")
    for name in [key for key in found if key.startswith(("icons", "composed"))]:
        for key in ("all", "wrong of the same set", "wrong from anywhere"):
            print(f"{name:22s} {key:22s} {found[name][key]}")
        for key in ("by set", "by mark"):
            for value, rates in found[name][key].items():
                print(f"{name:22s} {value:22s} {rates}")


if __name__ == "__main__":
    main()
