"""One stage over labelled pictures, in memory: the score that each one gets. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal

from imajin_cli.calibration.fit import Scored
from imajin_cli.calibration.samples import Sample
from imajin_cli.contract.errors import ImajinError, InputError, NoVerdictError
from imajin_cli.contract.sidecar import Record, Request, Score
from imajin_cli.contract.stage import Kind
from imajin_cli.run.assets import Entry
from imajin_cli.run.execute import Bound, Memory, process
from imajin_cli.run.store import Store

_SHOWN = 5


def measured(
    bound: Bound, score: str, samples: Iterable[Sample], warn: Callable[[str], None] = lambda _: None
) -> tuple[list[Scored], Literal["below", "above"] | None]:
    """Every picture's ``score`` by ``bound``, and the side on which the stage itself rejects, None where it does not say.

    Raises InputError that counts and names the pictures that cannot be read or get no such score, NoVerdictError for those
    that the gate could not judge: thresholds made from the rest would be those of a choice that nobody made.
    """
    if bound.stage.kind is not Kind.GATE:
        raise InputError(f"{bound.name} is no gate: it judges nothing")
    store = Store(warn=warn)
    found: list[Scored] = []
    lost: dict[str, list[str]] = {"cannot be read": [], "could not be judged": [], "have no such score": []}
    sides: set[Literal["below", "above"]] = set()
    names: set[str] = set()
    for sample in samples:
        try:
            entry = _opened(store, sample)
        except ImajinError as error:
            lost["cannot be read"].append(error.line())
            continue
        record = _record(bound, entry)
        if record.status == "error":
            lost["could not be judged"].append(f"{sample.path}: {record.reason}")
            continue
        one = next((one for one in record.scores if one.name == score), None)
        names.update(one.name for one in record.scores)
        if one is None or one.value is None or entry.asset.picture is None:
            lost["have no such score"].append(f"{sample.path}: {record.reason or 'no ' + score}")
            continue
        sides.update(_side(one))
        found.append(Scored(str(sample.path), sample.good, one.value, entry.asset.picture.sha256))
    _refuse(bound.name, score, lost, len(found), sorted(names))
    return found, sides.pop() if len(sides) == 1 else None


def _opened(store: Store, sample: Sample) -> Entry:
    """The picture with what is known of it, and the prompt that the table gives."""
    entry = store.open(str(sample.path))
    if sample.prompt is None:
        return entry
    request = entry.sidecar.request or Request(prompt=sample.prompt)
    request = request.model_copy(update={"prompt": sample.prompt})
    known = entry.sidecar.model_copy(update={"request": request})
    return replace(entry, asset=replace(entry.asset, sidecar=known))


def _record(bound: Bound, entry: Entry) -> Record:
    (result,) = process(bound, entry, Memory())
    return next(one for one in reversed(result.entry.sidecar.stages) if one.stage == bound.name)


def _side(score: Score) -> set[Literal["below", "above"]]:
    return {">=": {"below"}, "<=": {"above"}}.get(score.op, set())  # type: ignore[return-value]


def _refuse(stage: str, score: str, lost: dict[str, list[str]], kept: int, names: list[str]) -> None:
    for what, lines in lost.items():
        if not lines:
            continue
        more = f"; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
        text = f"{len(lines)} of {kept + sum(map(len, lost.values()))} pictures {what} ({score} by {stage}): " + (
            "; ".join(lines[:_SHOWN]) + more
        )
        if what == "could not be judged":
            raise NoVerdictError(text)
        listed = f"it gives: {', '.join(names)}" if what == "have no such score" and names else None
        raise InputError(text, hint=listed)
