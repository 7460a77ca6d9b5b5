"""`imajin compare`: every cell made, one after another, then the page and the picture of them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imajin_cli.comparing.cells import Cell, Plan, make, plans
from imajin_cli.comparing.contenders import contenders
from imajin_cli.comparing.content import content, gates, visible
from imajin_cli.config.layers import load_settings, section_model
from imajin_cli.config.resolve import resolve
from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.exits import MEANING, Exit
from imajin_cli.registry import TOOLS, load
from imajin_cli.review.page import SHEET, page
from imajin_cli.review.pictures import Pictures
from imajin_cli.review.texts import NAME_SIGNS, shown
from imajin_cli.run.address import address_of
from imajin_cli.run.atomic import make_folder, write_atomic
from imajin_cli.run.bind import request_params
from imajin_cli.run.inputs import are_files
from imajin_cli.run.naming import printable
from imajin_cli.run.reading import read_bytes
from imajin_cli.run.report import Report, reported
from imajin_cli.run.shelf import shelf_of

PAGE, PICTURE = "compare.html", "compare.png"
MOST_CELLS = 256
# So that the picture of it can still be looked at.
MOST_PROMPTS, MOST_COLUMNS = 48, 96
_ROOM = 24 << 20


@dataclass(frozen=True)
class CompareOptions:
    """What is asked for beside the prompts. ``flags`` are params by section, as `imajin run` takes them."""

    models: Sequence[str]
    to: str
    flags: Mapping[str, Mapping[str, Any]]
    preset: str | None = None
    title: str | None = None
    expect: int | None = None
    as_json: bool = False
    quiet: bool = False


def run_compare(prompts: Sequence[str], options: CompareOptions, *, dry_run: bool = False) -> Exit:
    """Compare, or with ``dry_run`` say what that would take; gives the exit code, the most serious of all cells'."""
    report = Report("compare", as_json=options.as_json, quiet=options.quiet)

    def work() -> Exit:
        planned = asked(prompts, options)
        if dry_run:
            from imajin_cli.comparing.forecast import foretell

            return foretell(planned, report)
        return _compared(planned, options, report)

    return reported(report, work)


def asked(prompts: Sequence[str], options: CompareOptions) -> list[Plan]:
    """The cells that are asked for. Raises UsageError for what cannot be one sheet."""
    rows = list(dict.fromkeys(prompts))
    given = contenders(options.models)
    if are_files(rows):
        raise UsageError("compare takes prompts, not files", hint='put the prompt in quotes: "a lost robot"')
    place = address_of(options.to)
    if place is not None and place.folder is None:
        raise UsageError(f"{options.to}: a sheet is written into a folder", hint="-o compare")
    settings = load_settings(options.preset)
    for section, given_flags in options.flags.items():
        # What no cell could be made with is the command line's fault, and no cell's.
        model = section_model(section)
        if model is not None:
            resolve(section, model, settings, given_flags)
    wanted = request_params(settings, options.flags).params
    seeds = range(wanted.seed, wanted.seed + wanted.count)
    columns = len(given) * len(seeds)
    if len(rows) > MOST_PROMPTS or columns > MOST_COLUMNS or len(rows) * columns > MOST_CELLS:
        raise UsageError(
            f"{len(rows)} prompts in {columns} columns are too many for a sheet",
            hint=f"it has at most {MOST_PROMPTS} prompts, {MOST_COLUMNS} columns and {MOST_CELLS} cells",
        )
    return list(plans(rows, seeds, given, options.preset, options.flags, options.to))


