"""What the contract promises of files: records and unknown fields that stay, vectors, histories, writers at once."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from imajin_cli.contract.errors import BackendError, InputError, MissingError, NoVerdictError, OutputError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.contract.sidecar import Group, Record, Request, Sidecar
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage
from imajin_cli.run import atomic, store
from imajin_cli.run.assets import Entry, foreign_sidecar, request_entry
from imajin_cli.run.execute import Bound, Memory, Result, process
from imajin_cli.run.png import SIDECAR_KEY, encode_png, read_texts
from imajin_cli.run.ranking import Ranking
from imajin_cli.run.store import Store

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="6"><rect width="8" height="6" fill="#f00"/></svg>'


class Gate(Stage[Params]):
    """A gate that says what ``says`` holds, or raises it."""

    name = "gate"
    kind = Kind.GATE
    Params = Params
    rejects_with = Exit.QUALITY
    says: Outcome | Exception = Outcome("passed")

    def apply(self, asset: Asset) -> Outcome:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


class Invert(Stage[Params]):
    """A transform; with ``keeps`` it carries the vector on."""

    name = "invert"
    kind = Kind.TRANSFORM
    Params = Params
    keeps = False

    def apply(self, asset: Asset) -> Outcome:
        from PIL import ImageOps

        assert asset.picture is not None
        vector = asset.picture.vector if self.keeps else None
        return Outcome(
            "changed", picture=Picture.of(ImageOps.invert(asset.picture.image.convert("RGB")), vector=vector)
        )


PASSED = Outcome("passed")


def gate(says: Outcome | Exception = PASSED, *, force: bool = False, **params: object) -> Bound:
    from imajin_cli.contract.sidecar import ParamValue

    stage = Gate(Params())
    stage.says = says
    return Bound("gate", stage, {key: ParamValue(value=value) for key, value in params.items()}, force)


def invert(*, keeps: bool = False, force: bool = False) -> Bound:
    stage = Invert(Params())
    stage.keeps = keeps
    return Bound("invert", stage, {}, force)


def one(bound: Bound, keeper: Store | Memory, entry: Entry) -> Result:
    (result,) = process(bound, entry, keeper)
    return result


def beside(path: Path | None) -> dict:
    return json.loads(Path(f"{path}.json").read_bytes())


@pytest.fixture
def drawn() -> Entry:
    """A picture with a vector, kept in .imajin/work."""
    picture = Picture.of(Image.new("RGB", (8, 6), (255, 0, 0)), vector=Vector(SVG, {"alt": "red"}))
    return Store().keep_picture(Asset(foreign_sidecar(picture), picture), "drawn", "0" * 64)


def annotate(path: Path | None, **fields: object) -> None:
    """Give a sidecar fields that a newer version would have, null among them."""
    known = beside(path)
    known["later"] = {"of": None}
    known["nothing"] = None
    known["image"] |= {"hdr": None, "gain": [1, None], **fields}
    Path(f"{path}.json").write_text(json.dumps(known))


def kept(known: dict) -> bool:
    image = known["image"]
    return "nothing" in known and known["later"] == {"of": None} and image["gain"] == [1, None] and "hdr" in image


def test_unknown_fields_stay_through_gates_transforms_memory_and_pipes(drawn):
    annotate(drawn.path)
    files = Store()
    judged = one(gate(), files, files.open(str(drawn.path)))
    assert kept(beside(drawn.path))
    made = one(invert(), files, judged.entry)
    assert kept(beside(made.entry.path))
    inside = one(invert(), Memory(), files.open(str(drawn.path))).entry.sidecar
    assert kept(json.loads(inside.model_dump_json()))


def test_unknown_fields_stay_in_bytes_and_in_what_is_published(cli, png):
    path = png()
    cli("bright", "a.png")
    annotate(path)
    done = cli("output", "-o", "out", "a.png")
    assert done.returncode == 0, done.stderr
    assert kept(beside(Path("out/a.png")))
    text = read_texts(Path("a.png").read_bytes())
    assert text == {}
    embedded = encode_png(Image.open("a.png"), {SIDECAR_KEY: Path("a.png.json").read_text()})
    done = cli("bright", "-", "--threshold", "2", stdin=embedded)
    assert done.returncode == 0, done.stderr
    assert kept(json.loads(read_texts(done.stdout)[SIDECAR_KEY]))


def test_the_vector_of_a_picture_that_was_encoded_anew_stays(drawn):
    Path(drawn.path).write_bytes(encode_png(drawn.asset.picture.image, level=9))
    files = Store()
    entry = files.open(str(drawn.path))
    assert entry.asset.picture.vector.svg == SVG
    one(gate(), files, entry)
    again = Store().open(str(drawn.path))
    assert again.asset.picture.vector.svg == SVG
    assert again.sidecar.image.scene is not None


@pytest.mark.parametrize(("keeps", "fate"), [(True, "carried on"), (False, "dropped")])
def test_a_transform_says_what_became_of_the_vector(drawn, keeps, fate):
    made = one(invert(keeps=keeps), Store(), drawn).entry
    assert made.sidecar.stages[-1].notes["vector"] == fate
    assert (made.sidecar.image.vector is not None) == keeps
    assert Path(made.path).with_suffix(".svg").exists() == keeps


def test_a_result_that_is_found_gets_the_verdicts_its_source_has_since(png):
    files = Store()
    path = str(png())
    first = one(invert(), files, files.open(path)).entry
    one(gate(), files, files.open(path))
    found = one(invert(), files, files.open(path)).entry
    assert found.path == first.path
    assert [r["stage"] for r in beside(found.path)["stages"]] == ["gate", "invert"]
    stamp = os.stat(f"{found.path}.json").st_mtime_ns
    one(invert(), files, files.open(path))
    assert os.stat(f"{found.path}.json").st_mtime_ns == stamp


def test_a_required_verdict_reaches_a_result_that_was_there_before(sh, png):
    png("a.png", 200)
    assert sh("imajin tint a.png").returncode == 0
    done = sh("imajin bright a.png | imajin tint | imajin output -o out --require bright")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("force", [True, False])
def test_a_second_writer_of_the_same_result_loses_no_record(png, force):
    files = Store()
    path = str(png())
    late = files.open(path)
    made = one(invert(), files, files.open(path)).entry
    one(gate(), files, Store().open(str(made.path)))
    bound = invert(force=force)
    files.find = lambda *_: None  # type: ignore[method-assign]
    one(bound, files, late)
    assert [r["stage"] for r in beside(made.path)["stages"]] == ["invert", "gate"]


def test_records_of_a_request_are_appended_too():
    files = Store()
    entry = request_entry(Request(prompt="a robot"), "a robot")
    first = files.keep_record(entry, Record(stage="a", version="1", status="passed", key="1"))
    again = files.keep_record(entry, Record(stage="a", version="1", status="passed", key="2"))
    assert again.path == first.path
    assert [r["key"] for r in json.loads(first.path.read_bytes())["stages"]] == ["1", "2"]


def test_a_gate_that_could_not_judge_is_asked_again_and_says_so_once(png):
    path = str(png())
    files = Store()
    for _ in range(2):
        result = one(gate(NoVerdictError("its model is absent")), files, files.open(path))
        assert (result.status, result.code) == ("error", Exit.NO_VERDICT)
    assert len(beside(path)["stages"]) == 1
    assert one(gate(), files, files.open(path)).passed
    assert [r["status"] for r in beside(path)["stages"]] == ["error", "passed"]
    assert beside(path)["verdict"]["status"] == "accepted"


@pytest.mark.parametrize(
    ("says", "code"),
    [
        (MissingError("no model", hint="get it"), 22), (BackendError("NaN"), 22), (NoVerdictError("too small"), 22),
        (Outcome("error"), 22), (Outcome("rejected"), 15), (Outcome("rejected", code=Exit.INVALID), 10),
    ],
)  # fmt: skip
def test_a_gate_without_a_verdict_fails_closed(png, says, code):
    path = str(png())
    files = Store()
    result = one(gate(says), files, files.open(path))
    assert not result.passed
    assert result.code == code
    assert beside(path)["verdict"]["code"] == code


def test_input_that_a_gate_cannot_use_is_no_verdict_on_it(png):
    with pytest.raises(InputError):
        one(gate(InputError("not this")), Store(), Store().open(str(png())))


@pytest.mark.parametrize("code", [0, 999, 17])
def test_an_edited_code_cannot_make_a_rejection_a_success(png, code):
    path = str(png())
    one(gate(Outcome("rejected", reason="r")), Store(), Store().open(path))
    known = beside(path)
    known["stages"][0]["code"] = code
    Path(f"{path}.json").write_text(json.dumps(known))
    result = one(gate(), Store(), Store().open(path))
    assert not result.passed
    assert result.code is Exit.ERROR


def test_a_rank_is_known_again(png):
    path = str(png())
    first = one(gate(Outcome("passed", rank=3.5)), Store(), Store().open(path))
    assert first.rank == one(gate(), Store(), Store().open(path)).rank == 3.5
    assert one(gate(Outcome("passed", rank=float("nan")), more=1), Store(), Store().open(path)).rank is None


def test_a_picture_that_no_file_can_carry_is_a_backend_error(png):
    class Palette(Invert):
        def apply(self, asset: Asset) -> Outcome:
            return Outcome("changed", picture=Picture.of(asset.picture.image.convert("P")))

    with pytest.raises(BackendError, match="mode P"):
        one(Bound("palette", Palette(Params()), {}), Store(), Store().open(str(png())))


def test_a_sidecar_that_was_read_is_not_read_again_unless_it_was_replaced(png, monkeypatch):
    path = str(png())
    one(gate(), Store(), Store().open(path))
    entry = Store().open(path)
    other = Store().open(path)
    reads = []
    monkeypatch.setattr(store, "read_sidecar", lambda path, real=store.read_sidecar: reads.append(path) or real(path))
    one(gate(more=1), Store(), entry)
    assert reads == []
    one(gate(more=2), Store(), other)
    assert len(reads) == 1
    assert len(beside(path)["stages"]) == 3


def test_a_sidecar_that_is_a_link_is_always_read_again(png, work):
    path = str(png())
    one(gate(), Store(), Store().open(path))
    os.rename("a.png.json", "elsewhere.json")
    os.symlink("elsewhere.json", "a.png.json")
    entry = Store().open(path)
    one(gate(more=1), Store(), Store().open(path))
    one(gate(more=2), Store(), entry)
    assert len(beside(path)["stages"]) == 3
    assert len(json.loads(Path("elsewhere.json").read_bytes())["stages"]) == 1


def test_a_saved_pipe_picture_is_taken_up_with_its_history(sh, png):
    png()
    assert sh("imajin tint - < a.png > saved.png").returncode == 0
    assert sh("imajin bright saved.png --threshold 1").returncode == 0
    assert [r["stage"] for r in beside(Path("saved.png"))["stages"]] == ["tint", "bright"]


def test_texts_in_a_png_are_bounded():
    image = Image.new("L", (4, 4))
    many = {f"imajin.{i}": "x" * 100 for i in range(50)} | {SIDECAR_KEY: "{}"}
    assert list(read_texts(encode_png(image, many))) == [SIDECAR_KEY]
    bomb = encode_png(image, {SIDECAR_KEY: " " * (17 << 20)})
    assert read_texts(bomb) == {}


def test_what_pillow_remembers_of_a_file_is_no_part_of_the_picture(work):
    image = Image.new("RGB", (4, 4), (9, 9, 9))
    image.info = {"transparency": (9, 9, 9), "icc_profile": b"not a profile", "dpi": (300, 300), "Comment": "secret"}
    again = Image.open(__import__("io").BytesIO(encode_png(image)))
    assert again.info == {}


def test_a_temporary_file_of_a_killed_process_with_our_number_is_in_nobodys_way(work, monkeypatch):
    made = {atomic.temporary_in(work) for _ in range(100)}
    assert len(made) == 100
    taken = work / ".imajin-taken.tmp"
    taken.write_text("another process's")
    monkeypatch.setattr(atomic, "temporary_in", lambda _: taken)
    with pytest.raises(OutputError):
        atomic.write_atomic(work / "x", b"data")
    assert taken.read_text() == "another process's"


def result(
    index: int,
    rank: float | None,
    *,
    size: int = 2,
    ratio: str = "1:1",
    ratios: int = 1,
    group: str = "g",
    passed: bool = True,
) -> Result:
    info = Group(id=group, index=index, size=size, ratio=ratio, ratios=ratios)
    entry = Entry(Asset(Sidecar(id=f"{group}{index}{ratio}", group=info)))
    return Result(entry, "passed" if passed else "rejected", "gate", Exit.OK if passed else Exit.QUALITY, None, rank)


def kept_of(ranking: Ranking, results: list[Result]) -> list[tuple[str, int]]:
    found = [r for r in ranking.best(results) if r.passed]
    return [(r.entry.sidecar.group.id, r.entry.sidecar.group.index) for r in found]


def test_the_best_are_of_each_group_and_each_group_has_to_have_them():
    ranking = Ranking(1)
    assert kept_of(ranking, [result(0, 1), result(0, 5, group="h"), result(1, 2), result(1, 4, group="h")]) == [
        ("g", 1),
        ("h", 0),
    ]
    assert not ranking.short()
    ranking = Ranking(1)
    assert kept_of(
        ranking,
        [result(0, 1), result(1, 2), result(0, 5, group="h", passed=False), result(1, 5, group="h", passed=False)],
    ) == [("g", 1)]
    assert ranking.short()


def test_a_candidate_counts_once_for_all_its_ratios():
    pair = [result(0, 1, size=1, ratio=ratio, ratios=2) for ratio in ("1:1", "2:1")]
    ranking = Ranking(2)
    assert kept_of(ranking, pair) == [("g", 0)] * 2
    assert ranking.short()
    ranking = Ranking(1)
    kept_of(ranking, pair)
    assert not ranking.short()


def test_a_candidate_of_which_a_ratio_never_came_is_left_out_aloud():
    said: list[str] = []
    ranking = Ranking(1, said.append)
    whole = [result(1, 1, ratio=ratio, ratios=2) for ratio in ("1:1", "2:1")]
    assert kept_of(ranking, [result(0, 9, ratio="1:1", ratios=2), *whole]) == [("g", 1)] * 2
    assert said == ["candidate 1 is left out: not all of its 2 pictures came"]


def test_the_same_asset_twice_completes_no_group():
    assert kept_of(Ranking(1), [result(0, 1), result(0, 1), result(1, 7)]) == [("g", 1)]


def test_what_a_later_stage_rejects_was_not_kept():
    ranking = Ranking(1)
    (best,) = ranking.best([result(0, 1, size=1)])
    assert not ranking.short()
    ranking.lost(best)
    assert ranking.short()


def test_no_rank_and_no_number_come_last():
    assert kept_of(Ranking(1), [result(0, None, size=3), result(1, float("nan"), size=3), result(2, -9.0, size=3)]) == [
        ("g", 2)
    ]


def looked_at(one: Result, rank: float | None) -> Result:
    record = Record(stage="aesthetic", version="1", status="passed", key="k", rank=rank)
    return replace(one, entry=one.entry.with_sidecar(one.entry.sidecar.with_record(record)))


def test_how_a_picture_looks_counts_before_how_well_it_is_made_where_all_were_looked_at():
    two = [looked_at(result(0, 9), 0.1), looked_at(result(1, 1), 0.2)]
    assert kept_of(Ranking(1, by_records=True), two) == [("g", 1)]
    assert kept_of(Ranking(1, by_records=True), [looked_at(result(0, 1), 0.2), looked_at(result(1, 9), 0.2)]) == [
        ("g", 0)
    ]
    assert kept_of(Ranking(1, by_records=True), [two[0], result(1, 10)]) == [("g", 1)]
    assert kept_of(Ranking(1, by_records=True), [two[0], looked_at(result(1, 10), None)]) == [("g", 1)]
