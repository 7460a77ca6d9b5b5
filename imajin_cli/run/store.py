"""Assets as files: opening what a user names, and keeping what stages make. Nothing here knows what a stage does."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError
from imajin_cli.contract.picture import ControlMap, Picture, Vector
from imajin_cli.contract.sidecar import FileRef, Group, ImageInfo, Record, Sidecar
from imajin_cli.contract.stage import Asset
from imajin_cli.run.assets import Entry, described_as, foreign_sidecar, has_record, with_history
from imajin_cli.run.atomic import folder_lock, make_folder, write_atomic
from imajin_cli.run.maps import opened_maps
from imajin_cli.run.naming import file_label, safe_stem
from imajin_cli.run.png import SCENE_KEY, SIDECAR_KEY, VECTOR_KEY, encode_png, read_texts
from imajin_cli.run.reading import read_bytes
from imajin_cli.run.sidecars import (
    REQUEST_SUFFIX,
    dump_sidecar,
    parse_sidecar,
    read_sidecar,
    sidecar_path,
    stamp_of,
)

if TYPE_CHECKING:
    from PIL.Image import Image

WORK = Path(".imajin") / "work"


class Store:
    """Opens assets, and keeps new ones in ``folder`` (by default .imajin/work below the working folder)."""

    def __init__(self, folder: Path | None = None, *, warn: Callable[[str], None] = lambda _: None) -> None:
        self.folder = WORK if folder is None else folder
        self._hidden = folder is None
        self._warn = warn

    def open(self, name: str, *, raw: bool = False, beside: bool = False) -> Entry:
        """The asset that ``name`` names: a picture, a picture's sidecar, or a request. Raises InputError.

        ``raw`` leaves the file undecoded, for a stage that reads bytes; ``beside`` gives its bytes beside the picture.
        """
        path = Path(name)
        if path.name.endswith(REQUEST_SUFFIX):
            return self._open_request(path)
        if path.suffix == ".json" and os.path.isfile(path.with_suffix("")):
            path = path.with_suffix("")
        data = read_bytes(path)
        stamp = stamp_of(sidecar_path(path))
        sidecar = read_sidecar(sidecar_path(path))
        if sidecar is None:
            return self._open_alone(path, data, raw=raw, beside=beside)
        if raw:
            return Entry(Asset(sidecar, name=stem_of(path), raw=data), path, stamp)
        picture, sidecar = self._picture(path, data, sidecar)
        maps = self._maps(path, sidecar, picture)
        return Entry(Asset(sidecar, picture, stem_of(path), data if beside else None, maps), path, stamp)

    def _open_request(self, path: Path) -> Entry:
        stamp = stamp_of(path)
        sidecar = read_sidecar(path)
        if sidecar is None:
            raise InputError(f"{path}: no such file")
        if sidecar.request is None:
            raise InputError(f"{path}: holds no request")
        return Entry(Asset(sidecar, name=stem_of(path), maps=self._maps(path, sidecar, None)), path, stamp)

    def _maps(self, path: Path, sidecar: Sidecar, picture: Picture | None) -> dict[str, ControlMap]:
        return opened_maps(sidecar, picture, (path.parent, self.folder, WORK), decode_picture)

    def _open_alone(self, path: Path, data: bytes, *, raw: bool, beside: bool) -> Entry:
        """A picture with no sidecar beside it: one from a pipe has its sidecar inside, others were made by somebody else."""
        if raw:
            known = embedded_sidecar(read_texts(data), str(path)) or Sidecar(id=sha256(data)[:16])
            return Entry(Asset(known, name=stem_of(path), raw=data), path)
        picture, known = open_bytes(data, str(path), self._warn)
        files = {"file": file_label(path.name), "file_sha256": sha256(data)}
        own = data if beside else None
        return Entry(Asset(described_as(known, picture, **files), picture, stem_of(path), own), path)

    def _picture(self, path: Path, data: bytes, sidecar: Sidecar) -> tuple[Picture, Sidecar]:
        image = sidecar.image
        digest = sha256(data)
        if image is not None and image.file_sha256 == digest:
            return self._known(path, data, image), sidecar
        picture = decode_picture(path, data)
        files: dict[str, object] = {"file": file_label(path.name), "file_sha256": digest}
        if image is not None and picture.sha256 == image.sha256:
            # Encoded anew, and the same picture still: its vector stays.
            picture = Picture.of(picture.image, vector=self._vector(path, image))
            files |= {"vector": image.vector, "scene": image.scene, "layers": image.layers}
        elif image is not None:
            self._warn(f"{path}: changed since its sidecar was written: verdicts on the old pixels do not count")
        return picture, described_as(sidecar, picture, **files)

    def _known(self, path: Path, data: bytes, image: ImageInfo) -> Picture:
        """A picture whose bytes are those that the sidecar knows: its digest is known, and it is decoded when looked at."""

        def pixels() -> Image:
            decoded = decode_picture(path, data).image
            if decoded.size != (image.width, image.height):
                raise InputError(
                    f"{path}: its sidecar tells of another size",
                    hint=f"remove {sidecar_path(path).name} if it is wrong",
                )
            return decoded

        vector = self._vector(path, image)
        return Picture((image.width, image.height), pixels, vector=vector, sha256=image.sha256)

    def _vector(self, path: Path, image: ImageInfo) -> Vector | None:
        """The scene that the picture was drawn from, if it is still the one that the sidecar knows."""
        if image.vector is None:
            return None
        svg = self._companion(path, image.vector)
        if svg is None:
            return None
        scene = self._companion(path, image.scene) if image.scene is not None else None
        return vector_of(svg.decode("utf-8", "replace"), scene)

    def _companion(self, path: Path, ref: FileRef) -> bytes | None:
        companion = path.with_name(ref.file)
        try:
            data = read_bytes(companion)
        except InputError:
            self._warn(f"{companion}: gone; the picture is used without its vector")
            return None
        if sha256(data) != ref.sha256:
            self._warn(f"{companion}: changed since its sidecar was written; the picture is used without its vector")
            return None
        return data

    def find(self, stem: str, key: str) -> Entry | None:
        """The finished picture of exactly this work, None where there is none or it is not whole."""
        path = self._place(stem, key)
        if stamp_of(sidecar_path(path)) is None or not os.path.isfile(path):
            return None
        quiet = Store(self.folder)
        try:
            entry = quiet.open(str(path))
        except InputError:
            return None
        record = next((record for record in entry.sidecar.stages if record.key == key), None)
        image, picture = entry.sidecar.image, entry.asset.picture
        if record is None or image is None or picture is None or image.sha256 != record.output:
            return None
        lost_vector = image.vector is not None and picture.vector is None
        return None if lost_vector else entry

    def keep_picture(self, asset: Asset, stem: str, key: str) -> Entry:
        """Write a new pair, companions first and the sidecar last, so that a pair with a sidecar is whole.

        Where the same work's pair is there already, made by another process or to be made again, the records that it has
        gathered since are kept. Raises OutputError.
        """
        self._prepare()
        path = self._place(stem, key)
        picture = _picture_of(asset)
        data = encode_png(picture.image)
        files = {"file": file_label(path.name), "file_sha256": sha256(data), **self._write_vector(path, picture)}
        sidecar = described_as(asset.sidecar, picture, **files)
        with folder_lock(self.folder):
            write_atomic(path, data)
            sidecar = _merged(_readable(sidecar_path(path)), sidecar, key)
            write_atomic(sidecar_path(path), dump_sidecar(sidecar))
        return Entry(replace(asset, sidecar=sidecar), path)

    def keep_map(self, asset: Asset, stem: str, key: str) -> Entry:
        """Write a control map, an asset of its own, and say where. Raises OutputError."""
        kept = self.keep_picture(asset, stem, key)
        self._warn(f"made {kept.path}")
        return kept

    def _write_vector(self, path: Path, picture: Picture) -> dict[str, FileRef]:
        if picture.vector is None:
            return {}
        written = {}
        scene = json.dumps(picture.vector.scene, ensure_ascii=False, sort_keys=True).encode()
        for field, suffix, data in (("vector", ".svg", picture.vector.svg.encode()), ("scene", ".scene.json", scene)):
            target = path.with_name(path.stem + suffix)
            write_atomic(target, data)
            written[field] = FileRef(file=file_label(target.name), sha256=sha256(data))
        return written

    def keep_history(self, found: Entry, source: Sidecar, key: str) -> Entry:
        """``found`` with the records that its source has got since, written where any were missing. Raises OutputError."""
        if found.path is None or with_history(found.sidecar, source, key) is found.sidecar:
            return found
        target = sidecar_path(found.path)
        with folder_lock(target.parent):
            current = self._current(found, target) or found.sidecar
            known = with_history(current, source, key)
            if known is not current:
                write_atomic(target, dump_sidecar(known))
        return found.with_sidecar(known)

    def keep_record(self, entry: Entry, record: Record, *, force: bool = False) -> Entry:
        """Append ``record`` to the asset's own sidecar; one that is there already leaves the file as it is, without ``force``.

        An asset without a file is a request, and gets one. Raises OutputError.
        """
        path = entry.path
        if path is None:
            self._prepare()
            path = self.folder / f"{entry.asset.name}.{entry.sidecar.id[:12]}{REQUEST_SUFFIX}"
        target = sidecar_path(path)
        with folder_lock(target.parent):
            # Another gate may have written since this one read: merge with what is there now.
            current = self._current(entry, target)
            if current is not None and not force and _stands(current, record):
                return Entry(replace(entry.asset, sidecar=current), path)
            known = entry.sidecar if current is None else current.model_copy(update={"image": entry.sidecar.image})
            known = known.with_record(record)
            write_atomic(target, dump_sidecar(known))
        return Entry(replace(entry.asset, sidecar=known), path)

    def keep_group(self, entry: Entry, group: Group) -> Entry:
        """Tell an asset's own sidecar what became of its group; nothing is written where it says so. Raises OutputError."""
        if entry.path is None:
            return entry.with_sidecar(entry.sidecar.model_copy(update={"group": group}))
        target = sidecar_path(entry.path)
        with folder_lock(target.parent):
            current = read_sidecar(target) or entry.sidecar
            known = current.model_copy(update={"group": group})
            if known != current:
                write_atomic(target, dump_sidecar(known))
        return entry.with_sidecar(known)

    def _current(self, entry: Entry, target: Path) -> Sidecar | None:
        """What ``target`` holds now, read again only where it was replaced since. Call it under the folder's lock."""
        if entry.stamp is not None and stamp_of(target) == entry.stamp:
            return entry.sidecar
        return read_sidecar(target)

    def keep_request(self, entry: Entry) -> Entry:
        """A request that lives in memory, as a file with all its records. Raises OutputError."""
        for record in entry.sidecar.stages:
            bare = (
                entry if entry.path is not None else entry.with_sidecar(entry.sidecar.model_copy(update={"stages": []}))
            )
            entry = self.keep_record(bare, record)
        return entry

    def _place(self, stem: str, key: str) -> Path:
        return self.folder / f"{stem}.{key[:12]}.png"

    def _prepare(self) -> None:
        make_folder(self.folder)
        ignore = self.folder.parent / ".gitignore"
        if self._hidden and not ignore.exists():
            write_atomic(ignore, b"*\n")


