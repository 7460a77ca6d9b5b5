"""SVG in: drawn at the right size, and nothing active, external or explosive gets through."""

from __future__ import annotations

import base64
import contextlib
import io
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imajin_cli.contract.errors import InputError
from imajin_cli.stages.backends import resvg_apart
from imajin_cli.stages.imaging.decode import Decoded, Limits, decode
from imajin_cli.stages.imaging.svgcss import clean_css, references
from imajin_cli.stages.imaging.svgsafe import sanitise

LIMITS = Limits(max_pixels=4_000_000)
HEAD = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def svg(body: str, root: str = 'width="20" height="10"') -> bytes:
    return f"<svg {HEAD} {root}>{body}</svg>".encode()


def cleaned(body: str) -> str:
    return sanitise(svg(body), LIMITS).svg


def test_drawn_in_its_own_pixels_with_its_vector() -> None:
    found = decode(svg('<rect width="10" height="10" fill="#ff0000"/>'), LIMITS)
    assert found.format == "SVG"
    assert found.image.size == (20, 10)
    assert found.image.getpixel((3, 3)) == (255, 0, 0, 255)
    assert found.image.getpixel((15, 5))[3] == 0
    picture = found.picture()
    assert picture.vector is not None
    assert "<rect" in picture.vector.svg


@pytest.mark.parametrize(
    ("root", "size"),
    [
        ('width="20" height="10"', (20, 10)),
        ('width="1in" height="0.5in"', (96, 48)),
        ('viewBox="0 0 24 48"', (24, 48)),
        ('width="100" viewBox="0 0 24 48"', (100, 200)),
        ('height="100" viewBox="0 0 24 48"', (50, 100)),
        ('width="100%" height="100%" viewBox="0 0 24 48"', (24, 48)),
        ("", (300, 150)),
    ],
)
def test_stated_sizes(root: str, size: tuple[int, int]) -> None:
    assert sanitise(svg("<g/>", root), LIMITS).size == size


def test_text_is_set_in_fonts_of_our_own_and_takes_the_vector_along() -> None:
    found = decode(svg('<text y="9" font-size="10" font-family="No Such Face">Hi</text>'), LIMITS)
    assert found.image.getchannel("A").getbbox() is not None
    assert found.svg is None
    assert any("fonts" in note for note in found.notes)
    assert decode(svg("<text> </text><title>not drawn</title>"), LIMITS).svg is not None


def test_drawn_larger_on_request() -> None:
    found = decode(svg('<rect width="10" height="10" fill="#f00"/>'), Limits(svg_side=200))
    assert found.image.size == (200, 100)
    assert found.size == (20, 10)
    assert found.image.getpixel((95, 50)) == (255, 0, 0, 255)
    assert found.image.getpixel((105, 50))[3] == 0


@pytest.mark.parametrize("root", ['width="0" height="5"', 'width="1e9" height="1e9"', 'width="1e300" height="1"'])
def test_impossible_sizes(root: str) -> None:
    with pytest.raises(InputError):
        sanitise(svg("<g/>", root), LIMITS)


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>',
        '<rect onload="alert(1)" ONCLICK="x"/>',
        '<a xlink:href="javascript:alert(1)"><rect/></a>',
        '<a href="  java\tscript:alert(1)"><rect/></a>',
        '<image href="http://example.com/x.png"/>',
        '<image xlink:href="file:///etc/passwd"/>',
        '<image href="data:image/svg+xml;base64,PHN2Zy8+"/>',
        '<use href="other.svg#a"/>',
        '<rect style="fill:url(http://example.com/#a)"/>',
        "<rect fill=\"url( 'http://example.com/#a' )\"/>",
        '<style>@import "http://example.com/x.css"; rect{fill:red}</style>',
        "<style>rect{fill:u\\72l(http://example.com/x)}</style>",
        "<style>rect{background:url(http://example.com/x)}</style>",
        '<set attributeName="href" to="javascript:alert(1)"/>',
        '<animate attributeName="href" values="javascript:alert(1)"/>',
        '<h:iframe xmlns:h="http://www.w3.org/1999/xhtml" src="http://example.com"/>',
        '<g xml:base="http://example.com/"/>',
        '<handler xmlns="http://www.w3.org/2001/xml-events">x</handler>',
    ],
)
def test_active_and_outside_things_go(body: str) -> None:
    text = cleaned(body).replace(HEAD, "").replace('xmlns="http://www.w3.org/2000/svg"', "").lower()
    for bad in ("script", "example.com", "alert", "passwd", "foreign", "iframe", "import", "onload", "base64", "http"):
        assert bad not in text, bad
    assert isinstance(decode(svg(body), LIMITS), Decoded)


