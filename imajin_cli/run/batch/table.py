"""Jobs as a table: .csv, its first line the options' names, each further line a job. An empty cell says nothing."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import IO, Any

from imajin_cli.contract.errors import UsageError

MAX_LINE = 1 << 17
MAX_COLUMNS = 100


def rows(stream: IO[bytes], name: str) -> Iterator[tuple[dict[str, Any], str]]:
    """What each line says, and its place ("assets.csv:3"). Raises UsageError for what is no table, with the line.

    A column is an option ("theme"), or a stage's param after a dot ("quality.min_contrast").
    """
    reader = csv.reader(_lines(stream, name), strict=True)
    head: list[str] | None = None
    try:
        for cells in reader:
            place = f"{name}:{reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if head is None:
                head = _head(cells, place)
                continue
            if len(cells) > len(head) and any(cell.strip() for cell in cells[len(head) :]):
                raise UsageError(
                    f"{place}: {len(cells)} cells, and {len(head)} columns", hint="quote a cell with commas"
                )
            yield _row(head, cells), place
    except csv.Error as error:
        raise UsageError(f"{name}:{reader.line_num}: not CSV: {error}") from None


def _head(cells: list[str], place: str) -> list[str]:
    head = [cell.strip().lower().replace("-", "_").replace(" ", "_") for cell in cells]
    if len(head) > MAX_COLUMNS:
        raise UsageError(f"{place}: {len(head)} columns; {MAX_COLUMNS} are the most")
    for column in head:
        if "." in column and column.partition(".")[0] in head:
            raise UsageError(f"{place}: {column} and {column.partition('.')[0]} cannot both be columns")
        if not column:
            raise UsageError(
                f"{place}: a column without a name", hint="the first line names options, such as prompt,theme"
            )
        if head.count(column) > 1:
            raise UsageError(f'{place}: the column "{column}" stands here twice')
    return head


def _row(head: list[str], cells: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for column, cell in zip(head, cells, strict=False):
        if not cell.strip():
            continue
        section, dot, param = column.partition(".")
        if dot:
            found.setdefault(section, {})[param] = cell.strip()
        else:
            found[column] = cell.strip()
    return found


def _lines(stream: IO[bytes], name: str) -> Iterator[str]:
    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise UsageError(f"{name}:{number}: a line of over {MAX_LINE >> 10} KiB")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise UsageError(f"{name}:{number}: not UTF-8", hint="save it as UTF-8") from None
