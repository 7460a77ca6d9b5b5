"""Objects of a bucket by fsspec: read, written, listed and removed; what goes wrong there is one clear error of ours.

Who may do what is the file system's own affair: the environment, its config files, the machine's role. imajin passes no
credentials and reads none.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from imajin_cli.contract.errors import MissingError, OutputError
from imajin_cli.run.address import Address

MAX_LISTED = 1_000_000
# An answer that takes longer than this is none; each request is tried this often, with growing waits between.
CONNECT_SECONDS, READ_SECONDS, TRIES = 5, 20, 3
# What of the environment says where a store is and who asks.
_ENVIRONMENT = ("AWS_", "FSSPEC_")
_PACKAGES = {"s3": "s3fs"}
_LOCK = threading.Lock()


class ConflictError(Exception):
    """A condition of a write did not hold: somebody else has written in between."""


class UnreachableError(OutputError):
    """A store that does not answer, is busy, or failed: another try may end otherwise."""

    passing = True


class Listed(NamedTuple):
    """An object in a listing: its name below the listed place, its bytes, and when it was written (seconds)."""

    name: str
    size: int
    modified: float


class Objects:
    """The objects of one bucket, by names below a root. Every method raises OutputError."""

    def __init__(self, address: Address, system: Any = None) -> None:
        self.address = address
        self._system = _system(address.protocol) if system is None else system
        # If-Match is S3's; creating only where nothing is, fsspec knows as a mode of its own.
        self._s3 = self.conditional = address.protocol == "s3"
        self._there = not self._s3

    def read(self, name: str, limit: int) -> tuple[bytes, str] | None:
        """An object's bytes and the tag of its version, None where there is none. Larger than ``limit`` is an error."""
        path = self._path(name)
        try:
            found = self._system.info(path, refresh=True) if self._s3 else self._system.info(path)
            if found.get("type") == "directory":
                return None
            size = int(found["size"])
            if size > limit:
                raise OutputError(f"{self.label(name)}: larger than {limit >> 20} MiB")
            # The tag first: where the object changes in between, a write that expects the tag fails, as it should.
            # Not to the size that was said: what is there by now may be longer. A range of an empty object is an error.
            data = self._system.cat_file(path, start=0, end=limit + 1) if size else b""
        except FileNotFoundError:
            self._bucket_is_there(name)
            return None
        except OutputError:
            raise
        except Exception as error:  # noqa: BLE001 (every file system raises what its libraries do)
            raise self._failed(name, error, "read") from None
        if len(data) > limit:
            raise OutputError(f"{self.label(name)}: larger than {limit >> 20} MiB")
        return data, str(found.get("ETag", ""))

    def write(self, name: str, data: bytes, *, kind: str | None = None) -> None:
        """Write an object whole, in place of what is there."""
        settings = {"ContentType": kind} if kind is not None and self._s3 else {}
        try:
            self._system.pipe_file(self._path(name), data, **settings)
        except Exception as error:  # noqa: BLE001
            raise self._failed(name, error, "written") from None

    def replace(self, name: str, data: bytes, tag: str | None) -> None:
        """Write an object where its version still is that of ``tag``, or, for None, where there is none.

        Raises ConflictError. A store that knows no conditions, or says so, is written to without.
        """
        if not self.conditional:
            return self.write(name, data)
        condition: dict[str, Any] = {"mode": "create"} if tag is None else {"IfMatch": tag}
        try:
            self._system.pipe_file(self._path(name), data, ContentType="application/json", **condition)
        except Exception as error:  # noqa: BLE001
            if _conflicts(error):
                raise ConflictError from None
            if _status(error) == 501:
                self.conditional = False
                return self.write(name, data)
            raise self._failed(name, error, "written") from None
        return None

    def list(self, folder: str) -> list[Listed]:
        """The objects in a folder, none where there is no such folder."""
        path = self._path(folder)
        try:
            self._system.invalidate_cache(path)
            found: dict[str, Any] = self._system.find(path, detail=True)
        except FileNotFoundError:
            return []
        except Exception as error:  # noqa: BLE001
            raise self._failed(folder, error, "listed") from None
        if len(found) > MAX_LISTED:
            raise OutputError(f"{self.label(folder)}: holds more than {MAX_LISTED} objects")
        return sorted(
            Listed(name.rpartition("/")[2], int(about.get("size") or 0), _when(about)) for name, about in found.items()
        )

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; those that are gone already are no failure."""
        for name in names:
            try:
                self._system.rm_file(self._path(name))
            except FileNotFoundError:
                continue
            except Exception as error:  # noqa: BLE001
                raise self._failed(name, error, "removed") from None

    def label(self, name: str) -> str:
        """An object's URL."""
        return f"{self.address.url}/{name}"

    def _path(self, name: str) -> str:
        return f"{self.address.root}/{name}"

    def _bucket_is_there(self, name: str) -> None:
        """A missing object is nothing; a missing bucket is an error. Who may not look at the bucket is believed."""
        try:
            self._there = self._there or bool(self._system.exists(self.address.bucket))
        except PermissionError:
            self._there = True
        except Exception as error:  # noqa: BLE001
            raise self._failed(name, error, "read") from None
        if not self._there:
            raise OutputError(f"{self.address.protocol}://{self.address.bucket}: there is no such bucket")

    def _failed(self, name: str, error: Exception, done: str) -> OutputError:
        said = str(error).strip().splitlines()
        why = said[0][:200] if said else type(error).__name__
        if isinstance(error, PermissionError) or type(error).__name__ in ("NoCredentialsError", "ProfileNotFound"):
            hint = "credentials are those of the environment, ~/.aws or the machine's role"
            return OutputError(f"{self.label(name)}: cannot be {done}: {why}", hint=hint)
        if isinstance(error, FileNotFoundError):
            return OutputError(f"{self.address.protocol}://{self.address.bucket}: there is no such bucket")
        if isinstance(error, TimeoutError | ConnectionError) or not isinstance(error, OSError) or _status(error) >= 500:
            return UnreachableError(f"{self.label(name)}: cannot be {done}: {why}")
        return OutputError(f"{self.label(name)}: cannot be {done}: {why}")


