"""What `imajin classify` makes of requests that its heads never saw (classify.tsv): accuracy by language, and calibration.

    python -m benchmarks.classify [TABLE] [--wrong]

Calibration is the expected calibration error in ten bins of equal width (Naeini et al. 2015). ``--wrong`` lists what was
taken for something else.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

TABLE = Path(__file__).with_suffix(".tsv")
BINS = 10
ASPECTS = ("kind", "style", "theme", "maturity")


class Row(NamedTuple):
    """One labelled request; ``words`` are those to set into the picture, or empty."""

    language: str
    kind: str
    style: str
    theme: str
    maturity: str
    words: str
    request: str


class Answer(NamedTuple):
    """One answer to a row: what was said, how sure, and whether it is right."""

    row: Row
    aspect: str
    value: str
    probability: float

    @property
    def right(self) -> bool:
        """Whether the answer is what the row says."""
        return self.value == getattr(self.row, self.aspect)


def rows(table: Path = TABLE) -> list[Row]:
    """The labelled requests of a table."""
    lines = table.read_text(encoding="utf-8").splitlines()
    return [Row(*line.split("\t")) for line in lines if line and not line.startswith("#")]


def answers(table: Path = TABLE) -> Iterator[Answer]:
    """What is answered to every row, aspect by aspect."""
    from imajin_cli.stages.classification.classify import classify

    for row in rows(table):
        found = classify(row.request)
        for aspect in (*ASPECTS, "language"):
            guess = getattr(found, aspect)
            yield Answer(row, aspect, guess.value, guess.probability)
        text = found.text
        yield Answer(row, "words", "" if text is None else text.value, 1.0 if text is None else text.probability)


def accuracy(found: Sequence[Answer]) -> float:
    """Share of right answers, NaN for none."""
    return sum(answer.right for answer in found) / len(found) if found else float("nan")


def calibration_error(found: Sequence[Answer]) -> float:
    """Expected calibration error: how far probability and accuracy are apart, bin by bin, weighed by the bins' sizes."""
    bins: list[list[Answer]] = [[] for _ in range(BINS)]
    for answer in found:
        bins[min(BINS - 1, int(answer.probability * BINS))].append(answer)
    off = (abs(sum(a.probability for a in b) / len(b) - accuracy(b)) * len(b) for b in bins if b)
    return sum(off) / len(found)


def measure(table: Path = TABLE) -> dict[str, float]:
    """Accuracy in per cent and calibration error, over the table."""
    started = time.perf_counter()
    found = list(answers(table))
    took = time.perf_counter() - started
    kinds = [answer for answer in found if answer.aspect == "kind"]
    languages = list(dict.fromkeys(answer.row.language for answer in kinds))
    result = {"requests": float(len(kinds))}
    result["kind, English, % right"] = 100 * accuracy([a for a in kinds if a.row.language == "en"])
    others = {name: 100 * accuracy([a for a in kinds if a.row.language == name]) for name in languages if name != "en"}
    result["kind, least of the other languages, % right"] = min(others.values())
    result |= {f"kind, {name}, % right": value for name, value in others.items()}
    for aspect in (*ASPECTS[1:], "language", "words"):
        result[f"{aspect}, % right"] = 100 * accuracy([a for a in found if a.aspect == aspect])
    said = [a for a in found if a.aspect in ("style", "theme") and getattr(a.row, a.aspect) != "unsaid"]
    result["style or theme where one is asked for, % right"] = 100 * accuracy(said)
    mature = [a for a in found if a.aspect == "maturity" and a.row.maturity == "mature"]
    if mature:
        result["maturity where it is mature, % right"] = 100 * accuracy(mature)
    result["kind, expected calibration error"] = calibration_error(kinds)
    result["style, expected calibration error"] = calibration_error([a for a in found if a.aspect == "style"])
    result["ms a request"] = 1000 * took / len(kinds)
    return result


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", type=Path, default=TABLE)
    parser.add_argument("--wrong", action="store_true", help="list what was taken for something else")
    given = parser.parse_args()
    for name, value in measure(given.table).items():
        print(f"{name}: {value:.3g}")
    for answer in answers(given.table) if given.wrong else ():
        if not answer.right:
            row, wanted = answer.row, getattr(answer.row, answer.aspect)
            said = f"{answer.value} {answer.probability:.2f}"
            print(f"{answer.aspect}: {said}, not {wanted}: [{row.language}] {row.request}")


if __name__ == "__main__":
    main()
