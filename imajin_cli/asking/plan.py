"""From a classified request to the runs that make what it asks for: each a prompt or a picture, a preset, and settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imajin_cli.config.presets import preset_names
from imajin_cli.contract.classification import UNSAID, Classification
from imajin_cli.contract.errors import InputError, MissingError, UsageError
from imajin_cli.contract.request import MAX_SEED
from imajin_cli.contract.sidecar import Sidecar

Settings = Mapping[str, Mapping[str, Any]]

WITHOUT_TEXT = frozenset({"icon", "icon-set", "avatar", "pattern", "variation"})
"""Kinds into which no words are set, whatever is quoted."""
TITLED = frozenset({"share-picture"})
"""Kinds whose preset has a title of its own to start from, which is nobody's wish."""
SET_COLOURS = ("#2563eb", "#0d9488", "#7c3aed", "#db2777", "#ea580c", "#16a34a")
"""Brand colours for a set of icons that names none: one for all of them."""
JUDGE = "strict"
"""How `semantic` judges what is new: where one candidate falls, there are further seeds."""
SITE_ICONS = "favicon"
"""The preset that makes all icons of a site of one drawing; with it a set is one asset."""
LISTED = 0.8
"""From how sure on a thing is an icon of a set that lists its things."""
ICONS, MOST_ICONS, VARIATIONS, MOST_VARIATIONS = 6, 12, 3, 8
KEPT = ("layout", "variant", "theme", "colour", "harmony", "background", "subject", "situation", "people", "detail", "badge",
        "avatar_style")  # fmt: skip
"""What a variation keeps of how its source was composed; nothing that names a file."""
AVATAR_STYLES = {"anime": "lorelei"}
PAINTED = frozenset({"3d", "anime", "photorealistic"})


@dataclass(frozen=True)
class Job:
    """One run: what it is given (a prompt, or a picture's file), its preset, settings by section, and the first seed."""

    given: str
    preset: str | None
    settings: Settings
    seed: int | None


@dataclass(frozen=True)
class Plan:
    """All runs of a request, and what a person should know of them."""

    jobs: tuple[Job, ...]
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Wording:
    """What `prompt` made of the request: the words to draw, what to keep out, and whether a diffusion model paints."""

    prompt: str
    negative: str = ""
    painted: bool = False


def plan(found: Classification, wording: Wording, seed: int, source: Sidecar | None) -> Plan:
    """The runs for ``found``. ``source`` is the sidecar of the one picture that it names, None where there is none.

    Raises InputError for several pictures or one that is not here, MissingError for what only a diffusion model can do,
    and UsageError where what is asked for is not said.
    """
    kind = found.kind.value
    if kind == "edit":
        return _edit(found, wording, source)
    if kind == "variation":
        return _variations(found, source)
    if kind == "icon-set" and found.preset.value != SITE_ICONS:
        return _icons(found, wording, seed)
    settings = _settings(found, wording)
    return Plan((Job(wording.prompt, found.preset.value or None, settings, seed),), _notes(found, wording))


def named_file(found: Classification) -> Path:
    """The picture that an edit or a variation is of. Raises InputError where it is none or several, or an address."""
    if any(reference.kind == "url" for reference in found.references):
        raise InputError(
            "the picture is named by an address, and nothing is fetched", hint="save it, and name the file"
        )
    files = [reference.value for reference in found.references]
    if len(files) != 1:
        raise InputError(f"one picture can be changed at a time, and {len(files)} are named")
    path = Path(files[0]).expanduser()
    if not path.is_file():
        raise InputError(f"{files[0]}: no such file")
    return path


def _settings(found: Classification, wording: Wording) -> dict[str, dict[str, Any]]:
    kind, style = found.kind.value, found.style.value
    settings: dict[str, dict[str, Any]] = {"request": {}, "generate": {}, "semantic": {"judge": JUDGE}}
    if found.sizes:
        settings["request"]["size"] = list(found.sizes)
    if found.text is not None and kind not in WITHOUT_TEXT:
        settings["request"]["headline"] = found.text.value
    elif kind in TITLED:
        settings["request"]["headline"] = ""
    if found.theme.value != UNSAID:
        settings["generate"]["theme"] = found.theme.value
    if kind == "avatar" and style in AVATAR_STYLES:
        settings["generate"]["avatar_style"] = AVATAR_STYLES[style]
    if wording.painted and wording.negative:
        settings["generate"]["negative"] = wording.negative
    return settings


def _notes(found: Classification, wording: Wording) -> tuple[str, ...]:
    drawn = found.style.value == "anime" and found.kind.value in ("avatar", "loading-state")
    if wording.painted or found.style.value not in PAINTED or drawn:
        return ()
    return (
        f"{found.style.value} was asked for, and without a diffusion model it is drawn flat: --set generate.model=NAME",
    )


