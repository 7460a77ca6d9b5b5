#!/usr/bin/env python3
"""Write requirements/lock.txt: one solution of the base and of all extras, for development and CI.

The newest pip solves it in a throw-away environment, without installing anything. Local version labels (torch's
"+cpu") are left out, so that the same lock takes a CPU build or another one of the same release. It is a list of
constraints: it says which release of a package, not whether the package is wanted.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "lock.txt"
BOUNDS = ROOT / "requirements" / "bounds.txt"


def wanted() -> list[str]:
    """Every requirement that pyproject.toml names: to build, to run, and each extra's."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = document["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [*document["build-system"]["requires"], *project["dependencies"], *extras]


def solve(requirements: list[str]) -> dict[str, str]:
    """Package → version of a whole solution. Raises CalledProcessError where there is none."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        venv.create(place / "venv", with_pip=True)
        pip = [str(place / "venv" / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        (place / "wanted.txt").write_text("\n".join(requirements) + "\n", encoding="utf-8")
        subprocess.run([*pip, "install", "--quiet", "--upgrade", "pip"], check=True)
        solving = ["install", "--quiet", "--dry-run", "--ignore-installed", "--only-binary", ":all:"]
        report = ["--report", str(place / "report.json")]
        subprocess.run([*pip, *solving, *report, "-c", str(BOUNDS), "-r", str(place / "wanted.txt")], check=True)
        found = json.loads((place / "report.json").read_bytes())["install"]
    named = [item["metadata"] for item in found]
    return {_normal(meta["name"]): meta["version"].partition("+")[0] for meta in named}


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def main() -> None:
    """Solve and write."""
    solution = solve(wanted())
    system = f"Python {sys.version_info.major}.{sys.version_info.minor}, {platform.system()}, {platform.machine()}"
    head = f"# Written by `make lock` ({system}) from pyproject.toml and bounds.txt: edit those.\n"
    LOCK.write_text(head + "".join(f"{name}=={solution[name]}\n" for name in sorted(solution)), encoding="utf-8")
    print(f"{LOCK.relative_to(ROOT)}: {len(solution)} packages")


if __name__ == "__main__":
    main()
