"""What is installed is what the tree holds: wheel, sdist, lock; and it runs where a hostile folder lies in wait."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from conftest import ROOT

# Folder in the tree → folder in an installation.
FOLDERS = {
    "imajin_cli": "imajin_cli",
    "stages": "imajin_cli/stages",
    "configs": "imajin_cli/configs",
    "presets": "imajin_cli/presets",
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = ROOT / "requirements" / "lock.txt"


@cache
def kept_files() -> list[str]:
    """The checkout's files that git keeps or would keep."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, with what a working folder also holds and no installation may."""
    root = tmp_path_factory.mktemp("copy") / "imajin"
    for name in kept_files():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, root / name)
    (root / "configs" / "config.yaml").write_text("preset: mine\n")
    (root / "stages" / "__pycache__").mkdir()
    (root / "stages" / "__pycache__" / "load.cpython-311.pyc").write_bytes(b"")
    return root


@pytest.fixture(scope="session")
def built(copy: Path) -> dict[str, Path]:
    """The sdist, the wheel made from that sdist, and the wheel made from the tree."""
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir"]
    for outdir, kind in (("from-sdist", []), ("from-tree", ["--wheel"])):
        done = subprocess.run([*build, copy / outdir, *kind, copy], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    (sdist,) = (copy / "from-sdist").glob("*.tar.gz")
    (by_sdist,) = (copy / "from-sdist").glob("*.whl")
    (by_tree,) = (copy / "from-tree").glob("*.whl")
    return {"sdist": sdist, "by_sdist": by_sdist, "wheel": by_tree}


def contents(wheel: Path) -> dict[str, str]:
    """File name → digest of its bytes, without the wheel's own description."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in names}


@pytest.mark.slow
def test_the_wheel_holds_the_packages_of_the_tree_and_nothing_else(built, copy):
    expected = {}
    for name in kept_files():
        top, _, rest = name.partition("/")
        if top in FOLDERS:
            expected[f"{FOLDERS[top]}/{rest}"] = hashlib.sha256((copy / name).read_bytes()).hexdigest()
    assert contents(built["wheel"]) == expected


@pytest.mark.slow
def test_the_wheel_from_the_sdist_is_the_wheel_from_the_tree(built):
    assert contents(built["by_sdist"]) == contents(built["wheel"])


@pytest.mark.slow
def test_the_sdist_holds_what_it_says_of_itself(built):
    with tarfile.open(built["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "NOTICE", "README.md", "pyproject.toml"} <= names
    assert "configs/config.yaml" not in names


@pytest.mark.slow
def test_licence_and_notice_are_installed(built):
    with zipfile.ZipFile(built["wheel"]) as archive:
        names = [name for name in archive.namelist() if "/licenses/" in name]
    assert sorted(name.rpartition("/")[2] for name in names) == ["LICENSE", "NOTICE"]


def test_every_package_of_the_tree_is_listed():
    found = set()
    for name in kept_files():
        top, _, rest = name.partition("/")
        if top in FOLDERS and name.endswith("__init__.py"):
            found.add(f"{FOLDERS[top]}/{rest}".removesuffix("/__init__.py").replace("/", "."))
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(found)


@pytest.fixture(scope="session")
def installed(built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it; what imajin depends on is seen from the tests' own environment."""
    home = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True)
    python = home / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, built["wheel"]], check=True)
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    ours = importlib.metadata.distribution("pydantic").locate_file("")
    # The tests' environment may hold an editable imajin; a plain path entry does not run its hook.
    Path(site, "tests.pth").write_text(f"{ours}\n")
    return home / "venv" / "bin"


@pytest.fixture
def hostile(work: Path) -> Path:
    """A working folder whose own modules have the names of our folders, and end whoever imports them."""
    for name in ("stages", "configs", "presets", "tests", "imajin_fakes"):
        (work / name).mkdir()
        (work / name / "__init__.py").write_text("raise SystemExit('imported from the working folder')\n")
    (work / "presets" / "mine.yaml").write_text("summary: A preset of this folder.\n")
    return work


def run(*command: str | Path, **extra: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | extra
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)


CALLS = {
    "script": (["imajin"], {}),
    "module": (["python", "-m", "imajin_cli"], {}),
    "path": (["imajin"], {"PYTHONPATH": "."}),
}


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
def test_an_installed_imajin_runs_in_a_hostile_folder(installed, hostile, call):
    (program, *rest), extra = CALLS[call]
    start = [installed / program, *rest]
    shown = run(*start, "--help", **extra)
    assert shown.returncode == 0, shown.stderr
    assert "Exit status" in shown.stdout
    listed = run(*start, "presets", **extra)
    assert listed.returncode == 0, listed.stderr
    names = {line.split()[0] for line in listed.stdout.splitlines()}
    shipped = {Path(name).stem for name in kept_files() if re.fullmatch(r"presets/[^/]+\.yaml", name)}
    assert names == shipped | {"mine"}


