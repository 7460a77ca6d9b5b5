"""The parameters that name a reference, shared by the stages that take one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from imajin_cli.contract.stage import Params
from imajin_cli.stages.recognition.template import MOST_FACES

Number = Annotated[int, Field(ge=1, le=64)]


class ReferenceParams(Params):
    """Who is to be seen, and what a reference picture must be."""

    reference: Annotated[
        list[str],
        Field(
            max_length=MOST_FACES,
            description="Photograph of the person who is to be seen; repeat it for several of one person.",
        ),
    ] = []
    face: Annotated[
        Number | Literal["only", "largest"],
        Field(description="Which face of a reference with several: its number from left to right, or largest."),
    ] = "only"
    model: Annotated[
        str,
        Field(
            min_length=1,
            max_length=61,
            description="Model of the catalogue that describes faces (task face-embedding).",
        ),
    ] = "face-embedding-dlib"
    min_face: Annotated[float, Field(ge=40, le=4096, description="Least width of a reference's face in pixels.")] = 80.0
