"""Presets: a YAML file with the same sections as a config file, a summary, and maybe another preset that it extends."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from imajin_cli.config.places import preset_folders
from imajin_cli.config.yamlfile import Located, read_yaml
from imajin_cli.contract.errors import UsageError

MAX_CHAIN = 8
_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,63}$")


def preset_names() -> dict[str, Path]:
    """Every preset's name → file, sorted; a project's own wins over the user's, the user's over ours."""
    found: dict[str, Path] = {}
    for folder in preset_folders():
        for path in sorted(folder.glob("*.yaml")):
            if _NAME.match(path.stem):
                found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def find_preset(name: str) -> Path:
    """The file of preset ``name`` (or of a path that ends in .yaml). Raises UsageError naming the nearest known one."""
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if path.is_file():
            return path
        raise UsageError(f"{name}: no such preset file")
    names = preset_names()
    if name in names:
        return names[name]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
    raise UsageError(f'there is no preset "{name[:60]}"', hint=hint)


def preset_chain(name: str) -> list[tuple[str, str, Located]]:
    """(origin, place, content) of a preset and all that it extends, weakest first. Raises UsageError for a circle."""
    chain: list[tuple[str, str, Located]] = []
    seen: set[Path] = set()
    wanted: str | None = name
    while wanted is not None:
        path = find_preset(wanted)
        if path.resolve() in seen or len(chain) >= MAX_CHAIN:
            raise UsageError(f"{path}: presets that extend each other in a circle or more than {MAX_CHAIN} deep")
        seen.add(path.resolve())
        root = read_yaml(path)
        chain.append((f"preset:{path.stem}", str(path), root))
        parent = root.value.get("extends")
        if parent is not None and not isinstance(parent.value, str):
            raise UsageError(f"{path}:{parent.line}: extends must be a preset's name")
        wanted = None if parent is None else parent.value
    return chain[::-1]


def preset_summary(path: Path) -> str:
    """A preset's one-line summary, empty where it has none."""
    item = read_yaml(path).value.get("summary")
    return item.value if item is not None and isinstance(item.value, str) else ""
