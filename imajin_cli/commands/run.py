"""`imajin run`: from a prompt to published files."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.request import RequestParams
from imajin_cli.options import options_of, split
from imajin_cli.registry import stages
from imajin_cli.run.options import SHORTCUTS, RunParams
from imajin_cli.run.pipeline import RunOptions, run_pipeline
from imajin_cli.stagecommand import AsJson, Expect, Force, Preset, Quiet, make_command

HELP = """Run all stages: from a prompt to published files.

Give a prompt in quotes, or pictures to take through the stages from load on. Any stage's parameter can be set with
--set STAGE.PARAM=VALUE, in a preset, in imajin.yaml or in the environment; `imajin config show` lists them all.
"""

_Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="STAGE.PARAM=VALUE",
        help="Set any stage's parameter; repeat it for several.",
        show_default=False,
    ),
]


def _body(**given: Any) -> None:
    arguments = given.pop("arguments") or []
    assignments = given.pop("assign") or []
    own = {key: given.pop(key) for key in ("preset", "as_json", "force", "expect", "quiet", "keep_work", "out_dir")}
    flags = split(given)
    for assignment in assignments:
        section, key, value = _assignment(assignment)
        flags.setdefault(section, {})[key] = value
    raise typer.Exit(run_pipeline(arguments, flags, RunOptions(**own)))


def _assignment(text: str) -> tuple[str, str, Any]:
    """("quality", "min_contrast", "3") from "quality.min-contrast=3". Raises UsageError."""
    target, equals, value = text.partition("=")
    section, dot, key = target.strip().partition(".")
    if not (equals and dot and key):
        raise UsageError(f"--set {text[:60]}: write STAGE.PARAM=VALUE, such as generate.layout=hero")
    from imajin_cli.config.layers import section_model
    from imajin_cli.config.values import from_text, known_field

    model = section_model(section)
    if model is None:
        raise UsageError(
            f"--set {text[:60]}: there is no stage {section!r}", hint=f"there are: request, {', '.join(stages())}"
        )
    name = known_field(model, key.replace("-", "_"), f"--set {section}")
    return section, name, from_text(value, model.model_fields[name].annotation)


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
    own: list[tuple[str, Any, Any]] = [
        ("preset", Preset, None),
        ("assign", _Set, None),
        ("as_json", AsJson, False),
        ("force", Force, False),
        ("expect", Expect, None),
        ("keep_work", keep_work, False),
        ("out_dir", out_dir, None),
        ("quiet", Quiet, False),
    ]
    return [
        inspect.Parameter("arguments", keyword, default=None, annotation=argument),
        *options_of(RequestParams, "request"),
        *options_of(RunParams, "run"),
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
