"""A file of jobs, each the params of one `imajin run`: .jsonl or .csv one a line, .yaml a list, or a mapping with `assets`."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from imajin_cli.config.layers import section_model
from imajin_cli.config.values import from_text, known_field, unknown
from imajin_cli.config.yamlfile import Located, parse_document
from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.request import RequestParams
from imajin_cli.registry import stages
from imajin_cli.run.batch.matrix import option_of, variants
from imajin_cli.run.batch.table import rows
from imajin_cli.run.options import SHORTCUTS, RunParams

MAX_LINE = 1 << 20
MAX_YAML = 16 << 20
SUFFIXES = (".yaml", ".jsonl", ".csv", ".yml")
_FILES = "files"
_TOP_KEYS = ("assets", "defaults", "jobs")
Target = tuple[str, str]
"""A section and a param of it."""


@dataclass(frozen=True)
class Job:
    """What one job asks for. ``place`` ("assets.jsonl:3") is how messages call it; ``flags`` are section → param → value."""

    place: str
    prompt: str | None = None
    files: tuple[str, ...] = ()
    preset: str | None = None
    flags: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def arguments(self) -> tuple[str, ...]:
        """What `imajin run` would be given as arguments."""
        return self.files or ((self.prompt,) if self.prompt is not None else ())


def read_jobs(name: str) -> Iterator[Job]:
    """The jobs of a file, as they are read. Raises UsageError, with file and line, for a job that is none."""
    path = Path(name)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{name}: jobs are read from {', '.join(SUFFIXES[:-1])}")
    try:
        with path.open("rb") as file:
            if suffix == ".jsonl":
                yield from _from_lines(file, name)
            elif suffix == ".csv":
                yield from (job_of(given, place) for given, place in rows(file, name))
            else:
                yield from _from_yaml(file.read(MAX_YAML + 1), name)
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from None


def _from_lines(stream: IO[bytes], name: str) -> Iterator[Job]:
    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        place = f"{name}:{number}"
        if len(line) > MAX_LINE:
            raise UsageError(f"{place}: a line of over {MAX_LINE >> 20} MiB")
        if line.strip():
            yield from jobs_of(_json(line, place), place)


def _json(line: bytes, place: str) -> dict[str, Any]:
    try:
        value = json.loads(line, object_pairs_hook=lambda pairs: _once(pairs, place))
    except (ValueError, RecursionError):
        raise UsageError(f"{place}: not JSON") from None
    if not isinstance(value, dict):
        raise UsageError(f"{place}: a job is an object with a prompt or files")
    return value


def _once(pairs: list[tuple[str, Any]], place: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise UsageError(f'{place}: "{key}" stands here twice')
        found[key] = value
    return found


def _from_yaml(data: bytes, name: str) -> Iterator[Job]:
    if len(data) > MAX_YAML:
        raise UsageError(f"{name}: larger than {MAX_YAML >> 20} MiB", hint="write the jobs as JSON lines: .jsonl")
    root = parse_document(data, name)
    common: dict[str, Located] = {}
    jobs = root
    if isinstance(root.value, dict):
        for key, item in root.value.items():
            if key not in _TOP_KEYS:
                raise unknown(key, _TOP_KEYS, f"{name}:{item.line}", "key")
        lists = [key for key in ("assets", "jobs") if key in root.value]
        if len(lists) > 1:
            raise UsageError(f"{name}:{root.value[lists[1]].line}: assets and jobs are the same: write one list")
        jobs = root.value[lists[0]] if lists else Located([], 1)
        common = _mapping(root.value.get("defaults", Located({}, 1)), name, "defaults are")
    if not isinstance(jobs.value, list):
        raise UsageError(f"{name}:{jobs.line}: expected a list of assets")
    for item in jobs.value:
        own = _mapping(item, name, "an asset is")
        # A value's own line, so that a fault is shown where it stands: in the entry, or among the defaults.
        given = over_defaults(common, own)
        lines = {key.replace("-", "_"): f"{name}:{value.line}" for key, value in given.items()}
        yield from jobs_of({key: value.plain() for key, value in given.items()}, f"{name}:{item.line}", lines)


def _mapping(item: Located, name: str, what: str) -> dict[str, Located]:
    if not isinstance(item.value, dict):
        raise UsageError(f"{name}:{item.line}: {what} a mapping, such as prompt: an empty inbox")
    return dict(item.value)


def jobs_of(given: Mapping[str, Any], place: str, lines: Mapping[str, str] = MappingProxyType({})) -> Iterator[Job]:
    """The job that ``given`` describes, or all those that its matrix stands for. Raises UsageError as `job_of` does."""
    axes = lines.get("matrix", place)
    if "matrix" in given or "exclude" in given:
        for one, told in variants(given, axes, ["prompt", _FILES, "preset", *run_options()]):
            yield job_of(one, f"{place} ({told})", lines)
    else:
        yield job_of(given, place, lines)


def job_of(given: Mapping[str, Any], place: str, lines: Mapping[str, str] = MappingProxyType({})) -> Job:
    """The job that ``given`` describes: `prompt` or `files`, `preset`, options of `imajin run`, sections of any stage.

    Raises UsageError for an unknown key, with the nearest known one. ``lines`` says where each key stands, if not at ``place``.
    """
    rest = dict(given)
    prompt, preset = (_text(rest, key, lines.get(key, place)) for key in ("prompt", "preset"))
    files = _names(rest.pop(_FILES, ()), lines.get(_FILES, place))
    if prompt is not None and files:
        raise UsageError(f"{place}: a job has a prompt or files, not both")
    if prompt is None and preset is None and not files:
        raise UsageError(f"{place}: a job needs a prompt, files or a preset")
    flags: dict[str, dict[str, Any]] = {}
    said: dict[tuple[str, str], str] = {}
    for given_key, value in rest.items():
        key = given_key.replace("-", "_")
        for section, name, found in _placed(key, value, lines.get(key, place)):
            if flags.setdefault(section, {}).setdefault(name, found) != found:
                both = " and ".join(dict.fromkeys((said[section, name], given_key)))
                where = lines.get(key, place)
                raise UsageError(f"{where}: {both} set {section}.{name}, each to something else", hint="leave one out")
            said[section, name] = given_key
    return Job(place, prompt, files, preset, flags)


def _text(given: dict[str, Any], key: str, place: str) -> str | None:
    value = given.pop(key, None)
    if value is not None and not isinstance(value, str):
        raise UsageError(f"{place}: {key} must be text")
    return value


def _names(value: Any, place: str) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and name for name in names):
        raise UsageError(f"{place}: files must be a name, or a list of names")
    return tuple(names)


def _placed(key: str, value: Any, place: str) -> Iterator[tuple[str, str, Any]]:
    """(section, param, value) of one key: an option of `imajin run` by its name, or a section with params of its own."""
    sections, options = _sections(), run_options()
    if key in sections and isinstance(value, dict):
        section = sections[key]
        model = section_model(section)
        for name, found in value.items():
            if model is not None:
                name = known_field(model, name.replace("-", "_"), f"{place}: {section}")
            yield section, name, _typed(section, name, found)
    elif key in options:
        section, name = options[key]
        yield section, name, _typed(section, name, value)
    else:
        raise unknown(key, ["prompt", _FILES, "preset", "matrix", *options, *sections.values()], place, "key")


def over_defaults(common: Mapping[str, Located], own: Mapping[str, Located]) -> dict[str, Located]:
    """An entry over the defaults. What both set is the entry's, however either calls it: `theme`, or under `generate`; other
    params of a stage that both have a section for stay.
    """
    wins = {target for key, item in own.items() for target in _set_by(key, item.plain())}
    merged: dict[str, Located] = {}
    for key, item in common.items():
        kept = _kept(key, item, wins)
        if kept is not None:
            merged[key] = kept
    spelt = {key.replace("-", "_"): key for key in merged}
    for key, item in own.items():
        before = merged.pop(spelt.get(key.replace("-", "_"), key), None)
        joined = before is not None and isinstance(before.value, dict) and isinstance(item.value, dict)
        merged[key] = Located({**before.value, **item.value}, item.line) if joined and before is not None else item
    return merged


def _kept(key: str, item: Located, wins: Set[Target]) -> Located | None:
    """What is left of a default without params that are in ``wins``."""
    if not isinstance(item.value, dict) or key.replace("-", "_") not in _sections():
        return None if wins & set(_set_by(key, item.plain())) else item
    return Located({name: v for name, v in item.value.items() if not wins & set(_set_by(key, {name: None}))}, item.line)


def _set_by(key: str, value: Any) -> Iterator[Target]:
    """What a key of an entry sets: (section, param), or ("", key) of what is no param; a matrix what its axes set."""
    key = key.replace("-", "_")
    if key in _sections() and isinstance(value, dict):
        yield from ((_sections()[key], str(name).replace("-", "_")) for name in value)
    elif key == "matrix" and isinstance(value, dict):
        for axis, values in value.items():
            yield from _set_by(option_of(str(axis)), None)
            for choice in values.values() if isinstance(values, dict) else ():
                for inner, found in choice.items() if isinstance(choice, dict) else ():
                    yield from _set_by(str(inner), found)
    else:
        yield run_options().get(key, ("", key))


@functools.cache
def _sections() -> dict[str, str]:
    """Every section that an entry may have, by its name in a file."""
    return {name.replace("-", "_"): name for name in ("request", "run", *stages())}


def _typed(section: str, name: str, value: Any) -> Any:
    """``value``; text is read as on the command line, so that a list of one needs no brackets."""
    model = section_model(section)
    if not isinstance(value, str) or model is None:
        return value
    return from_text(value, model.model_fields[name].annotation)


@functools.cache
def run_options() -> dict[str, tuple[str, str]]:
    """Every option of `imajin run` that sets a param, by the name that it has there: (section, param)."""
    named = {name: (section, name) for section, name in SHORTCUTS}
    for section, model in (("request", RequestParams), ("run", RunParams)):
        for name, info in model.model_fields.items():
            extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
            if extra.get("argument"):
                continue
            named[str(extra.get("flag", name)).removeprefix("--").replace("-", "_")] = (section, name)
            if "short" in extra:
                named[str(extra["short"])] = (section, name)
    return named
