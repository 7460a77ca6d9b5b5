"""Icon names to captions: style, size and set words dropped, brands, flags, skin tones and letters left out."""

from __future__ import annotations

import re

STYLE = {
    "outline", "outlined", "filled", "fill", "line", "solid", "bold", "duotone", "thin", "light", "regular", "twotone",
    "rounded", "round", "sharp", "baseline", "linear", "broken", "remix", "negative", "24px", "tone", "color", "fixed",
    "mini", "loop", "rtl", "ltr", "mirrored", "static",
}  # fmt: skip
_LEAD = {"baseline", "outline", "round", "sharp", "twotone", "md", "ios", "file-type", "folder-type"}
_NOT = re.compile(
    r"skin-tone|(^|-)(medium-)?(dark|light|medium)-(skin|light|dark)|^flag-for|^flag-of|-flag-|^flag-[a-z]{2}$|(^|-)(logo|brand|logos)(-|$)"
    r"|keycap|^regional|^letter-|alpha-[a-z]-|^flag-(?!off|check|2|alt|banner|triangle|racing|chequered)"
)
_SKIN = re.compile(r"-(medium|medium-light|medium-dark|dark|light)$")
PEOPLE_SETS = {"fluent-emoji-flat", "fluent-emoji-high-contrast", "noto", "noto-v1", "twemoji", "emojione"}


def caption(name: str, source: str) -> str | None:
    """The words of an icon's name, or None for one that is not used."""
    if _NOT.search(name) or (source in PEOPLE_SETS and _SKIN.search(name)):
        return None
    words = [w for w in re.split(r"[-_\s]+", name.lower()) if w]
    if source == "vscode-icons" or source == "material-icon-theme":
        words = [w for w in words if w not in ("type", "opened", "default", "open")]
        words = [*words[1:], "folder"] if words[:1] == ["folder"] and len(words) > 1 else words
    if source == "ic":
        words = words[1:]
    while len(words) > 1 and (words[-1] in STYLE or re.fullmatch(r"0?\d{1,2}", words[-1])):
        words = words[:-1]
    text = " ".join(words)
    return text if len(text) >= 2 and not re.fullmatch(r"[\d ]+", text) else None


def keep_size(names: list[str]) -> list[str]:
    """Of names that differ by a pixel size only (fluent, heroicons), those of the largest size."""
    best: dict[str, tuple[int, str]] = {}
    rest: list[str] = []
    for name in names:
        found = re.match(r"(.+?)-(12|16|20|24|28|32|48)(-(?:filled|regular|light|solid|color))?$", name)
        if not found:
            rest.append(name)
            continue
        key = found[1] + (found[3] or "")
        size = int(found[2])
        if key not in best or best[key][0] < size:
            best[key] = (size, name)
    return rest + [name for _, name in best.values()]
