"""What a stage is: a params model, a kind, and one method over one asset.

A stage neither reads nor writes files, takes no lease and does not know where it runs: the runtime does the rest, and
derives the subcommand, its options, the config section and the JSON Schema from ``Params``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from imajin_cli.contract.exits import Exit
from imajin_cli.contract.ingredient import Ingredient
from imajin_cli.contract.lane import Lane
from imajin_cli.contract.need import Need
from imajin_cli.contract.sidecar import Credit, ModelRef, Request, Score, Sidecar, Status

if TYPE_CHECKING:
    from imajin_cli.contract.picture import ControlMap, Picture


class Params(BaseModel):
    """A stage's parameters, declared once. Every field is flat, has a default and a description."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=Params)


class Kind(StrEnum):
    """What a stage does to an asset; the runtime supplies the behaviour that a kind shares."""

    GATE = "gate"
    SOURCE = "source"
    ANNOTATE = "annotate"
    TRANSFORM = "transform"
    SINK = "sink"


@dataclass(frozen=True)
class Asset:
    """An asset as a stage sees it: what is known of it, and its picture (None before there is one).

    ``raw`` holds a file's bytes where the stage asked for them (``Stage.reads_raw``, ``Stage.sees_file``), untrusted. ``maps``
    are the control maps that were made for it, by kind (`contract.maps`).
    """

    sidecar: Sidecar
    picture: Picture | None = None
    name: str = "asset"
    raw: bytes | None = None
    maps: Mapping[str, ControlMap] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came of a stage's work on one asset.

    ``picture`` is set where the pixels changed (status "changed"). ``code`` is the exit code a rejection stands for.
    ``rank`` orders candidates, higher is better, where the stage ranks. ``notes`` is JSON kept in the record. ``maps`` are
    control maps that were made for the asset, by kind; each is kept as an asset of its own.
    """

    status: Status
    reason: str | None = None
    code: Exit = Exit.OK
    scores: Sequence[Score] = ()
    rank: float | None = None
    picture: Picture | None = None
    backend: str | None = None
    model: ModelRef | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    credits: Sequence[Credit] = ()
    maps: Mapping[str, ControlMap] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One picture to generate: a candidate's ``index`` and ``seed``, at one ratio, ``width`` × ``height`` pixels.

    ``theme`` is set where the candidate is made for several (``themes``). ``maps`` are the control maps of the
    asset that it is made for, by kind.
    """

    request: Request
    index: int
    seed: int
    ratio: str
    width: int
    height: int
    ratios: int = 1
    theme: Literal["light", "dark"] | None = None
    themes: int = 1
    maps: Mapping[str, ControlMap] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishedFile:
    """A file to publish: its name inside the target folder, its bytes, and its entry in the manifest (JSON)."""

    name: str
    data: bytes
    entry: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Publication:
    """What ``output`` wants published for one asset: its files, and its entry in ``manifest.json``."""

    files: Sequence[PublishedFile]
    entry: Mapping[str, Any]
    outcome: Outcome


class Stage(Generic[P]):
    """Base of every stage. A subclass sets the class variables and overrides the one method of its kind."""

    name: ClassVar[str]
    kind: ClassVar[Kind]
    version: ClassVar[str] = "1"
    Params: ClassVar[type[Params]]
    # The stage wants the file's own bytes, not a decoded picture.
    reads_raw: ClassVar[bool] = False
    # The stage looks at the file's own bytes beside the decoded picture, where the picture came from a file or a pipe.
    sees_file: ClassVar[bool] = False
    # The stage works on a request, before there is a picture.
    takes_request: ClassVar[bool] = False
    # A stage that takes a request works on a picture without one, too.
    takes_picture: ClassVar[bool] = False
    # The stage's ``rank`` orders the candidates of a group, so its command has --best.
    ranks: ClassVar[bool] = False
    # Params that say where a result goes, not what it is: left out of records and keys.
    unrecorded: ClassVar[frozenset[str]] = frozenset()
    # Scores whose thresholds the stage reads from a file of `imajin calibrate`'s, named by its param ``calibration``, and the
    # asset classes that it tells apart.
    calibrates: ClassVar[frozenset[str]] = frozenset()
    asset_classes: ClassVar[tuple[str, ...]] = ()
    # The stage can say what marks a file carries, so its command has --read.
    tells_marks: ClassVar[bool] = False
    # The stage signs what it publishes: it is given ``provenance``, the ProvenanceParams, and its command has their options.
    signs: ClassVar[bool] = False
    # The exit code that a rejection by this stage stands for.
    rejects_with: ClassVar[Exit] = Exit.USAGE

    def __init__(self, params: P) -> None:
        self.params = params
        self.provenance: Params | None = None

    def revision(self) -> str:
        """What, beside version and params, the result depends on (a pack's, font's or model's digest); part of the key."""
        return ""

    def model_revision(self, score: str) -> str | None:
        """Revision of the model that gives ``score``, which a threshold holds for; None where no model does."""
        return None

    def models(self) -> Sequence[str]:
        """Names in the model catalogue of all that the stage, with its params, may use; the licence policy holds them."""
        return ()

    def maps_wanted(self) -> Literal["no", "offered", "needed"]:
        """Whether what the stage makes may follow the control maps of the asset that it is given, or cannot do without.

        Where they are needed, a prompt on the command line goes with each asset whose name is piped in.
        """
        return "no"

    def carried(self, data: bytes) -> Mapping[str, Any]:
        """What marks the file ``data`` carries, as JSON (stages that tell marks)."""
        raise TypeError(f"{self.name} tells no marks")

    def ingredients(self) -> Sequence[Ingredient]:
        """What, beside version and params, the result depends on: what a lock holds an asset's recipe to.

        Unlike ``revision()`` it says the same on every machine, whichever models are there, and imports nothing heavy.
        """
        said = self.revision()
        own = [Ingredient("data", self.name, said)] if said else []
        return [*(Ingredient("model", name) for name in self.models()), *own]

    def fonts(self, request: Request | None) -> Sequence[Ingredient]:
        """The fonts that may set what ``request`` says; further ingredients."""
        return ()

    def needs(self) -> Sequence[Need]:
        """What the stage's models, with its params, take of a device; the runtime has a lease of it before they load."""
        return ()

    def lane(self, what: Asset | Job) -> Lane | None:
        """Whose work on ``what`` could be done in one call with that of other jobs, None where it is done alone.

        Asked before the work, and of a request before its first stage: it loads nothing.
        """
        return None

    @classmethod
    def ahead(cls, works: Sequence[tuple[Stage[Any], Asset | Job]]) -> None:
        """Do ahead, in one call, what all ``works`` share (stages of this class, of one lane), and keep what came of it.

        `apply` and `make` find it then. What they give must not differ by a bit for it.
        """

    def apply(self, asset: Asset) -> Outcome:
        """Judge, annotate or transform one asset (gates, annotators, transforms, ``load``)."""
        raise TypeError(f"{self.name} does not work on one asset at a time")

    def plan(self, request: Request) -> Iterable[Job]:
        """The pictures that ``request`` asks for (sources that generate)."""
        raise TypeError(f"{self.name} does not generate")

    def make(self, job: Job) -> Outcome:
        """Make one picture (sources that generate). The same job gives the same picture."""
        raise TypeError(f"{self.name} does not generate")

    def publish(self, asset: Asset) -> Publication:
        """What to publish for one asset (sinks)."""
        raise TypeError(f"{self.name} does not publish")
