"""The Python API: what it makes, judges and raises, that it prints nothing and costs nothing before it is used."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

import imajin_cli
from conftest import ROOT, environment
from imajin_cli import (
    Exit,
    ImajinError,
    InputError,
    NoVerdictError,
    RejectedError,
    Request,
    UsageError,
    generate,
    judge,
    list_presets,
    make,
    moderate,
    read_sidecar,
    verify_provenance,
)

EXAMPLES = sorted((ROOT / "examples" / "python").glob("*.py"))


@pytest.fixture
def drawing(work) -> Path:
    """A small picture that every gate of technical quality passes."""
    made = Image.new("RGBA", (64, 64))
    made.paste((40, 80, 200, 255), (16, 16, 48, 48))
    made.save(work / "good.png")
    return work / "good.png"


def test_make_publishes_and_says_what_came_of_it(capfd):
    events = []
    request = Request(prompt="a rocket", size=["64x64", "128x64"], count=2)
    result = make(request, best=1, out="dist", settings={"output": {"format": ["png"]}}, on_event=events.append)
    assert result.check() is result
    assert (result.ok, result.code, len(result.assets), result.rejected, result.failures) == (True, 0, 2, (), ())
    for asset in result.assets:
        assert asset.path is not None
        assert asset.path.is_file()
        assert asset.path.parent == Path("dist")
        assert (asset.by, asset.status) == ("output", "changed")
        assert read_sidecar(asset.path) == asset.sidecar
    kinds = [event.event for event in events]
    assert (kinds[0], kinds[-1]) == ("started", "finished")
    assert kinds.count("candidate") == 4
    assert kinds.count("asset") == 2
    assert {event.id for event in events if event.event == "asset"} == {asset.id for asset in result.assets}
    assert capfd.readouterr() == ("", "")


def test_the_same_work_as_the_command_line(cli):
    result = make("a rocket", out="api", settings={"request": {"size": ["64x64"]}})
    assert cli("run", "a rocket", "--size", "64", "-o", "cli").returncode == 0
    (asset,) = result.assets
    assert asset.sidecar.digest() == read_sidecar(Path("cli") / asset.path.name).digest()
    assert asset.path.read_bytes() == (Path("cli") / asset.path.name).read_bytes()


def test_a_rejection_is_a_result_and_check_raises_it(capfd):
    result = make("a rocket", settings={"request": {"size": ["64x64"]}, "quality": {"min_side": 4000}})
    assert (result.ok, result.code, result.assets) == (False, Exit.QUALITY, ())
    (asset,) = result.rejected
    assert (asset.by, asset.status, asset.code) == ("quality", "rejected", Exit.QUALITY)
    assert asset.path is not None
    assert asset.path.is_file()
    with pytest.raises(RejectedError, match="too small") as raised:
        result.check()
    assert raised.value.code is Exit.QUALITY
    assert capfd.readouterr() == ("", "")


def test_what_keeps_a_call_from_its_work_is_raised_with_its_exit_code():
    with pytest.raises(UsageError) as raised:
        make("a rocket", settings={"quality": {"min_sied": 1}})
    assert raised.value.code is Exit.USAGE
    for wrong in (lambda: make(""), lambda: make(Request(prompt="x", preset="nonsense")), lambda: judge([])):
        with pytest.raises(ImajinError):
            wrong()
    with pytest.raises(UsageError, match="no gate"):
        judge(["a.png"], gates=["generate"])


def test_a_prompt_is_no_files_name(drawing):
    result = make(Request(prompt="good.png", size=["64x64"]), settings={"run": {"skip": ["validate"]}})
    assert result.check().assets[0].sidecar.request.prompt == "good.png"


def test_generate_judges_nothing_and_judge_does():
    result = generate(Request(prompt="a rocket", size=["64x64"], count=2), work="drawn")
    assert [[record.stage for record in asset.sidecar.stages] for asset in result.check().assets] == [
        ["validate", "identity", "generate"]
    ] * 2
    files = [asset.path for asset in result.assets]
    assert all(file.parent == Path("drawn") for file in files)
    judged = judge(files, gates=("quality", "moderate")).check()
    assert [asset.path for asset in judged.assets] == files
    for file in files:
        assert [record.stage for record in read_sidecar(file).stages][-2:] == ["moderate", "quality"]


def test_judge_tells_good_bad_and_absent_apart(drawing, work):
    Image.new("RGB", (64, 64), (120, 120, 120)).save(work / "flat.png")
    result = judge([drawing, "flat.png", "absent.png"], gates=["quality"])
    assert [asset.path for asset in result.assets] == [drawing]
    assert [asset.place for asset in result.rejected] == ["flat.png"]
    assert [failure.code for failure in result.failures] == [Exit.USAGE]
    assert result.code is Exit.USAGE
    assert "absent.png" in result.failures[0].message
    with pytest.raises(InputError):
        result.check()


def test_moderate_judges_and_what_it_cannot_judge_does_not_pass(drawing, monkeypatch):
    assert moderate([drawing]).ok
    assert read_sidecar(drawing).stages[-1].stage == "moderate"

    def broken(*_):
        raise NoVerdictError("a layer is absent")

    monkeypatch.setattr("imajin_cli.stages.moderate.Moderate.apply", broken)
    result = judge([drawing], gates=["moderate"], force=True)
    assert (result.ok, result.code, result.assets) == (False, Exit.NO_VERDICT, ())


def test_presets_sidecars_and_provenance(drawing, work):
    presets = {preset.name: preset for preset in list_presets()}
    assert presets["error-404"].makes == "Page not found."
    assert presets["error-404"].file.is_file()
    with pytest.raises(InputError, match="no such sidecar"):
        read_sidecar(drawing)
    (work / "good.png.json").write_text("{}")
    with pytest.raises(InputError):
        read_sidecar(drawing)
    gone = verify_provenance(drawing)
    assert (gone.status, gone.ok, gone.signer) == ("gone", False, None)
    with pytest.raises(InputError):
        verify_provenance("absent.png")


def test_what_a_listener_raises_ends_the_work():
    def refuse(event):
        if event.event == "candidate":
            raise KeyError("enough")

    with pytest.raises(KeyError):
        make(Request(prompt="a rocket", size=["64x64"], count=200), on_event=refuse)
    assert make(Request(prompt="a rocket", size=["64x64"])).ok


def test_threads_wait_for_one_another():
    results = {}

    def one(seed):
        results[seed] = make(Request(prompt="a rocket", size=["64x64"], seed=seed), out=f"t{seed}")

    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(results[seed].ok and results[seed].assets[0].sidecar.seed == seed for seed in range(4))


def test_importing_loads_nothing_and_names_come_when_they_are_used():
    program = (
        "import sys, imajin_cli\n"
        "before = {n for n in sys.modules if n.partition('.')[0] in ('imajin_cli', 'pydantic', 'typer', 'typing', 'PIL')}\n"
        "assert before == {'imajin_cli'}, before\n"
        "assert set(imajin_cli.__all__) <= set(dir(imajin_cli))\n"
        "for name in imajin_cli.__all__: getattr(imajin_cli, name)\n"
        "assert 'numpy' not in sys.modules and 'PIL' not in sys.modules\n"
        "try: imajin_cli.nonsense\n"
        "except AttributeError: pass\n"
        "else: raise AssertionError\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr


def test_the_names_are_those_of_the_api_and_all_are_documented():
    from imajin_cli import api

    assert set(imajin_cli.__all__) - {"__version__"} == set(api.__all__)
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    # What a request, a record and errors are made of is told by their own docstrings.
    for name in api.__all__:
        assert f"`{name}" in page, name
        assert getattr(api, name).__doc__, name


# Examples.


def run(example: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / "python" / example), *arguments],
        capture_output=True, text=True, env=environment(), timeout=110,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_example_of_error_pages_makes_them(work):
    done = run("error_pages.py", "site")
    assert done.returncode == 0, done.stderr
    made = done.stdout.splitlines()
    assert len(made) == 4
    assert all(Path(path).is_file() for path in made)
    stamps = {path: Path(path).stat().st_mtime_ns for path in made}
    assert run("error_pages.py", "site").stdout == done.stdout
    assert {path: Path(path).stat().st_mtime_ns for path in made} == stamps


def test_the_example_of_uploads_tells_safe_from_unknown(drawing, work):
    (work / "broken.png").write_bytes(b"no picture")
    done = run("upload_check.py", "good.png", "broken.png")
    assert done.returncode == 1, done.stderr
    good, broken = done.stdout.splitlines()
    assert good == "good.png: safe"
    assert broken.startswith("broken.png: not judged: ")


def test_the_example_of_a_chat_tells_what_happens():
    done = run("chat.py", "a rocket", "dist")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "drew candidate 1 of 2 (256 × 256)"
    assert any(line.startswith("here it is: dist/") for line in lines)


def test_every_example_is_tested():
    ran = {
        node.args[0].value
        for node in ast.walk(ast.parse(Path(__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "run" and isinstance(node.args[0], ast.Constant)
    }
    assert ran == {path.name for path in EXAMPLES}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_mypy_passes_the_examples(tmp_path):
    links = tmp_path / "imajin_cli"
    links.mkdir()
    for path in [*(ROOT / "imajin_cli").iterdir(), *(ROOT / name for name in ("stages", "configs", "presets"))]:
        if path.name != "__pycache__":
            (links / path.name).symlink_to(path)
    wrong = tmp_path / "wrong.py"
    shutil.copy(EXAMPLES[0], wrong)
    wrong.write_text(wrong.read_text() + "\nmake(3).assets[0].path.suffix\n")
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "--strict", "--cache-dir"]
    for files, code, found in (([*map(str, EXAMPLES)], 0, "Success"), ([str(wrong)], 1, "arg-type")):
        done = subprocess.run(
            [*command, str(tmp_path / "cache"), *files], capture_output=True, text=True, cwd=tmp_path, timeout=600,
            env={**environment(), "MYPYPATH": str(tmp_path)},
        )  # fmt: skip
        assert done.returncode == code, done.stdout
        assert found in done.stdout
        assert "errors prevented" not in done.stdout
