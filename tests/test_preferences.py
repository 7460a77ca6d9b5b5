"""ImageReward, HPS and the LAION head: our code against transformers' own classes with the same weights, at a tiny size.

The weights are drawn at random, of the true structure; what the published weights say is not measured here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imajin_cli.contract.errors import BackendError, MissingError, NoVerdictError
from imajin_cli.stages.backends import preferences
from imajin_cli.stages.backends.preferences import FILES, Hps, ImageReward, Laion

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "red", "ball", "cat", "##s"]
PAIRS = ["a</w>", "red</w>", "ball</w>", "<|startoftext|>", "<|endoftext|>"]


@pytest.fixture
def torch() -> Any:
    found = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    found.manual_seed(0)
    return found


@pytest.fixture
def picture() -> Image.Image:
    stream = np.random.default_rng(3)
    small = Image.fromarray(stream.integers(0, 256, (6, 9, 3), dtype=np.uint8))
    return small.resize((90, 60), Image.Resampling.BICUBIC)


def layers(torch: Any, width: int) -> Any:
    """The head of both ImageReward and LAION: linear layers with dropout between the first four."""
    nn = torch.nn
    return nn.Sequential(
        nn.Linear(width, 24), nn.Dropout(0.2), nn.Linear(24, 16), nn.Dropout(0.2), nn.Linear(16, 12), nn.Dropout(0.1),
        nn.Linear(12, 8), nn.Linear(8, 1),
    ).eval()  # fmt: skip


def save(tensors: Mapping[str, Any], path: Path) -> Path:
    from safetensors.torch import save_file

    save_file({name: value.detach().clone().contiguous() for name, value in tensors.items()}, path)
    return path


def shaken(torch: Any, model: Any) -> Any:
    """``model`` with every weight moved, so that norms and biases are not what they begin as."""
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.randn_like(value) * 0.05)
    return model.eval()


def normal(torch: Any, image: Image.Image) -> Any:
    pixels = torch.tensor(np.asarray(image), dtype=torch.float32).permute(2, 0, 1)[None] / 255
    mean, spread = torch.tensor([0.48145466, 0.4578275, 0.40821073]), torch.tensor([0.26862954, 0.26130258, 0.27577711])
    return (pixels - mean.view(1, 3, 1, 1)) / spread.view(1, 3, 1, 1)


def middle(image: Image.Image, side: int) -> Image.Image:
    """As torchvision's Resize and CenterCrop do with a picture that is wider than high."""
    small = image.resize((int(side * image.width / image.height), side), Image.Resampling.BICUBIC)
    left = round((small.width - side) / 2)
    return small.crop((left, 0, left + side, side))


@pytest.fixture
def reward(torch: Any, tmp_path: Path) -> tuple[dict[str, Path], Callable[[Image.Image, list[int]], float]]:
    from transformers import BlipTextConfig, BlipVisionConfig, BlipVisionModel
    from transformers.models.blip.modeling_blip_text import BlipTextModel

    vision = shaken(torch, BlipVisionModel(BlipVisionConfig(
        hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=16, image_size=32, patch_size=8,
        layer_norm_eps=1e-6,
    )))  # fmt: skip
    text = shaken(torch, BlipTextModel(BlipTextConfig(
        vocab_size=20, hidden_size=48, encoder_hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=12, max_position_embeddings=40, bos_token_id=2, sep_token_id=3, eos_token_id=3,
    ), add_pooling_layer=False))  # fmt: skip
    scores = layers(torch, 48)
    names = {
        "embeddings.class_embedding": "cls_token", "embeddings.position_embedding": "pos_embed",
        "embeddings.patch_embedding": "patch_embed.proj", "encoder.layers": "blocks", "self_attn.qkv": "attn.qkv",
        "self_attn.projection": "attn.proj", "layer_norm": "norm", "post_layernorm": "norm",
    }  # fmt: skip
    tensors = {f"blip.text_encoder.{name}": value for name, value in text.state_dict().items()}
    for name, value in vision.state_dict().items():
        for theirs, published in names.items():
            name = name.replace(theirs, published)
        tensors[f"blip.visual_encoder.{name}"] = value
    tensors |= {f"mlp.layers.{name}": value for name, value in scores.state_dict().items()}
    files = {
        "image-reward": save(tensors, tmp_path / "ImageReward.safetensors"),
        "bert-vocabulary": tmp_path / "vocab.txt",
    }
    files["bert-vocabulary"].write_text("\n".join(WORDS) + "\n")

    def wanted(image: Image.Image, ids: list[int]) -> float:
        with torch.no_grad():
            seen = vision(pixel_values=normal(torch, middle(image, 32))).last_hidden_state
            row = torch.tensor([ids + [0] * (35 - len(ids))])
            read = text(
                input_ids=row, attention_mask=(row > 0).long(), encoder_hidden_states=seen,
                encoder_attention_mask=torch.ones(seen.shape[:-1], dtype=torch.long), is_decoder=False,
            ).last_hidden_state  # fmt: skip
            return float((scores(read[:, 0]) - 0.16717362830052426) / 1.0333394966054072)

    return files, wanted


