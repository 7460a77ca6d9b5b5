"""What a review page holds of published folders: plain, bounded data out of manifests and sidecars, none of it trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.review.approvals import Decision, approval_of, last_approved, read_approvals, states_of
from imajin_cli.review.candidates import Families, candidates, draw_of
from imajin_cli.review.folders import Published, digests_of
from imajin_cli.review.kept import kept_copy
from imajin_cli.review.pictures import TYPES, Pictures
from imajin_cli.review.records import closest, history, verdict
from imajin_cli.review.texts import NAME_SIGNS, maybe_shown, number, shown
from imajin_cli.run.sidecars import read_sidecar

MAX_CREDITS = 64
_ROLES = 64


@dataclass(frozen=True)
class Item:
    """An asset on its way into the page: its folder, manifest entry, sidecar (None where it has none of ours)."""

    place: Published
    entry: Mapping[str, Any]
    sidecar: Sidecar | None
    problem: str | None
    states: Mapping[str, str]

    @property
    def first(self) -> str:
        """The name of its first file."""
        return str(self.entry["files"][0]["name"])


def gather(places: Sequence[Published], beside: Sequence[Path], pictures: Pictures) -> dict[str, Any]:
    """Every published asset of ``places``, with the candidates that lie there and in the folders ``beside``.

    Candidates stand once, as ``groups``, which assets name by their place there, as they name pictures. Raises InputError
    for a file of approvals that is not ours.
    """
    items = [_item(place, entry) for place in places for entry in place.assets]
    known = {place.path: read_approvals(place.path) for place in places}
    decided = {path: found.by_file() for path, found in known.items()}
    shapes = [_asset(item, decided[item.place.path].get(item.first), pictures) for item in items]
    groups = _groups(items, shapes, beside, pictures)
    approved = {path: last_approved(found) for path, found in known.items()}
    for item, shape in zip(items, shapes, strict=True):
        shape["previous"] = _previous(item, approved[item.place.path].get(item.first), pictures)
    _pair(items, shapes)
    return {"assets": shapes, "groups": groups, "pictures": pictures.sources}


def _groups(
    items: Sequence[Item], shapes: Sequence[dict[str, Any]], beside: Sequence[Path], pictures: Pictures
) -> list[dict[str, Any]]:
    """The candidates of each group and ratio; each asset's shape is told which are its own."""
    grouped = [(item, shape) for item, shape in zip(items, shapes, strict=True) if _many(item.sidecar)]
    if not grouped:
        return []
    listed = {item.sidecar.id: item.first for item in items if item.sidecar is not None}
    families = Families([*dict.fromkeys(item.place.path for item in items), *beside])
    groups: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    for item, shape in grouped:
        sidecar = item.sidecar
        if sidecar is None or sidecar.group is None:
            continue
        key, family = (sidecar.group.id, sidecar.group.ratio, sidecar.group.theme), families.of(sidecar)
        if key not in groups:
            members = candidates(sidecar, family, listed, pictures)
            groups[key] = {"place": len(groups), "candidates": members, "draw": draw_of(sidecar, family)}
        shape["group"] = groups[key]["place"]
    return list(groups.values())


def _item(place: Published, entry: dict[str, Any]) -> Item:
    path = place.path / (str(entry["files"][0]["name"]) + ".json")
    states = states_of(place.path, entry)
    try:
        sidecar = read_sidecar(path)
        return Item(place, entry, sidecar, None if sidecar is not None else "It has no sidecar.", states)
    except InputError as error:
        return Item(place, entry, None, shown(error.message), states)


def _many(sidecar: Sidecar | None) -> bool:
    return (
        sidecar is not None and sidecar.group is not None and (sidecar.group.size > 1 or sidecar.group.draw is not None)
    )


