"""Layers of settings: read, checked as a whole, merged; every value keeps its origin and place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from imajin_cli.config.places import config_files
from imajin_cli.config.presets import find_preset, preset_chain
from imajin_cli.config.values import from_text, unknown
from imajin_cli.config.yamlfile import Located, read_yaml
from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.provenance import ProvenanceParams
from imajin_cli.contract.request import RequestParams
from imajin_cli.contract.sprite import SpriteParams
from imajin_cli.contract.stage import Params
from imajin_cli.registry import STAGES, load, stages

# Sections that belong to no stage.
RUNTIME = ("request", "asking", "prompt", "run", "sprite", "provenance", "devices", "worker")
# Keys of a file that are no section.
TOP_KEYS = ("preset",)
PRESET_KEYS = ("summary", "extends")


@dataclass(frozen=True)
class Setting:
    """One value, where it came from ("preset:icon", "project", "env", "flag") and its place ("imajin.yaml:7")."""

    value: Any
    origin: str
    place: str = ""


@dataclass(frozen=True)
class Settings:
    """All layers below the flags, merged: section → key → Setting."""

    sections: Mapping[str, Mapping[str, Setting]]
    preset: str | None = None
    sources: tuple[tuple[str, str], ...] = field(default=())


@cache
def section_models() -> dict[str, type[Params]]:
    """Section name → its params model: those of the runtime, then one a stage. Imports every stage's module.

    A third party's stage that does not import has no section; it breaks nothing else.
    """
    found = {name: section_model(name) for name in (*RUNTIME, *stages())}
    return {name: model for name, model in found.items() if model is not None}


def section_model(name: str) -> type[Params] | None:
    """One section's params model, importing that stage's module alone; None where there is none, or it is broken."""
    if name == "request":
        return RequestParams
    if name == "provenance":
        return ProvenanceParams
    if name == "sprite":
        return SpriteParams
    if name == "asking":
        from imajin_cli.asking.options import AskingParams

        return AskingParams
    if name == "prompt":
        from imajin_cli.asking.options import PromptParams

        return PromptParams
    if name == "run":
        from imajin_cli.run.options import RunParams

        return RunParams
    if name == "devices":
        from imajin_cli.devices.options import DevicesParams

        return DevicesParams
    if name == "worker":
        from imajin_cli.worker.options import WorkerParams

        return WorkerParams
    entry = stages().get(name)
    if entry is None:
        return None
    try:
        model: type[Params] = load(entry.target).Params
    except Exception:
        if name in STAGES:
            raise
        return None
    return model


def load_settings(preset: str | None = None, *, use_files: bool = True) -> Settings:
    """Read every layer below the flags. ``preset`` (a flag's) wins over the one that a file or the environment names.

    Raises UsageError for an unknown key, with the nearest known one, file and line.
    """
    files = [(origin, str(path), read_yaml(path)) for origin, path in config_files()] if use_files else []
    chosen = preset or os.environ.get("IMAJIN_PRESET") or _preset_of(files)
    merged: dict[str, dict[str, Setting]] = {}
    sources: list[tuple[str, str]] = []
    if chosen is not None:
        for origin, place, root in preset_chain(chosen):
            _merge(merged, root, origin, place, PRESET_KEYS)
            sources.append((origin, place))
    for origin, place, root in files:
        _merge(merged, root, origin, place, TOP_KEYS)
        sources.append((origin, place))
    _merge_environment(merged)
    name = find_preset(chosen).stem if chosen is not None else None
    return Settings(merged, name, tuple(sources))


def _preset_of(files: Iterable[tuple[str, str, Located]]) -> str | None:
    named = None
    for _, place, root in files:
        item = root.value.get("preset")
        if item is not None:
            if not isinstance(item.value, str):
                raise UsageError(f"{place}:{item.line}: preset must be a name")
            named = item.value
    return named


def _merge(into: dict[str, dict[str, Setting]], root: Located, origin: str, place: str, other: Iterable[str]) -> None:
    known = {*RUNTIME, *stages()}
    for section, body in root.value.items():
        if section in other:
            continue
        if section not in known:
            raise unknown(section, [*known, *other], f"{place}:{body.line}", "section")
        if body.value is None:
            continue
        if not isinstance(body.value, dict):
            raise UsageError(f"{place}:{body.line}: {section} must hold keys and values")
        model = section_model(section)
        fields = {} if model is None else model.model_fields
        for key, item in body.value.items():
            if key not in fields:
                raise unknown(
                    f"{section}.{key}", [f"{section}.{name}" for name in fields], f"{place}:{item.line}", "key"
                )
            into.setdefault(section, {})[key] = Setting(Located(item.value, 0).plain(), origin, f"{place}:{item.line}")


def _merge_environment(into: dict[str, dict[str, Setting]]) -> None:
    names = {name.upper().replace("-", "_"): name for name in (*RUNTIME, *stages())}
    for variable in sorted(os.environ):
        if not variable.startswith("IMAJIN_") or "__" not in variable:
            continue
        head, _, tail = variable.removeprefix("IMAJIN_").partition("__")
        section = names.get(head)
        if section is None:
            raise unknown(variable, [f"IMAJIN_{name}__{tail}" for name in names], "environment", "variable")
        model = section_model(section)
        fields = {} if model is None else model.model_fields
        key = tail.lower()
        if key not in fields:
            raise unknown(variable, [f"IMAJIN_{head}__{name.upper()}" for name in fields], "environment", "variable")
        into.setdefault(section, {})[key] = Setting(
            from_text(os.environ[variable], fields[key].annotation), "env", variable
        )
