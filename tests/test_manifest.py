"""The manifest and its journal: publishing many assets costs each of them the same; a kill loses no entry."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from imajin_cli.contract.errors import InputError
from imajin_cli.run import manifest as module
from imajin_cli.run.atomic import folder_lock
from imajin_cli.run.manifest import JOURNAL, MANIFEST, Manifest


def entry(number: int, key: str | None = None) -> dict[str, object]:
    name = f"asset-{number:05}.png"
    return {
        "id": str(number),
        "key": key or f"key-{number}",
        "files": [{"name": name, "sha256": "0" * 64}],
        "html": "x" * 800,
    }


def enter(manifest: Manifest, *entries: dict[str, object]) -> None:
    for one in entries:
        with folder_lock(manifest.folder):
            manifest.enter(one)


def known(folder: Path) -> list[str]:
    return [asset["id"] for asset in json.loads((folder / MANIFEST).read_bytes())["assets"]]


def test_entries_wait_in_the_journal_and_are_merged_in_order(tmp_path):
    manifest = Manifest(tmp_path)
    enter(manifest, entry(2), entry(1))
    assert not (tmp_path / MANIFEST).exists()
    assert manifest.entry_of("key-1") == entry(1)
    manifest.close()
    assert known(tmp_path) == ["1", "2"]
    assert not (tmp_path / JOURNAL).exists()
    before = (tmp_path / MANIFEST).stat().st_mtime_ns
    manifest.close()
    assert (tmp_path / MANIFEST).stat().st_mtime_ns == before


def test_an_entry_takes_the_place_of_one_with_a_file_of_its_name(tmp_path):
    manifest = Manifest(tmp_path)
    enter(manifest, entry(1), entry(2), entry(1, "new"))
    assert manifest.entry_of("key-1") is None
    assert manifest.entry_of("new") is not None
    manifest.close()
    assert [asset["key"] for asset in Manifest(tmp_path).assets()] == ["new", "key-2"]


def test_what_a_killed_process_left_counts_and_a_line_that_was_cut_short_does_not(tmp_path):
    enter(Manifest(tmp_path), entry(1), entry(2))
    whole = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(whole + json.dumps(entry(3)).encode()[:40])
    after = Manifest(tmp_path)
    assert {asset["id"] for asset in after.assets()} == {"1", "2"}
    enter(after, entry(4))
    after.close()
    assert known(tmp_path) == ["1", "2", "4"]


def test_killed_between_manifest_and_journal_changes_nothing(tmp_path):
    manifest = Manifest(tmp_path)
    enter(manifest, entry(1), entry(2))
    journal = (tmp_path / JOURNAL).read_bytes()
    manifest.close()
    before = (tmp_path / MANIFEST).read_bytes()
    (tmp_path / JOURNAL).write_bytes(journal)
    Manifest(tmp_path).close()
    assert (tmp_path / MANIFEST).read_bytes() == before


@pytest.mark.parametrize("line", [b"not json", b"[]", b'{"files": [{"name": "../x", "sha256": "0"}]}', b"[" * 100_000])
def test_odd_lines_of_a_journal_are_passed_over(tmp_path, line):
    (tmp_path / JOURNAL).write_bytes(line + b"\n" + json.dumps(entry(1)).encode() + b"\n")
    Manifest(tmp_path).close()
    assert known(tmp_path) == ["1"]


def test_two_writers_follow_each_other(tmp_path):
    one, other = Manifest(tmp_path), Manifest(tmp_path)
    for number in range(0, 20, 2):
        enter(one, entry(number))
        enter(other, entry(number + 1))
        assert other.entry_of(f"key-{number}") is not None
        if number % 6 == 0:
            one.close()
    other.close()
    one.close()
    assert known(tmp_path) == sorted(map(str, range(20)), key=int)


def test_a_folder_that_was_emptied_is_read_anew(tmp_path):
    manifest = Manifest(tmp_path)
    enter(manifest, entry(1))
    manifest.close()
    (tmp_path / MANIFEST).unlink()
    assert manifest.entry_of("key-1") is None
    (tmp_path / MANIFEST).write_text("[]")
    with pytest.raises(InputError):
        manifest.entry_of("key-1")


def test_the_cost_of_an_asset_does_not_grow_with_their_number(tmp_path, monkeypatch):
    """Bytes of manifests written for 4,000 assets are a few times those of the last one; time an asset stays flat."""
    written: list[int] = []
    real = module.write_atomic
    monkeypatch.setattr(
        module, "write_atomic", lambda path, data, sync: (written.append(len(data)), real(path, data, sync=False))
    )
    monkeypatch.setattr(module.os, "fsync", lambda descriptor: None)
    manifest = Manifest(tmp_path)
    spent = []
    for start in range(0, 4000, 1000):
        before = time.process_time()
        enter(manifest, *(entry(number) for number in range(start, start + 1000)))
        for number in range(start, start + 1000, 10):
            assert manifest.entry_of(f"key-{number}") is not None
        spent.append(time.process_time() - before)
    manifest.close()
    assert len(known(tmp_path)) == 4000
    assert sum(written) < 4 * written[-1]
    assert len(written) < 10
    assert min(spent[2:]) < 4 * min(spent[:2])
