"""An asset as bytes in a pipe: a PNG whose iTXt chunks hold its sidecar, and its vector where it has one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError
from imajin_cli.contract.sidecar import Sidecar
from imajin_cli.contract.stage import Asset
from imajin_cli.run.assets import Entry, described_as
from imajin_cli.run.execute import Bound
from imajin_cli.run.naming import slug
from imajin_cli.run.pipe import write_out
from imajin_cli.run.png import SCENE_KEY, SIDECAR_KEY, VECTOR_KEY, encode_png, read_texts
from imajin_cli.run.reading import MAX_PICTURE_BYTES
from imajin_cli.run.store import embedded_sidecar, open_bytes

STDIN = "standard input"


def read_entry(bound: Bound, warn: Callable[[str], None]) -> Entry | None:
    """The asset that standard input holds, None where it is empty or closed.

    Raises InputError where it is too large, no picture, or its sidecar is not one.
    """
    data = sys.stdin.buffer.read(MAX_PICTURE_BYTES + 1) if sys.stdin is not None else b""
    if not data:
        return None
    if len(data) > MAX_PICTURE_BYTES:
        raise InputError(f"{STDIN}: larger than {MAX_PICTURE_BYTES >> 20} MiB")
    if bound.stage.reads_raw:
        known = embedded_sidecar(read_texts(data), STDIN) or Sidecar(id=sha256(data)[:16])
        return Entry(Asset(known, name=_name(known), raw=data))
    picture, known = open_bytes(data, STDIN, warn)
    return Entry(Asset(known, picture, _name(known), data if bound.stage.sees_file else None))


def _name(known: Sidecar) -> str:
    return slug(known.request.prompt) if known.request is not None else "stdin"


def write_entry(entry: Entry) -> None:
    """Write ``entry`` to standard output. Raises InputError where it has no picture."""
    picture = entry.asset.picture
    if picture is None:
        raise InputError(f"{entry.label}: has no picture")
    texts = {SIDECAR_KEY: described_as(entry.sidecar, picture).model_dump_json()}
    if picture.vector is not None:
        texts[VECTOR_KEY] = picture.vector.svg
        texts[SCENE_KEY] = json.dumps(picture.vector.scene, ensure_ascii=False, sort_keys=True)
    write_out(encode_png(picture.image, texts))
