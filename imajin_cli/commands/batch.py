"""`imajin batch`: many assets out of a file, as jobs or as a build with a lock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.repository.build import BuildOptions, check_build, run_build
from imajin_cli.run.batch.batch import BatchOptions, run_batch
from imajin_cli.stagecommand import AsJson, Expect, Force, Preset, Quiet


def _engines(incomplete: str) -> list[str]:
    return [name for name in ("local", "ray") if name.startswith(incomplete)]


_File = Annotated[
    str,
    typer.Argument(metavar="FILE", help="Assets: .yaml, a list; .csv or .jsonl, one a line.", show_default=False),
]
_Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, max=256, help="Jobs at once [the cores].", show_default=False)
]
_Engine = Annotated[str, typer.Option("--engine", metavar="local|ray", help="Who does them.", autocompletion=_engines)]
_Address = Annotated[
    str | None, typer.Option("--address", help="Address of the Ray cluster [a new one].", show_default=False)
]
_Retries = Annotated[int, typer.Option("--retries", min=0, max=20, help="How often a job that crashed is tried again.")]
_To = Annotated[
    str | None,
    typer.Option(
        "--to", "-o", help="Folder or s3://BUCKET/PREFIX to publish into, where a job names none.", show_default=False
    ),
]
_KeepGoing = Annotated[
    bool,
    typer.Option(
        "--keep-going/--fail-fast", help="Whether one that fails leaves the others to be made.", show_default=False
    ),
]
_Check = Annotated[
    bool,
    typer.Option("--check", help="Make nothing: say what is stale, and why; 23 if anything is.", show_default=False),
]
_DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Make nothing: say what would be made, and what it takes.", show_default=False),
]
_Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="NAME", help="Only assets called so; * and ? stand for any; repeat it.", show_default=False
    ),
]
_Lock = Annotated[
    str | None, typer.Option("--lock", metavar="FILE", help="The lock [imajin.lock beside FILE].", show_default=False)
]
_NoLock = Annotated[
    bool, typer.Option("--no-lock", help="Keep no lock: jobs are done once, and that is all.", show_default=False)
]
_Depfile = Annotated[
    str | None, typer.Option("--depfile", metavar="FILE", help="Write there what Make is to know.", show_default=False)
]
_Junit = Annotated[
    str | None,
    typer.Option("--junit", metavar="FILE", help="Write there JUnit XML, a test case an asset.", show_default=False),
]
_Annotations = Annotated[
    str | None,
    typer.Option(
        "--annotations",
        metavar="github",
        help="Say failures so that GitHub shows them at their line.",
        show_default=False,
    ),
]
_Approved = Annotated[
    bool,
    typer.Option("--approved", help="With --check: what nobody approved as it is counts as stale.", show_default=False),
]


def _body(
    file: _File,
    jobs: _Jobs = None,
    check: _Check = False,
    dry_run: _DryRun = False,
    only: _Only = None,
    preset: Preset = None,
    to: _To = None,
    lock: _Lock = None,
    no_lock: _NoLock = False,
    depfile: _Depfile = None,
    junit: _Junit = None,
    annotations: _Annotations = None,
    approved: _Approved = False,
    keep_going: _KeepGoing = True,
    engine: _Engine = "local",
    address: _Address = None,
    retries: _Retries = 2,
    force: Force = False,
    expect: Expect = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make many assets: each is what one `imajin run` makes, and stands as an entry in a file.

    An asset has a prompt (or files, or a preset's own prompt) and any option of `imajin run` under its name, such as
    {"prompt": "an empty inbox", "preset": "empty-state", "seed": 3, "to": "dist/inbox"}; other params stand under their
    stage: {"quality": {"min_contrast": 3}}. imajin.lock keeps what each was made of: one whose recipe and files are as it
    says is left alone.
    """
    _hold_choices(engine, annotations)
    options = BatchOptions(
        jobs=jobs, engine="ray" if engine == "ray" else "local", address=address, retries=retries, preset=preset, to=to,
        force=force, expect=expect, as_json=as_json, quiet=quiet, keep_going=keep_going,
    )  # fmt: skip
    lockless = {
        "--check": check,
        "--dry-run": dry_run,
        "--only": only,
        "--lock": lock,
        "--depfile": depfile,
        "--junit": junit,
    }
    lockless |= {"--annotations": annotations, "--approved": approved}
    if no_lock:
        _refuse("goes by the lock: leave --no-lock out", lockless)
        raise typer.Exit(run_batch(file, options))
    if check:
        _refuse(
            "does not go with --check, which makes nothing",
            {"--dry-run": dry_run, "--force": force, "--depfile": depfile},
        )
    elif approved:
        raise UsageError("--approved belongs to --check")
    build = BuildOptions(lock, tuple(only or ()), depfile, junit, annotations is not None, approved)
    raise typer.Exit(
        _forecast(file, options, build) if dry_run else (check_build if check else run_build)(file, options, build)
    )


def _hold_choices(engine: str, annotations: str | None) -> None:
    if engine not in ("local", "ray"):
        raise typer.BadParameter(f"there is no engine {engine[:40]!r}: there are local and ray", param_hint="--engine")
    if annotations not in (None, "github"):
        raise typer.BadParameter(f"{annotations[:40]!r} is not known here: github is", param_hint="--annotations")


def _refuse(why: str, given: Mapping[str, object]) -> None:
    """Raise UsageError for the first option that was given and cannot be."""
    name = next((name for name, value in given.items() if value), None)
    if name is not None:
        raise UsageError(f"{name} {why}")


def _forecast(file: str, options: BatchOptions, build: BuildOptions) -> Exit:
    from imajin_cli.repository.forecast import forecast

    return forecast(file, options, build)


_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
_app.command("batch")(_body)
batch = typer.main.get_command(_app)
