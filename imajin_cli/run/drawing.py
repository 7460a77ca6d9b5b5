"""Draw candidates, seed after seed, until enough have passed every gate or a limit is met; rank them; say how it went.

A candidate is drawn when all before it have their verdicts, and not otherwise. The clock decides when to stop and nothing
else: as many candidates give the same pictures, scores and choice, however long they took.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.exits import Exit, most_serious
from imajin_cli.contract.sidecar import Draw, Drawn, Group, Request, Sidecar
from imajin_cli.run.assets import Entry
from imajin_cli.run.execute import Result

# Stages whose ranks count before any other's.
PREFERRED = ("aesthetic", "quality")
Stopped = Literal["enough", "candidates", "seconds", "failed"]


@dataclass(frozen=True)
class Limits:
    """How many candidates are drawn at most, for how many seconds, and how many of those that passed are kept."""

    most: int
    seconds: float | None = None
    best: int | None = None

    def wanted(self, request: Request) -> int:
        """How many have to pass. Raises UsageError where that is more than may be drawn."""
        wanted = max(request.count, self.best or 1)
        if wanted > self.most:
            raise UsageError(
                f"{wanted} candidates are to pass and {self.most} may be drawn", hint="raise --max-candidates"
            )
        return wanted


def rank_of(sidecar: Sidecar, stage: str) -> float | None:
    """The rank that the latest record of ``stage`` gives, None where there is none."""
    record = next((record for record in reversed(sidecar.stages) if record.stage == stage), None)
    return None if record is None else record.rank


def ranked_by(passed: Iterable[Sidecar]) -> str | None:
    """The stage whose ranks order candidates: one that ranked every one of ``passed``; `PREFERRED` first, then by name."""
    common: set[str] | None = None
    for sidecar in passed:
        ranking = {record.stage for record in sidecar.stages if rank_of(sidecar, record.stage) is not None}
        common = ranking if common is None else common & ranking
    return min(common or (), key=lambda name: (PREFERRED.index(name) if name in PREFERRED else 9, name), default=None)


def ordered(candidates: Iterable[Drawn]) -> list[int]:
    """Indices of the candidates that passed, best first; ties, and those without a rank, by seed."""
    passed = [one for one in candidates if one.end == "passed"]
    low = float("-inf")
    return [one.index for one in sorted(passed, key=lambda one: (-(low if one.rank is None else one.rank), one.index))]


def drawn(index: int, seed: int, ids: Sequence[str], known: Mapping[str, Sidecar], stage: str | None) -> Drawn:
    """One candidate as its assets' sidecars tell of it. ``known`` is sidecar by id; an id that it lacks has failed."""
    sidecars = [known[identity] for identity in ids if identity in known]
    codes = [one.verdict.code or Exit.ERROR for one in sidecars if one.verdict.status != "accepted"]
    if codes:
        return Drawn(index=index, seed=seed, ids=list(ids), end="rejected", code=int(most_serious(map(_known, codes))))
    if len(sidecars) < len(ids):
        return Drawn(index=index, seed=seed, ids=list(ids), end="failed", code=int(Exit.ERROR))
    ranks = [rank_of(one, stage) for one in sidecars] if stage is not None else []
    numbers = [rank for rank in ranks if rank is not None]
    worst = min(numbers) if numbers and len(numbers) == len(ids) else None
    return Drawn(index=index, seed=seed, ids=list(ids), end="passed", rank=worst)


def _known(code: int) -> Exit:
    return Exit(code) if code in set(map(int, Exit)) else Exit.ERROR


