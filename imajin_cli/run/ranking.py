"""Keep the K best candidates of each group, each with all its ratios."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from imajin_cli.run.drawing import rank_of, ranked_by
from imajin_cli.run.execute import Result


def _nothing(_: str) -> None:
    return None


@dataclass
class _Group:
    """The candidates of one request that have come in: index → (ratio, theme) → result. Pictures of no group are one each."""

    size: int = 0
    pictures: int = 1
    candidates: dict[int, dict[tuple[str, str | None], Result]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, result: Result) -> None:
        group = result.entry.sidecar.group
        if group is None:
            self.candidates[len(self.candidates)]["", None] = result
            return
        self.size, self.pictures = group.size, group.pictures
        self.candidates[group.index][group.ratio, group.theme] = result

    @property
    def complete(self) -> bool:
        """Whether nothing more can come."""
        return self.size > 0 and sum(map(len, self.candidates.values())) >= self.size * self.pictures

    def lacking(self) -> list[int]:
        """The candidates of which a ratio or theme never came, for an earlier stage rejected it."""
        return sorted(
            index
            for index, results in self.candidates.items()
            if len(results) < self.pictures and all(result.passed for result in results.values())
        )

    def best(self, count: int, *, by_records: bool = False) -> list[int]:
        """The ``count`` best candidates, in the order of their seeds. Ties go to the earlier seed.

        With ``by_records`` the rank of the stage that their records prefer counts (`ranked_by`), else the last stage's own.
        """
        fit = {
            index: list(results.values())
            for index, results in self.candidates.items()
            if len(results) >= self.pictures and all(result.passed for result in results.values())
        }
        stage = ranked_by(r.entry.sidecar for results in fit.values() for r in results) if by_records else None
        return sorted(sorted(fit, key=lambda index: (-_score(fit[index], stage), index))[:count])


def _score(results: list[Result], stage: str | None) -> float:
    """A candidate is as good as its worst ratio; one that has no rank comes last."""
    ranks = [result.rank if stage is None else rank_of(result.entry.sidecar, stage) for result in results]
    return min(float("-inf") if rank is None or math.isnan(rank) else rank for rank in ranks)


class Ranking:
    """Keeps the best ``count`` candidates of each group, and knows in the end whether that many have gone all the way."""

    def __init__(self, count: int, say: Callable[[str], None] = _nothing, *, by_records: bool = False) -> None:
        self.count = count
        self._by_records = by_records
        self._say = say
        # Group → index of a kept candidate → its id, by which one that has no group is known again.
        self._kept: dict[str, dict[int, str]] = {}

    def best(self, results: Iterable[Result]) -> Iterator[Result]:
        """Rejected results at once; of the others the best of each group, when it is complete or the stream ends."""
        groups: dict[str, _Group] = {}
        for result in results:
            if not result.passed:
                yield result
            info = result.entry.sidecar.group
            identity = info.id if info is not None else ""
            group = groups.setdefault(identity, _Group())
            group.add(result)
            if group.complete:
                yield from self._close(identity, groups.pop(identity))
        for identity, group in groups.items():
            yield from self._close(identity, group)

    def _close(self, identity: str, group: _Group) -> Iterator[Result]:
        for index in group.lacking():
            self._say(f"candidate {index + 1} is left out: not all of its {group.pictures} pictures came")
        chosen = group.best(self.count, by_records=self._by_records)
        kept = self._kept.setdefault(identity, {})
        for index in chosen:
            results = list(group.candidates[index].values())
            kept[index] = results[0].entry.sidecar.id
            yield from results

    def lost(self, result: Result) -> None:
        """Tell that a later stage rejected ``result``: its candidate has not gone all the way."""
        info = result.entry.sidecar.group
        kept = self._kept.get(info.id if info is not None else "", {})
        same = [
            index
            for index, identity in kept.items()
            if (index == info.index if info is not None else identity == result.entry.sidecar.id)
        ]
        for index in same[:1]:
            del kept[index]

    def short(self) -> bool:
        """Whether a group has fewer than ``count`` candidates left. Ask when the stream has ended."""
        return any(len(kept) < self.count for kept in self._kept.values())
