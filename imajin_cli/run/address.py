"""Addresses to publish to: a folder's name, file://, or a place in an S3-like object store. Read as data, and bounded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from imajin_cli.contract.errors import UsageError
from imajin_cli.run.naming import printable

MAX_ADDRESS = 1024
"""S3's own limit for a key in bytes, which the prefix is a part of."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://")
# What S3 allows as a bucket's name, and dots and capitals of older ones and of other stores.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
# How fsspec calls the file system of a scheme of ours.
_PROTOCOLS = {"s3": "s3", "s3a": "s3"}


@dataclass(frozen=True)
class Address:
    """Where to publish: a ``folder`` of this machine, or ``prefix`` (maybe empty, no slash around it) in ``bucket``."""

    protocol: str
    bucket: str = ""
    prefix: str = ""
    folder: Path | None = None

    @property
    def root(self) -> str:
        """Bucket and prefix, as fsspec names a place."""
        return f"{self.bucket}/{self.prefix}" if self.prefix else self.bucket

    @property
    def url(self) -> str:
        """The place as a URL, with no slash at its end."""
        return f"{self.protocol}://{self.root}"


def address_of(to: str) -> Address | None:
    """What ``to`` addresses, None where it is a folder's plain name. Raises UsageError for a URL that cannot be one.

    No part of a URL is taken for more than a name: no credentials (they would stand in logs and journals), no query, no
    chain of file systems ("::"), no way up.
    """
    matched = _SCHEME.match(to)
    if matched is None:
        return None
    shown = printable(to[:80])
    scheme, rest = matched.group()[:-3].lower(), to[matched.end() :]
    if len(to.encode("utf-8", "surrogateescape")) > MAX_ADDRESS:
        raise UsageError(f"{shown}…: longer than {MAX_ADDRESS} bytes")
    if not to.isprintable() or "::" in to or "\\" in to or "?" in rest or "#" in rest:
        raise UsageError(f"{shown}: not an address to publish to", hint="s3://BUCKET/PREFIX or file:///FOLDER")
    if scheme == "file":
        return _folder(rest, shown)
    if scheme not in _PROTOCOLS:
        raise UsageError(f"{shown}: nothing is published to {scheme}://", hint="s3://BUCKET/PREFIX or file:///FOLDER")
    bucket, _, prefix = rest.rstrip("/").partition("/")
    if "@" in bucket:
        raise UsageError(f"{scheme}://…: credentials do not belong into a URL", hint="AWS_PROFILE, or ~/.aws")
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(f"{shown}: names no bucket", hint="s3://BUCKET/PREFIX")
    if prefix and any(part in ("", ".", "..") for part in prefix.split("/")):
        raise UsageError(f"{shown}: a part of its path is empty, . or ..")
    return Address(_PROTOCOLS[scheme], bucket, prefix)


def _folder(rest: str, shown: str) -> Address:
    """A folder of this machine, by a URL without a host (RFC 8089)."""
    host, slash, path = rest.partition("/")
    if host not in ("", "localhost") or not slash:
        raise UsageError(f"{shown}: names another machine, or no whole path", hint="file:///FOLDER")
    name = "/" + unquote(path, errors="surrogateescape")
    if "\0" in name:
        raise UsageError(f"{shown}: not the name of a folder")
    return Address("file", folder=Path(name))
