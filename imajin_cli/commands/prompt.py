"""`imajin prompt`: a request as prompts for a model that makes pictures."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from imajin_cli.asking.options import AskingParams, PromptParams
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.request import MAX_COUNT, MAX_SEED
from imajin_cli.options import options_of, split
from imajin_cli.run.naming import printable
from imajin_cli.run.pipe import write_out
from imajin_cli.run.report import show_json
from imajin_cli.stagecommand import Assign, Preset, assign_over, make_command

HELP = """Word a request as prompts for a model that makes pictures, one a line.

{a|b} in a request takes one of several, {2$$a|b|c} two, {3::a|b} by weights, __name__ a line of NAME.txt in --wildcards. The same
seed gives the same prompts. Each is held to the prompt policy (10).
"""
Request = Annotated[str, typer.Argument(metavar="REQUEST", help="What you want, in quotes.", show_default=False)]
Seed = Annotated[int, typer.Option("--seed", min=0, max=MAX_SEED, help="Seed of the first prompt.")]
Number = Annotated[
    int, typer.Option("-n", "--count", min=1, max=MAX_COUNT, help="Number of prompts, which differ in what matters.")
]
Every = Annotated[
    bool, typer.Option("--all", help="Every combination of the matrix instead, at most 256.", show_default=False)
]
AsDocument = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print JSON, with negative prompts and seeds; `imajin schema prompts` has its schema.",
        show_default=False,
    ),
]


def _body(**given: Any) -> None:
    from imajin_cli.asking.worded import all_worded, worded
    from imajin_cli.config.layers import load_settings
    from imajin_cli.config.resolve import resolve

    flags = split(given)
    assign_over(flags, given["assign"] or [])
    settings = load_settings(given["preset"])
    asking = resolve("asking", AskingParams, settings, flags.get("asking", {})).params
    params = resolve("prompt", PromptParams, settings, flags.get("prompt", {})).params
    make, number = (all_worded, MAX_COUNT) if given["every"] else (worded, given["count"])
    made = make(given["request"], given["seed"], number, settings, flags, asking, params)
    if given["as_json"]:
        show_json(made.model_dump(mode="json"))
    else:
        write_out("".join(f"{printable(one.prompt)}\n" for one in made.prompts).encode())
    raise typer.Exit(Exit.OK)


def _parameters() -> list[inspect.Parameter]:
    keyword = inspect.Parameter.KEYWORD_ONLY
    own: list[tuple[str, Any, Any]] = [
        ("seed", Seed, 0),
        ("count", Number, 1),
        ("every", Every, False),
        ("preset", Preset, None),
        ("assign", Assign, None),
        ("as_json", AsDocument, False),
    ]
    return [
        inspect.Parameter("request", keyword, annotation=Request),
        *options_of(PromptParams, "prompt"),
        *options_of(AskingParams, "asking"),
        *(
            inspect.Parameter(name, keyword, default=default, annotation=annotation)
            for name, annotation, default in own
        ),
    ]


prompt = make_command("prompt", _body, _parameters(), HELP)
