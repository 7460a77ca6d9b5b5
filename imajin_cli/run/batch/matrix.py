"""A matrix: one entry of a file that stands for several jobs, every combination of its axes' values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from imajin_cli.config.values import unknown
from imajin_cli.contract.errors import UsageError
from imajin_cli.run.naming import slug

MAX_AXES = 8
MAX_VALUES = 256
MAX_VARIANTS = 1000
# What an axis of this name sets where its values are plain: a palette is painted from one colour.
_SETS = {"palette": "colour"}
_RANGE = re.compile(r"(\d{1,10})\.\.(\d{1,10})")
_FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Choice:
    """One value of an axis: its part of a name, and the options that it sets."""

    label: str
    sets: Mapping[str, Any]


def variants(given: Mapping[str, Any], place: str, options: Sequence[str]) -> Iterator[tuple[dict[str, Any], str]]:
    """Each job that ``given`` stands for, and what tells it from the others ("theme=dark"); itself where it has no matrix.

    ``options`` are the names that a job knows. Raises UsageError for a matrix that is none, or that is too large, and where
    two jobs would be called the same.
    """
    rest = dict(given)
    matrix, left_out = rest.pop("matrix", None), rest.pop("exclude", None)
    if matrix is None:
        if left_out is not None:
            raise UsageError(f"{place}: exclude belongs to a matrix, and there is none")
        yield rest, ""
        return
    axes = _axes(matrix, rest, place, options)
    template = rest.pop("name", None)
    template = _usual_name(axes, rest) if template is None else template
    if not isinstance(template, str):
        raise UsageError(f"{place}: name must be text")
    known: dict[str, str] = {}
    rules = _rules(left_out, axes, place)
    for choices in product(*axes.values()):
        labels = {axis: choice.label for axis, choice in zip(axes, choices, strict=True)}
        if any(all(labels[axis] in found for axis, found in rule.items()) for rule in rules):
            continue
        told = ", ".join(f"{axis}={label}" for axis, label in labels.items())
        name = _named(template, labels)
        _once(known, name, told, axes, place)
        yield {**_joined([rest, *(choice.sets for choice in choices)]), "name": name}, told
    if not known:
        raise UsageError(f"{place}: exclude leaves nothing of the matrix")


def _joined(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """All options; params of one stage that several set are joined."""
    whole: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            known = whole.get(key)
            whole[key] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value
    return whole


def _named(template: str, labels: Mapping[str, str]) -> str:
    """``template`` with the axes' fields filled; others are `output`'s."""
    return _FIELD.sub(lambda match: labels.get(match[1], match[0]), template)


def _once(known: dict[str, str], name: str, told: str, axes: Mapping[str, Any], place: str) -> None:
    if name in known:
        missing = " or ".join(f"{{{axis}}}" for axis in axes if f"{axis}=" in told)
        raise UsageError(
            f"{place}: name: {known[name]} and {told} would both be called {name[:60]}",
            hint=f"put {missing} into it",
        )
    known[name] = told


def _axes(matrix: Any, rest: Mapping[str, Any], place: str, options: Sequence[str]) -> dict[str, list[Choice]]:
    if not isinstance(matrix, dict) or not matrix:
        raise UsageError(f"{place}: a matrix is a mapping of axes, such as theme: [light, dark]")
    if len(matrix) > MAX_AXES:
        raise UsageError(f"{place}: a matrix of {len(matrix)} axes; {MAX_AXES} are the most")
    axes = {str(axis).replace("-", "_"): values for axis, values in matrix.items()}
    found = {axis: _choices(axis, values, place, options) for axis, values in axes.items()}
    twice = sorted(set(axes) & set(rest))
    if twice:
        raise UsageError(f"{place}: {twice[0]} stands in the matrix and beside it")
    _apart(found, place)
    size = prod(map(len, found.values()))
    if size > MAX_VARIANTS:
        shape = " × ".join(f"{len(choices)} {axis}" for axis, choices in found.items())
        raise UsageError(f"{place}: a matrix of {size:,} ({shape}); {MAX_VARIANTS:,} are the most", hint="split it up")
    return found


def _apart(axes: Mapping[str, Sequence[Choice]], place: str) -> None:
    """Raises UsageError where two axes set the same: only one of them could have its way."""
    owner: dict[str, str] = {}
    for axis, choices in axes.items():
        for name in sorted({name for choice in choices for name in _names(choice.sets)}):
            if owner.setdefault(name, axis) != axis:
                raise UsageError(f"{place}: matrix: {owner[name]} and {axis} both set {name}")


def _names(sets: Mapping[str, Any]) -> Iterator[str]:
    """The options that a choice sets, and "stage.param" of what it sets under a stage."""
    for key, value in sets.items():
        yield from (f"{key}.{str(name).replace('-', '_')}" for name in value) if isinstance(value, dict) else [key]


def _choices(axis: str, values: Any, place: str, options: Sequence[str]) -> list[Choice]:
    """The choices of an axis: a list of values, a mapping of labels to values, or a range of whole numbers (1..4)."""
    where = f"{place}: matrix.{axis}"
    if isinstance(values, str) and (both := _RANGE.fullmatch(values)):
        first, last = int(both[1]), int(both[2])
        if last < first or last - first >= MAX_VALUES:
            raise UsageError(f"{where}: {values} is no range of 1 to {MAX_VALUES} numbers")
        values = list(range(first, last + 1))
    if isinstance(values, dict):
        pairs = [(str(label), value) for label, value in values.items()]
    elif isinstance(values, list):
        pairs = [(_label(value), value) for value in values]
    else:
        raise UsageError(f"{where}: write a list, a mapping of labels to values, or a range such as 1..4")
    if not 1 <= len(pairs) <= MAX_VALUES:
        raise UsageError(f"{where}: {len(pairs)} values; 1 to {MAX_VALUES} can be")
    choices = [Choice(_plain(label, where), _sets(axis, value, where, options)) for label, value in pairs]
    labels = [choice.label for choice in choices]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"{where}: two values are called {label}", hint="give them labels: {LABEL: VALUE}")
    return choices


def option_of(axis: str) -> str:
    """The option that an axis with plain values sets."""
    return _SETS.get(axis, axis)


def _sets(axis: str, value: Any, where: str, options: Sequence[str]) -> dict[str, Any]:
    if isinstance(value, dict) and axis not in options:
        return {str(key).replace("-", "_"): found for key, found in value.items()}
    target = option_of(axis)
    if target not in options:
        raise unknown(axis, [*options, *_SETS], f"{where}: its values are plain, and so it must be an option", "option")
    return {target: value}


def _label(value: Any) -> str:
    if isinstance(value, dict):
        return ""
    return slug(",".join(map(str, value)) if isinstance(value, list) else str(value))


def _plain(label: str, where: str) -> str:
    if not label:
        raise UsageError(f"{where}: values that set several options need labels: {{LABEL: {{…}}}}")
    if set(label) & set("{}/\\") or len(label) > 80:
        raise UsageError(f"{where}: {label[:40]!r} cannot be a part of a name")
    return label


def _usual_name(axes: Mapping[str, Sequence[Choice]], rest: Mapping[str, Any]) -> str:
    """The name of a matrix that has none: its prompt's or preset's, and every other axis that has a choice."""
    first = next(
        (axis for axis in ("prompt", "preset") if axis in axes and (axis == "prompt" or not rest.get("prompt"))), None
    )
    parts = ["{name}" if first is None else f"{{{first}}}"]
    return "-".join([*parts, *(f"{{{axis}}}" for axis, found in axes.items() if axis != first and len(found) > 1)])


def _rules(left_out: Any, axes: Mapping[str, Sequence[Choice]], place: str) -> list[dict[str, set[str]]]:
    """What ``exclude`` leaves out, as labels by axis. Raises UsageError for an axis or value that is none."""
    if left_out is None:
        return []
    if not isinstance(left_out, list) or not all(isinstance(one, dict) for one in left_out):
        raise UsageError(f"{place}: exclude is a list of combinations, such as [{{theme: dark, preset: icon}}]")
    return [_rule(one, axes, place) for one in left_out]


def _rule(one: Mapping[str, Any], axes: Mapping[str, Sequence[Choice]], place: str) -> dict[str, set[str]]:
    rule = {}
    for key, value in one.items():
        axis = str(key).replace("-", "_")
        if axis not in axes:
            raise unknown(axis, axes, f"{place}: exclude", "axis")
        known = {choice.label for choice in axes[axis]}
        wanted = {name if (name := str(item)) in known else _label(item) for item in _list(value)}
        if not wanted <= known:
            raise unknown(sorted(wanted - known)[0], known, f"{place}: exclude.{axis}", "value")
        rule[axis] = wanted
    return rule


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