@pytest.mark.slow
def test_an_installed_imajin_is_the_wheel_and_loads_every_module(installed, hostile):
    program = (
        "import importlib, pkgutil, imajin_cli\n"
        "names = [m.name for m in pkgutil.walk_packages(imajin_cli.__path__, 'imajin_cli.')]\n"
        "for name in names:\n"
        "    if not name.endswith('__main__'):\n"
        "        importlib.import_module(name)\n"
        "print(imajin_cli.__file__, len(names))"
    )
    done = run(installed / "python", "-c", program)
    assert done.returncode == 0, done.stderr
    file, count = done.stdout.rsplit(maxsplit=1)
    assert Path(file).is_relative_to(installed.parent)
    assert int(count) == len([name for name in contents_of_tree() if name.endswith(".py")]) - 1


def contents_of_tree() -> list[str]:
    return [name for name in kept_files() if name.partition("/")[0] in FOLDERS]


# What is imported under a name that differs from its distribution's.
DISTRIBUTION = {
    "yaml": "pyyaml",
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "dlib": "dlib-bin",
    "pynvml": "nvidia-ml-py",
    "c2pa": "c2pa-python",
}


def base_requirements() -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in PROJECT["project"]["dependencies"]}


def third_party_imports() -> dict[str, str]:
    """Distribution → a file of ours that imports it."""
    found = {}
    for name in contents_of_tree():
        if not name.endswith(".py"):
            continue
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            else:
                modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in {item.partition(".")[0] for item in modules} - sys.stdlib_module_names - {"imajin_cli"}:
                found[canonicalize_name(DISTRIBUTION.get(module, module))] = name
    return found


def test_every_third_party_import_is_a_requirement_of_the_base():
    imported = third_party_imports()
    extras = PROJECT["project"]["optional-dependencies"].values()
    optional = {canonicalize_name(Requirement(line).name) for lines in extras for line in lines}
    # What an extra brings is for backends, drivers and engines, which do without it where it is not installed.
    homes = ("stages/backends/", "imajin_cli/devices/", "imajin_cli/run/batch/cluster.py", "imajin_cli/run/objects.py")
    known = {name for name, file in imported.items() if name in optional and file.startswith(homes)}
    assert {name: file for name, file in imported.items() if name not in base_requirements() | known} == {}


def test_every_requirement_of_the_base_is_used():
    """Imported, or, being a package of data, looked up by its name, in code or in the model catalogue.

    (Fonts' names are put together: the text tests use each.)
    """
    text = "".join((ROOT / name).read_text("utf-8") for name in contents_of_tree() if name.endswith(".py"))
    catalogue = (ROOT / "imajin_cli/models/catalogue.yaml").read_text("utf-8")
    text += "".join(f'"{package}"' for package in re.findall(r"package: (\w+)", catalogue))
    unused = base_requirements() - third_party_imports().keys()
    unused = {name for name in unused if not name.startswith("fontpkg-")}
    assert {name for name in unused if f'"{name.replace("-", "_")}"' not in text} == set()


def locked() -> dict[str, str]:
    lines = [line for line in LOCK.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    pins = [re.fullmatch(r"([a-z0-9-]+)==([A-Za-z0-9.!]+)", line) for line in lines]
    assert all(pins), "the lock holds names and versions only: no index, no path, no option, no local version"
    return {pin[1]: pin[2] for pin in pins if pin}


def all_requirements() -> list[Requirement]:
    extras = PROJECT["project"]["optional-dependencies"].values()
    lines = [*PROJECT["build-system"]["requires"], *PROJECT["project"]["dependencies"], *(r for e in extras for r in e)]
    return [Requirement(line) for line in lines]


def test_the_extras_are_those_that_are_documented():
    assert sorted(PROJECT["project"]["optional-dependencies"]) == [
        "anatomy", "background", "dev", "diffusion", "docs", "quant", "ray", "s3",
    ]  # fmt: skip


def test_the_lock_pins_all_that_is_required_and_within_its_bounds():
    pins = locked()
    assert list(pins) == sorted(pins)
    for requirement in all_requirements():
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked: make lock"
        assert requirement.specifier.contains(version), f"{requirement} does not take {version}: make lock"


def test_the_lock_is_closed():
    """Whatever an installed, locked package requires here is locked too."""
    pins = locked()
    loose = {}
    for name in pins:
        try:
            requires = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for requirement in map(Requirement, requires):
            here = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if here and canonicalize_name(requirement.name) not in pins:
                loose[name] = str(requirement)
    assert loose == {}


def test_the_base_has_no_torch():
    heavy = {"torch", "diffusers", "transformers", "ray", "rembg", "onnxruntime-gpu", "scipy"}
    assert not base_requirements() & heavy
