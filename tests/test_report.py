"""`imajin report` and `imajin approve`: what goes into the page, and what may be recorded from it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Cli
from imajin_cli.contract.errors import ImajinError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.sidecar import Draw, Drawn, Group, ImageInfo, Record, Request, Score, Sidecar
from imajin_cli.review.approvals import APPROVED
from imajin_cli.review.candidates import candidates, draw_of
from imajin_cli.review.decisions import record_all
from imajin_cli.review.folders import published
from imajin_cli.review.gather import gather
from imajin_cli.review.page import in_html, page
from imajin_cli.review.pictures import Pictures
from imajin_cli.review.texts import NAME_SIGNS, shown
from imajin_cli.run.sidecars import dump_sidecar
from imajin_cli.run.why import Found

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)> \" ' ` & \n \u2028 \u202e]]> <!-- {{data}}"


def picture(grey: int = 200) -> bytes:
    from io import BytesIO

    from PIL import Image

    buffer = BytesIO()
    Image.new("RGB", (32, 24), (grey, grey, grey)).save(buffer, "PNG")
    return buffer.getvalue()


def sidecar(
    data: bytes, name: str, index: int = 0, draw: Draw | None = None, text: str = "a cat", **kept: Any
) -> Sidecar:
    digest = hashlib.sha256(data).hexdigest()
    image = ImageInfo(file=name, sha256=digest, file_sha256=digest, width=32, height=24, mode="RGB")
    scores = [Score(name=text, value=0.5, threshold=0.25, op=">=", passed=True, unit=text)]
    status = kept.pop("status", "passed")
    record = Record(
        stage="quality", version="1", status=status, scores=scores, reason=text, key="0" * 64, code=kept.pop("code", 0)
    )
    made = Sidecar(
        id=f"asset{index}",
        group=Group(id="group", index=index, size=3, ratio="4:3", draw=draw),
        image=image,
        request=Request(prompt=text),
        seed=index,
    )
    return made.with_record(record)


def publish(folder: Path, *stems: str, text: str = "a cat", draw: Draw | None = None) -> None:
    """A folder as `output` leaves it, with a picture and a sidecar for each name."""
    folder.mkdir(exist_ok=True)
    assets = []
    for index, stem in enumerate(stems):
        data, name = picture(100 + index), f"{stem}.png"
        (folder / name).write_bytes(data)
        (folder / f"{name}.json").write_bytes(dump_sidecar(sidecar(data, name, index, draw, text)))
        digest = hashlib.sha256(data).hexdigest()
        file = {"name": name, "bytes": len(data), "sha256": digest, "width": 32, "height": 24}
        assets.append(
            {
                "name": stem,
                "alt": text,
                "theme": text,
                "id": f"asset{index}",
                "files": [file],
                "credits": [{"name": text}],
            }
        )
    (folder / "manifest.json").write_text(json.dumps({"imajin": 1, "assets": assets}), encoding="utf-8")


class Parts(HTMLParser):
    """The elements of a page, and the texts of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "title": []}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside in self.texts:
            self.texts[self._inside].append(data)
            self._inside = ""


def content(path: Path) -> Any:
    return json.loads(Parts(path.read_text(encoding="utf-8")).texts["script"][0])


def report(*folders: str, within: str = "none", room: int = 1 << 20) -> Any:
    """What `imajin report` writes into report.html, which is written, too."""
    to = Path("report.html")
    to.write_bytes(page(gather(published(folders), [Path(within)], Pictures(to, room)), "Review"))
    return content(to)


def decisions(**changes: Any) -> dict[str, Any]:
    """What the page would hand out if all was approved."""
    assets = content(Path("report.html"))["assets"]
    chosen = [{**asset["subject"], "decision": "approved", "note": "", **changes} for asset in assets]
    return {"imajin": 1, "kind": "decisions", "assets": chosen}


@pytest.fixture
def reviewed(work: Path) -> Path:
    """A folder of two assets, its page, and decisions that approve both."""
    publish(work / "dist", "one", "two")
    report("dist")
    (work / "decisions.json").write_text(json.dumps(decisions()), encoding="utf-8")
    return work / "dist"


