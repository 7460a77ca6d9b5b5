"""The published shapes: what imajin writes and reads is what `imajin schema` says, and no field comes or goes unnoticed."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from PIL import Image
from pydantic import ValidationError

from conftest import ROOT
from imajin_cli import registry
from imajin_cli.commands.schema import schemas, type_name, typescript_module
from imajin_cli.contract.events import event_schema
from imajin_cli.contract.exits import MEANING
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.typescript import declarations
from processes import imajin, inside

PROMPT = "a friendly robot looking for a lost page"
# Every event's keys. A key that goes, or another meaning of one, needs a new version; a key that comes is added here.
COMMON = {"imajin", "event", "stage"}
KEYS = {
    "asset": COMMON | {"path", "id", "status", "by", "code", "reason"},
    "rejected": COMMON | {"path", "id", "status", "by", "code", "reason"},
    "error": COMMON | {"code", "message", "hint"},
    "finished": COMMON | {"passed", "rejected", "verdict", "code", "meaning"},
}
SIDECAR_KEYS = {"imajin", "id", "group", "image", "request", "seed", "stages", "verdict", "lineage"}
RECORD_KEYS = {
    "stage", "version", "backend", "model", "params", "status", "scores", "reason", "code", "notes", "credits", "maps", "input",
    "output", "key", "rank", "device", "seconds",
}  # fmt: skip


def events(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> dict[str, Any]:
    """All schemas by name, as the command prints them."""
    done = imajin(tmp_path_factory.mktemp("schema"), "schema", "--all")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, list[dict[str, Any]]]:
    """A whole run of two candidates at two ratios, every stage's picture kept; and one whose pictures are rejected."""
    folder = tmp_path_factory.mktemp("whole")
    sizes = ("--size", "128", "--size", "384x192")
    done = imajin(folder, "run", PROMPT, *sizes, "--headline", "Lost", "-n", "2", "--keep-work", "-o", "out", "--json")
    assert done.returncode == 0, done.stderr
    refused = imajin(folder, "run", PROMPT, *sizes, "--set", "quality.min_side=4000", "--out-dir", "refused", "--json")
    assert refused.returncode == 15, refused.stderr
    return folder, events(done) + events(refused)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> list[dict[str, Any]]:
    """The events of a gate over a picture that passes, one that does not, and one that is not there."""
    folder = tmp_path_factory.mktemp("mixed")
    made = Image.new("RGBA", (64, 64))
    made.paste((40, 80, 200, 255), (16, 16, 48, 48))
    made.save(folder / "good.png")
    Image.new("RGB", (64, 64), (120, 120, 120)).save(folder / "flat.png")
    return events(imajin(folder, "quality", "good.png", "flat.png", "absent.png", "--json"))


def sidecars(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(path.read_bytes()) for path in sorted(folder.rglob("*.json")) if is_sidecar(path)]
    assert len(found) >= 12
    return found


def is_sidecar(path: Path) -> bool:
    return path.name.endswith((".png.json", ".request.json", ".webp.json"))


def test_all_schemas_are_schemas_and_there_is_one_for_each_section(published):
    assert set(published) >= {"sidecar", "record", "request", "config", *registry.STAGES}
    for name, schema in published.items():
        assert schema["$schema"].endswith("2020-12/schema"), name
        Draft202012Validator.check_schema(schema)
    assert {name for name in schemas() if name in published} == set(schemas())


def test_one_schema_is_the_same_as_in_all(published, capfd, monkeypatch):
    code, out, _ = inside(capfd, monkeypatch, "schema", "sidecar")
    assert code == 0
    assert json.loads(out) == published["sidecar"]
    code, out, err = inside(capfd, monkeypatch, "schema", "nonsense")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


def test_the_exit_codes_are_the_table(capfd, monkeypatch):
    _, out, _ = inside(capfd, monkeypatch, "schema", "--exit-codes")
    assert json.loads(out) == {str(int(code)): {"name": code.name, "meaning": said} for code, said in MEANING.items()}


# Sidecars.


def test_every_sidecar_of_a_whole_run_is_valid(published, whole):
    validator = Draft202012Validator(published["sidecar"])
    for known in sidecars(whole[0]):
        validator.validate(known)
        assert set(known) <= SIDECAR_KEYS
        for record in known["stages"]:
            Draft202012Validator(published["record"]).validate(record)
            assert set(record) <= RECORD_KEYS
        assert Sidecar.model_validate(known).model_dump(mode="json") == known


def test_the_contract_lists_every_field_of_the_models(published):
    assert set(published["sidecar"]["properties"]) == SIDECAR_KEYS
    assert set(published["record"]["properties"]) == RECORD_KEYS


def test_every_record_holds_params_that_its_stages_schema_allows(published, whole):
    seen = set()
    for known in sidecars(whole[0]):
        for record in known["stages"]:
            name = record["stage"]
            seen.add(name)
            recorded = {key: param.get("value") for key, param in record["params"].items()}
            Draft202012Validator(published[name]).validate(recorded)
            unrecorded = registry.load(registry.STAGES[name].target).unrecorded
            assert set(recorded) == set(published[name]["properties"]) - unrecorded
            assert all(param["origin"] for param in record["params"].values())
    assert seen == {name for name, entry in registry.STAGES.items() if not entry.optional} - {"load"}


def test_the_request_of_each_sidecar_is_valid(published, whole):
    for known in sidecars(whole[0]):
        Draft202012Validator(published["request"]).validate(known["request"])


