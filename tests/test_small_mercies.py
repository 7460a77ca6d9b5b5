"""Slips of the hand that were passed over once: a name nearly right, a folder for a file, a line without end."""

from __future__ import annotations

from pathlib import Path

import pytest

from imajin_cli.config.places import project_file
from imajin_cli.contract.errors import MOST_SIGNS, InputError, MissingError, UsageError
from imajin_cli.stages.backends.fonts import font_named
from imajin_cli.stages.semantics.taxonomy import built_in, resolve


def test_a_filter_that_is_nearly_named_is_no_free_text() -> None:
    with pytest.raises(UsageError, match="flat-stile is no filter: flat-style is"):
        resolve("flat-stile", built_in())
    assert resolve("flat stile", built_in()).group == "free text"
    assert resolve("flat-style", built_in()).name == "flat-style"
    assert resolve("well-lit", built_in()).name


def test_a_folder_in_the_config_files_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "imajin.yaml").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        project_file(tmp_path)


def test_a_very_long_line_keeps_its_beginning_and_its_end() -> None:
    line = InputError(f"{'a' * 5000}: cannot be read", hint="try another name").line()
    assert len(line) < MOST_SIGNS + 100
    assert line.startswith("aaaa")
    assert line.endswith("aaa: cannot be read (try another name)")


def test_a_font_of_an_unknown_family_promises_no_package() -> None:
    with pytest.raises(MissingError) as caught:
        font_named("No Such Font")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("if it is a family that fontpkg has")
