"""People and avatars: what is honoured, what is drawn, and that nothing of a style's own palette is left."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imajin_cli.stages.backends import dicebear, resvg
from imajin_cli.stages.scene import people, people_clip, people_paths
from imajin_cli.stages.scene.part import ROLES
from imajin_cli.stages.scene.people import CC0_STYLES, MOODS, STYLES, Person, avatar, figure
from imajin_cli.stages.scene.people_colour import colour_of, tones
from imajin_cli.stages.scene.people_read import read, tables

ROOT = Path(__file__).parents[1]
ALLOWED = {"g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon"}
COLOUR = re.compile(r'(?:fill|stroke)="([^"]*)"')
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 240">{}</svg>'


def pixels(person: Person) -> object:
    body = re.sub(r"@[a-z-]+", "#3366cc", person.part.body)
    return resvg.render(SVG.format(body), 240, 240)


@pytest.mark.parametrize("style", STYLES)
def test_only_safe_elements_and_own_colours(style: str) -> None:
    for seed in range(6):
        body = avatar("", seed, style=style).part.body
        tags = {element.tag.split("}")[-1] for element in ElementTree.fromstring(SVG.format(body)).iter()} - {"svg"}
        assert tags <= (ALLOWED if style in CC0_STYLES else ALLOWED | {"clipPath"})
        for colour in COLOUR.findall(body):
            role = colour.removeprefix("@")
            assert (
                colour == "none" or (colour.startswith("@") and role in ROLES) or re.fullmatch("#[0-9a-f]{6}", colour)
            )
        assert "style=" not in body
        assert "mask" not in body


@pytest.mark.parametrize("style", ["notionists", "open-peeps", "lorelei"])
def test_nothing_of_the_styles_palette_is_left(style: str) -> None:
    palette = {c.lower() for colour in dicebear.drawing(style).raw["colors"].values() for c in colour["values"]}
    for seed in range(12):
        used = set(COLOUR.findall(avatar("", seed, style=style).part.body))
        assert not used & (palette - {"#ffffff"}), used & palette


def test_every_variant_of_the_tables_exists() -> None:
    for style, table in tables()["styles"].items():
        variants = dicebear.drawing(style).variants
        for feature, needs in table.items():
            if feature in ("beardless", "sometimes"):
                continue
            for component, names in needs.items():
                assert component == "haircolour" or set(names) - {""} <= set(variants[component]), (style, feature)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("a woman with glasses", "glasses", "glasses"),
        ("a woman without glasses", "glasses", "none"),
        ("ein fröhlicher Mann", "mood", "happy"),
        ("eine lachende Frau", "mood", "laughing"),
        ("eine Frau ohne Brille", "glasses", "none"),
        ("chica con pelo rizado", "texture", "curly"),
        ("mujer con pelo negro", "haircolour", "black"),
        ("un homme barbu", "beard", "beard"),
        ("une femme aux cheveux longs", "length", "long"),
        ("眼鏡をかけた女性", "glasses", "glasses"),
        ("眼鏡なしの男性", "glasses", "none"),
        ("رجل سعيد مع نظارة", "mood", "happy"),
        ("red-haired boy", "haircolour", "ginger"),
        ("sunglasses", "glasses", "sunglasses"),
    ],
)
def test_words_of_several_languages(text: str, kind: str, value: str) -> None:
    assert read(text)[kind] == value


def test_a_colour_without_hair_beside_it_is_not_the_hairs() -> None:
    assert "haircolour" not in read("a person standing happily in front of a large blue house")


@given(st.text(max_size=200), st.integers(min_value=0, max_value=2**31))
@settings(max_examples=25, deadline=None)
def test_any_description_gives_a_person(text: str, seed: int) -> None:
    person = avatar(text, seed)
    assert person.part.body.startswith("<circle")
    assert set(person.honoured) | set(person.missing) == set(read(text))
    assert not set(person.honoured) & set(person.missing)


def test_features_are_drawn_not_only_claimed() -> None:
    table = tables()["styles"]["notionists"]
    wanted = {"glasses": "glasses", "beard": "beard"}
    picks, honoured, missing = people._picks("notionists", wanted, people.Random(3))
    assert honoured == wanted
    assert missing == {}
    assert picks["glasses"] in table["glasses=glasses"]["glasses"]
    assert picks["beard"] in table["beard=beard"]["beard"]


@pytest.mark.parametrize("style", STYLES)
def test_glasses_are_no_sunglasses_unless_asked_for(style: str) -> None:
    table = tables()["styles"][style]
    dark = {variant for names in table.get("glasses=sunglasses", {}).values() for variant in names}
    clear = {variant for names in table.get("glasses=glasses", {}).values() for variant in names}
    chances = [table["sometimes"].get(component, (0, []))[1] for component in ("glasses", "accessories")]
    by_chance = {name for names in chances for name in names}
    assert not clear & dark
    assert not by_chance & dark or style not in CC0_STYLES
    if style in CC0_STYLES:
        assert dark
        assert avatar("a man with sunglasses", 1, style=style).honoured["glasses"] == "sunglasses"


def test_what_a_style_lacks_is_said() -> None:
    person = avatar("freckles", 1, style="notionists")
    assert person.missing == {"freckles": "freckles"}
    assert avatar("freckles", 1).style == "lorelei"
    assert avatar("a robot", 1).style == people.ROBOT_STYLE


def test_two_wishes_that_exclude_each_other_leave_one_missing() -> None:
    person = avatar("bald woman with a bun", 4, style="open-peeps")
    assert person.honoured["length"] == "bald"
    assert person.missing["texture"] == "bun"


def test_same_seed_same_bytes_in_another_process() -> None:
    code = "from imajin_cli.stages.scene.people import avatar; print(avatar('a happy woman', 7).part.body)"
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.strip()
    assert other == avatar("a happy woman", 7).part.body


def test_seeds_give_different_people() -> None:
    assert len({avatar("a smiling person", seed).part.body for seed in range(40)}) == 40


@pytest.mark.parametrize("mood", sorted(MOODS))
def test_figures_stand_on_their_ground_inside_the_view(mood: str) -> None:
    for seed in range(3):
        person = figure(mood, seed)
        x0, y0, x1, y1 = person.part.box
        assert x0 >= 0
        assert y0 >= 0
        assert x1 <= 240
        assert abs(y1 - 220) < 1.5
        assert person.part.ground == 220
        assert person.missing == {}


@pytest.mark.parametrize("style", ["notionists", "open-peeps", "lorelei", "voxel-bot"])
def test_the_box_is_what_resvg_draws(style: str) -> None:
    person = avatar("woman", 5, style=style, backdrop=False)
    drawn = pixels(person).getchannel("A").point(lambda alpha: 255 if alpha > 127 else 0).getbbox()  # type: ignore[attr-defined]
    assert all(abs(a - b) <= 2 for a, b in zip(drawn, person.part.box, strict=True))


def test_an_avatar_stays_in_the_square_and_its_shoulders_in_the_disc() -> None:
    for style in CC0_STYLES:
        for seed in range(20):
            x0, y0, x1, y1 = avatar("", seed, style=style).part.box
            assert min(x0, y0) >= 0
            assert max(x1, y1) <= 240
    alpha = pixels(avatar("", 3, style="notionists", backdrop=False)).getchannel("A")  # type: ignore[attr-defined]
    assert alpha.getpixel((120, 226)) > 200
    assert alpha.getpixel((35, 220)) == alpha.getpixel((205, 220)) == 0


def test_moods_change_the_face() -> None:
    assert figure("happy", 2).part.body != figure("sad", 2).part.body


@pytest.mark.parametrize("call", [lambda: avatar("", 1, style="bottts"), lambda: figure("bored", 1)])
def test_an_unknown_style_or_mood_is_refused(call: object) -> None:
    with pytest.raises(ValueError, match="unknown"):
        call()  # type: ignore[operator]


def test_licences_are_recorded() -> None:
    for style in STYLES:
        credit = avatar("", 1, style=style).part.credit
        assert credit.licence == dicebear.STYLES[style]
        assert credit.by
    assert {dicebear.STYLES[style] for style in CC0_STYLES} == {"CC0-1.0"}


def test_loading_one_style_loads_no_other_and_no_heavy_library() -> None:
    code = (
        "import sys; from imajin_cli.stages.scene.people import avatar; from imajin_cli.stages.backends import dicebear;"
        "avatar('', 1, style='lorelei'); print(dicebear.drawing.cache_info().currsize,"
        "any(name in sys.modules for name in ('dicebear', 'jsonschema', 'PIL', 'numpy', 'resvg_py')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["1", "False"]


def test_skin_never_takes_a_role_that_a_theme_could_turn_white() -> None:
    tone = tones(people.Random(1), {})
    for name in ("skin", "outline", "mouth", "eyes"):
        assert colour_of("lorelei", "head", 1, name, "", tone).startswith("#")


coordinate = st.floats(min_value=-200, max_value=200, allow_nan=False).map(lambda value: round(value, 2))


@given(st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=12))
def test_written_paths_read_back_within_a_hundredth(points: list[tuple[float, float]]) -> None:
    path: people_paths.Path = [("M", *points[0]), *[("L", *point) for point in points[1:]], ("Z",)]
    again = people_paths.parse(people_paths.write(path))
    assert [segment[0] for segment in again] == [segment[0] for segment in path]
    for before, after in zip(path[:-1], again[:-1], strict=True):
        assert all(abs(float(a) - float(b)) <= 0.011 for a, b in zip(before[1:], after[1:], strict=True))


@given(st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=12))
def test_a_clipped_path_lies_in_its_hull(points: list[tuple[float, float]]) -> None:
    path: people_paths.Path = [("M", *points[0]), *[("L", *point) for point in points[1:]], ("Z",)]
    box = people_clip.bounds([people_clip.clip(path, ((-50, -50), (50, -50), (50, 50), (-50, 50)))])
    assert box is None or (min(box) >= -50.01 and max(box) <= 50.01)


def test_arcs_and_smooth_curves_become_cubics() -> None:
    box = people_clip.bounds([people_paths.parse("M-10 0a10 10 0 0110-10 10 10 0 01 10 10 10 10 0 01-20 0z")])
    assert box is not None
    assert all(abs(a - b) < 0.05 for a, b in zip(box, (-10, -10, 10, 10), strict=True))
    smooth = people_paths.parse("M0 0C0 10 10 10 10 0S20-10 20 0")
    assert smooth[2][1:3] == (10.0, -10.0)
    with pytest.raises(ValueError, match="path command"):
        people_paths.parse("M0 0L1")