def test_the_page_fetches_nothing_and_runs_nothing_but_its_own(work: Path, cli: Cli) -> None:
    publish(work / "dist", "one")
    done = cli("report", "dist", "-o", "pages/r.html")
    assert (done.returncode, done.stdout) == (0, b"pages/r.html\n")
    text = (work / "pages" / "r.html").read_text(encoding="utf-8")
    parts = Parts(text)
    addresses = [
        value
        for _, found in parts.found
        for name, value in found.items()
        if name in ("src", "href", "action", "srcset")
    ]
    assert set(addresses) == {"data:,", "#detail"}
    assert not re.search(r"https?://|@import|url\(", text)
    assert not [name for _, found in parts.found for name in found if name.startswith("on") or name == "style"]
    policy = next(found["content"] for tag, found in parts.found if tag == "meta" and found.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    for kind, inside in (("script", parts.texts["script"][1]), ("style", parts.texts["style"][0])):
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    (asset,) = content(work / "pages" / "r.html")["assets"]
    assert content(work / "pages" / "r.html")["pictures"][asset["src"]].startswith("data:image/png;base64,")
    assert asset["files"][0]["href"] == "./../dist/one.png"


def test_nothing_in_a_sidecar_becomes_markup(work: Path, cli: Cli) -> None:
    publish(work / "dist", "plain", text="a cat")
    assert cli("report", "dist", "-o", "plain.html").returncode == 0
    name = "<b onclick=x>'\"\u202e&"
    publish(work / "dist", name, text=NASTY)
    done = cli("report", "dist", "-o", "nasty.html", "--title", NASTY)
    assert done.returncode == 0, done.stderr
    plain, nasty = (Parts((work / page).read_text(encoding="utf-8")) for page in ("plain.html", "nasty.html"))
    assert nasty.found[: len(plain.found)] == plain.found[: len(plain.found)]
    assert len(nasty.found) == len(plain.found)
    (asset,) = content(work / "nasty.html")["assets"]
    for found in (asset["prompt"], asset["alt"], asset["stages"][0]["scores"][0]["name"], asset["stages"][0]["reason"]):
        assert found.startswith("</script><script>alert(1)")
        assert not set(found) & set("\n\u2028\u202e")
    # What is recorded is the name itself, not how it is shown.
    assert asset["subject"]["files"][0]["name"] == f"{name}.png"
    assert "\\u202e" in asset["name"]
    assert "%3Cb%20onclick" in asset["files"][0]["href"]


@given(st.text(), st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False, allow_infinity=False)))
def test_json_in_a_page_ends_no_element(text: str, more: dict[str, Any]) -> None:
    found = in_html([text, more])
    assert not set(found) & set("<>&")
    assert found.isascii()
    assert json.loads(found) == [text, more]
    assert unescape(found) == found


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_shown_text_turns_nothing_around(text: str) -> None:
    found = shown(text, 50)
    assert not set(found) & set("\n\r\0\u2028\u2029\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\ufeff")
    found.encode()
    assert len(found) <= 50 * 10 + 1


def test_letters_keep_their_joiners_and_long_text_is_cut() -> None:
    assert shown("می\u200cخواهم 👩\u200d💻\ufe0f") == "می\u200cخواهم 👩\u200d💻\ufe0f"
    assert shown("x" * 3000, NAME_SIGNS) == "x" * NAME_SIGNS + "…"


def test_candidates_and_losers_are_shown_once_and_the_choice_is_checked(work: Path) -> None:
    drawn = [
        Drawn(index=i, seed=i, ids=[f"asset{i}"], end=end, code=code)
        for i, end, code in ((0, "passed", 0), (1, "passed", 0))
    ]
    drawn.append(Drawn(index=2, seed=2, ids=["asset2"], end="rejected", code=15))
    draw = Draw(wanted=2, keep=2, most=3, stopped="enough", candidates=drawn, order=[0, 1], chosen=[0, 1])
    publish(work / "dist", "one", "two", draw=draw)
    loser = picture(50)
    (work / "other").mkdir()
    (work / "other" / "loser.png").write_bytes(loser)
    lost = sidecar(loser, "loser.png", 2, draw, status="rejected", code=15)
    (work / "other" / "loser.png.json").write_bytes(dump_sidecar(lost))
    found = report("dist", within="other")
    (group,) = found["groups"]
    assert [one["verdict"]["status"] for one in group["candidates"]] == ["accepted", "accepted", "rejected"]
    assert [one["published"] for one in group["candidates"]] == ["one.png", "two.png", None]
    assert [asset["group"] for asset in found["assets"]] == [0, 0]
    assert len(found["pictures"]) == 3
    assert (group["draw"]["missing"], group["draw"]["differences"]) == (0, [])
    assert report("dist")["groups"][0]["draw"]["missing"] == 1


INDICES = st.lists(st.integers(0, 5), max_size=5)
DRAWN = st.builds(
    Drawn,
    index=st.integers(0, 4),
    seed=st.integers(-2, 4),
    ids=st.lists(st.sampled_from(["asset0", "asset1", "asset2"]), max_size=3),
    end=st.sampled_from(["passed", "rejected", "failed"]),
    code=st.sampled_from([0, 15, 99]),
    rank=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)


