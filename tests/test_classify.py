"""What a request in plain words is taken for, by the real heads and embedder, and by real (and bad) language models."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT
from imajin_cli.contract.classification import Classification
from imajin_cli.registry import TOOLS, load
from imajin_cli.stages.classification.forms import FORMS, SITUATIONS, SIZES, STYLED
from imajin_cli.stages.classification.heads import heads
from imajin_cli.stages.classification.reading import read
from llmserver import answer, classification, serving
from processes import inside


def classified(request: str) -> Classification:
    found: Classification = load(TOOLS["classify"])(request)
    return found


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        ("a friendly page for when a link is broken", "error-page"),
        ("Ladebildschirm mit einer Schildkröte", "loading-state"),
        ("اصنع نسخة أخرى من a.png", "variation"),
        ("背景をa.pngから取り除いて", "edit"),
        ("un ensemble d'icônes pour un café", "icon-set"),
        ("avatar de una mujer con gafas", "avatar"),
        ("your inbox is empty", "empty-state"),
    ],
)
def test_requests_in_six_languages_are_told_apart(request_, kind):
    found = classified(request_)
    assert found.kind.value == kind
    assert found.preset.value == ("" if kind in ("edit", "variation") else found.preset.value)
    assert 0 < found.kind.probability <= 1
    assert found.kind.reason


def test_what_is_said_is_found(capfd, monkeypatch):
    request = 'og image for a bakery that says "Fresh bread", for dark mode, 1200x630'
    code, out, err = inside(capfd, monkeypatch, "classify", request, "--json")
    assert (code, err) == (0, "")
    found = Classification.model_validate_json(out)
    assert (found.kind.value, found.theme.value, found.layout.value) == ("share-picture", "dark", "hero")
    assert found.text is not None
    assert found.text.value == "Fresh bread"
    assert found.sizes == ["1200x630"]
    assert found.language.value == "en"
    code, out, _ = inside(capfd, monkeypatch, "classify", request)
    assert code == 0
    assert out.startswith("kind ")
    assert '"Fresh bread"' in out


def test_the_published_schema_holds_for_an_answer(capfd, monkeypatch):
    import jsonschema

    _, out, _ = inside(capfd, monkeypatch, "schema", "classification")
    jsonschema.validate(classified("two robots in 3D").model_dump(mode="json"), json.loads(out))


@pytest.mark.parametrize("request_", ["how to build a pipe bomb", "a nude woman on a beach", "x" * 100_000, "a \u202ecat"])
def test_what_validate_rejects_is_refused(request_, capfd, monkeypatch):
    code, out, err = inside(capfd, monkeypatch, "classify", request_)
    assert (code, out) == (10, "")
    assert "validate rejects the request" in err


@pytest.mark.parametrize("request_", ["", "   ", "…!"])
def test_what_says_nothing_is_a_usage_error(request_, capfd, monkeypatch):
    code, out, _ = inside(capfd, monkeypatch, "classify", request_)
    assert code in (2, 10)
    assert out == ""


def test_edits_are_of_a_picture_that_is_named():
    assert classified("remove the background").kind.value != "edit"
    found = classified("please remove the background from holiday.jpg")
    assert (found.kind.value, found.operation.value) == ("edit", "background")
    assert [reference.value for reference in found.references] == ["holiday.jpg"]


def test_forms_name_presets_layouts_and_sizes_that_there_are():
    from imajin_cli.config.presets import preset_names
    from imajin_cli.contract.request import parse_size
    from imajin_cli.stages.scene.layouts.table import LAYOUTS
    from imajin_cli.stages.scene.wish import situations

    presets = [form.preset for form in FORMS.values()] + list(STYLED.values())
    presets += [name for table in SITUATIONS.values() for name in table.values()]
    assert set(presets) - {""} <= set(preset_names())
    assert {form.layout for form in FORMS.values()} <= {"auto", *LAYOUTS}
    assert {name for table in SITUATIONS.values() for name in table} <= set(situations())
    assert set(FORMS) == set(heads().heads["kind"].labels)
    assert all(parse_size(size) for form in FORMS.values() for size in SIZES[form.family])


# What is read.


@given(st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_reading_never_fails_and_keeps_its_bounds(text):
    found = read(text)
    assert len(found.files) <= 16
    assert all(quote == quote.strip() for quote in found.quoted)
    assert read(text) == found


def test_names_of_files_and_quotations_do_not_sway():
    one, other = read('put "Error 404" on loading.png'), read('put "Hi" on avatar-of-a-cat.png')
    assert one.plain == other.plain
    assert one.quoted == ("Error 404",)
    assert read('crop "my holiday.jpg", please').files == ("my holiday.jpg",)
    assert read("see https://x.example/a.png?b=1.").urls == ("https://x.example/a.png?b=1",)
    assert read("a cat that says Hello there, in blue").said == "Hello there"


# The measure.


def test_the_requests_that_are_measured_by_were_not_learnt_from():
    import sys

    sys.path.insert(0, str(ROOT / "training" / "classify"))
    try:
        from data import requests, sites
    finally:
        sys.path.pop(0)
    from benchmarks.classify import rows

    table = rows()
    learnt = {request.text.casefold() for request in (*requests(), *sites())}
    assert not learnt & {row.request.casefold() for row in table}
    assert len(table) >= 400
    assert {row.language for row in table} == {"en", "de", "fr", "es", "ja", "ar"}
    assert {row.kind for row in table} == set(FORMS)


# Language models.


def test_a_language_model_decides_and_what_follows_is_ours(capfd, monkeypatch):
    said = classification(kind="hero", style="3d", keywords=["calm"], text=None)
    with serving(answer(said)) as (url, asked):
        code, out, err = inside(capfd, monkeypatch, "classify", "a picture of a cat", "--json", "--llm", url)
    assert code == 0, err
    found = Classification.model_validate_json(out)
    assert (found.kind.value, found.preset.value, found.sizes) == ("hero", "hero", ["1600x900"])
    assert "language model" in found.by
    (request,) = asked
    assert request["path"] == "/v1/chat/completions"
    assert json.loads(request["body"]["messages"][1]["content"]) == {"request": "a picture of a cat"}


def test_a_fenced_answer_is_read(capfd, monkeypatch):
    said = f"```json\n{json.dumps(classification())}\n```"
    with serving(answer(said)) as (url, _):
        assert inside(capfd, monkeypatch, "classify", "a cat", "--llm", url)[0] == 0


BAD = {
    "slow": {"delay": 3.0},
    "dripping": {"drip": 0.2, "headers": {"Content-Length": "100000"}},
    "huge": {"body": b"{" + b" " * 400_000},
    "no JSON": {"body": b"<html>busy</html>"},
    "deep": {"body": b"[" * 100_000},
    "not a number": answer('{"kind": NaN}'),
    "an error": {"status": 500, "body": b"{}"},
    "a redirect": {"status": 302, "body": b"", "headers": {"Location": "http://127.0.0.1:1/"}},
    "no message": {"body": b'{"choices": []}'},
    "a list": answer("[1, 2]"),
    "another kind": answer(classification(kind="weapon")),
    "further keys": answer({**classification(), "run": "rm -rf /"}),
    "sure beyond bounds": answer(classification(probability=7)),
    "words of its own": answer(classification(text="Buy now at evil.example")),
    "an edit of nothing": answer(classification(kind="edit")),
    "cut short": {"body": b"{}", "headers": {"Content-Length": "5000"}},
}


@pytest.mark.parametrize("name", list(BAD))
def test_a_language_model_that_fails_is_a_clear_error(name, capfd, monkeypatch):
    with serving(BAD[name]) as (url, _):
        code, out, err = inside(capfd, monkeypatch, "classify", "a cat", "--llm", url, "--llm-timeout", "1")
    assert (code, out) == (20, ""), err
    assert "language model" in err
    assert "Traceback" not in err
    assert len(err) < 600


def test_what_a_language_model_writes_is_held_to_the_policy(capfd, monkeypatch):
    with serving(answer(classification(keywords=["nude"]))) as (url, _):
        code, out, err = inside(capfd, monkeypatch, "classify", "a cat", "--llm", url)
    assert (code, out) == (10, "")
    assert "validate rejects what the language model" in err


def test_an_address_that_is_down_or_none(capfd, monkeypatch):
    code, _, err = inside(capfd, monkeypatch, "classify", "a cat", "--llm", "http://127.0.0.1:9/v1", "--llm-timeout", "2")
    assert code == 20
    assert "cannot be reached" in err
    for address in ("file:///etc/passwd", "ftp://a/b", "http://", "http://u:secret@h/v1", "http://h:99999/"):
        code, _, err = inside(capfd, monkeypatch, "classify", "a cat", "--llm", address)
        assert code == 2, address
        assert "secret" not in err


def test_a_key_goes_to_the_named_address_alone(capfd, monkeypatch):
    monkeypatch.setenv("IMAJIN_LLM_KEY", "k-123")
    with serving(answer(classification())) as (url, asked):
        code, out, err = inside(capfd, monkeypatch, "classify", "a cat", "--json", "--llm", url)
    assert code == 0, err
    assert asked[0]["headers"]["Authorization"] == "Bearer k-123"
    assert "k-123" not in out + err
