"""The parameters of a request, declared once for every stage that takes one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from imajin_cli.contract.digest import json_digest
from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.sidecar import Request
from imajin_cli.contract.stage import Params

MAX_SIDE = 8192
MAX_COUNT = 256
# Seeds and indices are added up and passed to generators of 32 bits.
MAX_SEED = 2**32 - 1 - MAX_COUNT


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) in pixels from "WIDTHxHEIGHT" or "SIDE". Raises ValueError where it is neither or out of bounds."""
    head, cross, tail = text.strip().lower().replace("×", "x").partition("x")
    try:
        width = int(head)
        height = int(tail) if cross else width
    except ValueError:
        raise ValueError(f'"{text[:40]}" is not a size: write WIDTHxHEIGHT, such as 1200x630') from None
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise ValueError(f"a size is from 1 to {MAX_SIDE} pixels a side, not {text[:40]}")
    if max(width, height) > 20 * min(width, height):
        raise ValueError(f"{text[:40]} is more than 20 times as long as it is wide")
    return width, height


class RequestParams(Params):
    """What is asked for."""

    prompt: Annotated[
        str | None,
        Field(
            max_length=100_000,
            description="What to see, where the command line says nothing.",
            json_schema_extra={"argument": True},
        ),
    ] = None
    headline: Annotated[
        str | None, Field(max_length=200, description="Headline to set into the picture, as real text.")
    ] = None
    caption: Annotated[
        str | None, Field(max_length=500, description="Caption to set below the headline, as real text.")
    ] = None
    size: Annotated[
        list[str],
        Field(
            min_length=1,
            max_length=32,
            description="Size in pixels, WIDTHxHEIGHT or SIDE; repeat it for several. Each ratio is laid out anew.",
        ),
    ] = ["1024x1024"]
    family: Annotated[
        list[str],
        Field(
            max_length=32,
            description="Size family: hero, og, sidebar, portrait, square, thumbnail, favicon, one of --define, or "
            "NAME=WIDTHxHEIGHT,…; repeat it for several. The fewest bases are made and each size is cut around the subject.",
        ),
    ] = []
    define: Annotated[
        list[str],
        Field(max_length=64, description="Size family of your own to choose from, NAME=WIDTHxHEIGHT,…"),
    ] = []
    seed: Annotated[
        int, Field(ge=0, le=MAX_SEED, description="Seed of the first candidate; the same seed gives the same bytes.")
    ] = 0
    count: Annotated[
        int,
        Field(
            ge=1,
            le=MAX_COUNT,
            description="Number of candidates, from seeds SEED, SEED+1, …",
            json_schema_extra={"short": "n"},
        ),
    ] = 1

    @field_validator("size")
    @classmethod
    def _sizes(cls, sizes: list[str]) -> list[str]:
        return ["{}x{}".format(*parse_size(size)) for size in sizes]

    @model_validator(mode="after")
    def _families(self) -> RequestParams:
        from imajin_cli.contract.families import read_families

        read_families(self.family, self.define)
        return self

    def wanted(self) -> tuple[list[str], list[str]]:
        """The sizes that are asked for, and the families, written out. With families the default size is nobody's wish."""
        from imajin_cli.contract.families import read_families

        families = [family.written() for family in read_families(self.family, self.define)]
        return self.size if not families or "size" in self.model_fields_set else [], families

    def request(self, prompt: str | None, preset: str | None) -> Request:
        """The request for ``prompt``, by default the configured one.

        Raises UsageError where it is empty, far too long, or holds bytes that are no text.
        """
        text = (prompt if prompt is not None else self.prompt or "").strip()
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            raise UsageError("the prompt is not UTF-8", hint="set a UTF-8 locale, such as LC_ALL=C.UTF-8")
        if not text:
            raise UsageError(
                "there is no prompt", hint='write what you want to see, such as: imajin run "a lost robot"'
            )
        if len(text) > 100_000:
            raise UsageError(f"the prompt has {len(text):,} characters; at most 100,000 can be read")
        size, families = self.wanted()
        rest = self.model_dump(exclude={"prompt", "size", "family", "define"})
        return Request(prompt=text, preset=preset, size=size, family=families, **rest)


def request_digest(request: Request) -> str:
    """Identity of a request: the digest of all that was asked for."""
    return json_digest(request.model_dump(mode="json"))
