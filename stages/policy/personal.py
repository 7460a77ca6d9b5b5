"""Personal data and web addresses in a text: e-mail, telephone, card and bank account numbers, links."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.)+([^\W\d_]{2,24})(?!\w)")
# Domains that RFC 2606 and RFC 6761 keep for examples belong to nobody.
_EXAMPLE = re.compile(r"@(?:[\w-]+\.)*(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)$", re.IGNORECASE)
_DIGITS = re.compile(r"(?<![\w.,])(?:\+|\(?00)?[\d(][\d ().\-/]{6,30}\d(?![\w,]|\.\d)")
_THOUSANDS = re.compile(r"^\d{1,3}(?:([ .])\d{3})(?:\1\d{3})*$")
_DATE = re.compile(r"^(?:\d{4}[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ]\d{2,4})(?:\D.*)?$")
_ADDRESS = re.compile(r"^\d{1,3}(?:\.\d{1,3}){3}$")
_YEARS = re.compile(r"^(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d$")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?!\w)")
_LINK = re.compile(
    r"(?<![\w@])(?:[a-z][a-z0-9+.-]{1,15}://\S+|www\.[\w-]+\.\S+"
    r"|(?:[\w-]+\.)+(?:com|org|net|info|biz|shop|online|site|xyz|app|dev|co|eu|de|fr|es|br|ru|cn|uk|us|jp)(?![\w.-]*\w)\S*)",
    re.IGNORECASE,
)


def personal(text: str) -> list[str]:
    """Kinds of personal data in ``text``, named without repeating the data itself."""
    plain = unicodedata.normalize("NFKC", text)
    found = []
    if any(not _EXAMPLE.search(match.group()) for match in _EMAIL.finditer(plain)):
        found.append("an e-mail address")
    found += _numbers(plain)
    if any(is_iban(match.group()) for match in _IBAN.finditer(plain)):
        found.append("a bank account number")
    return list(dict.fromkeys(found))


def links(text: str) -> list[str]:
    """Web addresses in ``text``. Names such as "Node.js" and file names are none."""
    return [match.group()[:60] for match in _LINK.finditer(unicodedata.normalize("NFKC", text))]


def _numbers(text: str) -> Iterator[str]:
    for match in _DIGITS.finditer(text):
        written = match.group().strip()
        digits = re.sub(r"\D", "", written)
        if 13 <= len(digits) <= 19 and is_card(digits):
            yield "a payment card number"
        elif _is_phone(written, digits):
            yield "a telephone number"


def _is_phone(written: str, digits: str) -> bool:
    """Whether it is written as a telephone number: "+" or "00" before it, a code in brackets, or three or more groups."""
    if not 8 <= len(digits) <= 15 or any(p.match(written) for p in (_THOUSANDS, _DATE, _ADDRESS, _YEARS)):
        return False
    if written.startswith(("+", "00", "(")):
        return True
    groups = re.split(r"[ ().\-/]+", written)
    return len(groups) >= 3 and len(digits) >= 9 and all(2 <= len(group) <= 5 for group in groups)


def is_card(digits: str) -> bool:
    """Whether a row of digits has a payment card's check digit (ISO/IEC 7812-1, Luhn) and is not one digit repeated."""
    doubled = [int(digit) * (2 if at % 2 else 1) for at, digit in enumerate(reversed(digits))]
    return len(set(digits)) > 1 and sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether ``text`` is an account number with right check digits (ISO 13616, mod 97)."""
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1
