"""Models whose digests nobody could list: pinned by the first pull, held to it, and refused where listed ones are demanded."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import pytest
import yaml

from imajin_cli.models.catalogue import ours
from rangeserver import serve

ONNX = b"\x08" + bytes(range(256)) * 40
COMMIT = "5" * 40


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def site():
    with serve() as running:
        running.commit = COMMIT
        for where in ("main", COMMIT):
            running.files[f"/a/b/resolve/{where}/a.onnx"] = ONNX
            running.files[f"/a/b/resolve/{where}/config.json"] = b'{"a": 1}'
        yield running


@pytest.fixture
def hub(tmp_path, site, monkeypatch):
    """A models.yaml with one model of a hub's main branch, and the model folder."""
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    source = {"kind": "hub", "repo": "a/b", "revision": "main"}
    listed(tmp_path, [source])
    return tmp_path / "home" / ".cache" / "imajin" / "models" / "mine"


def listed(tmp_path: Path, sources: list[dict[str, object]], **more: object) -> None:
    files = [{"name": "config.json", "at_most": 1000}, {"name": "a.onnx", "at_most": 100_000}]
    entry = {"task": "test", "licence": "MIT", "commercial": "allowed", "first_use": files, "sources": sources, **more}
    place = tmp_path / "home" / ".config" / "imajin" / "models.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(yaml.safe_dump({"mine": entry}))


def test_the_first_pull_pins_size_digest_and_commit_and_says_so(hub, cli, site):
    before = cli("models", "path", "mine")
    assert before.returncode == 20
    assert b"imajin models pull mine" in before.stderr
    done = cli("models", "pull", "mine", "-q")
    assert done.returncode == 0, done.stderr
    assert b"No digest of it is listed: what comes now is trusted, pinned, and held to from then on" in done.stderr
    assert f"pinned to what came from hub a/b at {COMMIT}".encode() in done.stderr
    pins = json.loads((hub / "pinned.json").read_text())
    assert pins["source"] == f"hub a/b at {COMMIT}"
    assert pins["files"]["a.onnx"] == {"size": len(ONNX), "sha256": sha(ONNX)}
    # All but the first look at it are of the commit, not of a branch that may move meanwhile.
    assert [path for path, _ in site.asked if "/main/" in path] == ["/a/b/resolve/main/config.json"]
    paths = done.stdout.decode().split()
    assert [Path(path).name for path in paths] == ["config.json", "a.onnx"]
    assert Path(paths[1]).read_bytes() == ONNX
    assert not list(hub.rglob("*.part"))
    asked = len(site.asked)
    assert cli("models", "pull", "mine").stderr.count(b"already here") == 1
    assert len(site.asked) == asked
    assert cli("models", "verify", "mine").returncode == 0


def test_another_file_is_refused_from_then_on(hub, cli, site):
    assert cli("models", "pull", "mine", "-q").returncode == 0
    for path in hub.rglob("a.onnx"):
        path.unlink()
    for where in ("main", COMMIT):
        site.files[f"/a/b/resolve/{where}/a.onnx"] = ONNX[:-1] + b"x"
    done = cli("models", "pull", "mine", "-q")
    assert done.returncode == 20
    assert f"its first pull pinned {sha(ONNX)[:12]}".encode() in done.stderr
    assert cli("models", "path", "mine").returncode == 20
    assert cli("models", "verify", "mine").returncode == 20


def test_a_changed_file_is_no_longer_the_model(hub, cli):
    assert cli("models", "pull", "mine", "-q").returncode == 0
    (place,) = hub.rglob("a.onnx")
    place.write_bytes(ONNX[:-1] + b"x")
    assert cli("models", "path", "mine").returncode == 20


def test_listed_digests_alone_is_a_policy(hub, cli, site):
    done = cli("models", "pull", "mine", "--digests", "listed")
    assert done.returncode == 2
    assert b"the digests of mine are not listed" in done.stderr
    assert not site.asked
    strict = {"IMAJIN_RUN__DIGESTS": "listed"}
    assert cli("models", "pull", "mine", "-q", **strict).returncode == 2
    done = cli("semantic", "x.png", "--backend", "siglip2-base", **strict)
    assert done.returncode == 2
    assert b"the digests of siglip2-base are not listed" in done.stderr
    done = cli("aesthetic", "x.png", "--also", "hps", **strict)
    assert done.returncode == 2
    assert b"the digests of hps-v2.1, clip-tokenizer are not listed" in done.stderr


def test_what_is_too_large_is_not_fetched_and_not_pinned(hub, cli, site, tmp_path):
    for where in ("main", COMMIT):
        site.files[f"/a/b/resolve/{where}/config.json"] = b" " * 2000
    done = cli("models", "pull", "mine", "-q")
    assert done.returncode == 20
    assert b"config.json has 2000 bytes, and 1000 are the most" in done.stderr
    assert not (hub / "pinned.json").exists()


