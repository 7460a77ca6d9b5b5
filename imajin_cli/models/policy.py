"""What the person who runs imajin allows: licences, and the network."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Literal

from imajin_cli.contract.errors import UsageError
from imajin_cli.models.catalogue import find
from imajin_cli.models.entry import Entry

LicencePolicy = Literal["any", "commercial"]
OFFLINE_VARIABLES = ("IMAJIN_OFFLINE", "HF_HUB_OFFLINE")
_NO = ("", "0", "false", "no", "off")


def offline(flag: bool = False) -> str | None:
    """What forbids the network: the flag, or a variable that is set to anything but 0, no, false or off; None if nothing does."""
    if flag:
        return "--offline"
    return next((f"${name}" for name in OFFLINE_VARIABLES if os.environ.get(name, "").lower() not in _NO), None)


def check_licences(models: Iterable[Entry | str], policy: LicencePolicy) -> None:
    """Hold every model to ``policy``. Raises UsageError that names each one which does not allow commercial use."""
    if policy == "any":
        return
    entries = [find(model) if isinstance(model, str) else model for model in models]
    wrong = [entry for entry in entries if entry.commercial != "allowed"]
    if wrong:
        said = ", ".join(f"{entry.name} ({entry.licence}, commercial use {entry.commercial})" for entry in wrong)
        raise UsageError(f"the licence policy is commercial: {said}", hint="imajin models licenses shows all")
