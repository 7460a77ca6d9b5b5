"""Command-line options derived from a params model: declared once there, never written twice."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from imajin_cli.contract.stage import Params

Words = Mapping[str, Iterable[str]]


def options_of(model: type[Params], prefix: str, words: Words = MappingProxyType({})) -> list[inspect.Parameter]:
    """One keyword parameter a field of ``model``, each None until it is given. Names get ``prefix`` ("request__seed").

    A field that the command takes as its argument is no option. ``words`` are what a shell offers for a field that says
    what it ``completes``.
    """
    fields = {key: field for key, field in model.model_fields.items() if not _extra(field).get("argument")}
    return [_option(f"{prefix}__{key}", key, field, words) for key, field in fields.items()]


def split(given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What was given, by section: {"request__seed": 3} → {"request": {"seed": 3}}. Options that were not given are left out."""
    sections: dict[str, dict[str, Any]] = {}
    for name, value in given.items():
        section, separator, key = name.partition("__")
        if separator and value is not None:
            sections.setdefault(section, {})[key] = value
    return sections


def _option(name: str, key: str, field: FieldInfo, words: Words) -> inspect.Parameter:
    kind = scalar_of(field.annotation)
    extra = _extra(field)
    flag = str(extra.get("flag") or "--" + key.replace("_", "-"))
    declarations = [f"{flag}/--no-{flag[2:]}" if kind.base is bool else flag]
    if "short" in extra:
        declarations.append(f"-{extra['short']}")
    settings: dict[str, Any] = {"help": _help(field, kind), "show_default": False}
    settings["metavar"] = _METAVARS[kind.base]
    if kind.choices:
        settings["metavar"] = "|".join(kind.choices) if len(kind.choices) <= 4 else "NAME"
        settings["autocompletion"] = _completer(kind.choices)
    elif extra.get("completes") in words:
        settings["autocompletion"] = _completer(tuple(words[extra["completes"]]))
    base: Any = kind.base
    annotation: Any = (list[base] if kind.many else base) | None
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[annotation, typer.Option(*declarations, **settings)],
    )


_METAVARS: dict[type, str | None] = {str: "TEXT", int: "N", float: "X", bool: None}


class Scalar:
    """A field's type as a command line sees it: a base type, whether it repeats, and its choices."""

    def __init__(self, base: type, *, many: bool = False, choices: tuple[str, ...] = ()) -> None:
        self.base = base
        self.many = many
        self.choices = choices


def scalar_of(annotation: Any) -> Scalar:
    """The command-line shape of a field's annotation. Raises TypeError for one that has none: keep params flat."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return scalar_of(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        shapes = [scalar_of(part) for part in parts]
        if len(shapes) == 1:
            return shapes[0]
        # A field such as float | Literal["auto"] takes text; its model decides.
        return Scalar(str, choices=tuple(choice for shape in shapes for choice in shape.choices))
    if origin is Literal:
        return Scalar(str, choices=tuple(str(choice) for choice in get_args(annotation)))
    if origin in (list, tuple, frozenset, set):
        inner = scalar_of(get_args(annotation)[0])
        return Scalar(inner.base, many=True, choices=inner.choices)
    if annotation in (str, int, float, bool):
        return Scalar(annotation)
    raise TypeError(f"{annotation!r} cannot be an option: keep params flat")


def _extra(field: FieldInfo) -> dict[str, Any]:
    return dict(field.json_schema_extra) if isinstance(field.json_schema_extra, dict) else {}


def _help(field: FieldInfo, kind: Scalar) -> str:
    text = field.description or ""
    if len(kind.choices) > 4:
        text += f" One of {', '.join(kind.choices)}."
    default = field.get_default(call_default_factory=True)
    if default in (None, [], ""):
        return text
    shown = ", ".join(map(str, default)) if isinstance(default, list) else str(default)
    if kind.base is bool:
        shown = "on" if default else "off"
    return f"{text} [{shown}]"


def _completer(choices: tuple[str, ...]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [choice for choice in choices if choice.startswith(incomplete)]

    return complete
