"""Compile the dictionary: ``python -m imajin_cli.stages.scene.knowledge.pictographs FOLDER``.

FOLDER is the installed npm package ``cldr-annotations-full`` (Unicode's CLDR, licence Unicode-3.0): each language's short
name and keywords for every pictograph. `pictographs.yaml` says what is drawn for which. Writes
``compiled/dictionary.tsv``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from imajin_cli.stages.scene.knowledge.bank import bank
from imajin_cli.stages.scene.knowledge.families import family_of
from imajin_cli.stages.scene.knowledge.sources import HERE, PHOSPHOR
from imajin_cli.stages.scene.knowledge.text import (
    content_words,
    fine_stem,
    is_abstract,
    is_dull,
    is_unspaced,
    normalise,
    stem,
    tokens,
)

LANGUAGES = (
    *("en", "de", "es", "fr", "it", "pt", "nl", "sv", "da", "no", "pl", "cs", "tr"),
    *("ru", "uk", "ar", "ja", "zh", "ko"),
)
_WEIGHT = {"is": (90, 85, 60), "near": (60, 50, 40)}
"""Hundredths that a pictograph's own name, a keyword of one thing only and one of several count for."""
_MOST_THINGS = 3
"""A keyword of more different things than this tells nothing."""
_VARIANT = "\ufe0f"
Weights = dict[str, dict[str, dict[str, int]]]


def drawn() -> dict[str, tuple[str, str]]:
    """Return pictograph -> (concept, "is" or "near"); what is there first counts. Raises ValueError for a stranger."""
    known = {c.name if c.pack == "subjects" else PHOSPHOR + c.name for c in bank().concepts}
    written = yaml.safe_load((HERE / "pictographs.yaml").read_text(encoding="utf-8"))
    found: dict[str, tuple[str, str]] = {}
    for manner in ("is", "near"):
        for concept, signs in written[manner].items():
            if concept not in known:
                raise ValueError(f"pictographs.yaml: nothing is drawn for {concept}")
            for sign in signs.split():
                found.setdefault(sign.replace(_VARIANT, ""), (concept, manner))
    return found


def keys_of(folder: Path, language: str, things: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Return key -> {concept: hundredths} of one language. Keywords of too many things, and dull ones, are left out."""
    names, keywords = {}, {}  # type: dict[str, dict[str, int]], dict[str, dict[str, int]]
    for sign, name, words in _annotations(folder, language):
        if sign not in things:
            continue
        concept, manner = things[sign]
        for phrases, into, hundredths in (([name], names, _WEIGHT[manner][0]), (words, keywords, _WEIGHT[manner][1])):
            for key in filter(None, map(_key, phrases)):
                weights = into.setdefault(key, {})
                weights[concept] = max(hundredths, weights.get(concept, 0))
    clear = {key: _shared(weights) for key, weights in keywords.items() if _things(weights) <= _MOST_THINGS}
    found = clear | names
    bare = {unaccented(key): weights for key, weights in found.items()}
    return bare | found


def unaccented(key: str) -> str:
    """Return ``key`` as one types it who leaves the accents off."""
    return key if is_unspaced(key) else " ".join(map(stem, key.split()))


def _shared(weights: dict[str, int]) -> dict[str, int]:
    """The weights of a keyword, brought down where it stands for several things."""
    if _things(weights) == 1:
        return weights
    lower = {alone: several for _, alone, several in _WEIGHT.values()}
    return {concept: lower[hundredths] for concept, hundredths in weights.items()}


def _things(weights: Mapping[str, int]) -> int:
    return len({family_of(concept.removeprefix(PHOSPHOR)) for concept in weights})


def _key(phrase: str) -> str:
    words = tokens(phrase.lower())
    if not words or len(words) > 3 or all(is_dull(word) or is_abstract(word) for word in words):
        return ""
    plain = normalise(phrase)
    key = plain if is_unspaced(plain) else " ".join(map(fine_stem, content_words(plain)))
    return "" if not is_unspaced(key) and len(key) < 3 else key


def _annotations(folder: Path, language: str) -> Iterator[tuple[str, str, list[str]]]:
    """(pictograph, short name, keywords) of one language."""
    read = json.loads((folder / "annotations" / language / "annotations.json").read_text(encoding="utf-8"))
    for sign, entry in read["annotations"]["annotations"].items():
        if entry.get("tts"):
            yield sign.replace(_VARIANT, ""), entry["tts"][0], entry.get("default", [])


def lines(folder: Path) -> list[str]:
    """Return the dictionary's lines, sorted by their keys' bytes."""
    things = drawn()
    merged: Weights = {}
    for language in LANGUAGES:
        for key, weights in keys_of(folder, language, things).items():
            merged.setdefault(key, {})[language] = weights
    return [f"{key}\t{_line(merged[key])}" for key in sorted(merged, key=lambda key: key.encode() + b"\t")]


def _line(languages: Mapping[str, Mapping[str, int]]) -> str:
    parts = (
        " ".join([language, *(f"{concept} {hundredths}" for concept, hundredths in sorted(weights.items()))])
        for language, weights in languages.items()
    )
    return ";".join(parts)


def main(arguments: Sequence[str]) -> int:
    """Compile the dictionary. Returns the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: pictographs FOLDER_OF_CLDR_ANNOTATIONS_FULL\n")
        return 2
    found = lines(Path(arguments[0]))
    (HERE / "compiled" / "dictionary.tsv").write_text("\n".join(found) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(found)} phrases\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
