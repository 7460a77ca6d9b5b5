"""An asset as bytes in a pipe: a PNG whose iTXt chunks hold its sidecar, and its vector where it has one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import IO

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError
from imajin_cli.contract.picture import Picture
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Asset
from imajin_cli.run.assets import Entry, foreign_sidecar, image_info
from imajin_cli.run.execute import Bound
from imajin_cli.run.naming import slug
from imajin_cli.run.pipe import write_out
from imajin_cli.run.png import SCENE_KEY, SIDECAR_KEY, VECTOR_KEY, encode_png, read_texts
from imajin_cli.run.store import MAX_PICTURE_BYTES, decode_picture, parse_sidecar, vector_of

STDIN = "standard input"


def read_entry(stream: IO[bytes], bound: Bound, warn: Callable[[str], None]) -> Entry:
    """The asset in ``stream``. Raises InputError where it is empty, too large, no picture, or its sidecar is not one."""
    data = stream.read(MAX_PICTURE_BYTES + 1)
    if not data:
        raise InputError(f"{STDIN}: is empty: expected a picture")
    if len(data) > MAX_PICTURE_BYTES:
        raise InputError(f"{STDIN}: larger than {MAX_PICTURE_BYTES >> 20} MiB")
    texts = read_texts(data)
    known = parse_sidecar(texts[SIDECAR_KEY], STDIN) if SIDECAR_KEY in texts else None
    if bound.stage.reads_raw:
        return Entry(Asset(known or Sidecar(id=sha256(data)[:16]), name="stdin", raw=data))
    picture = decode_picture(Path(STDIN), data)
    if known is None:
        return Entry(Asset(foreign_sidecar(picture), picture, "stdin"))
    name = slug(known.request.prompt) if known.request is not None else "stdin"
    if known.image is None or known.image.sha256 != picture.sha256:
        warn(f"{STDIN}: changed since its sidecar was written: verdicts on the old pixels do not count")
    elif VECTOR_KEY in texts:
        picture = Picture.of(picture.image, vector=vector_of(texts[VECTOR_KEY], texts.get(SCENE_KEY)))
    return Entry(Asset(known.model_copy(update={"image": image_info(picture)}), picture, name))


def write_entry(entry: Entry) -> None:
    """Write ``entry`` to standard output. Raises InputError where it has no picture."""
    picture = entry.asset.picture
    if picture is None:
        raise InputError(f"{entry.label}: has no picture")
    image = image_info(picture)
    sidecar = entry.sidecar.model_copy(update={"image": image})
    texts = {SIDECAR_KEY: sidecar.model_dump_json(exclude_none=True)}
    if picture.vector is not None:
        texts[VECTOR_KEY] = picture.vector.svg
        texts[SCENE_KEY] = json.dumps(picture.vector.scene, ensure_ascii=False, sort_keys=True)
    write_out(encode_png(picture.image, texts))
