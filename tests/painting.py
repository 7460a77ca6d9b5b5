"""What tests of the diffusers backend share: tiny models of every family on a shelf, orders for them, and comparing pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tinyfamilies
from imajin_cli.models.capabilities import FAMILIES
from imajin_cli.stages.backends.diffusion import paint
from imajin_cli.stages.backends.diffusion.order import Control, Model, Order

SIZE = 64
SEEDS = tuple(range(40, 48))


_shelves: list[Path] = []


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each family's tiny model, its ControlNets, IP-Adapter and a LoRA; made once for all test files of a process."""
    if not _shelves:
        _shelves.append(_filled(tmp_path_factory.mktemp("tiny")))
    return _shelves[0]


def _filled(root: Path) -> Path:
    for name, make in tinyfamilies.MAKERS.items():
        family = FAMILIES[name]
        make(root / name)
        if family.controlnet:
            tinyfamilies.controlnet(root / f"{name}-control", name)
        if "controlnet-fill" in family.pipelines:
            tinyfamilies.controlnet(root / f"{name}-fill", name, fill=True)
        if family.offered("ip-adapter"):
            tinyfamilies.ip_adapter(root / f"{name}-ip", name)
        if family.offered("lora"):
            tinyfamilies.lora(root / f"{name}.safetensors", name)
    return root


@pytest.fixture(autouse=True, scope="module")
def small_glances() -> Iterator[None]:
    """Qwen-Image-Edit looks at its picture at a megapixel whatever is painted, which is nothing to test here."""
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit as edit
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_inpaint as inpaint
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus as plus

    with pytest.MonkeyPatch.context() as patch:
        for module in (edit, inpaint, plus):
            own = module.calculate_dimensions
            patch.setattr(module, "calculate_dimensions", lambda _area, ratio, own=own: own(SIZE * SIZE, ratio))
        yield


def gradient(mode: str = "RGB") -> Image.Image:
    return Image.linear_gradient("L").resize((SIZE, SIZE)).convert(mode)


def order(shelf: Path, family: str, mode: str, seeds: tuple[int, ...] = SEEDS, **more: object) -> Order:
    model = Model(family, shelf / family, family, "fp32", "cpu", "r1")
    inputs: dict[str, object] = {}
    if "img2img" in mode or "inpaint" in mode or mode == "edit":
        inputs["image"] = gradient()
    if "inpaint" in mode or "fill" in mode:
        inputs["mask"] = Image.fromarray(
            np.where(np.arange(SIZE)[:, None] > SIZE // 2, 255, 0).repeat(SIZE, 1).astype(np.uint8)
        )
    if "controlnet" in mode:
        net = f"{family}-fill" if "fill" in mode else f"{family}-control"
        inputs["controls"] = (Control(shelf / net, gradient().rotate(90), 1.0),)
    values = {"steps": 3, "guidance": FAMILIES[family].guidance, **inputs, **more}
    return Order(model, mode, "a lost robot", seeds, SIZE, SIZE, **values)


def latents(found: list[paint.Painted]) -> np.ndarray:
    return np.stack([one.latents for one in found])


def same(one: list[paint.Painted], other: list[paint.Painted]) -> bool:
    return all((a.pixels == b.pixels).all() for a, b in zip(one, other, strict=True))
