"""What Make is to know: each file that an asset was made of, in Make's own syntax, as compilers write it.

The lock is the target of a build. It depends on every input, and on every published file and its sidecar, so that one which
is deleted or edited is made again. Each published file has a rule of its own, for Makefiles that make them one by one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import imajin_cli
from imajin_cli.contract.errors import OutputError
from imajin_cli.repository.causes import recipe_causes
from imajin_cli.repository.lock import Lock, read_lock
from imajin_cli.repository.recipe import Recipe
from imajin_cli.repository.standing import listed, published
from imajin_cli.run.atomic import folder_lock, make_folder, write_atomic
from imajin_cli.run.shelf import Shelf

_SLASHED = frozenset(" \t#*?[]:")
# Files that an asset would be made by were they there: Make looks for them itself, so that a new one is seen.
_MAY_APPEAR = "$(wildcard imajin.yaml models.yaml presets/*.yaml presets/*.yml)"
# A bare = makes an assignment of a rule, and no backslash helps.
_ESCAPED = {"$": "$$", "=": "$(subst ,,=)"}


def escaped(path: str) -> str:
    """``path`` as a word of a Makefile. OutputError for a name that none can be: line break, %, ;, |, backslash."""
    if set(path) & set("\n\r%;|\\"):
        raise OutputError(f"{path}: a name that no Makefile can hold", hint="rename it, or leave --depfile out")
    return "".join(_ESCAPED.get(char, f"\\{char}" if char in _SLASHED else char) for char in path)


def write_depfile(
    path: Path, source: str, locked: Path, recipes: Sequence[Recipe], shelf: Callable[[str], Shelf]
) -> None:
    """Write the depfile of a build, and see that Make takes what is up to date for that. ``shelf`` gives where files were
    published. Raises OutputError, InputError.

    A published file that is older than one of its inputs, though nothing in it changed for them, gets a new time: to Make it
    would be stale for ever. Several builds of parts may end at once: under the lock's own folder's lock the last one to write
    has seen what all others did.
    """
    make_folder(path.parent)
    make_folder(locked.parent)
    with folder_lock(locked.parent):
        lock = read_lock(locked)
        rules = {recipe.name: (_outputs(lock, recipe), [source, *_inputs(lock, recipe)]) for recipe in recipes}
        beside = list(dict.fromkeys(one for recipe in recipes for one in _sidecars(lock, recipe, shelf)))
        write_atomic(path, "\n".join(_lines(lock, rules.values(), beside)).encode("utf-8", "surrogateescape") + b"\n")
    for recipe in recipes:
        if not recipe_causes(recipe, lock):
            _touch(*rules[recipe.name])


def _outputs(lock: Lock, recipe: Recipe) -> list[str]:
    return list(published(recipe.name, lock, remote=False)) if recipe.name in lock.assets else []


def _sidecars(lock: Lock, recipe: Recipe, shelf: Callable[[str], Shelf]) -> list[str]:
    found = listed(_outputs(lock, recipe), shelf).values()
    return [asset.sidecar() for asset in found if asset is not None]


def _inputs(lock: Lock, recipe: Recipe) -> list[str]:
    named = [lock.base.found(shown) for shown in recipe.inputs]
    return list(dict.fromkeys([*(os.path.normpath(path) for path in recipe.reads), *named, _version_file()]))


def _version_file() -> str:
    """The file that another version of imajin brings: with it, what is stale may be another thing."""
    return str(imajin_cli.__file__)


def _lines(lock: Lock, rules: Iterable[tuple[list[str], list[str]]], beside: Sequence[str]) -> Iterator[str]:
    rules = list(rules)
    inputs = dict.fromkeys(one for _, named in rules for path in named for one in _files(path))
    outputs = dict.fromkeys(path for made, _ in rules for path in made)
    yield _rule([str(lock.path)], [*inputs, *outputs, *beside])
    yield f"{escaped(str(lock.path))}: {_MAY_APPEAR}"
    for made, named in rules:
        if made:
            yield _rule(made, [one for path in named for one in _files(path)])
    # An input or a sidecar that is gone is a reason to build, not an error of Make's.
    yield from (f"{escaped(path)}:" for path in [*inputs, *beside])


def _files(path: str) -> list[str]:
    """The file, or for a folder all files in it: a folder's own time tells of names alone."""
    found = Path(path).expanduser()
    if not found.is_dir():
        return [str(found)]
    return sorted(str(one) for one in found.rglob("*") if one.is_file())


def _rule(targets: Sequence[str], needed: Sequence[str]) -> str:
    return f"{' '.join(map(escaped, targets))}: \\\n  " + " \\\n  ".join(map(escaped, needed))


def _touch(outputs: Sequence[str], inputs: Sequence[str]) -> None:
    newest = max((_time(one) for path in inputs for one in _files(path)), default=0)
    for path in outputs:
        if 0 < _time(path) <= newest:
            with suppress(OSError):
                os.utime(path)


def _time(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
