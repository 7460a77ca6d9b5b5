"""What the catalogue says about one model: its files by digest, its licence, and where its files can come from."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

SUFFIXES = (".safetensors", ".onnx", ".tflite", ".json", ".txt", ".bin", ".param", ".dat", ".h5", ".jinja")
MAX_FILES = 64
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_HOSTS_BY_HTTP = r"(127\.0\.0\.1|localhost|\[::1\])"
_URL = re.compile(rf"(https://[^/\s@]+|http://{_HOSTS_BY_HTTP}(:\d+)?)/\S*")

Commercial = Literal["allowed", "forbidden", "unclear"]


def safe_path(text: str) -> str:
    """``text`` where it is a plain relative path ("unet/model.safetensors"). Raises ValueError."""
    parts = text.split("/")
    if len(text) > 300 or len(parts) > 8 or not all(_SEGMENT.fullmatch(part) for part in parts):
        raise ValueError(f"{text[:60]!r} is no plain relative path")
    return text


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelFile(_Strict):
    """One file of a model. ``convert`` marks a pickled checkpoint: ``size`` and ``sha256`` are the pickle's then, and

    the file that is kept is the safetensors made from it.
    """

    name: str
    size: Annotated[int, Field(ge=1, le=1 << 40)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    convert: bool = False

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if not name.endswith(SUFFIXES):
            raise ValueError(f"{name[:60]!r} is of no known format: {', '.join(SUFFIXES)}")
        return safe_path(name)

    @model_validator(mode="after")
    def _becomes_safetensors(self) -> ModelFile:
        if self.convert and not self.name.endswith(".safetensors"):
            raise ValueError(f"{self.name}: a converted checkpoint must be named .safetensors")
        return self


class FirstUseFile(_Strict):
    """A file whose digest nobody could list: of at most ``at_most`` bytes, pinned to what the first pull brings.

    ``convert`` as in `ModelFile`.
    """

    name: str
    at_most: Annotated[int, Field(ge=1, le=1 << 36)]
    convert: bool = False

    def pinned(self, size: int, sha256: str) -> ModelFile:
        """The file as its first pull pinned it. Raises ValueError for a size or digest that none can have."""
        if size > self.at_most:
            raise ValueError(f"{self.name} has {size} bytes, and {self.at_most} are the most")
        return ModelFile(name=self.name, size=size, sha256=sha256, convert=self.convert)

    @model_validator(mode="after")
    def _is_a_file(self) -> FirstUseFile:
        ModelFile(name=self.name, size=1, sha256="0" * 64, convert=self.convert)
        return self


class _Source(_Strict):
    """Where files come from: each file by its own name below ``folder``, or where ``paths`` says.

    A list in ``paths`` is parts to join, in order.
    """

    folder: str = ""
    paths: dict[str, str | list[str]] = {}

    @model_validator(mode="after")
    def _has_plain_paths(self) -> _Source:
        for value in self.paths.values():
            for path in [value] if isinstance(value, str) else value:
                safe_path(path)
        if self.folder:
            safe_path(self.folder)
        return self

    def inside(self, file: ModelFile | FirstUseFile) -> list[str]:
        """The parts of ``file`` within this source, as relative paths; nearly always one."""
        given = self.paths.get(file.name, file.name)
        parts = [given] if isinstance(given, str) else given
        return [str(PurePosixPath(self.folder, part)) for part in parts]


class Installed(_Source):
    """A file inside a package that is installed; the package is found, not imported. ``requirement`` installs it."""

    kind: Literal["installed"]
    package: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$")]
    requirement: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(==[A-Za-z0-9.+!]+)?$")]


class Hub(_Source):
    """A repository of the Hugging Face hub, or of a mirror that $HF_ENDPOINT names, at one commit.

    ``main`` instead of a commit is for files of a first use alone.
    """

    kind: Literal["hub"]
    repo: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$")]
    revision: Annotated[str, Field(pattern=r"^([0-9a-f]{40}|main)$")]


class Https(_Source):
    """Files below a URL. Plain http is for this machine alone."""

    kind: Literal["https"]
    url: str

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        return safe_url(url)


class Pypi(_Source):
    """A wheel, fetched by pip. ``platform`` and ``python`` pick one of several, whatever runs here: it is read as data."""

    kind: Literal["pypi"]
    package: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    version: Annotated[str, Field(pattern=r"^[0-9][A-Za-z0-9.+!]*$")]
    platform: Annotated[str | None, Field(pattern=r"^[a-z0-9_]+$")] = None
    python: Annotated[str | None, Field(pattern=r"^3\.\d{1,2}$")] = None
    bytes: Annotated[int, Field(ge=0)] = 0


class Npm(_Source):
    """An npm package, fetched by npm."""

    kind: Literal["npm"]
    package: Annotated[str, Field(pattern=r"^(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*$")]
    version: Annotated[str, Field(pattern=r"^[0-9][A-Za-z0-9.+-]*$")]
    bytes: Annotated[int, Field(ge=0)] = 0


class Folder(_Source):
    """A folder of this machine; a relative one starts at the catalogue file that names it. Its files are used where they lie."""

    kind: Literal["folder"]
    path: str


Source = Annotated[Installed | Hub | Https | Pypi | Npm | Folder, Field(discriminator="kind")]


class Diffusion(_Strict):
    """Settings that suit a diffusion model, for whoever names it alone; what is left out is its family's.

    ``side`` in pixels is what it was trained on; ``parameters`` in millions are those of all its parts together;
    ``experimental`` says how far a model is that is not good enough yet, for people and for the record.
    """

    steps: Annotated[int | None, Field(ge=1, le=200)] = None
    guidance: Annotated[float | None, Field(ge=0, le=50)] = None
    scheduler: Annotated[str | None, Field(pattern=r"^[a-z0-9+-]{1,20}$")] = None
    side: Annotated[int | None, Field(ge=64, le=4096)] = None
    parameters: Annotated[int | None, Field(ge=1, le=1_000_000)] = None
    experimental: Annotated[str, Field(max_length=300)] = ""


class Entry(_Strict):
    """One model of the catalogue. ``origin`` is the catalogue file that lists it, empty for ours.

    Where ``first_use`` stands instead of ``files``, the digests are those of whatever the first pull on this machine
    brought (``imajin_cli.models.pins``); before it ``files`` is empty.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,60}$")]
    task: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
    licence: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+() -]{0,80}$")]
    commercial: Commercial
    note: Annotated[str, Field(max_length=600)] = ""
    files: Annotated[list[ModelFile], Field(max_length=MAX_FILES)] = []
    first_use: Annotated[list[FirstUseFile], Field(max_length=MAX_FILES)] = []
    sources: Annotated[list[Source], Field(min_length=1, max_length=16)]
    diffusion: Diffusion | None = None
    origin: str = ""

    @model_validator(mode="after")
    def _is_consistent(self) -> Entry:
        if not self.files and not self.first_use:
            raise ValueError("files must name one file or more")
        if self.files and self.first_use and [f.name for f in self.files] != [f.name for f in self.first_use]:
            raise ValueError("a model has either files, with digests, or first_use")
        for at, one in enumerate(self.sources):
            if not self.first_use and isinstance(one, Hub) and one.revision == "main":
                raise ValueError(f"sources.{at}.hub.revision: main is for first_use alone; name a commit")
            if self.first_use and not isinstance(one, Hub | Https | Folder):
                raise ValueError(f"sources.{at}: first_use takes hub, https and folder alone")
            if self.first_use and any(isinstance(path, list) for path in one.paths.values()):
                raise ValueError(f"sources.{at}.paths: first_use takes whole files alone")
        names = [file.name for file in self.files or self.first_use]
        if len(set(names)) != len(names):
            raise ValueError("two files have one name")
        strange = {name for source in self.sources for name in source.paths} - set(names)
        if strange:
            raise ValueError(f"paths name {sorted(strange)[0]!r}, which is no file of the model")
        return self

    @property
    def open(self) -> bool:
        """Whether nothing is pinned yet: the digests are unknown until a first pull."""
        return not self.files

    @property
    def size(self) -> int:
        """Bytes of all files; 0 where nothing is pinned yet."""
        return sum(file.size for file in self.files)

    @property
    def revision(self) -> str:
        """Twelve hex digits over the names and digests of all files: another file, another revision."""
        if self.open:
            return "unpinned"
        lines = sorted(f"{file.name}\0{file.sha256}\0{file.convert}" for file in self.files)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]

    def file(self, name: str | None) -> ModelFile:
        """The file called ``name``, or the first. Raises LookupError."""
        for file in self.files:
            if name in (None, file.name):
                return file
        raise LookupError(name)


def safe_url(url: str) -> str:
    """``url`` where it is https, or http to this machine, without a name or password in it. Raises ValueError."""
    if len(url) > 2000 or not _URL.fullmatch(url if url.count("/") > 2 else url + "/"):
        raise ValueError(f"{url[:80]!r} is neither https nor http to this machine")
    return url


def pinned(source: _Source) -> str:
    """What a source is pinned to, for people: "PyPI mediapipe 0.10.21"."""
    match source:
        case Installed():
            return f"installed {source.requirement.replace('==', ' ')}"
        case Hub():
            return f"hub {source.repo} at {source.revision[:12]}"
        case Https():
            return source.url
        case Pypi():
            return f"PyPI {source.package} {source.version}"
        case Npm():
            return f"npm {source.package} {source.version}"
        case Folder():
            return f"folder {source.path}"
    raise TypeError(type(source).__name__)
