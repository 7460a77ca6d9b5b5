"""imajin itself: its config, its stages with the models that they need, its extras, its worker."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires, version

from imajin_cli import __version__
from imajin_cli.contract.errors import ImajinError
from imajin_cli.doctor.finding import Finding

# A requirement as a wheel's metadata has it: its name, and the extra that asks for it.
_REQUIREMENT = re.compile(r"""^([A-Za-z0-9._-]+).*\bextra\s*==\s*['"]([a-z0-9-]+)['"]""")
_FOR_DEVELOPERS = "dev"
_USES = {
    "anatomy": "faces, eyes and hands in fix-anatomy",
    "background": "people's outlines in remove-background, their poses in condition",
    "diffusion": "pictures by diffusion models",
    "quant": "diffusion models in less memory",
    "ray": "imajin batch --engine ray",
    "s3": "publishing into object stores",
}


def package() -> Iterator[Finding]:
    """The version of imajin, and whether its required packages are there."""
    yield Finding("imajin", "version", "ok", __version__)
    try:
        wanted = [line for line in requires("imajin") or () if "extra ==" not in line]
    except PackageNotFoundError:
        yield Finding("imajin", "installed", "could", "run from its sources, not installed", "pip install .")
        return
    gone = [name for name in map(_name, wanted) if name and not _installed(name)]
    if gone:
        yield Finding("imajin", "packages", "broken", f"not installed: {', '.join(gone)}", "pip install imajin")


def _name(requirement: str) -> str:
    """A required package's name; "" for one that only other systems need."""
    marker = requirement.partition(";")[2]
    return "" if "sys_platform" in marker else re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def config() -> Iterator[Finding]:
    """The config files that are read, and whether they can be."""
    from imajin_cli.config.layers import load_settings, section_models
    from imajin_cli.config.places import config_files
    from imajin_cli.config.resolve import resolve

    try:
        files = [str(path) for _, path in config_files()]
        settings = load_settings()
        for section, model in section_models().items():
            resolve(section, model, settings, {})
    except ImajinError as error:
        yield Finding("config", "files", "broken", error.line(), "imajin config check")
        return
    yield Finding("config", "files", "ok", ", ".join(files) or "none of yours; the defaults stand")


def stages() -> Iterator[Finding]:
    """Each stage of the pipeline, and whether the models are here that it uses as it is configured."""
    from imajin_cli.config.layers import load_settings
    from imajin_cli.config.resolve import resolve
    from imajin_cli.registry import stages as table
    from imajin_cli.run.bind import stage_class

    for name in table():
        try:
            cls = stage_class(name)
            params = resolve(name, cls.Params, load_settings(), {}).params
            gone = list(_gone(cls(params).models()))
        except ImajinError as error:
            yield Finding("stages", name, "broken", error.line(), error.hint or "")
            continue
        if gone:
            says, helps = "; ".join(f"{model} is not here" for model, _ in gone), "; ".join(h for _, h in gone)
            # A stage that takes part only where it is named keeps nothing else from working.
            yield Finding("stages", name, "could" if table()[name].optional else "broken", says, helps)
        else:
            yield Finding("stages", name, "ok", "ready")


def _gone(models: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(model, the command that gets it) for each that is not on this machine."""
    from imajin_cli.models.catalogue import find
    from imajin_cli.models.store import candidates, command_for, size_fits

    for model in models:
        entry = find(model)
        whole = all(any(size_fits(entry, file, at) for at, _ in candidates(entry, file)) for file in entry.files)
        if entry.open or not whole:
            yield model, command_for(entry)


def extras() -> Iterator[Finding]:
    """Each extra: whether all its packages are installed. Nothing is imported."""
    try:
        lines = requires("imajin") or []
    except PackageNotFoundError:
        return
    for extra, packages in _by_extra(lines).items():
        gone = [name for name in packages if not _installed(name)]
        use = _USES.get(extra, "")
        if gone:
            yield Finding("extras", extra, "could", f"not installed: {use}", f"pip install 'imajin[{extra}]'")
        else:
            yield Finding("extras", extra, "ok", use)


def _by_extra(lines: list[str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        match = _REQUIREMENT.match(line)
        if match and match[2] != _FOR_DEVELOPERS and "sys_platform" not in line:
            found.setdefault(match[2], []).append(match[1])
    return found


def worker() -> Iterator[Finding]:
    """Whether commands can use the worker."""
    from imajin_cli.worker import place, wish

    if not place.SUPPORTED:
        yield Finding("worker", "worker", "could", "needs Linux; every command works without it")
        return
    try:
        asked = wish.wish(["generate"])
    except wish.BadSwitch as error:
        says = f"IMAJIN_WORKER={str(error)[:40]!r} is neither on, off nor auto"
        yield Finding("worker", "worker", "broken", says, "unset IMAJIN_WORKER")
        return
    if asked is None:
        yield Finding("worker", "worker", "ok", "off by config, environment or $CI: models load in every command")
        return
    folder = place.runtime_folder()
    try:
        os.close(place.open_folder(create=True))
    except (place.Unusable, OSError) as error:
        yield Finding("worker", "worker", "broken", f"{folder}: {error}", "IMAJIN_WORKER=off works without it")
        return
    yield Finding("worker", "worker", "ok", f"on; its socket is in {folder}")
