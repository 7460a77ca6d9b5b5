"""Whether a file is what was signed: valid, gone or tampered with, each told apart from the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError
from imajin_cli.stages.imaging.encode.ico import icon_frames
from imajin_cli.stages.imaging.sniff import sniff

Status = Literal["trusted", "valid", "untrusted", "tampered", "gone"]
_MIME = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "SVG": "image/svg+xml",
    "ICO": "image/x-icon",
}
# Failures that are about the signer, not about what was signed.
_SIGNER = "signingCredential."
# The words that every manifest's boxes hold; a file without them holds none.
_BOX = b"jumb"


@dataclass(frozen=True)
class Checked:
    """What came of one file: its status, the failures' codes, the manifest (JSON), and where it was."""

    status: Status
    failures: tuple[str, ...] = ()
    manifest: Mapping[str, Any] | None = None
    where: Literal["inside", "beside"] | None = None
    why: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For people and programs: status, signer, digital source type, actions."""
        told: dict[str, Any] = {"status": self.status, "where": self.where, "failures": list(self.failures)}
        if self.why is not None:
            told["why"] = self.why
        if self.manifest is not None:
            signer = self.manifest.get("signature_info") or {}
            told["signer"] = signer.get("issuer")
            told["generator"] = [info.get("name") for info in self.manifest.get("claim_generator_info") or ()]
            told["actions"] = [action.get("action") for action in _actions(self.manifest)]
            kinds = [str(a["digitalSourceType"]) for a in _actions(self.manifest) if "digitalSourceType" in a]
            told["source_type"] = kinds[0].rpartition("/")[2] if kinds else None
        return told


def _actions(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    for assertion in manifest.get("assertions") or ():
        if str(assertion.get("label")).startswith("c2pa.actions"):
            return list((assertion.get("data") or {}).get("actions") or ())
    return []


def checked(data: bytes, kind: str | None, beside: bytes | None, anchors: bytes | None) -> Checked:
    """Check ``data`` against the manifest inside it, or ``beside`` it. ``anchors`` (PEM) are whom to trust.

    ``kind`` is None where the file's own bytes decide. Raises InputError for what is no picture, MissingError.
    """
    from imajin_cli.stages.backends.c2pa_manifest import NoManifestError, UnreadableError, read

    name = sniff(data) if kind is None else kind.upper()
    if name not in _MIME:
        raise InputError("not a picture that carries provenance (PNG, JPEG, WebP, AVIF, GIF, TIFF, SVG, ICO)")
    part, mime = bound_part(data, name.lower())
    if beside is None and _BOX not in data and not _is_text(name):
        return Checked("gone", why="it holds no manifest, and there is none beside it")
    try:
        found = read(part, mime, beside, anchors)
    except NoManifestError:
        return Checked("gone", why="it holds no manifest, and there is none beside it")
    except UnreadableError as error:
        return Checked("tampered", why=str(error))
    where: Literal["inside", "beside"] = "inside" if beside is None else "beside"
    failures = found.failures
    if part is not data and _whole(found.manifest) != sha256(data):
        failures = (*failures, "org.imajin.file.mismatch")
    return Checked(_status(found.state, failures, anchors), failures, found.manifest, where)


def _is_text(name: str) -> bool:
    """Whether a format holds a manifest as text, without the boxes' words."""
    return name == "SVG"


def _status(state: str, failures: tuple[str, ...], anchors: bytes | None) -> Status:
    if any(not code.startswith(_SIGNER) for code in failures):
        return "tampered"
    if failures and failures != ("signingCredential.untrusted",):
        return "untrusted"
    if state == "Trusted":
        return "trusted"
    if state != "Valid":
        return "tampered"
    return "valid" if anchors is None else "untrusted"


def _whole(manifest: Mapping[str, Any]) -> str | None:
    """The digest of a whole file that a manifest bound to a part of it claims."""
    for assertion in manifest.get("assertions") or ():
        if assertion.get("label") == "org.imajin.file":
            found = (assertion.get("data") or {}).get("hash")
            return found if isinstance(found, str) else None
    return None


def bound_part(data: bytes, kind: str) -> tuple[bytes, str]:
    """The bytes that a manifest is bound to and their type: the file itself, of an ICO its largest picture.

    C2PA knows no ICO; but the pictures in it are PNG files. The manifest then also claims the whole file's digest.
    Raises InputError for an ICO that holds no PNG.
    """
    if kind.upper() != "ICO":
        return data, _MIME[kind.upper()]
    try:
        frames = icon_frames(data)
    except (ValueError, IndexError, OSError) as error:
        raise InputError(f"the ICO file cannot be read: {error}") from None
    pictures = [frame for frame in frames if frame.startswith(b"\x89PNG")]
    if not pictures:
        raise InputError("the ICO file holds no PNG, which a manifest could be bound to")
    return max(pictures, key=len), "image/png"
