"""What a diffusion model is steered by: files that are named, or the control maps that came with the asset.

`--control MODEL` takes the asset's map of the kind that the ControlNet reads, `--control MODEL=KIND` the one of that kind.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from imajin_cli.contract.bounded import read_named
from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.maps import INIT, KINDS
from imajin_cli.contract.picture import ControlMap
from imajin_cli.stages.conditioning.given import read, told_kind
from imajin_cli.stages.diffusion.inputs import digest, named, picture
from imajin_cli.stages.diffusion.maps import check_map
from imajin_cli.stages.diffusion.models import known, revision

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.backends.diffusion.order import Control

Maps = Mapping[str, ControlMap]
_MAX_CONFIG = 1 << 20
# Words in a ControlNet's name → the kind of map that it was trained on, as published ones are called.
_WORDS: Mapping[str, str] = {
    "canny": "canny", "softedge": "softedge", "hed": "softedge", "pidi": "softedge", "pidinet": "softedge",
    "lineart": "lineart", "scribble": "scribble", "sketch": "scribble", "openpose": "pose", "dwpose": "pose", "pose": "pose",
    "depth": "depth", "midas": "depth", "zoe": "depth", "normal": "normal", "normalbae": "normal", "bae": "normal",
    "seg": "segmentation", "segmentation": "segmentation", "ade20k": "segmentation",
}  # fmt: skip
_HINT = "imajin condition FILE --kind KIND | imajin generate …, or MODEL=FILE"


class Steer(NamedTuple):
    """One of `--control`: the ControlNet, the file of its map or the kind of the asset's map, neither where it is left open."""

    model: str
    file: str | None
    kind: str | None
    scale: float


def asked(texts: Sequence[str]) -> list[Steer]:
    """Take MODEL, MODEL=KIND and MODEL=FILE apart, each with @SCALE or without. Raises UsageError."""
    found = []
    for text in texts:
        one = named(text, with_map=False)
        model, equals, what = one.what.partition("=")
        if not model or (equals and not what):
            raise UsageError(f"{text[:80]}: write MODEL, MODEL=KIND or MODEL=FILE, and @SCALE behind it")
        kind = what if what in KINDS else None
        found.append(Steer(model, what if what and kind is None else None, kind, one.scale))
    return found


def needs_maps(texts: Sequence[str], image: str | None) -> bool:
    """Whether any of `--control`, or `--image init`, stands for a map of the asset's."""
    return image == INIT or any(one.file is None for one in asked(texts))


def state(texts: Sequence[str]) -> list[str]:
    """What the result depends on of `--control`: models and files. Maps of an asset are part of the work's key by themselves."""
    found = []
    for one in asked(texts):
        found += [revision(one.model), digest(Path(one.file)) if one.file else f"map {one.kind}", str(one.scale)]
    return found


def kind_read_by(model: str) -> str | None:
    """The kind of map that a ControlNet was trained on, None where its name tells none or several."""
    folder = Path(model).expanduser()
    texts = [folder.name]
    config = folder / "config.json"
    if config.is_file():
        try:
            data = read_named(str(config), "config", _MAX_CONFIG)
            told = json.loads(data) if len(data) <= _MAX_CONFIG else {}
        except (InputError, ValueError, RecursionError):
            told = {}
        texts.append(str(told.get("_name_or_path", ""))[-200:] if isinstance(told, dict) else "")
    for text in texts:
        kinds = {_WORDS[word] for word in re.split(r"[^a-z0-9]+", text.lower()) if word in _WORDS}
        if kinds:
            return kinds.pop() if len(kinds) == 1 else None
    return None


def controls(texts: Sequence[str], maps: Maps, size: tuple[int, int]) -> tuple[Control, ...]:
    """The ControlNets and their maps, brought to ``size``.

    Raises UsageError for a map that is known to be of another kind, or is not there; as `models.known` and `inputs.picture`.
    """
    from imajin_cli.stages.backends.diffusion.order import Control

    return tuple(Control(known(one.model).folder, _image(one, maps, size), one.scale) for one in asked(texts))


def _image(one: Steer, maps: Maps, size: tuple[int, int]) -> Image:
    wanted = kind_read_by(one.model)
    if one.file is None:
        return fitted(maps[_kind(one, wanted, maps)], size)
    told = told_kind(one.file, read(one.file, "map")) if wanted is not None else None
    if told is not None and told != wanted:
        raise UsageError(f"{one.file} is a {told} map, and {_name(one)} reads {wanted} maps")
    found = picture(one.file, size)
    check_map(_name(one), one.file, found)
    return found


def _name(one: Steer) -> str:
    return os.path.basename(one.model.rstrip("/"))


def _kind(one: Steer, wanted: str | None, maps: Maps) -> str:
    """Which of the asset's maps a ControlNet gets: the one that was named, that it reads, or the only one."""
    there = [kind for kind in maps if kind != INIT]
    name = _name(one)
    kind = one.kind or wanted or (there[0] if len(there) == 1 else None)
    if not there:
        raise UsageError(f"{name} is given no map, and the asset has none", hint=_HINT)
    if kind is None:
        raise UsageError(f"which map does {name} read?", hint=f"--control {name}=KIND: {', '.join(there)}")
    if kind not in maps:
        raise UsageError(f"{name} reads a {kind} map, and the asset has {', '.join(there)}", hint=_HINT)
    if wanted is not None and kind != wanted:
        raise UsageError(f"{name} reads {wanted} maps, and {kind} was asked for")
    return kind


def fitted(one: ControlMap, size: tuple[int, int]) -> Image:
    """A map in RGB at ``size``: what does not fit its ratio is cut off evenly, or, where all of it must show, padded."""
    from PIL import Image as Pil
    from PIL import ImageOps

    image = one.picture.image.convert("RGB")
    how = Pil.Resampling.LANCZOS
    if one.fit == "cover":
        return ImageOps.fit(image, size, how)
    return ImageOps.pad(image, size, how, color=image.getpixel((0, 0)))  # type: ignore[arg-type]


def file_of(image: str | None) -> str | None:
    """The file that `--image` names, None where it is left out or stands for a layout's picture."""
    return None if image == INIT else image


def beginning(image: str | None, maps: Maps, size: tuple[int, int]) -> Image | None:
    """The picture to begin from: the file that was named, else the one that a layout brought along; None for neither."""
    if image not in (None, INIT):
        return picture(str(image), size)
    if INIT in maps:
        return fitted(maps[INIT], size)
    if image == INIT:
        raise UsageError("the asset has no picture to begin from", hint="imajin condition FILE --kind layout")
    return None


def recorded(texts: Sequence[str], image: str | None, maps: Maps) -> dict[str, Any]:
    """What the record says: each ControlNet's map by digest, of the asset's own maps also the kind."""
    told: dict[str, Any] = {}
    if file_of(image) is None and INIT in maps:
        told["image"] = {"kind": INIT, "map": maps[INIT].picture.sha256[:12]}
    controls = [_told(one, maps) for one in asked(texts)]
    return {**told, "control": controls} if controls else told


def _told(one: Steer, maps: Maps) -> dict[str, Any]:
    name = _name(one)
    if one.file is not None:
        return {"model": name, "map": digest(Path(one.file)), "scale": one.scale}
    kind = _kind(one, kind_read_by(one.model), maps)
    return {"model": name, "kind": kind, "map": maps[kind].picture.sha256[:12], "scale": one.scale}
