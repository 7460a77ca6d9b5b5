"""The parameters of sprite sheets, declared once: how a sheet is laid out, and how like each other its pictures have to be."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from imajin_cli.contract.stage import Params


class SpriteParams(Params):
    """A sheet of a set's pictures. A limit that is None is measured and not judged."""

    name: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", description="What the sheet's files are called.")
    ] = "sprite"
    side: Annotated[int, Field(ge=8, le=1024, description="Side in pixels of a picture's cell in the PNG sheet.")] = 64
    scale: Annotated[
        list[Annotated[int, Field(ge=1, le=4)]],
        Field(min_length=1, max_length=4, description="Pixel density of a PNG sheet; 2 adds NAME@2x.png."),
    ] = [1]
    gap: Annotated[
        int, Field(ge=0, le=64, description="Pixels between two cells, so that none bleeds into another.")
    ] = 2
    max_palette: Annotated[
        float | None,
        Field(ge=0, le=100, description="Most that a picture's colours may be off the others' (mean ΔE2000)."),
    ] = None
    max_padding: Annotated[
        float | None,
        Field(ge=0, le=1, description="Most that its padding may be off the median, as a share of the side."),
    ] = None
    max_stroke: Annotated[
        float | None,
        Field(ge=0, le=1, description="Most that its stroke width may be off the median, as a share of the side."),
    ] = None
    max_weight: Annotated[
        float | None,
        Field(ge=0, le=10, description="Most that its optical weight may be off the median, as a share of it."),
    ] = None