def test_what_went_is_noted_and_what_is_good_stays() -> None:
    found = sanitise(svg('<script/><rect fill="url(#g)" style="opacity:0.5"/>'), LIMITS)
    assert found.notes == ("removed from the SVG: element script (1)",)
    assert 'fill="url(#g)"' in found.svg
    assert "opacity:0.5" in found.svg
    assert "<style>.a{fill:url(#g)}</style>" in cleaned("<style>.a{fill:url(#g)}</style>")


def test_a_picture_inside_stays_within_bounds() -> None:
    def inside(width: int, height: int) -> str:
        buffer = io.BytesIO()
        Image.new("1", (width, height)).save(buffer, "PNG")
        return f'<image href="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"/>'

    assert "base64" in cleaned(inside(4, 4))
    assert "base64" not in cleaned(inside(3000, 3000))


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]>',
        '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE svg [<!ENTITY % p SYSTEM "http://example.com/x.dtd"> %p;]>',
        "<!DOCTYPE svg [" + "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10)) + "]>",
        "<!DOCTYPE svg [<!ATTLIST rect fill CDATA 'red'>]>",
    ],
)
def test_entities_and_declarations_are_refused(head: str) -> None:
    with pytest.raises(InputError, match="refused"):
        decode(head.encode() + svg("<text>&l9;&x;&a;</text>"), LIMITS)


def test_a_plain_doctype_is_dropped_and_an_undeclared_entity_refused() -> None:
    doctype = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    assert "DOCTYPE" not in sanitise(doctype + svg("<rect/>"), LIMITS).svg
    with pytest.raises(InputError):
        sanitise(doctype + svg("<text>&nope;</text>"), LIMITS)


def test_multiplying_references_are_refused() -> None:
    groups = "".join(f'<g id="g{i}">' + f'<use href="#g{i - 1}"/>' * 10 + "</g>" for i in range(1, 12))
    with pytest.raises(InputError, match="multiply"):
        decode(svg(f'<defs><g id="g0"><rect/></g>{groups}</defs><use href="#g11"/>'), LIMITS)
    patterns = "".join(
        f'<pattern id="p{i}" width="1" height="1">' + f'<rect fill="url(#p{i - 1})"/>' * 10 + "</pattern>"
        for i in range(1, 9)
    )
    with pytest.raises(InputError, match="multiply"):
        decode(svg(f'<pattern id="p0"><rect/></pattern>{patterns}<rect fill="url(#p8)"/>'), LIMITS)
    styled = "".join(f'<pattern id="p{i}">' + f'<rect class="c{i}"/>' * 10 + "</pattern>" for i in range(1, 9))
    rules = "".join(f".c{i}{{fill:url(#p{i - 1})}}" for i in range(1, 10))
    with pytest.raises(InputError, match="multiply"):
        decode(svg(f'<style>{rules}</style>{styled}<pattern id="p0"><rect/></pattern><rect class="c9"/>'), LIMITS)


def test_markers_count_once_for_each_corner() -> None:
    marker = '<marker id="m">' + "<rect/>" * 1000 + "</marker>"
    with pytest.raises(InputError, match="multiply"):
        decode(svg(marker + f'<path marker-mid="url(#m)" d="M0 0{" L1 1" * 1000}"/>'), LIMITS)


def test_filters_weigh() -> None:
    heavy = '<filter id="f">' + '<feGaussianBlur stdDeviation="50"/>' * 40 + "</filter>"
    with pytest.raises(InputError, match="multiply"):
        decode(svg(heavy + '<rect filter="url(#f)" width="9" height="9"/>' * 40), LIMITS)


