"""`imajin keys`: a key and a chain of certificates to sign with in tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from imajin_cli.contract.errors import OutputError, UsageError
from imajin_cli.registry import TOOLS, load
from imajin_cli.run.atomic import make_folder
from imajin_cli.run.pipe import write_out
from imajin_cli.run.report import say

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Make keys and certificates to sign with in tests; real ones come from a certificate authority.",
)
_PRIVATE = "key.pem"
_LONGEST = 48


@app.callback()
def _group() -> None:
    """Keep `new` a subcommand."""


@app.command("new")
def new(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder to write key.pem, chain.pem and root.pem into.")
    ],
    name: Annotated[str, typer.Option("--name", help="Organisation that the certificates name.")] = "imajin test",
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="Days that the signer is valid for.")] = 397,
) -> None:
    """Make a key, and a certificate for it by a root of its own. Nobody trusts that root but who is told to."""
    if not name.strip() or len(name) > _LONGEST or not name.isprintable():
        raise UsageError(f"--name: one line of 1 to {_LONGEST} characters")
    files: dict[str, bytes] = load(TOOLS["new-chain"])(name.strip(), days=days)
    make_folder(folder)
    for file in files:
        if (folder / file).exists() or (folder / file).is_symlink():
            raise OutputError(
                f"{folder / file}: is there already", hint="keys are not overwritten: name another folder"
            )
    for file, data in files.items():
        _write(folder / file, data, 0o600 if file == _PRIVATE else 0o644)
        write_out(os.fsencode(folder / file) + b"\n")
    say(f"imajin keys: sign with provenance.certificate={folder / 'chain.pem'} and provenance.key={folder / _PRIVATE}")
    say(f"imajin keys: verify with --trust {folder / 'root.pem'}")


def _write(path: Path, data: bytes, mode: int) -> None:
    """A new file, whole, readable by its owner alone from the first byte on where ``mode`` says so. Raises OutputError."""
    flags: Any = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags, mode), "wb") as file:
            file.write(data)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None
