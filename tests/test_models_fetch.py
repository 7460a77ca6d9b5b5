"""Downloads: resumed, bounded, refused; checked whatever came; one at a time."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from conftest import environment
from imajin_cli.models import fetch as fetching
from imajin_cli.models.fetch import fetch
from imajin_cli.models.sources import SourceError
from rangeserver import serve

DATA = b"\x08" + random.Random(7).randbytes(200_000)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def site():
    with serve() as running:
        running.files["/m/a.onnx"] = DATA
        yield running


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(fetching, "_FIRST_WAIT", 0.001)
    monkeypatch.setattr(fetching, "SILENCE", 2.0)


@pytest.fixture
def part(work):
    return work / ".a.onnx.part"


def get(site, part):
    seen: list[int] = []
    fetch(f"{site.url}/m/a.onnx", part, len(DATA), seen.append)
    return seen


def test_a_whole_file_comes_in_one_try(site, part):
    seen = get(site, part)
    assert part.read_bytes() == DATA
    assert seen[0] == 0
    assert seen[-1] == len(DATA)
    assert site.ranges_asked() == [None]
    assert site.asked[0][1]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("untold", [False, True])
def test_a_connection_that_breaks_is_taken_up_where_it_broke(site, part, untold):
    site.cuts = [50_000, 30_000]
    site.untold = untold
    get(site, part)
    assert part.read_bytes() == DATA
    assert site.ranges_asked() == [None, "bytes=50000-", "bytes=80000-"]
    assert site.asked[1][1]["If-Range"] == '"one"'


def test_what_an_earlier_process_left_is_continued(site, part):
    part.write_bytes(DATA[:70_000])
    get(site, part)
    assert part.read_bytes() == DATA
    assert site.ranges_asked() == ["bytes=70000-"]


def test_a_file_that_changed_meanwhile_is_begun_anew(site, part):
    site.cuts = [50_000, 0]
    site.files["/m/a.onnx"] = bytes(len(DATA))
    site.etag = '"old"'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetching, "ALL_TRIES", 1)
        with pytest.raises(SourceError, match="interrupted"):
            get(site, part)
    site.cuts = []
    site.files["/m/a.onnx"] = DATA
    site.etag = '"new"'
    get(site, part)
    assert part.read_bytes() == DATA
    assert site.asked[-1][1]["If-Range"] == '"old"'


def test_a_server_without_ranges_is_begun_anew(site, part):
    site.ranges = False
    site.cuts = [50_000]
    get(site, part)
    assert part.read_bytes() == DATA


def test_a_weak_etag_is_not_used_as_a_validator(site, part):
    site.etag = 'W/"weak"'
    site.cuts = [50_000]
    get(site, part)
    assert part.read_bytes() == DATA
    assert "If-Range" not in site.asked[1][1]


def test_a_part_that_is_too_long_is_dropped(site, part):
    part.write_bytes(DATA + b"more")
    get(site, part)
    assert part.read_bytes() == DATA
    assert site.ranges_asked() == [None]


def test_a_file_that_has_become_shorter_is_refused(site, part):
    part.write_bytes(DATA[:150_000])
    site.files["/m/a.onnx"] = DATA[:100_000]
    with pytest.raises(SourceError, match="has 100000 bytes, not 200001"):
        get(site, part)


@pytest.mark.parametrize("untold", [False, True])
def test_a_file_that_is_too_long_is_not_kept(site, part, untold):
    site.untold = untold
    site.files["/m/a.onnx"] = DATA + bytes(500_000)
    with pytest.raises(SourceError, match="bytes"):
        get(site, part)
    assert not part.exists() or part.stat().st_size == 0


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_is_busy_is_asked_again(site, part, status):
    site.statuses = [status, status]
    get(site, part)
    assert part.read_bytes() == DATA
    assert len(site.asked) == 3


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final(site, part, status):
    site.statuses = [status]
    with pytest.raises(SourceError, match=str(status)):
        get(site, part)
    assert len(site.asked) == 1


def test_tries_without_a_byte_come_to_an_end(site, part):
    site.cuts = [0] * 50
    with pytest.raises(SourceError, match="ended 200001 bytes early"):
        get(site, part)
    assert len(site.asked) == fetching.FRUITLESS_TRIES


def test_a_silent_server_is_given_up(site, part, monkeypatch):
    monkeypatch.setattr(fetching, "SILENCE", 0.1)
    monkeypatch.setattr(fetching, "FRUITLESS_TRIES", 1)
    site.pause = 1.0
    started = time.perf_counter()
    with pytest.raises(SourceError, match="timed out"):
        get(site, part)
    assert time.perf_counter() - started < 1.0


def test_a_port_where_nobody_listens_is_no_crash(site, part):
    with pytest.raises(SourceError, match="refused"):
        fetch("http://127.0.0.1:9/m/a.onnx", part, 5, lambda _: None)


def test_a_redirect_is_followed_without_the_token(site, part):
    site.redirects["/m/b.onnx"] = f"{site.url}/m/a.onnx"
    fetch(f"{site.url}/m/b.onnx", part, len(DATA), lambda _: None, token="secret")
    assert part.read_bytes() == DATA
    assert [headers.get("Authorization") for _, headers in site.asked] == ["Bearer secret", None]


@pytest.mark.parametrize("target", ["http://example.org/a", "file:///etc/passwd", "ftp://example.org/a", "https://u:p@example.org/a"])
def test_a_redirect_elsewhere_is_refused(site, part, target):
    site.redirects["/m/b.onnx"] = target
    with pytest.raises(SourceError, match=r"[Rr]edirect"):
        fetch(f"{site.url}/m/b.onnx", part, len(DATA), lambda _: None)


# Whole pulls, as processes.


def write_catalogue(home: Path, url: str, data: bytes = DATA, **more: object) -> None:
    entry = {
        "task": "nsfw",
        "licence": "MIT",
        "commercial": "allowed",
        "files": [{"name": "a.onnx", "size": len(data), "sha256": sha(data)}],
        "sources": [{"kind": "https", "url": f"{url}/m"}],
    }
    place = home / ".config" / "imajin"
    place.mkdir(parents=True, exist_ok=True)
    (place / "models.yaml").write_text(yaml.safe_dump({"mine": entry | more}))


@pytest.fixture
def home(tmp_path, site):
    write_catalogue(tmp_path / "home", site.url)
    return tmp_path / "home"


def start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "imajin_cli", "models", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), start_new_session=True,
    )  # fmt: skip


def until(held) -> None:
    deadline = time.monotonic() + 20
    while not held():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def parts(home: Path) -> list[Path]:
    return sorted((home / ".cache").rglob(".a.onnx.part"))


def test_a_pull_says_size_and_licence_before_it_fetches(site, home, cli):
    done = cli("models", "pull", "mine")
    assert done.returncode == 0
    path = Path(done.stdout.decode().strip())
    assert path.read_bytes() == DATA
    assert path.is_relative_to(home / ".cache" / "imajin" / "models" / "mine")
    said = done.stderr.decode()
    assert "200.0 kB in 1 file, MIT, commercial use allowed" in said
    assert sorted(item.name for item in path.parent.iterdir()) == [".checked.json", "a.onnx"]
    assert cli("models", "pull", "mine").stdout == done.stdout
    assert len(site.asked) == 1


def test_a_killed_pull_is_taken_up_where_it_was(site, home, cli):
    site.pause = 0.02
    process = start("pull", "mine")
    until(lambda: [p for p in parts(home) if p.stat().st_size > 20_000])
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    left = parts(home)[0].stat().st_size
    assert 0 < left < len(DATA)
    site.pause = 0.0
    assert cli("models", "path", "mine").returncode == 20
    done = cli("models", "pull", "mine")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.decode().strip()).read_bytes() == DATA
    assert site.ranges_asked()[-1] == f"bytes={left}-"
    assert parts(home) == []


def test_a_damaged_part_costs_a_second_download_and_no_more(site, home, cli):
    folder = Path(json.loads(cli("models", "list", "mine", "--json").stdout)[0]["revision"])
    place = home / ".cache" / "imajin" / "models" / "mine" / folder
    place.mkdir(parents=True)
    (place / ".a.onnx.part").write_bytes(bytes(60_000))
    done = cli("models", "pull", "mine")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.decode().strip()).read_bytes() == DATA
    assert site.ranges_asked() == ["bytes=60000-", None]


def test_of_two_pulls_at_once_one_fetches_and_the_other_waits(site, home):
    site.pause = 0.02
    first = start("pull", "mine")
    until(lambda: parts(home))
    second = start("pull", "mine")
    results = [process.communicate(timeout=60) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0]
    assert results[0][0] == results[1][0]
    assert len(site.asked) == 1
    assert b"another process is fetching it; waiting" in results[1][1]
    assert b"another process brought it" in results[1][1]


def test_where_the_first_of_two_is_killed_the_other_goes_on(site, home):
    site.pause = 0.02
    first = start("pull", "mine")
    until(lambda: [p for p in parts(home) if p.stat().st_size > 20_000])
    second = start("pull", "mine")
    time.sleep(0.6)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    site.pause = 0.0
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert Path(out.decode().strip()).read_bytes() == DATA
    assert site.ranges_asked()[-1] is not None


def test_an_interrupt_ends_with_130_and_keeps_the_part(site, home):
    site.pause = 0.02
    process = start("pull", "mine")
    until(lambda: [p for p in parts(home) if p.stat().st_size > 20_000])
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert parts(home)


def test_a_wrong_file_is_not_kept_and_the_next_source_is_asked(site, home, cli):
    site.files["/bad/a.onnx"] = DATA[:-1] + b"x"
    write_catalogue(home, site.url, sources=[{"kind": "https", "url": f"{site.url}/{at}"} for at in ("bad", "gone", "m")])
    done = cli("models", "pull", "mine")
    assert done.returncode == 0
    assert Path(done.stdout.decode().strip()).read_bytes() == DATA
    assert f"a.onnx has sha256 {sha(DATA[:-1] + b'x')[:12]}…, the catalogue says {sha(DATA)[:12]}…" in done.stderr.decode()
    assert "HTTP 404" in done.stderr.decode()


def test_a_wrong_file_alone_is_20_and_leaves_nothing(site, home, cli):
    site.files["/m/a.onnx"] = DATA[:-1] + b"x"
    done = cli("models", "pull", "mine")
    assert done.returncode == 20
    assert done.stdout == b""
    assert [p.name for p in (home / ".cache").rglob("*") if p.is_file()] == []


def test_the_hub_is_asked_at_the_pinned_revision_with_the_token_on_a_mirror(site, home, cli):
    revision = "0123456789abcdef" * 2 + "01234567"
    site.files[f"/some/model/resolve/{revision}/onnx/a.onnx"] = DATA
    source = {"kind": "hub", "repo": "some/model", "revision": revision, "folder": "onnx"}
    write_catalogue(home, site.url, sources=[source])
    done = cli("models", "pull", "mine", HF_ENDPOINT=site.url + "/", HF_TOKEN="hf_x")
    assert done.returncode == 0, done.stderr
    assert site.asked[0][1]["Authorization"] == "Bearer hf_x"
    assert "hub some/model at 0123456789ab" in done.stderr.decode()


def test_a_mirror_without_encryption_is_refused(site, home, cli):
    source = {"kind": "hub", "repo": "some/model", "revision": "0" * 40}
    write_catalogue(home, site.url, sources=[source])
    done = cli("models", "pull", "mine", HF_ENDPOINT="http://mirror.example")
    assert done.returncode == 20
    assert "neither https nor http to this machine" in done.stderr.decode()


@pytest.mark.parametrize("how", [["--offline"], {"IMAJIN_OFFLINE": "1"}, {"HF_HUB_OFFLINE": "true"}])
def test_offline_nothing_is_asked_and_the_command_is_named(site, home, cli, how):
    flags, variables = (how, {}) if isinstance(how, list) else ([], how)
    done = cli("models", "pull", "mine", *flags, **variables)
    assert done.returncode == 20
    assert site.asked == []
    assert "forbids the network (online: imajin models pull mine)" in done.stderr.decode()


def test_a_variable_that_says_no_does_not_forbid_the_network(home, cli):
    assert cli("models", "pull", "mine", IMAJIN_OFFLINE="0", HF_HUB_OFFLINE="false").returncode == 0


def test_what_is_here_is_used_offline(home, cli):
    assert cli("models", "pull", "mine").returncode == 0
    assert cli("models", "pull", "mine", "--offline").returncode == 0
    assert cli("models", "path", "mine", IMAJIN_OFFLINE="1").returncode == 0


def test_a_pickle_is_not_kept_whatever_it_is_called(site, home, cli):
    data = pickle.dumps(list(range(40)), protocol=4)
    site.files["/m/a.bin"] = data
    write_catalogue(home, site.url, files=[{"name": "a.bin", "size": len(data), "sha256": sha(data)}])
    done = cli("models", "pull", "mine")
    assert done.returncode == 2
    assert "is a pickle" in done.stderr.decode()
    assert [p for p in (home / ".cache").rglob("*") if p.is_file()] == []


def test_a_folder_that_cannot_be_written_is_2(home, cli, work):
    (work / "file").write_text("")
    done = cli("models", "pull", "mine", IMAJIN_MODELS=str(work / "file"))
    assert done.returncode == 2


def test_a_bar_is_drawn_on_a_terminal_alone(site, home, tmp_path):
    import pty

    site.pause = 0.01
    main, second = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "imajin_cli", "models", "pull", "mine"],
        stdout=subprocess.PIPE, stderr=second, env=environment(TERM="xterm"),
    )  # fmt: skip
    os.close(second)
    shown = b""
    try:
        while piece := os.read(main, 4096):
            shown += piece
    except OSError:
        pass  # a terminal whose other side has closed
    assert process.wait(timeout=20) == 0
    process.stdout.close()
    os.close(main)
    assert "━".encode() in shown
    assert b"200.0 kB in 1 file" in shown
