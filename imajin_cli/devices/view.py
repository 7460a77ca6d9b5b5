"""The live view of devices and leases, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imajin_cli.devices.units import shown

if TYPE_CHECKING:
    from rich.console import RenderableType

    from imajin_cli.devices.status import DeviceStatus


def view(found: list[DeviceStatus], notes: list[str]) -> RenderableType:
    """A table a device, its capacity as a bar above it, and what is wrong below."""
    from rich.console import Group
    from rich.text import Text

    return Group(*(_device(device) for device in found), *(Text(note, style="yellow") for note in notes))


def _device(found: DeviceStatus) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    device = found.device
    free = "?" if device.free_mib is None else shown(device.free_mib)
    title = Text.assemble(
        (device.id, "bold"),
        f"  {device.name}  {shown(found.leased_mib)} of {shown(device.total_mib)} leased, {free} unused",
    )
    bar = ProgressBar(total=device.total_mib, completed=min(found.leased_mib, device.total_mib), width=60)
    table = Table(box=None, pad_edge=True, show_header=bool(found.leases or found.waiting))
    for name in ("lease", "amount", "class", "holder", "since (UTC)"):
        table.add_column(name, justify="right" if name == "amount" else "left")
    for row in found.leases:
        table.add_row(row.id, shown(row.mib), row.priority, Text(str(row.holder)), row.holder.since)
    for place, row in enumerate(found.waiting):
        table.add_row(
            f"waits {place + 1}", shown(row.mib), row.priority, Text(str(row.holder)), row.holder.since, style="dim"
        )
    return Group(title, bar, table)