def test_image_reward_is_what_transformers_makes_of_its_weights(reward: Any, picture: Image.Image) -> None:
    files, wanted = reward
    scorer = ImageReward(files)
    assert scorer.score(picture, "A red ball") == pytest.approx(wanted(picture, [2, 4, 5, 6, 3]), abs=1e-5)
    assert scorer.score(picture, "cats") == pytest.approx(wanted(picture, [2, 7, 8, 3]), abs=1e-5)
    assert scorer.score(picture, "cats") != scorer.score(picture, "a red ball")
    # Longer prompts are cut after 35 pieces, the last of which is the mark of the end.
    assert scorer.score(picture, "red " * 60) == pytest.approx(wanted(picture, [2, *[5] * 33, 3]), abs=1e-5)


@pytest.fixture
def hps(torch: Any, tmp_path: Path) -> tuple[dict[str, Path], Any]:
    from transformers import CLIPConfig, CLIPModel

    small = {"num_hidden_layers": 2, "num_attention_heads": 16, "hidden_act": "gelu", "intermediate_size": 96}
    model = shaken(torch, CLIPModel(CLIPConfig(
        text_config={**small, "vocab_size": len(PAIRS), "hidden_size": 32, "max_position_embeddings": 77,
                     "bos_token_id": 3, "eos_token_id": 4},
        vision_config={**small, "hidden_size": 48, "image_size": 32, "patch_size": 8},
        projection_dim=20,
    )))  # fmt: skip
    files = {
        "hps-v2.1": save(open_clip(torch, model), tmp_path / "HPS_v2.1.safetensors"),
        "clip-tokenizer": pairs(tmp_path),
    }
    return files, model


