"""The Node client: built by npm, its own tests run against the real CLI, its types held against real files; and pyright."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, environment
from processes import imajin

SOURCE = ROOT / "clients" / "typescript"


def sh(folder: Path, *command: str, **extra: str) -> subprocess.CompletedProcess[str]:
    env = {**environment(), **extra}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=800)


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Path:
    """A copy of the client in which everything is installed by its lock file, and built."""
    folder = tmp_path_factory.mktemp("node") / "client"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    home = {"HOME": os.path.expanduser("~")}
    for command in (("npm", "ci", "--no-fund", "--no-audit"), ("npm", "run", "build")):
        done = sh(folder, *command, **home)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_lock_file_names_no_registry_and_every_digest():
    lock = json.loads((SOURCE / "package-lock.json").read_bytes())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert "resolved" not in entry, name
        assert entry.get("integrity", "").startswith("sha512-"), name
        assert entry.get("dev"), f"{name} would be needed at run time"
    package = json.loads((SOURCE / "package.json").read_bytes())
    assert "dependencies" not in package
    assert lock["packages"][""]["devDependencies"] == package["devDependencies"]


def test_no_source_starts_a_shell():
    for path in sorted(SOURCE.rglob("*.ts")):
        if "node_modules" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        assert "shell: true" not in text, path
        assert not re.search(r"\bexec(?:Sync)?\(", text.replace(").exec(", "").replace("/.exec(", "")), path


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_client_s_own_tests_pass_against_the_real_cli(client):
    done = sh(client, "npm", "test", IMAJIN_COMMAND=json.dumps([sys.executable, "-m", "imajin_cli"]))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    told = dict(re.findall(r"^(?:#|ℹ) (tests|pass|fail|skipped|todo) (\d+)$", done.stdout, re.M))
    assert int(told["pass"]) == int(told["tests"]) >= 25, done.stdout[-3000:]


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Real sidecars and events: of a draw at two ratios, with text, a rejection, an error, and a batch."""
    folder = tmp_path_factory.mktemp("real")
    sizes = ("--size", "64", "--size", "128x64")
    draw = imajin(
        folder, "run", "a rocket", *sizes, "--headline", "Up", "--until-pass", "-n", "2", "--best", "1", "--previews",
        "--keep-work", "-o", "dist",
    )  # fmt: skip
    assert draw.returncode == 0, draw.stderr
    refused = imajin(folder, "run", "a rocket", *sizes, "--set", "quality.min_side=4000", "--events")
    absent = imajin(folder, "quality", "absent.png", "--events")
    (folder / "jobs.jsonl").write_text('{"prompt": "a cat", "size": ["64x64"]}\n', encoding="utf-8")
    batch = imajin(folder, "batch", "jobs.jsonl", "--json")
    lines = [line for done in (draw, refused, absent, batch) for line in done.stdout.splitlines()]
    found = [path for path in folder.rglob("*.json") if re.search(r"\.(png|webp|request)\.json$", path.name)]
    return [json.loads(path.read_bytes()) for path in sorted(found)], [json.loads(line) for line in lines]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_real_sidecars_and_events_have_the_types(client, real):
    sidecars, events = real
    assert len(sidecars) >= 8
    assert {event["event"] for event in events} >= {
        "started",
        "candidate",
        "preview",
        "draw",
        "job",
        "error",
        "finished",
    }
    told = json.dumps(events, ensure_ascii=False), json.dumps(sidecars, ensure_ascii=False)
    (client / "test" / "facts.ts").write_text(
        'import type { Event, Record as Done, Sidecar } from "imajin-client";\n'
        f"export const events: Event[] = {told[0]};\nexport const sidecars: Sidecar[] = {told[1]};\n"
        f"export const record: Done = {json.dumps(sidecars[-1]['stages'][0], ensure_ascii=False)};\n",
        encoding="utf-8",
    )
    done = sh(client, "npx", "--no-install", "tsc", "-p", ".", "--noEmit")
    assert done.returncode == 0, done.stdout
    # And a type that is wrong is found.
    wrong = [{**events[0], "stages": "generate"}], [{**sidecars[0], "id": 3}]
    (client / "test" / "facts.ts").write_text(
        'import type { Event, Sidecar } from "imajin-client";\n'
        f"export const events: Event[] = {json.dumps(wrong[0])};\nexport const sidecars: Sidecar[] = {json.dumps(wrong[1])};\n",
        encoding="utf-8",
    )
    done = sh(client, "npx", "--no-install", "tsc", "-p", ".", "--noEmit")
    (client / "test" / "facts.ts").unlink()
    assert done.returncode != 0
    assert done.stdout.count("error TS2322") == 2, done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_pyright_passes_the_python_examples(client, tmp_path):
    links = tmp_path / "imajin_cli"
    links.mkdir()
    for path in [*(ROOT / "imajin_cli").iterdir(), *(ROOT / name for name in ("stages", "configs", "presets"))]:
        if path.name != "__pycache__":
            (links / path.name).symlink_to(path)
    for path in (ROOT / "examples" / "python").glob("*.py"):
        shutil.copy(path, tmp_path)
    (tmp_path / "wrong.py").write_text("from imajin_cli import make\n\nmake(3)\n", encoding="utf-8")
    settings = {"include": ["*.py"], "typeCheckingMode": "strict", "pythonVersion": "3.11"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    pyright = str(client / "node_modules" / ".bin" / "pyright")
    done = sh(tmp_path, pyright, "--outputjson", "--pythonpath", sys.executable)
    told = json.loads(done.stdout)
    wrong = [d for d in told["generalDiagnostics"] if d["severity"] == "error"]
    assert [(Path(d["file"]).name, d["rule"]) for d in wrong] == [("wrong.py", "reportArgumentType")], wrong
    assert told["summary"]["filesAnalyzed"] == len(list(tmp_path.glob("*.py")))
