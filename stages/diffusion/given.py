"""What a diffusion model's params name, models, pictures, adapters: for the licence policy, the key, the order, the record."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.ingredient import Ingredient, file
from imajin_cli.stages.diffusion import steering
from imajin_cli.stages.diffusion.inputs import digest, named, picture, size_of
from imajin_cli.stages.diffusion.models import is_path, is_weights, known, lora_file, revision
from imajin_cli.stages.diffusion.params import DiffusionParams

if TYPE_CHECKING:
    from imajin_cli.stages.backends.diffusion.order import Control, Weighted, Word

_WORD = re.compile(r"[^\s=@]{1,64}")


def names(p: DiffusionParams) -> list[str]:
    """Models by name or folder, for the licence policy."""
    # A file is known by where it lies, also in the folder that one is in.
    found = [name for name in (p.model, p.tiny_vae, p.gguf and str(Path(p.gguf).expanduser().absolute())) if name is not None]
    found += [one.model for one in steering.asked(p.control)]
    found += [named(p.ip_adapter, with_map=True).what] if p.ip_adapter else []
    found += [named(text, with_map=False).what for text in p.lora]
    return found + [split_word(text)[0] for text in p.embedding]


def state(p: DiffusionParams) -> list[str]:
    """What the result depends on beside the params: the model, and the contents of every file that is named."""
    found = [revision(name) for name in (p.model, p.tiny_vae) if name is not None]
    found += [digest(Path(path)) for path in (steering.file_of(p.image), p.mask, p.gguf) if path is not None]
    found += steering.state(p.control)
    if p.ip_adapter:
        one = named(p.ip_adapter, with_map=True)
        found += [revision(one.what), digest(Path(one.map or "")), str(one.scale)]
    for text in p.lora:
        one = named(text, with_map=False)
        found += [digest(lora_file(one.what)), str(one.scale)]
    for text in p.embedding:
        file, word = split_word(text)
        found += [digest(Path(file)), word]
    return found


def ingredients(p: DiffusionParams) -> list[Ingredient]:
    """The models, what is put on them, and every file that is named."""
    adapter = named(p.ip_adapter, with_map=True) if p.ip_adapter else None
    controls = steering.asked(p.control)
    models = [name for name in (p.model, p.tiny_vae, adapter and adapter.what) if name is not None]
    models += [one.model for one in controls]
    loras = [named(text, with_map=False).what for text in p.lora]
    models += [name for name in loras if not is_weights(name)]
    weights = [*filter(is_weights, loras), *(split_word(text)[0] for text in p.embedding), p.gguf]
    found = [Ingredient("model", name, path=name if is_path(name) else None) for name in models]
    found += [Ingredient("model", path, path=path) for path in weights if path]
    files = [steering.file_of(p.image), p.mask, adapter and adapter.map, *(one.file for one in controls)]
    return found + [file(path) for path in files if path]


def recorded(p: DiffusionParams) -> dict[str, Any]:
    """What went in beside the prompt, by digest."""
    files = {"image": steering.file_of(p.image), "mask": p.mask, "gguf": p.gguf}
    found: dict[str, Any] = {name: digest(Path(path)) for name, path in files.items() if path is not None}
    if p.ip_adapter:
        one = named(p.ip_adapter, with_map=True)
        told = {"model": os.path.basename(one.what), "map": digest(Path(one.map or "")), "scale": one.scale}
        found["ip_adapter"] = [told]
    loras = [named(text, with_map=False) for text in p.lora]
    if loras:
        found["lora"] = [
            {"file": os.path.basename(one.what), "digest": digest(lora_file(one.what)), "scale": one.scale} for one in loras
        ]
    words = [split_word(text) for text in p.embedding]
    if words:
        found["embedding"] = [
            {"file": os.path.basename(file), "digest": digest(Path(file)), "word": word} for file, word in words
        ]
    return found


def reference(p: DiffusionParams) -> Control | None:
    """The IP-Adapter and what it looks at, at that picture's own size."""
    from imajin_cli.stages.backends.diffusion.order import Control

    if p.ip_adapter is None:
        return None
    one = named(p.ip_adapter, with_map=True)
    path = one.map or ""
    return Control(known(one.what).folder, picture(path, size_of(path)), one.scale)


def loras(p: DiffusionParams) -> tuple[Weighted, ...]:
    """The LoRAs. Raises InputError where one is not there."""
    from imajin_cli.stages.backends.diffusion.order import Weighted

    asked = [named(text, with_map=False) for text in p.lora]
    return tuple(Weighted(lora_file(one.what), one.scale) for one in asked)


def words(p: DiffusionParams) -> tuple[Word, ...]:
    """The learnt words. Raises InputError where a file is not there."""
    from imajin_cli.stages.backends.diffusion.order import Word

    return tuple(Word(_file(file, "embedding"), word) for file, word in map(split_word, p.embedding))


def gguf(p: DiffusionParams) -> Path | None:
    """The GGUF file. Raises InputError where it is not there."""
    return None if p.gguf is None else _file(p.gguf, "GGUF file")


def split_word(text: str) -> tuple[str, str]:
    """Take FILE=WORD apart; without a word it is the file's name without its ending. Raises UsageError."""
    file, equals, word = text.rpartition("=")
    found = (file, word) if equals else (text, Path(text).stem)
    if not found[0] or not _WORD.fullmatch(found[1]):
        raise UsageError(f"{text[:80]}: write FILE or FILE=WORD, a word without blanks")
    return found


def check_masked(p: DiffusionParams) -> None:
    """Raise UsageError for a mask without its picture, InputError for one of another size."""
    if p.mask is None:
        return
    of = steering.file_of(p.image) or next((one.file for one in steering.asked(p.control) if one.file), None)
    if of is None:
        raise UsageError("a mask needs the picture that it is for", hint="--image FILE")
    one, other = size_of(p.mask), size_of(of)
    if one != other:
        raise InputError(f"the mask is {one[0]}x{one[1]}, and its picture {other[0]}x{other[1]}")


def _file(name: str, what: str) -> Path:
    path = Path(name).expanduser()
    if not path.is_file():
        raise InputError(f"{name}: there is no such {what}")
    return path.resolve()
