"""Write configs/config.defaults.yaml from the params models: ``python -m imajin_cli.config.defaults``.

The models hold the defaults; the file is for people, and a test holds that the two are equal.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from imajin_cli.config.layers import RUNTIME, section_model
from imajin_cli.config.places import DEFAULTS_NAME, package_folder
from imajin_cli.contract.stage import Params
from imajin_cli.registry import STAGES
from imajin_cli.run.atomic import write_atomic

HEAD = """\
# The defaults of every setting, one section a stage. This file is made from the code (python -m imajin_cli.config.defaults);
# write your own values into imajin.yaml, ~/.config/imajin/config.yaml or configs/config.yaml beside this file.
"""


def defaults_yaml() -> str:
    """The file's text: every section and key, its description above it."""
    names = (*RUNTIME, *STAGES)
    return HEAD + "".join("".join(_section(name, _model(name))) for name in names)


def _model(name: str) -> type[Params]:
    model = section_model(name)
    if model is None:
        raise LookupError(name)
    return model


def _section(name: str, model: type[Params]) -> Iterator[str]:
    values = model().model_dump(mode="json")
    yield f"\n{name}:\n" if values else f"\n{name}: {{}}\n"
    for key, value in values.items():
        for line in textwrap.wrap(model.model_fields[key].description or "", 110):
            yield f"  # {line}\n"
        yield f"  {key}: {_inline(value)}\n"


def _inline(value: Any) -> str:
    import yaml

    return (
        yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000).removesuffix("...\n").strip()
    )


if __name__ == "__main__":
    write_atomic(package_folder("configs") / DEFAULTS_NAME, defaults_yaml().encode())