def _icons(found: Classification, wording: Wording, seed: int) -> Plan:
    """A set: an icon for each thing that is named, in one colour and manner; or several for what it is about."""
    settings = _settings(found, wording)
    settings["generate"] |= {
        "colour": found.colours[0] if found.colours else SET_COLOURS[seed % len(SET_COLOURS)],
        "harmony": "mono",
    }
    preset = found.preset.value or None
    prompts = _listed(found)
    if len(prompts) > 1:
        return Plan(tuple(Job(prompt, preset, settings, seed) for prompt in prompts))
    number = min(found.count.value or ICONS, MOST_ICONS)
    apart = {**settings, "output": {"name": "{name}-{seed}"}}
    return Plan(tuple(Job(wording.prompt, preset, apart, min(seed + i, MAX_SEED)) for i in range(number)))


def _listed(found: Classification) -> list[str]:
    """The words of each thing that a set is to hold, in the request's order: those after a colon where several stand there.

    "set" is the name of a thing too, so without a colon only what is surely meant counts.
    """
    request = found.request.lower()
    places = {subject.words: request.find(subject.words) for subject in found.subjects if subject.words}
    colon = max(request.find(sign) for sign in (":", "："))
    after = [words for words, place in places.items() if place > colon >= 0]
    sure = [subject.words for subject in found.subjects if subject.words and subject.probability >= LISTED]
    chosen = after if len(after) > 1 else sure
    return sorted(dict.fromkeys(chosen), key=lambda words: (places[words], words))[:MOST_ICONS]


def _variations(found: Classification, source: Sidecar | None) -> Plan:
    """Other candidates of the request that a picture of ours was made for."""
    path = named_file(found)
    if source is None or source.request is None:
        raise MissingError(
            f"{path}: not a picture of imajin's, so a variation of it would have to be painted",
            hint=f'imajin run "…" --set generate.model=NAME --set generate.image={path}',
        )
    number = min(found.count.value or VARIATIONS, MOST_VARIATIONS)
    first = (source.seed or 0) + 1
    settings = _again(source)
    settings["output"] = {"name": f"{_stem(path)}-{{seed}}"}
    request = source.request
    return Plan(
        tuple(Job(request.prompt, _preset_of(source), settings, min(first + i, MAX_SEED)) for i in range(number))
    )


def _edit(found: Classification, wording: Wording, source: Sidecar | None) -> Plan:
    path, operation = named_file(found), found.operation.value
    settings: dict[str, dict[str, Any]] = {"output": {"name": f"{_stem(path)}-{operation}"}}
    own = source is not None and source.request is not None
    if operation == "theme" and own and source is not None and source.request is not None:
        again = _again(source)
        again["generate"]["theme"] = found.theme.value if found.theme.value != UNSAID else "dark"
        again["output"] = settings["output"]
        return Plan((Job(source.request.prompt, _preset_of(source), again, source.seed or 0),))
    # A picture of somebody's own is held to what is allowed, not to what we think looks good.
    settings["run"] = {"skip": ["aesthetic", "quality"]}
    if operation == "background":
        settings["run"]["also"] = ["remove-background"]
    elif operation == "size":
        if not found.sizes:
            raise UsageError("which size is not said", hint='such as: imajin auto "resize logo.png to 512x512"')
        settings["output"] |= {"size": list(found.sizes), "crop": True}
    elif operation == "format":
        settings["output"]["format"] = _formats(found.request)
    elif operation == "caption" and found.text is not None:
        settings["text"] = {"caption": found.text.value}
    elif wording.painted:
        settings["generate"] = {"image": str(path), **({"negative": wording.negative} if wording.negative else {})}
        return Plan((Job(wording.prompt, None, settings, 0),))
    else:
        raise MissingError(
            f"{path}: what is asked for would have to be painted, and no diffusion model is set",
            hint=f'imajin run "…" --set generate.model=NAME --set generate.image={path}',
        )
    return Plan((Job(str(path), None, settings, None),))


def _again(source: Sidecar) -> dict[str, dict[str, Any]]:
    """The settings by which a picture of ours is made again, as its sidecar records them; all are validated as flags are."""
    request = source.request
    settings: dict[str, dict[str, Any]] = {"request": {}, "generate": {}}
    if request is not None:
        given = {"size": request.size, "headline": request.headline, "caption": request.caption}
        settings["request"] = {key: value for key, value in given.items() if value}
    for record in source.stages:
        if record.stage == "generate":
            kept = {key: param.value for key, param in record.params.items() if key in KEPT and param.origin == "flag"}
            settings["generate"] = {key: value for key, value in kept.items() if value is not None}
    return settings


def _preset_of(source: Sidecar) -> str | None:
    """The preset of the request, where it is one that is known by name: a sidecar leads to no file."""
    name = source.request.preset if source.request is not None else None
    return name if name in preset_names() else None


def _stem(path: Path) -> str:
    # Braces are a template's.
    return re.sub(r"[{}]", "", path.name.partition(".")[0]) or "picture"


def _formats(request: str) -> Sequence[str]:
    """The formats that a request names outside the names of files, png where it names none."""
    words = re.findall(r"(?<![\w.])(png|webp|avif|jpe?g|ico|svg)(?![\w.])", request.lower(), re.ASCII)
    return list(dict.fromkeys("jpeg" if word == "jpg" else word for word in words)) or ["png"]
