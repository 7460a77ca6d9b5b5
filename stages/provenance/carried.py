"""Whether a file carries provenance of its own, told by its bytes alone and without checking any of it."""

from __future__ import annotations

# A C2PA manifest store: a JUMBF description box whose UUID begins with "c2pa" (C2PA 2.2, section 11.1.4).
_C2PA = b"jumdc2pa"
# IPTC's digital source type in XMP, and the resource block of IPTC-IIM (Photoshop's 0x0404) in JPEG and TIFF.
_XMP, _IIM = b"DigitalSourceType", b"8BIM\x04\x04"


def provenance_in(data: bytes) -> str | None:
    """What of provenance a raster file's bytes hold, for a person; None for nothing."""
    if _C2PA in data:
        return "Content Credentials (C2PA)"
    return "IPTC metadata" if _XMP in data or _IIM in data else None
