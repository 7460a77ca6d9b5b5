"""Who plays in the scene of a wish and a seed: neighbouring seeds never repeat, all that varies walks round in turn."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imajin_cli.stages.scene import air, people
from imajin_cli.stages.scene.cast import Cast
from imajin_cli.stages.scene.deal import deal, rotated, walk
from imajin_cli.stages.scene.kin import kin_of
from imajin_cli.stages.scene.knowledge.families import family_of
from imajin_cli.stages.scene.layouts.table import LAYOUTS
from imajin_cli.stages.scene.library import Library
from imajin_cli.stages.scene.palette import (
    Harmony,
    Theme,
    brand_for,
    brand_of,
    figures,
    palette,
)
from imajin_cli.stages.scene.part import Part
from imajin_cli.stages.scene.wish import PEOPLE_ICONS, Wish

# A situation's mood as one of people.MOODS, where the names differ.
MOODS = {m: m for m in people.MOODS} | {"broken": "sad", "busy": "working"}
# What may stand beside anything where a wish names too few companions that exist.
COMMON = ("potted-plant", "paper-plane", "cloud", "document", "phosphor:star-four", "phosphor:chat-circle-dots")
GROUNDS = ("line", "shadow", "mound")
SCENIC = ("vista", "arch", "stand", "trio", "island")
FALLBACK_SUBJECTS = ("robot-happy", "document", "ghost")


@dataclass(frozen=True)
class Manner:
    """How the scenes of a request are to be made. ``colour`` is a hex colour or None, ``aspect`` width by height."""

    layout: str = "auto"
    theme: Theme = "light"
    colour: str | None = None
    harmony: Harmony = "auto"
    subject: str | None = None
    badge: str = "auto"
    detail: str = "normal"
    aspect: float = 1.0
    composition: str | None = None
    people: str = "auto"
    avatar: str = "auto"


def _layout(wish: Wish, manner: Manner, seed: int) -> tuple[str, int]:
    """The layout, and how many of the seeds before this one have the same."""
    if manner.layout != "auto":
        return manner.layout, seed
    if manner.aspect >= 2.2:
        return "banner", seed
    if manner.aspect >= 1.45:
        return "hero", seed
    if wish.numerals and "numerals" in wish.layouts:
        order = ("spot", "spot", "spot", "numerals") if wish.named else ("numerals", "spot", "spot")
        block, at = divmod(seed, len(order))
        return order[at], block * order.count(order[at]) + order[:at].count(order[at])
    return "spot", seed


def _family(name: str) -> str:
    return family_of(name.removeprefix("phosphor:"))


def _subject(library: Library, wish: Wish, manner: Manner, layout: str, seed: int, step: int) -> tuple[Part, int]:
    """The subject at a step of the layout's seeds, and of how many it is one: they come in turn."""
    names = [manner.subject] if manner.subject else library.with_drawings(wish.subjects)
    parts = [part for part in map(library.find, names) if part is not None]
    if wish.weather and manner.subject is None:  # rain and a laughing sun cannot both be meant
        parts = [part for part in parts if part.name not in air.SUNNY] or parts
    drawn = [part for part in parts if part.kind != "icon"]
    if (
        len(drawn) >= 2 and parts[0].kind != "icon"
    ):  # drawings are richer than icons: where there are enough, no icon plays
        parts = drawn
    if layout == "icon" and manner.subject is None and 0 < len(parts) < 4:
        parts = [*parts, *_alike(library, parts[0], {part.name for part in parts})][:4]
    person = None if manner.subject else _person(wish, manner, layout, parts, seed)
    if person is not None and (manner.people == "always" or layout == "avatar" or not parts):
        return person, 1
    if not parts:
        parts = [part for part in map(library.find, FALLBACK_SUBJECTS) if part is not None]
    if person is not None:
        parts = [part for part in parts if part.name.removeprefix("phosphor:") not in PEOPLE_ICONS]
        parts.insert(0 if wish.people else 1, person)
    # In a pattern all play alike, whoever leads.
    return parts[step % len(parts)], 1 if layout == "pattern" else len(parts)


