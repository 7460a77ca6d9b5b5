"""Whether a command is for the worker, as the command line, the environment and the config files say. No Typer, no YAML."""

from __future__ import annotations

import os

from imajin_cli.worker import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

    class Wish(NamedTuple):
        """What the worker is to do: the command without our own flags, and whether somebody asked for the worker by name."""

        arguments: list[str]
        asked: bool
        settings: dict[str, Any]

else:
    from collections import namedtuple

    Wish = namedtuple("Wish", "arguments asked settings")

# What is no stage: quick by itself, many runs that keep their models themselves, or about the worker. What else is unknown here
# may be a third party's stage.
LOCAL = frozenset(
    {
        "batch",
        "clean",
        "compare",
        "config",
        "doctor",
        "gpu",
        "license",
        "models",
        "presets",
        "provenance",
        "report",
        "schema",
        "show",
        "worker",
    }
)
DEFAULT = "on"
"""What ``auto`` amounts to. On a CI machine ($CI) it is off: what outlives its job there is a nuisance."""

_YES = {
    "on": "on",
    "1": "on",
    "true": "on",
    "yes": "on",
    "off": "off",
    "0": "off",
    "false": "off",
    "no": "off",
    "auto": "auto",
    "": "auto",
}
# In YAML a bare on or off is a truth value, so the config has words of its own.
_USES = {"auto": "auto", "always": "on", "never": "off"}
_MOST_CONFIG = 1 << 20


class BadSwitch(Exception):  # noqa: N818 - the client says it, and ends with 2
    """$IMAJIN_WORKER is neither on, off nor auto."""


def wish(arguments: list[str]) -> Wish | None:
    """What to ask of the worker for this command line, None where the command is to do its work itself.

    Raises BadSwitch.
    """
    switch, rest = _flags(arguments)
    if not place.SUPPORTED or not rest or rest[0].startswith("-") or rest[0] in LOCAL or _bound():
        return None
    if switch == "off" or "--help" in rest or "-h" in rest:
        return None
    said = switch or _of_environment()
    settings: dict[str, Any] = {}
    if said != "off" and _is_configured():
        settings = _of_config()
        use = _USES[str(settings.pop("use"))]
        said = use if said == "auto" else said
    chosen = (DEFAULT if "CI" not in os.environ else "off") if said == "auto" else said
    return Wish(rest, said == "on", settings) if chosen == "on" else None


def _bound() -> bool:
    """Whether the command is tied to this process: it is completed by a shell, was given a lease or limits, or looks for
    modules in its working folder.
    """
    if "_IMAJIN_COMPLETE" in os.environ or "IMAJIN_LEASE" in os.environ:
        return True
    path = os.environ.get("PYTHONPATH")
    if path and not all(os.path.isabs(entry) for entry in path.split(os.pathsep)):
        return True
    import resource

    limits = (resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_AS, resource.RLIMIT_DATA)
    return any(resource.getrlimit(limit)[0] != resource.RLIM_INFINITY for limit in limits)


def _flags(arguments: list[str]) -> tuple[str | None, list[str]]:
    """--worker or --no-worker before the command, the last one wins; and the rest."""
    switch = None
    for at, argument in enumerate(arguments):
        if argument == "--worker":
            switch = "on"
        elif argument == "--no-worker":
            switch = "off"
        else:
            return switch, arguments[at:]
    return switch, []


def _of_environment() -> str:
    value = os.environ.get("IMAJIN_WORKER", "")
    try:
        return _YES[value.strip().lower()]
    except KeyError:
        raise BadSwitch(value) from None


def _is_configured() -> bool:
    """Whether a config file or the environment has a word on the worker: only then is it worth while to read YAML."""
    if any(name.startswith("IMAJIN_WORKER__") for name in os.environ):
        return True
    return any(_mentions(path) for path in _config_files())


def _config_files() -> list[str]:
    """Where config files may be; the places are those of imajin_cli.config.places, which reads them in full."""
    found = [os.environ.get("IMAJIN_CONFIG") or os.path.join(os.path.dirname(place.ROOT), "configs", "config.yaml")]
    found.append(os.path.join(place.ROOT, "configs", "config.yaml"))
    bases = (os.environ.get("XDG_CONFIG_HOME", ""), os.path.expanduser("~/.config"))
    found += [os.path.join(base, "imajin", "config.yaml") for base in bases if os.path.isabs(base)]
    try:
        folder = os.getcwd()
    except OSError:
        return found
    while True:
        found.append(os.path.join(folder, "imajin.yaml"))
        above = os.path.dirname(folder)
        if above == folder:
            return found
        folder = above


def _mentions(path: str) -> bool:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return b"worker" in os.read(file, _MOST_CONFIG)
    except OSError:
        return False
    finally:
        os.close(file)


def _of_config() -> dict[str, Any]:
    """The worker's section as the config layers have it; with a config that is wrong, the command itself is to say so."""
    from imajin_cli.config.layers import load_settings
    from imajin_cli.config.resolve import resolve
    from imajin_cli.contract.errors import ImajinError
    from imajin_cli.worker.options import WorkerParams

    try:
        return resolve("worker", WorkerParams, load_settings(), {}).params.model_dump()
    except ImajinError:
        return {"use": "never"}
