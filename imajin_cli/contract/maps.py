"""Control maps: pictures that steer a diffusion model, made by `condition` for an asset and kept as assets of their own."""

from __future__ import annotations

from typing import Literal, get_args

from imajin_cli.contract.sidecar import MapRef, Sidecar

Kind = Literal["canny", "softedge", "lineart", "scribble", "pose", "depth", "normal", "segmentation"]
"""Kinds of control maps, by what the ControlNets that read them were trained on."""
KINDS: tuple[Kind, ...] = get_args(Kind)
INIT = "init"
"""Kept beside the maps of a layout: the picture to begin from (img2img)."""


def maps_of(sidecar: Sidecar, current: str) -> dict[str, MapRef]:
    """The maps that records tell of and that still hold for ``current``, the digest of the pixels or of the request.

    A record's maps hold while its output leads to ``current`` through recorded changes alone: an edit by another program ends
    them. Where several records made one kind, the latest counts.
    """
    live, found = {current}, dict[str, MapRef]()
    for record in reversed(sidecar.stages):
        if record.output not in live:
            continue
        for kind, ref in record.maps.items():
            found.setdefault(kind, ref)
        if record.status == "changed" and record.input is not None:
            live.add(record.input)
    return found
