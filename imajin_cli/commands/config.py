"""`imajin config`: which settings hold, where they come from, and whether they are right."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from imajin_cli.config.layers import Settings, load_settings, section_models
from imajin_cli.config.places import DEFAULTS_NAME, config_files, package_folder, preset_folders, user_folder
from imajin_cli.config.presets import preset_chain, preset_names
from imajin_cli.config.resolve import resolve
from imajin_cli.contract.errors import ImajinError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.run.pipe import write_out
from imajin_cli.run.report import Report, show_json
from imajin_cli.stagecommand import Preset

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Show, locate and check the configuration.",
)


@app.command("show")
def show(
    section: Annotated[str | None, typer.Argument(metavar="[SECTION]", help="Only this section.")] = None,
    origin: Annotated[
        bool, typer.Option("--origin", help="Say where each value comes from.", show_default=False)
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.", show_default=False)] = False,
    preset: Preset = None,
) -> None:
    """Print the settings that hold here, all layers merged."""
    settings = load_settings(preset)
    models = section_models()
    if section is not None and section not in models:
        raise UsageError(f"there is no section {section!r}", hint=f"there are: {', '.join(models)}")
    rows = {name: _rows(name, settings) for name in models if section in (None, name)}
    if as_json:
        show_json(rows if origin else {name: {k: v["value"] for k, v in keys.items()} for name, keys in rows.items()})
        return
    write_out(_as_yaml(rows, origin=origin).encode())


def _rows(name: str, settings: Settings) -> dict[str, dict[str, Any]]:
    resolved = resolve(name, section_models()[name], settings, {})
    values = resolved.params.model_dump(mode="json")
    rows = {}
    for key, value in values.items():
        setting = resolved.origins.get(key)
        place = {} if setting is None else {"origin": setting.origin, "place": setting.place}
        rows[key] = {"value": value, **(place or {"origin": "default"})}
    return rows


def _as_yaml(rows: dict[str, dict[str, dict[str, Any]]], *, origin: bool) -> str:
    import yaml

    lines = []
    for name, keys in rows.items():
        lines.append(f"{name}:" if keys else f"{name}: {{}}")
        for key, row in keys.items():
            value = (
                yaml.safe_dump(row["value"], default_flow_style=True, allow_unicode=True, width=10_000)
                .removesuffix("...\n")
                .strip()
            )
            said = f"  # {row['origin']}{' ' + row['place'] if row.get('place') else ''}" if origin else ""
            lines.append(f"  {key}: {value}{said}")
    return "\n".join(lines) + "\n"


@app.command("path")
def path() -> None:
    """Print the files that are read, weakest first, and the folders that presets come from."""
    lines = [f"defaults  {package_folder('configs') / DEFAULTS_NAME}"]
    lines += [f"{origin:<8}  {file}" for origin, file in config_files()]
    lines += [f"presets   {folder}" for folder in reversed(preset_folders())]
    user = user_folder()
    own = f"{user / 'config.yaml'}, or " if user is not None else ""
    lines.append(f"(yours would be {own}imajin.yaml in the project)")
    write_out(("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))


@app.command("check")
def check(preset: Preset = None) -> None:
    """Check every file, preset and environment variable as a whole; exit 2 and the place of each fault."""
    report = Report("config check")
    told: set[str] = set()
    for name in [preset] if preset is not None else [None, *preset_names()]:
        try:
            if name is not None:
                preset_chain(name)
            settings = load_settings(name)
            for section, model in section_models().items():
                resolve(section, model, settings, {})
        except ImajinError as error:
            # A fault of the project's own file is met again with every preset.
            if error.line() not in told:
                told.add(error.line())
                report.error(error)
    code = report.finish()
    if code is Exit.OK:
        write_out(b"ok\n")
    raise typer.Exit(code)
