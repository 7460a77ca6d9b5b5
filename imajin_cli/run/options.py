"""The options that belong to the runtime rather than to a stage."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from imajin_cli.contract.stage import Params

# Options that people reach for in every run, and the stage's parameter that each sets.
SHORTCUTS = (
    ("generate", "colour"),
    ("generate", "theme"),
    ("generate", "layout"),
    ("output", "to"),
    ("output", "name"),
    ("output", "format"),
)


class RunParams(Params):
    """Which stages `imajin run` runs, and how many candidates it keeps."""

    best: Annotated[int | None, Field(ge=1, le=256, description="Keep the K best candidates by quality.")] = None
    start: Annotated[str | None, Field(description="Start at this stage.", json_schema_extra={"flag": "--from"})] = None
    until: Annotated[str | None, Field(description="Stop after this stage.")] = None
    skip: Annotated[list[str], Field(description="Leave this stage out; repeat it for several.")] = []
    licence_policy: Annotated[
        Literal["any", "commercial"],
        Field(description="commercial: refuse a model whose licence does not allow commercial use."),
    ] = "any"
