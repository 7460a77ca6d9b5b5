"""Assets as files: opening what a user names, and keeping what stages make. Nothing here knows what a stage does."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import InputError
from imajin_cli.contract.picture import Picture, Vector
from imajin_cli.contract.sidecar import SIDECAR_VERSION, FileRef, ImageInfo, Record, Sidecar
from imajin_cli.contract.stage import Asset
from imajin_cli.run.assets import Entry, foreign_sidecar, has_record, image_info, vector_digest
from imajin_cli.run.atomic import folder_lock, make_folder, write_atomic
from imajin_cli.run.naming import file_label, safe_stem
from imajin_cli.run.png import encode_png

if TYPE_CHECKING:
    from PIL.Image import Image

WORK = Path(".imajin") / "work"
REQUEST_SUFFIX = ".request.json"
MAX_PICTURE_BYTES = 256 << 20
MAX_SIDECAR_BYTES = 32 << 20


def sidecar_path(path: Path) -> Path:
    """Where the sidecar of the asset at ``path`` stands: beside it, or, for a request, the file itself."""
    return path if path.name.endswith(REQUEST_SUFFIX) else path.with_name(path.name + ".json")


def read_bytes(path: Path, limit: int = MAX_PICTURE_BYTES) -> bytes:
    """The bytes of a regular file. Raises InputError for anything else, and for more than ``limit`` bytes."""
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InputError(f"{path}: not a regular file")
            data = _read(descriptor, limit + 1)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{path}: cannot be read: {reason}") from None
    if len(data) > limit:
        raise InputError(f"{path}: larger than {limit >> 20} MiB")
    return data


def _read(descriptor: int, limit: int) -> bytes:
    """Up to ``limit`` bytes, in one piece where the file is as large as it says."""
    data = os.read(descriptor, min(os.fstat(descriptor).st_size + 1, limit))
    chunks = [data]
    while data and sum(map(len, chunks)) < limit:
        data = os.read(descriptor, min(1 << 20, limit - sum(map(len, chunks))))
        chunks.append(data)
    return b"".join(chunks) if len(chunks) > 2 else chunks[0]


def read_sidecar(path: Path) -> Sidecar | None:
    """The sidecar at ``path``, None where there is no such file. Raises InputError where it is no sidecar of ours."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    return parse_sidecar(read_bytes(path, MAX_SIDECAR_BYTES), str(path))


def parse_sidecar(data: bytes | str, name: str) -> Sidecar:
    """A sidecar from its JSON. Raises InputError for what is not JSON, not a sidecar, or from a newer version."""
    try:
        return _checked(Sidecar.model_validate_json(data), name)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "json_invalid":
            raise InputError(f"{name}: the sidecar is not JSON: {first['ctx']['error']}") from None
        _refuse_newer(data, name)
        where = ".".join(str(part) for part in first["loc"]) or "top"
        raise InputError(f"{name}: not a sidecar: {where}: {first['msg']}") from None


def _checked(sidecar: Sidecar, name: str) -> Sidecar:
    if sidecar.imajin > SIDECAR_VERSION:
        raise InputError(
            f"{name}: from a newer imajin (sidecar version {sidecar.imajin}, this one reads up to {SIDECAR_VERSION})",
            hint="pip install --upgrade imajin",
        )
    return sidecar


def _refuse_newer(data: bytes | str, name: str) -> None:
    """A newer sidecar may also look malformed to us; that it is newer is what the user needs to hear."""
    version = json.loads(data).get("imajin") if data[:1] in (b"{", "{") else None
    if isinstance(version, int) and version > SIDECAR_VERSION:
        _checked(Sidecar(id="", imajin=version), name)


def dump_sidecar(sidecar: Sidecar) -> bytes:
    """A sidecar as the bytes of its file."""
    return sidecar.model_dump_json(indent=1, exclude_none=True).encode() + b"\n"


