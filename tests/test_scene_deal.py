"""Candidates differ by construction: a walk over combinations, and what a cast makes of it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imajin_cli.stages.scene.choose import Manner, choose
from imajin_cli.stages.scene.deal import rotated, walk
from imajin_cli.stages.scene.library import Library
from imajin_cli.stages.scene.wish import Wish

LIBRARY = Library()


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_a_walk_takes_every_combination_once_before_any_comes_again(radices):
    total = math.prod(radices)
    steps = [walk(step, *radices) for step in range(total)]
    assert len(set(steps)) == total
    assert [walk(step + total, *radices) for step in range(min(total, 50))] == steps[:50]


def test_a_list_is_turned_round_and_round():
    assert rotated("abc", 1) == ["b", "c", "a"]
    assert rotated("abc", 4) == rotated("abc", 1)
    assert rotated("", 3) == []


@pytest.mark.parametrize("layout", ["spot", "hero", "banner", "icon", "avatar", "pattern"])
@pytest.mark.parametrize("subject", ["lighthouse", "fox", "phosphor:grains"])
def test_one_subject_alone_has_forty_arrangements_before_one_recurs(layout, subject):
    wish = Wish((subject,), backdrops=("circle", "blob-1", "hill"), about="one")
    seen = set()
    for seed in range(40):
        cast = choose(LIBRARY, wish, Manner(layout=layout, subject=subject), seed)
        companions = tuple(part.name for part in cast.companions)
        seen.add((cast.composition, cast.side, cast.backdrop and cast.backdrop.name, companions))
    assert len(seen) == 40


def test_a_seed_does_not_depend_on_the_seeds_around_it():
    wish = Wish(("lighthouse", "castle", "tree"), about="one")
    forth = [choose(LIBRARY, wish, Manner(), seed) for seed in range(12)]
    back = [choose(LIBRARY, wish, Manner(), seed) for seed in reversed(range(12))]
    assert forth == back[::-1]
