"""Signing and reading C2PA manifests by c2pa-python, offline: nothing is fetched but a time stamp that was asked for."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from imajin_cli.contract.errors import BackendError, MissingError

Sign = Callable[[bytes], bytes]
_SETTINGS = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
}


@dataclass(frozen=True)
class Credentials:
    """Who signs: PEM ``chain`` (the signer first), ``alg`` (es256, …), and the key's PEM, or a function that signs."""

    chain: bytes
    alg: str
    key: bytes | None = None
    sign: Sign | None = None
    timestamp: str | None = None


@dataclass(frozen=True)
class Reading:
    """A manifest that was read: c2pa-rs's state (Valid, Trusted, Invalid), its failures' codes, and its JSON."""

    state: str
    failures: tuple[str, ...]
    manifest: Mapping[str, Any]
    embedded: bool


class NoManifestError(Exception):
    """The file holds no manifest."""


class UnreadableError(Exception):
    """The file or its manifest cannot be parsed: why."""


def signed(
    data: bytes, mime: str, manifest: Mapping[str, Any], who: Credentials, *, embed: bool
) -> tuple[bytes, bytes]:
    """``data`` signed: the file (as it was without ``embed``) and the manifest's bytes.

    Raises BackendError where it cannot be signed, MissingError without c2pa-python.
    """
    c2pa = _library()
    target = io.BytesIO()
    try:
        builder = c2pa.Builder(dict(manifest), context=_context(None))
        if not embed:
            builder.set_no_embed()
        made = builder.sign(_signer(who), mime, io.BytesIO(data), target)
    except c2pa.C2paError as error:
        raise BackendError(f"the file cannot be signed: {str(error)[:200]}") from error
    return (target.getvalue() if embed else data), bytes(made)


def read(data: bytes, mime: str, manifest: bytes | None, anchors: bytes | None) -> Reading:
    """The manifest of ``data``, embedded or ``manifest``, checked against it; signers are trusted by ``anchors`` (PEM).

    Raises NoManifestError, UnreadableError, MissingError.
    """
    c2pa = _library()
    try:
        with c2pa.Reader(mime, io.BytesIO(data), manifest, context=_context(anchors)) as reader:
            found = json.loads(reader.json())
            state = str(reader.get_validation_state())
            embedded = manifest is None and bool(reader.is_embedded())
    except c2pa.C2paError as error:
        # The library gives each kind of error a class of its own, none of them public.
        if "ManifestNotFound" in type(error).__name__ or str(error).startswith("ManifestNotFound"):
            raise NoManifestError from None
        raise UnreadableError(str(error)[:200]) from None
    results = (found.get("validation_results") or {}).get("activeManifest") or {}
    failures = tuple(str(one.get("code")) for one in results.get("failure", ()))
    active = (found.get("manifests") or {}).get(found.get("active_manifest")) or {}
    return Reading(state, failures, active, embedded)


def _signer(who: Credentials) -> Any:
    c2pa = _library()
    if who.sign is not None:
        alg = getattr(c2pa.C2paSigningAlg, who.alg.upper())
        return c2pa.Signer.from_callback(who.sign, alg, who.chain.decode(), who.timestamp)
    stamp = who.timestamp.encode() if who.timestamp else None
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(who.alg, who.chain, who.key, stamp))


def _context(anchors: bytes | None) -> Any:
    settings: dict[str, Any] = dict(_SETTINGS)
    if anchors is not None:
        settings["trust"] = {"trust_anchors": anchors.decode("utf-8", "replace")}
    c2pa = _library()
    try:
        return c2pa.Context.from_dict(settings)
    except c2pa.C2paError as error:
        raise BackendError(f"the trusted certificates cannot be used: {str(error)[:200]}") from error


def _library() -> Any:
    try:
        import c2pa
    except ImportError as error:
        raise MissingError("c2pa-python is not installed", hint="pip install c2pa-python") from error
    return c2pa
