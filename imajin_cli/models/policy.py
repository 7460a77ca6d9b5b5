"""What the person who runs imajin allows: licences, and the network."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Literal

from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.models.catalogue import catalogue, find
from imajin_cli.models.entry import Commercial, Entry

LicencePolicy = Literal["any", "commercial"]
DigestPolicy = Literal["first-use", "listed"]
OFFLINE_VARIABLES = ("IMAJIN_OFFLINE", "HF_HUB_OFFLINE")
_NO = ("", "0", "false", "no", "off")


ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0",
        "CC-BY-SA-4.0", "CC0-1.0", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "ISC",
        "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MIT", "MIT-0", "MPL-2.0", "OFL-1.1",
        "PSF-2.0", "Ubuntu-font-1.0", "Unicode-3.0", "Unlicense", "WTFPL", "Zlib",
    }
)  # fmt: skip
"""SPDX identifiers whose text allows commercial use, some on conditions (attribution, the same licence)."""


def commercial_use(licence: str) -> Commercial:
    """Whether a licence of a font, pack or part allows commercial use: an SPDX identifier, or several joined by AND or OR."""
    choices = [_all_of(choice) for choice in licence.strip().strip("()").split(" OR ")]
    if "allowed" in choices:
        return "allowed"
    return "unclear" if "unclear" in choices else "forbidden"


def _all_of(choice: str) -> Commercial:
    names = [name.strip(" ()") for name in choice.split(" AND ")]
    if any("-NC-" in f"{name}-" or "NONCOMMERCIAL" in name.upper().replace("-", "") for name in names):
        return "forbidden"
    return "allowed" if all(name in ALLOWED for name in names) else "unclear"


def check_chain(sidecar: Sidecar, policy: LicencePolicy) -> None:
    """Hold to ``policy`` all that went into an asset: the models, fonts, packs and parts that its records name.

    Raises UsageError that names each one which does not allow commercial use.
    """
    if policy == "any":
        return
    credited = {(credit.name, credit.licence) for record in sidecar.stages for credit in record.credits}
    models = {(r.model.name, r.model.licence or "unknown") for r in sidecar.stages if r.model is not None}
    # Of a model that the catalogue has, the catalogue's own word counts, not its licence's name alone.
    listed = {name: entry.commercial for name, entry in catalogue().items()} if models else {}
    found = {(name, licence): commercial_use(licence) for name, licence in credited}
    found |= {(name, licence): listed.get(name, commercial_use(licence)) for name, licence in models}
    wrong = sorted((name, licence, use) for (name, licence), use in found.items() if use != "allowed")
    if wrong:
        said = ", ".join(f"{name} ({licence}, commercial use {use})" for name, licence, use in wrong)
        raise UsageError(f"the licence policy is commercial: {said}", hint="use a pack, font or model that allows it")


def offline(flag: bool = False) -> str | None:
    """What forbids the network: the flag, or a variable that is set to anything but 0, no, false or off; None if nothing does."""
    if flag:
        return "--offline"
    return next((f"${name}" for name in OFFLINE_VARIABLES if os.environ.get(name, "").lower() not in _NO), None)


def check_licences(models: Iterable[Entry | str], policy: LicencePolicy) -> None:
    """Hold every model to ``policy``. Raises UsageError that names each one which does not allow commercial use."""
    if policy == "any":
        return
    wrong = []
    for model in models:
        if isinstance(model, str) and _is_place(model):
            wrong.append(f"{model} (a file or folder, whose licence is not known)")
            continue
        entry = find(model) if isinstance(model, str) else model
        if entry.commercial != "allowed":
            wrong.append(f"{entry.name} ({entry.licence}, commercial use {entry.commercial})")
    if wrong:
        said = ", ".join(wrong)
        raise UsageError(f"the licence policy is commercial: {said}", hint="imajin models licenses shows all")


def check_digests(models: Iterable[Entry | str], policy: DigestPolicy) -> None:
    """Hold every model to ``policy``. Raises UsageError that names each one whose digests no catalogue lists."""
    if policy == "first-use":
        return
    wrong = []
    for model in models:
        if isinstance(model, str) and _is_place(model):
            wrong.append(model)
            continue
        entry = find(model) if isinstance(model, str) else model
        if entry.first_use:
            wrong.append(entry.name)
    if wrong:
        raise UsageError(
            f"the digests of {', '.join(wrong)} are not listed, at most pinned by a first pull, and run.digests is listed",
            hint="list them in your models.yaml, with their digests",
        )


def _is_place(model: str) -> bool:
    """Whether a stage names a model by where it lies, not by its name in the catalogue."""
    return "/" in model or "\\" in model or model.startswith((".", "~")) or os.path.exists(model)