DAMAGE = {
    "another type of stages": lambda known: known.update(stages={}),
    "no id": lambda known: known.pop("id"),
    "a short digest": lambda known: known["image"].update(sha256="abc"),
    "a file elsewhere": lambda known: known["image"].update(file="../../etc/passwd"),
    "no width": lambda known: known["image"].pop("width"),
    "a height of nothing": lambda known: known["image"].update(height=0),
    "an unknown status": lambda known: known["stages"][0].update(status="fine"),
    "a lineage of words": lambda known: known.update(lineage=["yes"]),
    "an unknown verdict": lambda known: known["verdict"].update(status="maybe"),
}


@pytest.mark.parametrize("damage", list(DAMAGE))
def test_schema_and_reader_refuse_the_same_damage(published, whole, damage):
    known = copy.deepcopy(next(known for known in sidecars(whole[0]) if "image" in known))
    DAMAGE[damage](known)
    assert not Draft202012Validator(published["sidecar"]).is_valid(known)
    with pytest.raises(ValidationError):
        Sidecar.model_validate(known)


# Config files.


def of_file(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_defaults_file_and_every_preset_are_valid_configs(published):
    validator = Draft202012Validator(published["config"])
    defaults = of_file(ROOT / "configs" / "config.defaults.yaml")
    validator.validate(defaults)
    assert set(defaults) | {"preset"} == set(published["config"]["properties"]) - {"tint", "bright"}
    presets = sorted((ROOT / "presets").glob("*.yaml"))
    assert len(presets) >= 12
    for path in presets:
        validator.validate({key: body for key, body in of_file(path).items() if key not in ("summary", "extends")})


CONFIGS = {
    "preset: hero\nquality:\n  min_side: 16\n": True,
    "quality:\n  min_sied: 16\n": False,
    "qualiti:\n  min_side: 16\n": False,
    "generate:\n  layout: cube\n": False,
    "output:\n  format: [png, gif]\n": False,
    "output:\n  webp_quality: 101\n": False,
    "request:\n  size: 512x512\n": False,
    "validate:\n  prompt_policy: 3.5\n": False,
    "run:\n  best: 0\n": False,
}


@pytest.mark.parametrize("text", list(CONFIGS))
def test_schema_and_config_check_agree(published, capfd, monkeypatch, text):
    Path("imajin.yaml").write_text(text, encoding="utf-8")
    code, _, err = inside(capfd, monkeypatch, "config", "check")
    assert Draft202012Validator(published["config"]).is_valid(yaml.safe_load(text)) is CONFIGS[text]
    assert code == (0 if CONFIGS[text] else 2), err
    assert CONFIGS[text] or "imajin.yaml:" in err


# Events.


def test_each_event_has_exactly_its_keys_and_the_version(whole, mixed):
    seen = set()
    for event in [*whole[1], *mixed]:
        seen.add(event["event"])
        assert event["imajin"] == 1
        assert set(event) == KEYS[event["event"]], event
    assert seen == set(KEYS)


def test_events_of_a_gate_say_what_came_of_each_picture(mixed):
    good, flat, absent, summary = mixed
    assert (good["event"], good["path"], good["by"], good["code"], good["reason"]) == (
        "asset", "good.png", "quality", 0, None,
    )  # fmt: skip
    assert (flat["event"], flat["status"], flat["by"], flat["code"]) == ("rejected", "rejected", "quality", 15)
    assert flat["reason"]
    assert (absent["event"], absent["code"]) == ("error", 2)
    assert "absent.png" in absent["message"]
    assert (summary["passed"], summary["rejected"], summary["code"]) == (1, {"15": 1}, 2)


def test_a_run_ends_in_its_own_summary(whole):
    summaries = [event for event in whole[1] if event["event"] == "finished"]
    assert [event["stage"] for event in summaries] == ["run", "run"]
    assert [(event["passed"], event["rejected"], event["code"]) for event in summaries] == [
        (4, {}, 0),
        (0, {"15": 2}, 15),
    ]


# TypeScript.


def test_the_clients_types_are_fresh():
    path = ROOT / "clients" / "typescript" / "src" / "schema.ts"
    assert path.read_text(encoding="utf-8") == typescript_module(), "run: make docs"


def test_the_node_client_knows_every_kind_of_event():
    source = (ROOT / "clients" / "typescript" / "src" / "stream.ts").read_text(encoding="utf-8")
    table = re.search(r"const EVERY: [^{]*\{([^}]*)\}", source)
    assert table
    assert set(re.findall(r"(\w+): true", table.group(1))) == set(event_schema()["discriminator"]["mapping"])


def test_no_published_schema_holds_a_tuple(published):
    """Generators of TypeScript drop them, or what comes after them."""
    assert not [name for name, schema in published.items() if "prefixItems" in json.dumps(schema)]


def test_every_schema_can_be_told_in_typescript():
    for name, make in schemas().items():
        told = declarations({type_name(name): make()})
        assert f" {type_name(name)} " in told


REFUSED = {
    "a tuple": {"type": "array", "prefixItems": [{"type": "integer"}]},
    "a pattern of properties": {"patternProperties": {"^a": {}}},
    "an outside reference": {"$ref": "https://example.org/schema"},
    "an unknown type": {"type": "decimal"},
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_typescript_cannot_say_is_refused_rather_than_guessed(name):
    with pytest.raises(ValueError, match=r"tuple|cannot be told|reference|unknown type"):
        declarations({"Wrong": {"type": "object", "properties": {"one": REFUSED[name]}}})
    with pytest.raises(ValueError, match="they differ"):
        declarations({"A": {"$defs": {"B": {"type": "string"}}}, "B": {"type": "integer"}})