def _response(error: BaseException) -> dict[str, Any]:
    """What a store answered, where ``error`` came of an answer (botocore's ClientError, which s3fs translates)."""
    for one in (error, error.__cause__):
        found = getattr(one, "response", None)
        if isinstance(found, dict):
            return found
    return {}


def _status(error: BaseException) -> int:
    """The HTTP status of the answer, 0 where there was none. A busy store says 503 or, by name, SlowDown."""
    answer = _response(error)
    if answer.get("Error", {}).get("Code") in ("SlowDown", "RequestTimeout"):
        return 503
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status if isinstance(status, int) else 0


def _conflicts(error: BaseException) -> bool:
    """412: the condition did not hold. 409: somebody wrote at the same moment (S3's word on conditional writes)."""
    return isinstance(error, FileExistsError) or _status(error) in (409, 412)


def _when(about: dict[str, Any]) -> float:
    modified: Any = about.get("LastModified") or about.get("created")
    return float(modified.timestamp()) if hasattr(modified, "timestamp") else 0.0


def _system(protocol: str) -> Any:
    """The file system, kept for as long as the environment says the same of it."""
    told = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith(_ENVIRONMENT)))
    with _LOCK:
        return _made(protocol, told)


@lru_cache(maxsize=2)
def _made(protocol: str, _told: tuple[tuple[str, str], ...]) -> Any:
    package = _PACKAGES[protocol]
    try:
        import fsspec
        from fsspec.config import conf, set_conf_env

        fsspec.get_filesystem_class(protocol)
    except ImportError:
        raise MissingError(f"{package} is not installed", hint='pip install "imajin[s3]"') from None
    set_conf_env(conf)
    theirs = dict(conf.get(protocol, {}).get("config_kwargs", {}))
    bounds = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS, "retries": {"max_attempts": 0}}
    system = fsspec.filesystem(
        protocol, skip_instance_cache=True, use_listings_cache=False, config_kwargs={**bounds, **theirs}
    )
    system.retries = TRIES
    return system