def _stands(sidecar: Sidecar, record: Record) -> bool:
    """Whether the latest word of the record's stage is this one already. An error that is tried again may end otherwise."""
    latest = has_record(sidecar, record.stage, record.key)
    return latest is not None and (latest.status, latest.reason) == (record.status, record.reason)


def _merged(current: Sidecar | None, made: Sidecar, key: str) -> Sidecar:
    """What to write for ``made``: what is there already, where it is of the same pixels, with the records that it lacks."""
    same = current is not None and current.image is not None and made.image is not None
    if current is None or not same or current.image.sha256 != made.image.sha256:  # type: ignore[union-attr]
        return made
    if all(record.key != key for record in current.stages):
        return made
    return with_history(current, made.model_copy(update={"stages": made.stages[:-1]}), key).model_copy(
        update={"image": made.image}
    )


def _readable(path: Path) -> Sidecar | None:
    """The sidecar at ``path``, None where there is none that can be read: it is written anew."""
    try:
        return read_sidecar(path)
    except InputError:
        return None


def open_bytes(data: bytes, label: str, warn: Callable[[str], None]) -> tuple[Picture, Sidecar]:
    """The picture in ``data`` and what is known of it: the sidecar inside it, else a new one.

    Raises InputError where it is no picture, or holds a sidecar that is none.
    """
    texts = read_texts(data)
    known = embedded_sidecar(texts, label)
    picture = decode_picture(Path(label), data)
    if known is None:
        return picture, foreign_sidecar(picture)
    if known.image is None or known.image.sha256 != picture.sha256:
        warn(f"{label}: changed since its sidecar was written: verdicts on the old pixels do not count")
    elif VECTOR_KEY in texts:
        picture = Picture.of(picture.image, vector=vector_of(texts[VECTOR_KEY], texts.get(SCENE_KEY)))
    return picture, described_as(known, picture)


