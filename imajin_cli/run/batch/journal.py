"""What a batch has finished, one line a job, appended as it is known: a run that was killed goes on from there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError, OutputError, UsageError
from imajin_cli.run.atomic import make_folder, write_atomic
from imajin_cli.run.shelf import Shelf, parted, shelf_of

FOLDER = Path(".imajin/batch")
VERSION = 1
MAX_LINE = 1 << 20


@dataclass(frozen=True)
class Done:
    """What became of a job: its exit code, how many assets passed, their first files, and what was said of the others.

    ``tried`` is false for what the journal knew. ``again`` says that another try may end otherwise.
    """

    code: int
    passed: int = 0
    paths: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    rejected: tuple[int, ...] = ()
    said: tuple[str, ...] = ()
    seconds: float = 0.0
    again: bool = False
    tried: bool = True

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Done:
        """From the JSON of ``asdict``. Raises ValueError, TypeError or KeyError where it is something else."""
        return cls(
            code=int(value["code"]),
            passed=int(value["passed"]),
            paths=tuple(map(str, value["paths"])),
            ids=tuple(map(str, value["ids"])),
            rejected=tuple(map(int, value["rejected"])),
            said=tuple(map(str, value["said"])),
            seconds=float(value["seconds"]),
            again=bool(value["again"]),
        )


@dataclass
class Journal:
    """The finished jobs of one batch file, by key. One process at a time holds it."""

    path: Path
    known: dict[str, Done] = field(default_factory=dict)
    _descriptor: int | None = None

    @classmethod
    def of(cls, name: str, part: str = "") -> Journal:
        """The journal of the batch file ``name``: beside the intermediate pictures, called after the file and its place.

        A ``part`` of its jobs has a journal of its own, so that several can be done at once.
        """
        whole = os.path.abspath(name) + (f"\0{part}" if part else "")
        place = sha256(whole.encode("utf-8", "surrogateescape"))[:12]
        return cls(FOLDER / f"{Path(name).stem[:80]}.{place}.jsonl")

    def __enter__(self) -> Journal:
        make_folder(self.path.parent)
        ignore = self.path.parent.parent / ".gitignore"
        if not ignore.exists():
            write_atomic(ignore, b"*\n")
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written: {error.strerror}") from None
        _hold(self._descriptor, self.path)
        self._read()
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _read(self) -> None:
        """Every whole line; a last one that a kill cut off, or that is none of ours, is passed over."""
        with self.path.open("rb") as file:
            whole = True
            while line := file.readline(MAX_LINE):
                whole = line.endswith(b"\n")
                try:
                    value = json.loads(line)
                    if value["imajin"] == VERSION:
                        self.known[str(value["key"])] = Done.of(value["done"])
                except (ValueError, TypeError, KeyError, RecursionError):
                    continue
        if not whole:
            self._write(b"\n")

    def keep(self, key: str, done: Done) -> None:
        """Append what became of the job. Raises OutputError."""
        self.known[key] = done
        line = {"imajin": VERSION, "key": key, "done": asdict(done)}
        self._write(json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode() + b"\n")

    def _write(self, data: bytes) -> None:
        if self._descriptor is None:
            raise OutputError(f"{self.path}: is closed")
        try:
            if os.write(self._descriptor, data) != len(data):
                raise OSError(28, os.strerror(28))
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written: {error.strerror}") from None


def _hold(descriptor: int, path: Path) -> None:
    """Lock the journal for this process's life. Raises UsageError where another batch holds it."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise UsageError(f"{path}: another batch is at work on these jobs", hint="wait for it, or stop it") from None


class Published:
    """What the places published into hold, as their manifests say; each manifest is read once."""

    def __init__(self) -> None:
        self._shelves: dict[str, Shelf] = {}

    def whole(self, done: Done) -> bool:
        """Whether all files of every asset that ``done`` published are there with the bytes that the manifest says.

        Raises OutputError where a store cannot be asked.
        """
        return all(self._whole(path) for path in done.paths)

    def _whole(self, path: str) -> bool:
        to, first = parted(path)
        if to not in self._shelves:
            self._shelves[to] = shelf_of(to)
        try:
            return self._shelves[to].whole(first)
        except InputError:
            return False
