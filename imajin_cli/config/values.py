"""Values and names as a person writes them in one line: an environment variable, or --set."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.stage import Params


def from_text(text: str, annotation: Any) -> Any:
    """``text`` as what pydantic should coerce: a list (comma-separated) where the field is one, None for an empty optional."""
    shape = str(annotation)
    if "list[" in shape:
        return [item.strip() for item in text.split(",") if item.strip()]
    return None if text == "" and "None" in shape else text


def known_field(model: type[Params], key: str, place: str) -> str:
    """``key`` where ``model`` has it. Raises UsageError naming the nearest one that it has."""
    if key in model.model_fields:
        return key
    raise unknown(key, model.model_fields, place, "parameter")


def unknown(name: str, known: Iterable[str], place: str, what: str) -> UsageError:
    """The error for a name that is not known, with the nearest one that is."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.4)
    return UsageError(f"{place}: unknown {what} {name}", hint=f"did you mean {near[0]}?" if near else None)
