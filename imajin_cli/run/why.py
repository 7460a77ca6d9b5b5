"""Work out again, from sidecars alone, which candidates of a draw are to be chosen, and hold that against what they record."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.sidecar import Draw, Drawn, Sidecar, verdict_of
from imajin_cli.run.drawing import drawn, ordered, ranked_by
from imajin_cli.run.sidecars import read_sidecar

MAX_FILES = 20_000
# What publishing met is no part of the choice, which came before it.
_AFTERWARDS = ("output",)


@dataclass(frozen=True)
class Found:
    """A candidate's sidecar and the file that it was found in."""

    sidecar: Sidecar
    path: Path


@dataclass(frozen=True)
class Why:
    """A draw as it is recorded and as it was worked out again, what does not agree, and the assets that were not found."""

    recorded: Draw
    again: Sequence[Drawn]
    found: Mapping[str, Found]
    differences: Sequence[str]
    missing: Sequence[str]

    @property
    def agrees(self) -> bool:
        """Whether every sidecar was found and the same choice follows from them."""
        return not self.differences and not self.missing


def why(sidecar: Sidecar, name: str, folders: Iterable[Path]) -> Why:
    """How ``sidecar`` came to be chosen or not, by what lies in ``folders``. Raises InputError where no draw is recorded."""
    draw = sidecar.group.draw if sidecar.group is not None else None
    if draw is None:
        raise InputError(
            f"{name}: was not drawn, or its draw was broken off", hint="imajin run --until-pass records how it chose"
        )
    return again(draw, members({identity for one in draw.candidates for identity in one.ids}, draw, folders))


def again(draw: Draw, found: Mapping[str, Found]) -> Why:
    """``draw`` worked out again from the sidecars in ``found``, by asset id."""
    known = {identity: _before(one.sidecar) for identity, one in found.items()}
    missing = [i for one in draw.candidates for i in one.ids if i not in found and one.end != "failed"]
    there = [all(i in known for i in one.ids) for one in draw.candidates]
    passing = [known[i] for one, whole in zip(draw.candidates, there, strict=True) if whole for i in one.ids]
    stage = ranked_by(one for one in passing if one.verdict.status == "accepted" and _of_whole(one, draw, known))
    anew = [
        drawn(one.index, one.seed, one.ids, known, stage) if whole or not set(one.ids) & set(missing) else one
        for one, whole in zip(draw.candidates, there, strict=True)
    ]
    return Why(draw, anew, found, [*_differences(draw, anew, stage, complete=not missing)], missing)


def _of_whole(sidecar: Sidecar, draw: Draw, known: Mapping[str, Sidecar]) -> bool:
    """Whether all ratios of the candidate passed."""
    ids = next(one.ids for one in draw.candidates if sidecar.id in one.ids)
    return all(identity in known and known[identity].verdict.status == "accepted" for identity in ids)


def _before(sidecar: Sidecar) -> Sidecar:
    """``sidecar`` as it was when the draw ended."""
    stages = [record for record in sidecar.stages if record.stage not in _AFTERWARDS]
    return sidecar.model_copy(update={"stages": stages, "verdict": verdict_of(stages)})


def members(ids: set[str], draw: Draw, folders: Iterable[Path]) -> dict[str, Found]:
    """Sidecar by id of the assets in ``folders`` that are named in ``ids``; of several, one that records this very draw.

    Files that are no sidecars are passed over, and of a folder at most `MAX_FILES` are read.
    """
    found: dict[str, Found] = {}
    sure: set[str] = set()
    for path in _sidecars(folders):
        try:
            sidecar = read_sidecar(path)
        except InputError:
            continue
        if sidecar is None or sidecar.id not in ids or sidecar.id in sure:
            continue
        if sidecar.group is not None and sidecar.group.draw == draw:
            sure.add(sidecar.id)
        elif sidecar.id in found:
            continue
        found[sidecar.id] = Found(sidecar, path)
    return found


def _sidecars(folders: Iterable[Path]) -> Iterator[Path]:
    seen: set[str] = set()
    for folder in folders:
        place = os.path.realpath(folder)
        if place in seen or not os.path.isdir(folder):
            continue
        seen.add(place)
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
        yield from (folder / name for name in names[:MAX_FILES])


def _differences(draw: Draw, again: Sequence[Drawn], stage: str | None, *, complete: bool) -> Iterator[str]:
    """What the sidecars say otherwise, line by line."""
    for old, new in zip(draw.candidates, again, strict=True):
        if (old.end, old.code, old.rank) != (new.end, new.code, new.rank):
            yield f"candidate {old.index + 1} is recorded as {_state(old)}, its sidecars say {_state(new)}"
    if [one.index for one in draw.candidates] != list(range(len(draw.candidates))):
        yield "the candidates' indices have gaps"
    if len({one.seed - one.index for one in draw.candidates}) > 1:
        yield "the candidates' seeds do not follow each other"
    if complete and stage != draw.ranked_by:
        yield f"recorded as ranked by {draw.ranked_by}, the sidecars allow {stage}"
    order = ordered(again)
    if order != draw.order:
        yield f"recorded order {_shown(draw.order)}, by the sidecars {_shown(order)}"
    if sorted(order[: draw.keep]) != draw.chosen:
        yield f"recorded choice {_shown(draw.chosen)}, by the sidecars {_shown(sorted(order[: draw.keep]))}"
    if (len(order) >= draw.wanted) != (draw.stopped == "enough") or len(draw.candidates) > draw.most:
        yield f"recorded as ended by {draw.stopped!r}, which {len(order)} that passed do not bear out"


def _state(one: Drawn) -> str:
    if one.end == "passed":
        return "passed" if one.rank is None else f"passed, rank {one.rank:g}"
    return f"{one.end} ({one.code})"


def _shown(indices: Sequence[int]) -> str:
    return ", ".join(str(index + 1) for index in indices) or "none"


def explained(name: str, found: Why) -> Iterator[str]:
    """The draw for a person, line by line."""
    draw = found.recorded
    by = f", ranked by {draw.ranked_by}" if draw.ranked_by is not None else ""
    limit = f" or {draw.seconds:g} s" if draw.seconds is not None else ""
    yield (
        f"{name}: {len(draw.candidates)} drawn of at most {draw.most}{limit}, {draw.wanted} wanted, "
        f"{len(draw.order)} passed ({draw.stopped}){by}"
    )
    for one in draw.candidates:
        place = f"  place {draw.order.index(one.index) + 1}" if one.index in draw.order else ""
        mark = "  chosen" if one.index in draw.chosen else ""
        paths = " ".join(str(found.found[identity].path) for identity in one.ids if identity in found.found)
        yield f"  {one.index + 1:>3}  seed {one.seed}  {_state(one)}{place}{mark}  {paths}".rstrip()
    for identity in found.missing:
        yield f"  not found: the sidecar of asset {identity}"
    for line in found.differences:
        yield f"  differs: {line}"
    if found.agrees:
        yield "  worked out again from the sidecars: the same choice"


def as_document(name: str, found: Why) -> dict[str, object]:
    """The same as JSON."""
    return {
        "file": name,
        "agrees": found.agrees,
        "missing": list(found.missing),
        "differences": list(found.differences),
        "draw": found.recorded.model_dump(mode="json"),
        "again": [one.model_dump(mode="json") for one in found.again],
    }
