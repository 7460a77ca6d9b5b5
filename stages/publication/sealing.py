"""The files of one asset signed, last of all: each derivative gets a manifest of its own, in it or beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.provenance import ProvenanceParams
from imajin_cli.contract.stage import Asset
from imajin_cli.stages.provenance.claims import Derived, source_type, xmp
from imajin_cli.stages.publication.made import NO_PICTURE, Made

if TYPE_CHECKING:
    from imajin_cli.stages.imaging.encode.formats import Settings
    from imajin_cli.stages.provenance.signing import Sealer

SUFFIX = ".c2pa"
# A smaller raster is an icon, of which a packet would be a good part.
_LEAST_SIDE = 128


def with_packet(settings: Settings, asset: Asset, params: ProvenanceParams, *, signed: bool) -> Settings:
    """``settings`` with an XMP packet for ``asset``'s rasters; as they are where none is wanted, or no source type is true."""
    wanted = params.source_type == "on" or (params.source_type == "auto" and signed)
    kind = source_type(asset.sidecar) if wanted else None
    if kind is None:
        return settings
    return replace(settings, xmp=xmp(kind), xmp_from=0 if params.source_type == "on" else _LEAST_SIDE)


def sealed(asset: Asset, files: Sequence[Made], sealer: Sealer) -> list[Made]:
    """``files`` signed, and after them the manifests that stand beside their files. What shows no picture is not.

    Raises InputError where there is no picture, BackendError where a file cannot be signed.
    """
    if asset.picture is None:
        raise InputError(f"{asset.name}: has no picture yet")
    signed, beside = [], []
    for file in files:
        if file.role in NO_PICTURE:
            signed.append(file)
            continue
        derived = Derived(file.pixels, asset.picture.size, file.cut)
        done = sealer.seal(file.data, file.format, file.name, asset.sidecar, derived)
        told = {**done.told, "source_type": source_type(asset.sidecar)}
        signed.append(replace(file, data=done.data, signed=told))
        if done.beside is not None:
            name = file.name + SUFFIX
            told = {"of": file.name, "unsigned_sha256": told["unsigned_sha256"], "claim": told["claim"]}
            beside.append(replace(file, format="c2pa", data=done.beside, role="provenance", name=name, signed=told))
    return [*signed, *beside]
