"""Animated loading states: one model of motion, which CSS and frames follow; loops without a jump."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imajin_cli.contract.errors import BackendError, InputError
from imajin_cli.contract.sidecar import Record
from imajin_cli.contract.stage import Asset
from imajin_cli.stages.imaging.encode.moving import check_moving, durations, encode_apng
from imajin_cli.stages.imaging.motion.choreography import Part, choreographed
from imajin_cli.stages.imaging.motion.model import LINEAR, SINE, Key, Pose, Track, eased
from imajin_cli.stages.output import OutputParams
from imajin_cli.stages.publication.motion import Asked, animated, frame_at, frames_of
from imajin_cli.stages.publication.render import Renderer
from test_output import asset as scene_asset
from test_output import publish

KINDS = ("auto", "float", "pulse", "spin", "blink", "shimmer")
COMPOSED = Record(stage="generate", version="1", status="changed", key="k", backend="compose")


def composed() -> Asset:
    """A scene that imajin composed, with a subject before a backdrop."""
    return scene_asset(records=[COMPOSED])


def moving(kind: str, what: Asset | None = None) -> tuple[Asset, object]:
    what = what or composed()
    assert what.picture is not None
    renderer = Renderer(what.picture, what.name, what.sidecar)
    return what, animated(what, renderer, Asked(kind, 2.0, 10, 120), OutputParams())  # type: ignore[arg-type]


def test_easing_is_the_curve_of_css() -> None:
    # CSS Easing Functions 1: "ease-in-out" is cubic-bezier(.42, 0, .58, 1); a symmetric curve is half-way at half-time.
    assert eased((0.42, 0, 0.58, 1), 0.5) == pytest.approx(0.5, abs=1e-6)
    # "ease" is cubic-bezier(.25, .1, .25, 1): by its equations x(.5)=.3125, y(.5)=.5375.
    assert eased((0.25, 0.1, 0.25, 1), 0.3125) == pytest.approx(0.5375, abs=1e-4)
    assert eased(LINEAR, 0.3) == 0.3


@given(st.floats(0, 1), st.floats(0, 20), st.sampled_from([LINEAR, SINE]))
def test_a_track_comes_round(phase: float, at: float, ease: tuple[float, float, float, float]) -> None:
    keys = (Key(0.0, Pose()), Key(0.4, Pose(y=-5)), Key(1.0, Pose()))
    track = Track("subject", None, keys, 2.0, ease=ease, phase=phase)
    assert track.pose(at).y == pytest.approx(track.pose(at + 2.0).y, abs=1e-3)
    assert -5.001 <= track.pose(at).y <= 0.001


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_moves_loops_and_is_slow(kind: str) -> None:
    _, found = moving(kind)
    frames = frames_of(found, (120, 120), 10)  # type: ignore[arg-type]
    grey = [np.asarray(frame.convert("RGBA").convert("RGBa").convert("RGBA"), dtype=float) for frame in frames]
    steps = [float(np.abs(a - b).mean()) for a, b in zip(grey, [*grey[1:], grey[0]], strict=True)]
    assert max(steps) > 0.05, "something moves"
    assert steps[-1] <= 1.5 * max(steps[:-1]) + 0.05, "the loop closes without a jump"
    # No frame is another picture: what was judged is what is seen.
    assert max(float(np.abs(one - grey[0]).mean()) for one in grey) < 40


def test_what_stands_still_never_moves() -> None:
    parts = [Part(name, None, (0, 0, 9, 9)) for name in ("background", "ground", "text", "subject")]
    for kind in KINDS:
        tracks = choreographed(kind, parts, (100, 100), 2).tracks  # type: ignore[arg-type]
        assert {track.name for track in tracks} <= {"subject"}


def test_the_svg_moves_by_css_that_honours_reduced_motion_and_asks_for_nothing() -> None:
    found = publish(composed(), animate="auto", format=["svg", "png"], animate_fps=5, animate_side=60)
    text = next(file.data.decode() for file in found.files if file.name.endswith(".motion.svg"))
    (css,) = re.findall(r"<style>(.*?)</style>", text)
    outside = re.sub(r"@media \(prefers-reduced-motion:no-preference\)\{(?:[^{}]*\{[^{}]*\})*\}", "", css)
    assert "animation" not in outside
    assert "animation:" in css
    assert not re.search(r"url\(|@import|http|<script|\son", css)
    assert found.entry["motion_html"].startswith("<img")


def test_apng_and_webp_hold_the_frames_and_run_for_ever() -> None:
    found = publish(composed(), animate="float", format=["webp", "png"], animate_fps=5, animate_side=60, animate_seconds=2)
    files = {file.name: file for file in found.files if file.entry["role"] == "motion"}
    assert set(files) == {"lost-robot.motion.webp", "lost-robot.motion.png"}
    for name, file in files.items():
        image = Image.open(io.BytesIO(file.data))
        assert image.is_animated, name  # type: ignore[attr-defined]
        assert image.info["loop"] == 0
        assert image.size == (60, 60)
    assert 'media="(prefers-reduced-motion: reduce)"' in found.entry["motion_html"]
    assert found.files[0].name == "lost-robot.png", "the still picture stays the first"


def test_the_frame_at_rest_is_the_picture_that_was_judged() -> None:
    what, found = moving("pulse")
    assert what.picture is not None
    still = frame_at(found, what.picture.size, 0.0)  # type: ignore[arg-type]
    off = np.abs(np.asarray(still, dtype=int) - np.asarray(what.picture.image.convert("RGBA"), dtype=int))
    assert off.max() <= 3


def test_only_scenes_of_ours_move() -> None:
    with pytest.raises(InputError, match="only a scene"):
        moving("auto", scene_asset())
    with pytest.raises(InputError, match="only a scene"):
        moving("auto", scene_asset(records=[COMPOSED], vector=False))
    with pytest.raises(InputError, match="nothing that could draw"):
        moving("draw")


def test_a_file_that_lost_a_frame_is_found() -> None:
    frames = [Image.new("RGBA", (8, 8), colour) for colour in ("red", "lime", "blue", "white")]
    data = encode_apng(frames, durations(2, 4))
    check_moving(data, "png", frames, 2)
    with pytest.raises(BackendError, match="runs for"):
        check_moving(data, "png", frames, 4)
    with pytest.raises(BackendError, match="looks unlike"):
        check_moving(data, "png", [*frames[1:], frames[0]], 2)
    assert sum(durations(2.8, 17)) == 2800
