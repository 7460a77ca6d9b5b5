"""The table of a device's leases: one line of 32 bytes a slot, so that one read tells what is granted.

It is text, for people who look into it. The head says what it is, the number of the last ticket, how many MiB programs
without a lease are taken to use, and how many slots follow. A slot's line says how many MiB it has and the lease's id, and
carries a checksum over both and its place; so what is broken or cut off is known to be.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from typing import NamedTuple

LINE = 32
_TOGETHER = 16
MOST_SLOTS = 1024
MOST_NUMBER = 10**11
HEAD = 64
_HEAD = re.compile(rb"imajin-leases ticket (\d{12}) foreign (\d{8}) slots (\d{4}) {2}\n")
NOBODY = "--------"


class Record(NamedTuple):
    """What one slot holds: MiB and the id of a lease; nothing where ``mib`` is 0."""

    mib: int
    id: str


FREE = Record(0, NOBODY)


class Table(NamedTuple):
    """What a table says; a record is None where it cannot be read, and ``whole`` tells whether all of it is good."""

    number: int
    foreign: int
    records: list[Record | None]
    whole: bool


def parse(data: bytes) -> Table:
    """Read a table. Whatever the bytes are, the answer says which lines are good."""
    first = _HEAD.fullmatch(data[:HEAD])
    number, foreign, slots = (int(text) for text in first.groups()) if first else (0, 0, -1)
    end = min(len(data), HEAD + LINE * MOST_SLOTS)
    records: list[Record | None] = []
    good = True
    for at in range(HEAD, end, LINE * _TOGETHER):
        found, all_good = _records(len(records), data[at : min(at + LINE * _TOGETHER, end)])
        records += found
        good = good and all_good
    whole = slots == len(records) and good and number < MOST_NUMBER
    return Table(number if number < MOST_NUMBER else 0, foreign, records, whole)


def head(number: int, foreign: int, slots: int) -> bytes:
    """The first 64 bytes."""
    return b"imajin-leases ticket %012d foreign %08d slots %04d  \n" % (number, foreign, slots)


@lru_cache(maxsize=4096)
def line(slot: int, record: Record) -> bytes:
    """A slot's line."""
    text = b"%10d %s" % (record.mib, record.id.encode())
    return text + b" %08x   \n" % zlib.crc32(b"%d %s" % (slot, text))


def offset(slot: int) -> int:
    """Where a slot's line begins."""
    return HEAD + LINE * slot


@lru_cache(maxsize=256)
def _records(first: int, lines: bytes) -> tuple[tuple[Record | None, ...], bool]:
    """The records of some lines in a row, and whether all are good: most of a table is as it was when it was read last."""
    found = tuple(_record(first + at // LINE, lines[at : at + LINE]) for at in range(0, len(lines), LINE))
    return found, None not in found


@lru_cache(maxsize=4096)
def _record(slot: int, text: bytes) -> Record | None:
    match = re.fullmatch(rb" {0,9}(\d{1,10}) ([0-9a-f]{8}|-{8}) [0-9a-f]{8}   \n", text)
    if match is None:
        return None
    record = Record(int(match[1]), match[2].decode())
    return record if line(slot, record) == text else None
