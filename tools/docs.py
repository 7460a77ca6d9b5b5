"""Tables for the docs, made from the code: README.md and docs/*.md call these through cog, and a test holds them up to date."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from imajin_cli.config.layers import section_model
from imajin_cli.config.presets import preset_names, preset_summary
from imajin_cli.contract.exits import MEANING
from imajin_cli.options import scalar_of
from imajin_cli.registry import COMMANDS, STAGES, load


def _table(*rows: tuple[str, ...]) -> str:
    head, *body = rows
    lines = [head, tuple("---" for _ in head), *body]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def stages_table() -> str:
    """Every stage: its name, kind and summary."""
    rows = [(f"`{name}`", str(load(entry.target).kind), entry.summary) for name, entry in STAGES.items()]
    return _table(("stage", "kind", "does"), *rows)


def commands_table() -> str:
    """Every command that is no stage."""
    return _table(("command", "does"), *((f"`imajin {name}`", entry.summary) for name, entry in COMMANDS.items()))


def exits_table() -> str:
    """Every exit code."""
    return _table(("code", "meaning"), *((str(int(code)), meaning) for code, meaning in MEANING.items()))


def presets_table() -> str:
    """Every preset of ours, with its summary."""
    root = Path(__file__).parents[1]
    found = {name: path for name, path in preset_names().items() if root in path.resolve().parents}
    return _table(("preset", "makes"), *((f"`{name}`", preset_summary(path)) for name, path in found.items()))


def capabilities_table() -> str:
    """Each family of diffusion models by mode: whether diffusers has the pair."""
    from imajin_cli.models.capabilities import FAMILIES, MEANING, MODES

    head = ("", *(f"`{name}`" for name in FAMILIES))
    models = ("models", *(family.title for family in FAMILIES.values()))
    rows = [
        (f"**{mode}**: {MEANING[mode]}", *(_cell(mode in family.pipelines, family) for family in FAMILIES.values()))
        for mode in MODES
    ]
    return _table(head, models, *rows)


def offers_table() -> str:
    """Each family of diffusion models by what it offers beside its modes."""
    from imajin_cli.models.capabilities import FAMILIES, OFFERS

    head = ("", *(f"`{name}`" for name in FAMILIES))
    rows = []
    for offer, words in OFFERS.items():
        cells = []
        for family in FAMILIES.values():
            but = sorted(family.but.get(offer, ()))
            cells.append("no" if not family.offered(offer) else f"yes, but not in {', '.join(but)}" if but else "yes")
        rows.append((words, *cells))
    return _table(head, *rows)


def _cell(there: bool, family: object) -> str:
    return ("if its pipeline has it" if getattr(family, "name", "") == "auto" else "yes") if there else "no"


def options_table(section: str) -> str:
    """Every parameter of a section: its option, type, default and description."""
    model = section_model(section)
    if model is None:
        raise LookupError(section)
    rows = list(_options(section))
    return _table(("parameter", "type", "default", "what it does"), *rows) if rows else "No parameters.\n"


def _options(section: str) -> Iterator[tuple[str, ...]]:
    model = section_model(section)
    assert model is not None
    defaults = model().model_dump(mode="json")
    for name, field in model.model_fields.items():
        kind = scalar_of(field.annotation)
        shape = " / ".join(kind.choices) if kind.choices else kind.base.__name__
        default = defaults[name]
        shown = "" if default is None else f"`{default}`"
        yield f"`{name}`", f"{shape}, several" if kind.many else shape, shown, field.description or ""
