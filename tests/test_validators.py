"""Every published file, held against its format's own independent check by programs of others (tools/validators)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from conftest import Cli

pytestmark = pytest.mark.slow
FORMATS = ("png", "webp", "avif", "ico", "svg", "jpeg")
PROMPTS = {
    "scene": ("payment failed", "--size", "512", "--size", "1200x630"),
    "dark": ("a friendly robot", "--size", "256", "--theme", "dark"),
    "avatar": ("a woman with glasses", "--layout", "avatar", "--size", "128"),
    "text": ("page not found", "--headline", "Nichts & niemand <hier>", "--caption", "لا شيء هنا", "--size", "600x400"),
}
CHECKS: dict[str, tuple[tuple[str, ...], ...]] = {
    ".png": (("pngcheck", "-q"), ("identify",), ("exiftool", "-validate", "-warning", "-error", "-s3")),
    ".webp": (("webpinfo", "-quiet"), ("identify",)),
    ".avif": (("avifdec", "--info"),),
    ".ico": (("icotool", "--list"), ("identify",)),
    ".svg": (("xmllint", "--noout", "--nonet"),),
    ".jpg": (("identify",), ("exiftool", "-validate", "-warning", "-error", "-s3")),
}


def check(*command: str | Path) -> str:
    """Run one check, which must end well and without a warning. Returns what it printed."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert not done.stderr.strip(), (command, done.stderr)
    return done.stdout


@pytest.fixture(params=sorted(PROMPTS))
def published(request: pytest.FixtureRequest, cli: Cli, work: Path) -> Path:
    """A folder with one set in every format."""
    wanted = [part for name in FORMATS for part in ("--format", name)]
    extra = ("--set", "output.animate=auto", "--set", "output.animate_fps=6") if request.param == "scene" else ()
    icons = ("--family", "favicon", "--family", "og") if request.param == "avatar" else ()
    done = cli("run", *PROMPTS[request.param], *wanted, *extra, *icons, "-o", "out", timeout=180)
    assert done.returncode == 0, done.stderr
    return work / "out"


def assets(published: Path) -> list[dict[str, Any]]:
    """The manifest's assets."""
    found: list[dict[str, Any]] = json.loads((published / "manifest.json").read_text(encoding="utf-8"))["assets"]
    return found


def test_each_file_passes_its_formats_own_check(published: Path) -> None:
    files = [path for path in published.rglob("*") if path.suffix in CHECKS]
    assert {path.suffix for path in files} == set(CHECKS)
    for path in files:
        for command in CHECKS[path.suffix]:
            said = check(*command, path)
            if command[0] == "exiftool":
                assert said.strip() in ("", "OK"), (path, said)


def test_sizes_are_those_that_the_manifest_gives(published: Path) -> None:
    told = {
        file["name"]: (file["width"], file["height"])
        for asset in assets(published)
        for file in asset["files"]
        if not file["name"].endswith((".svg", ".ico", ".avif", ".webmanifest"))
    }
    assert told
    for name, size in told.items():
        seen = check("identify", "-format", "%w %h\n", published / name).split("\n")[0]
        assert tuple(map(int, seen.split())) == size, name


def test_the_svg_holds_no_program_and_asks_for_nothing(published: Path) -> None:
    for path in published.rglob("*.svg"):
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text
        assert "<!ENTITY" not in text
        assert (
            check("xmllint", "--xpath", "count(//@*[local-name()='href'][not(starts-with(., '#'))])", path).strip()
            == "0"
        )
        assert check("xmllint", "--xpath", "count(//@*[starts-with(local-name(), 'on')])", path).strip() == "0"


def test_the_snippets_are_valid_html(published: Path, tmp_path: Path) -> None:
    for asset in assets(published):
        page = tmp_path / "page.html"
        families = asset.get("families", {}).values()
        body = [asset["html"], asset.get("motion_html", ""), *(family["html"] for family in families)]
        links = [asset.get("icon_html", ""), *(family.get("head_html", "") for family in families)]
        head = f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>One</title>{"".join(links)}</head>'
        page.write_text(f"{head}<body>{''.join(body)}</body></html>", encoding="utf-8")
        # Debian's tidy is older than "loading" and "decoding", which the HTML standard has.
        check("tidy", "-q", "-e", "-utf8", "--warn-proprietary-attributes", "no", page)


# What the W3C's Web Application Manifest says of the members that are written, as JSON Schema.
WEBMANIFEST = {
    "type": "object",
    "required": ["name", "short_name", "icons", "theme_color", "background_color", "display"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "short_name": {"type": "string", "minLength": 1, "maxLength": 12},
        "theme_color": {"pattern": "^#[0-9a-f]{6}$"},
        "background_color": {"pattern": "^#[0-9a-f]{6}$"},
        "display": {"enum": ["fullscreen", "standalone", "minimal-ui", "browser"]},
        "icons": {
            "type": "array",
            "minItems": 2,
            "items": {
                "type": "object",
                "required": ["src", "sizes", "type"],
                "additionalProperties": False,
                "properties": {
                    "src": {"type": "string"},
                    "sizes": {"pattern": "^[1-9][0-9]*x[1-9][0-9]*$"},
                    "type": {"enum": ["image/png"]},
                    "purpose": {"enum": ["any", "maskable", "monochrome"]},
                },
            },
        },
    },
}


def test_the_web_app_manifest_and_the_sprite_sheet_are_what_their_formats_want(cli: Cli, work: Path) -> None:
    done = cli("run", "a rocket", "--preset", "favicon", "-o", "site", "--format", "svg", "--format", "png",
               IMAJIN_OUTPUT__REQUIRE="moderate")  # fmt: skip
    assert done.returncode == 0, done.stderr
    manifest = json.loads((work / "site" / "site.webmanifest").read_text(encoding="utf-8"))
    Draft202012Validator(WEBMANIFEST).validate(manifest)
    done = cli("sprite", "site", "-o", "sheet")
    assert done.returncode == 0, done.stderr
    check("xmllint", "--noout", "--nonet", work / "sheet" / "sprite.svg")
    for path in (*(work / "sheet").glob("*.png"), *(work / "site").glob("*.png")):
        check("pngcheck", "-q", path)
    check("icotool", "--list", work / "site" / "favicon.ico")
