"""Hash lists, deny lists and word lists: every format that is read, and what makes a list unreadable."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.stages.backends import faces
from imajin_cli.stages.moderate import Moderate, ModerateParams
from imajin_cli.stages.moderation import deny, hashlists
from imajin_cli.stages.moderation.hashlists import ListError, load, parse

A, B, C = "0123456789abcdef" * 4, "f" * 64, "5a" * 32


def digits(data: bytes) -> list[str]:
    hashes, _ = parse(data)
    return ["".join(f"{int(word):016x}" for word in row) for row in hashes]


def judge(**params: Any) -> Outcome:
    stream = np.random.default_rng(1)
    image = Image.fromarray(stream.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    return Moderate(ModerateParams(**params)).apply(Asset(Sidecar(id="x"), Picture.of(image)))


GOOD = {
    "plain": f"{A}\n{B}\n",
    "without a last newline": f"{A}\n{B}",
    "windows": f"{A}\r\n{B}\r\n",
    "capitals": f"{A.upper()}\n{B.upper()}\n",
    "comments": f"# known\n\n{A}  # one\n{B} a name\n",
    "with more columns and no heading": f"{A},100,a.jpg\n{B},88,b.jpg\n",
    "marked as UTF-8": f"\ufeff{A}\n{B}\n",
    "heading": f"hash,quality,name\n{A},100,a\n{B},50,b\n",
    "threatexchange csv": f'id,type,indicator,tags\n1,HASH_PDQ,{A},x\n2,HASH_PDQ,"{B}",y\n',
    "signal csv": f"signal_type,signal_str\npdq,{A}\npdq,{B}\n",
    "json list": json.dumps([A, B]),
    "json objects": json.dumps([{"hash": A}, {"pdq": B, "quality": 70}]),
    "threatexchange json": json.dumps(
        {"data": [{"indicator": A, "type": "HASH_PDQ", "id": "1"}, {"indicator": B, "type": "HASH_PDQ"}], "paging": {}}
    ),
    "json lines": f'{{"signal_type": "pdq", "signal_str": "{A}"}}\n{{"signal_type": "pdq", "signal_str": "{B}"}}\n',
}


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_every_format_gives_the_same_hashes(kind):
    assert digits(GOOD[kind].encode()) == [A, B]


@pytest.mark.parametrize(
    "text",
    [
        f"type,indicator\nHASH_MD5,{'d4' * 16}\nHASH_PDQ,{A}\n",
        f"hash,quality\n{B},49\n{A},50\n",
        json.dumps({"data": [{"indicator": "http://x", "type": "URI"}, {"indicator": A, "type": "HASH_PDQ"}]}),
        json.dumps([{"hash": B, "quality": 10}, {"hash": A}]),
    ],
)
def test_entries_of_other_types_and_low_quality_are_passed_over_and_counted(text):
    hashes, skipped = parse(text.encode())
    assert (len(hashes), skipped) == (1, 1)


BAD = {
    "empty": b"",
    "blank": b"\n\n",
    "only comments": b"# nothing yet\n",
    "only a heading": b"hash,quality\n",
    "cut in a hash": (A + "\n" + B[:40]).encode(),
    "too long": (A + "00\n").encode(),
    "not hexadecimal": ("g" * 64 + "\n").encode(),
    "words": b"these are no hashes\n",
    "one bad line": (A + "\noops\n" + B + "\n").encode(),
    "binary": bytes(range(256)) * 4,
    "cut json": json.dumps([A, B])[:-5].encode(),
    "json number": b"[1, 2]",
    "json without hashes": b'{"data": []}',
    "json of other things": b'{"name": "list"}',
    "json entry of another length": json.dumps([{"hash": A[:-1]}]).encode(),
    "nested too deep": ("[" * 20 + f'"{A}"' + "]" * 20).encode(),
    "nested without end": b"[" * 100_000,
    "only md5": f"type,indicator\nHASH_MD5,{'d4' * 16}\n".encode(),
    "quality is no number": f"hash,quality\n{A},high\n".encode(),
    "utf-16": f"{A}\n".encode("utf-16"),
}


@pytest.mark.parametrize("kind", sorted(BAD))
def test_an_empty_or_corrupt_list_is_refused_whole(kind):
    with pytest.raises(ListError):
        parse(BAD[kind])


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_give_hashes_or_a_list_error(data):
    try:
        hashes, _ = parse(data)
    except ListError:
        return
    assert hashes.shape[1] == 4
    assert len(hashes)


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=20))
def test_the_quick_way_and_the_careful_way_agree(rows):
    text = "".join(row.hex() + "\n" for row in rows)
    quick, careful = parse(text.encode()), parse(("# list\n" + text).encode())
    assert (quick[0] == careful[0]).all()
    assert quick[1] == careful[1] == 0


@pytest.mark.parametrize("kind", ["empty", "one bad line", "cut json"])
def test_a_configured_list_that_cannot_be_read_is_no_verdict(work, kind):
    (work / "bad").write_bytes(BAD[kind])
    found = judge(hash_lists=["bad"])
    assert (found.status, found.code) == ("error", Exit.NO_VERDICT)
    assert "the hash list bad" in (found.reason or "")
    assert "hash_lists" in (found.reason or "")


@pytest.mark.parametrize("name", ["absent.txt", ".", "a\0b", "~nobody-here/list"])
def test_a_list_that_is_not_there_is_no_verdict(work, name):
    for param in ("hash_lists", "deny_lists"):
        assert judge(**{param: [name]}).code is Exit.NO_VERDICT
    assert judge(word_list=name).code is Exit.NO_VERDICT


def test_one_bad_list_among_good_ones_is_no_verdict(work):
    (work / "good").write_text(A + "\n")
    (work / "bad").write_text("oops\n")
    assert judge(hash_lists=["good"]).status == "passed"
    assert judge(hash_lists=["good", "bad"]).code is Exit.NO_VERDICT


def test_a_list_is_read_again_when_it_changes(work):
    (work / "list").write_text(A + "\n")
    assert len(load("list").hashes) == 1
    (work / "list").write_text(A + "\n" + B + "\n")
    assert len(load("list").hashes) == 2


def test_a_list_that_is_too_large_is_refused(work, monkeypatch):
    (work / "list").write_text(A + "\n")
    monkeypatch.setattr(hashlists, "MAX_BYTES", 10)
    with pytest.raises(ListError, match="at most 10"):
        load("list")


# Deny lists.


def entry(**changes: Any) -> dict[str, Any]:
    return {"name": "Jane Doe", "embedding": [0.01 * n for n in range(128)], **changes}


def document(**changes: Any) -> dict[str, Any]:
    return {"model": faces.EMBEDDING, "faces": [entry()], **changes}


def test_a_deny_list_is_read(work):
    (work / "deny.json").write_text(json.dumps(document(faces=[entry(), entry(name=7)])))
    found = deny.load("deny.json")
    assert found.names == ["Jane Doe", "7"]
    assert found.vectors.shape == (2, 128)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{}", b"oops", b"\xff\xfe", b"[" * 100_000,
        json.dumps(document(faces=[])).encode(),
        json.dumps(document(model="another")).encode(),
        json.dumps(document(faces=[entry(embedding=[0.1] * 127)])).encode(),
        json.dumps(document(faces=[entry(embedding=["0.1"] * 128)])).encode(),
        json.dumps(document(faces=[entry(embedding=[True] * 128)])).encode(),
        json.dumps(document(faces=[entry(embedding=[1e300] * 128)])).encode(),
        json.dumps(document(faces=[entry(embedding=[float("nan")] * 128)])).encode(),
        json.dumps(document(faces=["Jane"])).encode(),
    ],
)  # fmt: skip
def test_a_deny_list_that_cannot_be_read_is_no_verdict(work, data):
    (work / "deny.json").write_bytes(data)
    with pytest.raises(NoVerdictError, match="deny list"):
        deny.load("deny.json")
    assert judge(deny_lists=["deny.json"]).code is Exit.NO_VERDICT


def test_a_denied_face_is_rejected_and_another_is_not(work, monkeypatch):
    (work / "deny.json").write_text(json.dumps(document()))
    monkeypatch.setattr(faces, "find", lambda pixels: [faces.Face((0, 0, 90, 90), 1.0, None)])
    monkeypatch.setattr("imajin_cli.stages.moderation.age.estimates_of", lambda *_: {"mean": 40.0})
    monkeypatch.setattr("imajin_cli.stages.backends.ages.likelihoods", lambda pixels, there: np.zeros((2, 81)))
    near = np.array([0.01 * n for n in range(128)], np.float32)
    for shift, flags in ((0.04, ["DENY_LIST"]), (0.06, [])):
        monkeypatch.setattr(faces, "embeddings", lambda pixels, there, shift=shift: (near + np.float32(shift))[None])
        found = judge(deny_lists=["deny.json"])
        assert found.notes["flags"] == flags
        assert (found.code is Exit.UNSAFE) is bool(flags)
        assert judge(deny_lists=["deny.json"], identity=False).status == "passed"
    monkeypatch.setattr(faces, "embeddings", lambda pixels, there: near[None])
    assert "'Jane Doe' of deny.json" in (judge(deny_lists=["deny.json"]).reason or "")
