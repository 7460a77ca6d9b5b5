"""The written knowledge: situations, icon descriptions, and what the drawn subjects say about themselves.

Read when the bank is compiled or checked, never when a prompt is matched.
"""

from __future__ import annotations

import hashlib
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from imajin_cli.stages.backends import phosphor
from imajin_cli.stages.scene.knowledge.describe import describe, is_brand

HERE = Path(__file__).parent
SUBJECTS = HERE.parent / "parts" / "subjects"
PHOSPHOR = "phosphor:"
_SVG = "{http://www.w3.org/2000/svg}"
_CODE = ("describe.py", "text.py", "sources.py", "compile.py", "families.py", "hubs.py")


@dataclass(frozen=True)
class Source:
    """One thing that can be drawn: a subject of our own or an icon, with what it shows and its synonyms."""

    name: str
    pack: str
    kind: str
    title: str
    says: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Knowledge:
    """All written knowledge. ``situations`` maps ids to their YAML entries, names that nothing draws taken out."""

    situations: Mapping[str, Mapping[str, Any]]
    concepts: tuple[Source, ...]
    nouns: Mapping[str, tuple[str, ...]]
    missing: tuple[str, ...] = field(default=())


def read() -> Knowledge:
    """Read everything. Raises ValueError for an icon without a description or a situation naming an unknown icon."""
    concepts = (*_subjects(), *_icons())
    known = {source.name if source.pack == "subjects" else PHOSPHOR + source.name for source in concepts}
    written = yaml.safe_load((HERE / "situations.yaml").read_text(encoding="utf-8"))
    spoken: dict[str, list[str]] = yaml.safe_load((HERE / "spoken.yaml").read_text(encoding="utf-8"))
    if strangers := sorted(set(spoken) - set(written)):
        raise ValueError(f"spoken.yaml has lines for unknown situations: {', '.join(strangers)}")
    for key, lines in spoken.items():
        written[key]["spoken"] = lines
    missing: set[str] = set()
    situations = {key: _existing(key, entry, known, missing) for key, entry in written.items()}
    return Knowledge(situations, concepts, _nouns(), tuple(sorted(missing)))


def _nouns() -> dict[str, tuple[str, ...]]:
    """English things to draw, each with its names in other languages."""
    written = yaml.safe_load((HERE / "nouns.yaml").read_text(encoding="utf-8"))
    return {english: tuple(dict.fromkeys(others)) for english, others in written.items()}


def _existing(key: str, entry: Mapping[str, Any], known: set[str], missing: set[str]) -> dict[str, Any]:
    kept = dict(entry)
    for role in ("subjects", "companions"):
        unknown = [name for name in entry[role] if name not in known]
        if wrong := [name for name in unknown if name.startswith(PHOSPHOR)]:
            raise ValueError(f"situation {key}: no such icon: {', '.join(wrong)}")
        missing.update(unknown)
        kept[role] = [name for name in entry[role] if name in known]
    return kept


def _subjects() -> Iterable[Source]:
    for path in sorted(SUBJECTS.glob("*.svg")):
        root = ElementTree.parse(path).getroot()  # noqa: S314 -- a file of this package
        title = (root.findtext(f"{_SVG}title") or path.stem.replace("-", " ")).strip()
        says = (root.findtext(f"{_SVG}desc") or title).strip()
        words = tuple((root.get("data-words") or "").split())
        yield Source(path.stem, "subjects", root.get("data-kind", "object"), title, says, words)


def _icons() -> Iterable[Source]:
    written: dict[str, str] = yaml.safe_load((HERE / "concepts.yaml").read_text(encoding="utf-8"))
    for name in sorted(phosphor.names()):
        if is_brand(name):
            continue
        says = describe(name, written)
        if says is None:
            raise ValueError(f"the icon {name} has no description in concepts.yaml")
        first, *synonyms = says.split(", ")
        if len(first.split()) <= 2:
            synonyms.append(first)
        yield Source(name, "phosphor", "icon", name.replace("-", " ").capitalize(), says, tuple(synonyms))


def digest() -> str:
    """Return the sha256 over all that the compiled bank depends on, the drawings' shapes left out."""
    total = hashlib.sha256()
    for name in ("situations.yaml", "concepts.yaml", "nouns.yaml", "spoken.yaml", *_CODE):
        total.update(hashlib.sha256((HERE / name).read_bytes()).digest())
    subjects = [(item.name, item.kind, item.title, item.says, item.words) for item in _subjects()]
    total.update(json.dumps([subjects, sorted(phosphor.names())], ensure_ascii=True).encode())
    return total.hexdigest()
