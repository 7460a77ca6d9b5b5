"""Properties of the contract: unknown fields, digests, verdicts, chains, keys, and JSON of every kind."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imajin_cli.contract.chain import holds
from imajin_cli.contract.digest import VOLATILE
from imajin_cli.contract.errors import InputError
from imajin_cli.contract.exits import Exit, most_serious
from imajin_cli.contract.request import request_digest
from imajin_cli.contract.sidecar import ParamValue, Record, Request, Sidecar, verdict_of
from imajin_cli.contract.stage import Kind, Params, Stage
from imajin_cli.run.assets import has_record, with_history
from imajin_cli.run.execute import Bound
from imajin_cli.run.sidecars import dump_sidecar, parse_sidecar

KNOWN = {name for model in (Sidecar, Record, Request) for name in model.model_fields}
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
names = words.filter(lambda name: name not in KNOWN | VOLATILE)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | words
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
unknown = st.dictionaries(names, values, max_size=4)
digests = st.sampled_from([character * 64 for character in "abc"])
statuses = st.sampled_from(["passed", "changed", "rejected", "skipped", "error"])


def record(**fields: Any) -> Record:
    return Record(**{"stage": "a", "version": "1", "status": "passed", "key": "k", **fields})


records = st.builds(
    record,
    stage=st.sampled_from(["gate", "other", "draw"]),
    status=statuses,
    input=st.none() | digests,
    output=st.none() | digests,
    code=st.sampled_from([0, 2, 15, 22]),
    key=st.sampled_from("klm"),
)


def document(top: dict, inside: dict, image: dict, request: dict) -> dict:
    return {
        **top,
        "imajin": 1,
        "id": "x",
        "image": {**image, "sha256": "a" * 64, "width": 3, "height": 2, "mode": "RGB"},
        "request": {**request, "prompt": "p"},
        "stages": [{**inside, "stage": "a", "version": "1", "status": "passed", "key": "k", "notes": inside}],
    }


@given(unknown, unknown, unknown, unknown)
def test_unknown_fields_survive_load_record_and_dump(top, inside, image, request):
    given_ = document(top, inside, image, request)
    known = parse_sidecar(json.dumps(given_), "x").with_record(record(stage="b"))
    written = json.loads(dump_sidecar(known))
    again = json.loads(dump_sidecar(parse_sidecar(json.dumps(written), "x")))
    assert again == written
    for part, found in (
        (top, written), (inside, written["stages"][0]), (inside, written["stages"][0]["notes"]),
        (image, written["image"]), (request, written["request"]),
    ):  # fmt: skip
        assert {name: found[name] for name in part} == part


@given(
    unknown,
    st.dictionaries(st.sampled_from(sorted(VOLATILE - {"file_sha256", "file"})), scalars, max_size=3),
    names,
    scalars,
)
def test_the_digest_ignores_what_is_volatile_and_nothing_else(top, volatile, name, value):
    plain = Sidecar.model_validate({**top, "id": "x", "stages": [record().model_dump()]})
    marked = Sidecar.model_validate({**top, "id": "x", "notes_": 1, "stages": [record().model_dump()]})
    fields = {
        "seconds": 1.5,
        "device": "gpu",
        "host": "h",
        "time": "now",
        "params": {"p": {"value": 1, "origin": "flag"}},
    }
    done = Sidecar.model_validate({**top, **volatile, "id": "x", "stages": [{**record().model_dump(), **fields}]})
    same = Sidecar.model_validate(
        {**top, "id": "x", "stages": [{**record().model_dump(), "params": {"p": {"value": 1}}}]}
    )
    assert done.digest() == same.digest() != plain.digest()
    assert plain.digest() != marked.digest()
    other = Sidecar.model_validate({**top, "id": "x", "stages": [record().model_dump()], name: [value, "other"]})
    assert other.digest() != plain.digest()


@given(st.lists(st.sampled_from(list(Exit)), max_size=6))
def test_the_most_serious_code_is_one_of_those_given_and_does_not_depend_on_order(codes):
    found = most_serious(codes)
    assert found in [*codes, Exit.OK]
    assert found == most_serious(reversed(codes)) == most_serious([*codes, found])
    assert most_serious([]) is Exit.OK
    if set(codes) - {Exit.OK}:
        assert found is not Exit.OK


@given(st.lists(records, max_size=6))
def test_the_verdict_is_the_first_standing_rejection(stages):
    standing = [r for i, r in enumerate(stages) if all(later.stage != r.stage for later in stages[i + 1 :])]
    against = [r for r in standing if r.status in ("rejected", "error")]
    verdict = verdict_of(stages)
    if not against:
        assert verdict.status == "accepted"
    else:
        assert (verdict.by, verdict.code, verdict.status) == (against[0].stage, against[0].code, against[0].status)


def model(stages: list[Record], pixels: str) -> bool:
    """The chain told the other way round: from the pixels back to the gate."""
    wanted: str | None = pixels
    for entry in reversed(stages):
        if entry.stage == "gate":
            return entry.status == "passed" and entry.output == wanted
        if entry.status == "changed":
            if entry.output != wanted or entry.input is None:
                return False
            wanted = entry.input
    return False


@given(st.lists(records, max_size=6), digests)
def test_a_chain_holds_only_through_recorded_changes(stages, pixels):
    assert holds(Sidecar(id="x", stages=stages), "gate", pixels) == model(stages, pixels)


def test_a_verdict_on_a_request_holds_for_what_was_made_of_it():
    asked, drawn = "a" * 64, "b" * 64
    stages = [
        record(stage="gate", input=asked, output=asked),
        record(stage="draw", status="changed", input=asked, output=drawn),
    ]
    assert holds(Sidecar(id="x", stages=stages), "gate", drawn)
    assert not holds(
        Sidecar(id="x", stages=[stages[0], record(stage="draw", status="changed", output=drawn)]), "gate", drawn
    )


parts = st.recursive(
    scalars | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words | st.sampled_from(sorted(KNOWN)), inner, max_size=4)
    ),
)


@given(parts | st.fixed_dictionaries({"imajin": scalars, "id": words, "stages": parts}))
def test_any_json_is_a_sidecar_or_an_input_error(value):
    try:
        known = parse_sidecar(json.dumps(value), "x")
    except InputError:
        return
    known.digest()
    assert parse_sidecar(dump_sidecar(known), "x").digest() == known.digest()


@given(st.binary(max_size=60))
def test_any_bytes_are_a_sidecar_or_an_input_error(data):
    for given_ in (data, b'{"id":"x","v":' + data + b"}"):
        with contextlib.suppress(InputError):
            parse_sidecar(given_, "x")


@pytest.mark.parametrize(
    "text",
    [
        '{"id": "x", "v": NaN}', '{"id": "x", "v": [-Infinity]}', '{"id": "x", "v": 1e999}',
        '{"imajin": 1, "v": %s}' % ("9" * 5000),
        '{"id": 3, "v": %s}' % ("[" * 5000 + "]" * 5000), '{"id": "\\ud800"}', '{"imajin": [], "id": 1}', "[]", "3", '"x"', "",
    ],
)  # fmt: skip
def test_json_that_nothing_can_hold(text):
    with pytest.raises(InputError):
        parse_sidecar(text, "x")


def test_words_that_look_like_numbers_that_json_has_not_are_words():
    prompt = "NaN Infinity 1e9999"
    assert (
        parse_sidecar(json.dumps({"id": "x", "request": {"prompt": prompt}, "v": 1e300}), "x").request.prompt == prompt
    )


class Tint(Stage[Params]):
    """A stage to ask for keys."""

    name = "tint"
    kind = Kind.TRANSFORM
    Params = Params


PARAMS = {"red": ParamValue(value=1), "strength": ParamValue(value=0.5)}


class Older(Tint):
    version = "2"


class Revised(Tint):
    def revision(self) -> str:
        return "of another model"


def test_a_key_changes_with_each_thing_that_the_result_depends_on():
    def bound(name: str = "tint", stage: type[Tint] = Tint, **params: Any) -> Bound:
        return Bound(
            name, stage(Params()), {**PARAMS, **{key: ParamValue(value=value) for key, value in params.items()}}
        )

    keys = [
        bound().key("a"), bound(red=2).key("a"), bound(strength=0.6).key("a"), bound(more=None).key("a"), bound("other").key("a"),
        bound(stage=Older).key("a"), bound(stage=Revised).key("a"), bound().key("b"), bound().key("a", None), bound().key(),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)
    moved = Bound("tint", Tint(Params()), {key: ParamValue(value=p.value, origin="flag") for key, p in PARAMS.items()})
    assert moved.key("a") == bound().key("a")


@given(
    st.lists(st.sampled_from("abcd"), max_size=4, unique=True),
    st.lists(st.sampled_from("abcd"), max_size=4, unique=True),
)
def test_a_picture_that_is_found_gets_the_records_that_its_source_has(made_of, source):
    made = Sidecar(id="x", stages=[*(record(key=key) for key in made_of), record(key="own"), record(key="later")])
    known = with_history(made, Sidecar(id="x", stages=[record(key=key) for key in source]), "own")
    keys = [r.key for r in known.stages]
    assert sorted(keys) == sorted({*made_of, *source, "own", "later"})
    assert keys[-2:] == ["own", "later"]
    assert [key for key in keys if key in source] == source
    assert with_history(known, Sidecar(id="x", stages=[record(key=key) for key in source]), "own") is known


def test_the_latest_record_of_a_stage_is_the_one_that_counts():
    known = Sidecar(id="x", stages=[record(key="k"), record(key="l")])
    assert has_record(known, "a", "k") is None
    assert has_record(known, "a", "l") is known.stages[1]
    assert has_record(known, "b", "l") is None


@given(st.text(max_size=200))
def test_a_request_is_as_it_was_written(prompt):
    asked = Request(prompt=prompt)
    assert request_digest(asked) == request_digest(Request.model_validate_json(asked.model_dump_json()))
    assert request_digest(asked) != request_digest(asked.model_copy(update={"later_field": None}))
