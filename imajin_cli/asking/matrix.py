r"""Prompt matrices and wildcards in dynamicprompts' syntax, read by a bounded parser and never evaluated.

`{a|b}` takes one, `{0.5::a|2::b}` by weights, `{2$$a|b|c}` two of them, `{1-2$$ and $$a|b|c}` one or two joined by " and ",
`__name__` and `__folder/na*e__` a line of a file, `# …` to the end of a line is a comment, `\\{` is a plain brace.
"""

from __future__ import annotations

import functools
import itertools
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from imajin_cli.contract.errors import UsageError

MOST_CHARS = 20_000
MOST_DEPTH = 12
MOST_CHOICES = 256
MOST_NODES = 4000
MOST_LENGTH = 4000
MOST_PROMPTS = 10_000
MOST_TRIES = 50_000
MOST_LOOKUPS = 20_000
MOST_FOLDS = 8
"""How deep wildcards may name wildcards."""
_BOUND = re.compile(r"\s*(?:(\d{1,3})\s*-\s*(\d{1,3})|(\d{1,3})\s*-|-\s*(\d{1,3})|(\d{1,3}))\s*\Z")
_WEIGHT = re.compile(r"\s*(\d{0,6}(?:\.\d{1,6})?)\s*::")
_WILDCARD = re.compile(r"__([^\W_](?:[\w./*?-]*?[\w*?])?|[*?][\w./*?-]*?)__", re.ASCII)
_VARIABLE = re.compile(r"\$\{")
_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*")

Lines = Callable[[str], Sequence[str]]
"""The lines of the wildcards that a name or pattern stands for."""


@dataclass(frozen=True)
class Text:
    """Plain words."""

    value: str


@dataclass(frozen=True)
class Wildcard:
    """A line of a file."""

    name: str


@dataclass(frozen=True)
class Choice:
    """So many (``least`` to ``most``) of the weighted ``options``, joined by ``between``."""

    options: tuple[Run, ...]
    weights: tuple[float, ...]
    least: int = 1
    most: int = 1
    between: str = ","


@dataclass(frozen=True)
class Run:
    """Nodes one after another."""

    nodes: tuple[Text | Wildcard | Choice, ...]


def parse(text: str) -> Run:
    """The tree of a prompt matrix.

    Raises UsageError for braces that do not match, variables, and anything beyond the bounds of depth, count and size.
    """
    if len(text) > MOST_CHARS:
        raise UsageError(f"the prompt matrix has {len(text):,} characters; at most {MOST_CHARS:,} are read")
    if _VARIABLE.search(text):
        raise UsageError("${…} in a prompt matrix: variables are not read", hint="write the choice where it is wanted")
    return _Parser(_COMMENT.sub("", text)).whole()


