"""Read YAML as data, with the line of every key. No tags, no aliases, bounded size: a config file is input like any other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imajin_cli.contract.errors import UsageError

MAX_BYTES = 1 << 20
MAX_DEPTH = 12


@dataclass(frozen=True)
class Located:
    """A parsed value and the line (from 1) on which it stands. A mapping's values and a list's items are Located too."""

    value: Any
    line: int

    def plain(self) -> Any:
        """The value without its lines."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value


def read_yaml(path: Path) -> Located:
    """The mapping in ``path``. Raises UsageError naming file and line where it is not plain, bounded YAML."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path}: larger than {MAX_BYTES >> 20} MiB")
    return parse_yaml(data, str(path))


def parse_yaml(data: bytes, name: str) -> Located:
    """The mapping in ``data``; ``name`` is how errors call it."""
    root = parse_document(data, name)
    if not isinstance(root.value, dict):
        raise UsageError(f"{name}:{root.line}: expected a mapping of sections")
    return root


def parse_document(data: bytes, name: str) -> Located:
    """The one document in ``data``, an empty mapping where there is none. Raises UsageError where it is not plain YAML."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(data)
    try:
        _refuse_aliases(data, name, type(loader))
        node = loader.get_single_node()
        return Located({}, 1) if node is None else _located(loader, node, name, 0)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise UsageError(f"{name}{line}: not YAML: {getattr(error, 'problem', None) or error}") from None
    finally:
        loader.dispose()


def _refuse_aliases(data: bytes, name: str, loader: Any) -> None:
    """An alias can make a small file a huge document, and nothing here needs one."""
    import yaml

    for event in yaml.parse(data, Loader=loader):
        if isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1 if event.start_mark is not None else 1
            raise UsageError(f"{name}:{line}: aliases (*name) are not read here")


def _located(loader: Any, node: Any, name: str, depth: int) -> Located:
    import yaml

    line = node.start_mark.line + 1
    if depth > MAX_DEPTH:
        raise UsageError(f"{name}:{line}: nested too deeply")
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Located] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            at = key_node.start_mark.line + 1
            if key is None:
                raise UsageError(f"{name}:{at}: a key must be a plain word")
            if key in mapping:
                raise UsageError(f'{name}:{at}: "{key}" stands here twice')
            mapping[key] = Located(_located(loader, value_node, name, depth + 1).value, at)
        return Located(mapping, line)
    if isinstance(node, yaml.SequenceNode):
        return Located([_located(loader, item, name, depth + 1) for item in node.value], line)
    return Located(loader.construct_object(node), line)
