"""The form of a drawing: what the head takes pictures for, and when `semantic` rejects one that is of another than was asked."""

from __future__ import annotations

from functools import lru_cache

import pytest

from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.sidecar import ParamValue, Record, Request, Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.stages.generate import Generate, GenerateParams
from imajin_cli.stages.semantic import Semantic, SemanticParams
from imajin_cli.stages.semantics import forms
from imajin_cli.stages.semantics.seen import Seen, planes_of

LAYOUTS = ("spot", "hero", "icon", "avatar", "pattern")
PROMPTS = ("a walrus with a trumpet", "overdue library books", "die Warteschlange ist lang", "un vieux phare breton")
# Told by meaning, told by a word.
ASKS = {
    "avatar": ("a face for people who never uploaded one", "avatar of a nurse"),
    "pattern": ("something with leaves that repeats without end", "a seamless pattern of leaves"),
    "icon": ("a small sign for the download button", "an icon for the settings"),
    "error-page": ("the server is down, sorry", "404 page not found"),
}


@lru_cache(maxsize=32)
def drawn(prompt: str, layout: str) -> Asset:
    """What `generate` draws for a prompt in a layout."""
    stage = Generate(GenerateParams.model_validate({"layout": layout}))
    made = stage.make(next(iter(stage.plan(Request(prompt=prompt, seed=3, size=["400x225" if layout == "hero" else "400"])))))
    record = Record(stage="generate", version="1", status="changed", key="k", backend="compose", notes=dict(made.notes))
    return Asset(Sidecar(id="x", request=Request(prompt=prompt), stages=[record]), made.picture)


def held(asset: Asset, prompt: str, layout: str, origin: str, preset: str | None = None, **params: object) -> Outcome:
    """The verdict on a picture under a prompt, where its layout was asked for by ``origin``."""
    record = asset.sidecar.stages[0].model_copy(update={"params": {"layout": ParamValue(value=layout, origin=origin)}})
    sidecar = Sidecar(id="x", request=Request(prompt=prompt, preset=preset), stages=[record])
    return Semantic(SemanticParams.model_validate(params)).apply(Asset(sidecar, asset.picture))


def scored(outcome: Outcome) -> dict[str, bool | None]:
    return {score.name: score.passed for score in outcome.scores}


def test_the_head_tells_forms_of_prompts_that_it_never_saw():
    right = []
    for layout in LAYOUTS:
        for prompt in PROMPTS:
            picture = drawn(prompt, layout).picture
            assert picture is not None
            seen = Seen(planes_of(picture.image))
            found = forms.shown(seen.views, picture.width, picture.height)
            assert sum(found.values()) == pytest.approx(1)
            right.append(max(found, key=lambda name: found[name]) == forms.FORM_OF[layout])
    assert sum(right) >= 0.9 * len(right)


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in ASKS.items() for text in texts])
def test_a_prompt_asks_for_a_form_by_a_word_or_by_its_meaning(kind: str, text: str):
    found = forms.asked(text)
    best = forms.FORMS[max(range(len(forms.FORMS)), key=lambda at: found.goes[at])]
    assert (found.kind, best) == (kind, "scene" if kind == "error-page" else kind)
    assert all(0 <= share <= 1 for share in found.goes)


@pytest.mark.parametrize(
    ("layout", "prompt", "reason"),
    [
        ("pattern", "avatar of a nurse", "the prompt asks for an avatar, and this is a pattern"),
        ("avatar", "a seamless pattern of leaves", "the prompt asks for a pattern, and this is an avatar"),
        ("spot", "a seamless pattern of leaves", "the prompt asks for a pattern, and this is a scene"),
        ("avatar", "404 page not found", "the prompt asks for an error page, and this is an avatar"),
    ],
)
def test_a_picture_of_another_form_is_rejected_with_what_was_asked(layout: str, prompt: str, reason: str):
    found = held(drawn(PROMPTS[1], layout), prompt, layout, "preset:mine", judge="strict")
    assert (found.status, found.code) == ("rejected", Exit.OFF_PROMPT)
    assert reason in (found.reason or "").split("; ")


@pytest.mark.parametrize(("origin", "preset"), [("flag", None), ("config", None), ("preset:pattern", "pattern")])
def test_a_layout_that_somebody_chose_is_no_fault(origin: str, preset: str | None):
    found = held(drawn(PROMPTS[1], "pattern"), "avatar of a nurse", "pattern", origin, preset, judge="strict")
    assert "form" not in scored(found)


def test_a_prompt_that_names_no_form_goes_with_what_the_composer_drew_for_it():
    for prompt in PROMPTS:
        found = held(drawn(prompt, "spot"), prompt, "auto", "default")
        assert scored(found)["form"] is True


@pytest.mark.parametrize("judge", ["auto", "strict", "always"])
def test_the_limit_goes_by_how_strictly_is_judged(judge: str):
    found = held(drawn(PROMPTS[0], "spot"), PROMPTS[0], "auto", "default", judge=judge)
    assert next(score.threshold for score in found.scores if score.name == "form") == forms.LIMITS[judge]


def test_who_only_records_is_told_nothing_of_forms():
    found = held(drawn(PROMPTS[1], "pattern"), "avatar of a nurse", "pattern", "default", judge="never")
    assert "form" not in scored(found)


@pytest.mark.parametrize("content", [None, b"", b"\x08\0\0\0\0\0\0\0[1, 2]  "])
def test_a_head_that_cannot_be_read_is_no_verdict(content: bytes | None, tmp_path, monkeypatch):
    if content is not None:
        (tmp_path / forms.HEAD).write_bytes(content)
    forms._head.cache_clear()
    monkeypatch.setattr(forms._head.__wrapped__, "__defaults__", (tmp_path,))
    with pytest.raises(NoVerdictError, match="the head for forms cannot be read"):
        held(drawn(PROMPTS[0], "spot"), PROMPTS[0], "auto", "default")
    forms._head.cache_clear()
