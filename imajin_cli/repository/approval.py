"""Decisions in the lock: what was approved beside a manifest counts for the very bytes that the lock holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from imajin_cli.repository.lock import LOCK, Entry, Lock, read_lock, write_lock
from imajin_cli.review.approvals import Decision, read_approvals


def into_lock(folder: Path) -> tuple[Path, int] | None:
    """Bring the lock that covers the published ``folder`` in line with what was decided there.

    The lock is the nearest one, from the folder upwards as far as a repository or the working folder reaches. Gives its path
    and for how many assets something changed; None where there is none. Raises InputError and OutputError.
    """
    path = next((found for place in _upwards(folder) if (found := place / LOCK).is_file()), None)
    if path is None:
        return None
    lock = read_lock(path)
    decisions = read_approvals(folder).assets
    changed = []
    for name, entry in lock.assets.items():
        mine = {shown: digest for shown, digest in entry.files.items() if _is_in(lock, shown, folder)}
        if len(mine) < len(entry.files):
            continue
        decided, note = _decided(entry, lock, decisions)
        if (entry.decision, entry.note) != (decided, note):
            lock.assets[name] = entry.model_copy(update={"decision": decided, "note": note})
            changed.append(name)
    if changed:
        write_lock(lock, changed)
    return path, len(changed)


def _upwards(folder: Path) -> Iterator[Path]:
    here = Path(os.path.abspath(folder))
    for place in (here, *here.parents):
        yield place
        if (place / ".git").exists() or place == Path.cwd():
            return


def _is_in(lock: Lock, shown: str, folder: Path) -> bool:
    return "://" not in shown and os.path.realpath(os.path.dirname(lock.base.found(shown))) == os.path.realpath(folder)


def _decided(entry: Entry, lock: Lock, decisions: list[Decision]) -> tuple[str | None, str]:
    """Approved where every file is, as it is in the lock; rejected where one is."""
    lacking = {os.path.basename(lock.base.found(shown)): digest for shown, digest in entry.files.items()}
    notes = []
    for decision in decisions:
        digests = decision.digests()
        if any(lacking.get(name) == digest for name, digest in digests.items()):
            if decision.decision == "rejected":
                return "rejected", decision.note
            notes += [decision.note] if decision.note else []
            lacking = {name: digest for name, digest in lacking.items() if digests.get(name) != digest}
    return ("approved", "; ".join(notes)[:2000]) if not lacking else (None, "")
