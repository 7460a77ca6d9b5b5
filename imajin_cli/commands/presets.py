"""`imajin presets`: which presets there are, and what one says."""

from __future__ import annotations

from typing import Annotated

import typer

from imajin_cli.config.presets import find_preset, preset_names, preset_summary
from imajin_cli.run.pipe import write_out
from imajin_cli.run.report import show_json
from imajin_cli.stagecommand import complete_preset


def _body(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Print this preset's file.", autocompletion=complete_preset),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print name, summary and file as JSON.", show_default=False)
    ] = False,
) -> None:
    """List presets, or print one. Your own go into ./presets or ~/.config/imajin/presets; one can extend another."""
    if name is not None:
        write_out(find_preset(name).read_bytes())
        return
    found = {key: (preset_summary(path), path) for key, path in preset_names().items()}
    if as_json:
        show_json([{"name": key, "summary": summary, "file": str(path)} for key, (summary, path) in found.items()])
        return
    width = max(map(len, found), default=0)
    write_out("".join(f"{key:<{width}}  {summary}\n" for key, (summary, _) in found.items()).encode())


_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
_app.command("presets")(_body)
presets = typer.main.get_command(_app)