class _Parser:
    """Recursive descent, as deep as `MOST_DEPTH`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._nodes = 0

    def whole(self) -> Run:
        found = self._sequence(0)
        if self._at < len(self._text):
            raise UsageError(
                "a } or | in the prompt matrix stands outside braces", hint="write \\} or \\| for the sign itself"
            )
        return found

    def _sequence(self, depth: int) -> Run:
        nodes: list[Text | Wildcard | Choice] = []
        plain: list[str] = []

        def settle() -> None:
            if plain:
                nodes.append(Text("".join(plain)))
                plain.clear()

        while self._at < len(self._text):
            sign = self._text[self._at]
            wildcard = _WILDCARD.match(self._text, self._at) if sign == "_" else None
            if sign == "\\" and self._text[self._at + 1 : self._at + 2] in ("{", "}", "|", "_", "\\", "#", "$"):
                plain.append(self._text[self._at + 1])
                self._at += 2
            elif sign == "{":
                settle()
                nodes.append(self._choice(depth + 1))
            elif sign in "}|" and (depth or sign == "}"):
                break
            elif wildcard:
                settle()
                nodes.append(Wildcard(wildcard[1]))
                self._at = wildcard.end()
            else:
                plain.append(sign)
                self._at += 1
        settle()
        self._nodes += len(nodes)
        if self._nodes > MOST_NODES:
            raise UsageError(f"the prompt matrix has more than {MOST_NODES:,} parts")
        return Run(tuple(nodes))

    def _choice(self, depth: int) -> Choice:
        if depth > MOST_DEPTH:
            raise UsageError(f"the braces of the prompt matrix are more than {MOST_DEPTH} deep")
        self._at += 1
        least, most, between = self._bounds()
        options: list[Run] = []
        weights: list[float] = []
        while True:
            weights.append(self._weight())
            while self._text[self._at : self._at + 1].isspace():
                self._at += 1
            options.append(self._sequence(depth))
            if len(options) > MOST_CHOICES:
                raise UsageError(f"braces of the prompt matrix hold more than {MOST_CHOICES} choices")
            if self._at >= len(self._text):
                raise UsageError("a { in the prompt matrix has no }", hint="write \\{ for a brace of its own")
            self._at += 1
            if self._text[self._at - 1] == "}":
                break
        most = len(options) if most is None else most
        if not least <= most:
            raise UsageError(f"{least}-{most}$$ in the prompt matrix: the least is more than the most")
        if not any(weights):
            raise UsageError("all weights of a choice in the prompt matrix are 0")
        return Choice(tuple(options), tuple(weights), min(least, len(options)), min(most, len(options)), between)

    def _bounds(self) -> tuple[int, int | None, str]:
        """How many are taken, and what joins them: "2$$", "1-3$$", "2$$ and $$"."""
        end = min((i for i in (self._text.find(sign, self._at) for sign in "{}|") if i >= 0), default=len(self._text))
        head, *rest = self._text[self._at : end].split("$$")
        found = _BOUND.match(head) if rest else None
        if found is None:
            return 1, 1, ","
        low, high, from_, up_to, exact = found.groups()
        self._at += len(head) + 2
        between = ","
        if len(rest) > 1:
            between = rest[0]
            self._at += len(between) + 2
        if exact is not None:
            return int(exact), int(exact), between
        if low is not None:
            return int(low), int(high), between
        return (int(from_), None, between) if from_ is not None else (1, int(up_to), between)

    def _weight(self) -> float:
        found = _WEIGHT.match(self._text, self._at)
        if not found or not found[1].strip("."):
            return 1.0
        self._at = found.end()
        return float(found[1])


def sampled(tree: Run, chance: random.Random, lines: Lines) -> str:
    """One prompt of the matrix, by ``chance``. Raises UsageError for a wildcard that there is not, or a prompt too long."""
    known = limited(lines)
    return _bounded("".join(_pick(node, chance, known, 0) for node in tree.nodes))


def _pick(node: Text | Wildcard | Choice, chance: random.Random, lines: Lines, folds: int) -> str:
    if isinstance(node, Text):
        return node.value
    if isinstance(node, Wildcard):
        found = lines(node.name)
        return "".join(_pick(part, chance, lines, folds + 1) for part in _folded(chance.choice(found), folds).nodes)
    number = chance.randint(node.least, node.most)
    left = list(range(len(node.options)))
    taken: list[str] = []
    for _ in range(number):
        weights = [node.weights[i] for i in left]
        if not any(weights):
            break
        at = chance.choices(range(len(left)), weights)[0]
        option = node.options[left.pop(at)]
        taken.append(_bounded("".join(_pick(part, chance, lines, folds) for part in option.nodes)))
    return node.between.join(taken)


def _folded(line: str, folds: int) -> Run:
    if folds >= MOST_FOLDS:
        raise UsageError(f"wildcards name each other more than {MOST_FOLDS} deep, or in a circle")
    return parse(line)


def everything(tree: Run, lines: Lines, most: int = MOST_PROMPTS) -> Iterator[str]:
    """Every prompt of the matrix, each once, at most ``most``; choices come in every order, as dynamicprompts has them.

    Of prompts that are equal in many ways, no more than `MOST_TRIES` are looked at.
    """
    seen: set[str] = set()
    for prompt in itertools.islice(_all(tree, limited(lines), 0), MOST_TRIES):
        if prompt in seen:
            continue
        seen.add(prompt)
        yield prompt
        if len(seen) >= most:
            return


def limited(lines: Lines, most: int = MOST_LOOKUPS) -> Lines:
    """``lines`` that may be asked for so often: wildcards of wildcards could go on for ever within any depth."""
    left = itertools.count(most, -1)

    def within(name: str) -> Sequence[str]:
        if next(left) <= 0:
            raise UsageError(f"a prompt matrix that looks up more than {most:,} wildcards")
        return lines(name)

    return within


def _all(tree: Run, lines: Lines, folds: int) -> Iterator[str]:
    return _combined([functools.partial(_each, node, lines, folds) for node in tree.nodes], "")


def _combined(makers: Sequence[Callable[[], Iterator[str]]], between: str) -> Iterator[str]:
    """Every combination of what ``makers`` give, the last running fastest; without recursion, however many there are."""
    if not makers:
        yield ""
        return
    parts = [""] * len(makers)
    running = [makers[0]()]
    while running:
        following = next(running[-1], None)
        if following is None:
            running.pop()
            continue
        parts[len(running) - 1] = following
        if len(running) == len(makers):
            yield _bounded(between.join(parts))
        else:
            running.append(makers[len(running)]())


def _each(node: Text | Wildcard | Choice, lines: Lines, folds: int) -> Iterator[str]:
    if isinstance(node, Text):
        yield node.value
    elif isinstance(node, Wildcard):
        for line in lines(node.name):
            yield from _all(_folded(line, folds), lines, folds + 1)
    else:
        for number in range(node.least, node.most + 1):
            for chosen in itertools.permutations(node.options, number):
                makers = [functools.partial(_all, option, lines, folds) for option in chosen]
                yield from _combined(makers, node.between)


def _bounded(prompt: str) -> str:
    if len(prompt) > MOST_LENGTH:
        raise UsageError(f"a prompt of the matrix has more than {MOST_LENGTH:,} characters")
    return prompt
