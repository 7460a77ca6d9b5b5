"""`imajin run`: from a prompt to published files."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from imajin_cli.contract.request import RequestParams
from imajin_cli.options import options_of, split
from imajin_cli.registry import STAGES
from imajin_cli.run.options import SHORTCUTS, RunParams
from imajin_cli.run.pipeline import RunOptions, run_pipeline
from imajin_cli.stagecommand import AsJson, Assign, Events, Expect, Force, Preset, Quiet, assign_over, make_command

HELP = """Run all stages: from a prompt to published files.

Give a prompt in quotes, or pictures to take through the stages from load on. Any stage's parameter can be set with
--set STAGE.PARAM=VALUE, in a preset, in imajin.yaml or in the environment; `imajin config show` lists them all.
"""


_OWN = ("preset", "as_json", "events", "previews", "force", "expect", "quiet", "keep_work", "out_dir")


def _body(**given: Any) -> None:
    arguments = given.pop("arguments") or []
    assignments = given.pop("assign") or []
    own = {key: given.pop(key) for key in _OWN}
    flags = split(given)
    assign_over(flags, assignments)
    raise typer.Exit(run_pipeline(arguments, flags, RunOptions(**own)))


def _parameters() -> list[inspect.Parameter]:
    keyword = inspect.Parameter.KEYWORD_ONLY
    argument = Annotated[
        list[str] | None,
        typer.Argument(metavar="PROMPT | FILE...", help="What to see, in quotes; or pictures.", show_default=False),
    ]
    keep_work = Annotated[
        bool, typer.Option("--keep-work", help="Keep every stage's picture in .imajin/work.", show_default=False)
    ]
    out_dir = Annotated[
        str | None,
        typer.Option(
            "--out-dir", help="Folder for pictures that are not published [.imajin/work].", show_default=False
        ),
    ]
    previews = Annotated[
        bool,
        typer.Option(
            "--previews",
            help="--events, with a small picture of each candidate that passes the gates.",
            show_default=False,
        ),
    ]
    own: list[tuple[str, Any, Any]] = [
        ("preset", Preset, None),
        ("assign", Assign, None),
        ("as_json", AsJson, False),
        ("events", Events, False),
        ("previews", previews, False),
        ("force", Force, False),
        ("expect", Expect, None),
        ("keep_work", keep_work, False),
        ("out_dir", out_dir, None),
        ("quiet", Quiet, False),
    ]
    return [
        inspect.Parameter("arguments", keyword, default=None, annotation=argument),
        *options_of(RequestParams, "request"),
        *options_of(RunParams, "run", {"stages": STAGES}),
        *_shortcuts(),
        *(
            inspect.Parameter(name, keyword, default=default, annotation=annotation)
            for name, annotation, default in own
        ),
    ]


def _shortcuts() -> list[inspect.Parameter]:
    """The named stages' own options, taken from their params models."""
    from imajin_cli.run.bind import stage_class

    wanted = set(SHORTCUTS)
    offered = [
        option
        for stage in dict.fromkeys(name for name, _ in SHORTCUTS)
        for option in options_of(stage_class(stage).Params, stage)
    ]
    return [option for option in offered if tuple(option.name.split("__", 1)) in wanted]


run = make_command("run", _body, _parameters(), HELP)
