"""The manifest of a folder that is published into, `manifest.json`, as other programs read it.

It says less than what `output` writes may come to hold: unknown fields are a newer version's.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from imajin_cli.contract.sidecar import Doc, FileName, Sha256


class Cut(Doc):
    """The part of the base that a file shows: ``box`` (left, top, right, bottom) in its pixels, and what it goes ``around``."""

    box: list[int] = Field(min_length=4, max_length=4)
    around: Literal["subject", "alpha", "ground", "face", "centre"]


class ManifestFile(Doc):
    """One published file: bytes and digest as it is there, size in its own pixels, density, MIME type and role.

    ``family`` is the size family that it belongs to, ``mark`` what it carries, ``provenance`` how it is signed.
    """

    name: FileName
    bytes: int = Field(ge=0)
    sha256: Sha256
    width: int | None = None
    height: int | None = None
    format: str | None = None
    scale: float | None = None
    type: str | None = None
    role: str | None = None
    family: str | None = None
    cut: Cut | None = None
    mark: dict[str, Any] | None = None
    provenance: dict[str, Any] | None = None


class Pair(Doc):
    """A pair of themes: its ``id``, which theme this is, ``<source>`` elements of it; of the light one ``html`` for both."""

    id: str
    theme: str
    sources: str
    html: str | None = None


class ManifestFamily(Doc):
    """How one size family is shown: ``srcset`` by format, HTML for a page's body, and for its head."""

    srcset: dict[str, str] = Field(default_factory=dict)
    html: str | None = None
    head_html: str | None = None


class ManifestAsset(Doc):
    """One asset: the first of its files is the one that its sidecar stands beside; sizes are in CSS pixels.

    ``lang`` is the language of ``alt``, ``placeholder`` the average colour, ``thumbhash`` a blurred likeness (base64).
    """

    name: str
    id: str
    key: str
    alt: str
    lang: str | None = None
    width: int
    height: int
    ratio: str
    theme: str | None = None
    placeholder: str
    thumbhash: str | None = None
    srcset: dict[str, str]
    html: str | None = None
    icon_html: str | None = None
    motion_html: str | None = None
    pair: Pair | None = None
    families: dict[str, ManifestFamily] = Field(default_factory=dict)
    credits: list[dict[str, str]]
    require: list[dict[str, Any]]
    files: list[ManifestFile] = Field(min_length=1)


class PublishedManifest(Doc):
    """`manifest.json`: its version and every asset of the folder."""

    imajin: Literal[1]
    assets: list[ManifestAsset]