def _compared(planned: Sequence[Plan], options: CompareOptions, report: Report) -> Exit:
    folder = Path(options.to)
    shelf = shelf_of(options.to)
    shelf.prepare()
    cells = []
    try:
        for number, plan in enumerate(planned):
            cells.append(make(plan))
            _tell(cells[-1], f"{number + 1} of {len(planned)}", report)
    finally:
        shelf.close()
    names = list(dict.fromkeys(shown(cell.plan.contender.label, NAME_SIGNS) for cell in cells))
    title = shown(options.title or "Compare: " + ", ".join(names), NAME_SIGNS)
    make_folder(folder)
    write_atomic(folder / PAGE, page(content(cells, Pictures(folder / PAGE, _ROOM)), title, SHEET))
    write_atomic(folder / PICTURE, _picture(cells, title))
    if report.as_json:
        report.event(
            "compared", page=printable(str(folder / PAGE)), sheet=printable(str(folder / PICTURE)), cells=len(cells)
        )
    else:
        report.path(folder / PAGE)
        report.path(folder / PICTURE)
    report.say(f"{report.passed} of {len(cells)} cells passed every gate")
    return report.finish(expect=options.expect)


def _tell(cell: Cell, which: str, report: Report) -> None:
    """Count a cell and say how it ended."""
    plan, licence = cell.plan, cell.licence
    if cell.status == "made":
        report.passed += 1
    elif cell.status == "rejected":
        report.rejections.append(cell.code)
    else:
        report.errors.append(cell.code)
    hint = f" ({cell.hint})" if cell.hint else ""
    ending = "passed" if cell.status == "made" else f"{cell.status}: {cell.reason or MEANING[cell.code]}{hint}"
    report.say(f"{which}: {plan.job.place}: {ending}, {cell.seconds:.1f} s")
    if report.as_json:
        paths = [printable(str(one.path)) for one in cell.pictures if one.passed and one.path is not None]
        report.event(
            "cell", prompt=plan.prompt, model=plan.contender.name, seed=plan.seed, status=cell.status,
            code=int(cell.code), paths=paths, reason=cell.reason, hint=cell.hint, licence=licence[0],
            commercial=licence[1], seconds=round(cell.seconds, 3),
        )  # fmt: skip


def _picture(cells: Sequence[Cell], title: str) -> bytes:
    """The contact sheet as PNG."""
    square = load(TOOLS["contact-picture"])
    rows: dict[int, list[Cell]] = {}
    for cell in sorted(cells, key=lambda cell: (cell.plan.row, cell.plan.column)):
        rows.setdefault(cell.plan.row, []).append(cell)
    several = len({cell.plan.seed for cell in cells}) > 1
    drawn = [(shown(row[0].plan.prompt), [square(**_square(cell, several)) for cell in row]) for row in rows.values()]
    made: bytes = load(TOOLS["contact-sheet"])(title, drawn)
    return made


def _square(cell: Cell, several: bool) -> dict[str, Any]:
    """What the contact sheet says of a cell."""
    found, plan = visible(cell.main), cell.plan
    main = cell.main
    withheld = main is not None and main.path is not None and found is None
    took = f"{cell.seconds:.1f} s" if cell.seconds >= 0.05 else ""
    licence = " · ".join(filter(None, [cell.licence[0], took]))
    lines = [
        f"{stage} {score['value']:.4g} {_OPS[score['op']]} {score['threshold']:.4g}" for stage, score in _few(cell)
    ]
    by = main.sidecar.verdict.by if main is not None else None
    return {
        "raster": read_bytes(found.path) if found is not None and found.path is not None else None,
        "dark": main is not None and main.sidecar.group is not None and main.sidecar.group.theme == "dark",
        "name": shown(plan.contender.label, NAME_SIGNS) + (f" · seed {plan.seed}" if several else ""),
        "tone": {"made": "good", "rejected": "bad", "failed": "warn"}[cell.status],
        "verdict": {"made": "passed", "rejected": f"rejected by {by}" if by else "rejected", "failed": "not made"}[
            cell.status
        ],
        "lines": [licence, *lines],
        "reason": None if cell.status == "made" else shown(cell.reason or MEANING[cell.code]),
        "hint": "its picture is not shown: nobody has found it safe" if withheld else cell.hint and shown(cell.hint),
    }


_OPS = {">=": "≥", "<=": "≤"}


def _few(cell: Cell) -> list[Any]:
    """The scores that a contact sheet has room for."""
    found = [(stage, score) for stage, score in gates(cell.main.sidecar if cell.main is not None else None)]
    return [one for one in found if one[1]["op"] in _OPS and one[1]["value"] is not None][:4]
