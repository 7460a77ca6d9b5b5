"""What Chromium shows of the CSS at a moment is what the frame of that moment shows."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser import Browser
from imajin_cli.contract.sidecar import Record, Request, Sidecar
from imajin_cli.contract.stage import Asset
from imajin_cli.stages.generate import Generate, GenerateParams
from imajin_cli.stages.imaging.encode.svgfile import written
from imajin_cli.stages.imaging.motion.written import Animated
from imajin_cli.stages.output import OutputParams
from imajin_cli.stages.publication.motion import Asked, animated, frame_at
from imajin_cli.stages.publication.render import Renderer

pytestmark = pytest.mark.slow
SIDE, SECONDS = 240, 2.0
# Levels of 255. Two programs smooth edges differently: that alone makes up to 1.6 on average over these scenes at rest.
MEAN, EDGES = 3.0, 0.03
CASES = (
    ("loading, please wait a moment", "auto"), ("a rocket", "float"), ("a rocket", "spin"), ("a rocket", "pulse"),
    ("page not found", "draw"), ("an empty inbox", "blink"), ("an empty inbox", "shimmer"),
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    one = Browser(tmp_path_factory.mktemp("chromium"))
    yield one
    one.close()


def scene(prompt: str, kind: str) -> Animated:
    stage = Generate(GenerateParams(layout="spot", background="paper"))
    picture = stage.make(next(iter(stage.plan(Request(prompt=prompt, size=[str(SIDE)]))))).picture
    assert picture is not None
    record = Record(stage="generate", version="1", status="changed", key="k", backend="compose")
    asset = Asset(Sidecar(id="0" * 16).with_record(record), picture, "scene")
    asked = Asked(kind, SECONDS, 10, SIDE)  # type: ignore[arg-type]
    return animated(asset, Renderer(picture, "scene", asset.sidecar), asked, OutputParams())


def shot(browser: Browser) -> np.ndarray:
    clip = {"x": 0, "y": 0, "width": SIDE, "height": SIDE, "scale": 1}
    data = browser.send("Page.captureScreenshot", format="png", clip=clip)["data"]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"), dtype=int)


def drawn(moving: Animated, seconds: float) -> np.ndarray:
    white = Image.new("RGBA", (SIDE, SIDE), "white")
    white.alpha_composite(frame_at(moving, (SIDE, SIDE), seconds))
    return np.asarray(white.convert("RGB"), dtype=int)


def unlike(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """The mean difference in levels, and the share of pixels that are more than 48 levels off."""
    off = np.abs(one - other).max(axis=2)
    return float(off.mean()), float((off > 48).mean())


def hold(browser: Browser, seconds: float) -> None:
    """Stop every animation at a moment after it began."""
    # A pause is asked of the compositor and holds from a frame on; a moment set before that is drawn from the frame before.
    count = browser.run(
        "(async () => { const all = document.getAnimations(); all.forEach(a => a.pause());"
        " await Promise.all(all.map(a => a.ready));"
        f" all.forEach(a => {{ a.currentTime = {seconds * 1000 + 1}; }});"
        " const frame = () => new Promise(done => requestAnimationFrame(done)); await frame(); await frame();"
        f" all.forEach(a => {{ a.currentTime = {seconds * 1000}; }}); await frame(); await frame(); return all.length }})()"
    )
    assert count > 0


@pytest.mark.parametrize(("prompt", "kind"), CASES)
def test_css_and_frames_show_the_same(browser: Browser, tmp_path: Path, prompt: str, kind: str) -> None:
    moving = scene(prompt, kind)
    page = tmp_path / "moving.svg"
    page.write_bytes(written(moving.styled()))
    browser.open(page, SIDE, SIDE, prefers_reduced_motion="no-preference")
    seen = []
    for seconds in (0.0, 0.35, 0.9, 1.3, 1.75):
        hold(browser, seconds)
        seen.append(shot(browser))
        mean, edges = unlike(seen[-1], drawn(moving, seconds))
        assert mean <= MEAN, (kind, seconds, mean)
        assert edges <= EDGES, (kind, seconds, edges)
    assert max(float(np.abs(one - seen[0]).mean()) for one in seen[1:]) > 0.05, "it moves there too"
    assert browser.faults() == []
    assert browser.asked() == {page.resolve().as_uri()}


def test_who_wants_no_motion_sees_the_still_picture(browser: Browser, tmp_path: Path) -> None:
    moving = scene("a rocket", "draw")
    page = tmp_path / "moving.svg"
    page.write_bytes(written(moving.styled()))
    browser.open(page, SIDE, SIDE, prefers_reduced_motion="reduce")
    assert browser.run("document.getAnimations().length") == 0
    mean, edges = unlike(shot(browser), drawn(scene("a rocket", "pulse"), 0.0))
    assert mean <= MEAN
    assert edges <= EDGES
