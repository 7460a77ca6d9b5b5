"""What a ledger tells when it is asked: leases, who waits, what happened."""

from __future__ import annotations

from typing import Any, NamedTuple

from imajin_cli.contract.errors import UsageError
from imajin_cli.devices import journal, tickets
from imajin_cli.devices.device import Device
from imajin_cli.devices.holder import Holder
from imajin_cli.devices.ledger import Ledger, Say, soon, unusable
from imajin_cli.devices.places import ledger_root
from imajin_cli.devices.policy import turn
from imajin_cli.devices.probe import candidates, devices
from imajin_cli.devices.probe import survey as probe_survey

_LOCK_SECONDS = 2.0


class Row(NamedTuple):
    """A lease, or a ticket of who waits for one."""

    id: str
    device: str
    mib: int
    priority: str
    holder: Holder

    def described(self) -> dict[str, Any]:
        """It as JSON has it."""
        return {
            "id": self.id,
            "device": self.device,
            "mib": self.mib,
            "priority": self.priority,
            **self.holder._asdict(),
        }


class DeviceStatus(NamedTuple):
    """A device, its leases by slot, and who waits, first one first."""

    device: Device
    leases: list[Row]
    waiting: list[Row]

    @property
    def leased_mib(self) -> int:
        """MiB of all leases."""
        return sum(row.mib for row in self.leases)

    def described(self) -> dict[str, Any]:
        """The device as JSON has it."""
        found = self.device
        return {
            "id": found.id, "uuid": found.uuid, "name": found.name, "kind": found.kind,
            "total_mib": found.total_mib, "free_mib": found.free_mib, "leased_mib": self.leased_mib,
            "leases": len(self.leases), "waiting": len(self.waiting),
        }  # fmt: skip


def survey() -> tuple[list[DeviceStatus], list[str]]:
    """Every device's status, and a line on each thing that is wrong. Raises UsageError, OutputError, NoCapacityError."""
    found, notes = probe_survey()
    return [status_of(device, notes.append) for device in found], notes


def status_of(device: Device, say: Say) -> DeviceStatus:
    """One device's status. Raises OutputError, NoCapacityError where its ledger stays locked."""
    ledger = Ledger(ledger_root(), device, say)
    with ledger.session(soon(_LOCK_SECONDS)) as session:
        leases = []
        for slot, record in session.live():
            holder, fields = session.written(slot)
            priority = str(fields.get("priority", ""))[:11]
            leases.append(Row(record.id, device.id, record.mib, priority, holder))
        waiting = [
            Row(ticket.id, device.id, ticket.mib, ticket.priority, tickets.holder(ledger.queue, ticket))
            for ticket in sorted(session.waiting(), key=turn)
        ]
        session.report_strangers()
    return DeviceStatus(device, leases, waiting)


def find(lease: str, say: Say) -> Row:
    """The lease whose id begins so. Raises UsageError where there is none, or several."""
    rows = [row for row in _leases(say) if row.id.startswith(lease)]
    if len(rows) > 1:
        raise UsageError(f"several leases begin with {lease[:8]}", hint=", ".join(row.id for row in rows[:8]))
    if not rows:
        raise UsageError(f"there is no lease {lease[:20]}", hint="imajin gpu status lists them")
    return rows[0]


def is_live(row: Row, say: Say) -> bool:
    """Whether a lease is still held."""
    return any(other.id == row.id for other in _leases(say))


def _leases(say: Say) -> list[Row]:
    return [row for device in devices() for row in status_of(device, say).leases]


def ask(row: Row, say: Say) -> None:
    """Ask the holder of a lease for it. Raises OutputError."""
    ledger = Ledger(ledger_root(), candidates(row.device)[0], say)
    try:
        tickets.ask(ledger.queue, row.id)
    except OSError as error:
        raise unusable(ledger_root(), error) from None


def history(device: str | None, say: Say) -> list[dict[str, Any]]:
    """What was written down for one device, or all, oldest first. Raises UsageError, OutputError."""
    found = devices() if device is None else candidates(device)
    rows = []
    for each in found:
        rows += [{"device": each.id, **entry} for entry in journal.entries(Ledger(ledger_root(), each, say).place)]
    return sorted(rows, key=lambda row: str(row.get("time", "")))
