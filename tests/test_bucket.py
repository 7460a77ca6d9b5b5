"""Publishing into an object store: addresses, errors, and manifests that several write to at once, against a store in memory."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError, OutputError, UsageError
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Outcome, Publication, PublishedFile
from imajin_cli.run.address import Address, address_of
from imajin_cli.run.bucket import ENTRIES, MOST_MERGES, Bucket
from imajin_cli.run.objects import Objects, UnreachableError
from imajin_cli.run.shelf import parted

PLACE = Address("s3", "pics", "ui")


class RefusedError(OSError):
    """What s3fs raises for an HTTP status: an OSError whose cause holds the answer."""

    def __init__(self, status: int, code: str = "") -> None:
        super().__init__(22, f"status {status}")
        self.response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}


class Memory:
    """A store in memory with S3's conditions, or, with ``conditions`` off, one that ignores them. ``before`` runs ahead of
    each request, so that a test can let somebody else write at any moment, or let it fail.
    """

    def __init__(self, *, conditions: bool = True) -> None:
        self.held: dict[str, tuple[bytes, int]] = {}
        self.count = 0
        self.conditions = conditions
        self.before: Any = lambda verb, path: None

    def exists(self, path: str) -> bool:
        self.before("exists", path)
        return path == "pics"

    def invalidate_cache(self, path: str) -> None:
        """Nothing is cached."""

    def info(self, path: str, refresh: bool = False) -> dict[str, Any]:
        self.before("info", path)
        if path not in self.held:
            raise FileNotFoundError(path)
        data, version = self.held[path]
        return {"type": "file", "size": len(data), "ETag": f'"{version}"'}

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        self.before("read", path)
        if path not in self.held:
            raise FileNotFoundError(path)
        return self.held[path][0][start:end]

    def pipe_file(self, path: str, data: bytes, mode: str = "overwrite", **given: Any) -> None:
        self.before("write", path)
        there, tag = self.held.get(path), given.get("IfMatch")
        if self.conditions and ((mode == "create" and there) or (tag and (not there or f'"{there[1]}"' != tag))):
            raise RefusedError(412, "PreconditionFailed")
        self.count += 1
        self.held[path] = (bytes(data), self.count)

    def find(self, path: str, detail: bool) -> dict[str, dict[str, Any]]:
        self.before("list", path)
        start = datetime(2026, 1, 1, tzinfo=UTC)
        return {
            name: {"size": len(data), "LastModified": start + timedelta(seconds=version)}
            for name, (data, version) in self.held.items()
            if name.startswith(path + "/")
        }

    def rm_file(self, path: str) -> None:
        self.before("remove", path)
        self.held.pop(path, None)


def bucket(store: Memory) -> Bucket:
    return Bucket(Objects(PLACE, store))


def publish(shelf: Bucket, name: str, text: str = "", *, also: tuple[str, ...] = ()) -> str:
    """Put an asset of that name on the shelf; gives its key."""
    files = [PublishedFile(one, f"{one} {text}".encode()) for one in (f"{name}.png", *also)]
    key = sha256(f"{name} {text} {also}".encode())
    shelf.commit(Publication(files, {"alt": text}, Outcome("changed")), Sidecar(id=key[:16]), key)
    return key


def manifest(store: Memory) -> dict[str, str]:
    """What the manifest says: first file → alternative text."""
    held = json.loads(store.held["pics/ui/manifest.json"][0])
    return {asset["files"][0]["name"]: asset["alt"] for asset in held["assets"]}


def entries(store: Memory) -> list[str]:
    return [name for name in store.held if f"/{ENTRIES}/" in name]


@pytest.mark.parametrize(
    ("to", "root"),
    [("s3://pics", "pics"), ("s3://pics/", "pics"), ("S3://pics/a/b", "pics/a/b"), ("s3a://pics/a b/é", "pics/a b/é")],
)
def test_an_address_is_a_bucket_and_a_prefix(to, root):
    address = address_of(to)
    assert address is not None
    assert (address.root, address.protocol, address.folder) == (root, "s3", None)


def test_folders_are_folders():
    assert address_of("dist") is address_of("C:/dist") is address_of("a:b//c") is None
    for to in ("file:///tmp/a%20b", "file://localhost/tmp/a%20b"):
        address = address_of(to)
        assert address is not None
        assert address.folder == Path("/tmp/a b")
    assert parted("s3://pics/ui/a.png") == ("s3://pics/ui", "a.png")
    assert parted("dist/a.png") == ("dist", "a.png")


@pytest.mark.parametrize(
    "to",
    [
        "s3://", "s3:///a", "s3://a", "s3://key:secret@pics/a", "s3://pics/../up", "s3://pics/a//b", "s3://pics/./a",
        "s3://pics/a?versionId=3", "s3://pics/a#b", "s3://pics/a\nb", "s3://pics/a\x1b[2J", "s3://pics\\a", "s3://-pics/a",
        "simplecache::s3://pics/a", "s3://pics/a::http://x", "http://x/y", "memory://x", "ftp://x/y", "file://host/x",
        "file://", "file:///a%00b", "s3://pics/" + "a" * 1100,
    ],
)  # fmt: skip
def test_what_cannot_be_an_address_is_one_clear_line(to):
    if to == "simplecache::s3://pics/a":
        assert address_of(to) is None
        return
    with pytest.raises(UsageError) as caught:
        address_of(to)
    assert caught.value.line().isprintable()
    assert "secret" not in caught.value.line()
    assert len(caught.value.line()) < 200


@given(st.text(max_size=60).map("s3://".__add__))
def test_any_text_is_an_address_or_a_clear_error(to):
    with contextlib.suppress(UsageError):
        address = address_of(to)
        assert address is not None
        assert address.bucket
        assert address.url.isprintable()
        assert ".." not in address.prefix.split("/")


def test_files_come_first_and_what_tells_of_them_last():
    store, order = Memory(), []
    store.before = lambda verb, path: order.append(path) if verb == "write" else None
    shelf = bucket(store)
    key = publish(shelf, "a", also=("a.webp",))
    shelf.close()
    assert order[:4] == ["pics/ui/a.png", "pics/ui/a.webp", "pics/ui/a.png.json", f"pics/ui/{ENTRIES}/{key}.json"]
    assert set(order[4:]) == {"pics/ui/manifest.json"}
    assert manifest(store) == {"a.png": ""}
    assert entries(store) == []


def test_a_set_counts_once_its_entry_is_there_and_its_files_are_whole():
    store = Memory()
    key = publish(bucket(store), "a")
    assert bucket(store).finished(key) == ["a.png"]
    assert bucket(store).whole("a.png")
    assert not bucket(store).whole("b.png")
    bucket(store).close()
    assert bucket(store).finished(key) == ["a.png"]
    for name in ("a.png", "a.png.json"):
        kept = store.held.pop(f"pics/ui/{name}")
        assert bucket(store).finished(key) is None
        assert not bucket(store).whole("a.png")
        store.held[f"pics/ui/{name}"] = kept
    store.held["pics/ui/a.png"] = (b"a.png X", 1)
    assert bucket(store).finished(key) is None
    assert bucket(store).finished("0" * 64) is None


@pytest.mark.parametrize("conditions", [True, False])
def test_a_kill_at_any_moment_leaves_a_store_that_the_next_run_makes_good(conditions):
    whole = Memory(conditions=conditions)
    for turn in range(2):
        publish(bucket(whole), "a", str(turn), also=("a.webp",))
        publish(bucket(whole), "b")
        bucket(whole).close()

    class Killed(BaseException):
        pass

    for last in range(1, 60):
        store, left = Memory(conditions=conditions), [last]

        def before(verb: str, path: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        try:
            for turn in range(2):
                store.before = before
                shelf = bucket(store)
                publish(shelf, "a", str(turn), also=("a.webp",))
                publish(shelf, "b")
                shelf.close()
        except Killed:
            store.before = lambda verb, path: None
            for turn in range(2):
                publish(bucket(store), "a", str(turn), also=("a.webp",))
                publish(bucket(store), "b")
                bucket(store).close()
        files = {name: data for name, (data, _) in store.held.items() if f"/{ENTRIES}/" not in name}
        assert files == {name: data for name, (data, _) in whole.held.items() if f"/{ENTRIES}/" not in name}, last


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1, max_size=6),
    st.lists(st.integers(0, 12), max_size=4),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_whoever_writes_in_between_loses_nothing(assets, moments, conditions):
    """At each of ``moments``, counted in requests of one merge, another process publishes and merges as well."""
    store = Memory(conditions=conditions)
    for name, text in assets[:1]:
        publish(bucket(store), name, text)
    others, count = list(assets[1:]), [0]

    def before(verb: str, path: str) -> None:
        count[0] += 1
        if others and count[0] in moments:
            name, text = others.pop()
            store.before = lambda verb, path: None
            publish(bucket(store), f"other-{name}", text)
            bucket(store).close()
            store.before = before

    store.before = before
    bucket(store).close()
    published = {name.removeprefix("pics/ui/") for name in store.held if name.endswith(".png")}
    assert set(manifest(store)) == published


def test_the_later_of_two_with_one_name_stays():
    for conditions in (True, False):
        store = Memory(conditions=conditions)
        for text in ("old", "new"):
            publish(bucket(store), "a", text)
        for _ in range(3):
            bucket(store).close()
            assert manifest(store) == {"a.png": "new"}
        publish(bucket(store), "a", "old")
        bucket(store).close()
        assert manifest(store) == {"a.png": "old"}
        assert len(entries(store)) == (0 if conditions else 1)


def test_a_manifest_that_others_keep_writing_is_given_up_in_the_end(monkeypatch):
    monkeypatch.setattr("imajin_cli.run.bucket.MERGE_SECONDS", 0)
    store, writes = Memory(), []
    publish(bucket(store), "a")

    def before(verb: str, path: str) -> None:
        if verb == "write" and path.endswith("/manifest.json"):
            writes.append(path)
            raise RefusedError(409, "ConditionalRequestConflict")

    store.before = before
    with pytest.raises(OutputError, match="others write to it all the time"):
        bucket(store).close()
    assert len(writes) == MOST_MERGES


@pytest.mark.parametrize(
    ("raised", "said", "passing"),
    [
        (PermissionError("Access Denied"), "Access Denied", False),
        (FileNotFoundError("The specified bucket does not exist"), "no such bucket", False),
        (TimeoutError("read timeout"), "read timeout", True),
        (RefusedError(503, "SlowDown"), "503", True),
        (RefusedError(400, "EntityTooLarge"), "400", False),
        (RuntimeError("could not connect\n" + "x" * 900), "could not connect", True),
        (RuntimeError(), "RuntimeError", True),
    ],
)
def test_every_failure_is_one_line_and_says_whether_it_may_pass(raised, said, passing):
    store = Memory()

    def before(verb: str, path: str) -> None:
        if verb == "write":
            raise raised

    store.before = before
    with pytest.raises(OutputError) as caught:
        publish(bucket(store), "a")
    assert said in caught.value.line()
    assert len(caught.value.line()) < 400
    assert (caught.value.passing, isinstance(caught.value, UnreachableError), caught.value.code) == (
        passing,
        passing,
        2,
    )


def test_a_store_that_knows_no_conditions_is_written_to_without():
    store = Memory(conditions=False)
    refused = []

    def pipe_file(path: str, data: bytes, **given: Any) -> None:
        if "mode" in given or "IfMatch" in given:
            refused.append(path)
            raise RefusedError(501, "NotImplemented")
        Memory.pipe_file(store, path, data)

    store.pipe_file = pipe_file  # type: ignore[method-assign]
    publish(bucket(store), "a")
    bucket(store).close()
    assert refused
    assert manifest(store) == {"a.png": ""}
    assert len(entries(store)) == 1


def test_what_lies_in_a_bucket_is_not_believed():
    store = Memory()
    key = publish(bucket(store), "a")
    another = store.held[f"pics/ui/{ENTRIES}/{key}.json"][0]
    for letter, data in {"x": b"[" * 9000, "y": b'{"files": 3}', "z": another}.items():
        store.held[f"pics/ui/{ENTRIES}/{letter * 64}.json"] = (data, 99)
    bucket(store).close()
    assert manifest(store) == {"a.png": ""}
    store.held["pics/ui/manifest.json"] = (
        b'{"imajin": 1, "assets": [{"files": [{"name": "../../x", "sha256": ""}]}]}',
        100,
    )
    with pytest.raises(InputError, match="not a manifest of imajin"):
        bucket(store).prepare()
    store.held["pics/ui/manifest.json"] = (b"", 101)
    with pytest.raises(InputError, match="not JSON"):
        bucket(store).prepare()


def test_what_stands_is_told_with_what_the_manifest_says_of_it():
    store = Memory()
    first = bucket(store)
    publish(first, "a", "one")
    first.close()
    second = bucket(store)
    second.prepare()
    name = next(iter(manifest(store)))
    found = second.standing(name)
    assert found is not None
    listed, data = found
    assert (listed["name"], listed["sha256"]) == (name, sha256(data))
    assert second.standing("absent.png") is None
    del store.held[f"pics/ui/{name}"]
    assert second.standing(name) is None
