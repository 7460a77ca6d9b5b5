"""Where a scene's parts come from by name: the project's own drawings, Phosphor icons, and packs that a user adds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from imajin_cli.contract.errors import MissingError
from imajin_cli.stages.scene import pack
from imajin_cli.stages.scene.part import Part
from imajin_cli.stages.scene.userpack import load_pack

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# The tiles that a badge's symbol can stand on, in its own 48 units.
BADGE_TILES = {
    "square": '<rect x="2" y="2" width="44" height="44" rx="13" fill="@deep" stroke="@paper" stroke-width="3.4"/>',
    "disc": '<circle cx="24" cy="24" r="22" fill="@deep" stroke="@paper" stroke-width="3.4"/>',
    "bubble": '<path d="M15 2H33Q46 2 46 15V27Q46 40 33 40H25L16.500 46.500V40H15Q2 40 2 27V15Q2 2 15 2Z" fill="@deep" '
    'stroke="@paper" stroke-width="3.4" stroke-linejoin="round"/>',
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

    def icons(self) -> tuple[str, ...]:
        """Names of all icons, without their "phosphor:"; none where the icons are not installed."""
        return _icon_names()

    def with_drawings(self, names: Sequence[str]) -> list[str]:
        """``names`` with drawings of the same things before each icon: "phosphor:plant" brings the potted plant."""
        out: list[str] = []
        for name in names:
            if name.startswith("phosphor:"):
                out += _drawings_of(name.removeprefix("phosphor:"))
            out.append(name)
        return list(dict.fromkeys(out))

    def backdrop(self, name: str) -> Part | None:
        """The silhouette ``name``, None where there is none."""
        return pack.own_parts().get("backdrops", {}).get(name)

    def badge(self, name: str, tile: str = "square") -> Part | None:
        """The badge for the state ``name`` on a tile ("square", "disc", "bubble"), None where there is no such symbol."""
        return _badge(name, tile)

    def mark(self, name: str) -> Part | None:
        """The ambient mark ``name``, None where there is none."""
        return pack.own_parts().get("marks", {}).get(name)

    def digits(self, text: str) -> tuple[Part, ...]:
        """One drawn glyph for each digit of ``text``; empty where it is no number."""
        glyphs = pack.own_parts().get("glyphs", {})
        found = [glyphs[DIGITS[int(c)]] for c in text if c in "0123456789" and DIGITS[int(c)] in glyphs]
        return tuple(found) if len(found) == len(text) else ()


@lru_cache(maxsize=1)
def _icon_names() -> tuple[str, ...]:
    from imajin_cli.stages.backends import phosphor

    try:
        return tuple(sorted(phosphor.names()))
    except MissingError:
        return ()


def _icon(name: str) -> Part | None:
    from imajin_cli.stages.backends import phosphor

    try:
        return phosphor.toned(name)
    except (KeyError, MissingError):
        return None


@lru_cache(maxsize=1024)
def _drawings_of(icon: str) -> tuple[str, ...]:
    """At most three own drawings whose name begins or ends with an icon's, or whose words hold it."""
    wanted = set(icon.split("-"))
    found = []
    for name, part in pack.own_parts().get("subjects", {}).items():
        named = f"{name}-".startswith(f"{icon}-") or f"-{name}".endswith(f"-{icon}")
        if named or wanted <= set(part.words):
            # The sooner a drawing's words come to it, the more it is that thing.
            place = min((part.words.index(word) for word in wanted & set(part.words)), default=99)
            found.append((not named, place, name))
    return tuple(name for _, _, name in sorted(found)[:3])


@lru_cache(maxsize=256)
def _badge(name: str, tile: str) -> Part | None:
    symbol = pack.own_parts().get("badges", {}).get(name)
    if symbol is None:
        return None
    lift = -3.0 if tile == "bubble" else 0.0
    scale = 28 / max(symbol.view)
    x = 24 - scale * symbol.view[0] / 2
    body = f'{BADGE_TILES[tile]}<g transform="translate({x:g} {x + lift:g}) scale({scale:g})">{symbol.body}</g>'
    return Part(
        f"badge-{symbol.name}", "badge", symbol.title, body, (48.0, 48.0), (0.0, 0.0, 48.0, 48.0), symbol.credit
    )
