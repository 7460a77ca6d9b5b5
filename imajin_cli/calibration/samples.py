"""Labelled pictures: a folder with `pass` and `fail` in it, or a CSV or JSONL file of file, label, class and prompt."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imajin_cli.contract.calibration import ANY
from imajin_cli.contract.errors import InputError
from imajin_cli.run.reading import read_bytes

MAX_SAMPLES = 100_000
MAX_TABLE_BYTES = 64 << 20
MAX_PROMPT = 100_000
_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".ico", ".svg")
_COLUMNS = ("file", "label", "class", "prompt")
_LABELS = {"pass": True, "fail": False}


@dataclass(frozen=True)
class Sample:
    """A picture, whether it is to pass, its asset class (None where nobody said), and the prompt to hold it against."""

    path: Path
    good: bool
    asset_class: str | None = None
    prompt: str | None = None


def read_samples(source: Path, asset_class: str) -> list[Sample]:
    """The labelled pictures of one asset class. Raises InputError where ``source`` holds none, or is malformed."""
    if source.is_dir():
        found = list(_of_folder(source))
    elif source.suffix.lower() in (".csv", ".jsonl"):
        found = list(_of_table(source))
    else:
        hint = "give a folder with pass/ and fail/, or a .csv or .jsonl file with file and label"
        raise InputError(
            f"{source}: {'not a folder or a table' if source.exists() else 'no such file or folder'}", hint=hint
        )
    if len(found) > MAX_SAMPLES:
        raise InputError(f"{source}: more than {MAX_SAMPLES:,} pictures")
    classes = sorted({one.asset_class for one in found if one.asset_class is not None})
    mine = [one for one in found if asset_class == ANY or one.asset_class in (None, asset_class)]
    if found and not mine:
        raise InputError(f"{source}: no picture is of the class {asset_class}", hint=f"there are: {', '.join(classes)}")
    for label, good in _LABELS.items():
        if not any(one.good is good for one in mine):
            raise InputError(f"{source}: no picture is labelled {label}: both labels are needed")
    return mine


def _of_folder(folder: Path) -> Iterator[Sample]:
    """Pictures below `pass` and `fail`, sorted; hidden files and sidecars are no pictures."""
    for label, good in _LABELS.items():
        place = folder / label
        if not place.is_dir():
            raise InputError(f"{place}: no such folder", hint="put good pictures into pass/ and bad ones into fail/")
        for root, folders, names in os.walk(place):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if name.lower().endswith(_ENDINGS) and not name.startswith("."):
                    yield Sample(Path(root) / name, good)


def _of_table(path: Path) -> Iterator[Sample]:
    """The rows of a table; a file is looked for from the table's own folder. Raises InputError with the line."""
    try:
        text = read_bytes(path, MAX_TABLE_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8") from None
    rows = _csv_rows(path, text) if path.suffix.lower() == ".csv" else _jsonl_rows(path, text)
    labels: dict[str, bool] = {}
    for line, row in rows:
        sample = _sample(path.parent, row, f"{path}:{line}")
        before = labels.setdefault(os.path.normpath(sample.path), sample.good)
        if before is not sample.good:
            raise InputError(f"{path}:{line}: {sample.path} is labelled both pass and fail")
        yield sample


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        missing = [name for name in ("file", "label") if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"{path}:1: no column {missing[0]}", hint=f"columns: {', '.join(_COLUMNS)}")
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: not CSV: {error}") from None


def _jsonl_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise InputError(f"{path}:{number}: not a JSON object")
        yield number, row


def _sample(folder: Path, row: Mapping[str, Any], place: str) -> Sample:
    file, label, asset_class, prompt = (row.get(name) or None for name in _COLUMNS)
    if not isinstance(file, str) or "\0" in file:
        raise InputError(f"{place}: no file is named")
    if label not in _LABELS:
        raise InputError(f"{place}: label must be pass or fail, not {str(label)[:40]!r}")
    for value, most in ((asset_class, 100), (prompt, MAX_PROMPT)):
        if value is not None and (not isinstance(value, str) or len(value) > most):
            raise InputError(f"{place}: class and prompt must be text")
    return Sample(folder / file, _LABELS[label], asset_class, prompt)


def labels_of(samples: Iterable[Sample]) -> tuple[int, int]:
    """How many are to pass, and how many to fail."""
    good = [one.good for one in samples]
    return sum(good), len(good) - sum(good)
