"""Whatever file an asset names, by whichever param: another content makes that asset stale and no other, and Make knows it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from imajin_cli.registry import stages
from imajin_cli.repository.depfile import write_depfile
from imajin_cli.run.bind import stage_class
from test_build import as_built, kept, stale

FILE = "FILE"
"""Stands, in an asset, for the file that it names."""
PAINTED = {"backend": "diffusers", "model": "a-model"}
NAMED: dict[str, tuple[str, dict[str, Any]]] = {
    "validate.word_list": ("input", {"validate": {"word_list": FILE}}),
    "moderate.word_list": ("input", {"moderate": {"word_list": FILE}}),
    "moderate.hash_lists": ("input", {"moderate": {"hash_lists": [FILE]}}),
    "moderate.deny_lists": ("input", {"moderate": {"deny_lists": [FILE]}}),
    "moderate.calibration": ("input", {"moderate": {"calibration": FILE}}),
    "semantic.taxonomy": ("input", {"semantic": {"taxonomy": FILE}}),
    "semantic.calibration": ("input", {"semantic": {"calibration": FILE}}),
    "aesthetic.scales": ("input", {"aesthetic": {"scales": FILE}}),
    "aesthetic.calibration": ("input", {"aesthetic": {"calibration": FILE}}),
    "identity.reference": ("input", {"also": "identity", "identity": {"reference": [FILE]}}),
    "verify-identity.reference": ("input", {"also": "verify-identity", "verify_identity": {"reference": [FILE]}}),
    "verify-identity.calibration": ("input", {"also": "verify-identity", "verify_identity": {"calibration": FILE}}),
    "condition.source": ("input", {"also": "condition", "condition": {"kind": ["canny"], "source": FILE}}),
    "condition.pose": ("input", {"also": "condition", "condition": {"pose": FILE}}),
    "condition.map": ("input", {"also": "condition", "condition": {"map": [f"canny={FILE}"]}}),
    "text.font": ("font", {"headline": "Hello", "text": {"font": FILE}}),
    "watermark.font": ("font", {"watermark": {"text": "a", "font": FILE}}),
    "watermark.image": ("input", {"watermark": {"image": FILE}}),
    "generate.packs": ("pack", {"generate": {"packs": [FILE]}}),
    "generate.model": ("model", {"generate": {"backend": "diffusers", "model": f"./{FILE}"}}),
    "generate.image": ("input", {"generate": {**PAINTED, "image": FILE}}),
    "generate.mask": ("input", {"generate": {**PAINTED, "image": "other.png", "mask": FILE}}),
    "generate.control": ("input", {"generate": {**PAINTED, "control": [f"a-net={FILE}@0.5"]}}),
    "generate.ip_adapter": ("input", {"generate": {**PAINTED, "ip_adapter": f"./adapter={FILE}@0.5"}}),
    "generate.lora": ("model", {"generate": {**PAINTED, "lora": [f"{FILE}@0.5"]}}),
    "generate.embedding": ("model", {"generate": {**PAINTED, "embedding": [f"{FILE}=word"]}}),
    "generate.tiny_vae": ("model", {"generate": {**PAINTED, "tiny_vae": f"./{FILE}"}}),
    "generate.gguf": ("model", {"generate": {**PAINTED, "gguf": FILE}}),
    "fix-anatomy.model": ("model", {"also": "fix-anatomy", "fix_anatomy": {"model": f"./{FILE}"}}),
    "remove-watermark.model": (
        "model", {"also": "remove-watermark", "remove_watermark": {"method": "generator", "model": f"./{FILE}"}},
    ),
}  # fmt: skip
# Text that speaks of files and names none, and names in catalogues that are no file.
NO_FILES = {
    "identity.face", "verify-identity.face", "identity.model", "verify-identity.model", "remove-background.model",
    "generate.negative", "output.to", "output.name", "output.base_url", "output.format", "condition.kind",
    "condition.clothing", "generate.scheduler", "load.keep_metadata",
}  # fmt: skip
_SPEAKS_OF_FILES = re.compile(r"\b(files?|folders?|pictures?|photographs?|models?|packs?)\b", re.IGNORECASE)


ENDINGS = {"font": ".ttf", "lora": ".safetensors", "embedding": ".safetensors", "gguf": ".gguf"}


def ending(param: str) -> str:
    return ENDINGS.get(param.rpartition(".")[2], ".png")


def named(param: str) -> str:
    return asset_of(param) + ending(param)


def asset_of(param: str) -> str:
    return param.replace(".", "-")


def put_in(value: Any, name: str) -> Any:
    """The part of an asset, with the name of its file."""
    if isinstance(value, dict):
        return {key: put_in(inner, name) for key, inner in value.items()}
    if isinstance(value, list):
        return [put_in(inner, name) for inner in value]
    return value.replace(FILE, name) if isinstance(value, str) else value


@pytest.fixture
def project(work: Path) -> Path:
    assets: list[dict[str, Any]] = [{"name": "plain", "prompt": "a robot"}]
    for param, (_, part) in NAMED.items():
        assets.append({"name": asset_of(param), "prompt": "a robot", **put_in(part, named(param))})
        (work / named(param)).write_text("1")
    (work / "other.png").write_text("1")
    (work / "adapter").mkdir()
    (work / "assets.yaml").write_text(yaml.safe_dump({"assets": assets}))
    return work


def test_every_param_that_names_a_file_stands_here():
    told = set()
    for stage in stages():
        for name, info in stage_class(stage).Params.model_fields.items():
            if "str" in str(info.annotation) and _SPEAKS_OF_FILES.search(info.description or ""):
                told.add(f"{stage}.{name}")
    assert told - set(NAMED) - NO_FILES - {f"{stage}.{name}" for stage, name in literals()} == set()


def literals() -> set[tuple[str, str]]:
    """Params that take one of a few words."""
    return {
        (stage, name)
        for stage in stages()
        for name, info in stage_class(stage).Params.model_fields.items()
        if "Literal" in str(info.annotation)
    }


def test_every_file_that_is_named_makes_its_own_asset_stale_and_make_knows_it(project):
    as_built()
    build = kept()
    assert stale(build) == {}
    write_depfile(Path("d"), "assets.yaml", build.lock.path, [one for _, one in build.jobs.values()], build.shelf)
    rules = [rule.replace(" \\\n ", "").split() for rule in re.split(r"\n(?=\S)", Path("d").read_text())]
    for param in NAMED:
        needing = {rule[0] for rule in rules if any(Path(word).name == named(param) for word in rule[1:])}
        assert needing == {f"dist/{asset_of(param)}.png", "imajin.lock:"}, param
        (project / named(param)).write_text("22")
    # One cause each, about its own file: nobody depends on another's.
    found = stale(kept())
    told = {asset: [line.partition(" was ")[0] for line in lines] for asset, lines in found.items()}
    assert told == {asset_of(param): [f"{kind}: {named(param)}"] for param, (kind, _) in NAMED.items()}


def test_models_that_a_stage_may_ask_are_pinned():
    """What the licence policy holds, the lock pins. Who is compared with nobody asks no model."""
    for name in stages():
        given = {"reference": ["a.png"]} if name in ("identity", "verify-identity") else {}
        stage = stage_class(name)(stage_class(name).Params(**given))
        pinned = {one.name for one in stage.ingredients() if one.kind == "model"}
        assert set(stage.models()) <= pinned, name
