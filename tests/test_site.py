"""The documentation as a site: every page is on it, nothing is broken, nothing is asked of another host, and it fits."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from browser import Browser
from conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PAGES = sorted(path.stem for path in (ROOT / "docs").glob("*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built as `make site` builds it: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(ROOT / "docs"), str(folder)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_there_and_can_be_reached(site):
    index = (site / "index.html").read_text(encoding="utf-8")
    for name in PAGES:
        assert (site / f"{name}.html").is_file(), name
        assert name == "index" or f'href="{name}.html"' in index, name


def test_every_link_within_the_site_leads_somewhere(site):
    for page in site.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r'(?:href|src)="([^"#?]+)(?:[#?][^"]*)?"', text):
            if not re.match(r"[a-z]+:|//", target):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_generated_tables_are_on_it(site):
    reference = (site / "reference.html").read_text(encoding="utf-8")
    for shown in ("max_candidates", "webp_quality", "no verdict: a gate could not judge"):
        assert shown in reference, shown
    assert "[[[cog" not in reference


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["index", "events", "positioning", "reference", "dataflow"])
def test_a_page_fits_its_window_and_asks_for_nothing_else(site, chromium, name, width):
    chromium.open(site / f"{name}.html", width=width)
    assert chromium.run("document.documentElement.scrollWidth") <= width
    assert chromium.run("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    assert chromium.faults() == []
    assert all(address.startswith("file:") for address in chromium.asked()), chromium.asked()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_both_schemes(site, chromium, scheme):
    chromium.open(site / "index.html", prefers_color_scheme=scheme)
    colours = chromium.run(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor].map("
        "(text) => text.match(/[0-9.]+/g).slice(0, 3).map(Number))"
    )
    assert contrast(*colours) >= 7


def contrast(one: list[float], other: list[float]) -> float:
    """WCAG 2's contrast ratio of two sRGB colours."""

    def luminance(colour: list[float]) -> float:
        parts = [part / 255 for part in colour]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
