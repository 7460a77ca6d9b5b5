"""What a stage did to an asset, as events: the candidate that it made, the record that it left."""

from __future__ import annotations

from imajin_cli.contract.sidecar import without_private
from imajin_cli.contract.stage import Kind
from imajin_cli.run.assets import Entry
from imajin_cli.run.execute import Bound, Result
from imajin_cli.run.report import Report


def tell_result(report: Report, bound: Bound, result: Result) -> None:
    """Tell what came of ``bound``'s work, where somebody wants to know."""
    if not report.events:
        return
    if bound.stage.kind is Kind.SOURCE and bound.stage.takes_request:
        _tell_candidate(report, result.entry)
    # Private notes are for later stages alone, and a program's screen is none.
    records = without_private(result.entry.sidecar).stages
    # Work that was found published has left no new record.
    record = next((record for record in reversed(records) if record.stage == bound.name), None)
    if record is not None:
        report.every("record", id=result.entry.sidecar.id, record=record.model_dump(mode="json"))


def _tell_candidate(report: Report, entry: Entry) -> None:
    group, picture = entry.sidecar.group, entry.asset.picture
    if group is None or picture is None:
        return
    report.every(
        "candidate",
        id=entry.sidecar.id,
        group=group.id,
        index=group.index,
        of=group.size,
        seed=entry.sidecar.seed,
        ratio=group.ratio,
        ratios=group.ratios,
        width=picture.width,
        height=picture.height,
    )
