"""Keep the K best candidates of each group, each with all its ratios."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from imajin_cli.run.execute import Result


@dataclass
class _Group:
    candidates: dict[int, list[Result]] = field(default_factory=lambda: defaultdict(list))
    seen: int = 0

    def add(self, result: Result) -> None:
        group = result.entry.sidecar.group
        self.candidates[group.index if group is not None else len(self.candidates)].append(result)
        self.seen += 1

    def best(self, count: int) -> list[Result]:
        """The results of the ``count`` best candidates, in the order in which they came. Ties go to the earlier seed."""
        fit = {index: results for index, results in self.candidates.items() if all(r.passed for r in results)}
        ranked = sorted(fit, key=lambda index: (-_score(fit[index]), index))[:count]
        return [result for index in sorted(ranked) for result in fit[index]]


def _score(results: list[Result]) -> float:
    """A candidate is as good as its worst ratio; one that has no rank comes last."""
    return min((r.rank if r.rank is not None else float("-inf")) for r in results)


def keep_best(results: Iterable[Result], count: int) -> Iterator[Result]:
    """Rejected results at once; of the others the best ``count`` of each group, when it is complete or the stream ends."""
    groups: dict[str, _Group] = {}
    for result in results:
        if not result.passed:
            yield result
        info = result.entry.sidecar.group
        identity = info.id if info is not None else ""
        group = groups.setdefault(identity, _Group())
        group.add(result)
        if info is not None and group.seen == info.size * info.ratios:
            yield from groups.pop(identity).best(count)
    for identity in list(groups):
        yield from groups.pop(identity).best(count)
