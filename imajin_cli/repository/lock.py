"""``imajin.lock``: of each asset the recipe that it was made by, and the digests of its files. Kept in the repository.

JSON with one line a value, sorted, so that two people's changes to different assets merge. What many assets share (stage
versions, models, defaults) stands once, under a digest. Nothing in it tells of time, place or machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from imajin_cli import __version__
from imajin_cli.contract.digest import json_digest
from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.sidecar import Sha256
from imajin_cli.repository.paths import Base
from imajin_cli.repository.recipe import Recipe, Tools
from imajin_cli.run.atomic import folder_lock, make_folder, write_atomic
from imajin_cli.run.reading import read_bytes

LOCK = "imajin.lock"
VERSION = 1
MAX_ASSETS = 20_000
MAX_BYTES = 128 << 20
_MARKS = (b"<<<<<<< ", b">>>>>>> ", b"||||||| ")
ShortDigest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Entry(_Strict):
    """One asset: ``source`` is the file that asks for it; params, inputs and tools are those of `Recipe`.

    ``files`` are the SHA-256 of all published files, ``unsigned`` one over the files as they were before anything was signed.
    ``because`` is why its bytes became what they are, ``imajin`` and ``backend`` what made them. ``decision`` is what a person
    said of these very files.
    """

    source: str = Field(max_length=4096)
    prompt: str | None = Field(default=None, max_length=100_000)
    preset: str | None = Field(default=None, max_length=4096)
    params: dict[str, Any] = {}
    from_preset: dict[str, Any] = {}
    from_config: dict[str, Any] = {}
    inputs: dict[str, str | None] = {}
    tools: ShortDigest
    defaults: ShortDigest
    files: dict[str, Sha256] = Field(min_length=1, max_length=4096)
    unsigned: Sha256
    backend: str | None = Field(default=None, max_length=64)
    because: list[Annotated[str, StringConstraints(max_length=2000)]] = Field(default=[], max_length=64)
    imajin: str = Field(default="", max_length=64)
    decision: Literal["approved", "rejected"] | None = None
    note: str = Field(default="", max_length=2000)

    def signed(self) -> bool:
        """Whether any of the files is signed."""
        return self.unsigned != unsigned_digest(self.files)


class _Document(_Strict):
    imajin: Literal[1]
    kind: Literal["lock"]
    assets: dict[str, Entry] = Field(max_length=MAX_ASSETS)
    defaults: dict[ShortDigest, dict[str, Any]] = {}
    tools: dict[ShortDigest, Tools] = {}


def unsigned_digest(files: Mapping[str, str]) -> str:
    """One digest over the digests of unsigned files by name."""
    return json_digest(dict(files))


@dataclass
class Lock:
    """A lock in memory."""

    path: Path
    assets: dict[str, Entry] = field(default_factory=dict)
    tools: dict[str, Tools] = field(default_factory=dict)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def base(self) -> Base:
        """What its paths are seen from."""
        return Base(self.path.parent)

    def put(
        self,
        recipe: Recipe,
        source: str,
        files: Mapping[str, str],
        unsigned: str,
        because: Iterable[str],
        backend: str | None,
    ) -> None:
        """Put in what an asset has become. Why, and what made it, is kept where the unsigned bytes are the same."""
        old = self.assets.get(recipe.name)
        same = old is not None and old.unsigned == unsigned and set(old.files) == set(files)
        tools, defaults = json_digest(recipe.tools)[:12], json_digest(dict(recipe.defaults))[:12]
        self.tools[tools], self.defaults[defaults] = recipe.tools, dict(recipe.defaults)
        kept = old if old is not None and same else None
        decided = kept if kept is not None and kept.files == dict(files) else None
        self.assets[recipe.name] = Entry(
            source=source,
            prompt=recipe.prompt,
            preset=recipe.preset,
            params=dict(recipe.params),
            from_preset=dict(recipe.from_preset),
            from_config=dict(recipe.from_config),
            inputs=dict(recipe.inputs),
            tools=tools,
            defaults=defaults,
            files=dict(sorted(files.items())),
            unsigned=unsigned,
            backend=kept.backend if kept is not None else backend,
            because=kept.because if kept is not None else list(because),
            imajin=kept.imajin if kept is not None else __version__,
            decision=decided.decision if decided is not None else None,
            note=decided.note if decided is not None else "",
        )

    def dump(self) -> bytes:
        """The file."""
        assets = {
            name: entry.model_dump(mode="json", exclude_defaults=True) for name, entry in sorted(self.assets.items())
        }
        tools = {key: self.tools[key] for key in sorted({entry.tools for entry in self.assets.values()})}
        defaults = {key: self.defaults[key] for key in sorted({entry.defaults for entry in self.assets.values()})}
        # The parts that change with an asset come first, what is shared after them.
        whole = {"imajin": VERSION, "kind": "lock", "assets": assets, "defaults": defaults, "tools": tools}
        return json.dumps(_sorted(whole, 2), indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _sorted(value: Any, depth: int) -> Any:
    """``value`` with sorted keys below the first level."""
    if isinstance(value, dict):
        items = value.items() if depth == 2 else sorted(value.items())
        return {key: _sorted(item, depth - 1) for key, item in items}
    return value


def lock_of(name: str, given: str | None = None) -> Path:
    """The lock of the build file ``name``: the one that is given, or imajin.lock beside the file."""
    return Path(given) if given is not None else Path(name).parent / LOCK


def read_lock(path: Path) -> Lock:
    """The lock in ``path``, an empty one where there is none. Raises InputError for a file that is no lock, or half merged."""
    if not path.exists():
        return Lock(path)
    data = read_bytes(path, MAX_BYTES)
    try:
        found = _Document.model_validate_json(data)
    except ValidationError as error:
        raise _complaint(path, data, error) from None
    lacking = [entry for entry in found.assets.values() if entry.tools not in found.tools]
    lacking += [entry for entry in found.assets.values() if entry.defaults not in found.defaults]
    if lacking:
        raise InputError(f"{path}: an asset's tools are not in it", hint=_again(path))
    return Lock(path, found.assets, found.tools, found.defaults)


def _complaint(path: Path, data: bytes, error: ValidationError) -> InputError:
    for number, line in enumerate(data.splitlines(), 1):
        if line.startswith(_MARKS):
            hint = "keep either side (git checkout --theirs imajin.lock), then imajin batch"
            return InputError(f"{path}:{number}: a merge was left unfinished", hint=hint)
    try:
        version = json.loads(data)["imajin"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        version = None
    if isinstance(version, int) and version > VERSION:
        return InputError(f"{path}: from a newer imajin", hint="pip install --upgrade imajin")
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"])) or "top"
    return InputError(
        f"{path}: not a lock: {where[:200]}: {first['msg'][:1].lower()}{first['msg'][1:]}", hint=_again(path)
    )


def _again(path: Path) -> str:
    return f"git checkout {path}, or remove it and build anew"


def write_lock(lock: Lock, changed: Iterable[str], removed: Iterable[str] = ()) -> bool:
    """Bring the file up to date with the entries called ``changed`` and without those ``removed``; whether anything changed.

    Others may have written meanwhile (another build file, or `--only`): under the folder's lock what they wrote is read first.
    """
    make_folder(lock.path.parent)
    with folder_lock(lock.path.parent):
        now = read_lock(lock.path)
        for name in changed:
            entry = lock.assets[name]
            now.assets[name] = entry
            now.tools[entry.tools], now.defaults[entry.defaults] = (
                lock.tools[entry.tools],
                lock.defaults[entry.defaults],
            )
        for name in removed:
            now.assets.pop(name, None)
        if len(now.assets) > MAX_ASSETS:
            raise UsageError(
                f"{lock.path}: more than {MAX_ASSETS:,} assets", hint="--no-lock, or several files with --lock"
            )
        data = now.dump()
        if lock.path.exists() and read_bytes(lock.path, MAX_BYTES) == data:
            return False
        write_atomic(lock.path, data, sync=True)
    return True
