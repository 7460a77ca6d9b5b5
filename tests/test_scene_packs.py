"""Packs: the compiled index is fresh, unsafe drawings are refused, foreign ones are sanitised."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from imajin_cli.contract.errors import BackendError, InputError
from imajin_cli.stages.backends import phosphor
from imajin_cli.stages.backends.resvg import render
from imajin_cli.stages.scene import drawing as draw
from imajin_cli.stages.scene import pack
from imajin_cli.stages.scene.bounds import box_of, matrix, path_points, shape_points
from imajin_cli.stages.scene.library import Library
from imajin_cli.stages.scene.userpack import load_pack, role_of

HOSTILE = [
    '<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9"/></svg>',
    "<svg",
    "<html/>",
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"></svg>',
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 0 9"><rect width="9" height="9"/></svg>',
]


def test_the_index_is_fresh() -> None:
    index = json.loads(pack.INDEX.read_text(encoding="utf-8"))
    assert index["digest"] == pack.source_digest(), "run python -m imajin_cli.stages.scene.pack"
    assert len(index["parts"]) == len(pack.sources())


def test_the_packs_parts_are_whole() -> None:
    subjects = pack.own_parts()["subjects"]
    assert len(subjects) >= 60
    for part in subjects.values():
        assert part.width > 40
        assert part.height > 40
        assert part.outline.count("<") >= 2
        assert "@w" in part.outline
    moods = {name for name in subjects if name.startswith("robot-")}
    assert len(moods) >= 6


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<image href="http://example.com/a.png"/>',
        '<rect width="9" height="9" fill="#ff0000"/>',
        '<rect width="9" height="9" fill="@main" onclick="x()"/>',
        '<rect width="9" height="9" fill="@main" style="fill:red"/>',
        '<text fill="@ink">hello</text>',
    ],
)
def test_own_drawings_may_only_hold_shapes_and_roles(inside: str, tmp_path: Path) -> None:
    folder = tmp_path / "subjects"
    folder.mkdir()
    path = folder / "bad.svg"
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{inside}</svg>')
    with pytest.raises(InputError):
        pack.compile_drawing(path)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_svg_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text(text)
    with pytest.raises(InputError):
        load_pack(str(tmp_path))


def test_a_folder_of_foreign_svgs_becomes_parts_in_roles(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("CC0-1.0\n")
    (tmp_path / "thing.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><style>*{fill:red}</style>'
        '<script>alert(1)</script><g fill="#102040"><rect x="2" width="10" height="10" onclick="x()"/></g>'
        '<circle cx="15" cy="5" r="3" style="fill:rgb(250,250,250);stroke:url(#g)"/></svg>'
    )
    part = load_pack(str(tmp_path))["thing"]
    assert part.view == (20, 10)
    assert part.credit.licence == "CC0-1.0"
    assert "script" not in part.body
    assert "onclick" not in part.body
    assert 'fill="@ink"' in part.body or 'fill="@deep"' in part.body
    assert 'fill="@paper"' in part.body
    assert Library((str(tmp_path),)).find("thing") == part


def test_an_iconify_file_becomes_parts(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    icons = {"dot": {"body": '<circle cx="8" cy="8" r="6" fill="currentColor"/>', "width": 16, "height": 16}}
    path.write_text(json.dumps({"prefix": "my", "info": {"name": "Mine", "license": {"spdx": "MIT"}}, "icons": icons}))
    part = load_pack(str(path))["my:dot"]
    assert part.credit.licence == "MIT"
    assert part.box == pytest.approx((2, 2, 14, 14), abs=0.3)


@pytest.mark.parametrize("content", ["{}", "[]", "nonsense", '{"prefix": "a", "icons": {"b": 3}}'])
def test_a_file_that_is_no_icon_set_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    path.write_text(content)
    with pytest.raises(InputError):
        load_pack(str(path))


def test_a_missing_pack_is_refused() -> None:
    with pytest.raises(InputError, match="no pack at"):
        load_pack("/nowhere/at/all")


def test_colours_become_roles_by_lightness() -> None:
    assert [role_of(c) for c in ("#000", "white", "none", "currentColor", "url(#x)")] == [
        "@ink", "@paper", "none", "@deep", "@main",
    ]  # fmt: skip


def test_phosphor_icons_are_backed_and_their_weight_follows_the_size() -> None:
    assert len(phosphor.names()) > 1200
    assert 'fill="@paper"' in phosphor.lines("wifi-high").body
    assert [phosphor.weight_for(size, 2.3) for size in (40, 56, 90)] == ["regular", "light", "thin"]
    for name in ("../../etc/passwd", "no-such-icon"):
        with pytest.raises(KeyError):
            phosphor.lines(name)
    toned = phosphor.toned("house")
    assert {"@light", "@deep", "@main"} <= set(toned.body.split('"'))


def test_bounds_hold_curves_arcs_and_transforms() -> None:
    arc = box_of(list(path_points("M10 50A40 40 0 1 1 90 50")))
    assert arc is not None
    assert arc[1] <= 10
    assert box_of(shape_points("rect", {"width": "10", "height": "4"}), matrix("translate(5 1) scale(2)")) == (
        5,
        1,
        25,
        9,
    )
    assert list(path_points("M0 0h5v5z"))[-1] == (5, 5)
    assert list(path_points("m1 1l.5.5-1-1"))[-1] == (0.5, 0.5)


def test_the_outline_keeps_bodies_and_drops_clutter() -> None:
    root = draw.parse(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><rect width="100" height="100" fill="@light"/>'
        '<circle cx="50" cy="50" r="1" fill="@main"/></svg>',
        "x",
    )
    read = draw.read(root, draw.strict_paint("x"), "x")
    assert draw.outline(read, (0, 0, 100, 100)).count("<") == 1


def test_resvg_draws_any_ratio_exactly_and_refuses_nonsense() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect width="10" height="10" fill="#f00"/></svg>'
    image = render(svg, 33, 17)
    assert (image.size, image.mode) == ((33, 17), "RGBA")
    assert image.getpixel((16, 8)) == (255, 0, 0, 255)
    for bad in ("", "<svg", "<svg></p>"):
        with pytest.raises(BackendError):
            render(bad, 8, 8)
    with pytest.raises(BackendError):
        render(svg, 100_000, 100_000)


def test_a_contour_begins_where_its_path_says_though_numbers_stand_together() -> None:
    found = list(phosphor._contours("M138.32.7h-4v1Zm2.5-.5h3z"))
    assert found == ["M138.32,0.7h-4v1Z", "M140.82,0.2h3Z"]
    assert phosphor.toned("flying-saucer").body


def test_no_contour_of_any_icon_has_a_separator_where_a_number_is_due() -> None:
    """resvg paints such a path up to there alone, and what stands behind the icon would show through."""
    for name in sorted(phosphor.names()):
        for path, _ in phosphor._paths(name, "thin"):
            assert not [contour for contour in phosphor._contours(path) if re.search(r"[A-Za-z]\s*,", contour)], name


@given(
    st.tuples(*[st.floats(-80, 80)] * 4), st.tuples(st.floats(20, 90), st.floats(20, 90)), st.floats(-180, 180),
    st.booleans(), st.booleans(),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_the_box_of_an_arc_is_what_is_drawn_of_it(ends, radii, turn, large, sweep) -> None:
    x0, y0, x1, y1 = (round(v, 1) for v in ends)
    assume(abs(x0 - x1) + abs(y0 - y1) > 2)
    d = f"M{x0} {y0}A{radii[0]:.1f} {radii[1]:.1f} {turn:.1f} {int(large)} {int(sweep)} {x1} {y1}"
    box = box_of(list(path_points(d)))
    assert box is not None
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-640 -640 1280 1280" width="640" height="640">{}</svg>'
    drawn = render(svg.format(f'<path d="{d}" fill="none" stroke="#000" stroke-width="2"/>'), 640, 640)
    seen = drawn.getchannel("A").getbbox()
    assert seen is not None
    assert [v + 640 for v in box] == pytest.approx([2 * v for v in seen], abs=4)
