"""A light and a dark picture from one command: the same scene twice, both through every gate, and one <picture> for both."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from conftest import Cli
from imajin_cli.contract.manifest import PublishedManifest
from imajin_cli.contract.sidecar import Group, Request
from imajin_cli.run.manifest import with_pairs
from imajin_cli.stages.generate import Generate, GenerateParams


@pytest.mark.slow
def test_a_pair_is_one_candidate_of_two_pictures(cli: Cli, work: Path) -> None:
    done = cli("run", "a rocket in the night", "--theme", "pair", "--size", "160x90", "--best", "1", "-n", "2", "-o", "out",
               "--set", "output.hashed=true")  # fmt: skip
    assert done.returncode == 0, done.stderr
    manifest = json.loads((work / "out" / "manifest.json").read_text(encoding="utf-8"))
    PublishedManifest.model_validate(manifest)
    themes = {asset["theme"]: asset for asset in manifest["assets"]}
    assert set(themes) == {"light", "dark"}, "both of the one that was chosen"
    light, dark = themes["light"], themes["dark"]
    assert light["pair"]["id"] == dark["pair"]["id"]
    html = light["pair"]["html"]
    assert html.startswith("<picture>\n  <source media=\"(prefers-color-scheme: dark)\"")
    assert html.count("<img") == 1
    for file in (*light["files"], *dark["files"]):
        if file["format"] in ("png", "webp"):
            assert file["name"] in html
    assert all(name in themes["dark"]["files"][0]["name"] for name in ("-dark",))
    pictures = [(work / "out" / asset["files"][0]["name"]).read_bytes() for asset in (light, dark)]
    one, other = (Image.open(io.BytesIO(data)).convert("RGB") for data in pictures)
    assert one.resize((1, 1)).getpixel((0, 0)) != other.resize((1, 1)).getpixel((0, 0))


def test_the_scene_of_a_pair_is_the_same() -> None:
    stage = Generate(GenerateParams(theme="pair"))
    jobs = list(stage.plan(Request(prompt="an empty inbox", size=["96x96", "160x90"])))
    assert [(job.ratio, job.theme) for job in jobs] == [("1:1", "light"), ("1:1", "dark"), ("16:9", "light"), ("16:9", "dark")]
    light, dark = (stage.make(job).picture.vector.scene for job in jobs[:2])  # type: ignore[union-attr]
    assert light["parts"] == dark["parts"]
    assert light["theme"], dark["theme"] == ("light", "dark")
    assert light["palette"] != dark["palette"]


def test_groups_of_old_are_written_as_they_were() -> None:
    group = Group(id="g", index=0, size=2, ratio="1:1", ratios=2)
    assert set(group.model_dump(mode="json")) == {"id", "index", "size", "ratio", "ratios"}
    assert group.pictures == 2


@pytest.mark.parametrize("pair", [None, 3, {"id": 4}, {"id": "a", "theme": "light"}, {"id": "a", "theme": "dark", "sources": 9}])
def test_a_manifest_with_odd_pairs_is_left_as_it_is(pair: object) -> None:
    entry = {"files": [{"name": "a"}], "html": "<img>", "pair": pair}
    assert with_pairs([entry]) == [entry]