def open_clip(torch: Any, model: Any) -> dict[str, Any]:
    """A CLIP of transformers under the names that open_clip gives."""
    own = model.state_dict()
    made = {
        "visual.conv1.weight": own["vision_model.embeddings.patch_embedding.weight"],
        "visual.class_embedding": own["vision_model.embeddings.class_embedding"],
        "visual.positional_embedding": own["vision_model.embeddings.position_embedding.weight"],
        "visual.proj": own["visual_projection.weight"].T,
        "token_embedding.weight": own["text_model.embeddings.token_embedding.weight"],
        "positional_embedding": own["text_model.embeddings.position_embedding.weight"],
        "text_projection": own["text_projection.weight"].T,
        "logit_scale": own["logit_scale"],
    }
    norms = {
        "vision_model.pre_layrnorm": "visual.ln_pre", "vision_model.post_layernorm": "visual.ln_post",
        "text_model.final_layer_norm": "ln_final",
    }  # fmt: skip
    for end in ("weight", "bias"):
        made |= {f"{name}.{end}": own[f"{theirs}.{end}"] for theirs, name in norms.items()}
        for tower, start in (("vision_model", "visual.transformer"), ("text_model", "transformer")):
            for at in range(2):
                theirs, name = f"{tower}.encoder.layers.{at}.", f"{start}.resblocks.{at}."
                parts = [own[f"{theirs}self_attn.{part}_proj.{end}"] for part in "qkv"]
                made[f"{name}attn.in_proj_{end}"] = torch.cat(parts)
                pairs = (("self_attn.out_proj", "attn.out_proj"), ("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"),
                         ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"))  # fmt: skip
                made |= {f"{name}{ours}.{end}": own[f"{theirs}{part}.{end}"] for part, ours in pairs}
    return made


def pairs(folder: Path) -> Path:
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: at for at, word in enumerate(PAIRS)}, unk_token="a</w>")
    )
    made.normalizer = tokenizers.normalizers.Lowercase()
    made.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([tokenizers.pre_tokenizers.Whitespace()])
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>", special_tokens=[("<|startoftext|>", 3), ("<|endoftext|>", 4)]
    )
    made.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


def test_hps_is_what_transformers_makes_of_its_weights(hps: Any, torch: Any, picture: Image.Image) -> None:
    files, model = hps
    # On black above and below, 32 by 21 pixels of the picture between, all of one colour: nothing hangs on how it is scaled.
    flat = Image.new("RGB", picture.size, (200, 30, 90))
    whole = Image.new("RGB", (32, 32))
    whole.paste(flat.resize((32, 21)), (0, 5))
    for count in (1, 2, 200):
        ids = [3, *[0] * min(count, 75), 4]
        with torch.no_grad():
            made = model(
                input_ids=torch.tensor([ids]), pixel_values=normal(torch, whole), attention_mask=torch.ones(1, len(ids))
            )
            wanted = float((made.image_embeds * made.text_embeds).sum())
        assert Hps(files).score(flat, "word " * count) == pytest.approx(wanted, abs=1e-5)


def test_a_picture_on_black_is_scaled_as_pillow_scales_it(torch: Any, picture: Image.Image) -> None:
    from imajin_cli.stages.backends.towers import padded

    whole = Image.new("RGB", (32, 32))
    whole.paste(picture.resize((32, 21), Image.Resampling.BICUBIC), (0, 5))
    assert float((padded(picture, 32) - normal(torch, whole)).abs().max()) < 0.03


def test_laion_is_what_transformers_makes_of_its_weights(torch: Any, tmp_path: Path, picture: Image.Image) -> None:
    files, wanted = laion(torch, tmp_path)
    assert Laion(files).score(picture, "") == pytest.approx(wanted(picture), abs=1e-5)
    assert Laion(files).score(picture.rotate(90, expand=True), "") != Laion(files).score(picture, "")


def laion(torch: Any, folder: Path) -> tuple[dict[str, Path], Callable[[Image.Image], float]]:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    model = shaken(torch, CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=48, intermediate_size=96, num_hidden_layers=2, num_attention_heads=16, image_size=32, patch_size=8,
        projection_dim=20,
    )))  # fmt: skip
    scores = layers(torch, 20)
    files = {
        "clip-vit-l14": save(model.state_dict(), folder / "model.safetensors"),
        "laion-aesthetic": save(
            {f"layers.{n}": v for n, v in scores.state_dict().items()}, folder / "head.safetensors"
        ),
    }

    def wanted(image: Image.Image) -> float:
        with torch.no_grad():
            vector = model(pixel_values=normal(torch, middle(image, 32))).image_embeds
            return float(scores(vector / vector.norm(dim=-1, keepdim=True)))

    return files, wanted


