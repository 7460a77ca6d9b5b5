"""The review page in a real browser (Chromium, by tools/validators): keys, decisions, accessibility, and no network."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import Browser
from conftest import Cli
from imajin_cli.review.decisions import record_all
from test_report import NASTY, decisions, publish, report

pytestmark = pytest.mark.slow
STEMS = ("cat", "dog", "emu")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found = Browser(tmp_path_factory.mktemp("chromium"))
    yield found
    found.close()


@pytest.fixture
def page(work: Path) -> Path:
    """The page of three assets."""
    publish(work / "dist", *STEMS, text="light")
    report("dist")
    return work / "report.html"


def current(browser: Browser) -> str:
    return str(browser.run("document.querySelector('#detail h2').textContent"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_opens_without_a_fault_and_asks_for_nothing_else(
    browser: Browser, page: Path, width: int, scheme: str
) -> None:
    browser.open(page, width, prefers_color_scheme=scheme)
    assert current(browser) == "cat.png"
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert browser.run(
        "[...document.images].filter((i) => i.loading !== 'lazy' || i.complete).every((i) => i.naturalWidth === 32)"
    )
    assert browser.faults() == []
    assert browser.asked() == {page.resolve().as_uri()}


def test_everything_is_done_by_keys_and_recorded(browser: Browser, page: Path, cli: Cli, tmp_path: Path) -> None:
    browser.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    browser.open(page)
    browser.press("j")
    assert current(browser) == "dog.png"
    browser.press("n", *"the eyes", "Escape", "r", "k")
    assert current(browser) == "cat.png"
    browser.press("a", "End")
    assert current(browser) == "emu.png"
    browser.press("a", "u")
    assert "1 approved · 1 rejected · 1 open" in browser.run("document.getElementById('counts').textContent")
    browser.press("d")
    told = tmp_path / "decisions.json"
    limit = time.monotonic() + 30
    while not told.exists() and time.monotonic() < limit:
        time.sleep(0.05)
    chosen = [(one["files"][0]["name"], one["decision"], one["note"]) for one in json.loads(told.read_text())["assets"]]
    assert chosen == [("cat.png", "approved", ""), ("dog.png", "rejected", "the eyes")]
    assert cli("approve", str(told)).returncode == 0
    assert cli("approve", "--check", "dist").stdout.split() == [
        b"dist/cat.png:", b"approved", b"dist/dog.png:", b"rejected", b"dist/emu.png:", b"undecided",
    ]  # fmt: skip
    assert browser.faults() == []
    report("dist")
    browser.open(page)
    assert "1 approved · 1 rejected · 1 open" in browser.run("document.getElementById('counts').textContent")


def test_filter_sort_and_grounds_by_keys(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.press("/", *"dog")
    shown = "[...document.querySelectorAll('#list strong')].map((e) => e.textContent).join(' ')"
    assert browser.run(shown) == "dog.png"
    assert current(browser) == "dog.png"
    browser.press("Escape", "a")
    assert browser.run("document.activeElement.getAttribute('aria-current')") == "true"
    assert browser.run("document.getElementById('said').textContent") == "dog.png: approved"
    browser.run("document.getElementById('words').value = ''")
    browser.press("s")
    assert browser.run("document.getElementById('order').value") == "decision"
    assert browser.run(shown) == "cat.png emu.png dog.png"
    assert browser.run("document.querySelectorAll('.strip').length") == 3
    browser.press("g", "g")
    assert browser.run("document.querySelector('input[name=ground]:checked').value") == "white"
    widths = "[...document.querySelectorAll('.strip img')].map((e) => e.getBoundingClientRect().width).join(' ')"
    assert browser.run(widths) == "16 24 32 48 64 96 128 256 512"
    browser.press("?")
    assert browser.run("document.getElementById('help').open")
    browser.press("a", "Escape")
    assert not browser.run("document.getElementById('help').open")
    browser.run("document.getElementById('single').checked = false")
    browser.press("r")
    assert "0 rejected" in browser.run("document.getElementById('counts').textContent")
    assert browser.faults() == []


def test_a_new_version_is_laid_over_the_approved_one(browser: Browser, page: Path, work: Path) -> None:
    Path("decisions.json").write_text(json.dumps(decisions()), encoding="utf-8")
    record_all(Path("decisions.json"), [], copies=True)
    publish(work / "dist", "ant", *STEMS, text="light")  # each picture is another's now
    report("dist")
    browser.open(page)
    assert browser.run("document.getElementById('compare')") is None
    browser.press("j")
    assert current(browser) == "cat.png"
    mode = "document.getElementById('compare').dataset.mode"
    assert browser.run(mode) == "swipe"
    sources = browser.run("[...document.querySelectorAll('#compare img')].map((image) => image.src)")
    assert len(set(sources)) == 2
    browser.press("c")
    assert browser.run(mode) == "blink"
    browser.press("b")
    assert browser.run("document.querySelector('#compare .over').hidden")
    browser.press("c")
    assert browser.run("getComputedStyle(document.querySelector('#compare .over')).mixBlendMode") == "difference"
    assert browser.faults() == []
    assert browser.asked() == {page.resolve().as_uri()}


# Text on a plain ground: the ratio of WCAG 2.2 (relative luminance), at least 4.5.
CONTRAST = """(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (part) => (part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
  const light = (colour) => {
    const [r, g, b] = parts(colour).map((part) => linear(part / 255));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const style = getComputedStyle(element);
      if (style.backgroundImage !== 'none') return null;
      const found = parts(style.backgroundColor);
      if (found.length < 4 || found[3] > 0) return style.backgroundColor;
    }
    return 'rgb(255, 255, 255)';
  };
  const ratio = (element) => {
    const under = ground(element);
    if (under === null) return 21;
    const [more, less] = [light(under), light(getComputedStyle(element).color)].sort((a, b) => b - a);
    return (more + .05) / (less + .05);
  };
  const written = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.querySelectorAll('body *')]
    .filter((element) => !element.closest(':disabled') && element.checkVisibility() && written(element) && ratio(element) < 4.5)
    .map((element) => `${element.tagName} ${element.className} ${ratio(element)}`);
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_control_has_a_name_and_every_text_has_contrast(browser: Browser, page: Path, scheme: str) -> None:
    browser.open(page, prefers_color_scheme=scheme)
    browser.press("a", "j", "r")
    nodes = browser.send("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "link", "textbox", "searchbox", "combobox", "radio", "checkbox", "region", "navigation"}
    unnamed = [
        node["role"]["value"]
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in roles and not node.get("name", {}).get("value", "").strip()
    ]
    assert unnamed == []
    assert browser.run("[...document.querySelectorAll('[role=group]')].every((e) => e.getAttribute('aria-label'))")
    assert {"main", "navigation", "search", "heading"} <= {node["role"]["value"] for node in nodes}
    assert browser.run(CONTRAST) == []
    browser.run("document.querySelector('h1').style.color = 'rgb(128, 128, 128)'")
    assert [line.split()[0] for line in browser.run(CONTRAST)] == ["H1"]
    assert browser.run("[...document.images].every((i) => i.hasAttribute('alt'))")


def test_focus_is_seen_wherever_tab_leads_and_motion_is_left_out(browser: Browser, page: Path) -> None:
    browser.open(page, prefers_reduced_motion="reduce")
    seen = set()
    for _ in range(30):
        browser.press("Tab")
        seen.add(browser.run("document.activeElement.id || document.activeElement.tagName"))
        style = "getComputedStyle(document.activeElement)"
        assert browser.run(f"document.activeElement === document.body || {style}.outlineStyle !== 'none'")
    assert {"words", "order", "keys", "approved", "note"} <= seen
    assert browser.run("getComputedStyle(document.querySelector('#list button')).transitionDuration") == "0s"


def test_hostile_sidecars_run_nothing(browser: Browser, work: Path) -> None:
    publish(work / "dist", "<img src=x onerror=alert(1)>'\"\u202e", text=NASTY)
    report("dist")
    browser.open(work / "report.html", 390)
    browser.press("a", "g", "?", "Escape")
    assert browser.run("document.scripts.length") == 2
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert browser.faults() == []
    assert browser.asked() == {(work / "report.html").resolve().as_uri()}


def test_the_policy_holds_should_markup_get_in(browser: Browser, page: Path) -> None:
    asked = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        browser.open(page)
        # As a careless program would put them there.
        markup = f"<img src={address}/picture><link rel=stylesheet href={address}/style><img src=x onerror=hit=1>"
        put = "document.body.append(document.createRange().createContextualFragment"
        browser.run(f"try {{ {put}({json.dumps(markup)})) }} catch (error) {{ refused = error.name }}")
        browser.run(f"document.body.append(Object.assign(new Image(), {{ src: '{address}/picture' }}))")
        link = f"Object.assign(document.createElement('link'), {{ rel: 'stylesheet', href: '{address}/style' }})"
        browser.run(f"document.head.append({link})")
        assert browser.run("window.refused") == "TypeError"
        assert browser.run(f"fetch('{address}/fetch').then(() => 'fetched', () => 'refused')") == "refused"
        time.sleep(0.5)
        server.shutdown()
    assert asked == []
    assert browser.run("typeof window.hit") == "undefined"
