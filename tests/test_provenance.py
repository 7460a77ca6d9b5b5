"""Content Credentials: what is claimed is true, what is signed verifies, and what was done to a file since is told."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import BackendError, InputError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.provenance import ProvenanceParams
from imajin_cli.contract.sidecar import Credit, ModelRef, Record, Request, Sidecar
from imajin_cli.contract.stage import Outcome, Publication, PublishedFile
from imajin_cli.registry import TOOLS, load
from imajin_cli.run.signed import with_standing
from imajin_cli.stages.backends.certificates import algorithm, new_chain
from imajin_cli.stages.imaging.encode.ico import encode_ico
from imajin_cli.stages.marks.telling import carried
from imajin_cli.stages.provenance.claims import Derived, actions, definition, ingredients, source_type
from imajin_cli.stages.provenance.signing import COMMAND, Sealer
from imajin_cli.stages.provenance.verify import checked

KINDS = ("png", "webp", "avif", "jpeg", "svg", "ico")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'
MODEL = ModelRef(name="m", licence="MIT")
SIZE = (96, 64)


@cache
def chain() -> dict[str, bytes]:
    return new_chain("Example")


@pytest.fixture
def keys(work: Path) -> ProvenanceParams:
    for name, data in chain().items():
        (work / name).write_bytes(data)
    return ProvenanceParams(certificate=str(work / "chain.pem"), key=str(work / "key.pem"))


def record(stage: str, status: str = "changed", **more: object) -> Record:
    return Record.model_validate({"stage": stage, "version": "1", "status": status, "key": "k", **more})


def made(*records: Record) -> Sidecar:
    return Sidecar(id="a", stages=list(records), request=Request(prompt="a secret wish"))


DRAWN = made(record("generate", credits=[Credit(name="Phosphor", licence="MIT", by="P")]), record("text"))


@cache
def file(kind: str) -> bytes:
    if kind == "svg":
        return SVG
    image = Image.effect_noise(SIZE, 60).convert("RGB")
    if kind == "ico":
        return encode_ico([image.resize((side, side)).convert("RGBA") for side in (16, 48)])
    buffer = io.BytesIO()
    image.save(buffer, kind.upper())
    return buffer.getvalue()


def sealed(params: ProvenanceParams, kind: str, embed: str = "auto", sidecar: Sidecar = DRAWN):
    sealer = Sealer(params.model_copy(update={"embed": embed}))
    return sealer.seal(file(kind), kind, f"x.{kind}", sidecar, Derived(SIZE, SIZE))


# What is claimed


@pytest.mark.parametrize(
    ("records", "kind"),
    [
        ([record("generate", backend="compose")], "algorithmicMedia"),
        ([record("generate", model=MODEL)], "trainedAlgorithmicMedia"),
        ([record("generate", model=MODEL), record("fix-anatomy", model=MODEL)], "trainedAlgorithmicMedia"),
        ([record("generate"), record("remove-background", model=MODEL)], "compositeWithTrainedAlgorithmicMedia"),
        ([record("load"), record("remove-watermark", model=MODEL)], "compositeWithTrainedAlgorithmicMedia"),
        ([record("load"), record("generate", model=MODEL)], "compositeWithTrainedAlgorithmicMedia"),
        ([record("generate", model=MODEL, notes={"inputs": {"image": "d"}})], "compositeWithTrainedAlgorithmicMedia"),
        ([record("generate", model=MODEL, notes={"inputs": {"control": [{}]}})], "trainedAlgorithmicMedia"),
        ([record("load"), record("text")], None),
        ([], None),
        # A gate's model looks and draws nothing; a stage that was skipped did nothing.
        ([record("generate"), record("semantic", "passed", model=MODEL)], "algorithmicMedia"),
        ([record("generate"), record("fix-anatomy", "skipped", model=MODEL)], "algorithmicMedia"),
    ],
)
def test_the_digital_source_type_is_what_the_records_say(records, kind):
    assert source_type(made(*records)) == kind


def test_actions_are_those_that_were_done_in_order():
    notes = {"visible": {"marked": True}, "invisible": {"marked": False}}
    sidecar = made(
        record("generate"),
        record("moderate", "passed"),
        record("text"),
        record("watermark", notes=notes),
        record("output"),
    )
    found = actions(sidecar, Derived((300, 200), (600, 600), cut=True))
    names = [action["action"] for action in found]
    assert names == ["c2pa.created", "c2pa.addedText", "c2pa.edited", "c2pa.cropped", "c2pa.resized"]
    assert found[0]["digitalSourceType"].endswith("/algorithmicMedia")
    foreign = actions(made(record("load")), Derived(SIZE, SIZE))
    assert [action["action"] for action in foreign] == ["c2pa.opened"]
    assert "digitalSourceType" not in foreign[0]


def test_ingredients_are_credited_parts_once_and_the_foreign_parent():
    credit = Credit(name="Inter", licence="OFL-1.1")
    twice = made(record("generate", credits=[credit]), record("text", credits=[credit]))
    assert [one["title"] for one in ingredients(twice)] == ["Inter"]
    assert [one["relationship"] for one in ingredients(made(record("load")))] == ["parentOf"]


def test_the_prompt_is_left_out_unless_asked_for():
    bare = definition(DRAWN, "x.png", "image/png", Derived(SIZE, SIZE))
    assert "secret" not in json.dumps(bare)
    assert "secret" in json.dumps(definition(DRAWN, "x.png", "image/png", Derived(SIZE, SIZE), with_prompt=True))


def test_a_model_and_what_it_was_given_are_ingredients(keys):
    painted = made(record("generate", model=MODEL, notes={"inputs": {"image": "d", "control": [{}]}}))
    found = [(one["title"], one["relationship"]) for one in ingredients(painted)]
    assert found == [("m", "inputTo"), ("the image that it was given", "inputTo")]
    done = sealed(keys, "png", "always", painted)
    assert checked(done.data, None, None, None).as_json()["source_type"] == "compositeWithTrainedAlgorithmicMedia"


# Signing


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("embed", ["auto", "always", "sidecar"])
def test_what_is_signed_is_valid_and_trusted_by_its_root(keys, kind, embed):
    done = sealed(keys, kind, embed)
    inside = embed == "always" and kind != "ico"
    assert (done.beside is None) == inside
    assert (done.data == file(kind)) != inside
    assert checked(done.data, None, done.beside, None).status == "valid"
    assert checked(done.data, None, done.beside, chain()["root.pem"]).status == "trusted"
    other = new_chain("Somebody else")["root.pem"]
    assert checked(done.data, None, done.beside, other).status == "untrusted"


def test_a_foreign_picture_is_signed_as_opened(keys):
    done = sealed(keys, "png", "always", made(record("load")))
    found = checked(done.data, None, None, None).as_json()
    assert (found["status"], found["actions"], found["source_type"]) == ("valid", ["c2pa.opened"], None)
    assert sealed(keys, "png", "always", Sidecar(id="unknown")).beside is None


def test_auto_embeds_where_a_manifest_is_under_a_tenth(keys):
    buffer = io.BytesIO()
    Image.effect_noise((300, 300), 90).save(buffer, "PNG")
    large = buffer.getvalue()
    done = Sealer(keys).seal(large, "png", "x.png", DRAWN, Derived(SIZE, SIZE))
    assert done.beside is None
    assert done.told["manifest_bytes"] * 10 < len(large) == done.told["unsigned_bytes"]
    assert sealed(keys, "png").beside is not None


def test_there_are_no_thumbnails_and_the_manifest_is_small(keys):
    done = sealed(keys, "png", "sidecar")
    assert len(done.beside) < 6000
    assert b"thumbnail" not in done.beside


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("svg", "ico")])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_changed_byte_that_shows_is_tampering(kind, data):
    done = signed_file(kind)
    changed = bytearray(done)
    changed[data.draw(st.integers(0, len(done) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        status = checked(bytes(changed), kind, None, None).status
    except InputError:
        return
    if status in ("valid", "trusted"):
        # C2PA leaves the manifest's own padding, and of an AVIF the list of its brands, out of the hash.
        try:
            after = Image.open(io.BytesIO(bytes(changed))).convert("RGBA")
        except (OSError, SyntaxError):
            return
        assert after.tobytes() == Image.open(io.BytesIO(done)).convert("RGBA").tobytes()


@cache
def signed_file(kind: str) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for name, data in chain().items():
            Path(folder, name).write_bytes(data)
        params = ProvenanceParams(certificate=f"{folder}/chain.pem", key=f"{folder}/key.pem")
        if kind == "manifest":
            return sealed(params, "png", "sidecar").beside or b""
        return sealed(params, kind, "always").data


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "avif"])
@settings(max_examples=15, deadline=None)
@given(part=st.floats(0.01, 0.99))
def test_a_file_cut_short_is_never_valid(kind, part):
    data = signed_file(kind)
    try:
        status = checked(data[: int(len(data) * part)], kind, None, None).status
    except InputError:
        return
    assert status in ("tampered", "gone")


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400))
def test_a_hostile_manifest_is_tampering_or_none(blob):
    assert checked(file("png"), None, blob, None).status in ("tampered", "gone")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_changed_manifest_claims_nothing_else(data):
    manifest = signed_file("manifest")
    changed = bytearray(manifest)
    for at in data.draw(st.lists(st.integers(0, len(manifest) - 1), min_size=1, max_size=4)):
        changed[at] = data.draw(st.integers(0, 255))
    found = checked(file("png"), None, bytes(changed), None)
    assert found.status in ("tampered", "gone", "valid", "untrusted")
    if found.status == "valid":  # its padding was hit
        assert found.as_json() == checked(file("png"), None, manifest, None).as_json()


def test_a_manifest_of_another_file_is_tampering(keys):
    done = sealed(keys, "png", "sidecar")
    other = Image.new("RGB", SIZE)
    buffer = io.BytesIO()
    other.save(buffer, "PNG")
    assert checked(buffer.getvalue(), None, done.beside, None).status == "tampered"


def test_an_icon_is_bound_as_a_whole(keys):
    done = sealed(keys, "ico", "sidecar")
    first_frame = bytearray(done.data)
    first_frame[60] ^= 1
    found = checked(bytes(first_frame), None, done.beside, None)
    assert found.status == "tampered"
    assert "org.imajin.file.mismatch" in found.failures
    assert not any("hash" in code.lower() for code in found.failures)


def test_what_is_no_picture_is_refused():
    with pytest.raises(InputError, match="not a picture"):
        checked(b"words", None, None, None)


# Keys


def test_half_a_signer_is_a_usage_error(keys, monkeypatch):
    with pytest.raises(UsageError, match="no certificate"):
        Sealer(ProvenanceParams())
    with pytest.raises(UsageError, match="none is set"):
        Sealer(ProvenanceParams(certificate=keys.certificate))
    with pytest.raises(UsageError, match="several are set"):
        Sealer(keys.model_copy(update={"key_env": "KEY"}))
    with pytest.raises(UsageError, match="holds no private key"):
        Sealer(keys.model_copy(update={"key": None, "key_env": "KEY"}))
    monkeypatch.setenv("KEY", chain()["key.pem"].decode())
    assert Sealer(keys.model_copy(update={"key": None, "key_env": "KEY"})).who.alg == "es256"


def test_a_key_that_is_not_the_certificates_is_refused(keys, work: Path):
    (work / "key.pem").write_bytes(new_chain("Other")["key.pem"])
    with pytest.raises(InputError, match="not the certificate's"):
        Sealer(keys)
    for bad in (b"", b"junk", chain()["chain.pem"]):
        (work / "key.pem").write_bytes(bad)
        with pytest.raises(InputError, match="private key"):
            Sealer(keys)
    (work / "chain.pem").write_bytes(b"junk")
    with pytest.raises(InputError, match="certificate"):
        Sealer(keys)


def test_a_command_signs_for_a_key_that_stays_where_it_is(keys, work: Path, monkeypatch):
    script = work / "hsm.py"
    script.write_text(
        "import sys\nfrom cryptography.hazmat.primitives import hashes, serialization\n"
        "from cryptography.hazmat.primitives.asymmetric import ec\n"
        f"key = serialization.load_pem_private_key(open({str(work / 'key.pem')!r}, 'rb').read(), None)\n"
        "sys.stdout.buffer.write(key.sign(sys.stdin.buffer.read(), ec.ECDSA(hashes.SHA256())))\n"
    )
    monkeypatch.setenv(COMMAND, f"{sys.executable} {script}")
    done = sealed(keys.model_copy(update={"key": None}), "png", "always")
    assert checked(done.data, None, None, chain()["root.pem"]).status == "trusted"
    monkeypatch.setenv(COMMAND, "false")
    with pytest.raises(BackendError):
        sealed(keys.model_copy(update={"key": None}), "png", "always")


def test_an_expired_certificate_is_told_of(keys, work: Path):
    old = new_chain("Old", days=1, start=datetime(2024, 1, 1, tzinfo=UTC))
    for name, data in old.items():
        (work / name).write_bytes(data)
    with pytest.raises(BackendError, match="certificate was not valid"):
        sealed(keys, "png")


def test_algorithms_follow_the_certificate():
    assert algorithm(chain()["chain.pem"], chain()["key.pem"]) == "es256"


def test_new_keys_are_private_and_never_overwritten(cli, work: Path):
    done = cli("keys", "new", "mine", "--name", "Ex Ämple")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.decode().split()) == ["mine/chain.pem", "mine/key.pem", "mine/root.pem"]
    assert stat.S_IMODE(os.stat("mine/key.pem").st_mode) == 0o600
    before = Path("mine/key.pem").read_bytes()
    assert cli("keys", "new", "mine").returncode == Exit.USAGE
    assert Path("mine/key.pem").read_bytes() == before
    assert cli("keys", "new", "other", "--name", "two\nlines").returncode == Exit.USAGE


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_loads(name):
    assert callable(load(TOOLS[name]))


# Commands


def test_valid_gone_and_tampered_are_told_apart(cli, keys, work: Path):
    (work / "good.png").write_bytes(sealed(keys, "png", "always").data)
    beside = sealed(keys, "png", "sidecar")
    (work / "beside.png").write_bytes(beside.data)
    (work / "beside.png.c2pa").write_bytes(beside.beside)
    (work / "gone.png").write_bytes(file("png"))
    bad = bytearray((work / "good.png").read_bytes())
    bad[-30] ^= 1
    (work / "bad.png").write_bytes(bytes(bad))
    (work / "words.png").write_text("words")
    done = cli("provenance", "verify", "good.png", "beside.png")
    assert done.returncode == 0, done.stderr
    assert [line.split(": ")[1].split(";")[0] for line in done.stdout.decode().splitlines()] == ["valid", "valid"]
    done = cli("provenance", "verify", "--json", "--trust", "root.pem", "good.png", "gone.png", "bad.png")
    assert done.returncode == Exit.PROVENANCE
    assert [one["status"] for one in json.loads(done.stdout)] == ["trusted", "gone", "tampered"]
    done = cli("provenance", "verify", "words.png", "gone.png")
    assert done.returncode == Exit.USAGE
    assert b"gone.png: gone" in done.stdout
    assert cli("provenance", "verify", stdin=b"").returncode == Exit.EMPTY
    told = cli("watermark", "--read", "good.png").stdout.decode()
    assert "Content Credentials valid" in told
    assert carried((work / "gone.png").read_bytes())["c2pa"] is None


def published(cli, *more: str) -> dict[str, dict[str, object]]:
    done = cli(
        *("run", "a rocket", "--size", "160", "-o", "dist", "--set", "provenance.certificate=chain.pem"),
        *("--set", "provenance.key=key.pem", "--skip", "semantic", "--skip", "moderate", *more),
    )
    assert done.returncode == 0, done.stderr.decode()
    return {f["name"]: f for a in json.loads(Path("dist/manifest.json").read_text())["assets"] for f in a["files"]}


def test_every_derivative_is_signed_last_and_kept_until_its_bytes_change(cli, keys, work: Path):
    formats = ("--set", "output.format=png,webp,avif,jpeg,svg,ico")
    files = published(cli, *formats)
    pictures = [name for name, entry in files.items() if entry["role"] in ("asset", "icon")]
    assert len(pictures) == 6
    done = cli("provenance", "verify", "--trust", "root.pem", *(f"dist/{name}" for name in pictures))
    assert done.returncode == 0, done.stdout.decode()
    assert done.stdout.count(b"trusted; signed by Example (") == 6
    assert done.stdout.count(b"algorithmicMedia") == 6
    for name in pictures:
        entry = files[name]["provenance"]
        assert entry["embedded"] or f"{name}.c2pa" in files
        if Path(name).suffix in (".png", ".webp", ".avif", ".jpg"):
            assert b"digitalsourcetype/algorithmicMedia" in Path("dist", name).read_bytes()
    before = {name: Path("dist", name).read_bytes() for name in files}
    # A record that was added makes it other work of the same bytes.
    again = published(cli, *formats, "--skip", "aesthetic")
    assert again.keys() == files.keys()
    same = [name for name in files if unsigned(again[name]) == unsigned(files[name])]
    assert {"a-rocket.png", "a-rocket.webp", "a-rocket.jpg", "a-rocket.svg", "a-rocket.ico"} <= set(same)
    assert all(Path("dist", name).read_bytes() == before[name] for name in same)
    published(cli, *formats, "--skip", "aesthetic", "--set", "provenance.with_prompt=true")
    assert all(
        Path("dist", f"{name}.c2pa").read_bytes() != before[f"{name}.c2pa"] for name in ("a-rocket.png", "a-rocket.ico")
    )


def unsigned(entry: dict[str, object]) -> object:
    return entry["provenance"]["unsigned_sha256"]


def test_without_a_certificate_nothing_is_signed_nor_said(cli):
    done = cli("run", "a rocket", "--size", "160", "-o", "dist", "--skip", "semantic", "--skip", "moderate")
    assert done.returncode == 0, done.stderr
    assert not list(Path("dist").glob("*.c2pa"))
    assert b"digitalsourcetype" not in Path("dist/a-rocket.png").read_bytes()
    assert "provenance" not in Path("dist/manifest.json").read_text()


def test_sign_takes_up_what_an_optimiser_left(cli, keys, work: Path):
    published(cli)
    path = Path("dist/a-rocket.png")
    with Image.open(path) as image:
        image.convert("RGBA").save(path)
    assert cli("provenance", "verify", str(path)).returncode == Exit.PROVENANCE
    done: subprocess.CompletedProcess[bytes] = cli(
        *("provenance", "sign", str(path), "--set", "provenance.certificate=chain.pem"),
        *("--set", "provenance.key=key.pem", "--set", "provenance.embed=always"),
    )
    assert (done.returncode, done.stdout) == (0, b"dist/a-rocket.png\n"), done.stderr
    told = cli("provenance", "verify", "--trust", "root.pem", str(path))
    assert told.returncode == 0, told.stdout
    assert b"algorithmicMedia" in told.stdout
    assert cli("provenance", "sign", str(path)).returncode == Exit.USAGE


class Standing:
    """A shelf on which one file stands."""

    def __init__(self, entry: dict[str, object], data: bytes) -> None:
        self.found = ({"name": "a.png", "sha256": sha256(data), **entry}, data)

    def standing(self, name: str) -> tuple[dict[str, object], bytes] | None:
        return self.found if name == "a.png" else None


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        ({"provenance": {"unsigned_sha256": "u", "claim": "c", "embedded": True}}, True),
        ({"provenance": {"unsigned_sha256": "u", "claim": "other", "embedded": True}}, False),
        ({"provenance": {"unsigned_sha256": "other", "claim": "c", "embedded": True}}, False),
        ({"provenance": {"unsigned_sha256": "u", "claim": "c", "embedded": False}}, False),
        ({"provenance": {"unsigned_sha256": "u", "claim": "c", "embedded": True}, "sha256": "edited"}, False),
        ({"provenance": "text"}, False),
        ({}, False),
    ],
)
def test_signed_bytes_stay_where_nothing_changed_in_what_they_are_of(before, kept):
    entry = {"provenance": {"unsigned_sha256": "u", "claim": "c", "embedded": True}}
    new = Publication(
        [PublishedFile("a.png", b"new", entry), PublishedFile("b.png", b"b", entry)], {}, Outcome("changed")
    )
    files = with_standing(new, Standing(before, b"old")).files
    assert [file.data for file in files] == [b"old" if kept else b"new", b"b"]
