"""Every layer run, none able to stop another, and one verdict of what they found, by fixed rules."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from imajin_cli.contract.errors import ImajinError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.stage import Outcome
from imajin_cli.stages.moderation.model import REJECTING, Finding, Layer, State

_TURN = 0.5
NEEDED = frozenset({"nsfw", "faces"})
"""Layers that the rule on minors stands on: where one of them fails there is no verdict, also when it is switched off."""


class Running:
    """A layer at work in a thread of its own, from the moment that this is made."""

    def __init__(self, name: str, layer: Layer) -> None:
        self.name, self.layer = name, layer
        self.made: list[Finding] = []
        self.failed: list[str] = []
        self.thread = threading.Thread(target=self._work, name=f"moderate-{name}", daemon=True)
        self.thread.start()

    def _work(self) -> None:
        try:
            self.made.append(self.layer())
        except ImajinError as error:
            self.failed.append(error.line())
        except BaseException as error:  # noqa: BLE001 - whatever goes wrong in a layer means no verdict, never a pass
            self.failed.append(f"{type(error).__name__}: {error}")

    def finding(self, seconds: float, *, off: bool = False) -> Finding:
        """What the layer finds; where it fails in any way, or takes more than ``seconds`` from now, a finding without a verdict.

        With ``off`` it looks all the same, and neither what it finds nor that it fails counts, but for the layers that the
        rule on minors needs (`NEEDED`): that they fail counts always.
        """
        _wait(self.thread, seconds)
        if self.made and not self.thread.is_alive():
            finding = self.made[0]
            if off and finding.state == "judged":
                finding.state = "off"
            return finding
        late = f"took more than {seconds:g} seconds (imajin moderate --force judges anew)"
        state: State = "off" if off and self.name not in NEEDED else "no verdict"
        return Finding(self.name, state, reason=self.failed[0] if self.failed else late)


def _wait(thread: threading.Thread, seconds: float) -> None:
    """Wait for ``thread`` in short turns: a machine that sleeps meanwhile, or is frozen, loses one turn and not all of them."""
    turn = min(_TURN, seconds)
    for _ in range(max(1, round(seconds / turn))):
        thread.join(turn)
        if not thread.is_alive():
            return


def outcome(findings: Mapping[str, Finding], code: Exit, *, explain: bool) -> Outcome:
    """The verdict: 22 where a layer has none, else a rejection with ``code`` for any flag that rejects, else a pass.

    A picture that is rejected and also lacks a verdict is reported with both, under 22, which is the more serious.
    """
    lost = [f"no verdict of {name}: {one.reason}" for name, one in findings.items() if one.state == "no verdict"]
    rejected = [
        f"{flag} ({reason})"
        for one in findings.values()
        if one.state == "judged"
        for flag, reason in one.flags.items()
        if flag in REJECTING
    ]
    notes = {"flags": flags_of(findings.values()), "layers": {name: _described(one) for name, one in findings.items()}}
    if explain:
        notes["explain"] = table(findings)
    scores = [score for one in findings.values() for score in one.scores]
    reason = "; ".join([*lost, *rejected]) or None
    if lost:
        return Outcome("error", reason=reason, code=Exit.NO_VERDICT, scores=scores, notes=notes)
    if rejected:
        return Outcome("rejected", reason=reason, code=code, scores=scores, notes=notes)
    return Outcome("passed", scores=scores, notes=notes)


def flags_of(findings: Iterable[Finding]) -> list[str]:
    """Every flag that was raised, also by a layer that is switched off, in the layers' order."""
    return [str(flag) for one in findings for flag in one.flags]


def _described(finding: Finding) -> dict[str, Any]:
    told: dict[str, Any] = {"state": finding.state, **finding.notes}
    if finding.flags:
        told["flags"] = {str(flag): reason for flag, reason in finding.flags.items()}
    if finding.reason is not None:
        told["reason"] = finding.reason
    return told


def table(findings: Mapping[str, Finding]) -> list[str]:
    """Lines for a person: each layer, its state, what it measured, what it is held against, and its flags."""
    rows = [("layer", "state", "measured", "limit", "flags")]
    for name, one in findings.items():
        flags = "; ".join(f"{flag}: {reason}" for flag, reason in one.flags.items()) or (one.reason or "-")
        cells: list[tuple[str, str]] = []
        for score in one.scores:
            limit = f"{score.op} {score.threshold:g}" if score.threshold is not None and score.op != "info" else "-"
            value = "none near" if score.value is None else f"{score.value:g}"
            cells.append((f"{score.name} {value}{' ' + score.unit if score.unit and score.value is not None else ''}", limit))
        for at, (measured, limit) in enumerate(cells or [("-", "-")]):
            rows.append((name, one.state, measured, limit, flags) if at == 0 else ("", "", measured, limit, ""))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]).rstrip() for row in rows]
