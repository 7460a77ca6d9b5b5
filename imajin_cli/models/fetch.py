"""One file over HTTPS, taken up where an earlier try stopped: Range with If-Range, bounded in size, tries and silence.

What lies in the .part file is untrusted until its digest is checked, which the caller does.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imajin_cli import __version__
from imajin_cli.models.entry import safe_url
from imajin_cli.models.sources import SourceError

# Seconds without a byte; tries in a row that brought nothing; tries in all.
SILENCE = 30.0
FRUITLESS_TRIES = 4
ALL_TRIES = 40
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0
_CHUNK = 1 << 18
_AGAIN = (408, 425, 429, 500, 502, 503, 504)


class _InterruptedError(Exception):
    """A try ended early in a way that another may not."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to https alone; to http on this machine only from there."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        try:
            safe_url(newurl)
        except ValueError as error:
            raise SourceError(f"redirected: {error}") from None
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise SourceError("redirected from https to http")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(url: str, part: Path, size: int, at: Callable[[int], None], *, token: str | None = None) -> None:
    """Bring ``part`` to ``size`` bytes of ``url``; ``at`` hears how many there are. ``token`` goes to that host alone.

    A .part file that is there already is continued. Raises SourceError.
    """
    fruitless = 0
    for _ in range(ALL_TRIES):
        before = length(part)
        if before > size:
            drop(part)
            before = 0
        at(before)
        if before == size:
            return
        try:
            _try(url, part, size, at, token)
        except _InterruptedError as error:
            fruitless = fruitless + 1 if length(part) <= before else 0
            if fruitless >= FRUITLESS_TRIES:
                raise SourceError(f"{_host(url)}: {error}") from None
            time.sleep(min(_FIRST_WAIT * 2**fruitless, _LONGEST_WAIT))
    raise SourceError(f"{_host(url)}: interrupted {ALL_TRIES} times")


class _Noting(_Redirects):
    """Follows redirects as `_Redirects` does, and notes the commit that a hub names before it sends elsewhere."""

    commit: str | None = None

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        self.commit = self.commit or headers.get("X-Repo-Commit")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def probe(url: str, *, token: str | None = None) -> tuple[int, str | None]:
    """How many bytes ``url`` has, and the commit that a hub says it is of. Raises SourceError, also where no size is told."""
    request = urllib.request.Request(url, headers={"User-Agent": f"imajin/{__version__}", "Accept-Encoding": "identity"})  # noqa: S310 (safe_url was asked)
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    noting = _Noting()
    try:
        with urllib.request.build_opener(noting).open(request, timeout=SILENCE) as answer:
            told, commit = answer.headers.get("Content-Length", ""), answer.headers.get("X-Repo-Commit")
    except urllib.error.HTTPError as error:
        with error:
            raise SourceError(f"{_host(url)}: HTTP {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(f"{_host(url)}: {getattr(error, 'reason', None) or error or type(error).__name__}") from None
    if not told.isdigit() or int(told) < 1:
        raise SourceError(f"{_host(url)}: does not say how large the file is")
    commit = noting.commit or commit
    return int(told), commit if commit is not None and re.fullmatch(r"[0-9a-f]{40}", commit) else None


def _try(url: str, part: Path, size: int, at: Callable[[int], None], token: str | None) -> None:
    start = length(part)
    request = urllib.request.Request(url, headers=_headers(url, part, start))  # noqa: S310 (safe_url was asked)
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.build_opener(_Redirects).open(request, timeout=SILENCE) as answer:
            _take(answer, url, part, start, size, at)
    except urllib.error.HTTPError as error:
        _refused(error, part)
    except (OSError, http.client.HTTPException) as error:
        raise _InterruptedError(str(getattr(error, "reason", None) or error or type(error).__name__)) from None


def _headers(url: str, part: Path, start: int) -> dict[str, str]:
    headers = {"User-Agent": f"imajin/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        validator = _validator(url, part)
        if validator is not None:
            headers["If-Range"] = validator
    return headers


def _refused(error: urllib.error.HTTPError, part: Path) -> None:
    with error:
        if error.code == 416:
            # The file there has become shorter than what lies here.
            drop(part)
            raise _InterruptedError("the file there is another one") from None
        said = f"HTTP {error.code} {error.reason}"
        if error.code in _AGAIN:
            raise _InterruptedError(said) from None
        raise SourceError(f"{_host(error.url or '')}: {said}") from None


def _take(answer: Any, url: str, part: Path, start: int, size: int, at: Callable[[int], None]) -> None:
    if answer.status == 206:
        if not _continues(answer.headers.get("Content-Range", ""), start, size):
            drop(part)
            raise _InterruptedError("the answer does not continue what lies here")
    else:
        start = 0
        told = answer.headers.get("Content-Length")
        if told is not None and told.isdigit() and int(told) != size:
            raise SourceError(f"{_host(url)}: the file has {told} bytes, not {size}")
        _remember(url, part, answer.headers)
    with part.open("r+b" if start else "wb") as file:
        file.seek(start)
        file.truncate()
        done = start
        while piece := answer.read1(_CHUNK):
            done += len(piece)
            if done > size:
                file.truncate(0)
                raise SourceError(f"{_host(url)}: the file has more than {size} bytes")
            file.write(piece)
            at(done)
    if done < size:
        raise _InterruptedError(f"the connection ended {size - done} bytes early")


def _continues(content_range: str, start: int, size: int) -> bool:
    span, _, total = content_range.removeprefix("bytes ").partition("/")
    return span.partition("-")[0] == str(start) and total in (str(size), "*")


def _remember(url: str, part: Path, headers: Any) -> None:
    """Keep the validator that says whether a later part is of the same file: a strong ETag, else the time."""
    tag = headers.get("ETag", "")
    validator = tag if tag.startswith('"') else headers.get("Last-Modified")
    _memo(part).write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")


def _validator(url: str, part: Path) -> str | None:
    try:
        memo = json.loads(_memo(part).read_bytes())
    except (OSError, ValueError):
        return None
    validator = memo.get("validator") if isinstance(memo, dict) and memo.get("url") == url else None
    return validator if isinstance(validator, str) and validator.isprintable() else None


def _memo(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def length(part: Path) -> int:
    """Bytes of a file, 0 where there is none."""
    try:
        return part.stat().st_size
    except OSError:
        return 0


def drop(part: Path) -> None:
    """Remove a .part file and what is remembered of it."""
    for path in (part, _memo(part)):
        path.unlink(missing_ok=True)


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0] or "the server"


def hub_url(repo: str, revision: str, path: str) -> str:
    """The address of a hub file at a commit, on $HF_ENDPOINT where that is set. Raises SourceError for one that is not https."""
    endpoint = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    try:
        return safe_url(f"{endpoint}/{repo}/resolve/{revision}/{path}")
    except ValueError as error:
        raise SourceError(f"$HF_ENDPOINT: {error}") from None
