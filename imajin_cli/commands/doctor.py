"""`imajin doctor`: what this machine can do, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated

import typer

from imajin_cli.contract.exits import Exit
from imajin_cli.doctor.examine import examine
from imajin_cli.doctor.finding import Finding
from imajin_cli.run.pipe import write_out
from imajin_cli.run.report import show_json

_SIGNS = {"ok": "ok", "could": "--", "broken": "!!"}


def _body(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.", show_default=False)] = False) -> None:
    """Say what this machine can do, and why not: Python, devices, config, stages and their models, extras, places.

    Exit 20 where something does not work that imajin needs. Nothing is changed, and no network is asked.
    """
    found = list(examine())
    broken = [finding for finding in found if finding.state == "broken"]
    if as_json:
        show_json({"imajin_doctor": 1, "works": not broken, "findings": [finding.described() for finding in found]})
    else:
        write_out((_shown(found) + "\n").encode("utf-8", "backslashreplace"))
    raise typer.Exit(Exit.MISSING if broken else Exit.OK)


def _shown(found: Sequence[Finding]) -> str:
    width = max(len(finding.name) for finding in found)
    blocks = [
        "\n".join([area, *(line for finding in group for line in _lines(finding, width))])
        for area, group in groupby(found, key=lambda finding: finding.area)
    ]
    broken = sum(finding.state == "broken" for finding in found)
    end = "All that imajin needs works here." if not broken else f"{broken} of {len(found)} do not work: see !!"
    return "\n".join([*blocks, "", end])


def _lines(finding: Finding, width: int) -> list[str]:
    text = "".join(sign if sign.isprintable() else "?" for sign in finding.says)
    first = f"  {_SIGNS[finding.state]}  {finding.name.ljust(width)}  {text}"
    return [first, f"      {' ' * width}  → {finding.help}"] if finding.help else [first]


_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
_app.command("doctor")(_body)
doctor = typer.main.get_command(_app)