def embedded_sidecar(texts: dict[str, str], label: str) -> Sidecar | None:
    """The sidecar among a PNG's texts, None where there is none. Raises InputError."""
    return parse_sidecar(texts[SIDECAR_KEY], label) if SIDECAR_KEY in texts else None


def stem_of(path: Path) -> str:
    """The name that an asset's files share: without suffix and without the key of an intermediate picture."""
    name = path.name.removesuffix(REQUEST_SUFFIX) if path.name.endswith(REQUEST_SUFFIX) else path.stem
    head, dot, tail = name.rpartition(".")
    if dot and len(tail) == 12 and all(c in "0123456789abcdef" for c in tail):
        return safe_stem(head)
    return safe_stem(name)


def decode_picture(path: Path, data: bytes) -> Picture:
    """Decode a file that may be hostile. Raises InputError naming ``path``."""
    from imajin_cli.stages.imaging.decode import Limits, decode

    try:
        decoded = decode(data, Limits())
    except InputError as error:
        raise InputError(f"{path}: {error.message}", hint=error.hint) from None
    vector = vector_of(decoded.svg, None) if decoded.svg is not None else None
    image: Image = decoded.image
    return Picture.of(image, vector=vector)


def vector_of(svg: str, scene: bytes | str | None) -> Vector:
    """A vector from its files' contents; its layers are the SVG's own."""
    from imajin_cli.stages.imaging.svglayers import layers_of

    try:
        parsed = json.loads(scene) if scene else {}
    except ValueError:
        parsed = {}
    return Vector(svg, parsed if isinstance(parsed, dict) else {}, layers_of(svg))


def _picture_of(asset: Asset) -> Picture:
    if asset.picture is None:
        raise InputError(f"{asset.name}: has no picture yet", hint="run `imajin generate` on it first")
    return asset.picture
