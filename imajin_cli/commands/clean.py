"""`imajin clean`: remove intermediate pictures."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from imajin_cli.contract.errors import InputError, OutputError, UsageError
from imajin_cli.contract.sidecar import without_private
from imajin_cli.run.atomic import TEMP_PREFIX, folder_lock, write_atomic
from imajin_cli.run.pipe import write_out
from imajin_cli.run.report import say
from imajin_cli.run.sidecars import dump_sidecar, read_sidecar, sidecar_path
from imajin_cli.run.store import WORK

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
# A temporary file of a live process is never this old.
_STALE_SECONDS = 3600


def age_seconds(text: str) -> float:
    """Seconds from "7d", "12h", "30m", "2w" or "0". Raises UsageError."""
    match = re.fullmatch(r"(\d{1,6})([smhdw]?)", text.strip())
    if match is None:
        raise UsageError(f"--older-than {text[:20]}: write a number and s, m, h, d or w, such as 7d")
    return int(match[1]) * _UNITS[match[2] or "s"]


def _body(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE]...", help="With --private: pictures, sidecars or requests.", show_default=False),
    ] = None,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="Only what was not touched for AGE, such as 7d.")
    ] = "0s",
    folder: Annotated[Path, typer.Option("--folder", help="The folder of intermediate pictures.")] = WORK,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would go.", show_default=False)] = False,
    private: Annotated[
        bool,
        typer.Option("--private", help="Take templates of faces out of the sidecars of FILEs.", show_default=False),
    ] = False,
) -> None:
    """Remove intermediate pictures and what a killed process left behind; published files are never touched."""
    if private or files:
        _forget(files or [], private=private, dry_run=dry_run)
        return
    limit = time.time() - age_seconds(older_than)
    if not folder.is_dir():
        say(f"imajin clean: {folder}: nothing there")
        return
    with folder_lock(folder):
        gone = list(_remove(folder, limit, dry_run=dry_run))
    for path in gone:
        write_out(str(path).encode("utf-8", "surrogateescape") + b"\n")
    say(f"imajin clean: {len(gone)} files {'would go' if dry_run else 'removed'}")


def _forget(files: list[str], *, private: bool, dry_run: bool) -> None:
    """Take what is private out of sidecars. Raises UsageError, InputError for what has no sidecar, OutputError."""
    if not (private and files):
        raise UsageError("--private and FILEs go together", hint="imajin clean --private FILE…; alone, imajin clean")
    forgotten = 0
    for name in files:
        path = Path(name)
        target = path if path.suffix == ".json" else sidecar_path(path)
        if not target.is_file():
            raise InputError(f"{target}: no such sidecar", hint="what is inside a PNG goes when it is saved anew")
        with folder_lock(target.parent):
            found = read_sidecar(target)
            bare = found if found is None else without_private(found)
            if found is None or bare is None or bare is found:
                continue
            if not dry_run:
                write_atomic(target, dump_sidecar(bare))
        forgotten += 1
        write_out(os.fsencode(target) + b"\n")
    say(f"imajin clean: {forgotten} sidecars {'hold' if dry_run else 'held'} something private")


def _remove(folder: Path, limit: float, *, dry_run: bool) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        try:
            touched = path.lstat().st_mtime
            stale = path.name.startswith(TEMP_PREFIX) and touched < time.time() - _STALE_SECONDS
            if not path.is_file() or not ((_is_ours(path) and touched <= limit) or stale):
                continue
            if not dry_run:
                path.unlink()
            yield path
        except FileNotFoundError:
            continue
        except OSError as error:
            raise OutputError(f"{path}: cannot be removed: {error.strerror}") from None


_OURS = re.compile(r"\.[0-9a-f]{12}(\.request\.json|\.preview\.png|\.png|\.png\.json|\.svg|\.scene\.json)$")


def _is_ours(path: Path) -> bool:
    return _OURS.search(path.name) is not None


_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
_app.command("clean")(_body)
clean = typer.main.get_command(_app)
