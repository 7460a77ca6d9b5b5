"""A short id as a code word that a damaged picture still gives back, and that none without one ever gives.

A payload of at most 4 or 8 bytes, 24 bits of its CRC-32, and 6 bytes of a Reed-Solomon code (reedsolo): three bytes may be
wrong, or two lost and two wrong. What random bits hold is taken for a word about once in 10^11.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
FORMS = (4, 8)
"""Bytes that a payload may have; a shorter one is filled up with zeros."""
_CHECK, _PARITY = 3, 6
# The least sure bytes of a word that are tried as lost. More would let chance make words.
_ERASED = (0, 2)
# Any words that are no pattern of pictures; both take part in every bit, so they never change.
_SPREAD, _WHITE = 0x696D616A696E0001, 0x696D616A696E0002
_HEX = re.compile(r"0x((?:[0-9a-fA-F]{2}){1,8})")


class PayloadError(ValueError):
    """A payload that cannot be carried: why, for a person."""


@dataclass(frozen=True)
class Word:
    """What was read: the payload, its code word's bits, and the bytes that had to be put right."""

    payload: bytes
    bits: Flags
    corrected: int


def parse_payload(text: str) -> bytes:
    """The bytes that a setting names: ``0x`` and hexadecimal digits, or text. Raises PayloadError over 8 bytes, or for none."""
    found = _HEX.fullmatch(text)
    payload = bytes.fromhex(found[1]) if found else text.encode("utf-8", "surrogatepass")
    if text.startswith("0x") and not found:
        raise PayloadError(f"{text!r}: after 0x come 1 to 8 bytes, two hexadecimal digits each")
    if not 1 <= len(payload) <= FORMS[-1]:
        raise PayloadError(f"a payload has 1 to {FORMS[-1]} bytes, and this has {len(payload)}")
    if not payload.strip(b"\0") or payload.endswith(b"\0"):
        raise PayloadError("a payload does not end in a zero byte")
    return payload


def shown(payload: bytes) -> str:
    """``payload`` as it would be set: its text where it can be printed, else ``0x`` and digits."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return f"0x{payload.hex()}"
    return text if text.isprintable() and not text.startswith("0x") else f"0x{payload.hex()}"


def length(form: int) -> int:
    """Bits of a code word whose payload has ``form`` bytes."""
    return 8 * (form + _CHECK + _PARITY)


def encode(payload: bytes) -> Flags:
    """The code word of ``payload``, in the shortest form that holds it. Raises PayloadError for one too long."""
    from reedsolo import RSCodec

    form = next((form for form in FORMS if len(payload) <= form), None)
    if form is None:
        raise PayloadError(f"a payload has at most {FORMS[-1]} bytes")
    body = payload.ljust(form, b"\0")
    word = bytes(RSCodec(_PARITY).encode(body + _check(body)))
    return np.unpackbits(np.frombuffer(word, np.uint8)).astype(np.bool_)


def decode(sums: NDArray[np.float64]) -> Word | None:
    """The word that ``sums`` say (one a bit: above zero for 1, the farther the surer), None where they say none."""
    form = len(sums) // 8 - _CHECK - _PARITY
    said = np.packbits(sums > 0)
    sure = np.abs(sums).reshape(-1, 8).min(axis=1)
    order = [int(at) for at in np.argsort(sure, kind="stable")]
    for body in _attempts(said.tobytes(), order):
        payload = body[:form].rstrip(b"\0")
        if len(body) == form + _CHECK and body[form:] == _check(body[:form]) and payload:
            bits = encode(payload)
            if len(bits) == len(sums):
                wrong = int(np.count_nonzero(np.packbits(bits) != said))
                return Word(payload, bits, wrong)
    return None


def _attempts(word: bytes, least_sure: list[int]) -> Iterator[bytes]:
    from reedsolo import ReedSolomonError, RSCodec

    codec = RSCodec(_PARITY)
    for erased in _ERASED:
        try:
            yield bytes(codec.decode(word, erase_pos=least_sure[:erased])[0])
        except ReedSolomonError:
            continue


def _check(body: bytes) -> bytes:
    return (zlib.crc32(body) & 0xFFFFFF).to_bytes(_CHECK, "big")


def spread(cells: int, bits: int) -> tuple[NDArray[np.int64], Flags]:
    """Which of ``bits`` each of ``cells`` carries, and whether it carries its opposite.

    Each run of ``bits`` cells carries all of them once, in an order of its own: a subject in the middle holds them all, and
    neither a flat field nor a pattern says anything.
    """
    runs = -(-cells // bits)
    number = np.arange(runs * bits, dtype=np.uint64)
    order = np.argsort(_mixed(number, _SPREAD).reshape(runs, bits), axis=1, kind="stable")
    return order.ravel()[:cells].astype(np.int64), (_mixed(number, _WHITE)[:cells] & np.uint64(1)).astype(np.bool_)


def _mixed(number: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Numbers that look random, the same on every platform (the finaliser of SplitMix64: Steele, Lea, Flood 2014)."""
    with np.errstate(over="ignore"):
        z = (number + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
