"""A hundred prompts through every stage: how many runs pass, and whether a picture held against another's prompt is caught.

    python -m benchmarks.end_to_end [--out benchmarks/end_to_end.json]

Each prompt is drawn once, from a seed of its own, and goes through validate, generate, moderate, semantic and quality with
the embedded defaults. Then the semantic gate judges each picture by its own prompt and by another's, as it does in a run:
the prompts are shuffled once, by a fixed seed, so that none stays in its place; then the same with each drawn for a dark
surface. The prompts were written for this check
and have no part in training. Nothing here is timed, so the same code and weights give the same file.
The area's interval takes pairs for independent, though each picture stands in a hundred of them.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imajin_cli.calibration.statistics import area, share
from imajin_cli.config.layers import load_settings
from imajin_cli.contract.calibration import Rate
from imajin_cli.contract.sidecar import Request
from imajin_cli.contract.stage import Asset
from imajin_cli.run.assets import Entry, request_entry
from imajin_cli.run.bind import bind
from imajin_cli.run.execute import Memory, Result, process
from imajin_cli.stages.backends.miniclip import revision
from imajin_cli.stages.semantic import Semantic, SemanticParams
from imajin_cli.stages.semantics.judge import agreeing, composed_class, curve, fit, has_curve, known
from imajin_cli.stages.semantics.seen import Seen, drawings, meaning, names, planes_of

STAGES = ("validate", "generate", "moderate", "semantic", "quality")
CLASSES = ("composed",)
SIDE = 512
PROMPTS = Path(__file__).with_name("end_to_end.txt")


def prompts() -> list[str]:
    """The prompts, one a line; each is another."""
    found = [line.strip() for line in PROMPTS.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(set(found)) == len(found)
    return found


def shuffled(count: int, seed: int = 4) -> list[int]:
    """A shuffled order in which nothing stays in its place (Sattolo's algorithm: one cycle)."""
    order, stream = list(range(count)), random.Random(seed)
    for i in range(count - 1, 0, -1):
        j = stream.randrange(i)
        order[i], order[j] = order[j], order[i]
    return order


def run(prompt: str, seed: int, stages: Sequence[str] = STAGES, theme: str = "light") -> tuple[Result, Entry | None]:
    """A whole run in memory: where it ended, and the picture if there was one."""
    settings = load_settings(use_files=False)
    entry = request_entry(Request(prompt=prompt, seed=seed, size=[f"{SIDE}x{SIDE}"]), prompt)
    drawn: Entry | None = None
    result = Result(entry, "passed")
    for name in stages:
        (result,) = process(bind(name, settings, {"generate": {"theme": theme}}), result.entry, Memory())
        drawn = result.entry if name == "generate" else drawn
        if not result.passed:
            break
    return result, drawn


def judged(entries: Sequence[Entry], texts: Sequence[str], *, strict: bool = False) -> int:
    """How many pictures the gate passes when each is held against its text; ``strict`` is with `judge` always."""
    stage = Semantic(SemanticParams(judge="always" if strict else "auto"))
    passed = 0
    for entry, text in zip(entries, texts, strict=True):
        known = entry.sidecar.model_copy(update={"request": Request(prompt=text)})
        passed += stage.apply(Asset(known, entry.asset.picture)).status == "passed"
    return passed


def probabilities(entries: Sequence[Entry], texts: Sequence[str]) -> np.ndarray:
    """Each picture's probability by each text, (pictures, texts)."""
    meanings = [(*meaning(text), drawings(text)) for text in texts]
    rows = []
    for entry in entries:
        assert entry.asset.picture is not None
        seen = Seen(planes_of(entry.asset.picture.image))
        views, sample, shown, drawn, named = seen.views, seen.sample, seen.shown, seen.drawn, seen.named
        made = curve(class_of(entry), revision())
        fits = [
            fit(vector, views, sample, (*agreeing(called_for, *shown), *known(names(vector), named), *known(wanted, *drawn)))
            for vector, called_for, wanted in meanings
        ]
        rows.append([made.probability(found.features) for found in fits])
    return np.array(rows)


def class_of(entry: Entry) -> str:
    """The class of our own scenes that a drawing is of; the usual one for a layout that has no curve."""
    found = composed_class(str(entry.sidecar.stages[-1].notes["layout"]))
    return found if has_curve(found) else CLASSES[0]


def measure() -> dict[str, Any]:
    """The results as JSON."""
    asked = prompts()
    runs = [run(prompt, seed) for seed, prompt in enumerate(asked)]
    rejected = Counter(f"{result.stage} ({int(result.code)})" for result, _ in runs if not result.passed)
    kept = [(entry, prompt) for (_, entry), prompt in zip(runs, asked, strict=True) if entry is not None]
    entries, own = [entry for entry, _ in kept], [prompt for _, prompt in kept]
    other = [own[i] for i in shuffled(len(own))]
    dark = [entry for seed, prompt in enumerate(asked) if (entry := run(prompt, seed, ("generate",), "dark")[1])]
    moved = [asked[i] for i in shuffled(len(asked))]
    found = probabilities(entries, own)
    right, wrong = np.diag(found), found[~np.eye(len(own), dtype=bool)]
    places = (found > right[:, None]).sum(1)
    return {
        "revision": revision(),
        "thresholds": {name: round(curve(name, revision()).mild, 5) for name in CLASSES},
        "runs that pass": _told(share(sum(result.passed for result, _ in runs), len(runs)), len(runs)),
        "rejected by": dict(sorted(rejected.items())),
        "own prompt passes": _told(share(judged(entries, own), len(own)), len(own)),
        "shuffled prompt is rejected": _told(share(len(own) - judged(entries, other), len(own)), len(own)),
        "own prompt passes a strict judge": _told(share(judged(entries, own, strict=True), len(own)), len(own)),
        "shuffled prompt is rejected by a strict judge": _told(
            share(len(own) - judged(entries, other, strict=True), len(own)), len(own)
        ),
        "dark, own prompt passes": _told(share(judged(dark, asked), len(asked)), len(asked)),
        "dark, shuffled prompt is rejected": _told(share(len(asked) - judged(dark, moved), len(asked)), len(asked)),
        "own against all other prompts": {"auc": _rounded(area(right.tolist(), wrong.tolist())), "pictures": len(own)},
        "own prompt is the best of all": _told(share(int((places == 0).sum()), len(own)), len(own)),
        "own prompt is among the best five": _told(share(int((places < 5).sum()), len(own)), len(own)),
    }


def _told(rate: Rate, count: int) -> dict[str, Any]:
    return {"share": _rounded(rate), "pictures": count}


def _rounded(rate: Rate) -> list[float]:
    return [round(value, 4) for value in (rate.value, rate.low, rate.high)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    found = measure()
    parser.parse_args().out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, value in found.items():
        print(f"{name:36s} {value}")


if __name__ == "__main__":
    main()
