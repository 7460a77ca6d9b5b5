"""The parameters of provenance, declared once for every stage and command that signs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from imajin_cli.contract.stage import Params


class ProvenanceParams(Params):
    """Who signs what is published, and how. Without a certificate nothing is signed."""

    certificate: Annotated[
        str | None,
        Field(max_length=4096, description="PEM file with the signer's certificate first, then what issued it."),
    ] = None
    key: Annotated[str | None, Field(max_length=4096, description="PEM file with the certificate's private key.")] = (
        None
    )
    key_env: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$",
            description="Environment variable that holds the key's PEM text, instead of a file.",
        ),
    ] = None
    embed: Annotated[
        Literal["auto", "always", "sidecar"],
        Field(
            description="Where a manifest goes: into the file where it is under a tenth of it, else beside it as NAME.c2pa."
        ),
    ] = "auto"
    source_type: Annotated[
        Literal["auto", "on", "off"],
        Field(
            description="IPTC digital source type in the XMP of rasters; auto: where files are signed, but for icons."
        ),
    ] = "auto"
    with_prompt: Annotated[bool, Field(description="Put the prompt into the manifest.")] = False
    timestamp: Annotated[
        str | None,
        Field(
            max_length=2048,
            pattern=r"^https?://\S+$",
            description="RFC 3161 time-stamp authority to ask; by default none, and no network.",
        ),
    ] = None