class Drawing:
    """The draw for one request. `widened` and `begun` go around the stage that generates, `add` takes what comes out."""

    def __init__(self, request: Request, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.wanted = limits.wanted(request)
        self._clock = clock
        self._started = clock()
        self._late = False
        # Index → seed, and the id of each of its assets.
        self._begun: dict[int, tuple[int, list[str]]] = {}
        self._ended: dict[str, Result] = {}

    def widened(self, results: Iterable[Result]) -> Iterator[Result]:
        """The request, asking for as many candidates as may be drawn. None is made before it is asked for."""
        for result in results:
            known = result.entry.sidecar
            if not result.passed or known.request is None:
                yield result
                continue
            request = known.request.model_copy(update={"count": self.limits.most})
            yield replace(result, entry=result.entry.with_sidecar(known.model_copy(update={"request": request})))

    def begun(self, results: Iterable[Result]) -> Iterator[Result]:
        """The candidates as they are made; ends where, between two of them, enough have passed or the time is over."""
        for result in results:
            known = result.entry.sidecar
            if known.group is None:
                yield result
                continue
            ids = self._begun.setdefault(known.group.index, (known.seed or 0, []))[1]
            ids.append(known.id)
            yield result
            if len(ids) == known.group.pictures and self._over():
                return

    def _over(self) -> bool:
        seconds = self.limits.seconds
        enough = self.passed >= self.wanted
        self._late = not enough and seconds is not None and self._clock() - self._started >= seconds
        return enough or self._late

    def add(self, result: Result) -> None:
        """Take what came out at the end of the gates."""
        self._ended[result.entry.sidecar.id] = result

    @property
    def passed(self) -> int:
        """How many candidates have passed every gate, at each of their ratios."""
        return sum(self._has_passed(ids) for _, ids in self._begun.values())

    def _has_passed(self, ids: Sequence[str]) -> bool:
        """By its sidecars too: an earlier run may have rejected what this one did not look at."""
        ended = [self._ended.get(identity) for identity in ids]
        return all(r is not None and r.passed and r.entry.sidecar.verdict.status == "accepted" for r in ended)

    def draw(self) -> Draw:
        """What was drawn, how it ended and what is chosen, as the sidecars keep it."""
        known = {identity: result.entry.sidecar for identity, result in self._ended.items()}
        passing = [known[identity] for _, ids in self._begun.values() if self._has_passed(ids) for identity in ids]
        stage = ranked_by(passing)
        candidates = [drawn(index, seed, ids, known, stage) for index, (seed, ids) in sorted(self._begun.items())]
        order = ordered(candidates)
        keep = self.limits.best or self.wanted
        return Draw(
            wanted=self.wanted,
            keep=keep,
            most=self.limits.most,
            seconds=self.limits.seconds,
            stopped=self._stopped(len(order)),
            ranked_by=stage,
            candidates=candidates,
            order=order,
            chosen=sorted(order[:keep]),
        )

    def _stopped(self, passed: int) -> Stopped:
        if passed >= self.wanted:
            return "enough"
        if self._late:
            return "seconds"
        return "candidates" if len(self._begun) >= self.limits.most else "failed"

    def results(self, draw: Draw) -> Iterator[tuple[Result, bool]]:
        """Every result that has ended, in the order of seeds, its group told of ``draw``, and whether it is chosen."""
        for one in draw.candidates:
            for identity in one.ids:
                result = self._ended.get(identity)
                if result is not None and result.entry.sidecar.group is not None:
                    yield result, one.index in draw.chosen


def told(group: Group, draw: Draw) -> Group:
    """``group`` as it turned out: of the size that was drawn, with ``draw``."""
    return group.model_copy(update={"size": len(draw.candidates), "draw": draw})


def forgotten(entry: Entry) -> Entry:
    """``entry`` without its pixels, which are in its file: a long draw holds names."""
    if entry.path is None:
        return entry
    return replace(entry, asset=replace(entry.asset, picture=None, raw=None))


def summary(draw: Draw) -> str:
    """A draw in one line for a person."""
    why = {
        "enough": "that is enough",
        "candidates": "no more may be drawn (--max-candidates)",
        "seconds": f"the time is over ({draw.seconds:g} s, --max-seconds)" if draw.seconds is not None else "",
        "failed": "no more could be drawn",
    }[draw.stopped]
    by = f", by {draw.ranked_by}" if draw.ranked_by is not None and len(draw.order) > 1 else ""
    chosen = ", ".join(str(index + 1) for index in draw.chosen)
    kept = f"; kept: candidate{'s' if len(draw.chosen) > 1 else ''} {chosen}{by}" if chosen else ""
    return f"{len(draw.order)} of {len(draw.candidates)} candidates passed, {draw.wanted} wanted: {why}{kept}"
