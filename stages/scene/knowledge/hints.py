"""What a prompt says about the picture's form: layout, mood, count, numerals and colours, by plain words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imajin_cli.stages.scene.knowledge.text import is_unspaced, normalise, stem, tokens

_LAYOUTS = {
    "icon": "icon icons symbol glyph favicon pictogram icône icono ícono アイコン ايقونه",
    "avatar": "avatar avatars profilbild portrait portrait porträt retrato アバター افاتار",
    "banner": "banner header banderole cabecera bannière kopfzeile バナー بانر",
    "hero": "hero splash landing titelbild",
    "pattern": "pattern tile tiled seamless wallpaper muster patrón motif 模様 パターン نمط",
    "numerals": "numerals digits ziffern dígitos chiffres 数字 ارقام",
    "spot": "spot vignette",
}
_MOODS = {
    "lost": "lost confused puzzled verirrt verloren perdido perdida perdu perdue 迷子 迷った تائه ضائع",
    "searching": "searching search looking seeking hunting exploring sucht suchend suche busca buscando cherche "
    "探して 探す يبحث",
    "sad": "sad unhappy crying sorry disappointed traurig triste 悲しい حزين",
    "sleeping": "sleeping asleep sleepy sleep napping schläft schlafend schlafende durmiendo duerme dort endormi "
    "眠っている 寝ている 寝る نائم",
    "working": "working repairing fixing building busy arbeitet arbeitend repariert trabajando travaille 働く يعمل",
    "celebrating": "celebrating cheering dancing party jubelt feiert celebrando fête 祝う يحتفل",
    "waving": "waving greeting winkt saluda salue 手を振る يلوح",
    "broken": "broken damaged crashed exploded kaputt roto rota cassé cassée 壊れた مكسور محطم",
    "happy": "happy smiling cheerful joyful laughing glücklich fröhlich lächelt feliz contento heureux joyeux "
    "嬉しい 笑顔 سعيد مبتسم",
}
_WEATHER = {
    "rain": "rain rainy raining drizzle downpour regen regnet regnerisch verregnet verregneter lluvia lluvioso lluviosa "
    "pluie pluvieux pluvieuse 雨 مطر ممطر",
    "snow": "snow snowy snowing snowfall schnee schneit verschneit nieve nevado nevada neige enneigé 雪 ثلج",
    "night": "night midnight nighttime nacht nachts mitternacht noche medianoche nuit minuit 夜 真夜中 ليل ليله",
}
_NUMBERS = {
    2: "two zwei dos deux 二つ 二匹 二人 اثنان",
    3: "three drei tres trois 三つ 三匹 三人 ثلاثه ثلاث",
    4: "four vier cuatro quatre 四つ اربعه اربع",
    5: "five fünf cinco cinq 五つ خمسه خمس",
    6: "six sechs seis سته",
    7: "seven sieben siete sept",
    8: "eight acht ocho huit",
    9: "nine neun nueve neuf",
}
_COLOURS = {
    "#d92d20": "red rot rote roter rotes rojo roja rouge 赤 احمر",
    "#f97316": "orange naranja オレンジ برتقالي",
    "#eab308": "yellow gelb gelbe gelber amarillo amarilla jaune 黄色 اصفر",
    "#16a34a": "green grün grüne grüner grünes verde vert verte 緑 اخضر",
    "#0d9488": "teal türkis turquesa turquoise ターコイズ فيروزي",
    "#0891b2": "cyan cian",
    "#2563eb": "blue blau blaue blauer blaues azul bleu bleue 青 ازرق",
    "#1e3a8a": "navy marineblau 紺",
    "#4f46e5": "indigo",
    "#7c3aed": "purple violet lila violett morado púrpura 紫 بنفسجي",
    "#db2777": "pink rosa rose ピンク وردي",
    "#c026d3": "magenta fuchsia",
    "#92400e": "brown braun braune marrón marron brun 茶色 بني",
    "#6b7280": "grey gray grau graue gris グレー 灰色 رمادي",
    "#111827": "black schwarz schwarze negro negra noir noire 黒 اسود",
    "#b45309": "gold golden dorado doré 金色 ذهبي",
}
# The name of a green subject ("green energy"), a black market day or an orange to eat is no wish for a colour.
_NO_COLOUR = re.compile(
    r"\b(green (energy|power|planet)|black friday|blue ?tooth|gold (plan|member\w*)|orange juice)\b"
)
# A security term, not a number of things.
_NO_COUNT = re.compile(r"\b(two|2)[- ](factor|step|way)\b")
_HEX = re.compile(r"#(?:[0-9a-f]{6}|[0-9a-f]{3})\b")
_CODE = re.compile(r"(?<![\d.,#])([45]\d\d)(?![\d.,]*\d)")
_COUNT = re.compile(r"(?<![\d.,#/])([2-9])(?![\d.,/%]|\s*(?:px|x|k|%|:))")


@dataclass(frozen=True)
class Hints:
    """``layout``, ``mood``, ``code`` and ``weather`` are "" and ``count`` is 0 where the prompt says nothing.

    Colours are #rrggbb.
    """

    layout: str = ""
    mood: str = ""
    count: int = 0
    code: str = ""
    colours: tuple[str, ...] = ()
    weather: str = ""


def _index(table: dict[str, str]) -> dict[str, str]:
    return {
        word if is_unspaced(word) else stem(normalise(word)): key
        for key, words in table.items()
        for word in words.split()
    }


_LAYOUT_WORDS, _MOOD_WORDS, _COLOUR_WORDS = _index(_LAYOUTS), _index(_MOODS), _index(_COLOURS)
_WEATHER_WORDS = _index(_WEATHER)
_NUMBER_WORDS = _index({str(number): words for number, words in _NUMBERS.items()})


def hints_of(prompt: str) -> Hints:
    """Read the hints of ``prompt``; where it names two layouts or moods, the first one counts."""
    text = normalise(prompt)
    stems = [stem(word) for word in tokens(text)]
    code, digit = _CODE.search(text), _COUNT.search(text)
    number = _first(_NUMBER_WORDS, stems, text)
    count = int(number) if number else int(digit.group(1)) if digit and not code else 0
    count = 0 if _NO_COUNT.search(text) else count
    named = () if _NO_COLOUR.search(text) else _all(_COLOUR_WORDS, stems, text)
    colours = (*(_long(found) for found in _HEX.findall(text)), *named)
    layout, mood = _first(_LAYOUT_WORDS, stems, text), _first(_MOOD_WORDS, stems, text)
    weather = _first(_WEATHER_WORDS, stems, text)
    return Hints(layout, mood, count, code.group(1) if code else "", tuple(dict.fromkeys(colours)), weather)


def _all(table: dict[str, str], stems: list[str], text: str) -> tuple[str, ...]:
    found = [table[word] for word in stems if word in table]
    if is_unspaced(text):
        found += [key for word, key in table.items() if is_unspaced(word) and word in text]
    return tuple(found)


def _first(table: dict[str, str], stems: list[str], text: str) -> str:
    return next(iter(_all(table, stems, text)), "")


def _long(colour: str) -> str:
    return colour if len(colour) == 7 else "#" + "".join(sign * 2 for sign in colour[1:])
