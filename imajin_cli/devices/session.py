"""What can be done with a device's ledger while its lock is held."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from imajin_cli.contract.errors import OutputError
from imajin_cli.devices import journal, tickets
from imajin_cli.devices.files import Refused, open_or_create, open_ours, read_all, read_small, write_at
from imajin_cli.devices.holder import Holder, read, written
from imajin_cli.devices.locks import try_lock
from imajin_cli.devices.policy import State, Ticket, foreign_use, may_start
from imajin_cli.devices.table import FREE, MOST_SLOTS, Record, head, line, offset, parse

if TYPE_CHECKING:
    from imajin_cli.devices.ledger import Ledger

TABLE = "table"
QUEUE = "queue"


class Grant(NamedTuple):
    """A lease as it was granted: slot, id, MiB, the locked descriptor that is its life, and when (time.monotonic).

    ``table`` is a descriptor of the table, to mark the slot free with; None where the lease is somebody else's to end.
    """

    slot: int
    id: str
    mib: int
    descriptor: int
    at: float
    table: int | None = None

    def close(self) -> None:
        """Close its descriptors: the lease is over, unless another process has them too."""
        os.close(self.descriptor)
        if self.table is not None:
            os.close(self.table)


class Session:
    """What can be done with a ledger while its lock is held. Every method may raise OSError."""

    def __init__(self, ledger: Ledger, descriptor: int, *, new: bool) -> None:
        self.ledger = ledger
        self._descriptor = descriptor
        # Whether a grant has taken the table's descriptor along.
        self.taken = False
        self.number, self.foreign, records, whole = parse(read_all(descriptor))
        self.records = cast(list[Record], records) if whole else [record or FREE for record in records]
        if not whole:
            self._rebuild(records, said=not new)

    def waiting(self) -> list[Ticket]:
        """The tickets that somebody waits with."""
        found, asked = tickets.listed(self.ledger.queue)
        if asked:
            here = {record.id for record in self.records}
            for lease in asked - here:
                tickets.unask(self.ledger.queue, lease)
        return tickets.living(self.ledger.queue, found) if found else []

    def can_start(self, mib: int, ahead: Sequence[Ticket], free: int) -> tuple[bool, State]:
        """Whether ``mib`` may be granted now, and the state that says so.

        ``free`` is what the driver says. What the table counts too much can only stand in the way, so slots are looked at
        where it does; and where others wait, since what is not accounted for then matters.
        """
        state = self._state(free, [record.mib for record in self.records if record.mib])
        if not ahead and may_start(mib, ahead, state):
            return True, state
        state = self._state(free, [record.mib for _, record in self.live()])
        return may_start(mib, ahead, state), state

    def _state(self, free: int, live: list[int]) -> State:
        total = self.ledger.device.total_mib
        foreign = foreign_use(total, free, sum(live), self.foreign)
        if foreign != self.foreign:
            self.foreign = foreign
            self._write_head()
        return State(total, free, live, foreign)

    def live(self) -> list[tuple[int, Record]]:
        """Every lease that somebody holds; the slots of the others are cleared."""
        found = []
        for slot, record in enumerate(self.records):
            if record.mib and self._is_held(slot, record):
                found.append((slot, record))
        return found

    def written(self, slot: int) -> tuple[Holder, dict[str, Any]]:
        """Who says to hold a slot, and what else its file says."""
        return read(read_small(self.ledger.place, slot_name(slot)))

    def report_strangers(self) -> None:
        """Say which files in the folder are nobody's. They are in nobody's way."""
        known = {TABLE, QUEUE, journal.LOG, journal.OLDER}
        for name in sorted(os.listdir(self.ledger.place.path))[: MOST_SLOTS * 2]:
            if _is_slot(name):
                slot = int(name[5:])
                if slot >= len(self.records) or not self.records[slot].mib:
                    self._open_free(slot)
            elif name not in known:
                self.ledger.note(f"{self.ledger.place.at(name)!r} is ignored: it is no file of a ledger")

    def take(self, mib: int, holder: Holder, priority: str) -> Grant:
        """Grant ``mib``: a slot, locked and written. Raises OutputError where every slot is taken."""
        for slot in self._free_slots():
            descriptor = self._open_slot(slot)
            if descriptor is None:
                continue
            try:
                if try_lock(descriptor):
                    return self._write(slot, descriptor, mib, holder, priority)
            except BaseException:
                os.close(descriptor)
                raise
            # Its last holder is about to let go of it.
            os.close(descriptor)
        raise OutputError(f"{self.ledger.place.path}: all {MOST_SLOTS} places for leases are taken")

    def enqueue(self, mib: int, priority: str, holder: Holder) -> tuple[Ticket, int]:
        """A place at the end of the queue, and its locked descriptor."""
        self.advance()
        ticket = Ticket(self.number, priority, mib, os.urandom(4).hex())
        return ticket, tickets.write(self.ledger.queue, ticket, holder)

    def advance(self) -> None:
        """Use up a number: the next to come has a higher one than everybody so far."""
        queued, _ = tickets.listed(self.ledger.queue)
        self.number = max([self.number, *(ticket.number for ticket in queued)]) + 1
        self._write_head()

    def _write(self, slot: int, descriptor: int, mib: int, holder: Holder, priority: str) -> Grant:
        lease = os.urandom(4).hex()
        uuid = self.ledger.device.uuid
        write_at(descriptor, written(holder, id=lease, mib=mib, device=uuid, priority=priority), 0)
        self._record(slot, Record(mib, lease))
        journal.write(
            self.ledger.place, "granted", turn_over=True,
            lease=lease, mib=mib, priority=priority, label=holder.label, pid=holder.pid, host=holder.host,
        )  # fmt: skip
        table = os.dup(self._descriptor) if self.taken else self._descriptor
        self.taken = True
        return Grant(slot, lease, mib, descriptor, time.monotonic(), table)

    def _record(self, slot: int, record: Record) -> None:
        while len(self.records) < slot:
            self._record(len(self.records), FREE)
        write_at(self._descriptor, line(slot, record), offset(slot))
        new = slot == len(self.records)
        self.records[slot : slot + 1] = [record]
        if new:
            self._write_head()

    def _write_head(self) -> None:
        write_at(self._descriptor, head(self.number, self.foreign, len(self.records)), 0)

    def _free_slots(self) -> Iterator[int]:
        yield from (slot for slot, record in enumerate(self.records) if not record.mib)
        yield from range(len(self.records), MOST_SLOTS)

    def _open_free(self, slot: int) -> None:
        descriptor = self._open_slot(slot)
        if descriptor is not None:
            os.close(descriptor)

    def _open_slot(self, slot: int) -> int | None:
        try:
            return open_or_create(self.ledger.place, slot_name(slot))[0]
        except Refused as error:
            self.ledger.note(f"{self.ledger.slot_path(slot)} is ignored: it {error}")
            return None

    def _is_held(self, slot: int, record: Record) -> bool:
        try:
            descriptor = open_ours(self.ledger.place, slot_name(slot))
        except FileNotFoundError:
            self._record(slot, FREE)
            return False
        except Refused as error:
            self.ledger.note(f"{self.ledger.slot_path(slot)} is ignored: it {error}")
            self._record(slot, FREE)
            return False
        try:
            if not try_lock(descriptor):
                return True
            self._record(slot, FREE)
        finally:
            os.close(descriptor)
        journal.write(self.ledger.place, "ended", turn_over=True, lease=record.id, mib=record.mib)
        return False

    def _rebuild(self, records: Sequence[Record | None], *, said: bool) -> None:
        """Write the table anew from what is good of it, and from the slots where a line is broken.

        A slot that somebody holds, and that does not say how much, counts as the whole device: less could be too little.
        """
        if said:
            self.ledger.note(f"{self.ledger.place.at(TABLE)} was damaged; it is made anew from the leases themselves")
        queued, _ = tickets.listed(self.ledger.queue)
        self.number = max([self.number, *(ticket.number for ticket in queued)])
        slots = [int(name[5:]) for name in os.listdir(self.ledger.place.path) if _is_slot(name)]
        good = dict(enumerate(records))
        self.records = [
            good.get(slot) or self._from_slot(slot) for slot in range(max([-1, *slots, len(records) - 1]) + 1)
        ]
        lines = (line(slot, record) for slot, record in enumerate(self.records))
        data = head(self.number, self.foreign, len(self.records)) + b"".join(lines)
        write_at(self._descriptor, data, 0)
        os.ftruncate(self._descriptor, len(data))

    def _from_slot(self, slot: int) -> Record:
        try:
            descriptor = open_ours(self.ledger.place, slot_name(slot))
        except FileNotFoundError:
            return FREE
        except Refused as error:
            self.ledger.note(f"{self.ledger.slot_path(slot)} is ignored: it {error}")
            return FREE
        try:
            if try_lock(descriptor):
                return FREE
            _, fields = read(read_all(descriptor))
        finally:
            os.close(descriptor)
        mib, lease, total = fields.get("mib"), fields.get("id"), self.ledger.device.total_mib
        if type(mib) is int and 0 < mib <= total and isinstance(lease, str) and _is_id(lease):
            return Record(mib, lease)
        self.ledger.note(
            f"{self.ledger.slot_path(slot)} is held and does not say how much: it counts as the whole device"
        )
        return Record(total, os.urandom(4).hex())


def slot_name(slot: int) -> str:
    """A slot's file name."""
    return f"slot-{slot:04d}"


def _is_slot(name: str) -> bool:
    return len(name) == 9 and name.startswith("slot-") and name[5:].isdigit() and int(name[5:]) < MOST_SLOTS


def _is_id(text: str) -> bool:
    return len(text) == 8 and all(c in "0123456789abcdef" for c in text)
