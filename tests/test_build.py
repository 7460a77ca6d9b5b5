"""`imajin batch` as a build: what makes an asset stale, what a lock keeps, and what Make and CI are told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.repository.build import BuildOptions, Kept
from imajin_cli.repository.costs import SHIPPED, Costs, keep_costs, key_of, read_costs
from imajin_cli.repository.depfile import escaped
from imajin_cli.repository.lock import read_lock, unsigned_digest, write_lock
from imajin_cli.repository.outcomes import Case, Outcomes, annotation
from imajin_cli.run.batch.batch import BatchOptions
from imajin_cli.run.manifest import manifest_of
from imajin_cli.run.report import Report
from test_help import HEAVY, imported

QUICK = "size: 96x96, format: png, skip: [moderate, semantic, quality, aesthetic]"


def kept(name: str = "assets.yaml", **options: Any) -> Kept:
    return Kept.of(name, BatchOptions(**options), BuildOptions(), Report("batch", quiet=True))


def as_built(name: str = "assets.yaml") -> Kept:
    """The build of a file as if it had been done: each asset has a picture and one made of it, and its sidecar."""
    build = kept(name)
    for _, recipe in build.jobs.values():
        paths = [Path(build.lock.base.found(f"{recipe.name}.{ending}")) for ending in ("png", "webp")]
        paths[0].parent.mkdir(exist_ok=True)
        for path in (*paths, Path(f"{paths[0]}.json")):
            path.write_text(recipe.name)
        digest = sha256(recipe.name.encode())
        entry = {"id": recipe.name, "files": [{"name": path.name, "sha256": digest} for path in paths]}
        manifest = manifest_of(paths[0].parent)
        manifest.enter(entry)
        manifest.merge()
        files = {build.lock.base.shown(str(path)): digest for path in paths}
        build.lock.put(recipe, name, files, unsigned_digest(files), ["new"], "compose")
    write_lock(build.lock, list(build.lock.assets))
    return kept(name)


def stale(build: Kept) -> dict[str, list[str]]:
    """The causes of each asset that is stale, by its name without the folder."""
    found = {recipe.name: build.causes(recipe) for _, recipe in build.jobs.values()}
    return {name.rpartition("/")[2]: [cause.line() for cause in said] for name, said in found.items() if said}


# --- what makes an asset stale, and no other

PROJECT = """\
assets:
  - {name: inbox, prompt: an empty inbox, preset: mine}
  - {name: plain, prompt: a lost robot}
  - {name: words, prompt: a lost robot, headline: Hello, text: {font: own.ttf}}
  - {name: drawn, prompt: a lost robot, generate: {packs: [pack]}}
  - {name: framed, files: [frame.png]}
  - {name: cut, prompt: a lost robot, also: remove-background, remove_background: {model: u2net}}
  - {name: steered, prompt: a lost robot, also: condition, condition: {kind: canny, source: frame.png}}
"""


@pytest.fixture
def project(work: Path) -> Path:
    (work / "assets.yaml").write_text(PROJECT)
    (work / "presets").mkdir()
    (work / "presets/mine.yaml").write_text("summary: mine\nextends: icon\ngenerate: {colour: '#0f766e'}\n")
    (work / "imajin.yaml").write_text("request: {size: [128x128]}\n")
    (work / "models.yaml").write_text(model_entry("1"))
    (work / "own.ttf").write_bytes(b"a font")
    (work / "pack").mkdir()
    (work / "pack/one.svg").write_text("<svg/>")
    (work / "frame.png").write_bytes(b"a picture")
    return work


def model_entry(digit: str) -> str:
    return f"""\
u2net:
  task: matte
  licence: MIT
  commercial: allowed
  files: [{{name: u2net.onnx, size: 9, sha256: "{digit * 64}"}}]
  sources: [{{kind: folder, path: models}}]
