"""The section of the configuration that leases read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from imajin_cli.contract.stage import Params


class DevicesParams(Params):
    """Where leases are kept, and how long a command waits for one."""

    ledger: Annotated[
        str | None,
        Field(
            description="Folder of the leases; by default /var/lib/imajin/leases where that may be written, "
            "else imajin/leases in the user's state folder."
        ),
    ] = None
    wait: Annotated[
        float, Field(ge=0, le=604800, allow_inf_nan=False, description="Seconds to wait for memory on a device.")
    ] = 60.0
    priority: Annotated[
        Literal["batch", "normal", "interactive"],
        Field(description="Class in which stages wait for memory: interactive goes first, batch last, within bounds."),
    ] = "normal"
