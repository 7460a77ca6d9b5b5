"""What files carry, told by a stage that can tell: `imajin watermark --read`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import ImajinError, InputError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.stage import Stage
from imajin_cli.run.inputs import names
from imajin_cli.run.naming import printable
from imajin_cli.run.pipe import write_out
from imajin_cli.run.reading import read_bytes
from imajin_cli.run.report import Report, reported, show_json


def tell(cls: type[Stage[Any]], arguments: Sequence[str], *, null: bool, as_json: bool) -> Exit:
    """Print what each file carries, a line each or one JSON list. Gives 2 where a file is no picture."""
    report = Report(cls.name)
    return reported(report, lambda: _told(cls(cls.Params()), names(arguments, null=null), as_json, report))


def _told(stage: Stage[Any], files: Any, as_json: bool, report: Report) -> Exit:
    found, seen = [], 0
    for name in files:
        seen += 1
        try:
            carried = dict(_carried(stage, Path(name)))
        except ImajinError as error:
            report.error(error)
            continue
        found.append({"file": name, **carried})
        if not as_json:
            write_out(f"{printable(name)}: {in_words(carried)}\n".encode())
    if as_json:
        show_json(found)
    return report.finish(empty=seen == 0)


def _carried(stage: Stage[Any], path: Path) -> Mapping[str, Any]:
    try:
        return stage.carried(read_bytes(path))
    except InputError as error:
        label = "" if str(path) in error.message else f"{path}: "
        raise InputError(label + error.message, hint=error.hint) from None


def in_words(carried: Mapping[str, Any]) -> str:
    """What a file carries, for a person."""
    credentials = carried.get("c2pa")
    more = f"; Content Credentials {credentials['status']}" if isinstance(credentials, Mapping) else ""
    return _mark_in_words(carried) + more


def _mark_in_words(carried: Mapping[str, Any]) -> str:
    mark = carried.get("invisible")
    if not isinstance(mark, Mapping):
        return f"no invisible mark ({carried.get('why')})"
    return f"invisible mark {mark['payload']!r} ({mark['bits']:.1%} of its bits, {mark['corrected']} bytes put right)"
