"""Line breaks, clusters and scripts: what may end a line, and how lines are evened out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imajin_cli.stages.imaging.typeset.breaks import GOOD, POOR, opportunities
from imajin_cli.stages.imaging.typeset.paragraph import Piece
from imajin_cli.stages.imaging.typeset.scripts import cluster_script, clusters, resolve, script_of
from imajin_cli.stages.imaging.typeset.wrap import balanced, greedy


def _split(text: str) -> list[str]:
    places = [0, *(b.at for b in opportunities(text)), len(text)]
    return [text[a:b] for a, b in pairwise(places)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("one two", ["one ", "two"]),
        ("50\u00a0% off", ["50\u00a0% ", "off"]),
        ("Bonjour ! Ça va", ["Bonjour ! ", "Ça ", "va"]),
        ("well-known", ["well-", "known"]),
        ("minus -5 or 3-4", ["minus ", "-5 ", "or ", "3-4"]),
        ("say (no) now", ["say ", "(no) ", "now"]),
        ("Daten\u00adschutz", ["Daten\u00ad", "schutz"]),
        ("a\nb", ["a\n", "b"]),
        ("ab\u2060cd ef\u200bgh", ["ab\u2060cd ", "ef\u200b", "gh"]),
        ("ไม่พบหน้านี้ ลอง", ["ไม่พบหน้านี้ ", "ลอง"]),
        ("페이지를 찾을", ["페이지를 ", "찾을"]),
        ("日本", ["日", "本"]),
    ],
)
def test_where_lines_may_end(text: str, parts: list[str]) -> None:
    assert _split(text) == parts


@pytest.mark.parametrize("text", ["ページ、「エラー」ッ。", "（注）ちょっと！", "データー・センター…"])
def test_kinsoku(text: str) -> None:
    parts = _split(text)
    assert len(parts) > 1
    assert not any(part[0] in "、。」ーッょっ）！・…" for part in parts)
    assert not any(part[-1] in "「（" for part in parts[:-1])


def test_japanese_likes_to_break_after_a_particle() -> None:
    costs = {b.at: b.cost for b in opportunities("ページは見つかりません")}
    assert costs[4] == GOOD
    assert costs[5] == POOR


@given(st.text(alphabet="ab -\u00a0日本、「」ーッ👩\u200d💻🇩🇪e\u0301\n", max_size=30))
def test_breaks_lie_between_clusters_and_in_order(text: str) -> None:
    places = [b.at for b in opportunities(text)]
    assert places == sorted(set(places))
    assert set(places) <= set(clusters(text))


@pytest.mark.parametrize(
    ("text", "count"), [("e\u0301a", 2), ("👩\u200d💻!", 2), ("🇩🇪🇫🇷", 2), ("👍🏽", 1), ("1\ufe0f\u20e3", 1), ("กำ", 2)]
)
def test_clusters(text: str, count: int) -> None:
    assert len(clusters(text)) - 1 == count


def test_scripts() -> None:
    assert [script_of(c) for c in "aЖظ日あア한ไ🎉✂1"] == [
        "Latn", "Cyrl", "Arab", "Hani", "Hira", "Kana", "Hang", "Thai", "Zsye", "Zsym", "Zyyy",
    ]  # fmt: skip
    assert resolve([script_of(c) for c in "(ظ 1)a"]) == ["Arab"] * 5 + ["Latn"]
    assert cluster_script("❤\ufe0f") == "Zsye"
    assert cluster_script("❤") == "Zsym"


def _pieces(widths: list[int]) -> list[Piece]:
    return [Piece(i, i + 1, w, 3, 0, i == len(widths) - 1, False) for i, w in enumerate(widths)]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.integers(30, 120))
def test_balanced_lines_are_as_many_and_no_wider(widths: list[int], width: int) -> None:
    pieces = _pieces(widths)
    first, even = greedy(pieces, width), balanced(pieces, width)
    assert first is not None
    assert even is not None
    assert len(even) == len(first)
    assert even[0][0] == 0
    assert even[-1][1] == len(pieces) - 1
    assert all(b[0] == a[1] + 1 for a, b in pairwise(even))
    for start, end in even:
        assert sum(widths[start : end + 1]) + 3 * (end - start) <= width


def test_balanced_lines_leave_no_widow() -> None:
    even = balanced(_pieces([10, 10, 10, 10, 10, 10, 10]), 80)
    assert even is not None
    assert [b - a + 1 for a, b in even] in ([4, 3], [3, 4])
