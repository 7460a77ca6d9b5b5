"""SVG text as a small tree, parsed by expat with everything refused that reaches outside the text or blows it up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from imajin_cli.contract.errors import InputError

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
XML = "http://www.w3.org/XML/1998/namespace"
MAX_BYTES = 8 << 20
MAX_ELEMENTS = 50_000
MAX_DEPTH = 96
MAX_ATTRIBUTES = 250_000


@dataclass
class Node:
    """One element: namespace, local name, attributes by (namespace, local name), and its children and text in order."""

    space: str
    name: str
    attributes: dict[tuple[str, str], str]
    content: list[Node | str] = field(default_factory=list)

    def children(self) -> Iterator[Node]:
        """The elements directly inside this one."""
        return (item for item in self.content if isinstance(item, Node))

    def get(self, name: str) -> str | None:
        """The value of an attribute that has no namespace."""
        return self.attributes.get(("", name))

    def walk(self) -> Iterator[Node]:
        """The element itself and all below it, in document order."""
        yield self
        for child in self.children():
            yield from child.walk()

    def text(self) -> str:
        """The text directly inside this element."""
        return "".join(item for item in self.content if isinstance(item, str))


class _Builder:
    """Collects the tree from expat's events."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.stack: list[Node] = []
        self.elements = 0
        self.attributes = 0

    def start(self, name: str, pairs: list[str]) -> None:
        """Open an element; ``pairs`` are names and values in turn. Raises InputError past a bound."""
        self.elements += 1
        self.attributes += len(pairs) // 2
        if self.elements > MAX_ELEMENTS or self.attributes > MAX_ATTRIBUTES:
            raise InputError(f"the SVG has more than {MAX_ELEMENTS} elements or {MAX_ATTRIBUTES} attributes")
        if len(self.stack) >= MAX_DEPTH:
            raise InputError(f"the SVG nests deeper than {MAX_DEPTH} elements")
        attributes = {_split(pairs[i]): pairs[i + 1] for i in range(0, len(pairs), 2)}
        node = Node(*_split(name), attributes)
        if self.stack:
            self.stack[-1].content.append(node)
        else:
            self.root = node
        self.stack.append(node)

    def end(self, _name: str) -> None:
        self.stack.pop()

    def characters(self, text: str) -> None:
        self.stack[-1].content.append(text)


def _split(name: str) -> tuple[str, str]:
    space, _, local = name.rpartition("\n")
    return space, local


def _refuse_doctype(_name: str, _system: str | None, _public: str | None, internal: bool) -> None:
    """A plain DOCTYPE that names the public DTD is harmless, being never fetched; one with declarations is not."""
    if internal:
        raise InputError("the SVG declares a document type of its own, which is refused")


def _refuse_entity(*_: object) -> NoReturn:
    raise InputError("the SVG declares or uses an entity, which is refused")


def parse(data: bytes) -> Node:
    """The root element of ``data``. Raises InputError: not well-formed, too large, too deep, entities, no SVG root."""
    if len(data) > MAX_BYTES:
        raise InputError(f"the SVG has {len(data)} bytes, more than the limit of {MAX_BYTES}")
    builder = _Builder()
    parser = expat.ParserCreate(namespace_separator="\n")
    parser.ordered_attributes = True
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EntityDeclHandler = _refuse_entity
    parser.ExternalEntityRefHandler = _refuse_entity
    parser.SkippedEntityHandler = _refuse_entity
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise InputError(f"the SVG is damaged or truncated: {error}") from error
    root = builder.root
    if root is None or root.name != "svg" or root.space not in (SVG, ""):
        raise InputError("the document's root element is not svg")
    return root