@pytest.mark.parametrize(
    "body",
    [
        '<g id="a"><use href="#a"/></g>',
        '<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>',
        '<pattern id="p"><rect fill="url(#p)"/></pattern><rect fill="url(#p)"/>',
    ],
)
def test_loops_are_refused(body: str) -> None:
    with pytest.raises(InputError, match="loop"):
        decode(svg(body), LIMITS)


def test_a_broad_rule_over_its_own_pattern_is_no_loop() -> None:
    body = '<style>rect{fill:url(#p)}</style><pattern id="p" width="2" height="2"><rect/></pattern><rect width="9" height="9"/>'
    assert isinstance(decode(svg(body), LIMITS), Decoded)


def test_depth_and_count_bounds() -> None:
    assert isinstance(decode(svg("<g>" * 90 + "<rect/>" + "</g>" * 90), LIMITS), Decoded)
    with pytest.raises(InputError, match="deeper"):
        decode(svg("<g>" * 5000 + "</g>" * 5000), LIMITS)
    with pytest.raises(InputError, match="elements"):
        decode(svg("<g/>" * 60_000), LIMITS)


def test_a_long_chain_of_references_is_refused() -> None:
    chain = "".join(f'<g id="g{i}"><use href="#g{i + 1}"/></g>' for i in range(400))
    with pytest.raises(InputError, match="chain"):
        decode(svg(f'{chain}<g id="g400"/>'), LIMITS)


@pytest.mark.parametrize("data", [b"<svg", b"<svg xmlns='http://www.w3.org/2000/svg'><rect", b"<html><svg/></html>"])
def test_broken_documents(data: bytes) -> None:
    with pytest.raises(InputError):
        decode(data, LIMITS)


def test_other_encodings() -> None:
    text = f'<?xml version="1.0" encoding="utf-16"?><svg {HEAD} width="4" height="4"><title>\u00e4</title></svg>'
    assert decode(text.encode("utf-16"), LIMITS).image.size == (4, 4)
    assert decode(b"\xef\xbb\xbf" + svg("<title>\u00e4</title>"), LIMITS).image.size == (20, 10)
    with pytest.raises(InputError):
        decode(f'<?xml version="1.0" encoding="no-such"?><svg {HEAD}/>'.encode(), LIMITS)


@pytest.mark.parametrize(
    "body",
    [
        '<pattern id="p" width="1e7" height="1e7" patternUnits="userSpaceOnUse"><rect width="9" height="9"/></pattern>'
        '<rect width="9" height="9" fill="url(#p)"/>',
        '<mask id="m" maskUnits="userSpaceOnUse" x="-1e9" y="-1e9" width="1e30" height="1e30"><rect width="1e30"'
        ' height="1e30"/></mask><g mask="url(#m)"><rect width="1e9" height="1e9"/></g>',
    ],
)
def test_what_brings_the_renderer_down_is_an_input_error(body: str) -> None:
    with pytest.raises(InputError, match="cannot be drawn") as caught:
        decode(svg(body), LIMITS)
    assert "\n" not in caught.value.line()


def test_what_takes_for_ever_to_draw_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resvg_apart, "CPU_SECONDS", 1)
    body = '<filter id="f"><feTurbulence numOctaves="8" baseFrequency="0.05"/></filter>' + (
        '<rect filter="url(#f)" width="999" height="999"/>' * 20
    )
    with pytest.raises(InputError, match="more memory or time"):
        decode(svg(body, 'width="999" height="999"'), LIMITS)


def test_nothing_in_the_current_folder_is_imported_to_draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "resvg_py.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    assert decode(svg("<rect/>"), LIMITS).image.size == (20, 10)


def test_damaged_svg_never_raises_anything_else() -> None:
    good = svg('<defs><g id="a"><path d="M0 0h9v9z"/></g></defs><use href="#a"/><text font-size="8">hi</text>')
    chance = random.Random(2)
    for _ in range(80):
        bad = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        with contextlib.suppress(InputError):
            assert decode(bytes(bad), LIMITS).image.size


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="url(#a)'\"http:/ ;{}@import\\*<", max_size=60))
def test_css_never_keeps_an_outside_reference(css: str) -> None:
    clean = clean_css(css)
    assert "@import" not in clean
    assert all(name for name in references(clean))
    assert clean.lower().count("url(") == len(references(clean))
