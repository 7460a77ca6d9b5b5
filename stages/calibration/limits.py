"""Thresholds out of a calibration file, refused where they were made for another revision of the model."""

from __future__ import annotations

from pathlib import Path

from imajin_cli.contract.calibration import Calibration, Calibrations
from imajin_cli.contract.digest import sha256
from imajin_cli.contract.errors import NoVerdictError

MAX_BYTES = 1 << 20


def limit(path: str, *, stage: str, score: str, asset_class: str, revision: str) -> float:
    """The threshold for ``score`` of pictures of ``asset_class``. Raises NoVerdictError as `entry` does."""
    return entry(path, stage=stage, score=score, asset_class=asset_class, revision=revision).threshold


def usual(path: str, *, stage: str, score: str, asset_class: str, revision: str) -> tuple[float, float]:
    """Mean and spread of ``score`` over good pictures of ``asset_class``. Raises NoVerdictError as `entry` does."""
    found = entry(path, stage=stage, score=score, asset_class=asset_class, revision=revision)
    if found.mean is None or found.spread is None:
        again = _again(path, stage, score, asset_class)
        raise NoVerdictError(f"{stage}: {path} says no mean and spread of {score} of {asset_class} pictures", hint=again)
    return found.mean, found.spread


def entry(path: str, *, stage: str, score: str, asset_class: str, revision: str) -> Calibration:
    """What was calibrated for ``score`` of pictures of ``asset_class``.

    Raises NoVerdictError (22), with the command that makes it anew, where the file cannot be read or is no calibration
    file, has no entry for the class, or one for another revision.
    """
    again = _again(path, stage, score, asset_class)
    found = _read(path, stage, again).find(stage, score, asset_class)
    if found is None:
        raise NoVerdictError(f"{stage}: {path} has no threshold for {score} of {asset_class} pictures", hint=again)
    if found.revision != revision:
        raise NoVerdictError(
            f"{stage}: {path} was made for revision {found.revision} of the model, this one is {revision}", hint=again
        )
    return found


def scores(path: str, stage: str) -> frozenset[str]:
    """The scores of ``stage`` that the file says anything of. Raises NoVerdictError where it cannot be read."""
    found = _read(path, stage, f"imajin calibrate FOLDER --stage {stage} --write {_word(path)}")
    return frozenset(one.score for one in found.calibrations if one.stage == stage)


def _again(path: str, stage: str, score: str, asset_class: str) -> str:
    return f"imajin calibrate FOLDER --stage {stage} --score {score} --asset-class {asset_class} --write {_word(path)}"


def state(path: str | None) -> str:
    """What of a calibration file a result depends on: its digest."""
    if path is None:
        return ""
    try:
        return sha256(_bytes(path))
    except OSError:
        return "unreadable"


def _read(path: str, stage: str, again: str) -> Calibrations:
    import yaml
    from pydantic import ValidationError

    try:
        data = _bytes(path)
        if len(data) > MAX_BYTES:
            raise NoVerdictError(f"{stage}: the calibration {path} is larger than {MAX_BYTES >> 20} MiB", hint=again)
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(data, Loader=yaml.SafeLoader)):
            raise ValueError("aliases are not read here")
        return Calibrations.model_validate(yaml.safe_load(data))
    except OSError as error:
        raise NoVerdictError(f"{stage}: the calibration {path} cannot be read: {error.strerror}", hint=again) from error
    except (yaml.YAMLError, ValidationError, ValueError, RecursionError) as error:
        raise NoVerdictError(f"{stage}: {path} is no calibration file", hint=again) from error


def _bytes(path: str) -> bytes:
    with Path(path).expanduser().open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _word(path: str) -> str:
    return path if path.replace("/", "").replace(".", "").replace("-", "").replace("_", "").isalnum() else f"'{path}'"