@pytest.mark.parametrize(
    ("data", "said"), [(pickle.dumps({"a": 1}, 4), b"is a pickle"), (b"\x07not a model", b"of another format")]
)
def test_what_is_of_another_format_is_not_pinned(hub, cli, site, data, said):
    for where in ("main", COMMIT):
        site.files[f"/a/b/resolve/{where}/a.onnx"] = data
    done = cli("models", "pull", "mine", "-q")
    assert done.returncode not in (0, 1)
    assert said in done.stderr
    assert not (hub / "pinned.json").exists()


def test_offline_pins_nothing(hub, cli, site):
    done = cli("models", "pull", "mine", "--offline")
    assert done.returncode == 20
    assert b"--offline forbids the network" in done.stderr
    assert not site.asked


def test_a_folder_is_pinned_and_used_where_it_lies(tmp_path, cli):
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "a.onnx").write_bytes(ONNX)
    (folder / "config.json").write_text("{}")
    listed(tmp_path, [{"kind": "folder", "path": str(folder)}])
    done = cli("models", "pull", "mine")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().split() == [str(folder / "config.json"), str(folder / "a.onnx")]
    (folder / "a.onnx").write_bytes(ONNX[:-1] + b"x")
    assert cli("models", "path", "mine").returncode == 20


@pytest.mark.parametrize("text", ["", "{}", '{"imajin_pins": 1, "files": {"other.onnx": {"size": 1}}, "source": "x"}'])
def test_damaged_pins_are_not_passed_over(hub, cli, text):
    assert cli("models", "pull", "mine", "-q").returncode == 0
    (hub / "pinned.json").write_text(text)
    for arguments in (("path", "mine"), ("pull", "mine")):
        done = cli("models", *arguments)
        assert done.returncode == 2
        assert b"pinned.json: damaged" in done.stderr


def test_pins_of_other_files_than_the_catalogue_names_are_not_passed_over(hub, cli):
    assert cli("models", "pull", "mine", "-q").returncode == 0
    known = json.loads((hub / "pinned.json").read_text())
    del known["files"]["config.json"]
    (hub / "pinned.json").write_text(json.dumps(known))
    done = cli("models", "path", "mine")
    assert done.returncode == 2
    assert b"pins other files than the catalogue names" in done.stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"files": [{"name": "b.onnx", "size": 1, "sha256": "0" * 64}]}, b"either files, with digests, or first_use"),
        ({"first_use": []}, b"files must name one file or more"),
        ({"first_use": [{"name": "../a.onnx", "at_most": 5}]}, b"no plain relative path"),
        ({"first_use": [{"name": "a.onnx"}]}, b"at_most"),
        (
            {"sources": [{"kind": "pypi", "package": "a", "version": "1"}]},
            b"first_use takes hub, https and folder alone",
        ),
    ],
)
def test_an_entry_that_says_neither_or_both_is_refused(tmp_path, cli, more, said):
    listed(tmp_path, [{"kind": "folder", "path": "x"}])
    place = tmp_path / "home" / ".config" / "imajin" / "models.yaml"
    entry = yaml.safe_load(place.read_text())["mine"] | more
    place.write_text(yaml.safe_dump({"mine": entry}))
    done = cli("models", "list", "mine")
    assert done.returncode == 2
    assert said in done.stderr


def test_ones_own_digests_take_the_place_of_a_first_use_of_ours(tmp_path, cli):
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "a.onnx").write_bytes(ONNX)
    entry = {
        "task": "image-text", "licence": "Apache-2.0", "commercial": "allowed",
        "files": [{"name": "a.onnx", "size": len(ONNX), "sha256": sha(ONNX)}],
        "sources": [{"kind": "folder", "path": str(folder)}],
    }  # fmt: skip
    place = tmp_path / "home" / ".config" / "imajin" / "models.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(yaml.safe_dump({"siglip2-base": entry}))
    assert cli("models", "path", "siglip2-base", IMAJIN_RUN__DIGESTS="listed").stdout.decode().split() == [
        str(folder / "a.onnx")
    ]


def test_ours_list_no_digest_that_nobody_computed():
    unlisted = {name: entry for name, entry in ours().items() if entry.first_use}
    assert {"siglip2-base", "siglip2-large", "siglip2-so400m", "image-reward", "hps-v2.1", "laion-aesthetic"} <= set(
        unlisted
    )
    for entry in unlisted.values():
        assert entry.open
        assert "pinned by the first pull, not listed" in entry.note


def test_all_leaves_out_what_would_be_taken_on_trust(hub, cli, site, monkeypatch):
    from imajin_cli.commands import models as command

    asked: list[str] = []
    monkeypatch.setattr("imajin_cli.models.pull.pull", lambda entry, *_, **__: asked.append(entry.name) or [])
    monkeypatch.setattr("imajin_cli.models.catalogue.find", lambda name: ours()[name].model_copy(update={"files": []}))
    with pytest.raises(SystemExit):
        command.app(["pull", "--all"])
    assert "open-nsfw" in asked
    assert not {name for name in asked if name == "mine" or ours()[name].first_use}
