"""Scorers of pictures that the catalogue brings: ImageReward, HPS 2.1 and the LAION aesthetic head, each read by code of our own.

None of them is embedded: their weights are gigabytes, and what their numbers mean for an asset class is known only once it
was measured (``imajin calibrate``). All run in single precision on the processor: same picture, same number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from PIL.Image import Image

from imajin_cli.contract.errors import BackendError, MissingError
from imajin_cli.stages.backends.towers import (
    Layout,
    Weights,
    attend,
    blocks,
    cropped,
    files_of,
    guarded,
    head,
    padded,
    patches,
    side_of,
    torch_of,
)

Name = Literal["image-reward", "hps", "laion"]
NAMES: tuple[Name, ...] = get_args(Name)
FILES: Mapping[str, Mapping[str, str]] = {
    "image-reward": {"image-reward": "ImageReward.safetensors", "bert-vocabulary": "vocab.txt"},
    "hps": {"hps-v2.1": "HPS_v2.1.safetensors", "clip-tokenizer": "tokenizer.json"},
    "laion": {"laion-aesthetic": "head.safetensors", "clip-vit-l14": "model.safetensors"},
}
"""Each scorer's models in the catalogue, its own first, and the file of each that is read."""
NEEDS_PROMPT: frozenset[str] = frozenset({"image-reward", "hps"})
_TIMM = Layout("norm1", "norm2", "attn.proj", "mlp.fc1", "mlp.fc2", joined="attn.qkv", eps=1e-6)
_OPEN_CLIP = Layout("ln_1", "ln_2", "attn.out_proj", "mlp.c_fc", "mlp.c_proj", joined="attn.in_proj")
_CLIP = Layout(
    "layer_norm1", "layer_norm2", "self_attn.out_proj", "mlp.fc1", "mlp.fc2",
    apart=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), quick=True,
)  # fmt: skip


class ImageReward:
    """ImageReward 1.0 (Xu et al. 2023, arXiv:2304.05977): BLIP's towers, the text attending to the picture, and a head.

    The architecture, the 35 tokens, and the mean and spread of its rewards are those of its authors' published code.
    """

    TOKENS = 35
    MEAN, SPREAD = 0.16717362830052426, 1.0333394966054072
    IMAGE_HEADS, TEXT_HEADS = 16, 12
    HEAD = tuple(f"mlp.layers.{at}" for at in (0, 2, 4, 6, 7))

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._weights = Weights(files["image-reward"], "image-reward")
        self._words = _bert(files["bert-vocabulary"], self.TOKENS)

    def score(self, image: Image, prompt: str) -> float:
        """How well an RGB picture answers ``prompt``, in standard deviations over its authors' pictures. Raises BackendError."""
        return guarded("image-reward", lambda: self._score(image, prompt))

    def _score(self, image: Image, prompt: str) -> Any:
        w = self._weights
        start = "blip.visual_encoder."
        side = side_of(w, start + "pos_embed", start + "patch_embed.proj.weight")
        x = patches(w, cropped(image, side), start + "patch_embed.proj.weight", start + "patch_embed.proj.bias")
        x = torch_of().cat([w[start + "cls_token"], x], 1) + w[start + "pos_embed"]
        x = blocks(w, start + "blocks.", x, self.IMAGE_HEADS, _TIMM)
        seen = w.norm(x, start + "norm", _TIMM.eps)
        first = self._read(self._words(prompt), seen)[:, 0]
        return (head(w, first, self.HEAD) - self.MEAN) / self.SPREAD

    def _read(self, ids: list[int], seen: Any) -> Any:
        """The prompt's tokens (1, n, width) after they have looked at what was seen: BERT's post-norm blocks, with attention."""
        torch, w, start = torch_of(), self._weights, "blip.text_encoder."
        mask = torch.zeros(1, len(ids)).masked_fill(torch.tensor([ids]) == 0, float("-inf"))
        words, places = (
            w[start + "embeddings.word_embeddings.weight"],
            w[start + "embeddings.position_embeddings.weight"],
        )
        if max(ids) >= len(words):
            raise BackendError("image-reward: its vocabulary has more words than its weights")
        x = w.norm((words[ids] + places[: len(ids)])[None], start + "embeddings.LayerNorm", 1e-12)
        for at in range(w.depth(start + "encoder.layer.")):
            here = f"{start}encoder.layer.{at}."
            x = self._attended(x, x, here + "attention.", mask)
            x = self._attended(x, seen, here + "crossattention.", None)
            hidden = torch.nn.functional.gelu(w.linear(x, here + "intermediate.dense"))
            x = w.norm(w.linear(hidden, here + "output.dense") + x, here + "output.LayerNorm", 1e-12)
        return x

    def _attended(self, x: Any, to: Any, name: str, mask: Any) -> Any:
        w = self._weights
        query = w.linear(x, name + "self.query")
        key, value = w.linear(to, name + "self.key"), w.linear(to, name + "self.value")
        out = w.linear(attend(query, key, value, self.TEXT_HEADS, mask), name + "output.dense")
        return w.norm(out + x, name + "output.LayerNorm", 1e-12)


