"""What `validate` says of a text, before anything is made of it, with the settings that a run would have."""

from __future__ import annotations

from collections.abc import Iterable

from imajin_cli.config.layers import Settings
from imajin_cli.contract.errors import ImajinError, UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.request import RequestParams
from imajin_cli.run.assets import request_entry
from imajin_cli.run.bind import Flags, bind


class RefusedError(ImajinError):
    """A request, or what a language model made of it, that `validate` rejects: exit 10."""

    code = Exit.INVALID


def hold(texts: Iterable[str], settings: Settings, flags: Flags, what: str = "the request") -> None:
    """Hold each text to `validate`. Raises RefusedError, NoVerdictError where it cannot judge, UsageError for no text."""
    bound = bind("validate", settings, flags)
    for text in texts:
        if not text.strip():
            raise UsageError(
                "there is no request", hint='write what you want, such as: imajin auto "a page-not-found picture"'
            )
        request = RequestParams().request(text, None)
        outcome = bound.stage.apply(request_entry(request, "request").asset)
        if outcome.status != "passed":
            raise RefusedError(f"validate rejects {what}: {outcome.reason}")
