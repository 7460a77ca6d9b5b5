"""`imajin auto`: one sentence in, the right assets out."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from imajin_cli.asking.options import AskingParams, PromptParams
from imajin_cli.contract.classification import Classification
from imajin_cli.contract.request import MAX_SEED
from imajin_cli.options import options_of, split
from imajin_cli.stagecommand import AsJson, Assign, Preset, Quiet, assign_over, make_command

HELP = """One sentence in, the right assets out: classify, prompt, generate, all gates, publish.

What is asked for decides preset, layout, sizes and theme; icon sets become several icons, a picture that is named is edited or
varied. Candidates are drawn, seed after seed, until one has passed every gate. --dry-run prints the shell pipeline instead.
"""
MOST_TRIES = 16
Request = Annotated[str, typer.Argument(metavar="REQUEST", help="What you want, in quotes.", show_default=False)]
Seed = Annotated[int, typer.Option("--seed", min=0, max=MAX_SEED, help="Seed of the first candidate.")]
Tries = Annotated[int, typer.Option("--tries", min=1, max=MOST_TRIES, help="Most candidates for each asset.")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Print the shell pipeline that does the same, and do nothing.", show_default=False),
]
To = Annotated[str | None, typer.Option("--to", "-o", help="Folder to publish into [dist].", show_default=False)]


def _body(**given: Any) -> None:
    from imajin_cli.asking.doing import Tries as Attempts
    from imajin_cli.asking.doing import done
    from imajin_cli.asking.shell import script
    from imajin_cli.contract.exits import Exit
    from imajin_cli.run.pipe import write_out
    from imajin_cli.run.report import reported

    report = Attempts("auto", as_json=given["as_json"], quiet=given["quiet"])

    def work() -> Exit:
        found, plan = _planned(given)
        report.say(_told(found))
        if given["dry_run"]:
            write_out(script(plan, given["tries"], [_told(found), *plan.notes]).encode())
            return Exit.OK
        return done(plan, given["tries"], report, quiet=given["quiet"])

    code = reported(report, work)
    raise typer.Exit(code)


def _planned(given: dict[str, Any]) -> Any:
    """The request's classification and the plan for it."""
    from imajin_cli.asking.classified import classified
    from imajin_cli.asking.plan import Wording, plan
    from imajin_cli.asking.worded import wording_of
    from imajin_cli.config.layers import load_settings
    from imajin_cli.config.resolve import resolve

    flags = split({key: value for key, value in given.items() if "__" in key})
    assign_over(flags, given["assign"] or [])
    if given["to"] is not None:
        flags.setdefault("output", {})["to"] = given["to"]
    settings = load_settings(given["preset"])
    asking = resolve("asking", AskingParams, settings, flags.get("asking", {})).params
    params = resolve("prompt", PromptParams, settings, flags.get("prompt", {})).params
    found = classified(given["request"], settings, flags, asking)
    wording: Wording = wording_of(found, given["seed"], settings, flags, asking, params)
    made = plan(found, wording, given["seed"], _source(found))
    return found, _overridden(made, given["preset"], flags)


def _overridden(plan: Any, preset: str | None, flags: dict[str, dict[str, Any]]) -> Any:
    """The plan with what was said on the command line, which wins over what the request was taken for."""
    from dataclasses import replace

    own = {section: values for section, values in flags.items() if section not in ("asking", "prompt")}
    jobs = []
    for job in plan.jobs:
        merged = {name: {**job.settings.get(name, {}), **own.get(name, {})} for name in (*job.settings, *own)}
        jobs.append(replace(job, preset=preset or job.preset, settings=merged))
    return replace(plan, jobs=tuple(jobs))


def _source(found: Classification) -> Any:
    """The sidecar of the picture that is to be edited or varied, None where it has none."""
    if found.kind.value not in ("edit", "variation"):
        return None
    from imajin_cli.asking.plan import named_file
    from imajin_cli.contract.errors import InputError
    from imajin_cli.run.found import find_sidecar

    path = named_file(found)
    try:
        return find_sidecar(path)
    except InputError:
        return None


def _told(found: Classification) -> str:
    preset = f", preset {found.preset.value}" if found.preset.value else ""
    return f"{found.kind.value} ({found.kind.probability:.2f}){preset}: {found.kind.reason}"


def _parameters() -> list[inspect.Parameter]:
    keyword = inspect.Parameter.KEYWORD_ONLY
    own: list[tuple[str, Any, Any]] = [
        ("seed", Seed, 0),
        ("tries", Tries, 4),
        ("to", To, None),
        ("dry_run", DryRun, False),
        ("preset", Preset, None),
        ("assign", Assign, None),
        ("as_json", AsJson, False),
        ("quiet", Quiet, False),
    ]
    return [
        inspect.Parameter("request", keyword, annotation=Request),
        *options_of(AskingParams, "asking"),
        *options_of(PromptParams, "prompt"),
        *(
            inspect.Parameter(name, keyword, default=default, annotation=annotation)
            for name, annotation, default in own
        ),
    ]


auto = make_command("auto", _body, _parameters(), HELP)