class Hps:
    """Human Preference Score 2.1 (Wu et al. 2023, arXiv:2306.09341): the cosine of a CLIP ViT-H/14 between picture and prompt."""

    TOKENS = 77
    HEADS = 16
    """Of both towers of a ViT-H/14 (open_clip's own configuration)."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._weights = Weights(files["hps-v2.1"], "hps")
        self._words = _clip(files["clip-tokenizer"], self.TOKENS)

    def score(self, image: Image, prompt: str) -> float:
        """How well an RGB picture answers ``prompt``, -1..1. Raises BackendError."""
        return guarded("hps", lambda: (self._seen(image) * self._read(prompt)).sum())

    def _seen(self, image: Image) -> Any:
        torch, w = torch_of(), self._weights
        pixels = padded(image, side_of(w, "visual.positional_embedding", "visual.conv1.weight"))
        x = patches(w, pixels, "visual.conv1.weight")
        x = torch.cat([w["visual.class_embedding"][None, None], x], 1) + w["visual.positional_embedding"]
        x = w.norm(x, "visual.ln_pre", _OPEN_CLIP.eps)
        x = blocks(w, "visual.transformer.resblocks.", x, self.HEADS, _OPEN_CLIP)
        return torch.nn.functional.normalize(
            w.norm(x[:, 0], "visual.ln_post", _OPEN_CLIP.eps) @ w["visual.proj"], dim=-1
        )

    def _read(self, prompt: str) -> Any:
        torch, w = torch_of(), self._weights
        ids = self._words(prompt)
        words = w["token_embedding.weight"]
        if max(ids) >= len(words):
            raise BackendError("hps: its tokenizer has more tokens than its weights")
        x = (words[ids] + w["positional_embedding"][: len(ids)])[None]
        ahead = torch.full((len(ids), len(ids)), float("-inf")).triu(1)
        x = blocks(w, "transformer.resblocks.", x, self.HEADS, _OPEN_CLIP, ahead)
        # The last token is the one that ends a text: what is padded after it in training cannot be seen by it.
        last = w.norm(x[:, -1], "ln_final", _OPEN_CLIP.eps) @ w["text_projection"]
        return torch.nn.functional.normalize(last, dim=-1)


class Laion:
    """The LAION aesthetic predictor 2 (Schuhmann 2022): linear layers over the unit vector that CLIP ViT-L/14 gives a picture."""

    HEADS = 16
    HEAD = tuple(f"layers.{at}" for at in (0, 2, 4, 6, 7))

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._head = Weights(files["laion-aesthetic"], "laion")
        self._weights = Weights(files["clip-vit-l14"], "clip-vit-l14", "vi")

    def score(self, image: Image, prompt: str) -> float:  # noqa: ARG002 (all scorers are asked alike)
        """How good an RGB picture looks, about 1..10. Raises BackendError."""
        return guarded("laion", lambda: head(self._head, self.vector(image), self.HEAD))

    def vector(self, image: Image) -> Any:
        """The picture's unit vector."""
        torch, w = torch_of(), self._weights
        start = "vision_model.embeddings."
        patch, places = start + "patch_embedding.weight", start + "position_embedding.weight"
        x = patches(w, cropped(image, side_of(w, places, patch)), patch)
        x = torch.cat([w[start + "class_embedding"][None, None], x], 1) + w[places]
        # "layrnorm" is how the checkpoint spells it.
        x = w.norm(x, "vision_model.pre_layrnorm", _CLIP.eps)
        x = blocks(w, "vision_model.encoder.layers.", x, self.HEADS, _CLIP)
        x = w.norm(x[:, 0], "vision_model.post_layernorm", _CLIP.eps)
        return torch.nn.functional.normalize(x @ w["visual_projection.weight"].T, dim=-1)


Scorer = ImageReward | Hps | Laion
_MADE: Mapping[str, Callable[[Mapping[str, Path]], Scorer]] = {"image-reward": ImageReward, "hps": Hps, "laion": Laion}


@lru_cache(maxsize=3)
def shared(name: Name) -> Scorer:
    """The process's scorer of this name. Raises NoVerdictError where a model is not there, MissingError without torch."""
    return _MADE[name](files_of(FILES[name]))


def revision(name: str) -> str:
    """What a scorer's numbers depend on: the revision of each of its models in the catalogue, "absent" where one is not there."""
    from imajin_cli.models.store import state

    return ", ".join(state(model) for model in FILES[name])


def licence(name: str) -> str:
    """The licence of a scorer's own weights."""
    from imajin_cli.models.store import entry_of

    return entry_of(next(iter(FILES[name]))).licence


def _tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise MissingError(f"{error.name} is not installed", hint="pip install 'imajin[diffusion]'") from None
    return tokenizers


def _bert(vocabulary: Path, count: int) -> Callable[[str], list[int]]:
    """From a text to ``count`` word pieces of bert-base-uncased, padded by zeros."""
    lines = vocabulary.read_text(encoding="utf-8").splitlines()
    if len(set(lines)) != len(lines) or lines[:1] != ["[PAD]"]:
        raise BackendError("image-reward: its vocabulary is not BERT's")
    try:
        made = _tokenizers().BertWordPieceTokenizer({word: at for at, word in enumerate(lines)}, lowercase=True)
    except TypeError as error:
        # [UNK], [SEP] and [CLS] must be there.
        raise BackendError("image-reward: its vocabulary is not BERT's") from error
    made.enable_truncation(count)
    made.enable_padding(length=count)
    return lambda text: list(made.encode(text).ids)


def _clip(path: Path, most: int) -> Callable[[str], list[int]]:
    """From a text to at most ``most`` of CLIP's byte pairs, with the marks of start and end."""
    try:
        made = _tokenizers().Tokenizer.from_file(str(path))
    except Exception as error:
        raise BackendError("hps: its tokenizer cannot be read") from error
    made.no_padding()
    made.enable_truncation(most)
    start, end = made.token_to_id("<|startoftext|>"), made.token_to_id("<|endoftext|>")

    def tokens(text: str) -> list[int]:
        ids = list(made.encode(text).ids)
        if len(ids) < 2 or (ids[0], ids[-1]) != (start, end):
            raise BackendError("hps: its tokenizer marks no start and end")
        return ids

    return tokens
