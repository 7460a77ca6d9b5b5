"""`imajin approve`: record what was decided on a review page, and tell what is approved."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from imajin_cli.contract.errors import NoVerdictError, UsageError
from imajin_cli.repository.approval import into_lock
from imajin_cli.review.approvals import APPROVED, approval_of, read_approvals, states_of
from imajin_cli.review.decisions import record_all
from imajin_cli.review.folders import published
from imajin_cli.run.naming import printable
from imajin_cli.run.pipe import write_out
from imajin_cli.run.report import Report


def _body(
    arguments: Annotated[
        list[str],
        typer.Argument(metavar="DECISIONS [FOLDER]...", help="The page's decisions.json; the folders it may be about."),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Tell what is approved in the FOLDERs given.", show_default=False)
    ] = False,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep/--no-keep", help="Keep a copy of what is approved in .imajin/approved, to compare with later."
        ),
    ] = True,
) -> None:
    """Record the decisions of a review page beside the manifest, with the digests of the files that were looked at.

    Where a build's imajin.lock holds these files, they are written there too.

    A file that has changed since is approved no longer. With --check, FOLDERs take the place of DECISIONS, and anything
    that is not approved ends with 22.
    """
    report = Report("approve")
    if check:
        _check(arguments, report)
    else:
        _record(arguments[0], arguments[1:], report, copies=keep)
    raise typer.Exit(report.finish())


def _record(decisions: str, folders: Sequence[str], report: Report, *, copies: bool) -> None:
    if Path(decisions).is_dir():
        raise UsageError(f"{decisions}: a folder; the file of decisions comes first", hint="or imajin approve --check")
    for folder, news in record_all(Path(decisions), folders, copies=copies):
        report.path(folder / APPROVED)
        report.say(f"{os.fspath(folder)}: {news} {'decision' if news == 1 else 'decisions'} recorded")
        locked = into_lock(folder)
        if locked is not None:
            report.path(locked[0])
            report.say(f"{locked[0]}: {locked[1]} {'asset' if locked[1] == 1 else 'assets'} decided on")


def _check(folders: Sequence[str], report: Report) -> None:
    """Print where every asset stands, one a line; what is not approved counts as an error."""
    missing = 0
    for place in published(folders):
        decided = read_approvals(place.path).by_file()
        for first, asset in place.by_file.items():
            state = approval_of(asset, decided.get(first), states_of(place.path, asset))
            missing += state != "approved"
            write_out(f"{printable(str(place.path / first))}: {state}\n".encode("utf-8", "backslashreplace"))
    if missing:
        report.error(NoVerdictError(f"{missing} of these are not approved", hint="imajin report, then imajin approve"))


_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
_app.command("approve")(_body)
approve = typer.main.get_command(_app)
