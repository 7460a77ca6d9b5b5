"""From layers and flags to one validated params model, with each value's origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from imajin_cli.config.layers import Setting, Settings
from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.sidecar import ParamValue
from imajin_cli.contract.stage import Params

P = TypeVar("P", bound=Params)


@dataclass(frozen=True)
class Resolved(Generic[P]):
    """A params model and where each of its values came from."""

    params: P
    origins: Mapping[str, Setting]

    def recorded(self) -> dict[str, ParamValue]:
        """The params as a record keeps them."""
        values = self.params.model_dump(mode="json")
        return {
            key: ParamValue(value=value, origin=self.origins[key].origin if key in self.origins else "default")
            for key, value in values.items()
        }


def flag_of(model: type[Params], key: str) -> str:
    """The option on the command line that sets the parameter ``key``."""
    field = model.model_fields.get(key)
    extra = field.json_schema_extra if field is not None else None
    own = extra.get("flag") if isinstance(extra, dict) else None
    return str(own) if own else "--" + key.replace("_", "-")


def resolve(section: str, model: type[P], settings: Settings, flags: Mapping[str, Any]) -> Resolved[P]:
    """Validate ``section`` once, over all layers. ``flags`` holds what was given on the command line.

    Raises UsageError that names the option, or the file and line, of the value that is wrong.
    """
    given = dict(settings.sections.get(section, {}))
    given.update(
        {key: Setting(value, "flag", flag_of(model, key)) for key, value in flags.items() if value is not None}
    )
    try:
        params = model.model_validate({key: setting.value for key, setting in given.items()})
    except ValidationError as error:
        raise UsageError(_explain(section, error, given)) from None
    return Resolved(params, given)


def _explain(section: str, error: ValidationError, given: Mapping[str, Setting]) -> str:
    first = error.errors(include_url=False)[0]
    key = str(first["loc"][0]) if first["loc"] else section
    place = given[key].place if key in given else section
    value = first.get("input")
    said = first["msg"].removeprefix("Value error, ")
    shown = (
        "" if isinstance(value, dict | type(None)) or first["type"] == "value_error" else f", not {str(value)[:60]!r}"
    )
    name = "" if place.startswith("--") else f" {section}.{key}:"
    return f"{place}:{name} {said[:1].lower()}{said[1:]}{shown}"