@given(st.lists(DRAWN, max_size=5), INDICES, INDICES, st.sampled_from([None, "quality", "x"]), st.integers(0, 7))
def test_a_draw_that_makes_no_sense_is_shown_as_one(
    drawn: list[Drawn], order: list[int], chosen: list[int], by: str | None, there: int
) -> None:
    draw = Draw(wanted=1, keep=1, most=1, stopped="enough", candidates=drawn, order=order, chosen=chosen, ranked_by=by)
    all_three = [sidecar(b"", f"{i}.png", i, draw, status=("passed", "rejected", "error")[i]) for i in range(3)]
    family = {one.id: Found(one, Path(f"{one.id}.json")) for i, one in enumerate(all_three) if there & 1 << i}
    told = draw_of(all_three[0], family)
    assert told is not None
    missing = {identity for one in drawn if one.end != "failed" for identity in one.ids} - set(family)
    assert bool(told["missing"]) == bool(missing)
    assert len(candidates(all_three[0], family, {}, Pictures(Path("r.html"), 0))) == len(family)


def test_pictures_beyond_the_room_and_changed_ones_are_linked(work: Path) -> None:
    publish(work / "dist", "one", "two")
    (work / "dist" / "one.png").write_bytes(picture(9))
    found = report("dist")
    assert [source[:12] for source in found["pictures"]] == ["./dist/one.p", "data:image/p"]
    assert [asset["files"][0]["state"] for asset in found["assets"]] == ["changed", "same"]
    assert report("dist", room=0)["pictures"] == ["./dist/one.png", "./dist/two.png"]


def test_approving_is_recorded_once_with_digests(reviewed: Path, cli: Cli) -> None:
    assert cli("approve", "--check", "dist").returncode == Exit.NO_VERDICT
    done = cli("approve", "decisions.json")
    assert (done.returncode, done.stdout) == (0, b"dist/imajin.approved.json\n"), done.stderr
    told = json.loads((reviewed / APPROVED).read_text(encoding="utf-8"))
    assert (told["imajin"], told["kind"]) == (1, "approvals")
    assert [one["files"][0]["name"] for one in told["assets"]] == ["one.png", "two.png"]
    assert told["assets"][0]["files"][0]["sha256"] == hashlib.sha256((reviewed / "one.png").read_bytes()).hexdigest()
    before = (reviewed / APPROVED).stat()
    assert b"0 decisions recorded" in cli("approve", "decisions.json", "dist").stderr
    assert (reviewed / APPROVED).stat().st_mtime_ns == before.st_mtime_ns
    assert cli("approve", "--check", "dist").returncode == 0
    assert [asset["approval"] for asset in report("dist")["assets"]] == ["approved", "approved"]


def test_a_changed_file_is_approved_no_longer(reviewed: Path, cli: Cli) -> None:
    record_all(Path("decisions.json"), [])
    (reviewed / "one.png").write_bytes(picture(3))
    done = cli("approve", "--check", "dist")
    assert (done.returncode, done.stdout) == (Exit.NO_VERDICT, b"dist/one.png: changed\ndist/two.png: approved\n")
    assert [asset["approval"] for asset in report("dist")["assets"]] == ["changed", "approved"]
    # Published anew with other bytes, it is no longer what was decided on either.
    publish(reviewed, "two", "one")
    assert [asset["approval"] for asset in report("dist")["assets"]] == ["changed", "changed"]


def test_what_was_approved_is_kept_to_compare_with_and_only_the_last(reviewed: Path) -> None:
    record_all(Path("decisions.json"), [], copies=True)
    first = (reviewed / "one.png").read_bytes()
    kept = Path(".imajin/approved")
    assert {path.read_bytes() for path in kept.iterdir()} == {first, (reviewed / "two.png").read_bytes()}
    assert Path(".imajin/.gitignore").read_text() == "*\n"
    assert [asset["previous"] for asset in report("dist")["assets"]] == [None, None]
    publish(reviewed, "a", "b", "one", "two")  # with other pictures
    found = report("dist")
    (one,) = (asset for asset in found["assets"] if asset["name"] == "one.png")
    assert found["pictures"][one["previous"]] == "data:image/png;base64," + base64.b64encode(first).decode()
    second = decisions()
    second["assets"] = [one for one in second["assets"] if one["files"][0]["name"] in ("one.png", "two.png")]
    Path("second.json").write_text(json.dumps(second), encoding="utf-8")
    record_all(Path("second.json"), [], copies=True)
    assert {path.read_bytes() for path in kept.iterdir()} == {picture(102), picture(103)}
    assert [asset["previous"] for asset in report("dist")["assets"]] == [None] * 4


def test_a_rejection_takes_an_approval_back_and_both_stay_in_the_journal(reviewed: Path, cli: Cli) -> None:
    record_all(Path("decisions.json"), [])
    second = decisions(decision="rejected", note="the eyes")
    (reviewed.parent / "again.json").write_text(json.dumps(second), encoding="utf-8")
    assert record_all(Path("again.json"), []) == [(Path("dist"), 2)]
    told = json.loads((reviewed / APPROVED).read_text(encoding="utf-8"))
    assert [one["decision"] for one in told["assets"]] == ["rejected", "rejected"]
    assert [one["decision"] for one in told["journal"]] == ["approved", "approved", "rejected", "rejected"]
    assert cli("approve", "--check", "dist").stdout == b"dist/one.png: rejected\ndist/two.png: rejected\n"


