"""Which drawings are the same thing: a robot in eight moods, a book open or closed, an icon with and without a badge."""

from __future__ import annotations

_NOT_THE_THING_TEXT = (
    "shopping library music hand hands currency text file number arrow arrows credit ice hot paper money rain line bar search "
    "traffic flying user sort shooting mountain door stop light boat delivery party empty hole key wall fire first git "
    "graduation paint potted puzzle road steering swimming video virtual wrench chart dots target construction "
    "piggy treasure water watering desktop hard inbox satellite plug thumbs lightning sun moon snowman cell device "
    "speaker thermometer clock flower gear medical table toggle tool trend floppy gas game magic magnifying map "
    "medal pen office person piano qr test tennis soccer square circle wave fork"
)
_NOT_THE_THING = frozenset(_NOT_THE_THING_TEXT.split())
"""First words that name no thing by themselves: with them the whole name counts ("ice-cream" is not "ice")."""

_ALIASES = {
    "books": "book",
    "balloons": "balloon",
    "desert-cactus": "cactus",
    "cards": "card",
    "credit-card": "card",
    "sailboat": "boat",
    "boat-in-bottle": "bottle",
    "coffee-cup": "coffee",
    "planet-ring": "planet",
    "moon-night": "moon",
    "sun-cloud": "sun",
    "rain-cloud": "rain",
    "chats": "chat",
    "chat-bubbles": "chat",
    "files": "document",
    "file": "document",
    "file-text": "document",
    "folders": "folder",
    "coins": "coin",
    "coins-stack": "coin",
    "package-box": "package",
    "tree-palm": "palm",
    "device-mobile": "phone",
    "magnifying-glass": "search-glass",
    "lightbulb": "light-bulb",
    "plugs": "plug",
    "plug-disconnected": "plug",
    "shopping-cart-simple": "shopping-cart",
    "barbell": "dumbbell",
    "light-bulb": "light-bulb",
    "bird-envelope": "bird",
    "piggy-bank": "piggy",
    "lock": "padlock",
    "delivery-truck": "truck",
    "mountains": "mountain",
    "mountain-flag": "mountain",
    "images": "image",
    "island-palm": "island",
    "hot-air-balloon": "hot-air-balloon",
    "empty-box": "box",
    "door-exit": "door",
    "leaf-bulb": "leaf-bulb",
    "heart-pulse": "heartbeat",
    "heartbeat": "heartbeat",
    "chat-robot": "robot",
    "couch": "sofa",
    "castle-turret": "castle",
    "vault": "safe",
    "sneaker": "running",
    "school-bag": "backpack",
    "fish-bowl": "fish",
    "traffic-signal": "traffic-light",
    "wind-turbine": "windmill",
    "bank": "museum",
}
"""Names that a first word alone would put in the wrong family, and plurals and synonyms of the same thing."""

MOODS = ("happy", "lost", "sad", "working", "sleeping", "searching", "celebrating", "waving", "broken", "shrug")
_STATES = frozenset(
    (
        *MOODS,
        "simple",
        "open",
        "empty",
        "burning",
        "wilted",
        "crashed",
        "disconnected",
        "offline",
        "closed",
        "alert",
        "check",
        "declined",
        "missing",
        "torn",
        "melted",
        "ringing",
        "slash",
        "fill",
    )
)


def family_of(name: str) -> str:
    """Return the thing that ``name`` shows, whatever its state: ``robot-sad`` is a robot, ``ice-cream`` is itself."""
    if name in _ALIASES:
        return _ALIASES[name]
    first, *rest = name.split("-")
    first = _ALIASES.get(first, first)
    if not rest or first not in _NOT_THE_THING:
        return first
    return "-".join([first, *(part for part in rest if part not in _STATES)])


def mood_of(name: str) -> str:
    """Return the mood that the name of a drawing ends in, or "" where it has none."""
    last = name.rpartition("-")[2]
    return last if last in MOODS else ""


_GLOOMY_TEXT = (
    "alert declined broken burning crashed torn missing sad empty wilted disconnected offline closed melted lost slash "
    "x warning"
)
_GLOOMY = frozenset(_GLOOMY_TEXT.split())


def is_gloomy(name: str) -> bool:
    """Whether the drawing shows something broken, empty or sad, which only bad news should get."""
    return name.rpartition("-")[2] in _GLOOMY
