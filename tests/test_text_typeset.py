"""Shaping with real fonts, and fit: what is set never leaves its box."""

from __future__ import annotations

from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imajin_cli.contract.errors import InputError, MissingError
from imajin_cli.contract.exits import Exit
from imajin_cli.stages.backends import fonts
from imajin_cli.stages.backends.fonts import Library, font_named
from imajin_cli.stages.imaging.typeset.fit import Block, Limits, fit, truncate
from imajin_cli.stages.imaging.typeset.model import UNITS, Align, Line, Style
from imajin_cli.stages.imaging.typeset.paragraph import Paragraph
from imajin_cli.stages.imaging.typeset.setting import place, union

GAP = 0.85


@lru_cache
def _library(weight: int = 400, language: str = "en") -> Library:
    return Library(language=language, axes={"wght": float(weight), "opsz": 16.0})


def _paragraph(text: str, language: str = "en", tracking: float = 0.0) -> Paragraph:
    return Paragraph(text, Style(language, 1.2, tracking), _library(language=language))


def _line(text: str, language: str = "en") -> Line:
    return _paragraph(text, language).line(0, len(text))


def test_arabic_letters_join() -> None:
    alone = [g.gid for letter in "موجود" for g in _line(letter, "ar").glyphs]
    joined = [g.gid for g in _line("موجود", "ar").glyphs]
    assert len(joined) == len(alone)
    assert joined[::-1] != alone
    assert {g.face.label for g in _line("موجود", "ar").glyphs} == {"Noto Sans Arabic"}


def test_arabic_is_set_from_the_right() -> None:
    line = _line("ابج", "ar")
    first = _line("ا", "ar").glyphs[0].gid
    assert line.glyphs[-1].gid == first
    assert line.glyphs[-1].x == max(g.x for g in line.glyphs)


def test_mixed_directions_keep_their_order() -> None:
    text = "Fehler 404: الصفحة غير موجودة"
    line = _line(text)
    latin = _line("Fehler 404:")
    start = [g.gid for g in line.glyphs[: len(latin.glyphs)]]
    assert start == [g.gid for g in latin.glyphs]
    assert line.glyphs[-1].face.label == "Noto Sans Arabic"
    assert _paragraph(text).rtl is False
    # The Arabic part starts (with "ا") at the right end.
    assert line.glyphs[-1].gid == _line("ا").glyphs[0].gid


def test_kerning_and_weight() -> None:
    pair = _line("AV").width
    apart = Line("", _line("A").glyphs, _line("A").ink).width + _line("V").width
    assert pair < apart
    heavy = Paragraph("Weight", Style("en", 1.2), _library(800)).line(0, 6)
    assert heavy.width > _line("Weight").width


def test_letter_spacing_never_pulls_joined_letters_apart() -> None:
    assert _paragraph("abc", tracking=0.2).line(0, 3).width > _line("abc").width
    assert _paragraph("موجود", "ar", tracking=0.2).line(0, 5).width == _line("موجود", "ar").width


def test_a_soft_hyphen_shows_only_where_a_line_ends() -> None:
    paragraph = _paragraph("Daten\u00adschutz")
    assert paragraph.line(0, 13).text == "Datenschutz"
    assert paragraph.line(0, 6, hyphen=True).text == "Daten-"
    assert paragraph.line(0, 6, hyphen=True).glyphs[-1].gid == _line("-").glyphs[0].gid


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("ページ", "Katakana", "pip install justmytype-intl-cjk"),
        ("找", "Han", "pip install justmytype-intl-cjk"),
        ("찾", "Hangul", "pip install justmytype-intl-cjk"),
        ("הדף", "Hebrew", "pip install manimgx-fonts"),
        ("ไม่", "Thai", "pip install fontpkg-noto-sans-thai"),
        ("🎉", "emoji", "pip install manimgx-fonts"),
        ("👩\u200d💻", "emoji", "pip install manimgx-fonts"),
    ],
)
def test_a_missing_script_names_the_package(text: str, what: str, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = fonts.package_folder
    base = ("fontpkg_inter", "fontpkg_noto_sans")
    monkeypatch.setattr(fonts, "package_folder", lambda module: real(module) if module in base else None)
    with pytest.raises(MissingError) as caught:
        _paragraph("ok " + text)
    assert caught.value.code is Exit.MISSING
    assert caught.value.hint == hint
    assert what in caught.value.message


def test_a_script_that_nobody_packs_is_said_to_be_so() -> None:
    with pytest.raises(MissingError, match=r"no font is known that sets Runic"):
        _paragraph("ᚠᚢ")


def test_named_fonts() -> None:
    assert font_named("Noto Sans").credit.licence == "OFL-1.1"
    with pytest.raises(MissingError) as caught:
        font_named("no-such-family-here")
    assert caught.value.hint == "if it is a family that fontpkg has: pip install fontpkg-no-such-family-here"
    for name in ("../evil", "missing.ttf", "a" * 80):
        with pytest.raises(InputError):
            font_named(name)


def test_a_file_that_is_no_font(tmp_path: object) -> None:
    path = f"{tmp_path}/broken.ttf"
    with open(path, "wb") as stream:
        stream.write(b"\0\1\0\0" + b"\xff" * 64)
    with pytest.raises(InputError, match=r"broken\.ttf"):
        Library(language="en", axes={}, first=font_named(path)).face("a", "Latn")


_WORDS = st.lists(
    st.sampled_from(
        ["We", "can’t", "find", "Über", "Äpfel", "Datenschutzgrundverordnung", "الصفحة", "غير", "404", "—", "y"]
    ),
    min_size=1,
    max_size=14,
).map(" ".join)


@settings(max_examples=120, deadline=None)
@given(_WORDS, _WORDS, st.integers(60, 900), st.integers(30, 500), st.sampled_from(["start", "center", "end"]))
def test_text_never_leaves_its_box(headline: str, caption: str, width: int, height: int, align: Align) -> None:
    blocks = [
        Block.of(_paragraph(headline), Limits(12, 72, 3)),
        Block.of(_paragraph(caption), Limits(9, 30, 4)),
    ]
    fitted = fit(blocks, (width, height), GAP) or truncate(blocks, (width, height), GAP)
    if fitted is None:
        return
    done = place(blocks, fitted, (40, 50, width, height), align, GAP)
    x0, y0, x1, y1 = union(done)
    assert x0 >= 40 - 0.01
    assert y0 >= 50 - 0.01
    assert x1 <= 40 + width + 0.01
    assert y1 <= 50 + height + 0.01
    for block, limits in zip(done, (Limits(12, 72, 3), Limits(9, 30, 4)), strict=True):
        assert 0.97 * limits.smallest <= block.size <= limits.largest
        assert len(block.lines) <= limits.lines
        assert all(a.ink[3] < b.ink[1] for a, b in zip(block.lines, block.lines[1:], strict=False))


def test_the_largest_size_is_taken() -> None:
    block = Block.of(_paragraph("Nothing here"), Limits(10, 200, 1))
    (one,) = fit([block], (400, 300), GAP) or []
    width = block.pieces[0].width + block.pieces[0].space + block.pieces[1].width
    assert one.size * width / UNITS <= 400 < (one.size + 0.5) * width / UNITS


def test_an_ellipsis_ends_text_that_is_too_long() -> None:
    block = Block.of(_paragraph("word " * 60 + "end"), Limits(14, 20, 2))
    assert fit([block], (200, 60), GAP) is None
    (one,) = truncate([block], (200, 60), GAP) or []
    (done,) = place([block], [one], (0, 0, 200, 60), "start", GAP)
    assert len(done.lines) == 2
    assert done.text.endswith("word…")
