"""A causal language model on this machine, by transformers: one question, one answer, always the same.

The weights are read from safetensors alone and no code of a model's is run; its chat template is what transformers renders in
its sandbox. Greedy decoding, at most so many tokens and seconds. What it says is only text here: who asked checks it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imajin_cli.contract.backend import Backend, Item, Settings, ask
from imajin_cli.contract.errors import BackendError, InputError, MissingError, UsageError
from imajin_cli.contract.need import Need, device_of
from imajin_cli.stages.backends.diffusion.device import dtype_on
from imajin_cli.stages.backends.diffusion.load import quiet
from imajin_cli.stages.backends.threads import settle, user_count

TASK = "language"
"""How the catalogue calls such models."""
LEAST_ROOM = 64
"""Tokens that must be left for an answer."""
_LIBRARIES_MIB, _ROOM = 400, 1.25
"""Beside the weights: the libraries, and a share for keys, values and activations. An estimate, until it was measured."""
_MOST_CONFIG = 1 << 20
_HALVES = ("bfloat16", "float16")


@dataclass(frozen=True)
class ChatModel:
    """A model: what results call it, the folder of its files, and MiB of its weights on a GPU and on a CPU."""

    name: str
    folder: Path
    gpu_mib: int
    cpu_mib: int

    def need(self) -> Need:
        """A lease of any GPU, else of the CPU's memory."""
        label = f"llm {self.name}"
        return Need(label, self.gpu_mib, "auto", shared=True, on_cpu=Need(label, self.cpu_mib, shared=True))

    def answer(self, task: str, question: str, seconds: float, tokens: int) -> tuple[str, bool]:
        """What the model says, and whether it came to an end in time.

        Raises MissingError without transformers, BackendError for files that are no such model, InputError for a question
        that it has no room for.
        """
        settings = {"name": self.name, "folder": str(self.folder), "gpu_mib": self.gpu_mib, "cpu_mib": self.cpu_mib}
        item = {"task": task, "question": question, "seconds": seconds, "tokens": tokens}
        (found,) = ask(f"{__name__}:Hosted", settings, [item])
        return found["text"], found["ended"]


def model_at(named: str) -> ChatModel:
    """The model that ``named`` is: a folder, or a name of the catalogue.

    Raises UsageError for neither, MissingError where the catalogue's is not on this machine, InputError for a folder that
    holds no such model.
    """
    folder = Path(named).expanduser()
    if folder.is_dir():
        folder = folder.resolve()
        return _measured(folder.name, folder)
    from imajin_cli.models.store import entry_of
    from imajin_cli.stages.backends.diffusion.catalogue import folder_of

    entry = entry_of(named)
    if entry.task != TASK:
        raise UsageError(f"--llm: {named} is a model for {entry.task}, not a language model")
    return _measured(f"{named} {entry.revision}", folder_of(named))


def _measured(name: str, folder: Path) -> ChatModel:
    config, files = folder / "config.json", sorted(folder.glob("*.safetensors"))
    try:
        if config.stat().st_size > _MOST_CONFIG or not files:
            raise ValueError
        told = json.loads(config.read_bytes())
        half = str(told.get("dtype") or told.get("torch_dtype")) in _HALVES
        weights = sum(file.stat().st_size for file in files) / (1 << 20)
    except (OSError, ValueError, RecursionError, AttributeError):
        raise InputError(f"{folder}: holds no model of transformers (config.json, *.safetensors)") from None
    mib = int(weights * _ROOM) + _LIBRARIES_MIB
    return ChatModel(name, folder, mib, int(weights * (2 if half else 1) * _ROOM) + _LIBRARIES_MIB)


class Hosted(Backend):
    """The model as all commands of the worker share it, loaded with the first question."""

    most = 1

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._model = ChatModel(
            settings["name"], Path(settings["folder"]), settings["gpu_mib"], settings["cpu_mib"]
        )
        self._loaded: tuple[Any, Any, Any] | None = None

    def need(self) -> Need:
        """The model's own."""
        return self._model.need()

    def batch(self, items: Sequence[Item]) -> list[Item]:
        """Each item's answer. Raises as `ChatModel.answer` does."""
        return [self._answer(item) for item in items]

    def close(self) -> None:
        """Let go of the model; the next question loads it again."""
        self._loaded = None

    def _load(self) -> tuple[Any, Any, Any]:
        if self._loaded is None:
            settle(1)
            try:
                with quiet():
                    import torch
                    import transformers
            except ImportError as error:
                raise MissingError(f"{error.name} is not installed", hint="pip install 'imajin[diffusion]'") from None
            transformers.utils.logging.set_verbosity_error()
            transformers.utils.logging.disable_progress_bar()
            torch.set_num_threads(user_count() or 1)
            folder, device = self._model.folder, device_of(self.need().model)
            kinds = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
            mine = {"local_files_only": True, "trust_remote_code": False}
            try:
                model = transformers.AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True, **mine)
                tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **mine)
            except Exception as error:  # noqa: BLE001 (transformers raises many kinds for one cause: files that are no model)
                raise BackendError(f"{self._model.name}: it cannot be read: {_line(error)}") from None
            self._loaded = torch, model.to(device, kinds[dtype_on(device, "auto")]).eval(), tokenizer
        return self._loaded

    def _answer(self, item: Item) -> Item:
        torch, model, tokenizer = self._load()
        ids = self._tokens(tokenizer, item)
        room = int(getattr(model.config, "max_position_embeddings", 0) or 1 << 30) - len(ids)
        if room < LEAST_ROOM:
            raise InputError(f"{self._model.name} has no room for a request of that length")
        from transformers import GenerationConfig

        ends = model.generation_config.eos_token_id
        ends = [end for end in (ends if isinstance(ends, list) else [ends, tokenizer.eos_token_id]) if end is not None]
        config = GenerationConfig(
            do_sample=False, num_beams=1, max_new_tokens=min(int(item["tokens"]), room), max_time=float(item["seconds"]),
            eos_token_id=ends or None, pad_token_id=ends[0] if ends else 0,
        )  # fmt: skip
        given, started = torch.tensor([ids], device=model.device), time.monotonic()
        try:
            with torch.inference_mode(), torch.random.fork_rng(devices=[]), quiet():
                torch.manual_seed(0)
                made = model.generate(given, attention_mask=torch.ones_like(given), generation_config=config)
        except Exception as error:  # noqa: BLE001 (weights that do not fit together fail in many ways)
            raise BackendError(f"{self._model.name} failed: {_line(error)}") from None
        said = made[0, len(ids) :].tolist()
        in_time = time.monotonic() - started < float(item["seconds"]) or (bool(said) and said[-1] in ends)
        return {"text": tokenizer.decode(said, skip_special_tokens=True), "ended": in_time}

    def _tokens(self, tokenizer: Any, item: Item) -> list[int]:
        """The conversation by the model's own template; without one, as plain text."""
        said = [{"role": "system", "content": item["task"]}, {"role": "user", "content": item["question"]}]
        try:
            if tokenizer.chat_template:
                text = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
                return list(tokenizer(text, add_special_tokens=False)["input_ids"])
            return list(tokenizer(f"{item['task']}\n{item['question']}\n")["input_ids"])
        except Exception as error:  # noqa: BLE001 (a template may raise whatever it likes)
            raise BackendError(f"{self._model.name}: its chat template fails: {_line(error)}") from None


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]