def _alike(library: Library, subject: Part, known: set[str]) -> list[Part]:
    """Icons of the subject's thing in other forms ("bell-ringing" for the bell), where it names too few drawings."""
    stem = subject.name.removeprefix("phosphor:").split("-")[0]
    names = [name for name in library.icons() if name.split("-")[0] == stem and not name.endswith(("-slash", "-x"))]
    found = (library.find(f"phosphor:{name}") for name in names if f"phosphor:{name}" not in known)
    return [part for part in found if part is not None]


def _person(wish: Wish, manner: Manner, layout: str, parts: Sequence[Part], seed: int) -> Part | None:
    """A person for the scene: in avatars unless a creature was named; elsewhere where the wish is about people."""
    if manner.people == "never":
        return None
    if layout == "avatar":
        creature = bool(parts) and parts[0].kind in ("mascot", "animal") and not wish.people and bool(wish.named)
        return (
            None if creature and manner.people == "auto" else people.avatar(wish.about, seed, style=manner.avatar).part
        )
    if manner.people == "always" or wish.people:
        return people.figure(MOODS.get(wish.mood, "neutral"), seed, description=wish.about).part
    return None


@dataclass(frozen=True)
class _Pool:
    """Names that companions are taken from: what must be seen, four equal first choices, the others, and fillers."""

    told: tuple[str, ...]
    head: list[str]
    rest: list[str]
    kin: list[str]

    @property
    def turns(self) -> int:
        """How many turns of the lists there are before a set of companions recurs."""
        return next(len(names) for names in (self.head, self.kin, COMMON) if len(names) > 1)

    def names(self, turn: int) -> list[str]:
        """The names in their order at a turn."""
        head, kin, common = (rotated(names, turn) for names in (self.head, self.kin, COMMON))
        return [*self.told, *head, *self.rest, *kin, *common]


def _pool(wish: Wish, subject: Part, salt: str) -> _Pool:
    # Drawings of the project's own look better beside its subjects than bare icons do: icons come last.
    named = sorted(wish.companions, key=lambda name: name.startswith("phosphor:"))
    own = [name for name in named if not name.startswith("phosphor:") and name not in wish.others]
    head, kin = own[:4], list(kin_of(subject))
    rest = [name for name in named if name not in head]
    chance = random.Random(f"{salt}/companions")
    chance.shuffle(head)
    chance.shuffle(kin)
    return _Pool(wish.others, head, [*rest, *wish.subjects[1:]], kin)


def _companions(library: Library, names: Sequence[str], subject: Part, told: Sequence[str]) -> tuple[Part, ...]:
    """Up to six, no two of a family, none that the subject shows, nor a second sun or moon; the better ones first."""
    families = {_family(subject.name), *air.shown_in(subject)}
    lit = air.is_light(subject)
    found: list[Part] = []
    for name in names:
        if len(found) == 6 or (len(found) >= 5 and name in COMMON):
            break
        part = library.find(name)
        if part is None or part.kind == "person" or _family(name) in families:
            continue
        if air.is_light(part) and lit and name not in told:
            continue
        lit = lit or air.is_light(part)
        families.add(_family(name))
        found.append(part)
    return tuple(found)


def _suits(composition: str, layout: str, subject: Part, wish: Wish) -> bool:
    """Whether a skeleton suits the subject and the occasion."""
    if layout == "icon" and composition == "glyph" and subject.kind != "icon":
        return False  # the bare icon plays in its own right
    if layout == "banner":
        return subject.kind != "person" or composition != "tiles"
    if layout != "spot":
        return True
    floats = subject.ground is None
    if subject.kind == "person":  # half figures: they need something to stand behind
        return composition in ("stand", "arch", "cards", "trio", "shelf", "window")
    if composition == "podium":
        return wish.tone == "positive" and not floats
    if composition == "window":
        return "browser" not in subject.name and subject.kind != "device" and not subject.name.startswith("phosphor:")
    if composition == "diagonal":
        return floats or subject.kind in ("vehicle", "symbol")
    if composition in ("orbit",):
        return floats or subject.kind in ("device", "object", "symbol", "icon")
    if composition in ("shelf",):
        return not floats and subject.kind in ("object", "food", "device", "animal")
    if composition == "vista":
        return subject.kind in ("mascot", "animal", "vehicle", "place") and not floats
    if composition in ("island", "arch"):
        return subject.kind in ("mascot", "person", "animal", "place", "nature", "vehicle", "food")
    return True


