"""`imajin man`: the manual pages, made from the commands themselves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from imajin_cli.contract.errors import UsageError
from imajin_cli.manual import page, pages
from imajin_cli.registry import COMMANDS, STAGES
from imajin_cli.run.atomic import make_folder, write_atomic
from imajin_cli.run.pipe import write_out
from imajin_cli.run.report import Report


def _complete(incomplete: str) -> list[str]:
    return [name for name in (*STAGES, *COMMANDS) if name.startswith(incomplete)]


def _body(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[COMMAND]", help="A stage or command; without one, imajin itself.", autocompletion=_complete
        ),
    ] = None,
    install: Annotated[
        bool,
        typer.Option(
            "--install", help="Write all pages where man finds them, and print their names.", show_default=False
        ),
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option("--to", "-o", metavar="DIR", help="Write all pages into DIR instead.", show_default=False),
    ] = None,
) -> None:
    """Print a manual page, to be read with `imajin man run | man -l -`, or write all of them."""
    report = Report("man")
    if name is not None and (install or to is not None):
        raise UsageError("all pages are written, or one is printed", hint=f"imajin man {name}")
    if name is not None and name not in {**STAGES, **COMMANDS}:
        raise UsageError(f"there is no manual page of {name!r}", hint="imajin --help lists all commands")
    if to is None and not install:
        write_out(page(name or "").encode())
        return
    folder = to if to is not None else _usual_place()
    make_folder(folder)
    for file, text in pages().items():
        write_atomic(folder / file, text.encode())
        report.path(folder / file)
    raise typer.Exit(report.finish())


def _usual_place() -> Path:
    """The user's own folder of manual pages: man looks there, since ~/.local/bin is on the path."""
    base = Path(os.environ.get("XDG_DATA_HOME", "") or Path("~/.local/share").expanduser())
    if not base.is_absolute():
        raise UsageError("there is no home folder to write manual pages to", hint="imajin man -o DIR")
    return base / "man" / "man1"


_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
_app.command("man")(_body)
man = typer.main.get_command(_app)
