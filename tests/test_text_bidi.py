"""The bidirectional algorithm against python-bidi, and the order in which lines are shown."""

from __future__ import annotations

import bidi as reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imajin_cli.stages.imaging.typeset.bidi import base_level, levels, line_levels, visual_order

_INVISIBLE = "\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069"
_MIRROR = str.maketrans("()[]", ")(][")


def _shown(text: str, mirror: bool) -> str:
    base = base_level(text)
    resolved = line_levels(text, levels(text, base), base)
    chars = [text[i].translate(_MIRROR) if mirror and resolved[i] % 2 else text[i] for i in visual_order(resolved)]
    return "".join(c for c in chars if c not in _INVISIBLE)


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="abאבجد12٣٤ .,+-%$()[]\u0301/!" + _INVISIBLE, min_size=1, max_size=16))
def test_the_order_is_that_of_python_bidi(text: str) -> None:
    expected = "".join(c for c in reference.get_display(text) if c not in _INVISIBLE)
    assert expected in (_shown(text, mirror=False), _shown(text, mirror=True))


@pytest.mark.parametrize(("text", "level"), [("abc", 0), ("123 אב", 1), ("\u2067אב\u2069 abc", 0), ("…", 0)])
def test_a_paragraph_goes_by_its_first_strong_letter(text: str, level: int) -> None:
    assert base_level(text) == level


def test_numbers_stay_in_order_within_arabic() -> None:
    text = "خطأ 404"
    assert _shown(text, mirror=False) == "404 أطخ"
