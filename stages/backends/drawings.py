"""The drawings that are installed with imajin, as a lock knows them: found without importing anything of them."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

from imajin_cli.contract.ingredient import Ingredient, digest_of
from imajin_cli.stages.backends import dicebear, phosphor

_SCENE = Path(__file__).parent.parent / "scene"


@lru_cache(maxsize=1)
def installed() -> tuple[Ingredient, ...]:
    """Our own drawings with what is known of them, the icons, and the people; a pack that is not installed is "absent"."""
    ours = f"{digest_of(_SCENE / 'parts')} {digest_of(_SCENE / 'knowledge' / 'compiled')}"
    icons = _package(phosphor.PACKAGE, "icons.zip")
    people = [_package(dicebear.PACKAGE, f"{style}.json") for style in sorted(dicebear.STYLES)]
    return (
        Ingredient("pack", "imajin", ours),
        Ingredient("pack", "phosphor", icons or "absent"),
        Ingredient("pack", "dicebear", " ".join(digest[:4] for digest in people if digest) or "absent"),
    )


def _package(package: str, name: str) -> str | None:
    for folder in sys.path:
        found = digest_of(Path(folder or ".") / package / name)
        if found is not None:
            return found
    return None
