"""The command line: names and summaries only. A command's module is imported when the command runs."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from imajin_cli import __version__
from imajin_cli.contract.exits import MEANING, Exit
from imajin_cli.registry import COMMANDS, load, stages

if TYPE_CHECKING:
    from imajin_cli.contract.errors import ImajinError


class LazyGroup(TyperGroup):
    """A group that lists commands from the literal table and builds one only when it is called, or completed."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._stages = stages()
        for name, entry in {**COMMANDS, **self._stages}.items():
            self.add_command(TyperCommand(name=name, help=entry.summary, rich_markup_mode=None))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The real command for ``args``, imported now."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in self._stages:
            from imajin_cli.stagecommand import command_for

            command = command_for(name, self._stages[name].summary)
        elif name is not None and name in COMMANDS:
            command = load(COMMANDS[name].target)
            command = typer.main.get_command(command) if isinstance(command, typer.Typer) else command
        return name, command, rest


def _exit_table() -> str:
    rows = "\n".join(f"{int(code):>4}  {meaning}" for code, meaning in MEANING.items())
    return f"\b\nExit status:\n{rows}"


app = typer.Typer(
    cls=LazyGroup,
    name="imajin",
    help="Make UI asset pictures, and prove that each is fit to publish.",
    epilog=_exit_table(),
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"imajin {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    _worker: Annotated[
        bool | None,
        typer.Option(
            "--worker/--no-worker",
            help="Have a stage or run done by the warm worker, or by this process.",
            show_default=False,
        ),
    ] = None,
) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def run() -> int:
    """Run the command line and give its exit code. Raises what the error boundary turns into one."""
    from imajin_cli.contract.errors import ImajinError

    try:
        return _called()
    except ImajinError as error:
        _tell_programs(sys.argv[1:], error)
        raise


def _called() -> int:
    if "_IMAJIN_COMPLETE" in os.environ:
        # Typer wraps an option's help at the terminal's width, and fish takes each further line for one more answer.
        os.environ["COLUMNS"] = "10000"
    try:
        code = typer.main.get_command(app)(prog_name="imajin", standalone_mode=False)
    except typer.TyperException as error:
        raise _usage(error) from None
    if code == Exit.INTERRUPTED:
        # Typer has made a code of it already.
        raise KeyboardInterrupt
    return int(code) if isinstance(code, int) else 0


def _tell_programs(arguments: list[str], error: ImajinError) -> None:
    """Where a command that was to print JSON events failed before it printed one, print the two that end it."""
    command = next((argument for argument in arguments if not argument.startswith("-")), None)
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if not {"--json", "--events", "--previews"} & set(options) or command not in {*stages(), "run", "batch", "compare"}:
        return
    from imajin_cli.contract.errors import OutputError
    from imajin_cli.run.report import Report

    report = Report(command, as_json=True)
    with contextlib.suppress(OutputError):
        report.event("error", code=int(error.code), message=error.message, hint=error.hint)
        report.summary(error.code)


def _usage(error: Any) -> Exception:
    """What the command line's parser complains of, as the one line that all errors are; anything else as it is."""
    if not hasattr(error, "format_message"):
        return cast(Exception, error)
    from imajin_cli.contract.errors import UsageError

    text = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    return UsageError(text[:1].lower() + text[1:], hint=f"see {context.command_path} -h" if context else None)
