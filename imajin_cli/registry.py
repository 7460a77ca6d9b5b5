"""The literal table of stages and commands: name → target and summary. Nothing is imported until it is used."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """Where something lives ("module:attribute") and what it does, in one line. An ``optional`` stage is part of a run

    only where it is asked for.
    """

    target: str
    summary: str
    optional: bool = False


# In pipeline order.
STAGES: dict[str, Entry] = {
    "validate": Entry("imajin_cli.stages.validate:Validate", "Check a request before anything is drawn."),
    "load": Entry("imajin_cli.stages.load:Load", "Read pictures safely: bounded, turned, as sRGB."),
    "identity": Entry("imajin_cli.stages.identity:Identity", "Take reference pictures of a person."),
    "condition": Entry(
        "imajin_cli.stages.condition:Condition", "Make control maps that steer a diffusion model.", optional=True
    ),
    "generate": Entry("imajin_cli.stages.generate:Generate", "Make pictures from a prompt."),
    "verify-identity": Entry(
        "imajin_cli.stages.verify_identity:VerifyIdentity", "Hold a picture to the person who was asked for."
    ),
    "fix-anatomy": Entry(
        "imajin_cli.stages.fix_anatomy:FixAnatomy", "Paint bad faces, eyes and hands anew.", optional=True
    ),
    "remove-watermark": Entry(
        "imajin_cli.stages.remove_watermark:RemoveWatermark",
        "Take painted watermarks off our own pictures.",
        optional=True,
    ),
    "remove-background": Entry(
        "imajin_cli.stages.remove_background:RemoveBackground", "Cut a picture out of its background.", optional=True
    ),
    "moderate": Entry("imajin_cli.stages.moderate:Moderate", "Judge whether a picture is safe to publish."),
    "semantic": Entry("imajin_cli.stages.semantic:Semantic", "Hold a picture against its prompt and named filters."),
    "aesthetic": Entry("imajin_cli.stages.aesthetic:Aesthetic", "Judge how good a picture looks, and rank candidates."),
    "text": Entry("imajin_cli.stages.text:Text", "Set a headline and a caption with real typography."),
    "watermark": Entry(
        "imajin_cli.stages.watermark:Watermark", "Mark a picture visibly and invisibly, and read marks."
    ),
    "quality": Entry("imajin_cli.stages.quality:Quality", "Measure sharpness, padding, legibility, contrast."),
    "output": Entry("imajin_cli.stages.output:Output", "Publish a size set, its formats and a manifest."),
}

COMMANDS: dict[str, Entry] = {
    "run": Entry("imajin_cli.commands.run:run", "Run all stages: from a prompt to published files."),
    "auto": Entry("imajin_cli.commands.auto:auto", "One sentence in, the right assets out."),
    "classify": Entry("imajin_cli.commands.classify:classify", "Say what a request in plain words asks for."),
    "prompt": Entry("imajin_cli.commands.prompt:prompt", "Word a request as prompts for an image model."),
    "batch": Entry("imajin_cli.commands.batch:batch", "Make what is stale of a file of assets, in parallel."),
    "init": Entry("imajin_cli.commands.init:init", "Begin an asset repository: Makefile, CI and all."),
    "show": Entry("imajin_cli.commands.show:show", "Print an asset's history for a person."),
    "sprite": Entry("imajin_cli.commands.sprite:sprite", "Put published pictures into one sprite sheet."),
    "report": Entry("imajin_cli.commands.report:report", "Write a page of published assets, to decide on."),
    "compare": Entry("imajin_cli.commands.compare:compare", "Make one prompt by several models, as one sheet."),
    "approve": Entry("imajin_cli.commands.approve:approve", "Record a page's decisions, and tell what is approved."),
    "schema": Entry("imajin_cli.commands.schema:schema", "Print JSON Schemas and the exit-code table."),
    "config": Entry("imajin_cli.commands.config:app", "Show, locate and check the configuration."),
    "presets": Entry("imajin_cli.commands.presets:presets", "List presets, or print one."),
    "models": Entry("imajin_cli.commands.models:app", "List, get and check the models that stages use."),
    "gpu": Entry("imajin_cli.commands.gpu:app", "Share devices by leases: status, run, release, log."),
    "worker": Entry("imajin_cli.commands.worker:app", "See, stop or run the worker that keeps models loaded."),
    "calibrate": Entry("imajin_cli.commands.calibrate:calibrate", "Measure a gate's threshold on labelled pictures."),
    "provenance": Entry("imajin_cli.commands.provenance:app", "Sign files (C2PA), and check what was signed."),
    "keys": Entry("imajin_cli.commands.keys:app", "Make keys and certificates to sign with in tests."),
    "doctor": Entry("imajin_cli.commands.doctor:doctor", "Say what this machine can do, and why not."),
    "man": Entry("imajin_cli.commands.man:man", "Print or install the manual pages."),
    "clean": Entry("imajin_cli.commands.clean:clean", "Remove intermediate pictures from .imajin/work."),
}

# What commands use of the parts that stages share, by name → target.
TOOLS: dict[str, str] = {
    "new-chain": "imajin_cli.stages.backends.certificates:new_chain",
    "verify": "imajin_cli.stages.provenance.verify:checked",
    "sealer": "imajin_cli.stages.provenance.signing:Sealer",
    "derived": "imajin_cli.stages.provenance.claims:Derived",
    "source-type": "imajin_cli.stages.provenance.claims:source_type",
    "sniff": "imajin_cli.stages.imaging.sniff:sniff",
    "sprite-member": "imajin_cli.stages.publication.sprite:Member",
    "sprite-sheet": "imajin_cli.stages.publication.sprite:sheet",
    "contact-picture": "imajin_cli.stages.publication.contact:Picture",
    "contact-sheet": "imajin_cli.stages.publication.contact:sheet",
    "classify": "imajin_cli.stages.classification.classify:classify",
    "told": "imajin_cli.stages.classification.classify:told",
    "reform": "imajin_cli.stages.classification.classify:reform",
    "chat-model": "imajin_cli.stages.backends.chat:model_at",
    "read-pem": "imajin_cli.stages.provenance.signing:read_pem",
}

ENTRY_POINT_GROUP = "imajin.stages"


def load(target: str) -> Any:
    """Import what ``target`` ("module:attribute") names."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