"""


def write(path: str, text: str) -> Any:
    return lambda work: (work / path).write_text(text)


def replaced(path: str, old: str, new: str) -> Any:
    def change(work: Path) -> None:
        text = (work / path).read_text()
        assert old in text
        (work / path).write_text(text.replace(old, new, 1))

    return change


def in_lock(*path: str, value: Any) -> Any:
    """Change every entry of a shared part of the lock, as if another version had written it."""

    def change(work: Path) -> None:
        lock = json.loads((work / "imajin.lock").read_bytes())
        for one in lock[path[0]].values():
            inner = one
            for key in path[1:-1]:
                inner = inner[key]
            if path[-1] in inner:
                inner[path[-1]] = value
        (work / "imajin.lock").write_text(json.dumps(lock))

    return change


def in_manifest(name: str, key: str, value: str) -> Any:
    """Change what the manifest says of one file."""

    def change(work: Path) -> None:
        manifest = json.loads((work / "dist/manifest.json").read_bytes())
        for asset in manifest["assets"]:
            for file in asset["files"]:
                if file["name"] == name:
                    file[key] = value
        (work / "dist/manifest.json").write_text(json.dumps(manifest))

    return change


DRAWN = ["cut", "drawn", "inbox", "plain", "steered", "words"]
TOUCHES = {
    "prompt": (replaced("assets.yaml", "an empty inbox", "an empty tray"), ["inbox"], "prompt: was 'an empty inbox'"),
    "own param": (
        replaced("assets.yaml", "{name: plain,", "{name: plain, theme: dark,"), ["plain"],
        "params: generate.theme was 'light', is now 'dark'",
    ),
    "preset's param": (
        replaced("presets/mine.yaml", "0f766e", "1e3a8a"), ["inbox"],
        "preset: generate.colour was '#0f766e', is now '#1e3a8a'",
    ),
    "preset's name": (
        replaced("assets.yaml", "preset: mine", "preset: icon"), ["inbox"], "preset: was 'mine', is now 'icon'",
    ),
    "preset that it extends": (
        write("presets/icon.yaml", "summary: x\nrequest: {prompt: x}\ngenerate: {layout: spot}\n"), ["inbox"],
        "preset: generate.layout was 'icon', is now 'spot'",
    ),
    "config": (
        write("imajin.yaml", "request: {size: [64x64]}\n"), DRAWN,
        "config: request.size was ['128x128'], is now ['64x64']",
    ),
    "font": (write("own.ttf", "another font"), ["words"], "font: own.ttf was"),
    "pack": (write("pack/two.svg", "<svg/>"), ["drawn"], "pack: pack was"),
    "model": (write("models.yaml", model_entry("2")), ["cut"], "model: u2net was"),
    "version": (in_lock("tools", "stages", "generate", value="0"), DRAWN, "version: stage generate was '0'"),
    "data": (
        in_lock("tools", "data", "words", value="0" * 12), [*DRAWN, "framed"], "version: data of words was '000000000000'",
    ),
    "default": (
        in_lock("defaults", "quality.max_fringe", value=7), [*DRAWN, "framed"], "version: default of quality.max_fringe was 7",
    ),
    "input": (write("frame.png", "another picture"), ["framed", "steered"], "input: frame.png was"),
    "input gone": (lambda work: (work / "frame.png").unlink(), ["framed", "steered"], "missing: frame.png cannot be read"),
    "file gone": (lambda work: (work / "dist/plain.png").unlink(), ["plain"], "missing: dist/plain.png"),
    "file changed": (write("dist/plain.png", "x"), ["plain"], "changed: dist/plain.png has other bytes"),
    "one of several files gone": (
        lambda work: (work / "dist/plain.webp").unlink(), ["plain"], "missing: dist/plain.webp",
    ),
    "sidecar gone": (
        lambda work: (work / "dist/plain.png.json").unlink(), ["plain"], "missing: dist/plain.png.json, the sidecar",
    ),
    "manifest gone": (
        lambda work: (work / "dist/manifest.json").unlink(), [*DRAWN, "framed"],
        "missing: dist/",
    ),
    "manifest of other bytes": (
        in_manifest("plain.png", "sha256", "0" * 64), ["plain"],
        "changed: dist/plain.png has other bytes than the manifest beside it says",
    ),
    "manifest without one": (
        in_manifest("plain.png", "name", "else.png"), ["plain"], "missing: dist/plain.png is not in the manifest beside it",
    ),
    "manifest of another program": (
        write("dist/manifest.json", "{}"), [*DRAWN, "framed"], "changed: dist/manifest.json: not a manifest of imajin",
    ),
    "new": (
        replaced("assets.yaml", "assets:\n", "assets:\n  - {name: more, prompt: x}\n"), ["more"], "new: not in the lock yet",
    ),
}  # fmt: skip


@pytest.mark.parametrize("touch", TOUCHES)
def test_what_is_touched_makes_stale_what_depends_on_it(project, touch):
    as_built()
    assert stale(kept()) == {}
    change, wanted, said = TOUCHES[touch]
    change(project)
    found = stale(kept())
    assert sorted(found) == sorted(wanted)
    for lines in found.values():
        assert any(line.startswith(said) for line in lines), lines


def test_what_changes_nothing_makes_nothing_stale(project):
    as_built()
    for path in project.rglob("*"):
        if path.is_file():
            os.utime(path)
    # The same values, by other words, in another order, spelt out as the default.
    text = (project / "assets.yaml").read_text().replace("{name: plain,", "{theme: light, seed: 0, name: plain,")
    (project / "assets.yaml").write_text("# assets\n" + text)
    assert stale(kept()) == {}


def test_a_variable_is_config(project, monkeypatch):
    as_built()
    monkeypatch.setenv("IMAJIN_GENERATE__THEME", "dark")
    found = stale(kept())
    assert sorted(found) == DRAWN
    assert set(map(tuple, found.values())) == {("config: generate.theme was 'light', is now 'dark'",)}


def test_whether_a_model_is_on_this_machine_makes_nothing_stale(project, monkeypatch):
    as_built()
    (project / "models").mkdir()
    (project / "models/u2net.onnx").write_bytes(b"123456789")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert stale(kept()) == {}


def test_a_certificate_makes_unsigned_files_stale_and_its_absence_makes_no_signed_ones(project, monkeypatch):
    build = as_built()
    monkeypatch.setenv("IMAJIN_PROVENANCE__CERTIFICATE", "chain.pem")
    assert stale(kept())["plain"] == ["signature: a certificate is configured, and the files are not signed"]
    for _, recipe in build.jobs.values():
        files = build.lock.assets[recipe.name].files
        build.lock.put(recipe, "assets.yaml", files, "0" * 64, ["new"], "compose")
    write_lock(build.lock, list(build.lock.assets))
    assert stale(kept()) == {}
    monkeypatch.delenv("IMAJIN_PROVENANCE__CERTIFICATE")
    assert stale(kept()) == {}


def test_two_assets_of_one_name_are_an_error_and_one_that_stands_twice_is_one(work):
    (work / "assets.yaml").write_text("- {prompt: a robot, seed: 1}\n- {prompt: a robot, seed: 2}\n")
    with pytest.raises(UsageError, match=r"assets.yaml:2: assets.yaml:1 publishes under this name too: dist/a-robot"):
        kept()
    (work / "assets.yaml").write_text("- {prompt: a robot}\n- {prompt: a robot, theme: light}\n")
    assert len(kept().jobs) == 1


def test_names_that_pictures_settle_are_told_apart_by_their_recipe(work):
    entry = "- {{prompt: a, n: 2, seed: {seed}, name: '{{seed}}'}}\n"
    (work / "assets.yaml").write_text(entry.format(seed=1) + entry.format(seed=9))
    names = [recipe.name for _, recipe in kept().jobs.values()]
    assert names[0] == "dist/{seed}"
    assert names[1].startswith("dist/{seed}@")


# --- the lock


def test_a_lock_says_the_same_wherever_it_is_read(project, monkeypatch):
    as_built()
    data = (project / "imajin.lock").read_bytes()
    assert str(project).encode() not in data
    below = project / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    lock = read_lock(Path("../imajin.lock"))
    assert lock.dump() == data
    assert lock.base.found("dist/plain.png") == "../dist/plain.png"


def test_bytes_that_stay_keep_their_reason(work):
    (work / "assets.yaml").write_text("- {prompt: a robot}\n")
    build = as_built()
    ((_, recipe),) = build.jobs.values()
    files = dict(build.lock.assets[recipe.name].files)
    build.lock.put(recipe, "assets.yaml", files, unsigned_digest(files), ["font: x"], None)
    assert build.lock.assets[recipe.name].because == ["new"]
    assert build.lock.assets[recipe.name].backend == "compose"
    build.lock.put(recipe, "assets.yaml", dict.fromkeys(files, "1" * 64), "1" * 64, ["font: x"], None)
    assert build.lock.assets[recipe.name].because == ["font: x"]


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *who, *arguments], capture_output=True, text=True, check=False)


def test_changes_to_different_assets_merge_and_a_half_merged_lock_is_named(work):
    listed = [f"- {{name: a{i}, prompt: a robot}}" for i in range(6)]

    def built(*lines: str) -> None:
        (work / "assets.yaml").write_text("\n".join(lines) + "\n")
        as_built()
        assert git("add", ".").returncode == 0
        assert git("commit", "-qm", "x").returncode == 0

    git("init", "-q")
    built(*listed)
    git("checkout", "-qb", "one")
    built(*listed[:1], "- {name: a1, prompt: a cat}", *listed[2:])
    git("checkout", "-q", "main")
    built(*listed[:4], "- {name: a4, prompt: a dog}", *listed[5:])
    assert git("merge", "-q", "one").returncode == 0
    assert stale(kept()) == {}
    git("checkout", "-qb", "two")
    built(*listed[:1], "- {name: a1, prompt: a fox}", *listed[2:])
    git("checkout", "-q", "main")
    built(*listed[:1], "- {name: a1, prompt: an owl}", *listed[2:])
    assert git("merge", "-q", "two").returncode == 1
    (work / "assets.yaml").write_text("\n".join(listed))
    with pytest.raises(InputError, match=r"imajin.lock:\d+: a merge was left unfinished"):
        kept()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not a lock"),
        ('{"imajin": 2, "kind": "lock"}', "from a newer imajin"),
        ('{"imajin": 1, "kind": "lock", "assets": {"a": {"source": "x"}}}', "not a lock: assets.a.tools"),
        ("[" * 100_000, "not a lock"),
    ],
)
def test_a_lock_that_is_none_is_named(work, text, said):
    (work / "imajin.lock").write_text(text)
    with pytest.raises(InputError, match=said):
        read_lock(Path("imajin.lock"))


# --- checking


def test_check_names_asset_and_cause_and_ends_with_23(project, cli):
    as_built()
    fine = cli("batch", "assets.yaml", "--check")
    assert fine.returncode == 0, fine.stderr
    assert fine.stdout == b""
    assert b"7 assets are up to date" in fine.stderr
    TOUCHES["prompt"][0](project)
    (project / "assets.yaml").write_text((project / "assets.yaml").read_text().replace("name: plain", "name: other"))
    found = cli("batch", "assets.yaml", "--check", "--junit", "out/j.xml", "--annotations", "github")
    assert found.returncode == 23
    lines = found.stdout.decode().splitlines()
    assert lines == [
        "assets.yaml:2: dist/inbox: prompt: was 'an empty inbox', is now 'an empty tray'",
        "assets.yaml:3: dist/other: new: not in the lock yet",
        "assets.yaml: dist/plain: gone: assets.yaml asks for it no longer",
    ]
    assert b"\n::error file=assets.yaml,line=2,title=imajin%3A dist/inbox::stale: prompt: was" in b"\n" + found.stderr
    root = ElementTree.parse("out/j.xml").getroot()
    assert root.attrib["failures"] == "3"
    told = cli("batch", "assets.yaml", "--check", "--json", "--only", "in*")
    first, summary = (json.loads(line) for line in told.stdout.splitlines())
    assert (first["event"], first["asset"], first["causes"][0]["kind"]) == ("stale", "dist/inbox", "prompt")
    assert summary["code"] == 23


def test_check_loads_nothing_heavy_and_asks_nobody(project):
    as_built()
    light = {"pydantic", "yaml", "importlib.metadata", "email"}
    shown, modules = imported("batch", "assets.yaml", "--check", "--quiet")
    assert shown == ""
    heavy = [
        name
        for name in (*HEAVY, "http.client", "ssl", "fsspec", "urllib.request")
        if name not in light and name in modules
    ]
    assert heavy == []


def test_what_nobody_approved_is_stale_where_that_is_asked(project, cli):
    build = as_built()
    assert cli("batch", "assets.yaml", "--check", "--approved").returncode == 23
    for name, entry in build.lock.assets.items():
        build.lock.assets[name] = entry.model_copy(update={"decision": "approved"})
    write_lock(build.lock, list(build.lock.assets))
    assert cli("batch", "assets.yaml", "--check", "--approved").returncode == 0


# --- building


def published(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.png"))}


def test_a_build_makes_what_is_stale_and_nothing_else(cli, work):
    text = f"defaults: {{{QUICK}}}\nassets:\n  - {{name: a, prompt: a robot}}\n  - {{name: b, matrix: {{prompt: [a cat]}}}}\n"
    (work / "assets.yaml").write_text(text)
    first = cli("batch", "assets.yaml", "-j", "1", "--junit", "j.xml")
    assert first.returncode == 0, first.stderr
    before, lock = published(work / "dist"), (work / "imajin.lock").read_bytes()
    assert sorted(before) == ["a.png", "b.png"]
    entry = read_lock(Path("imajin.lock")).assets["dist/a"]
    assert entry.files == {"dist/a.png": sha256(before["a.png"])}
    assert (entry.backend, entry.because, entry.signed()) == ("compose", ["new: not in the lock yet"], False)
    # The journal is gone, and with it all that a resumed batch knows: the lock is enough.
    shutil.rmtree(work / ".imajin")
    (work / "dist/b.png.json").unlink()
    found = cli("batch", "assets.yaml", "--check")
    assert found.stdout.decode() == "assets.yaml:4 (prompt=a-cat): dist/b: missing: dist/b.png.json, the sidecar\n"
    (work / "assets.yaml").write_text(text + "  - {name: c, prompt: a dog}\n")
    second = cli("batch", "assets.yaml", "-j", "1", "--json", "--junit", "j.xml")
    assert second.returncode == 0, second.stderr
    events = [json.loads(line) for line in second.stdout.splitlines()]
    assert [(event["paths"], event["tries"]) for event in events[:-1]] == [
        (["dist/a.png"], 0), (["dist/b.png"], 1), (["dist/c.png"], 1),
    ]  # fmt: skip
    assert {name: data for name, data in published(work / "dist").items() if name != "c.png"} == before
    cases = ElementTree.parse("j.xml").getroot().findall(".//testcase")
    assert [(case.get("name"), len(case)) for case in cases] == [("a", 1), ("b", 0), ("c", 0)]
    (work / "assets.yaml").write_text(text)
    third = cli("batch", "assets.yaml")
    assert b"dist/c: is asked for no longer" in third.stderr
    assert (work / "imajin.lock").read_bytes() == lock
    assert cli("batch", "assets.yaml", "--check").returncode == 0


@pytest.mark.slow
def test_a_rejected_asset_is_no_reason_to_leave_the_others_out_unless_asked(cli, work):
    (work / "assets.yaml").write_text(
        f"defaults: {{{QUICK}}}\nassets:\n  - {{name: long, prompt: {'a' * 5000}}}\n  - {{name: b, prompt: a cat}}\n"
    )
    going = cli("batch", "assets.yaml", "-j", "1", "--annotations", "github", "--junit", "j.xml")
    assert going.returncode == 10
    assert list(read_lock(Path("imajin.lock")).assets) == ["dist/b"]
    assert b"::error file=assets.yaml,line=3,title=imajin%3A dist/long::invalid: " in going.stderr
    assert ElementTree.parse("j.xml").getroot().find(".//failure[@type='invalid']") is not None
    assert cli("batch", "assets.yaml", "--check").returncode == 23
    shutil.rmtree(work / ".imajin")
    shutil.rmtree(work / "dist")
    (work / "imajin.lock").unlink()
    fast = cli("batch", "assets.yaml", "-j", "1", "--fail-fast")
    assert fast.returncode == 10
    assert not (work / "dist/b.png").exists()


def test_decisions_reach_the_lock(cli, project):
    build = as_built()
    names = sorted(build.lock.assets)
    manifest = [{"id": name, "files": files_of(build, name)} for name in names]
    (project / "dist/manifest.json").write_text(json.dumps({"imajin": 1, "assets": manifest}))
    said = {"dist/inbox": ("approved", "good"), "dist/plain": ("rejected", "too plain")}
    decided = [
        {"folder": "dist", "name": name, "decision": decision, "note": note, "files": files_of(build, name)}
        for name, (decision, note) in said.items()
    ]
    (project / "decisions.json").write_text(json.dumps({"imajin": 1, "kind": "decisions", "assets": decided}))
    done = cli("approve", "decisions.json", "--no-keep")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().split() == ["dist/imajin.approved.json", str(project / "imajin.lock")]
    lock = read_lock(Path("imajin.lock"))
    assert {name: (entry.decision, entry.note) for name, entry in lock.assets.items() if entry.decision} == said
    # Other bytes are undecided; the same bytes, made anew, are not.
    recipes = {recipe.name: recipe for _, recipe in build.jobs.values()}
    entry = lock.assets["dist/inbox"]
    lock.put(recipes["dist/inbox"], "assets.yaml", entry.files, entry.unsigned, ["x"], None)
    assert lock.assets["dist/inbox"].decision == "approved"
    lock.put(recipes["dist/inbox"], "assets.yaml", dict.fromkeys(entry.files, "1" * 64), "1" * 64, ["x"], None)
    assert lock.assets["dist/inbox"].decision is None


def files_of(build: Kept, name: str) -> list[dict[str, str]]:
    return [
        {"name": shown.rpartition("/")[2], "sha256": digest} for shown, digest in build.lock.assets[name].files.items()
    ]


def test_a_dry_run_makes_nothing_and_says_what_it_takes(cli, work):
    (work / "assets.yaml").write_text(
        "- {name: a, prompt: a robot, size: '512x512,1024x512', n: 2}\n"
        "- {name: cut, prompt: a cat, also: remove-background, remove_background: {model: isnet-medium, method: network}}\n"
    )
    done = cli("batch", "assets.yaml", "--dry-run")
    assert done.returncode == 0, done.stderr
    said = done.stderr.decode()
    assert "2 of 2 assets would be made, 5 pictures" in said
    assert "time: about" in said
    assert "GPU memory: none is needed" in said
    assert "isnet-medium" in said
    assert "imajin models pull isnet-medium" in said
    assert sorted(os.listdir(work)) == ["assets.yaml"]


def test_costs_are_of_their_stage_backend_and_size():
    costs = Costs({key_of("generate", "diffusers", 512 * 512): [3.0, 5.0, 4.0], key_of("quality", "", 1 << 20): [0.4]})
    assert costs.expected("generate", "diffusers", 512 * 512) == (4.0, True)
    assert costs.expected("generate", "diffusers", 1024 * 1024) == (16.0, True)
    assert costs.expected("generate", "compose", 512 * 512) == (SHIPPED["generate"], False)
    assert costs.expected("quality", None, 512 * 512) == (0.1, True)


def test_what_is_done_for_the_first_time_is_told_from_what_it_usually_takes(work):
    costs = Costs()
    for seconds in (9.0, 1.0, 1.2):
        costs.add_sidecar({"image": {"width": 8, "height": 8}, "stages": [{"stage": "moderate", "seconds": seconds}]})
    costs.add_sidecar({"image": None, "stages": [{"stage": 3}, 4, "x", {"stage": "x", "seconds": "nan"}]})
    assert costs.usual() == pytest.approx(3.6)
    keep_costs(costs)
    assert read_costs().known == {"moderate - 6": [9.0, 1.0, 1.2]}
    (work / ".imajin/costs.json").write_text('{"imajin": 1, "seconds": {"a": 3, "b c": ["x"], "moderate - 6": [1]}}')
    assert read_costs().known in ({}, {"moderate - 6": [1.0]})


# --- Make


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    "name",
    ["a b.png", "a$b.png", "a$$(x).png", "a#b.png", "a[b].png", "a*b?.png", "ü,=.png", "~a.png", "a:b&(d)!'.png"],
)
def test_make_reads_every_name(work, name):
    (work / "d").write_text(f"out: {escaped(name)}\n{escaped(name)}:\n")
    (work / "Makefile").write_text("include d\nout:\n\t@touch out\n")
    (work / name).touch()
    (work / "out").touch()
    os.utime(work / name, (1, 1))
    run = lambda *a: subprocess.run(["make", *a], capture_output=True, check=False)  # noqa: E731
    assert run("-q", "out").returncode == 0
    os.utime(work / name, (2**31, 2**31))
    assert run("-q", "out").returncode == 1
    (work / name).unlink()
    assert run("out").returncode == 0


def test_a_name_that_no_makefile_can_hold_is_refused():
    for name in ("a\nb", "a%b", "a;b", "a|b", "a\\b"):
        with pytest.raises(Exception, match="no Makefile can hold"):
            escaped(name)


# --- what CI is told


@given(st.text(max_size=40), st.text(max_size=40))
def test_an_annotation_is_one_line_that_ends_no_other(name, text):
    line = annotation(Case(name, "a:b,c.yaml:3 (theme=dark)", "failed", "stale", text))
    assert "\n" not in line
    assert "\r" not in line
    assert line.startswith("::error file=a%3Ab%2Cc.yaml,line=3,title=imajin%3A ")


@given(
    st.lists(
        st.tuples(st.text(max_size=20), st.sampled_from(["passed", "failed", "error", "skipped"]), st.text(max_size=30))
    )
)
def test_any_outcome_is_well_formed_xml(tmp_path_factory, cases):
    folder = tmp_path_factory.mktemp("junit")
    told = Outcomes(False, [Case(f"dist/{name}", "a.yaml:1", ended, "kind", text) for name, ended, text in cases])
    told.write(str(folder / "j.xml"))
    root = ElementTree.parse(folder / "j.xml").getroot()
    assert len(root.findall("testsuite/testcase")) == len(cases)
    assert root.attrib["errors"] == str(sum(ended == "error" for _, ended, _ in cases))
