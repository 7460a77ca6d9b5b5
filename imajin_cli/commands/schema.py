"""`imajin schema`: the published shapes, as JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.exits import MEANING
from imajin_cli.contract.manifest import PublishedManifest
from imajin_cli.contract.sidecar import Record, Request, Sidecar
from imajin_cli.registry import stages
from imajin_cli.run.report import show_json

_NAMES = ("sidecar", "record", "request", "config", "manifest", "decisions", "approvals")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, Callable[[], dict[str, Any]]]:
    """Name → the schema, made when asked for: sidecar, record, request, config, manifest, reviews, and each stage's params."""
    from imajin_cli.config.layers import section_models
    from imajin_cli.review.approvals import Approvals
    from imajin_cli.review.decisions import Decisions

    table: dict[str, Callable[[], dict[str, Any]]] = {
        "sidecar": Sidecar.model_json_schema,
        "record": Record.model_json_schema,
        "request": Request.model_json_schema,
        "config": config_schema,
        "manifest": PublishedManifest.model_json_schema,
        "decisions": Decisions.model_json_schema,
        "approvals": Approvals.model_json_schema,
    }
    models = section_models()
    return table | {name: models[name].model_json_schema for name in stages() if name in models}


def config_schema() -> dict[str, Any]:
    """The schema of a whole config file: one section a stage, for editors that complete and check YAML."""
    from imajin_cli.config.layers import section_models

    sections = {name: model.model_json_schema() for name, model in section_models().items()}
    properties = {"preset": {"type": "string", "description": "The preset to start from."}, **sections}
    return {"title": "imajin config", "type": "object", "properties": properties, "additionalProperties": False}


def _complete(incomplete: str) -> list[str]:
    return [name for name in (*_NAMES, *stages()) if name.startswith(incomplete)]


def _body(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="sidecar (default), record, request, config, manifest, decisions, approvals, or a stage.",
            autocompletion=_complete,
        ),
    ] = None,
    exit_codes: Annotated[
        bool, typer.Option("--exit-codes", help="Print the exit-code table.", show_default=False)
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Print all schemas, by name.", show_default=False)] = False,
) -> None:
    """Print a JSON Schema of what imajin reads and writes, or the exit-code table."""
    if exit_codes:
        show_json({str(int(code)): {"name": code.name, "meaning": meaning} for code, meaning in MEANING.items()})
        return
    table = schemas()
    if every:
        show_json({key: {"$schema": DIALECT, **make()} for key, make in table.items()})
        return
    wanted = name or "sidecar"
    if wanted not in table:
        raise UsageError(f"there is no schema {wanted!r}", hint=f"there are: {', '.join(table)}")
    show_json({"$schema": DIALECT, **table[wanted]()})


_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
_app.command("schema")(_body)
schema = typer.main.get_command(_app)
