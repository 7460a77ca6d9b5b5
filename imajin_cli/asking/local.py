"""A language model on this machine, under a lease, asked as a remote one is: its answer is data all the same."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from imajin_cli.asking.llm import MOST_BYTES, MOST_TOKENS, LanguageModel
from imajin_cli.asking.options import AskingParams
from imajin_cli.config.layers import Settings
from imajin_cli.contract.errors import BackendError, InputError
from imajin_cli.registry import TOOLS, load
from imajin_cli.run.leasing import residence


@dataclass(frozen=True)
class LocalModel(LanguageModel):
    """A folder's or the catalogue's model. ``model`` is what the backends know of it."""

    model: Any
    settings: Settings

    @property
    def name(self) -> str:
        """How results name it."""
        return f"language model {self.place}"

    def _said(self, task: str, question: dict[str, Any]) -> str:
        residence.begin("llm", self.settings, _say)
        residence.ready((self.model.need(),))
        try:
            text, ended = self.model.answer(
                task, json.dumps(question, ensure_ascii=False), self.params.llm_timeout, MOST_TOKENS
            )
        except (BackendError, InputError) as error:
            self.fail(f"does not work: {error.message}")
        finally:
            residence.settle()
        if not ended:
            self.fail(f"did not answer within {self.params.llm_timeout:g} s")
        if len(text) > MOST_BYTES:
            self.fail(f"answered with more than {MOST_BYTES // 1024} KiB")
        return str(text)


def local_model(params: AskingParams, settings: Settings) -> LocalModel:
    """The model that ``params.llm`` names. Raises UsageError, InputError, MissingError."""
    model = load(TOOLS["chat-model"])((params.llm or "").strip())
    return LocalModel(params, model.name, model, settings)


def _say(text: str) -> None:
    sys.stderr.write(f"imajin: {text}\n")