@functools.cache
def stages() -> Mapping[str, Entry]:
    """Every stage's entry: the built-in ones, then third-party ones by name. A name that is taken stays as it is."""
    table = dict(STAGES)
    for name, target, package in sorted(_entry_points()):
        if name not in table and name not in COMMANDS:
            table[name] = Entry(target, f"Third-party stage of {package}.")
    return MappingProxyType(table)


def _entry_points() -> Iterator[tuple[str, str, str]]:
    """(name, target, package) of each installed entry point of our group.

    importlib.metadata would cost more than the rest of ``imajin --help`` together, so the text files are read directly.
    """
    wanted = f"[{ENTRY_POINT_GROUP}]".encode()
    for folder in dict.fromkeys(sys.path):
        try:
            found = [e.path for e in os.scandir(folder or ".") if e.name.endswith((".dist-info", ".egg-info"))]
        except OSError:
            continue
        for path in found:
            try:
                with open(os.path.join(path, "entry_points.txt"), "rb") as file:
                    text = file.read(1 << 20)
            except OSError:
                continue
            if wanted in text:
                yield from _parse(text.decode("utf-8", "replace"), os.path.basename(path).partition("-")[0])


def _parse(text: str, package: str) -> Iterator[tuple[str, str, str]]:
    inside = False
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            inside = line == f"[{ENTRY_POINT_GROUP}]"
        elif inside and "=" in line and not line.startswith(("#", ";")):
            name, _, target = line.partition("=")
            yield name.strip(), target.partition("[")[0].strip(), package