def changed(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    from safetensors.torch import load_file

    tensors = dict(load_file(path))
    change(tensors)
    save(tensors, path)


BROKEN: dict[str, Callable[[Any, dict[str, Any]], object]] = {
    "not a number": lambda torch, t: t["mlp.layers.7.bias"].fill_(float("nan")),
    "lack": lambda torch, t: t.pop("mlp.layers.4.bias"),
    "do not fit together": lambda torch, t: t.update({"mlp.layers.4.weight": torch.zeros(3, 3)}),
    "have no blocks": lambda torch, t: [t.pop(name) for name in list(t) if ".blocks." in name],
    "no square": lambda torch, t: t.update({"blip.visual_encoder.pos_embed": torch.zeros(1, 4, 64)}),
}


@pytest.mark.parametrize("said", BROKEN)
def test_weights_of_another_kind_are_refused(torch: Any, reward: Any, picture: Image.Image, said: str) -> None:
    files, _ = reward
    changed(files["image-reward"], lambda tensors: BROKEN[said](torch, tensors))
    with pytest.raises(BackendError, match=said.replace("not a number", "no number")):
        ImageReward(files).score(picture, "a red ball")


def test_a_file_that_is_none_is_refused(torch: Any, reward: Any) -> None:
    files, _ = reward
    files["bert-vocabulary"].write_text("a\nb\n")
    with pytest.raises(BackendError, match="not BERT's"):
        ImageReward(files)
    files["image-reward"].write_bytes(b"nothing")
    with pytest.raises(BackendError, match="cannot be read"):
        ImageReward(files)


@pytest.mark.parametrize("name", preferences.NAMES)
def test_one_that_was_never_pulled_names_the_command(name: preferences.Name) -> None:
    preferences.shared.cache_clear()
    with pytest.raises(NoVerdictError, match="it is not on this machine") as caught:
        preferences.shared(name)
    assert caught.value.hint == f"imajin models pull {next(iter(FILES[name]))}"


def test_without_torch_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingError, match="torch is not installed") as caught:
        Laion({"laion-aesthetic": tmp_path / "a", "clip-vit-l14": tmp_path / "b"})
    assert "pip install" in str(caught.value.hint)


def test_a_pickled_head_comes_by_the_catalogue_and_is_converted_once(
    torch: Any, tmp_path: Path, cli: Callable[..., Any], picture: Image.Image
) -> None:
    from safetensors.torch import load_file

    folder = tmp_path / "weights"
    folder.mkdir()
    files, wanted = laion(torch, folder)
    torch.save(load_file(files["laion-aesthetic"]), folder / "sac+logos+ava1-l14-linearMSE.pth")
    files["laion-aesthetic"].unlink()
    source = {"kind": "folder", "path": str(folder)}
    about = {"task": "preference", "licence": "Apache-2.0", "commercial": "allowed"}
    table = {
        "laion-aesthetic": {
            **about, "first_use": [{"name": "head.safetensors", "at_most": 10_000_000, "convert": True}],
            "sources": [{**source, "paths": {"head.safetensors": "sac+logos+ava1-l14-linearMSE.pth"}}],
        },
        "clip-vit-l14": {**about, "first_use": [{"name": "model.safetensors", "at_most": 10_000_000}], "sources": [source]},
    }  # fmt: skip
    place = tmp_path / "home" / ".config" / "imajin" / "models.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(table))
    done = cli("models", "pull", "laion-aesthetic", "clip-vit-l14")
    assert done.returncode == 0, done.stderr
    assert b"a pickled checkpoint; read as weights only and converted to safetensors, once" in done.stderr
    assert b"converted" not in cli("models", "pull", "laion-aesthetic").stderr
    picture.save("one.png")
    done = cli("aesthetic", "one.png", "--also", "laion", "--threshold=-100")
    assert done.returncode == 0, done.stderr
    record = json.loads(Path(done.stdout.decode().strip() + ".json").read_text())["stages"][-1]
    scores = {one["name"]: one["value"] for one in record["scores"]}
    assert scores["laion"] == pytest.approx(wanted(picture), abs=1e-3)
    assert record["notes"]["recorded"] == ["laion"]
