"""Who can be compared: a name, and what it sets of `generate`.

``compose`` is the composer as it would choose, ``compose:LAYOUT`` in one layout and ``compose:STYLE`` as an avatar in one
style; any other name is a diffusion model of the catalogue, and what has a slash in it a folder in diffusers' format.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from imajin_cli.contract.errors import UsageError
from imajin_cli.models.catalogue import catalogue
from imajin_cli.models.entry import Entry
from imajin_cli.options import scalar_of
from imajin_cli.run.bind import stage_class

COMPOSE = "compose"
MOST = 24
_TASK = "diffusion"


@dataclass(frozen=True)
class Contender:
    """One column's: ``name`` as it was given, ``settings`` of `generate`, and its ``entry`` in the catalogue, if it has one."""

    name: str
    settings: Mapping[str, Any]
    entry: Entry | None = None

    @property
    def label(self) -> str:
        """How the sheet calls it: of a folder, its last part."""
        return PurePath(self.name).name or self.name if is_folder(self.name) else self.name


def contenders(texts: Iterable[str]) -> list[Contender]:
    """Those that ``texts`` name, each a name or several with commas between, each once.

    Raises UsageError for none, for more than `MOST`, and for a name that is unknown, with the nearest ones.
    """
    names = list(dict.fromkeys(name.strip() for text in texts for name in text.split(",") if name.strip()))
    if not names:
        raise UsageError("--models names nothing to compare", hint="--models compose,imajin-mini")
    if len(names) > MOST:
        raise UsageError(f"--models names {len(names)}, and at most {MOST} are compared at once")
    known = {one.name: one for one in every()}
    return [known[name] if name in known else _other(name, known) for name in names]


def every() -> Iterator[Contender]:
    """All that have a name: the composer's, then the catalogue's diffusion models. Raises UsageError for a bad models.yaml."""
    yield Contender(COMPOSE, {"backend": "compose"})
    for layout in _choices("layout"):
        yield Contender(f"{COMPOSE}:{layout}", {"backend": "compose", "layout": layout})
    for style in _choices("avatar_style"):
        yield Contender(f"{COMPOSE}:{style}", {"backend": "compose", "layout": "avatar", "avatar_style": style})
    for name, entry in catalogue().items():
        if entry.task == _TASK:
            yield Contender(name, {"backend": "diffusers", "model": name}, entry)


def completions(incomplete: str) -> list[str]:
    """What may stand there for the shell: the last of the names completed, what stands before it kept."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{one.name}" for one in every() if one.name.startswith(last)]


def is_folder(name: str) -> bool:
    """Whether ``name`` is where a model lies, not what it is called."""
    return "/" in name or "\\" in name or name.startswith((".", "~"))


def _choices(param: str) -> list[str]:
    field = stage_class("generate").Params.model_fields[param]
    return [choice for choice in scalar_of(field.annotation).choices if choice != "auto"]


def _other(name: str, known: Iterable[str]) -> Contender:
    if is_folder(name):
        return Contender(name, {"backend": "diffusers", "model": name})
    table = catalogue()
    if name in table:
        raise UsageError(f"--models: {name} makes no pictures, it is a model for {table[name].task}")
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else "imajin models list, and compose"
    raise UsageError(f"--models: there is no model {name[:60]!r}", hint=hint)