def test_nothing_is_recorded_where_one_decision_does_not_fit(reviewed: Path, cli: Cli) -> None:
    (reviewed / "two.png").write_bytes(picture(3))
    done = cli("approve", "decisions.json")
    assert done.returncode == Exit.USAGE
    assert b"two.png: is changed since it was published" in done.stderr
    assert not (reviewed / APPROVED).exists()


def _changed(found: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {**found, "assets": [{**found["assets"][0], **values}]}


HOSTILE = {
    "no JSON": lambda found: b"{",
    "deep": lambda found: b"[" * 100_000,
    "a list": lambda found: [],
    "another kind": lambda found: {**found, "kind": "approvals"},
    "newer": lambda found: {**found, "imajin": 2},
    "a field too many": lambda found: _changed(found, extra=1),
    "a path": lambda found: _changed(found, files=[{"name": "../one.png", "sha256": "0" * 64}]),
    "no digest": lambda found: _changed(found, files=[{"name": "one.png", "sha256": "x"}]),
    "another digest": lambda found: _changed(found, files=[{"name": "one.png", "sha256": "0" * 64}]),
    "no files": lambda found: _changed(found, files=[]),
    "no such asset": lambda found: _changed(found, files=[{"name": "three.png", "sha256": "0" * 64}]),
    "another word": lambda found: _changed(found, decision="maybe"),
    "a long note": lambda found: _changed(found, note="x" * 2001),
    "twice": lambda found: {**found, "assets": [found["assets"][0], found["assets"][0]]},
    "outside": lambda found: _changed(found, folder="../other"),
    "absolute": lambda found: _changed(found, folder="/tmp"),
    "NUL": lambda found: _changed(found, folder="di\0st"),
    "no folder": lambda found: _changed(found, folder="nowhere"),
    "many": lambda found: {**found, "assets": found["assets"] * 10_001},
}


@pytest.mark.parametrize("fault", sorted(HOSTILE))
def test_hostile_decisions_are_refused_in_one_line(fault: str, reviewed: Path) -> None:
    publish(reviewed.parent.parent / "other", "one")
    found = HOSTILE[fault](json.loads((reviewed.parent / "decisions.json").read_text(encoding="utf-8")))
    (reviewed.parent / "bad.json").write_bytes(found if isinstance(found, bytes) else json.dumps(found).encode())
    with pytest.raises(ImajinError) as refused:
        record_all(Path("bad.json"), [])
    assert refused.value.code is Exit.USAGE
    assert refused.value.line().isprintable()
    assert not (reviewed / APPROVED).exists()
    assert not (reviewed.parent.parent / "other" / APPROVED).exists()


def test_folders_are_named_where_the_decisions_lie_elsewhere(reviewed: Path, cli: Cli, tmp_path: Path) -> None:
    reviewed.rename(tmp_path / "moved")
    with pytest.raises(ImajinError):
        record_all(Path("decisions.json"), [])
    assert cli("approve", "decisions.json", str(tmp_path / "moved")).returncode == 0
    assert (tmp_path / "moved" / APPROVED).is_file()


def test_bad_input_is_one_clear_line(work: Path, cli: Cli) -> None:
    publish(work / "dist", "one")
    (work / "empty").mkdir()
    (work / "bad").mkdir()
    (work / "bad" / "manifest.json").write_text(
        '{"imajin": 1, "assets": [{"files": [{"name": "../x", "sha256": ""}]}]}'
    )
    cases = (
        ["report", "empty"], ["report", "bad"], ["report", "dist", "-o", "dist/manifest.json"], ["approve", "dist"],
        ["approve", "none.json"], ["approve", "--check", "empty"],
    )  # fmt: skip
    for case in cases:
        done = cli(*case)
        assert done.returncode == Exit.USAGE, (case, done.stderr)
        assert done.stderr
        assert b"Traceback" not in done.stderr
    (work / "dist" / APPROVED).write_text("[]")
    assert cli("approve", "--check", "dist").returncode == Exit.USAGE


def test_a_broken_sidecar_is_shown_as_such(work: Path) -> None:
    publish(work / "dist", "one", "two")
    (work / "dist" / "one.png.json").write_text("{")
    (work / "dist" / "two.png.json").unlink()
    one, two = report("dist")["assets"]
    assert "is not JSON" in one["problem"]
    assert two["problem"] == "It has no sidecar."
    assert (one["verdict"], two["verdict"]) == (None, None)
