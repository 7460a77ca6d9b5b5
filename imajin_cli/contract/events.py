"""The events that commands print as JSON lines: one model a kind, and their union as a JSON Schema.

Within one version an event may come to have more keys, and there may be more kinds of events: a reader ignores those that it
does not know. A key that goes, or comes to mean something else, makes another version.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from imajin_cli.contract.sidecar import Draw, Record, Status


class Told(BaseModel):
    """What every event holds: the version of these events, its kind, and the command that tells it."""

    model_config = ConfigDict(extra="allow")

    imajin: Literal[1]
    stage: str = Field(description="The command that tells it: a stage's name, run, batch or compare.")


class Started(Told):
    """The command has read its settings and begins. First, unless the command line was wrong."""

    event: Literal["started"]
    version: str = Field(description="imajin's version.")
    stages: list[str] = Field(description="The stages that each asset goes through, in order.")


class Progress(Told):
    """A stage begins work on an asset, or has got further with it."""

    event: Literal["progress"]
    at: str = Field(description="The stage at work.")
    id: str = Field(description="The asset's id; before there is a picture, its request's.")
    step: int | None = Field(description="Steps of a long work that are done, null where it begins.", ge=0)
    steps: int | None = Field(description="Of how many steps.", ge=1)


class Candidate(Told):
    """A candidate's picture is there, and has not been judged yet. Of each ratio that was asked for there is one."""

    event: Literal["candidate"]
    id: str = Field(description="The asset's id, the same in all events and in its sidecar.")
    group: str = Field(description="The id of the request that it is a candidate of.")
    index: int = Field(description="Which candidate it is, from 0.", ge=0)
    of: int = Field(description="How many candidates there will be; with --until-pass, at most.", ge=1)
    seed: int | None = Field(description="The seed that it was made from.")
    ratio: str = Field(description="Its ratio, such as 16:9.")
    ratios: int = Field(description="How many ratios each candidate has.", ge=1)
    width: int = Field(description="Pixels.", ge=1)
    height: int = Field(description="Pixels.", ge=1)


class Preview(Told):
    """A small picture to show meanwhile (with --previews): of a candidate that has passed every gate, or on its way."""

    event: Literal["preview"]
    id: str = Field(description="The asset's id; of a step on the way, its request's.")
    path: str = Field(description="A PNG file, which `imajin clean` removes.")
    width: int = Field(description="Pixels of the preview.", ge=1)
    height: int = Field(description="Pixels of the preview.", ge=1)
    step: int | None = Field(description="The step that it shows, null for a finished picture.", ge=0)
    steps: int | None = Field(description="Of how many steps.", ge=1)


class Recorded(Told):
    """A stage has ended its work on an asset: the record that stands in its sidecar, without what is private."""

    event: Literal["record"]
    id: str = Field(description="The asset's id.")
    record: Record


class _Ended(Told):
    path: str | None = Field(description="The file, or the address that it was published at; null where there is none.")
    id: str = Field(description="The asset's id.")
    status: Status = Field(description="How the last stage ended.")
    by: str = Field(description="The stage that had the last word.")
    code: int = Field(description="The exit code that it stands for.")
    reason: str | None = Field(description="Why it was not passed on.")


class Passed(_Ended):
    """An asset has passed, and is where ``path`` says."""

    event: Literal["asset"]


class Rejected(_Ended):
    """An asset was rejected. Its file keeps the reason."""

    event: Literal["rejected"]


class Failed(Told):
    """Something failed. The stream goes on, or ends in the summary."""

    event: Literal["error"]
    code: int = Field(description="The exit code that it stands for.")
    message: str = Field(description="What is wrong, for a person.")
    hint: str | None = Field(description="What would help.")


class Drew(Draw, Told):
    """With --until-pass: a request's draw has ended, as its sidecars record it."""

    event: Literal["draw"]


class JobDone(Told):
    """A job of `imajin batch` has ended."""

    event: Literal["job"]
    place: str = Field(description="Where the job stands: file and line.")
    key: str = Field(description="Digest of all that decides its result.")
    code: int = Field(description="The exit code that it stands for.")
    passed: int = Field(description="Assets that passed.")
    paths: list[str] = Field(description="What was published.")
    rejected: list[int] = Field(description="The exit code of each rejected asset.")
    seconds: float = Field(description="Seconds that it took.")
    tries: int = Field(description="How often it was tried, 0 where it was found done.")


