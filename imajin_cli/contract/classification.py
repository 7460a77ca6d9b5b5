"""What a request in plain words is taken for: the answer of `imajin classify`, versioned."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

CLASSIFICATION_VERSION = 1
UNSAID = "unsaid"
"""The value of what a request says nothing about."""

Kind = Literal[
    "picture", "hero", "share-picture", "banner", "icon", "icon-set", "avatar", "pattern",
    "error-page", "loading-state", "empty-state", "success-state", "edit", "variation",
]  # fmt: skip
Style = Literal["unsaid", "flat", "line", "3d", "anime", "photorealistic"]
Theme = Literal["unsaid", "light", "dark", "contrast"]
Maturity = Literal["general", "mature"]
Layout = Literal["auto", "spot", "hero", "banner", "icon", "avatar", "pattern", "numerals"]
Operation = Literal["unsaid", "background", "caption", "format", "paint", "size", "theme"]
SizeFamily = Literal["spot", "hero", "share", "banner", "icon", "avatar", "pattern", "source"]

Probability = Annotated[float, Field(ge=0, le=1, description="Calibrated probability that the value is right.")]


class Part(BaseModel):
    """Base of every part of a classification: nothing but what is declared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Guess(Part):
    """One answer, how sure it is, and why."""

    value: str
    probability: Probability
    reason: Annotated[str, Field(max_length=500)]


class Count(Part):
    """How many subjects are to be seen; 0 where the request does not say."""

    value: Annotated[int, Field(ge=0, le=256)]
    probability: Probability
    reason: Annotated[str, Field(max_length=500)]


class Subject(Part):
    """A thing, person or animal that is to be seen: the name of what can be drawn, and the words that ask for it."""

    name: Annotated[str, Field(max_length=80)]
    kind: Literal["person", "animal", "thing"]
    words: Annotated[
        str, Field(max_length=200, description="Words of the request; empty where it follows from the whole.")
    ]
    probability: Annotated[
        float, Field(ge=0, le=1, description="How surely it is meant, as the matcher says; not calibrated.")
    ]


class Keyword(Part):
    """A word for how the picture is to feel."""

    word: Annotated[str, Field(max_length=40)]
    probability: Annotated[
        float, Field(ge=0, le=1, description="Share among all such words by nearness; not calibrated.")
    ]
    reason: Annotated[str, Field(max_length=500)]


class Reference(Part):
    """A picture that the request names."""

    kind: Literal["file", "url"]
    value: Annotated[str, Field(max_length=2000)]


class Lettering(Part):
    """Words that are to stand in the picture."""

    value: Annotated[str, Field(max_length=200)]
    probability: Probability
    reason: Annotated[str, Field(max_length=500)]


class Classification(Part):
    """What one request is taken for. Everything but `request` and `references` is a guess, with its reason."""

    imajin: Annotated[int, Field(description="Version of this format.")] = CLASSIFICATION_VERSION
    request: Annotated[str, Field(max_length=100_000)]
    by: Annotated[
        str,
        Field(
            max_length=200, description="What judged: heads over an embedder and their revision, or a language model."
        ),
    ]
    kind: Annotated[Guess, Field(description="One of the kinds of request.")]
    operation: Annotated[Guess, Field(description="What an edit does to its picture; unsaid for all else.")]
    style: Guess
    theme: Guess
    maturity: Guess
    language: Annotated[Guess, Field(description="Language tag.")]
    preset: Annotated[Guess, Field(description="Preset to start from; empty for none.")]
    layout: Guess
    size_family: Guess
    sizes: Annotated[
        list[str], Field(max_length=16, description="Sizes, WIDTHxHEIGHT; empty where a source's own counts.")
    ]
    count: Count
    subjects: Annotated[list[Subject], Field(max_length=8)]
    keywords: Annotated[list[Keyword], Field(max_length=5)]
    colours: Annotated[list[str], Field(max_length=8, description="Colours that the request names, #rrggbb.")]
    text: Annotated[Lettering | None, Field(description="Words to set into the picture.")] = None
    references: Annotated[list[Reference], Field(max_length=16)]
