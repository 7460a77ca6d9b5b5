"""`imajin batch --check` over 1,000 assets that are up to date, whole processes, taking turns: ``python -m benchmarks.check``.

The assets are listed one by one, of a preset each, in light and dark; each has two files of the size that a PNG and a WebP of
512 px have, and a sidecar. No picture is drawn: a check reads recipes, the lock, the manifest and the files' digests, whatever
is in them.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.timing import interleaved
from imajin_cli.contract.digest import sha256
from imajin_cli.repository.build import BuildOptions, Kept
from imajin_cli.repository.lock import unsigned_digest, write_lock
from imajin_cli.run.batch.batch import BatchOptions
from imajin_cli.run.manifest import MANIFEST_VERSION, Entries
from imajin_cli.run.report import Report

PRESETS = ("empty-state", "error-404", "error-500", "icon", "hero", "loading", "offline", "success")
SIZES = {"png": 28_000, "webp": 16_000}
# About as much as a manifest says of an asset beside its files.
LIKE = {
    "alt": "Robot, looking for a page", "lang": "en", "width": 512, "height": 512, "theme": "light",
    "placeholder": "#e1e4f7", "thumbhash": "L+aBBQA1swqJdqtyFsG/XfiaKHeHh3CLdw==", "html": "<picture></picture>" * 14,
    "credits": [{"name": "imajin drawings", "licence": "Apache-2.0"}], "key": "37246c744c6c5a6b9ed3230d56b581d4" * 2,
}  # fmt: skip


def repository(folder: Path, count: int = 1000) -> None:
    """An asset repository of ``count`` assets in ``folder``, all of them up to date."""
    chance = random.Random(7)
    lines = ["defaults:", "  to: dist", "assets:"]
    for number in range(count):
        lines.append(f"  - name: asset-{number:04}")
        lines.append(f"    prompt: a friendly robot number {number} looking for a page")
        lines.append(f"    preset: {PRESETS[number % len(PRESETS)]}")
        lines.append(f"    theme: {('light', 'dark')[number % 2]}")
        lines.append(f"    seed: {number}")
    (folder / "assets.yaml").write_text("\n".join(lines) + "\n")
    (folder / "dist").mkdir()
    here = Path.cwd()
    os.chdir(folder)
    try:
        build = Kept.of("assets.yaml", BatchOptions(), BuildOptions(), Report("batch", quiet=True))
        assets = []
        for _, recipe in build.jobs.values():
            files = {f"{recipe.name}.{ending}": chance.randbytes(size) for ending, size in SIZES.items()}
            for shown, data in files.items():
                (folder / shown).write_bytes(data)
            files = {shown: sha256(data) for shown, data in files.items()}
            listing = [
                {"name": Path(shown).name, "bytes": SIZES[ending], "sha256": digest, "width": 512, "height": 512}
                for ending, (shown, digest) in zip(SIZES, files.items(), strict=True)
            ]
            assets.append({"name": Path(recipe.name).name, "id": recipe.digest()[:16], **LIKE, "files": listing})
            (folder / f"{recipe.name}.png.json").write_bytes(b"{}")
            build.lock.put(recipe, "assets.yaml", files, unsigned_digest(files), ["new"], "compose")
        (folder / "dist/manifest.json").write_bytes(Entries(assets).dump({"imajin": MANIFEST_VERSION}))
        write_lock(build.lock, list(build.lock.assets))
    finally:
        os.chdir(here)


def check(folder: Path) -> Callable[[], object]:
    """A whole `imajin batch --check` of ``folder``."""
    command = [sys.executable, "-m", "imajin_cli", "batch", "assets.yaml", "--check"]
    return lambda: subprocess.run(command, cwd=folder, check=True, capture_output=True)


def measure(repeats: int = 7, count: int = 1000) -> dict[str, float]:
    """Seconds of a check of ``count`` assets, of one, and of a Python that does nothing."""
    with tempfile.TemporaryDirectory() as given:
        many, one = Path(given, "many"), Path(given, "one")
        for folder, assets in ((many, count), (one, 1)):
            folder.mkdir()
            repository(folder, assets)
        times = interleaved(
            {
                "many": check(many),
                "one": check(one),
                "pass": lambda: subprocess.run([sys.executable, "-c", "pass"], check=True),
            },
            repeats,
        )
        size = (many / "imajin.lock").stat().st_size
    return {
        f"--check of {count:,} assets, seconds": times["many"],
        "--check of one asset, seconds": times["one"],
        "python -c pass, seconds": times["pass"],
        "ms an asset": (times["many"] - times["one"]) * 1000 / count,
        "imajin.lock, bytes an asset": size / count,
    }


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name}: {value:.3f}")
