"""`imajin compare`: one prompt, or several, by several models, as one sheet."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from imajin_cli.contract.request import RequestParams
from imajin_cli.options import options_of, split
from imajin_cli.stagecommand import AsJson, Assign, Expect, Preset, Quiet, assigned, make_command

HELP = """Make one prompt by several models, as one sheet.

Prompts are rows, models are columns, and with -n each model has a column for each seed. Every cell is a whole run through all
gates; where a model is not there, may not be used or fails, its cell says why, and the others go on.
"""

_Prompts = Annotated[list[str], typer.Argument(metavar="PROMPT...", help="What to see, in quotes.", show_default=False)]


def _complete(incomplete: str) -> list[str]:
    from imajin_cli.comparing.contenders import completions

    return completions(incomplete)


_Models = Annotated[
    list[str],
    typer.Option(
        "--models",
        "-m",
        metavar="NAME,…",
        help="Who is compared: compose, compose:LAYOUT, compose:AVATAR-STYLE, models of the catalogue, folders of models.",
        show_default=False,
        autocompletion=_complete,
    ),
]
_To = Annotated[str, typer.Option("--to", "-o", metavar="FOLDER", help="Folder for page, picture and assets.")]
_Title = Annotated[str | None, typer.Option("--title", help="Title of the sheet.", show_default=False)]
_DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Make nothing: say of each cell what it takes, and what has to be fetched.",
        show_default=False,
    ),
]


def _body(**given: Any) -> None:
    from imajin_cli.comparing.compare import CompareOptions, run_compare

    flags = split(given)
    for section, values in assigned(given["assign"] or []).items():
        flags.setdefault(section, {}).update(values)
    own = {key: given[key] for key in ("models", "to", "preset", "title", "expect", "as_json", "quiet")}
    raise typer.Exit(run_compare(given["prompts"], CompareOptions(flags=flags, **own), dry_run=given["dry_run"]))


def _parameters() -> list[inspect.Parameter]:
    keyword = inspect.Parameter.KEYWORD_ONLY
    own: list[tuple[str, Any, Any]] = [
        ("to", _To, "compare"),
        ("title", _Title, None),
        ("dry_run", _DryRun, False),
        ("preset", Preset, None),
        ("assign", Assign, None),
        ("expect", Expect, None),
        ("as_json", AsJson, False),
        ("quiet", Quiet, False),
    ]
    return [
        inspect.Parameter("prompts", keyword, annotation=_Prompts),
        inspect.Parameter("models", keyword, annotation=_Models),
        *options_of(RequestParams, "request"),
        *(
            inspect.Parameter(name, keyword, default=default, annotation=annotation)
            for name, annotation, default in own
        ),
    ]


compare = make_command("compare", _body, _parameters(), HELP)
