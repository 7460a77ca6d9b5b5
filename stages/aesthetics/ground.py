"""What a see-through picture is looked at on: what its pixels ask for, and for a drawing in a dark theme a dark ground."""

from __future__ import annotations

from imajin_cli.contract.sidecar import Sidecar

# Range of OKLab lightness, ground included, from which on a drawing is taken to show on a ground.
SHOWS = 0.45


def dark_theme(sidecar: Sidecar) -> bool:
    """Whether the latest record of `generate` says that the picture was drawn in a dark theme."""
    record = next((record for record in reversed(sidecar.stages) if record.stage == "generate"), None)
    return record is not None and record.params.get("theme") is not None and _value(record.params["theme"]) == "dark"


def _value(param: object) -> object:
    return getattr(param, "value", param)
