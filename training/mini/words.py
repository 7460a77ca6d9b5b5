"""The tokenizer (CLIP's byte pairs, learnt from our captions) and its tokens' first vectors: e5's of the words that they are."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
import yaml
from sayings import FRAMES, Concept, plain
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from imajin_cli.stages.backends import embedding

LENGTH, WIDTH = 32, 128
# Byte pairs by how often they occur, then whole words by how often they are said, as long as there is room.
PAIRS, TOKENS = 1000, 4400
END = "</w>"
# How long a token's first vector is: what a linear layer after a norm can tell from the places' small ones.
SCALE = 0.3


def corpus(found: list[Concept], nouns: Path) -> Counter[str]:
    """Words of every caption, and of the composer's nouns, which no caption says and a prompt may."""
    count: Counter[str] = Counter()
    for concept in found:
        for text, times in ((concept.name, 6), *((t, 2) for t in concept.tags), *((t, 3) for t in concept.others)):
            count.update(dict.fromkeys(text.split(), times))
    for frame in FRAMES:
        count.update(dict.fromkeys(plain(frame.format("")).split(), 50))
    for word in yaml.safe_load(nouns.read_text()):
        count.update(dict.fromkeys(plain(str(word)).split(), 2))
    return count


def learnt(count: Counter[str]) -> CLIPTokenizer:
    """CLIP's tokenizer with byte pairs that make most words of ``count`` one token each."""
    own = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix=END))
    own.normalizer = normalizers.Lowercase()
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=PAIRS, initial_alphabet=alphabet, end_of_word_suffix=END, show_progress=False)
    own.train_from_iterator((word for word, times in sorted(count.items()) for _ in range(times)), trainer)
    model = json.loads(own.to_str())["model"]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    merges = with_words(merges, [word for word, _ in count.most_common()], 2 * len(alphabet))
    tokens = sorted(alphabet) + [letter + END for letter in sorted(alphabet)] + ["".join(pair) for pair in merges]
    table = {token: row for row, token in enumerate(dict.fromkeys([*tokens, "<|startoftext|>", "<|endoftext|>"]))}
    return CLIPTokenizer(vocab=table, merges=merges, model_max_length=LENGTH, pad_token="<|endoftext|>")


def with_words(merges: list[tuple[str, str]], words: list[str], others: int) -> list[tuple[str, str]]:
    """``merges``, and behind them those that make each word one token: a pair behind others changes no word that they make."""
    found = list(merges)
    rank = {pair: at for at, pair in enumerate(found)}
    made = {"".join(pair) for pair in found}
    for word in words:
        pieces = merged(word, rank)
        while len(pieces) > 1 and others + len(made) < TOKENS:
            pair = (pieces[0], pieces[1])
            if pair not in rank:
                rank[pair] = len(found)
                found.append(pair)
                made.add("".join(pair))
            pieces = ["".join(pair), *pieces[2:]]
    return found


def merged(word: str, rank: dict[tuple[str, str], int]) -> list[str]:
    """The tokens of ``word``."""
    pieces = [*word[:-1], word[-1] + END]
    while len(pieces) > 1:
        best = min(range(len(pieces) - 1), key=lambda i: rank.get((pieces[i], pieces[i + 1]), len(rank)))
        if (pieces[best], pieces[best + 1]) not in rank:
            break
        pieces[best : best + 2] = [pieces[best] + pieces[best + 1]]
    return pieces


def vectors(tokenizer: CLIPTokenizer) -> np.ndarray:
    """First vectors (tokens, WIDTH): e5's of whole words in their principal directions, small noise for pieces."""
    table = tokenizer.get_vocab()
    whole = {token[: -len(END)]: row for token, row in table.items() if token.endswith(END) and len(token) > len(END) + 1}
    engine = embedding.shared()
    assert engine is not None
    seen = np.asarray(engine.embed(list(whole)), np.float32)
    seen -= seen.mean(0)
    _, _, axes = np.linalg.svd(seen, full_matrices=False)
    found = np.random.default_rng(5).normal(0, SCALE / 3, (len(table), WIDTH)).astype(np.float32)
    kept = seen @ axes[:WIDTH].T
    found[list(whole.values())] = SCALE * kept / np.sqrt((kept**2).mean(1, keepdims=True))
    share = float((kept**2).sum() / (seen**2).sum())
    print(len(table), "tokens,", len(whole), "of them words; of e5's variance", round(share, 3))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--nouns", type=Path, default=Path("stages/scene/knowledge/nouns.yaml"))
    args = parser.parse_args()
    rows = json.loads((args.data / "concepts.json").read_text())
    count = corpus([Concept(r["code"], r["name"], r["tags"], r["others"], r["held"]) for r in rows], args.nouns)
    tokenizer = learnt(count)
    tokenizer.save_pretrained(str(args.data / "tokenizer"))
    np.save(args.data / "tokens.npy", vectors(tokenizer))
    held = [r["held"] for r in rows if r["held"]]
    pieces = [tokenizer.tokenize(text) for text in held]
    print("tokens a word of held-out prompts:", sum(map(len, pieces)) / sum(len(text.split()) for text in held), pieces[:9])


if __name__ == "__main__":
    main()