def _asset(item: Item, decision: Decision | None, pictures: Pictures) -> dict[str, Any]:
    entry, sidecar = item.entry, item.sidecar
    request = sidecar.request if sidecar is not None else None
    identity = entry.get("id")
    return {
        "name": shown(item.first, NAME_SIGNS),
        "folder": shown(item.place.label, NAME_SIGNS),
        "alt": maybe_shown(entry.get("alt")),
        "theme": maybe_shown(entry.get("theme"), _ROLES),
        "ratio": maybe_shown(entry.get("ratio"), _ROLES),
        "width": number(entry.get("width")),
        "height": number(entry.get("height")),
        "prompt": maybe_shown(request.prompt) if request is not None else None,
        "headline": maybe_shown(request.headline) if request is not None else None,
        "caption": maybe_shown(request.caption) if request is not None else None,
        "preset": maybe_shown(request.preset, NAME_SIGNS) if request is not None else None,
        "seed": sidecar.seed if sidecar is not None else None,
        "verdict": verdict(sidecar) if sidecar is not None else None,
        "problem": item.problem,
        "closest": closest(sidecar.stages) if sidecar is not None else None,
        "stages": history(sidecar) if sidecar is not None else [],
        "src": _shown_by(item, pictures),
        "files": [_file(item, file, pictures) for file in entry["files"]],
        "credits": _credits(entry.get("credits")),
        "group": None,
        "pair": None,
        "previous": None,
        "approval": approval_of(dict(entry), decision, item.states),
        "note": shown(decision.note) if decision is not None else "",
        # As it is, not as it is shown: this goes into decisions.json.
        "subject": {
            "folder": item.place.label,
            "name": str(entry.get("name", item.first))[:1024],
            "id": identity[:64] if isinstance(identity, str) else None,
            "files": [{"name": file["name"], "sha256": file["sha256"]} for file in entry["files"]],
        },
    }


def _shown_by(item: Item, pictures: Pictures) -> int | None:
    """The first file that a browser shows."""
    for file in item.entry["files"]:
        if Path(file["name"]).suffix.lower() in TYPES:
            source = pictures.place(item.place.path / file["name"], file["sha256"])
            if source is not None:
                return source
    return None


def _previous(item: Item, decision: Decision | None, pictures: Pictures) -> int | None:
    """The picture that was approved last, where it is another one and a copy of it was kept."""
    if decision is None or decision.digests() == digests_of(dict(item.entry)):
        return None
    copy = kept_copy(decision)
    return pictures.place(*copy) if copy is not None else None


def _file(item: Item, file: Mapping[str, Any], pictures: Pictures) -> dict[str, Any]:
    return {
        "name": shown(file["name"], NAME_SIGNS),
        "href": pictures.address(item.place.path / file["name"]),
        "sha256": shown(file["sha256"], 64),
        "bytes": number(file.get("bytes")),
        "width": number(file.get("width")),
        "height": number(file.get("height")),
        "state": item.states[file["name"]],
    }


def _credits(found: Any) -> list[list[str]]:
    listed = found if isinstance(found, list) else []
    known = [one for one in listed if isinstance(one, dict)]
    return [[shown(one.get("name", "")), shown(one.get("licence", ""), NAME_SIGNS)] for one in known[:MAX_CREDITS]]


def _pair(items: Sequence[Item], shapes: Sequence[dict[str, Any]]) -> None:
    """Tell assets that were asked for alike, one of them for a dark surface, of each other, by their place in the list."""
    alike: dict[tuple[Any, ...], dict[str, int]] = {}
    for place, (item, shape) in enumerate(zip(items, shapes, strict=True)):
        if item.sidecar is None or shape["theme"] not in ("light", "dark") or shape["prompt"] is None:
            continue
        request = [shape[key] for key in ("folder", "prompt", "headline", "caption", "preset", "seed", "ratio")]
        alike.setdefault(tuple(request), {}).setdefault(shape["theme"], place)
    for themes in alike.values():
        if len(themes) == 2:
            shapes[themes["light"]]["pair"] = themes["dark"]
            shapes[themes["dark"]]["pair"] = themes["light"]
