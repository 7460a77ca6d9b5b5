"""A plan as the shell pipelines that do the same: each stage a command of its own, every word quoted."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from imajin_cli.asking.plan import Job, Plan
from imajin_cli.config.layers import load_settings, section_model
from imajin_cli.config.resolve import flag_of, resolve
from imajin_cli.run.naming import printable
from imajin_cli.run.options import RunParams
from imajin_cli.run.pipeline import stages_of


def script(plan: Plan, tries: int, head: list[str]) -> str:
    """The script, for bash or sh; ``head`` are lines of comment."""
    # Some of it a language model may have written: a line break would end the comment.
    lines = [f"# {printable(' '.join(line.split()))}" for line in head]
    for job in plan.jobs:
        lines += list(_job(job, tries))
    return "\n".join(lines) + "\n"


def _job(job: Job, tries: int) -> Iterator[str]:
    commands = list(commands_of(job))
    if job.seed is None:
        yield " |\n  ".join(commands)
        return
    seeds = " ".join(str(job.seed + i) for i in range(tries))
    yield f"for seed in {seeds}; do"
    yield "  " + " |\n    ".join(commands) + " && break"
    yield "done"


def commands_of(job: Job) -> Iterator[str]:
    """The commands of a job's pipe, in order."""
    settings = load_settings(job.preset)
    params = resolve("run", RunParams, settings, job.settings.get("run", {})).params
    for at, stage in enumerate(stages_of(params, files=job.seed is None)):
        words = ["imajin", stage]
        given = dict(job.settings.get(stage, {}))
        text = " ".join(map(shlex.quote, words))
        if at == 0:
            # A prompt that begins with a hyphen is no option.
            options = _options("request", job.settings.get("request", {})) if job.seed is not None else []
            text = _joined(text, _preset(job), _options(stage, given), options)
            text += ' --seed "$seed"' if job.seed is not None else ""
            yield f"{text} -- {shlex.quote(job.given)}"
        else:
            yield _joined(text, _preset(job), _options(stage, given))


def _preset(job: Job) -> list[str]:
    return [] if job.preset is None else ["--preset", job.preset]


def _joined(command: str, *options: list[str]) -> str:
    return " ".join([command, *(shlex.quote(word) for words in options for word in words)])


def _options(section: str, given: Mapping[str, Any]) -> list[str]:
    """The options that set ``given``."""
    model = section_model(section)
    words: list[str] = []
    for key, value in given.items():
        flag = flag_of(model, key) if model is not None else "--" + key.replace("_", "-")
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        else:
            for one in value if isinstance(value, list | tuple) else [value]:
                words += [flag, str(one)]
    return words
