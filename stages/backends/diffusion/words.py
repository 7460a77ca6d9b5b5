"""Prompts for CLIP that diffusers alone would cut: longer than one window of 77 tokens, or with words learnt from pictures.

A long prompt is read window by window, 75 tokens and the two marks around them each, and the windows' outputs are joined
along the sequence, as Stable Diffusion's users do since 2022; attention takes a sequence of any length. A learnt word (textual
inversion, Gal et al. 2022, arXiv:2208.01618) stands for vectors that take the places of tokens' own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.models.capabilities import FAMILIES
from imajin_cli.stages.backends.diffusion.order import Order, Word

# Names under which a file holds the vectors of the first and the second text encoder (SDXL's are two).
_NAMES = (("clip_l", "emb_params"), ("clip_g",))
# More than anybody trains: a file is not trusted to fill memory.
_MOST_VECTORS = 75


@dataclass(frozen=True)
class _Reader:
    """One of the pipeline's text encoders: its tokenizer, itself, and the vectors of each learnt word."""

    tokenizer: Any
    encoder: Any
    vectors: Mapping[str, Any]

    @property
    def window(self) -> int:
        """Tokens of a prompt that fit between the two marks."""
        return int(self.tokenizer.model_max_length) - 2


def encoded(pipe: Any, order: Order, count: int) -> dict[str, Any] | None:
    """Embeddings of the prompts for ``count`` pictures, as the pipeline takes them; None where it reads them well itself.

    Raises UsageError for a family whose prompts are not read by CLIP alone, or a learnt word that no prompt says; InputError
    for a file that holds no vectors for this model.
    """
    offered = FAMILIES[order.model.family].offered
    if order.words and not offered("embedding"):
        raise UsageError(f"learnt words (textual inversion) are not offered for {order.model.family} models")
    if not offered("long-prompt"):
        return None
    readers = _readers(pipe, order)
    _check_said(order)
    pieces = [[_pieces(reader, text) for reader in readers] for text in (order.prompt, order.negative or "")]
    if not order.words and all(len(found) <= reader.window for text in pieces for reader, found in _pairs(readers, text)):
        return None
    windows = max(
        1, *(-(-len(found) // reader.window) for text in pieces for reader, found in _pairs(readers, text))
    )
    # What to keep away from is read to its last layer, as diffusers does.
    prompt, negative = (
        _joined(readers, text, windows, skip) for text, skip in zip(pieces, (order.clip_skip, None), strict=True)
    )
    if order.negative is None and getattr(pipe.config, "force_zeros_for_empty_prompt", False):
        hidden, pooled = negative
        negative = hidden * 0, None if pooled is None else pooled * 0
    names = ("prompt_embeds", "pooled_prompt_embeds")
    made = dict(zip(names, prompt, strict=True)) | dict(
        zip((f"negative_{name}" for name in names), negative, strict=True)
    )
    return {
        name: value.repeat(count, *[1] * (value.ndim - 1)).to(pipe.device)
        for name, value in made.items()
        if value is not None
    }


def _pairs(readers: list[_Reader], pieces: list[list[Any]]) -> Iterator[tuple[_Reader, list[Any]]]:
    return zip(readers, pieces, strict=True)


def _readers(pipe: Any, order: Order) -> list[_Reader]:
    parts = [("tokenizer", "text_encoder"), ("tokenizer_2", "text_encoder_2")]
    there = [(getattr(pipe, one, None), getattr(pipe, other, None)) for one, other in parts]
    pairs = [(tokenizer, encoder) for tokenizer, encoder in there if tokenizer is not None and encoder is not None]
    learnt = [_vectors(word, len(pairs)) for word in order.words]
    found = []
    for at, (tokenizer, encoder) in enumerate(pairs):
        width = encoder.config.hidden_size
        for word, vectors in zip(order.words, learnt, strict=True):
            if vectors[at].shape[1] != width:
                raise InputError(
                    f"{word.path}: no word for this model, whose vectors have {width} values, not {vectors[at].shape[1]}"
                )
        table = {word.word: vectors[at] for word, vectors in zip(order.words, learnt, strict=True)}
        found.append(_Reader(tokenizer, encoder, table))
    return found


def _vectors(word: Word, encoders: int) -> list[Any]:
    """The vectors of a learnt word for each text encoder, (vectors, width). Raises InputError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        table = load_file(str(word.path))
    except (OSError, SafetensorError) as error:
        raise InputError(f"{word.path}: no safetensors file: {str(error)[:160]}") from error
    if len(table) == 1 and encoders == 1:
        found = list(table.values())
    else:
        found = [next((table[name] for name in names if name in table), None) for names in _NAMES[:encoders]]
    found = [one[None] if one is not None and one.ndim == 1 else one for one in found]
    if len(table) > encoders or any(one is None or one.ndim != 2 or one.shape[0] > _MOST_VECTORS for one in found):
        wanted = " and ".join(names[0] for names in _NAMES[:encoders])
        raise InputError(f"{word.path}: no word for this model: it needs vectors for {encoders} text encoders ({wanted})")
    if not all(bool(one.isfinite().all()) for one in found):
        raise InputError(f"{word.path}: its vectors are no numbers")
    return found


def _check_said(order: Order) -> None:
    for word in order.words:
        if word.word not in order.prompt and word.word not in (order.negative or ""):
            raise UsageError(f'no prompt says "{word.word}", which {word.path.name} was given for')


def _pieces(reader: _Reader, text: str) -> list[Any]:
    """``text`` as token numbers, and vectors where a learnt word stands."""
    found: list[Any] = []
    words = sorted(reader.vectors, key=len, reverse=True)
    parts = re.split("(" + "|".join(map(re.escape, words)) + ")", text) if words else [text]
    for part in parts:
        if part in reader.vectors:
            found += list(reader.vectors[part])
        elif part.strip():
            # A long text is what this is for: the tokenizer's own warning says nothing here.
            found += list(reader.tokenizer(part, add_special_tokens=False, verbose=False).input_ids)
    return found


def _joined(readers: list[_Reader], pieces: list[list[Any]], windows: int, skip: int | None) -> tuple[Any, Any]:
    """Embeddings (1, tokens, width) of all encoders side by side, and the last encoder's pooled one, None with one encoder."""
    import torch

    made, pooled = [], None
    for reader, found in _pairs(readers, pieces):
        hidden, pooled = _read(reader, found, windows, skip, single=len(readers) == 1)
        made.append(hidden.reshape(1, -1, hidden.shape[-1]))
    return torch.cat(made, dim=-1), None if len(readers) == 1 else pooled


def _read(reader: _Reader, pieces: list[Any], windows: int, skip: int | None, *, single: bool) -> tuple[Any, Any]:
    """One encoder's output (windows, tokens, width) and the first window's pooled output.

    Stable Diffusion 1.x takes the last layer, normed; XL the last but one as it is. Skipping counts from there.
    """
    import torch

    tokenizer, encoder = reader.tokenizer, reader.encoder
    rows, places = [], []
    for row in range(windows):
        own = pieces[row * reader.window : (row + 1) * reader.window]
        ids = [tokenizer.bos_token_id]
        for piece in own:
            if isinstance(piece, int):
                ids.append(piece)
            else:
                places.append((row, len(ids), piece))
                # Any token does that is not the end, which the pooled output is looked for at.
                ids.append(0)
        ids.append(tokenizer.eos_token_id)
        rows.append(ids + [tokenizer.pad_token_id] * (reader.window + 2 - len(ids)))
    with _placed(encoder, places):
        out = encoder(torch.tensor(rows, device=encoder.device), output_hidden_states=True)
    if not single:
        return out.hidden_states[-2 - (skip or 0)], out[0][:1]
    if skip is None:
        return out[0], None
    return encoder.text_model.final_layer_norm(out.hidden_states[-1 - skip]), None


@contextmanager
def _placed(encoder: Any, places: list[tuple[int, int, Any]]) -> Iterator[None]:
    """While this lasts, ``encoder`` has the vectors of ``places`` (window, position, vector) where tokens' own would be."""
    layer = encoder.get_input_embeddings()

    def with_places(_layer: Any, _inputs: Any, out: Any) -> Any:
        """Put the vectors into a copy of what the layer gave."""
        made = out.clone()
        for row, column, vector in places:
            made[row, column] = vector.to(made)
        return made

    hook = layer.register_forward_hook(with_places)
    try:
        yield
    finally:
        hook.remove()
