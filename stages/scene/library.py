"""Where a scene's parts come from by name: the project's own drawings, Phosphor icons, and packs that a user adds."""

from __future__ import annotations

from functools import lru_cache

from imajin_cli.contract.errors import MissingError
from imajin_cli.stages.scene import pack, shapes
from imajin_cli.stages.scene.part import Part
from imajin_cli.stages.scene.userpack import load_pack

# A state by its name as situations use it, and the Phosphor glyph that says it where the pack has no badge of that name.
BADGES = {
    "check": "check",
    "cross": "x",
    "plus": "plus",
    "minus": "minus",
    "exclamation": "exclamation-mark",
    "question": "question-mark",
    "star": "star",
    "heart": "heart",
    "clock": "clock",
    "bolt": "lightning",
    "refresh": "arrows-clockwise",
    "lock": "lock-simple",
    "ellipsis": "dots-three",
    "arrow-up": "arrow-up",
    "arrow-down": "arrow-down",
    "search": "magnifying-glass",
    "sleep": "moon",
    "pencil": "pencil-simple",
    "key": "key",
    "play": "play",
    "pause": "pause",
    "bell": "bell",
    "wifi-off": "wifi-slash",
    "eye-off": "eye-slash",
}


class Library:
    """Parts by name. ``packs`` are paths of user packs (folders of SVGs, Iconify JSON files), searched first."""

    def __init__(self, packs: tuple[str, ...] = ()) -> None:
        self.user: dict[str, Part] = {}
        for path in packs:
            self.user.update(load_pack(path))

    def find(self, name: str) -> Part | None:
        """The part ``name`` for use as a subject or companion, None where there is none."""
        if name in self.user:
            return self.user[name]
        if name.startswith("phosphor:"):
            return _icon(name.removeprefix("phosphor:"))
        return pack.own_parts().get("subjects", {}).get(name)

    def subjects(self) -> tuple[str, ...]:
        """Names of the own and the user's subjects."""
        return tuple(sorted({*self.user, *pack.own_parts().get("subjects", {})}))

    def backdrop(self, name: str) -> Part | None:
        """The silhouette ``name``, None where there is none."""
        return pack.own_parts().get("backdrops", {}).get(name)

    def badge(self, name: str) -> Part | None:
        """The badge for the state ``name``, None where there is none."""
        return pack.own_parts().get("badges", {}).get(name) or _glyph_badge(name)

    def digits(self, text: str) -> tuple[Part, ...]:
        """One drawn glyph for each character of ``text``; empty where one is missing."""
        glyphs = pack.own_parts().get("glyphs", {})
        found = tuple(glyphs[f"digit-{c}"] if f"digit-{c}" in glyphs else glyphs[c] for c in text if f"digit-{c}" in glyphs or c in glyphs)
        return found if len(found) == len(text) else ()


def _icon(name: str) -> Part | None:
    from imajin_cli.stages.backends import phosphor

    try:
        return phosphor.toned(name)
    except (KeyError, MissingError):
        return None


@lru_cache(maxsize=64)
def _glyph_badge(name: str) -> Part | None:
    from imajin_cli.stages.backends import phosphor

    if name not in BADGES:
        return None
    try:
        glyph = phosphor.lines(BADGES[name], "bold")
    except (KeyError, MissingError):
        return None
    ink = glyph.body.split("</path>")[-1]
    ink = "".join(f"<path{piece}" for piece in ink.split("<path") if piece and '"@line"' in piece).replace("@line", "@paper")
    body = f'<rect width="48" height="48" rx="14" fill="@deep"/><g transform="translate(9.6 9.6) scale(.1125)">{ink}</g>'
    part = shapes.shape(f"badge-{name}", body, (0, 0, 48, 48))
    return Part(part.name, "badge", name.capitalize(), body, (48, 48), (0, 0, 48, 48), glyph.credit)
