"""The load stage: what it keeps, what it drops, what it refuses."""

from __future__ import annotations

import base64
import io
import json

import pytest
from PIL import Image
from pydantic import ValidationError

from imajin_cli.contract.errors import InputError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Asset, Outcome
from imajin_cli.stages.load import MAX_KEPT, Load, LoadParams

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="10" height="10" fill="red"/></svg>'


def load(data: bytes | None, **params: object) -> Outcome:
    return Load(LoadParams(**params)).apply(Asset(Sidecar(id="x"), raw=data))


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def with_exif(description: str = "mine") -> bytes:
    exif = Image.Exif()
    exif[0x010E] = description
    exif[0x0112] = 6
    return saved(Image.new("RGB", (8, 4), "red"), "JPEG", exif=exif.tobytes())


def test_a_photo_is_turned_and_stripped() -> None:
    found = load(with_exif())
    assert found.status == "changed"
    assert found.picture is not None
    assert found.picture.size == (4, 8)
    assert found.picture.image.info == {}
    assert found.notes["turned"] == 6
    assert found.notes["size"] == [8, 4]
    assert found.notes["format"] == "JPEG"
    assert found.notes["stripped"] == ["exif"]
    assert "metadata" not in found.notes


def test_metadata_is_kept_only_on_purpose_and_bounded() -> None:
    found = load(with_exif("mine " * 4), keep_metadata=["exif"])
    kept = found.notes["metadata"]["exif"]
    assert b"mine mine" in base64.b64decode(kept["base64"])
    assert kept["complete"] is True
    assert found.notes["stripped"] == []
    long = saved(Image.new("L", (2, 2)), "JPEG", comment=b"c" * 60_000)
    assert load(long, keep_metadata=["exif"]).notes["stripped"] == ["comment"]
    big = saved(Image.new("L", (2, 2)), "TIFF", icc_profile=b"p" * (MAX_KEPT + 5))
    kept = load(big, keep_metadata=["icc"]).notes["metadata"]["icc"]
    assert kept["complete"] is False
    assert kept["bytes"] == MAX_KEPT + 5
    assert len(base64.b64decode(kept["base64"])) == MAX_KEPT


def test_notes_are_json() -> None:
    json.dumps(load(with_exif(), keep_metadata=["exif"]).notes, allow_nan=False)


@pytest.mark.parametrize("data", [b"", b"nonsense", saved(Image.new("L", (50, 50)))[:60]])
def test_what_cannot_be_read_is_rejected(data: bytes) -> None:
    found = load(data)
    assert found.status == "rejected"
    assert found.code is Exit.USAGE
    assert found.reason
    assert found.picture is None


def test_bounds_come_from_the_params() -> None:
    data = saved(Image.new("L", (50, 50)))
    assert load(data, max_pixels=2500).status == "changed"
    assert load(data, max_pixels=2499).status == "rejected"
    assert load(data, max_bytes=10).status == "rejected"
    frames = saved(Image.new("L", (4, 4)), "GIF", save_all=True, append_images=[Image.new("L", (4, 4), 9)])
    assert load(frames, max_frames=1).status == "rejected"
    assert load(frames).notes["frames"] == 2


def test_scaling_down_keeps_the_ratio_and_never_scales_up() -> None:
    found = load(saved(Image.new("RGB", (400, 100), "red")), max_side=100)
    assert found.picture is not None
    assert found.picture.size == (100, 25)
    assert found.notes["scaled_to"] == [100, 25]
    found = load(saved(Image.new("RGB", (40, 10), "red")), max_side=100)
    assert found.picture is not None
    assert found.picture.size == (40, 10)


def test_a_ground_under_see_through_parts() -> None:
    found = load(saved(Image.new("RGBA", (2, 2), (255, 0, 0, 0))), background="#00ff00")
    assert found.picture is not None
    assert found.picture.image.mode == "RGB"
    assert found.picture.image.getpixel((0, 0)) == (0, 255, 0)


def test_svg_keeps_its_vector_unless_the_pixels_change() -> None:
    found = load(SVG, svg_size=200)
    assert found.picture is not None
    assert found.picture.size == (200, 100)
    assert found.picture.vector is not None
    flat = load(SVG, background="#ffffff")
    assert flat.picture is not None
    assert flat.picture.vector is None
    assert "vector" in flat.notes
    assert load(SVG.replace(b"<rect", b"<script/><rect")).notes["remarks"]


def test_without_bytes_it_says_so() -> None:
    with pytest.raises(InputError, match="no file"):
        load(None)


@pytest.mark.parametrize("bad", [{"keep_metadata": ["all"]}, {"background": "red"}, {"max_pixels": 0}, {"nope": 1}])
def test_bad_params(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LoadParams(**bad)