class Cause(BaseModel):
    """One reason why an asset is stale: its kind, by which programs know it, and the rest for people."""

    model_config = ConfigDict(extra="allow")

    kind: str
    text: str


class _Checked(Told):
    asset: str = Field(description="The asset's name in the recipe.")
    place: str = Field(description="Where it stands there: file and line.")
    causes: list[Cause] = Field(description="Why it is stale, empty where it is not.")


class Stale(_Checked):
    """`imajin batch --check`: an asset is not as its recipe and the lock say."""

    event: Literal["stale"]


class Current(_Checked):
    """`imajin batch --check`: an asset is up to date."""

    event: Literal["current"]


class Planned(Told):
    """`imajin batch --dry-run`: an asset would be made."""

    event: Literal["planned"]
    asset: str = Field(description="The asset's name in the recipe.")
    place: str = Field(description="Where it stands there: file and line.")
    why: str = Field(description="Why it would be made.")
    pictures: int = Field(description="How many pictures would be drawn.")


class ForecastDownload(BaseModel):
    """A model that would have to be fetched."""

    model_config = ConfigDict(extra="allow")

    name: str
    size: int | None = Field(description="Bytes; null where no catalogue lists them.")
    licence: str
    commercial: str = Field(description="Whether its licence allows commercial use.")
    command: str = Field(description="The command that fetches it.")


class ForecastMemory(BaseModel):
    """What a model would take of a device."""

    model_config = ConfigDict(extra="allow")

    model: str
    mib: int
    device: str


class Forecast(Told):
    """`imajin batch --dry-run`: what all of it would take."""

    event: Literal["forecast"]
    assets: int = Field(description="Assets that would be made.")
    seconds: float = Field(description="About how long it would take.")
    measured: bool = Field(description="Whether all of that was measured on this machine.")
    processes: int = Field(description="Processes that it would be spread over.")
    downloads: list[ForecastDownload]
    vram: list[ForecastMemory]


class CellDone(Told):
    """`imajin compare`: one prompt with one seed by one model has ended."""

    event: Literal["cell"]
    prompt: str = Field(description="The prompt.")
    model: str = Field(description="The model, as it was named.")
    seed: int = Field(description="The seed.")
    status: Literal["made", "rejected", "failed"] = Field(description="How it ended.")
    code: int = Field(description="The exit code that it stands for.")
    paths: list[str] = Field(description="What was published.")
    reason: str | None = Field(description="Why it was not made.")
    hint: str | None = Field(description="What would help.")
    licence: str = Field(description="The licence of what made it, empty where that is not known.")
    commercial: str = Field(description="Whether that allows commercial use: allowed, unclear or forbidden.")
    seconds: float = Field(description="Seconds that it took.")


class Compared(Told):
    """`imajin compare`: every cell has ended, and the page and the picture of them are written."""

    event: Literal["compared"]
    page: str = Field(description="The HTML page.")
    sheet: str = Field(description="The contact sheet, a PNG.")
    cells: int = Field(description="How many cells there are.")


class Summary(Told):
    """The last line, whatever happens but a kill or a closed pipe: what all of it amounts to."""

    event: Literal["finished"]
    passed: int = Field(description="Assets that passed.")
    rejected: dict[str, int] = Field(description="Assets that were rejected, by exit code.")
    verdict: Literal["accepted", "rejected", "error"] = Field(
        description="accepted: exit code 0; rejected: a gate's word (10 to 16); error: anything else."
    )
    code: int = Field(description="The process's exit code.")
    meaning: str = Field(description="What the exit code means.")


Event = Annotated[
    Started
    | Progress
    | Candidate
    | Preview
    | Recorded
    | Passed
    | Rejected
    | Failed
    | Drew
    | JobDone
    | Stale
    | Current
    | Planned
    | Forecast
    | CellDone
    | Compared
    | Summary,
    Field(discriminator="event"),
]


EVENT: TypeAdapter[Event] = TypeAdapter(Event)
"""Reads one event: ``EVENT.validate_json(line)``."""


def event_schema() -> dict[str, Any]:
    """JSON Schema of one line: the kinds of events, told apart by ``event``."""
    schema = EVENT.json_schema()
    return {"title": "Event", "description": "One line of --json or --events.", **schema}
