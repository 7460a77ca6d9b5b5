"""The licence policy over all that went into an asset: models, fonts, packs and the parts of scenes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.sidecar import Credit, ModelRef, Record, Sidecar
from imajin_cli.models.policy import check_chain, commercial_use


@pytest.mark.parametrize(
    ("licence", "use"),
    [
        ("MIT", "allowed"), ("OFL-1.1", "allowed"), ("CC-BY-4.0", "allowed"), ("CC-BY-NC-4.0", "forbidden"),
        ("CC-BY-NC-SA-4.0", "forbidden"), ("PolyForm-Noncommercial-1.0.0", "forbidden"), ("unknown", "unclear"), ("", "unclear"),
        ("MIT AND CC-BY-NC-4.0", "forbidden"), ("(MIT OR CC-BY-NC-4.0)", "allowed"), ("MIT AND Mine", "unclear"),
        ("CC-BY-NC-4.0 OR Mine", "unclear"), ("mit", "unclear"), ("All rights reserved", "unclear"),
    ],
)  # fmt: skip
def test_a_licence_allows_commercial_use_only_where_that_is_known(licence, use):
    assert commercial_use(licence) == use


def test_every_credit_and_model_of_a_chain_is_held_to_the_policy():
    good = Record(stage="generate", version="1", status="changed", key="a", credits=[Credit(name="Phosphor", licence="MIT")])
    check_chain(Sidecar(id="x", stages=[good]), "commercial")
    bad = good.model_copy(update={"stage": "text", "credits": [Credit(name="Mine", licence="CC-BY-NC-4.0")]})
    with pytest.raises(UsageError, match=r"Mine \(CC-BY-NC-4.0, commercial use forbidden\)"):
        check_chain(Sidecar(id="x", stages=[good, bad]), "commercial")
    check_chain(Sidecar(id="x", stages=[good, bad]), "any")
    # The catalogue's word counts for a model that it has, whatever the record says.
    used = good.model_copy(update={"credits": [], "model": ModelRef(name="isnet-small", licence="MIT")})
    with pytest.raises(UsageError, match="isnet-small"):
        check_chain(Sidecar(id="x", stages=[used]), "commercial")


def test_a_pack_of_ones_own_without_a_licence_is_refused_from_its_first_use_to_output(cli, work):
    pack = work / "mine"
    pack.mkdir()
    (pack / "robot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>')
    strict = {"IMAJIN_RUN__LICENCE_POLICY": "commercial"}
    made = cli("generate", "a robot", "--packs", "mine", "--subject", "robot", "--size", "64")
    assert made.returncode == 0, made.stderr
    name = made.stdout.decode().strip()
    credited = [c["name"] for record in json.loads(Path(name + ".json").read_text())["stages"] for c in record["credits"]]
    assert "mine" in credited
    for arguments in (
        ("generate", "a robot", "--packs", "mine", "--subject", "robot", "--size", "64"),
        ("output", name, "-o", "dist"),
        ("quality", name),
    ):
        done = cli(*arguments, **strict)
        assert (done.returncode, done.stdout) == (2, b""), arguments
        assert b"the licence policy is commercial: mine (unknown, commercial use unclear)" in done.stderr
    assert not Path("dist").exists()
    assert cli("generate", "a robot", "--size", "64", **strict).returncode == 0
