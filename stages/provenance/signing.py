"""Who signs, and one file signed: the manifest in it where that is worth its bytes, else beside it."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imajin_cli.contract.bounded import read_named
from imajin_cli.contract.digest import json_digest, sha256
from imajin_cli.contract.errors import BackendError, InputError, UsageError
from imajin_cli.contract.provenance import ProvenanceParams
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.stages.provenance.claims import Derived, definition

if TYPE_CHECKING:
    from imajin_cli.stages.backends.c2pa_manifest import Credentials

# A command that signs comes from the environment alone: what a project's files say must not run programs.
COMMAND = "IMAJIN_SIGN_COMMAND"
MIME = {
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "jpeg": "image/jpeg",
    "svg": "image/svg+xml",
    "gif": "image/gif",
    "ico": "image/x-icon",
}
# Embedded, a manifest is less than one part in so many of its file.
_PART = 10
_MAX_PEM = 1 << 20
_SIGNING_SECONDS = 60


@dataclass(frozen=True)
class Sealed:
    """A signed file: its bytes, the manifest that goes beside it (None where it is inside), and what is said of it."""

    data: bytes
    beside: bytes | None
    told: Mapping[str, Any]


class Sealer:
    """Signs files for one signer. Raises UsageError for half a signer, InputError for PEM files that cannot be used."""

    def __init__(self, params: ProvenanceParams) -> None:
        self.params = params
        if params.certificate is None:
            raise UsageError("there is no certificate to sign with", hint="imajin keys new DIR makes one to test with")
        self.who = _credentials(params)

    @property
    def revision(self) -> str:
        """What a signed file depends on beside the file: the signer, and how the manifest is made."""
        settings = self.params.model_dump(mode="json", exclude={"certificate", "key", "key_env"})
        return json_digest([sha256(self.who.chain), settings])[:16]

    def seal(self, data: bytes, kind: str, name: str, sidecar: Sidecar, derived: Derived) -> Sealed:
        """``data``, a file of ``kind`` (png, svg, …) called ``name``, signed, and read back.

        Raises BackendError where it cannot be signed or does not read back as valid.
        """
        from imajin_cli.stages.backends.c2pa_manifest import signed
        from imajin_cli.stages.provenance.verify import bound_part, checked

        whole = sha256(data)
        part, mime = bound_part(data, kind)
        claim = definition(
            *(sidecar, name, MIME[kind], derived),
            with_prompt=self.params.with_prompt,
            file_sha256=whole if part is not data else None,
        )
        sealed, manifest = signed(part, mime, claim, self.who, embed=False)
        inside = part is data and self._inside(len(manifest), len(data))
        if inside:
            sealed, manifest = signed(data, mime, claim, self.who, embed=True)
        else:
            sealed = data
        found = checked(sealed, kind, None if inside else manifest, None)
        if found.status not in ("valid", "trusted"):
            raise BackendError(
                f"{name}: what was signed does not hold: {', '.join(found.failures) or found.status}",
                hint="is the certificate still valid, and one that may sign content?",
            )
        told = {
            "embedded": inside,
            "manifest_bytes": len(manifest),
            "unsigned_sha256": whole,
            "unsigned_bytes": len(data),
            "claim": json_digest([claim, self.revision])[:16],
        }
        return Sealed(sealed, None if inside else manifest, told)

    def _inside(self, manifest: int, file: int) -> bool:
        if self.params.embed == "auto":
            return manifest * _PART < file
        return self.params.embed == "always"


def _credentials(params: ProvenanceParams) -> Credentials:
    from imajin_cli.stages.backends.c2pa_manifest import Credentials
    from imajin_cli.stages.backends.certificates import algorithm

    chain = read_pem(str(params.certificate), "the certificate")
    command = os.environ.get(COMMAND)
    sources = [params.key is not None, params.key_env is not None, bool(command)]
    if sum(sources) != 1:
        which = "none is" if not any(sources) else "several are"
        raise UsageError(
            f"a certificate needs one private key, and {which} set",
            hint=f"set provenance.key, provenance.key_env, or {COMMAND} in the environment",
        )
    if command:
        alg = algorithm(chain, None)
        arguments = shlex.split(command)
        return Credentials(chain, alg, sign=lambda data: _by_command(arguments, data, alg), timestamp=params.timestamp)
    key = _key(params)
    return Credentials(chain, algorithm(chain, key), key=key, timestamp=params.timestamp)


def _key(params: ProvenanceParams) -> bytes:
    if params.key is not None:
        return read_pem(params.key, "the private key")
    text = os.environ.get(str(params.key_env))
    if not text:
        raise UsageError(f"the environment variable {params.key_env} holds no private key")
    return text.encode("utf-8", "surrogateescape")


def _by_command(arguments: list[str], data: bytes, alg: str) -> bytes:
    """The signature that a command writes for ``data`` on its standard input. Raises BackendError."""
    from imajin_cli.stages.backends.certificates import raw_signature

    try:
        done = subprocess.run(  # noqa: S603 - the owner's own command, without a shell
            arguments, input=data, capture_output=True, timeout=_SIGNING_SECONDS, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise BackendError(f"{COMMAND} failed: {str(error)[:200]}") from error
    return raw_signature(done.stdout, alg)


def read_pem(name: str, what: str) -> bytes:
    """The bytes of a PEM file. Raises InputError."""
    data = read_named(name, what, _MAX_PEM)
    if len(data) > _MAX_PEM:
        raise InputError(f"{what} {name}: larger than {_MAX_PEM >> 20} MiB")
    return data
