"""`imajin batch`: many jobs out of a file."""

from __future__ import annotations

from typing import Annotated

import typer

from imajin_cli.run.batch.batch import BatchOptions, run_batch
from imajin_cli.stagecommand import AsJson, Expect, Force, Preset, Quiet


def _engines(incomplete: str) -> list[str]:
    return [name for name in ("local", "ray") if name.startswith(incomplete)]


def _body(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Jobs: .jsonl, one a line, or .yaml, a list.")],
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, max=256, help="Jobs at once [the cores].", show_default=False)
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", metavar="local|ray", help="Who does them.", autocompletion=_engines)
    ] = "local",
    address: Annotated[
        str | None, typer.Option("--address", help="Address of the Ray cluster [a new one].", show_default=False)
    ] = None,
    retries: Annotated[
        int, typer.Option("--retries", min=0, max=20, help="How often a job that crashed is tried again.")
    ] = 2,
    preset: Preset = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            "-o",
            help="Folder or s3://BUCKET/PREFIX to publish into, where a job names none.",
            show_default=False,
        ),
    ] = None,
    force: Force = False,
    expect: Expect = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Do many jobs: each is what one `imajin run` does, written as a line of a file.

    A job has a prompt (or files, or a preset's own prompt) and any option of `imajin run` under its name, such as
    {"prompt": "an empty inbox", "preset": "empty-state", "seed": 3, "to": "dist/inbox"}; other params stand under their
    stage: {"quality": {"min_contrast": 3}}. What is done already is left out when the file is run again.
    """
    if engine not in ("local", "ray"):
        raise typer.BadParameter(f"there is no engine {engine[:40]!r}: there are local and ray", param_hint="--engine")
    options = BatchOptions(
        jobs=jobs, engine="ray" if engine == "ray" else "local", address=address, retries=retries, preset=preset, to=to,
        force=force, expect=expect, as_json=as_json, quiet=quiet,
    )  # fmt: skip
    raise typer.Exit(run_batch(file, options))


_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
_app.command("batch")(_body)
batch = typer.main.get_command(_app)
