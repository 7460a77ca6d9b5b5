"""The published JSON Schemas as TypeScript: declarations alone, of what pydantic's schemas are made of.

Reads the part of JSON Schema 2020-12 that the published schemas use, and refuses the rest rather than guess.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_PRIMITIVES = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")
_REF = "#/$defs/"
_WIDTH = 120


def declarations(schemas: Mapping[str, Schema]) -> str:
    """Declarations for ``schemas`` (name → schema) and all that they refer to, sorted by name.

    Raises ValueError where two schemas of one name differ, or one uses what cannot be said here.
    """
    named: dict[str, Schema] = {}
    for name, schema in schemas.items():
        for key, part in {**schema.get("$defs", {}), name: schema}.items():
            bare = {word: value for word, value in part.items() if word not in ("$defs", "$schema", "title")}
            if named.setdefault(key, bare) != bare:
                raise ValueError(f"there are two schemas named {key}, and they differ")
    return "\n".join(_declaration(name, named[name]) for name in sorted(named))


def _declaration(name: str, schema: Schema) -> str:
    comment = _comment(schema, "")
    if schema.get("type") == "object" and "properties" in schema:
        return f"{comment}export interface {name} {_members(schema, '')}\n"
    union = _type(schema, "")
    if len(union) + len(name) > _WIDTH - 16 and " | " in union and "\n" not in union:
        union = "\n  | " + union.replace(" | ", "\n  | ")
    return f"{comment}export type {name} ={'' if union.startswith(chr(10)) else ' '}{union};\n"


def _members(schema: Schema, indent: str) -> str:
    inner = indent + "  "
    required = set(schema.get("required", ()))
    lines = ["{"]
    for key, part in schema["properties"].items():
        shown = key if _IDENTIFIER.fullmatch(key) else json.dumps(key)
        mark = "" if key in required else "?"
        lines.append(f"{_comment(part, inner)}{inner}{shown}{mark}: {_type(part, inner)};")
    if schema.get("additionalProperties") is True:
        lines.append(f"{inner}/** What a newer version may say beside. */")
        lines.append(f"{inner}[key: string]: unknown;")
    return "\n".join([*lines, indent + "}"])


def _type(schema: Schema, indent: str) -> str:
    """The type of ``schema``. Raises ValueError for a form that is not known."""
    if "prefixItems" in schema:
        raise ValueError("a tuple: many generators drop it, so no published schema may hold one")
    if "$ref" in schema:
        return _named(schema["$ref"])
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    if "enum" in schema:
        return " | ".join(json.dumps(one, ensure_ascii=False) for one in schema["enum"])
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " | ".join(dict.fromkeys(_type(one, indent) for one in schema[word]))
    return _of_type(schema, indent)


def _of_type(schema: Schema, indent: str) -> str:
    kind = schema.get("type")
    if kind is None:
        if set(schema) - {"description", "default", "title", "examples"}:
            raise ValueError(f"a schema that cannot be told in TypeScript: {sorted(schema)}")
        return "unknown"
    if kind == "array":
        of = _type(schema["items"], indent) if "items" in schema else "unknown"
        return f"({of})[]" if " | " in of else f"{of}[]"
    if kind == "object":
        return _object(schema, indent)
    if kind not in _PRIMITIVES:
        raise ValueError(f"an unknown type: {kind!r}")
    return _PRIMITIVES[kind]


def _object(schema: Schema, indent: str) -> str:
    if "properties" in schema:
        return _members(schema, indent)
    rest = schema.get("additionalProperties", True)
    # Not the utility type Record, whose name one of ours takes.
    return f"{{ [key: string]: {'unknown' if rest is True else _type(rest, indent)} }}"


def _named(reference: str) -> str:
    if not reference.startswith(_REF):
        raise ValueError(f"a reference that is not to {_REF}: {reference}")
    return reference.removeprefix(_REF)


def _comment(schema: Schema, indent: str) -> str:
    """The description as TSDoc, wrapped; none where there is none."""
    text = schema.get("description", "").replace("*/", "*\\/").replace("``", "`")
    lines = [line for paragraph in text.split("\n\n") for line in _wrapped(paragraph, _WIDTH - len(indent) - 7)]
    if not lines:
        return ""
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    return f"{indent}/**\n" + "".join(f"{indent} * {line}\n" for line in lines) + f"{indent} */\n"


def _wrapped(text: str, width: int) -> Iterator[str]:
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    if line:
        yield line