def _compositions(wish: Wish, manner: Manner, layout: str, subject: Part, salt: str) -> list[str]:
    """The skeletons that suit, in the order of their turns."""
    table = LAYOUTS[layout]
    if manner.composition in table:
        return [str(manner.composition)]
    # One order for all subjects of the wish, each passing over what does not suit it.
    order = random.Random(f"{salt}/{layout}").sample(list(table), len(table))
    if layout == "spot" and wish.named and subject.kind in ("mascot", "animal"):
        # A creature with a part to play deserves a landscape: that comes first, the others follow.
        order = [*(name for name in SCENIC if name in table), *(name for name in order if name not in SCENIC)]
    return [name for name in order if _suits(name, layout, subject, wish)] or order


def _badge(library: Library, wish: Wish, manner: Manner, seed: int) -> Part | None:
    if manner.badge == "never" or (manner.badge == "auto" and manner.detail == "minimal"):
        return None
    tile = deal(("square", "disc", "bubble"), seed, f"{wish.title}/{wish.about}/tile")
    badges = [part for name in wish.badges if (part := library.badge(name, tile)) is not None]
    return deal(badges, seed, "badge", ranked=True) if badges else None


def _icon(library: Library, wish: Wish, subject: Part) -> Part | None:
    """The bare icon of the same thing as the subject, for glyphs: itself, or the icon that its name begins with."""
    if subject.kind == "icon":
        return subject
    words = subject.name.split("-")
    names = [f"phosphor:{'-'.join(words[:count])}" for count in range(len(words), 0, -1)]
    names += [name for name in wish.subjects[:1] if name.startswith("phosphor:")]
    return next((part for part in map(library.find, names) if part is not None), None)


def choose(library: Library, wish: Wish, manner: Manner, seed: int) -> Cast:
    """The cast for a wish: equal arguments give an equal cast. ``seed`` is 0 or more."""
    salt = f"{wish.title}/{wish.about}"
    rng = random.Random(f"{salt}/{seed}")
    layout, step = _layout(wish, manner, seed)
    digits = library.digits(wish.numerals) if layout == "numerals" else ()
    if layout == "numerals" and not digits:
        layout, step = "spot", seed
    subject, subjects = _subject(library, wish, manner, layout, seed, step)
    if wish.named and subject.kind in ("mascot", "animal"):
        own = deal(brand_of(subject.name.split("-")[0]), seed, f"{salt}/colour", ranked=True)
    else:
        own = deal(brand_for(wish.tone), seed, f"{salt}/colour")
    colour = manner.colour or own
    skeletons = _compositions(wish, manner, layout, subject, salt)
    pool = _pool(wish, subject, salt)
    backdrops = [part for part in map(library.backdrop, wish.backdrops) if part is not None]
    # Subject, skeleton, side, silhouette and companions walk through all that they can come to before any comes again.
    _, skeleton, mirrored, silhouette, company, ground = walk(
        step, subjects, len(skeletons), 2, max(1, len(backdrops)), pool.turns, len(GROUNDS)
    )
    companions = _companions(library, pool.names(company), subject, wish.others)
    colours: Mapping[str, str] = palette(colour, manner.theme, manner.harmony)
    return Cast(
        subject=subject,
        companions=companions,
        weather=wish.weather,
        told=sum(1 for part in companions if part.name in wish.others),
        backdrop=backdrops[silhouette] if backdrops else None,
        badge=_badge(library, wish, manner, seed),
        palette=colours,
        figures=figures(colour, manner.theme, manner.harmony),
        layout=layout,
        composition=skeletons[skeleton],
        ground=GROUNDS[ground],
        marks=rng.randrange(5),
        seed=seed,
        salt=salt,
        step=step,
        subjects=subjects,
        side=-1 if mirrored else 1,
        numerals=wish.numerals,
        digits=digits,
        festive=wish.mood == "celebrating",
        detail=manner.detail,
        solid=rng.random() < 0.25,
        icon=_icon(library, wish, subject),
        notes={"theme": manner.theme},
    )
