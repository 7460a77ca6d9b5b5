"""SigLIP 2 by the catalogue: a tiny model of the true classes, and what is said where it, or torch, is not there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imajin_cli.contract.errors import BackendError, MissingError, NoVerdictError
from imajin_cli.stages.backends import siglip2

FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A randomly initialised model of two layers with a word tokenizer, saved as a checkpoint is."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    torch.manual_seed(0)
    words = {word: row for row, word in enumerate(("<pad>", "<eos>", "<unk>", "a", "red", "ball", "cat"))}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    ).save_pretrained(tmp_path)
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.SiglipConfig(
        text_config={**small, "vocab_size": len(words), "max_position_embeddings": siglip2.TOKENS},
        vision_config={**small, "image_size": 32, "patch_size": 8},
    )
    transformers.SiglipModel(config).eval().save_pretrained(tmp_path)
    return tmp_path


def test_probabilities_are_the_models_own(tiny: Path) -> None:
    import torch
    from transformers import SiglipModel

    image = Image.new("RGB", (50, 40), "#c02020")
    found = siglip2.SigLip2("siglip2-base", tiny).probabilities(image, ["a red ball", "A CAT"])
    assert found == siglip2.SigLip2("siglip2-base", tiny).probabilities(image, ["a red ball", "a cat"])
    ids = torch.zeros(1, siglip2.TOKENS, dtype=torch.long)
    ids[0, :3] = torch.tensor([3, 4, 5])
    pixels = torch.tensor([0xC0, 0x20, 0x20]).float().view(1, 3, 1, 1).expand(1, 3, 32, 32) / 127.5 - 1
    with torch.no_grad():
        wanted = torch.sigmoid(SiglipModel.from_pretrained(tiny)(input_ids=ids, pixel_values=pixels).logits_per_image)
    assert found[0] == pytest.approx(float(wanted), abs=1e-5)
    assert found[0] != found[1]


def test_it_is_asked_as_a_backend_that_commands_share(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siglip2, "folder_of", lambda name: tiny)
    image = Image.new("RGB", (50, 40), "#c02020")
    wanted = siglip2.SigLip2("siglip2-base", tiny).probabilities(image, ["a red ball", "a cat"])
    assert siglip2.shared("siglip2-base").probabilities(image, ["a red ball", "a cat"]) == wanted
    hosted = siglip2.Hosted({"name": "siglip2-base"})
    assert hosted.need().shared
    item = {"size": [50, 40], "pixels": image.tobytes(), "texts": ["a cat"]}
    assert [one["found"] for one in hosted.batch([item, item])] == [wanted[1:]] * 2


def test_files_of_another_kind_are_refused(tiny: Path) -> None:
    (tiny / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(BackendError, match="kind bert"):
        siglip2.SigLip2("siglip2-base", tiny).load()
    (tiny / "config.json").write_text("{")
    with pytest.raises(BackendError, match="cannot be read"):
        siglip2.SigLip2("siglip2-base", tiny).load()


def test_a_model_that_was_never_pulled_is_no_verdict_and_the_command_is_named() -> None:
    with pytest.raises(NoVerdictError, match="siglip2-large is needed: it is not on this machine") as caught:
        siglip2.folder_of("siglip2-large")
    assert str(caught.value.hint) == "imajin models pull siglip2-large"


def test_a_picture_that_siglip_was_to_judge_is_rejected_with_22_without_it(cli: Callable[..., Any]) -> None:
    made = cli("generate", "a red ball", "--size", "64")
    done = cli("semantic", made.stdout.decode().strip(), "--backend", "siglip2-base", "--judge", "always")
    assert (done.returncode, done.stdout) == (22, b"")
    assert b"siglip2-base" in done.stderr
    assert b"imajin models pull siglip2-base" in done.stderr


def test_the_catalogue_brings_a_local_model_end_to_end(tiny: Path, cli: Callable[..., Any], tmp_path: Path) -> None:
    files = [{"name": name, "at_most": 10_000_000} for name in FILES]
    entry = {
        "task": "image-text", "licence": "Apache-2.0", "commercial": "allowed", "first_use": files,
        "sources": [{"kind": "folder", "path": str(tiny)}],
    }  # fmt: skip
    place = tmp_path / "home" / ".config" / "imajin" / "models.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"siglip2-base": entry}))
    pulled = cli("models", "pull", "siglip2-base")
    assert pulled.returncode == 0, pulled.stderr
    made = cli("generate", "a red ball", "--size", "64").stdout.decode().strip()
    options = ("--backend", "siglip2-base", "--judge", "always")
    done = cli("semantic", made, *options, "--threshold", "0.0001")
    assert done.returncode == 0, done.stderr
    record = json.loads(Path(done.stdout.decode().strip() + ".json").read_text())["stages"][-1]
    assert record["backend"] == "siglip2-base"
    assert record["model"]["name"] == "siglip2-base"
    assert len(record["model"]["revision"]) == 12
    assert 0 < next(one["value"] for one in record["scores"] if one["name"] == "prompt") < 1
    assert cli("semantic", made, *options, "--threshold", "0.9999").returncode == 12
    # Its files are held to what the pull found: another weight, and there is no verdict.
    weights = tiny / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    done = cli("semantic", made, *options, "--threshold", "0.5", "--force")
    assert done.returncode == 22
    assert b"damaged or of another version" in done.stderr


def test_without_torch_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingError, match="torch is not installed") as caught:
        siglip2.SigLip2("siglip2-base", tmp_path).load()
    assert "pip install" in str(caught.value.hint)
