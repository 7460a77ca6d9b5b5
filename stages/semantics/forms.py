"""The form of a drawing, told by its pixels, against the form that its prompt asks for.

A prompt may ask for an icon, an avatar or a pattern by a word for it (`scene.knowledge.hints`) or by its meaning, as `classify`
takes it. Which form a picture has, a head says over what the encoder sees of it, trained by ``training/clip/forms.py``. The
score is the probability that the one goes with the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from imajin_cli.contract.errors import NoVerdictError
from imajin_cli.stages.backends.miniclip import tensors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMS = ("scene", "icon", "avatar", "pattern")
FORM_OF: Mapping[str, str] = MappingProxyType(
    {"icon": "icon", "avatar": "avatar", "pattern": "pattern"} | dict.fromkeys(("spot", "hero", "banner", "numerals"), "scene")
)
"""The form of each of the composer's layouts."""
FOLDER, HEAD = Path(__file__).parent / "compiled", "forms.safetensors"
LIMITS: Mapping[str, float] = MappingProxyType({"auto": 0.02, "strict": 0.15, "always": 0.02})
"""Scores under these reject, by how strictly is judged. Of 360 scenes for prompts of the contact sheets and of
benchmarks/end_to_end.txt, which name no form though `classify` may take one for a request for it, none falls under 0.02 and
24 under 0.15, which is for who has gone by what `classify` says.
"""
GOES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "picture": (1, 0.1, 0.1, 0.05),
        "hero": (1, 0.02, 0.02, 0.1),
        "share-picture": (1, 0.02, 0.02, 0.05),
        "banner": (1, 0.02, 0.02, 0.1),
        "icon": (0, 1, 0.1, 0),
        "icon-set": (0, 1, 0, 0.05),
        "avatar": (0, 0.1, 1, 0),
        "pattern": (0, 0, 0, 1),
        "error-page": (1, 0.05, 0.02, 0.02),
        "loading-state": (1, 0.05, 0.05, 0.02),
        "empty-state": (1, 0.05, 0.02, 0.02),
        "success-state": (1, 0.05, 0.02, 0.02),
        "edit": (1, 1, 1, 1),
        "variation": (1, 1, 1, 1),
    }
)
"""How well each of `FORMS` goes with what a kind of request asks for, 0 to 1."""
BY_WORD: Mapping[str, str] = MappingProxyType({"spot": "picture", "numerals": "error-page"})
"""What a word for a layout asks for, where no kind of request has the layout's name."""


class Asked(NamedTuple):
    """What a prompt asks for: the kind of request, and how well each of `FORMS` goes with it."""

    kind: str
    goes: tuple[float, ...]


def look_of(views: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """What the head reads of a picture: the look of the whole, the mean of the nearer ones, and the proportions, (513,)."""
    import numpy as np

    return np.concatenate([views[0], views[1:].mean(0), [np.log(width / height)]]).astype(np.float32)


def shown(views: NDArray[np.float32], width: int, height: int) -> dict[str, float]:
    """Form → probability, of a picture's views (5, 256) and its pixels. Raises NoVerdictError where the head cannot be read."""
    import numpy as np

    head = _head()
    logits = (head["weights"] @ look_of(views, width, height) + head["bias"]).astype(np.float64)
    shares = np.exp(logits - logits.max())
    return dict(zip(FORMS, (shares / shares.sum()).tolist(), strict=True))


def asked(text: str) -> Asked:
    """What ``text`` asks for, by a word for it or by its meaning; where they differ, either will do.

    Raises NoVerdictError where the embedder or the heads of `classify` are missing.
    """
    from imajin_cli.contract.errors import MissingError
    from imajin_cli.stages.classification.heads import heads
    from imajin_cli.stages.classification.reading import read
    from imajin_cli.stages.scene.knowledge.hints import hints_of
    from imajin_cli.stages.semantics.seen import embedded_of

    found = read(text)
    try:
        judges = heads()
    except MissingError as error:
        raise NoVerdictError(f"semantic: {error}", hint="pip install --force-reinstall imajin") from error
    kinds = judges.heads["kind"].probabilities(judges.features(embedded_of((found.plain,))[0], found))
    goes = [sum(share * GOES[kind][at] for kind, share in kinds.items()) for at in range(len(FORMS))]
    kind, word = next(iter(kinds)), hints_of(text).layout
    if word:
        kind = BY_WORD.get(word, word)
        goes = [max(pair) for pair in zip(goes, GOES[kind], strict=True)]
    return Asked(kind, tuple(goes))


class Told(NamedTuple):
    """What a prompt asks for, the form that a picture is taken for, and the probability that the two go together."""

    asked: str
    shown: str
    fits: float


def told(text: str, views: NDArray[np.float32], width: int, height: int) -> Told:
    """How the form that ``text`` asks for goes with that of a picture, of its views (5, 256) and its pixels.

    Raises NoVerdictError.
    """
    wish, forms = asked(text), shown(views, width, height)
    fits = sum(share * forms[name] for name, share in zip(FORMS, wish.goes, strict=True))
    return Told(wish.kind, max(forms, key=lambda name: forms[name]), fits)


@lru_cache(maxsize=2)
def _head(folder: Path = FOLDER) -> dict[str, NDArray[np.float32]]:
    """``weights`` (forms, 513) and ``bias`` (forms,)."""
    from imajin_cli.contract.errors import BackendError

    hint = "pip install --force-reinstall imajin"
    try:
        found = tensors(folder / HEAD)
        if found["weights"].shape != (len(FORMS), 513) or found["bias"].shape != (len(FORMS),):
            raise NoVerdictError("semantic: the head for forms has another shape", hint=hint)
    except (OSError, KeyError, BackendError) as error:
        raise NoVerdictError("semantic: the head for forms cannot be read", hint=hint) from error
    return found
