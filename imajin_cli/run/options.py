"""The options that belong to the runtime rather than to a stage."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from imajin_cli.contract.stage import Params

# Options that people reach for in every run, and the stage's parameter that each sets.
SHORTCUTS = (
    ("identity", "reference"),
    ("generate", "colour"),
    ("generate", "theme"),
    ("generate", "layout"),
    ("output", "to"),
    ("output", "name"),
    ("output", "format"),
)


class RunParams(Params):
    """Which stages `imajin run` runs, and how many candidates it keeps."""

    best: Annotated[
        int | None,
        Field(
            ge=1, le=256, description="Keep the K best candidates, by aesthetic where it ranked them, else by quality."
        ),
    ] = None
    until_pass: Annotated[
        bool, Field(description="Draw candidates, seed after seed, until as many as asked for have passed every gate.")
    ] = False
    max_candidates: Annotated[
        int, Field(ge=1, le=256, description="Most candidates that --until-pass draws for a request.")
    ] = 16
    max_seconds: Annotated[
        float | None,
        Field(gt=0, le=86_400, description="After so many seconds --until-pass begins no other candidate."),
    ] = None
    start: Annotated[
        str | None,
        Field(description="Start at this stage.", json_schema_extra={"flag": "--from", "completes": "stages"}),
    ] = None
    until: Annotated[
        str | None, Field(description="Stop after this stage.", json_schema_extra={"completes": "stages"})
    ] = None
    also: Annotated[
        list[str],
        Field(
            description="Run this stage too, which runs only where it is asked for; repeat it for several.",
            json_schema_extra={"completes": "stages"},
        ),
    ] = []
    skip: Annotated[
        list[str],
        Field(description="Leave this stage out; repeat it for several.", json_schema_extra={"completes": "stages"}),
    ] = []
    licence_policy: Annotated[
        Literal["any", "commercial"],
        Field(description="commercial: refuse a model whose licence does not allow commercial use."),
    ] = "any"
    digests: Annotated[
        Literal["first-use", "listed"],
        Field(
            description="listed: refuse a model whose digest no catalogue lists; first-use: hold it to what its first "
            "pull brought."
        ),
    ] = "first-use"
