"""A checkpoint that exists only as a pickle is read as weights alone, and converted once."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import yaml

from imajin_cli.contract.errors import InputError
from imajin_cli.models.formats import check_format
from imajin_cli.stages.backends.checkpoint import convert, tensors


class _Evil:
    def __reduce__(self):
        return os.system, ("touch WAS_RUN",)


def write_catalogue(tmp_path: Path, data: bytes) -> None:
    place = tmp_path / "home" / ".config" / "imajin"
    (place / "weights").mkdir(parents=True, exist_ok=True)
    (place / "weights" / "old.pth").write_bytes(data)
    file = {"name": "a.safetensors", "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "convert": True}
    source = {"kind": "folder", "path": "weights", "paths": {"a.safetensors": "old.pth"}}
    entry = {"task": "upscale", "licence": "MIT", "commercial": "allowed", "files": [file], "sources": [source]}
    (place / "models.yaml").write_text(yaml.safe_dump({"mine": entry}))


@pytest.mark.parametrize("loaded", [3, [], {}, {"a": 3}, {"state_dict": {"a": b"x", "epoch": 3}}])
def test_a_checkpoint_that_is_more_or_less_than_weights_is_refused(loaded):
    with pytest.raises(InputError):
        tensors(loaded, bytes)


@pytest.mark.parametrize("wrapper", [None, "state_dict", "params_ema"])
def test_weights_are_found_in_what_trainers_wrap_them_in(wrapper):
    weights = {"a": b"1", "b": b"2"}
    assert tensors(weights if wrapper is None else {wrapper: weights, "epoch": 3}, bytes) == weights


def test_without_torch_that_is_20_and_nothing_is_left(tmp_path, cli):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        out.writestr("archive/data.pkl", pickle.dumps({}))
    write_catalogue(tmp_path, buffer.getvalue())
    blocker = tmp_path / "blocker"
    blocker.mkdir()
    (blocker / "torch.py").write_text("raise ImportError('no torch', name='torch')")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(blocker), os.environ.get("PYTHONPATH", "")])))
        done = cli("models", "pull", "mine")
    assert done.returncode == 20
    assert "torch is needed to convert a checkpoint (pip install 'imajin[diffusion]')" in done.stderr.decode()
    assert [path.name for path in (tmp_path / "home" / ".cache").rglob("*") if path.is_file()] == []


# What follows needs torch, which the base install does without.


@pytest.fixture
def torch():
    pytest.importorskip("safetensors.torch")
    return pytest.importorskip("torch")


def saved(torch, value: object, **how: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **how)
    return buffer.getvalue()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_becomes_safetensors(torch, work, zipped):
    shared = torch.arange(6.0).reshape(2, 3)
    pickled = work / "old.pth"
    pickled.write_bytes(saved(torch, {"b": shared.t(), "a": shared}, _use_new_zipfile_serialization=zipped))
    convert(pickled, work / "a.safetensors")
    check_format(work / "a.safetensors", "a.safetensors")
    from safetensors.torch import load_file

    made = load_file(work / "a.safetensors")
    assert sorted(made) == ["a", "b"]
    assert torch.equal(made["a"], shared)
    assert torch.equal(made["b"], shared.t())
    first = (work / "a.safetensors").read_bytes()
    convert(pickled, work / "b.safetensors")
    assert (work / "b.safetensors").read_bytes() == first


@pytest.mark.parametrize("how", ["torch", "bare", "noise"])
def test_a_checkpoint_that_would_run_code_is_refused_and_runs_none(torch, work, how):
    evil = {"a": torch.zeros(2), "b": _Evil()}
    data = {"torch": lambda: saved(torch, evil), "bare": lambda: pickle.dumps(evil), "noise": lambda: b"\x80\x04noise"}[how]()
    (work / "old.pth").write_bytes(data)
    with pytest.raises(InputError, match="weights alone"):
        convert(work / "old.pth", work / "a.safetensors")
    assert not (work / "WAS_RUN").exists()
    assert not (work / "a.safetensors").exists()


def test_a_pull_converts_once_and_says_so(torch, tmp_path, cli):
    write_catalogue(tmp_path, saved(torch, {"state_dict": {"a": torch.arange(4.0)}, "epoch": 3}))
    done = cli("models", "pull", "mine", "--offline")
    assert done.returncode == 0, done.stderr
    assert "read as weights only and converted to safetensors, once" in done.stderr.decode()
    path = Path(done.stdout.decode().strip())
    assert path.suffix == ".safetensors"
    assert sorted(item.name for item in path.parent.iterdir()) == [".checked.json", ".converted.json", "a.safetensors"]
    again = cli("models", "pull", "mine")
    assert "already here" in again.stderr.decode()
    assert cli("models", "verify", "mine").returncode == 0
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert cli("models", "verify", "mine").returncode == 20
    assert json.loads((path.parent / ".converted.json").read_bytes())["a.safetensors"][0] == path.stat().st_size
