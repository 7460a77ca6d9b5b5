"""One table of what each gate does on held-out data: ``python -m benchmarks.gates`` writes GATES.md from the JSON results.

Each gate's own benchmark leaves its results beside this file (`SOURCES`); nothing is measured here, so the same results
give the same page. What is not there is said to be absent.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent


class Source(NamedTuple):
    """A file of results: the command that makes it, what it was measured on, the parts left out, and targets.

    ``wanted`` maps a row's name to (sign, limit).
    """

    file: str
    command: str
    data: str
    left_out: frozenset[str]
    wanted: Mapping[str, tuple[str, float]]


# Parts that say more than one table can hold, or are no rates. They stay in the JSON.
_DETAILS = frozenset(
    {"by set", "by mark", "by damage", "by class", "by kind", "filters on unseen emoji", "look-ups", "reasons", "seconds",
     "weights", "flags", "rejected damaged pictures", "rejected by"}
)  # fmt: skip
_FEW = ("<=", 0.005)
SOURCES: dict[str, Source] = {
    "moderate": Source(
        "gates_moderate.json",
        "python -m benchmarks.gates_moderate --pictures 5000 --photos FOLDER --out benchmarks/gates_moderate.json",
        "Harmless pictures only: false alarms. Icons of the packaged set in six weights, scenes and avatars that were "
        "composed, photographs of installed packages. How much of what is unsafe is found is not measured.",
        _DETAILS,
        {"icons: share": _FEW, "scenes and avatars: share": _FEW, "photographs: share": _FEW},
    ),
    "semantic": Source(
        "gates_semantic.json",
        "PYTHONPATH=.:training/clip python -m benchmarks.gates_semantic --data .training",
        "Icon sets, situations and wordings that training never saw (`training/clip/split.yaml`); half of the wrong "
        "prompts come from the same set. Without wrong prompts that are true: see true_of_scene in "
        "`training/clip/evaluate.py`. Composed scenes are judged with the composer's own knowledge of what prompts call "
        "for; held out of the knowledge: the same without the entries of situations that training never saw and without the "
        "held-out wordings.",
        _DETAILS | {"without them, by mark", "runs of compose", "runs of compose, dark"},
        {
            "icons of unseen sets, all: auc": (">=", 0.97),
            "composed scenes, all: auc": (">=", 0.98),
            "composed scenes, held out of the knowledge, all: auc": (">=", 0.98),
        },
    ),
    "aesthetic": Source(
        "gates_aesthetic.json",
        "PYTHONPATH=.:training/aesthetic python benchmarks/gates_aesthetic.py --data .training",
        "Pairs of a clean picture and its damaged version, of icon sets and situations that training never saw.",
        _DETAILS,
        {"combined score, all: share": (">=", 0.95)},
    ),
    "moderate: weapons, drugs, hate symbols, gore by the embedded encoder": Source(
        "gates_concepts.json",
        "python -m benchmarks.gates_concepts --sets FOLDER --out benchmarks/gates_concepts.json",
        "The share found of icons of Iconify sets, at limits that 0.5 % of the harmless icons and scenes reach. It is too "
        "little for a gate, so the scores are recorded and do not judge.",
        _DETAILS,
        {"false alarms: share": ("<=", 0.005)},
    ),
    "identity": Source(
        "gates_identity.json",
        "python -m benchmarks.photos FOLDER && python -m benchmarks.gates_identity FOLDER --out benchmarks/gates_identity.json",
        "Pairs among 28 faces of the sample photographs of packages, so pairs are not independent and the intervals too "
        "narrow. A row is a limit on the distance: of pairs of different people, the share taken for one person; of pairs of "
        "one man, the share that is not.",
        _DETAILS,
        {},
    ),
    "a whole run, and shuffled prompts": Source(
        "end_to_end.json",
        "python -m benchmarks.end_to_end",
        "A hundred prompts written for this check, one picture each; the semantic gate as a run judges by it.",
        _DETAILS,
        {},
    ),
}


class Row(NamedTuple):
    """One rate: what it is of, its value and 95 % interval (None where none is stated), and how many it was counted on."""

    name: str
    value: float
    interval: tuple[float, float] | None
    count: int | None


def rows(found: Any, left_out: frozenset[str], at: tuple[str, ...] = ()) -> Iterator[Row]:
    """Every rate in a document of results, in its own order.

    A rate is a list [value, low, high] or [hits, total, value, low, high], or a mapping with "interval" [low, high] and the
    one number that lies within it.
    """
    if not isinstance(found, dict):
        return
    bounds = _numbers(found.get("interval"), 2)
    for key, value in found.items():
        if key in left_out or key == "interval":
            continue
        triple = _numbers(value, 3)
        counted = _counted(value)
        if counted is not None:
            yield Row(_name(at, key), counted[1], (counted[2], counted[3]), int(counted[0]))
        elif triple is not None and triple[1] <= triple[0] <= triple[2]:
            yield Row(_name(at, key), triple[0], (triple[1], triple[2]), _count(found))
        elif bounds is not None and isinstance(value, float) and bounds[0] - 1e-4 <= value <= bounds[1] + 1e-4:
            yield Row(_name(at, key), value, (bounds[0], bounds[1]), _count(found))
        else:
            yield from rows(value, left_out, (*at, str(key)))


def _numbers(value: Any, count: int) -> Sequence[float] | None:
    """``value`` if it is a list of so many shares."""
    if not isinstance(value, list) or len(value) != count:
        return None
    return value if all(isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v <= 1 for v in value) else None


def _counted(value: Any) -> tuple[int, float, float, float] | None:
    """(total, value, low, high) of a list that counts hits first."""
    if not isinstance(value, list) or len(value) != 5 or not all(isinstance(n, int) for n in value[:2]):
        return None
    rest = _numbers(value[2:], 3)
    fits = rest is not None and 0 <= value[0] <= value[1] and rest[1] <= rest[0] <= rest[2]
    return (value[1], rest[0], rest[1], rest[2]) if fits and rest is not None else None


def _name(at: Sequence[str], key: str) -> str:
    return f"{', '.join(at)}: {key.replace('_', ' ')}" if at else key.replace("_", " ")


def _count(found: Mapping[str, Any]) -> int | None:
    """How many pictures, pairs or the like a mapping counts."""
    for key in ("pictures", "pairs", "people"):
        if isinstance(found.get(key), int):
            return int(found[key])
    if isinstance(found.get("right"), int) and isinstance(found.get("wrong"), int):
        return int(found["right"]) + int(found["wrong"])
    return None


def section(gate: str, source: Source, folder: Path) -> str:
    """One gate's part of the page."""
    lines = [f"## {gate}", "", source.data, "", f"Made by `{source.command}`.", ""]
    path = folder / source.file
    if not path.is_file():
        return "\n".join([*lines, f"**Absent**: `{source.file}` is not there, so nothing is claimed.", ""])
    found = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(found.get("revision"), str):
        lines += [f"Revision `{found['revision']}`.", ""]
    lines += ["| measured | value | 95 % interval | counted on | wanted |", "| --- | --- | --- | --- | --- |"]
    listed = list(rows(found, source.left_out))
    for row in listed:
        between = f"{row.interval[0]:.4f} to {row.interval[1]:.4f}" if row.interval is not None else ""
        count = f"{row.count:,}" if row.count is not None else ""
        lines.append(f"| {row.name} | {row.value:.4f} | {between} | {count} | {_held(row, source.wanted)} |")
    unmet = [name for name in source.wanted if name not in {row.name for row in listed}]
    lines += [f"| {name} | absent |  |  | {_limit(source.wanted[name])}: **not measured** |" for name in unmet]
    return "\n".join([*lines, ""])


def _held(row: Row, wanted: Mapping[str, tuple[str, float]]) -> str:
    if row.name not in wanted:
        return ""
    sign, limit = wanted[row.name]
    met = row.value >= limit if sign == ">=" else row.value <= limit
    return f"{_limit((sign, limit))}: {'met' if met else '**missed**'}"


def _limit(wanted: tuple[str, float]) -> str:
    return f"{wanted[0]} {wanted[1]:g}"


def page(folder: Path = HERE) -> str:
    """The whole page, as Markdown."""
    head = (
        "# What the gates do on held-out data\n\nMade by `python -m benchmarks.gates` out of the results that each gate's own "
        "benchmark leaves in this folder. Shares and areas under ROC curves are within 0 and 1; details are in the JSON files.\n"
    )
    return "\n".join([head, *(section(gate, source, folder) for gate, source in SOURCES.items())])


def main() -> int:
    """Write the page, or with --check say whether it is up to date (1 where it is not)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="Write nothing; fail where GATES.md is out of date.")
    made, target = page(), HERE / "GATES.md"
    if parser.parse_args().check:
        return 0 if target.is_file() and target.read_text(encoding="utf-8") == made else 1
    target.write_text(made, encoding="utf-8")
    print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
