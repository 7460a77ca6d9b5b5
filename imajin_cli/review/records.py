"""Records of a sidecar as a page shows them: plain, bounded data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from imajin_cli.contract.sidecar import Record, Score, Sidecar
from imajin_cli.review.texts import NAME_SIGNS, maybe_shown, number, shown

MAX_RECORDS = 64
MAX_SCORES = 64
MAX_PARAMS = 64
_VALUE_SIGNS = 200


def history(sidecar: Sidecar) -> list[dict[str, Any]]:
    """The newest `MAX_RECORDS` records, in order."""
    return [_record(record) for record in sidecar.stages[-MAX_RECORDS:]]


def _record(record: Record) -> dict[str, Any]:
    set_params = [(name, one) for name, one in record.params.items() if one.origin != "default"]
    return {
        "stage": shown(record.stage, NAME_SIGNS),
        "version": shown(record.version, NAME_SIGNS),
        "backend": maybe_shown(record.backend, NAME_SIGNS),
        "model": shown(record.model.name, NAME_SIGNS) if record.model is not None else None,
        "status": record.status,
        "reason": maybe_shown(record.reason),
        "seconds": number(record.seconds),
        "params": [
            [shown(name, NAME_SIGNS), shown(one.value, _VALUE_SIGNS), shown(one.origin, NAME_SIGNS)]
            for name, one in set_params[:MAX_PARAMS]
        ],
        "scores": [_score(score) for score in record.scores[:MAX_SCORES]],
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "name": shown(score.name, NAME_SIGNS),
        "value": number(score.value),
        "threshold": number(score.threshold) if score.op != "info" else None,
        "op": score.op,
        "passed": score.passed,
        "unit": maybe_shown(score.unit, 32),
    }


def verdict(sidecar: Sidecar) -> dict[str, Any]:
    """Where the asset stands."""
    found = sidecar.verdict
    return {
        "status": found.status,
        "by": maybe_shown(found.by, NAME_SIGNS),
        "code": found.code,
        "reason": maybe_shown(found.reason),
    }


def closest(records: Iterable[Record]) -> float | None:
    """How near the latest scores came to their thresholds, as a share of them: the least; negative where one failed."""
    latest = {record.stage: record for record in records}
    margins = [_margin(score) for record in latest.values() for score in record.scores]
    known = [margin for margin in margins if margin is not None]
    return round(min(known), 4) if known else None


def nearest(record: Record) -> dict[str, Any] | None:
    """Of the scores that have a limit the one that came nearest to it, or lies furthest beyond; None where none has one."""
    known = [(margin, score) for score in record.scores if (margin := _margin(score)) is not None]
    return _score(min(known, key=lambda one: one[0])[1]) if known else None


def _margin(score: Score) -> float | None:
    value, limit = number(score.value), number(score.threshold)
    if value is None or limit is None or score.op == "info":
        return None
    apart = value - limit if score.op == ">=" else limit - value
    return apart / max(abs(limit), 1e-9) if limit else apart
