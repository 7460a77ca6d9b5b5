"""The ledger of one device: its leases, granted under one lock, each held by the lock on a file of its own.

A lease has a slot file. Whoever uses the device holds the lock on it, and a lock goes with its process; so a lease lives
exactly as long as somebody holds that lock. The table beside the slots says how many MiB each has. Counting what the table
says can only count too much, never too little: where that is not in the way of a new lease, no slot need be looked at.
A slot's line is written only by who holds the slot's lock. Slot files stay, for the next lease: making and removing
a file costs more than all the rest.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imajin_cli.contract.errors import NoCapacityError, OutputError
from imajin_cli.devices import journal
from imajin_cli.devices.device import Device
from imajin_cli.devices.files import (
    Refused,
    is_still,
    make_place,
    open_or_create,
    read_small,
    write_at,
)
from imajin_cli.devices.locks import lock_within, unlock
from imajin_cli.devices.policy import State, foreign_use
from imajin_cli.devices.session import QUEUE, TABLE, Grant, Session, slot_name
from imajin_cli.devices.table import FREE, line, offset, parse

Say = Callable[[str], None]


class Ledger:
    """One device's folder. Making one makes the folder; raises OutputError where that cannot be."""

    def __init__(self, root: Path, device: Device, say: Say) -> None:
        self.device = device
        self.say = say
        self._said: set[str] = set()
        try:
            self.above = above = make_place(str(root))
            self.place = make_place(above.at(device.folder_name), above)
            self.queue = make_place(self.place.at(QUEUE), self.place)
        except (OSError, Refused) as error:
            raise unusable(root, error) from None
        if above.sticky and above.shared:
            self.note(f"{root} is sticky: what other users leave behind cannot be cleared away (chmod -t)")

    @contextmanager
    def session(self, deadline: float) -> Iterator[Session]:
        """The ledger with its lock held. Raises NoCapacityError where it is not to be had by ``deadline``, OutputError."""
        try:
            descriptor, new = self._lock(deadline)
        except (OSError, Refused) as error:
            raise unusable(Path(self.place.at(TABLE)), error) from None
        session = None
        try:
            session = Session(self, descriptor, new=new)
            yield session
        except OSError as error:
            raise unusable(Path(self.place.path), error) from None
        finally:
            # For every process that a fork may have given the descriptor to meanwhile.
            unlock(descriptor)
            if session is None or not session.taken:
                os.close(descriptor)

    def _lock(self, deadline: float) -> tuple[int, bool]:
        while True:
            descriptor, new = open_or_create(self.place, TABLE)
            try:
                if not lock_within(descriptor, deadline):
                    raise NoCapacityError(
                        f"{self.device.id}: another process has the ledger's lock and does not go on",
                        hint=f"see who has {self.place.at(TABLE)} open",
                    )
                if is_still(descriptor, self.place.at(TABLE)):
                    return descriptor, new
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def note(self, text: str) -> None:
        """Say something once."""
        if text not in self._said:
            self._said.add(text)
            self.say(text)

    def glance(self, free: int) -> State:
        """The state by the table, dead leases too, read without the lock: a hint. Raises OSError."""
        total = self.device.total_mib
        found = parse(read_small(self.place, TABLE))
        live = [record.mib for record in found.records if record is not None and record.mib]
        return State(total, free, live, foreign_use(total, free, sum(live), found.foreign))

    def slot_path(self, slot: int) -> str:
        """The path of a slot's file."""
        return self.place.at(slot_name(slot))

    def _mark_free(self, grant: Grant) -> None:
        if grant.table is not None:
            # Where the table was removed meanwhile, that is a file which nobody reads.
            write_at(grant.table, line(grant.slot, FREE), offset(grant.slot))
        unlock(grant.descriptor)

    def release(self, grant: Grant) -> None:
        """Give a lease back. Needs no lock: the slot is ours until its lock is gone."""
        try:
            # Where this fails, closing the descriptor ends the lease all the same: the next who looks sees that nobody
            # holds the slot.
            with suppress(OSError):
                self._mark_free(grant)
        finally:
            grant.close()
        journal.write(self.place, "released", lease=grant.id, mib=grant.mib)


def unusable(path: Path, error: Exception) -> OutputError:
    """What a ledger that cannot be read or written ends in, as one line."""
    why = error.strerror if isinstance(error, OSError) else str(error)
    return OutputError(
        f"{path}: the ledger of leases cannot be used: {why}",
        hint="name a folder that can be written: devices.ledger in the config, or $IMAJIN_LEDGER",
    )


def soon(seconds: float) -> float:
    """A deadline from now on the clock that nobody sets."""
    return time.monotonic() + seconds
