"""The head that tells a drawing's form by its pixels: a scene, an icon, an avatar or a pattern.

    PYTHONPATH=.:training/clip OMP_NUM_THREADS=1 python training/clip/forms.py --data .training/clip

Every prompt of runs.py is drawn in every layout, in one of the themes, and looked at as the gate looks; a softmax
regression over the looks and the proportions makes the head (`stages/semantics/forms.py`). One prompt in five is held out first.
What was seen is kept for the next time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from evaluate import looked_at
from runs import prompts
from safetensors.numpy import save_file

from imajin_cli.stages.backends import compose, resvg
from imajin_cli.stages.backends.miniclip import IMAGE, MiniClip, digest
from imajin_cli.stages.scene.choose import Manner
from imajin_cli.stages.semantics.forms import FOLDER, FORM_OF, FORMS, HEAD, look_of

LAYOUTS: dict[str, tuple[tuple[int, int], ...]] = {
    "spot": ((512, 512), (480, 360)),
    "hero": ((640, 360), (512, 512)),
    "banner": ((720, 240),),
    "icon": ((512, 512),),
    "avatar": ((512, 512),),
    "pattern": ((512, 512), (640, 360)),
    "numerals": ((512, 512), (640, 360)),
}
"""Layouts, and the sizes in pixels that take turns."""
BACKS = ("auto", "none", "paper")
HELD, STEPS, RATE, RIDGE = 5, 800, 0.1, 1e-3


def drawn(clip: MiniClip, folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Looks (n, 513), forms (n,) and prompts (n,) by number; kept for an encoder."""
    file = folder / f"forms-{digest(clip.folder / IMAGE)}.npz"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        rows = [
            (look, FORMS.index(form), at)
            for at, (prompt, _) in enumerate(prompts())
            for look, form in _of(clip, prompt, at)
        ]
        looks, forms, ats = zip(*rows, strict=True)
        np.savez(file, looks=np.stack(looks).astype(np.float16), forms=np.array(forms), ats=np.array(ats))
    with np.load(file) as kept:
        return kept["looks"].astype(np.float32), kept["forms"], kept["ats"]


def _of(clip: MiniClip, prompt: str, at: int) -> list[tuple[np.ndarray, str]]:
    """The looks of one prompt's pictures, and their forms."""
    found = []
    for k, (layout, sizes) in enumerate(LAYOUTS.items()):
        width, height = sizes[at % len(sizes)]
        theme = ("light", "dark")[(at // 2 + k) % 2]
        manner = Manner(layout=layout, theme=theme, aspect=width / height)
        order = compose.Order(prompt, at % 11 + k, width, height, manner, background=BACKS[(at // 4 + k) % 3])
        made, _ = compose.scene(order)
        if made.vector.scene["layout"] != layout:
            continue
        views = looked_at(clip, resvg.render(made.vector.svg, width, height), theme)
        found.append((look_of(views, width, height), FORM_OF[layout]))
    return found


def fitted(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (forms, 513) and biases (forms,) of a softmax regression in which every form weighs the same: gradient descent on
    standardised looks, with momentum.
    """
    mean, std = x.mean(0), x.std(0) + 1e-6
    z, truth = (x - mean) / std, np.eye(len(FORMS))[y]
    weigh = (1 / truth.sum(0))[y][:, None] / len(FORMS)
    weights, bias = np.zeros((len(FORMS), x.shape[1])), np.zeros(len(FORMS))
    speed = np.zeros_like(weights)
    for _ in range(STEPS):
        logits = z @ weights.T + bias
        shares = np.exp(logits - logits.max(1, keepdims=True))
        error = (shares / shares.sum(1, keepdims=True) - truth) * weigh
        speed = 0.9 * speed + error.T @ z + RIDGE * weights
        weights -= RATE * speed
        bias -= RATE * error.sum(0)
    return weights / std, bias - weights @ (mean / std)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    looks, forms, ats = drawn(MiniClip(), options.data / "forms")
    held = ats % HELD == 0
    weights, bias = fitted(looks[~held], forms[~held])
    found = (looks[held] @ weights.T + bias).argmax(1)
    print(f"{len(looks)} pictures, {(found == forms[held]).mean():.3f} of {held.sum()} held out are right")
    for at, name in enumerate(FORMS):
        taken = {other: int(((found == k) & (forms[held] == at)).sum()) for k, other in enumerate(FORMS)}
        print(f"{name}: {taken}")
    weights, bias = fitted(looks, forms)
    save_file({"weights": weights.astype(np.float32), "bias": bias.astype(np.float32)}, FOLDER / HEAD)


if __name__ == "__main__":
    main()