class Store:
    """Opens assets, and keeps new ones in ``folder`` (by default .imajin/work below the working folder)."""

    def __init__(self, folder: Path | None = None, *, warn: Callable[[str], None] = lambda _: None) -> None:
        self.folder = WORK if folder is None else folder
        self._hidden = folder is None
        self._warn = warn

    def open(self, name: str, *, raw: bool = False) -> Entry:
        """The asset that ``name`` names: a picture, a picture's sidecar, or a request. Raises InputError.

        ``raw`` leaves the file undecoded, for a stage that reads bytes.
        """
        path = Path(name)
        if path.name.endswith(REQUEST_SUFFIX):
            return self._open_request(path)
        if path.suffix == ".json" and path.with_suffix("").is_file():
            path = path.with_suffix("")
        data = read_bytes(path)
        sidecar = read_sidecar(sidecar_path(path))
        if raw:
            known = sidecar or Sidecar(id=sha256(data)[:16])
            return Entry(Asset(known, name=stem_of(path), raw=data), path)
        picture, known = self._picture(path, data, sidecar)
        return Entry(Asset(known, picture, stem_of(path)), path)

    def _open_request(self, path: Path) -> Entry:
        sidecar = read_sidecar(path)
        if sidecar is None:
            raise InputError(f"{path}: no such file")
        if sidecar.request is None:
            raise InputError(f"{path}: holds no request")
        return Entry(Asset(sidecar, name=stem_of(path)), path)

    def _picture(self, path: Path, data: bytes, sidecar: Sidecar | None) -> tuple[Picture, Sidecar]:
        image = sidecar.image if sidecar is not None else None
        if sidecar is None or image is None:
            picture = decode_picture(path, data)
            image = _file_info(picture, path, sha256(data))
            if sidecar is None:
                return picture, foreign_sidecar(picture).model_copy(update={"image": image})
            return picture, sidecar.model_copy(update={"image": image})
        digest = sha256(data)
        if image.file_sha256 == digest:
            return self._known(path, data, image), sidecar
        picture = decode_picture(path, data)
        if picture.sha256 == image.sha256:
            vector = self._vector(path, image)
            picture = Picture.of(picture.image, vector=vector)
        else:
            self._warn(f"{path}: changed since its sidecar was written: verdicts on the old pixels do not count")
        return picture, sidecar.model_copy(update={"image": _file_info(picture, path, digest)})

    def _known(self, path: Path, data: bytes, image: ImageInfo) -> Picture:
        """A picture whose bytes are those that the sidecar knows: its digest is known, and it is decoded when looked at."""
        return Picture(
            (image.width, image.height),
            lambda: decode_picture(path, data).image,
            vector=self._vector(path, image),
            sha256=image.sha256,
        )

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
        try:
            known = read_sidecar(sidecar_path(path))
            if known is None or known.image is None or not path.is_file():
                return None
            entry = self.open(str(path))
        except InputError:
            return None
        whole = known.image.sha256 == entry.sidecar.image.sha256 if entry.sidecar.image is not None else False
        lost_vector = known.image.vector is not None and (
            entry.asset.picture is None or entry.asset.picture.vector is None
        )
        return entry if whole and not lost_vector and any(record.key == key for record in known.stages) else None

    def keep_picture(self, asset: Asset, stem: str, key: str) -> Entry:
        """Write a new pair, companions first and the sidecar last, so that a pair with a sidecar is whole."""
        self._prepare()
        path = self._place(stem, key)
        picture = _picture_of(asset)
        data = encode_png(picture.image)
        info = {"file": file_label(path.name), "file_sha256": sha256(data), **self._write_vector(path, picture)}
        write_atomic(path, data)
        sidecar = asset.sidecar.model_copy(update={"image": image_info(picture).model_copy(update=info)})
        write_atomic(sidecar_path(path), dump_sidecar(sidecar))
        return Entry(replace(asset, sidecar=sidecar), path)

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

    def keep_record(self, entry: Entry, record: Record, *, force: bool = False) -> Entry:
        """Append ``record`` to the asset's own sidecar; one that is there already leaves the file as it is, without ``force``."""
        if entry.path is None:
            return self._keep_request(entry, record)
        target = sidecar_path(entry.path)
        with folder_lock(target.parent):
            # Another gate may have written since this one read: merge with what is there now.
            current = read_sidecar(target)
            known = entry.sidecar if current is None else current.model_copy(update={"image": entry.sidecar.image})
            if current is not None and not force and has_record(current, record.stage, record.key) is not None:
                return entry.with_sidecar(current)
            known = known.with_record(record)
            write_atomic(target, dump_sidecar(known))
        return entry.with_sidecar(known)

    def _keep_request(self, entry: Entry, record: Record) -> Entry:
        self._prepare()
        sidecar = entry.sidecar.with_record(record)
        path = self.folder / f"{entry.asset.name}.{sidecar.id[:12]}{REQUEST_SUFFIX}"
        with folder_lock(self.folder):
            current = read_sidecar(path)
            if current is not None and has_record(current, record.stage, record.key) is not None:
                return Entry(replace(entry.asset, sidecar=current), path)
            write_atomic(path, dump_sidecar(sidecar))
        return Entry(replace(entry.asset, sidecar=sidecar), path)

    def _place(self, stem: str, key: str) -> Path:
        return self.folder / f"{stem}.{key[:12]}.png"

    def _prepare(self) -> None:
        make_folder(self.folder)
        ignore = self.folder.parent / ".gitignore"
        if self._hidden and not ignore.exists():
            write_atomic(ignore, b"*\n")


def stem_of(path: Path) -> str:
    """The name that an asset's files share: without suffix and without the key of an intermediate picture."""
    name = path.name.removesuffix(REQUEST_SUFFIX) if path.name.endswith(REQUEST_SUFFIX) else path.stem
    head, dot, tail = name.rpartition(".")
    if dot and len(tail) == 12 and all(c in "0123456789abcdef" for c in tail):
        return safe_stem(head)
    return safe_stem(name)


def _file_info(picture: Picture, path: Path, file_sha256: str) -> ImageInfo:
    return image_info(picture).model_copy(update={"file": file_label(path.name), "file_sha256": file_sha256})


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


__all__ = ["REQUEST_SUFFIX", "WORK", "Store", "read_bytes", "read_sidecar", "sidecar_path", "vector_digest"]
