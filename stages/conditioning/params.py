"""The params of `condition`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from imajin_cli.contract.stage import Params

FILES = frozenset({"source", "pose", "map"})
"""Params that may name files: what is in them is part of the key, where they lie is not."""


class ConditionParams(Params):
    """Which control maps are made, and from what."""

    kind: Annotated[
        list[Literal["canny", "softedge", "lineart", "scribble", "pose", "depth", "normal", "segmentation", "layout"]],
        Field(
            max_length=9,
            description="Kind of control map; repeat it for several. layout: a scene's own layers as segmentation and "
            "canny maps, and the picture to begin from.",
        ),
    ] = []
    source: Annotated[
        str | None, Field(max_length=1024, description="Picture to make the maps from, instead of the asset's own.")
    ] = None
    pose: Annotated[
        str | None,
        Field(
            max_length=20_000,
            description="standing, sitting, walking or running; a file of keypoints; a picture of people; or 18 points "
            'written out as "x,y x,y - …".',
        ),
    ] = None
    clothing: Annotated[
        list[str],
        Field(
            max_length=6,
            description="PART=WORDS, what the people of the pose wear, as a segmentation map; PART: head, torso, legs, "
            "feet, hands or body.",
        ),
    ] = []
    map: Annotated[
        list[str],
        Field(max_length=8, description="KIND=FILE: a map of your own, which wins over any that would be made."),
    ] = []
    palette: Annotated[
        Literal["ade20k", "lip"],
        Field(description="Colours of clothing: ade20k knows people and apparel, lip each part and garment."),
    ] = "ade20k"
    side: Annotated[int, Field(ge=64, le=4096, description="Longest side of a map in pixels; none is scaled up.")] = (
        1024
    )
    low: Annotated[int, Field(ge=0, le=1000, description="Canny's lower threshold: where an edge goes on.")] = 100
    high: Annotated[int, Field(ge=0, le=1000, description="Canny's upper threshold: where an edge begins.")] = 200
