"""An asset's entry in ``manifest.json``, and what it says in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from imajin_cli.contract.chain import holds
from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.contract.sidecar import Request, Sidecar
from imajin_cli.contract.stage import Asset

# Screen readers read an alternative text without a pause; longer ones belong into the page.
ALT_LENGTH = 150
_HEX = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


def scene_of(asset: Asset) -> Mapping[str, Any]:
    """The scene that the picture was drawn from; empty where there is none."""
    vector = asset.picture.vector if asset.picture is not None else None
    return vector.scene if vector is not None else {}


def alt_of(asset: Asset, given: str | None) -> str:
    """Alternative text: the one given (empty for decoration), the scene's, the headline, or the prompt cut short.

    The scene's is English: of a prompt in another language it is the prompt's own words, or the headline, that are kept.
    """
    if given is not None:
        return given
    request, scene = asset.sidecar.request, scene_of(asset).get("alt")
    words = [request.headline, request.prompt] if request is not None else []
    if request is not None and _languages(request) != {"en"}:
        words.reverse()
    elif isinstance(scene, str):
        words.insert(0, scene)
    text = next((" ".join(word.split()) for word in words if word and word.strip()), "")
    if len(text) <= ALT_LENGTH:
        return text
    return text[:ALT_LENGTH].rsplit(" ", 1)[0].rstrip(" ,.;:") + "…"


def lang_of(asset: Asset, given: str | None) -> str | None:
    """The language (BCP 47) of the alternative text, None where it was given or nothing tells."""
    request = asset.sidecar.request
    if given is not None or request is None:
        return None
    found = _languages(request)
    if found == {"en"} and not isinstance(scene_of(asset).get("alt"), str):
        return None  # what no language is seen in counts as English
    return next(iter(found)) if len(found) == 1 else None


def _languages(request: Request) -> frozenset[str]:
    """The languages that the prompt may be in."""
    from imajin_cli.stages.scene.knowledge.languages import spoken_in

    return spoken_in(request.prompt.lower(), {})


def background_of(asset: Asset) -> tuple[int, int, int]:
    """The scene's background as RGB levels, white where it has none."""
    found = _HEX.fullmatch(str(scene_of(asset).get("background") or ""))
    return (int(found[1], 16), int(found[2], 16), int(found[3], 16)) if found else (255, 255, 255)


def theme_of(asset: Asset) -> str | None:
    """The theme that the scene was painted for ("light", "dark", "contrast"), if it says so."""
    theme = scene_of(asset).get("theme")
    return theme if isinstance(theme, str) and len(theme) <= 32 else None


def held_gates(sidecar: Sidecar, gates: Sequence[str], sha256: str) -> list[dict[str, Any]]:
    """Each required gate, for the manifest; none means that nothing was required.

    Raises NoVerdictError naming the first gate whose word does not hold for the pixels ``sha256``.
    """
    for gate in gates:
        if not holds(sidecar, gate, sha256):
            seen = any(record.stage == gate for record in sidecar.stages)
            why = "its verdict is not for these pixels, or not a pass" if seen else "it never judged this picture"
            raise NoVerdictError(f"{gate} is required and {why}", hint=f"run `imajin {gate}` on it first")
    return [{"gate": gate, "held": True} for gate in gates]


def credits_of(sidecar: Sidecar) -> list[dict[str, str]]:
    """Who and what is to be credited, each once, in a fixed order."""
    found = {(c.name, c.licence, c.by or "") for record in sidecar.stages for c in record.credits}
    return [{"name": name, "licence": licence, **({"by": by} if by else {})} for name, licence, by in sorted(found)]
