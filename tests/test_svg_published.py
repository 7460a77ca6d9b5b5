"""Foreign SVG through `load` and `output`: whatever comes in, what goes out is still shapes that look the same everywhere."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import Cli
from imajin_cli.contract.errors import InputError
from imajin_cli.stages.backends.resvg import render
from imajin_cli.stages.imaging.encode.svgfile import check_svg, encode_svg
from imajin_cli.stages.imaging.limits import Limits
from imajin_cli.stages.imaging.svgcss import clean_css, clean_style
from imajin_cli.stages.imaging.svgsafe import sanitise
from imajin_cli.stages.imaging.svgtree import parse

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40" height="20">'
SHOWN = '<rect width="40" height="20" fill="#4338ca"/>'


def animated() -> str:
    """A GIF of two frames."""
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return base64.b64encode(buffer.getvalue()).decode()


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "handler": '<rect onclick="alert(1)" onload="alert(2)" width="1" height="1"/>',
    "link": '<a href="https://evil.example/"><rect width="1" height="1"/></a>',
    "image": '<image href="https://evil.example/x.png" width="9" height="9"/>',
    "use": '<use xlink:href="https://evil.example/x.svg#a"/>',
    "smil": '<rect width="9" height="9"><animate attributeName="x" to="20" dur="1s"/></rect>',
    "set": '<set attributeName="fill" to="red" begin="3s"/>',
    "keyframes": "<style>@keyframes a{to{opacity:0}} rect{animation:a 1s infinite}</style>",
    "media": "<style>@media (min-width:1px){rect{fill:red}}</style>",
    "scheme": "<style>@media (prefers-color-scheme:dark){rect{fill:red}}</style>",
    "supports": "<style>@supports (display:grid){rect{fill:red}}</style>",
    "hover": "<style>rect:hover{fill:red} rect:not(#q){fill:red}</style>",
    "import": '<style>@import "https://evil.example/x.css";</style>',
    "font": '<style>@font-face{font-family:x;src:url(https://evil.example/x.woff2)}</style><text font-family="x">a</text>',
    "nested": "<style>rect{&amp;:hover{fill:red}}</style>",
    "transition": '<rect style="transition:fill 1s;animation:a 1s" width="1" height="1"/>',
    "geometry": "<style>rect{width:400px;x:90px;d:path('M0 0h9')}</style>",
    "css transform": '<rect style="transform:scale(40)" width="1" height="1"/>',
    "language": '<switch><g systemLanguage="de"><rect width="40" height="20" fill="red"/></g></switch>',
    "gif": f'<image width="9" height="9" href="data:image/gif;base64,{animated()}"/>',
    "foreign": '<foreignObject width="9" height="9"><b xmlns="http://www.w3.org/1999/xhtml">x</b></foreignObject>',
    "function": '<rect style="fill:var(--x, red)" width="9" height="9"/>',
    "escape": "<style>rect{fill:u\\72l(https://evil.example/)}</style>",
}
FORBIDDEN = re.compile(
    r"<script|\son\w+=|javascript:|evil\.example|<animate|<set\b|@|animation|transition|:hover|:not|foreignObject"
    r"|systemLanguage|image/gif|var\(|<a href|d:path|transform:",
    re.IGNORECASE,
)


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_active_moving_or_conditional_is_published(name: str) -> None:
    """Without load's cleaning too: what is published is cleaned for itself."""
    text = encode_svg(f"{HEAD}{SHOWN}{HOSTILE[name]}</svg>", (40, 20), "a picture").decode()
    assert not FORBIDDEN.search(text), text
    check_svg(text.encode())


@pytest.mark.parametrize("name", ["keyframes", "media", "hover", "language", "geometry", "gif"])
def test_what_only_a_browser_would_show_is_not_drawn_either(name: str) -> None:
    safe = sanitise(f"{HEAD}{SHOWN}{HOSTILE[name]}</svg>".encode(), Limits())
    again = encode_svg(safe.svg, (40, 20), "").decode()
    assert render(safe.svg, 40, 20).tobytes() == render(again, 40, 20).tobytes()
    if name == "language":
        assert render(safe.svg, 40, 20).getpixel((20, 10)) == (255, 0, 0, 255), "the first case is everybody's"


def test_the_published_text_is_short_and_without_needless_names() -> None:
    body = '<g id="Layer_1" data-name="x" class="k"><rect id="r" width="9.00001" height="9"/></g>'
    text = encode_svg(f'{HEAD}<defs><linearGradient id="g"/></defs>{body}<rect fill="url(#g)"/></svg>', (40, 20), "").decode()
    assert 'id="g"' in text
    for needless in ("Layer_1", "data-name", "class", 'id="r"', "9.00001"):
        assert needless not in text


PIECES = st.sampled_from(
    ["rect", ".a", "#b", ":hover", "@media x", "@keyframes k", "{", "}", ";", "fill:red", "animation:k 1s", "url(#g)",
     "url(http://e)", "/*", "*/", ",", "from", " ", "transform:none", "fill:url(#g)", "\\"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=24).map("".join))
def test_a_sheet_that_is_cleaned_moves_and_depends_on_nothing(css: str) -> None:
    for clean in (clean_css(css), clean_style(css)):
        assert "@" not in clean
        assert "animation" not in clean
        assert "http" not in clean
        assert not re.search(r":hover\s*[,{]", clean)
    assert clean_css(clean_css(css)) == clean_css(css)


def test_good_style_stays() -> None:
    css = ".a, #b > rect { fill: url(#g); stroke-width: 2px } @media print { .a { fill: red } } text { font: 12px serif }"
    assert clean_css(css) == ".a, #b > rect{fill:url(#g);stroke-width:2px}text{font:12px serif}"


def test_a_hostile_file_goes_through_the_stages_clean(cli: Cli, work: Path) -> None:
    # Letters are drawn with fonts of this machine, so an SVG that has some is published as pixels alone.
    body = "".join(text for text in HOSTILE.values() if "<text" not in text)
    (work / "in.svg").write_text(f'{HEAD}{SHOWN}<circle cx="20" cy="10" r="6" fill="#fde68a"/>{body}</svg>', encoding="utf-8")
    done = cli("load", "in.svg")
    assert done.returncode == 0, done.stderr
    done = cli("output", "--format", "svg", "--format", "png", "-o", "out", *done.stdout.decode().split())
    assert done.returncode == 0, done.stderr
    (text,) = (path.read_text(encoding="utf-8") for path in (work / "out").glob("*.svg"))
    assert not FORBIDDEN.search(text), text
    assert [node.name for node in parse(text.encode()).walk()].count("script") == 0


def test_the_check_itself_can_fail() -> None:
    with pytest.raises(InputError, match="not safe"):
        check_svg(f"{HEAD}{SHOWN}<script/></svg>".encode())
