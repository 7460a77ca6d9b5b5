"""What a sidecar's records let a manifest claim: the digital source type, the actions that were done, the ingredients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imajin_cli import __version__
from imajin_cli.contract.sidecar import Record, Sidecar

# IPTC NewsCodes, digital source type: https://cv.iptc.org/newscodes/digitalsourcetype/
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TRAINED, COMPOSITE, ALGORITHMIC = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia"
AGENT = {"name": "imajin", "version": __version__}
# Stages of ours → action (C2PA 2.2, section on actions). What is not named here edited the picture in some other way.
_ACTIONS = {"text": "c2pa.addedText"}
_ORIGINS = ("generate", "load")
Size = tuple[int, int]


@dataclass(frozen=True)
class Derived:
    """How a file came from its base: its own size in pixels, the base's, and whether it was cut to another ratio."""

    pixels: Size
    base: Size
    cut: bool = False


def source_type(sidecar: Sidecar) -> str | None:
    """The digital source type that is true by the records, None where a picture came from elsewhere and nothing says.

    A trained model that drew the picture makes it trainedAlgorithmicMedia; one that changed a drawn or foreign picture, or
    started from one, compositeWithTrainedAlgorithmicMedia; a scene put together by rules is algorithmicMedia, whatever read
    the prompt.
    """
    changed = [record for record in sidecar.stages if record.status == "changed"]
    origin = next((record for record in reversed(changed) if record.stage == "generate"), None)
    later = changed[changed.index(origin) + 1 :] if origin is not None else changed
    if origin is not None and origin.model is not None:
        loaded = any(record.stage == "load" for record in changed[: changed.index(origin)])
        return COMPOSITE if loaded or "image" in _inputs(origin) else TRAINED
    if any(record.model is not None for record in later):
        return COMPOSITE
    return ALGORITHMIC if origin is not None else None


def _inputs(record: Record) -> Mapping[str, Any]:
    """What a model was given beside the prompt, as its record notes it: name → digest, or a list of such."""
    told = record.notes.get("inputs")
    return told if isinstance(told, Mapping) else {}


def definition(
    sidecar: Sidecar,
    name: str,
    mime: str,
    derived: Derived,
    *,
    with_prompt: bool = False,
    file_sha256: str | None = None,
) -> dict[str, Any]:
    """The manifest of the file ``name``, as JSON for the signer. No prompt unless asked for, no thumbnail, no time.

    ``file_sha256`` is set where the manifest is bound to a part of the file, and binds the whole of it.
    """
    assertions: list[dict[str, Any]] = [{"label": "c2pa.actions.v2", "data": {"actions": actions(sidecar, derived)}}]
    if with_prompt and sidecar.request is not None:
        assertions.append({"label": "org.imajin.request", "data": {"prompt": sidecar.request.prompt}})
    if file_sha256 is not None:
        assertions.append({"label": "org.imajin.file", "data": {"name": name, "alg": "sha256", "hash": file_sha256}})
    return {
        "claim_generator_info": [AGENT],
        "title": name,
        "format": mime,
        "assertions": assertions,
        "ingredients": ingredients(sidecar),
    }


def actions(sidecar: Sidecar, derived: Derived) -> list[dict[str, Any]]:
    """What was done, in order: the picture made or opened, each change of it, and what made this file of it."""
    changed = [record for record in sidecar.stages if record.status == "changed" and record.stage not in _ORIGINS]
    found = [_first(sidecar), *(one for record in changed for one in _of(record))]
    if derived.cut:
        found.append(_action("c2pa.cropped"))
    if derived.pixels != derived.base:
        found.append(_action("c2pa.resized"))
    return found


def _first(sidecar: Sidecar) -> dict[str, Any]:
    kind = source_type(sidecar)
    made = any(record.stage == "generate" and record.status == "changed" for record in sidecar.stages)
    if not made:
        return {**_action("c2pa.opened"), "parameters": {"ingredientIds": [_PARENT]}}
    return {**_action("c2pa.created"), "digitalSourceType": f"{IPTC}{kind}"}


def _of(record: Record) -> list[dict[str, Any]]:
    if record.stage == "output":
        return []
    if record.stage == "watermark":
        return [
            _action(name)
            for part, name in (("visible", "c2pa.edited"), ("invisible", "c2pa.watermarked.unbound"))
            if _was_marked(record, part)
        ]
    action = _action(_ACTIONS.get(record.stage, "c2pa.edited"))
    action["parameters"] = {"description": record.stage}
    if record.model is not None:
        action["digitalSourceType"] = f"{IPTC}{COMPOSITE}"
    return [action]


def _was_marked(record: Record, part: str) -> bool:
    told = record.notes.get(part)
    return isinstance(told, Mapping) and told.get("marked") is True


def _action(name: str) -> dict[str, Any]:
    return {"action": name, "softwareAgent": AGENT}


_PARENT = "parent"


def ingredients(sidecar: Sidecar) -> list[dict[str, Any]]:
    """What the picture is made of: the picture that came from elsewhere, and the credited parts and fonts, each once."""
    found: list[dict[str, Any]] = []
    if not any(record.stage == "generate" and record.status == "changed" for record in sidecar.stages):
        digest = _first_pixels(sidecar)
        parent = {"title": "the picture as it came", "relationship": "parentOf", "label": _PARENT}
        found.append({**parent, "instance_id": f"imajin:pixels:sha256:{digest}"})
    found += [one for record in sidecar.stages if record.status == "changed" for one in _given(record)]
    credits_ = {(c.name, c.licence, c.by or "") for record in sidecar.stages for c in record.credits}
    found += [
        {
            "title": name,
            "relationship": "componentOf",
            "description": f"licence {licence}" + (f", by {by}" if by else ""),
        }
        for name, licence, by in sorted(credits_)
    ]
    return found


def _given(record: Record) -> list[dict[str, Any]]:
    """The model that changed or drew a picture, and the pictures that it was given."""
    found: list[dict[str, Any]] = []
    if record.model is not None:
        about = f"model, revision {record.model.revision or 'unknown'}, licence {record.model.licence or 'unknown'}"
        found.append({"title": record.model.name, "relationship": "inputTo", "description": about})
    for name, digest in sorted(_inputs(record).items()):
        if isinstance(digest, str):
            given = {"title": f"the {name} that it was given", "relationship": "inputTo"}
            found.append({**given, "instance_id": f"imajin:file:sha256:{digest}"})
    return found


def _first_pixels(sidecar: Sidecar) -> str:
    """Digest of the first pixels that the records know of."""
    known: Sequence[str | None] = [*sidecar.lineage, *(record.output for record in sidecar.stages)]
    own = sidecar.image.sha256 if sidecar.image is not None else None
    return next((digest for digest in known if digest is not None), own or sidecar.id)


def xmp(kind: str) -> bytes:
    """An XMP packet that says the digital source type ``kind`` (IPTC Photo Metadata 2023.2, Iptc4xmpExt)."""
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    ext = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    body = f'<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="{ext}" Iptc4xmpExt:DigitalSourceType="{IPTC}{kind}"/>'
    text = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}">{body}</rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    )
    return text.encode()
