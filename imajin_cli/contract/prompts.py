"""Generation prompts made of a request: the answer of `imajin prompt`, versioned."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

PROMPTS_VERSION = 1


class Worded(BaseModel):
    """Base of what is said of prompts: nothing but what is declared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GenerationPrompt(Worded):
    """One prompt for `imajin generate`, with the seed it is meant for."""

    prompt: Annotated[str, Field(min_length=1, max_length=2000)]
    negative: Annotated[
        str, Field(max_length=1000, description="What is to be kept out; empty where the dialect takes none.")
    ] = ""
    seed: Annotated[int, Field(ge=0)]
    differs: Annotated[list[str], Field(max_length=8, description="What this variation decides anew.")]


class PromptSet(Worded):
    """All prompts made of one request."""

    imajin: Annotated[int, Field(description="Version of this format.")] = PROMPTS_VERSION
    request: Annotated[str, Field(max_length=100_000)]
    by: Annotated[str, Field(max_length=200, description="Who worded them: templates, or a language model.")]
    dialect: Literal["compose", "sentence", "tags"]
    kind: Annotated[str, Field(max_length=40, description="Kind of request, as `imajin classify` says.")]
    prompts: Annotated[list[GenerationPrompt], Field(max_length=10_000)]
