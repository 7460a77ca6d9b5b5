"""Why an asset is stale: its recipe held against the lock's, its files against their digests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from imajin_cli.repository.lock import Entry, Lock
from imajin_cli.repository.recipe import TOOL_KINDS, Recipe
from imajin_cli.repository.standing import faults
from imajin_cli.run.shelf import Shelf

Kind = Literal[
    "new", "prompt", "params", "preset", "config", "model", "font", "pack", "version", "input", "missing", "changed",
    "signature", "decision", "gone", "forced",
]  # fmt: skip
_SHOWN = 60


class Cause(NamedTuple):
    """One reason: its kind, by which programs know it, and the rest for people."""

    kind: Kind
    text: str

    def line(self) -> str:
        """Both."""
        return f"{self.kind}: {self.text}"


def recipe_causes(recipe: Recipe, lock: Lock) -> list[Cause]:
    """Why ``recipe`` is another one than the lock's, nothing where it is the same."""
    entry = lock.assets.get(recipe.name)
    if entry is None:
        return [Cause("new", "not in the lock yet")]
    found: list[Cause] = []
    if entry.prompt != recipe.prompt:
        found.append(Cause("prompt", _was(entry.prompt, recipe.prompt)))
    found += _param_causes(entry, recipe)
    found += _tool_causes(lock, entry, recipe)
    found += _default_causes(lock.defaults[entry.defaults], recipe)
    found += _input_causes(entry, recipe)
    if recipe.signs and not entry.signed():
        found.append(Cause("signature", "a certificate is configured, and the files are not signed"))
    return found


def _was(old: Any, new: Any) -> str:
    return f"was {_shown(old)}, is now {_shown(new)}"


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _param_causes(entry: Entry, recipe: Recipe) -> Iterator[Cause]:
    """Params whose value is another one now, called after who sets them or did."""
    if entry.preset != recipe.preset:
        yield Cause("preset", _was(entry.preset, recipe.preset))
    groups: tuple[tuple[Kind, Mapping[str, Any], Mapping[str, Any]], ...] = (
        ("params", entry.params, recipe.params),
        ("preset", entry.from_preset, recipe.from_preset),
        ("config", entry.from_config, recipe.from_config),
    )
    old = {**entry.from_preset, **entry.from_config, **entry.params}
    new = {**recipe.from_preset, **recipe.from_config, **recipe.params}
    for name in sorted(set(old) | set(new)):
        if name in old and name in new and old[name] == new[name]:
            continue
        kind = next(kind for kind, before, now in groups if name in before or name in now)
        usual = recipe.defaults.get(name)
        yield Cause(kind, f"{name} {_was(old.get(name, usual), new.get(name, usual))}")


def _tool_causes(lock: Lock, entry: Entry, recipe: Recipe) -> Iterator[Cause]:
    tools = lock.tools[entry.tools]
    if tools == recipe.tools:  # of most assets: a thousand are checked at once
        return
    for kind, group in {"version": "stages", **TOOL_KINDS}.items():
        before, now = tools.get(group, {}), recipe.tools.get(group, {})
        called: Kind = "version" if kind in ("version", "data") else kind  # type: ignore[assignment]
        what = {"stages": "stage ", "data": "data of "}.get(group, "")
        for name in sorted(set(before) | set(now)):
            old, new = before.get(name, ""), now.get(name, "")
            # What this machine cannot tell speaks against nothing.
            if old != new and old is not None and new is not None:
                yield Cause(called, f"{what}{name} {_was(old or None, new or None)}")


def _default_causes(before: Mapping[str, Any], recipe: Recipe) -> Iterator[Cause]:
    """Defaults that are others than they were. A param that came or went changes nothing by itself."""
    if before == recipe.defaults:
        return
    given = {*recipe.params, *recipe.from_preset, *recipe.from_config}
    for name, value in recipe.defaults.items():
        if name in before and before[name] != value and name not in given:
            yield Cause("version", f"default of {name} {_was(before[name], value)}")


def _input_causes(entry: Entry, recipe: Recipe) -> Iterator[Cause]:
    for name in sorted({*entry.inputs, *recipe.inputs}):
        old, new = entry.inputs.get(name), recipe.inputs.get(name)
        if name in recipe.inputs and new is None:
            yield Cause("missing", f"{name} cannot be read")
        elif old != new:
            yield Cause("input", f"{name} {_was(old, new)}")


def causes(recipe: Recipe, lock: Lock, shelf: Callable[[str], Shelf]) -> list[Cause]:
    """Every reason why the asset is stale, of those that are told without a network; none where it is up to date.

    ``shelf`` gives the folder that files were published into.
    """
    found = recipe_causes(recipe, lock)
    if recipe.name in lock.assets:
        found += [
            Cause("missing" if fault.gone else "changed", fault.text) for fault in faults(recipe.name, lock, shelf)
        ]
    return found
