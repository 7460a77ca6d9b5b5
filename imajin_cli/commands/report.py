"""`imajin report`: one page of what was published, to look through and decide on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imajin_cli.contract.errors import OutputError
from imajin_cli.review.folders import published
from imajin_cli.review.gather import gather
from imajin_cli.review.page import page
from imajin_cli.review.pictures import Pictures
from imajin_cli.review.texts import NAME_SIGNS, shown
from imajin_cli.run.atomic import make_folder, write_atomic
from imajin_cli.run.manifest import MANIFEST
from imajin_cli.run.report import Report
from imajin_cli.run.store import WORK


def _body(
    folders: Annotated[list[str], typer.Argument(metavar="FOLDER|MANIFEST...", help="What was published.")],
    to: Annotated[Path, typer.Option("--to", "-o", metavar="FILE", help="The page.")] = Path("report.html"),
    within: Annotated[
        list[Path] | None,
        typer.Option(
            "--in",
            metavar="FOLDER",
            help="Where other candidates are looked for, beside the FOLDERs and .imajin/work.",
            show_default=False,
        ),
    ] = None,
    room: Annotated[
        int,
        typer.Option(
            "--room", metavar="MIB", min=0, max=512, help="Pictures go into the page up to so many MiB; 0: none."
        ),
    ] = 24,
    title: Annotated[str | None, typer.Option("--title", help="Title of the page.", show_default=False)] = None,
) -> None:
    """Write one HTML page of all published assets, with their candidates, scores and history, to decide on in a browser.

    The page needs no server and no network. What is decided there, `imajin approve` records.
    """
    report = Report("report")
    places = published(folders)
    if to.name == MANIFEST or to.is_dir():
        raise OutputError(f"{to}: a page is not written there", hint="-o report.html")
    make_folder(to.parent)
    content = gather(places, [WORK, *(within or [])], Pictures(to, room << 20))
    name = title or "Review: " + ", ".join(place.label for place in places)
    write_atomic(to, page(content, shown(name, NAME_SIGNS)))
    report.path(to)
    count = len(content["assets"])
    report.say(f"{count} {'asset' if count == 1 else 'assets'}; open it in a browser, decide, then imajin approve")


_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
_app.command("report")(_body)
report = typer.main.get_command(_app)
