"""Small real stages, installed as a third party's would be, so that the runtime is tested apart from any stage of ours."""

from __future__ import annotations

import time
from typing import Annotated

from pydantic import Field

from imajin_cli.contract.errors import InputError, NoVerdictError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Score
from imajin_cli.contract.stage import Asset, Kind, Outcome, Params, Stage


class TintParams(Params):
    red: Annotated[int, Field(ge=0, le=255, description="Red to lay over the picture.")] = 255
    strength: Annotated[float, Field(ge=0, le=1, description="How much of it.")] = 0.5
    sleep: Annotated[float, Field(ge=0, le=60, description="Seconds to take over it.")] = 0.0


class Tint(Stage[TintParams]):
    """Lay a red over the picture."""

    name = "tint"
    kind = Kind.TRANSFORM
    Params = TintParams

    def apply(self, asset: Asset) -> Outcome:
        from PIL import Image

        assert asset.picture is not None
        if self.params.sleep:
            time.sleep(self.params.sleep)
        image = asset.picture.image.convert("RGB")
        over = Image.new("RGB", image.size, (self.params.red, 0, 0))
        return Outcome("changed", picture=Picture.of(Image.blend(image, over, self.params.strength)))


class BrightParams(Params):
    threshold: Annotated[float, Field(ge=0, le=255, description="Least mean brightness.")] = 100.0
    mode: Annotated[str, Field(description="Set to nan, absent or crash to see a gate fail.")] = ""


class Bright(Stage[BrightParams]):
    """Let bright pictures pass."""

    name = "bright"
    kind = Kind.GATE
    ranks = True
    rejects_with = Exit.QUALITY
    calibrates = frozenset({"brightness"})
    asset_classes = ("icon", "photo")
    Params = BrightParams

    def model_revision(self, score: str) -> str | None:
        return "bright-1" if score == "brightness" else None

    def apply(self, asset: Asset) -> Outcome:
        from PIL import ImageStat

        assert asset.picture is not None
        if self.params.mode == "absent":
            raise NoVerdictError("bright: its model is absent", hint="pip install nothing")
        if self.params.mode == "crash":
            raise RuntimeError("a bug")
        if self.params.mode == "input":
            raise InputError("bright: cannot use this")
        mean = ImageStat.Stat(asset.picture.image.convert("L")).mean[0]
        value = float("nan") if self.params.mode == "nan" else mean
        passed = value >= self.params.threshold
        score = Score.model_construct(
            name="brightness", value=value, threshold=self.params.threshold, op=">=", passed=passed
        )
        return Outcome(
            "passed" if passed else "rejected",
            reason=None if passed else f"brightness {mean:.0f} is below {self.params.threshold:g}",
            scores=[score],
            rank=mean,
        )
