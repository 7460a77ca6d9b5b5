"""Control maps as assets of their own: kept beside what they were made for, and found again by digest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imajin_cli.contract.digest import json_digest
from imajin_cli.contract.errors import InputError
from imajin_cli.contract.maps import INIT, KINDS, maps_of
from imajin_cli.contract.picture import ControlMap, Picture
from imajin_cli.contract.request import request_digest
from imajin_cli.contract.sidecar import MapRef, Record, Sidecar
from imajin_cli.contract.stage import Asset
from imajin_cli.run.assets import Entry, described_as
from imajin_cli.run.reading import read_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

Keep = Callable[[Asset, str, str], Entry]
Decode = Callable[[Path, bytes], Picture]


def map_asset(source: Asset, kind: str, one: ControlMap, record: Record) -> Asset:
    """The map ``kind`` that ``record`` tells of, as an asset that comes from ``source``."""
    sidecar = source.sidecar
    before = [source.picture.sha256] if source.picture is not None else []
    notes = {"map": kind, **{key: told[kind] for key, told in record.notes.items() if _tells(told, kind)}}
    own = record.model_copy(
        update={"status": "changed", "output": one.picture.sha256, "notes": notes, "maps": {}, "reason": None}
    )
    known = Sidecar(
        id=json_digest([sidecar.id, kind, one.picture.sha256])[:16],
        seed=sidecar.seed,
        stages=[own],
        lineage=[*sidecar.lineage, *before],
    )
    return Asset(described_as(known, one.picture), one.picture, f"{source.name}.{kind}")


def _tells(told: object, kind: str) -> bool:
    return isinstance(told, Mapping) and kind in told


def keep_maps(keep: Keep, source: Asset, maps: Mapping[str, ControlMap], record: Record) -> dict[str, MapRef]:
    """Keep each of ``maps`` as an asset of its own; what ``record`` is to say of them. Raises OutputError."""
    refs = {}
    for kind, one in maps.items():
        asset = map_asset(source, kind, one, record)
        kept = keep(asset, asset.name, record.key)
        size, file = one.picture.size, kept.path.name if kept.path is not None else None
        refs[kind] = MapRef(file=file, sha256=one.picture.sha256, width=size[0], height=size[1], fit=one.fit)
    return refs


def opened_maps(
    sidecar: Sidecar, picture: Picture | None, folders: Iterable[Path], decode: Decode
) -> dict[str, ControlMap]:
    """The maps that ``sidecar`` names and that are there, by kind: in the first of ``folders`` that holds the file.

    A map is read when it is looked at, and only the very pixels that the record tells of are taken: anything else is an
    InputError.
    """
    if not any(record.maps for record in sidecar.stages):
        return {}
    current = picture.sha256 if picture is not None else None
    if current is None and sidecar.request is not None:
        current = request_digest(sidecar.request)
    places = list(dict.fromkeys(folders))
    found = {}
    for kind, ref in maps_of(sidecar, current or "").items():
        at = next((place / ref.file for place in places if ref.file and (place / ref.file).is_file()), None)
        if at is not None:
            found[kind] = ControlMap(_lazily(at, ref, decode), ref.fit)
    return found


def _lazily(path: Path, ref: MapRef, decode: Decode) -> Picture:
    def pixels() -> Image:
        picture = decode(path, read_bytes(path))
        if picture.sha256 != ref.sha256:
            raise InputError(f"{path}: is not the map that was made", hint="imajin condition --force makes it again")
        return picture.image

    return Picture((ref.width, ref.height), pixels, sha256=ref.sha256)


def steered(entry: Entry, by: Entry) -> Entry:
    """The request ``entry`` with the maps of the asset ``by``, and the records that tell of them; a map steers by itself.

    Raises InputError where it has none.
    """
    maps = by.asset.maps or _itself(by)
    if not maps:
        raise InputError(f"{by.label}: has no control map that is there", hint="imajin condition FILE --kind canny")
    told = [record for record in by.sidecar.stages if record.maps]
    lineage = [*by.sidecar.lineage, *([by.asset.picture.sha256] if by.asset.picture is not None else [])]
    stages = [*entry.sidecar.stages, *told]
    sidecar = entry.sidecar.model_copy(update={"stages": stages, "lineage": lineage})
    return Entry(replace(entry.asset, sidecar=sidecar, maps=maps))


def _itself(by: Entry) -> dict[str, ControlMap]:
    """The asset ``by`` as the map that it is, by its kind; nothing where it is none."""
    kind = by.sidecar.stages[-1].notes.get("map") if by.sidecar.stages else None
    if kind not in (*KINDS, INIT) or by.asset.picture is None:
        return {}
    return {kind: ControlMap(by.asset.picture, "contain" if kind == "pose" else "cover")}
