"""The candidates of published assets: those that were published beside them, and the losers whose sidecars are there."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.sidecar import Draw, Sidecar
from imajin_cli.review.pictures import Pictures
from imajin_cli.review.records import history, verdict
from imajin_cli.review.texts import NAME_SIGNS, maybe_shown, number, shown
from imajin_cli.run.sidecars import REQUEST_SUFFIX, read_sidecar
from imajin_cli.run.why import MAX_FILES, Found, again

MAX_CANDIDATES = 256


class Families:
    """Sidecars of several folders by the group that they belong to; of each asset the one that knows most."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._groups: dict[str, dict[str, Found]] = defaultdict(dict)
        for folder in {os.path.realpath(folder): folder for folder in folders}.values():
            self._read(folder)

    def _read(self, folder: Path) -> None:
        if not folder.is_dir():
            return
        for name in sorted(name for name in os.listdir(folder) if _may_be_sidecar(name))[:MAX_FILES]:
            try:
                sidecar = read_sidecar(folder / name)
            except InputError:
                continue
            if sidecar is None or sidecar.group is None:
                continue
            group = self._groups[sidecar.group.id]
            known = group.get(sidecar.id)
            if known is None or len(known.sidecar.stages) < len(sidecar.stages):
                group[sidecar.id] = Found(sidecar, folder / name)

    def of(self, sidecar: Sidecar) -> Mapping[str, Found]:
        """The members of the asset's group by id, itself among them; none where it has no group."""
        return self._groups.get(sidecar.group.id, {}) if sidecar.group is not None else {}


def _may_be_sidecar(name: str) -> bool:
    return name.endswith(".json") and not name.endswith((REQUEST_SUFFIX, ".scene.json"))


def candidates(
    sidecar: Sidecar, family: Mapping[str, Found], listed: Mapping[str, str], pictures: Pictures
) -> list[dict[str, Any]]:
    """The candidates at the asset's own ratio, by index; ``listed`` says under which name an asset id was published."""
    group = sidecar.group
    if group is None:
        return []
    own = (group.ratio, group.theme)
    mates = [
        one for one in family.values() if (known := one.sidecar.group) is not None and (known.ratio, known.theme) == own
    ]
    mates.sort(key=lambda one: (_index(one), one.sidecar.id))
    return [_candidate(one, group.draw, listed, pictures) for one in mates[:MAX_CANDIDATES]]


def _index(found: Found) -> int:
    return found.sidecar.group.index if found.sidecar.group is not None else 0


def _candidate(found: Found, draw: Draw | None, listed: Mapping[str, str], pictures: Pictures) -> dict[str, Any]:
    sidecar, index = found.sidecar, _index(found)
    image = sidecar.image
    picture = found.path.with_name(image.file or found.path.name.removesuffix(".json")) if image is not None else None
    return {
        "id": shown(sidecar.id, NAME_SIGNS),
        "index": index,
        "seed": sidecar.seed,
        "place": draw.order.index(index) + 1 if draw is not None and index in draw.order else None,
        "chosen": index in draw.chosen if draw is not None else None,
        "published": maybe_shown(listed.get(sidecar.id), NAME_SIGNS),
        "rank": _rank(sidecar, draw, index),
        "verdict": verdict(sidecar),
        "width": image.width if image is not None else None,
        "height": image.height if image is not None else None,
        "src": pictures.place(picture, image.file_sha256) if picture is not None and image is not None else None,
        "stages": history(sidecar),
    }


def _rank(sidecar: Sidecar, draw: Draw | None, index: int) -> int | float | None:
    """What the candidates of a draw were ordered by, which counts its worst ratio; else the aesthetic gate's, else another's."""
    if draw is not None and draw.ranked_by is not None:
        return next((number(one.rank) for one in draw.candidates if one.index == index), None)
    ranks = {record.stage: number(record.rank) for record in sidecar.stages if record.rank is not None}
    return ranks.get("aesthetic", next(reversed(ranks.values()), None))


def draw_of(sidecar: Sidecar, family: Mapping[str, Found]) -> dict[str, Any] | None:
    """How the candidates were drawn, and whether the same choice follows from the sidecars; None where none is recorded."""
    draw = sidecar.group.draw if sidecar.group is not None else None
    if draw is None:
        return None
    named = {identity for one in draw.candidates for identity in one.ids}
    found = again(draw, {identity: one for identity, one in family.items() if identity in named})
    return {
        "drawn": len(draw.candidates),
        "most": draw.most,
        "wanted": draw.wanted,
        "passed": len(draw.order),
        "stopped": draw.stopped,
        "ranked_by": maybe_shown(draw.ranked_by, NAME_SIGNS),
        "missing": len(found.missing),
        "differences": _lines(found.differences),
    }


def _lines(lines: Sequence[str]) -> list[str]:
    return [shown(line) for line in lines[:MAX_CANDIDATES]]
