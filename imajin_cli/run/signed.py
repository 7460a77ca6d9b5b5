"""Signed files that stand where they are published, kept where nothing changed in what they were signed of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.stage import Publication, PublishedFile
from imajin_cli.run.shelf import Shelf

_SAME = ("unsigned_sha256", "claim", "of", "embedded")


def with_standing(publication: Publication, shelf: Shelf) -> Publication:
    """``publication`` with those signed files that stand there already, of the same unsigned bytes and the same claim.

    Signing the same bytes twice gives different ones; what nothing changed in stays as it is.
    """
    if not any("provenance" in file.entry for file in publication.files):
        return publication
    return replace(publication, files=[_kept(file, shelf) for file in publication.files])


def _kept(file: PublishedFile, shelf: Shelf) -> PublishedFile:
    said = file.entry.get("provenance")
    found = shelf.standing(file.name) if isinstance(said, Mapping) else None
    if found is None or not isinstance(said, Mapping):
        return file
    listed, data = found
    known = listed.get("provenance")
    if not isinstance(known, Mapping) or any(said.get(name) != known.get(name) for name in _SAME):
        return file
    return replace(file, data=data) if sha256(data) == listed["sha256"] else file
