"""Where an asset's pixels began, as its records say."""

from __future__ import annotations

from imajin_cli.contract.sidecar import Sidecar


def drawn_here(sidecar: Sidecar) -> bool:
    """Whether the asset's pixels began in `compose` or an SVG, as its first record that gave a picture says."""
    first = next((record for record in sidecar.stages if record.stage in ("generate", "load")), None)
    if first is None:
        return sidecar.image is not None and sidecar.image.vector is not None
    return first.backend == "compose" if first.stage == "generate" else first.notes.get("format") == "SVG"
