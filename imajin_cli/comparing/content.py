"""What the page and the contact sheet hold of the cells: plain, bounded data out of sidecars."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from imajin_cli.comparing.cells import Cell, Made
from imajin_cli.contract.exits import MEANING
from imajin_cli.contract.sidecar import Record, Sidecar
from imajin_cli.review.pictures import Pictures
from imajin_cli.review.records import history, nearest, verdict
from imajin_cli.review.texts import NAME_SIGNS, maybe_shown, shown

_GATE = "moderate"
_MAKER = "generate"


def content(cells: Sequence[Cell], pictures: Pictures) -> dict[str, Any]:
    """The page's data: prompts by row, columns, cells by row and column, and a line about each model."""
    ordered = sorted(cells, key=lambda cell: (cell.plan.row, cell.plan.column))
    prompts = {cell.plan.row: cell.plan.prompt for cell in ordered}
    columns = {cell.plan.column: cell for cell in ordered}
    return {
        "prompts": [shown(text) for _, text in sorted(prompts.items())],
        "columns": [
            {"model": shown(cell.plan.contender.label, NAME_SIGNS), "seed": cell.plan.seed}
            for _, cell in sorted(columns.items())
        ],
        "seeds": len({cell.plan.seed for cell in ordered}),
        "cells": [shape(cell, pictures) for cell in ordered],
        "models": [_model(name, own) for name, own in _by_model(ordered).items()],
        "pictures": pictures.sources,
    }


def shape(cell: Cell, pictures: Pictures) -> dict[str, Any]:
    """One cell as the page shows it."""
    main = cell.main
    sidecar = main.sidecar if main is not None else None
    image = sidecar.image if sidecar is not None else None
    licence, commercial = cell.licence
    made = _record(sidecar, _MAKER)
    path = visible(main)
    return {
        "row": cell.plan.row,
        "column": cell.plan.column,
        "model": shown(cell.plan.contender.label, NAME_SIGNS),
        "seed": cell.plan.seed,
        "status": cell.status,
        "code": int(cell.code),
        "meaning": MEANING[cell.code],
        "verdict": verdict(sidecar) if sidecar is not None and cell.status != "failed" else None,
        "reason": maybe_shown(cell.reason),
        "hint": maybe_shown(cell.hint),
        "src": pictures.place(path.path, image.file_sha256) if path is not None and path.path and image else None,
        "withheld": main is not None and main.path is not None and path is None,
        "width": image.width if image is not None else None,
        "height": image.height if image is not None else None,
        "files": [
            {"name": shown(one.path.name, NAME_SIGNS), "href": pictures.address(one.path)}
            for one in cell.pictures
            if one.path is not None and one.passed
        ],
        "backend": maybe_shown(made.backend, NAME_SIGNS) if made is not None else None,
        "licence": maybe_shown(licence, NAME_SIGNS),
        "commercial": commercial,
        "seconds": round(cell.seconds, 2),
        "painting": round(made.seconds, 2) if made is not None and made.seconds is not None else None,
        "gates": gates(sidecar),
        "stages": history(sidecar) if sidecar is not None else [],
    }


def visible(made: Made | None) -> Made | None:
    """The picture as it may be shown to anybody: one that was published, or that `moderate` has let pass before another
    gate rejected it. What nobody has found safe stands in no sheet.
    """
    if made is None or made.path is None:
        return None
    record = _record(made.sidecar, _GATE)
    return made if made.passed or (record is not None and record.status == "passed") else None


def gates(sidecar: Sidecar | None) -> list[list[Any]]:
    """(stage, score) of each stage that judged the picture: the score that came nearest to its limit."""
    if sidecar is None:
        return []
    start = next((at for at, record in enumerate(sidecar.stages) if record.stage == _MAKER), len(sidecar.stages))
    latest = {record.stage: record for record in sidecar.stages[start:]}
    found = [(shown(name, NAME_SIGNS), nearest(record)) for name, record in latest.items()]
    return [[name, score] for name, score in found if score is not None]


def _record(sidecar: Sidecar | None, stage: str) -> Record | None:
    records = sidecar.stages if sidecar is not None else []
    return next((record for record in reversed(records) if record.stage == stage), None)


def _by_model(cells: Sequence[Cell]) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = {}
    for cell in sorted(cells, key=lambda cell: cell.plan.column):
        found.setdefault(cell.plan.contender.name, []).append(cell)
    return found


def _model(name: str, cells: Sequence[Cell]) -> dict[str, Any]:
    sidecars = [cell.main.sidecar for cell in cells if cell.main is not None]
    made = next((record for sidecar in sidecars if (record := _record(sidecar, _MAKER)) is not None), None)
    licence, commercial = next((cell.licence for cell in cells if cell.main is not None), cells[0].licence)
    times = [
        record.seconds
        for sidecar in sidecars
        if (record := _record(sidecar, _MAKER)) is not None and record.seconds is not None
    ]
    return {
        "name": shown(name, NAME_SIGNS),
        "revision": shown(made.model.revision, NAME_SIGNS) if made is not None and made.model is not None else None,
        "device": maybe_shown(made.device, NAME_SIGNS) if made is not None else None,
        "licence": maybe_shown(licence, NAME_SIGNS),
        "commercial": commercial,
        "made": sum(cell.status == "made" for cell in cells),
        "cells": len(cells),
        "painting": round(median(times), 2) if times else None,
        "seconds": round(median(cell.seconds for cell in cells), 2),
    }
