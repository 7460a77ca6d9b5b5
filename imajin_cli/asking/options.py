"""The sections of the configuration that classify, prompt and auto read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from imajin_cli.contract.stage import Params

Dialect = Literal["compose", "sentence", "tags"]


class AskingParams(Params):
    """Who reads a request in plain words: the embedded heads, or a language model."""

    llm: Annotated[
        str | None,
        Field(
            max_length=500,
            description="Address of a language model with OpenAI's chat interface, such as http://localhost:8080/v1 (a key is "
            "read from $IMAJIN_LLM_KEY), or a model on this machine: a folder, or a name of the catalogue. Its answer is "
            "checked like any input.",
        ),
    ] = None
    llm_model: Annotated[str, Field(min_length=1, max_length=200, description="Name of the model at that address.")] = "default"
    llm_timeout: Annotated[
        float, Field(gt=0, le=600, allow_inf_nan=False, description="Most seconds that its whole answer may take.")
    ] = 30.0


class PromptParams(Params):
    """How generation prompts are worded."""

    dialect: Annotated[
        Dialect,
        Field(
            description="compose: what the scene composer reads; sentence: for FLUX, Z-Image and Qwen-Image; tags: for SD and "
            "SDXL, anime models among them."
        ),
    ] = "compose"
    voice: Annotated[
        str | None,
        Field(
            max_length=300,
            description='The brand\'s voice, put into every painted prompt: "warm, rounded, soft greens".',
        ),
    ] = None
    avoid: Annotated[
        list[str], Field(max_length=64, description="What is to be kept out of every painted picture; repeat it.")
    ] = []
    wildcards: Annotated[
        str | None, Field(max_length=1000, description="Folder of NAME.txt files, for __NAME__ in a request.")
    ] = None
