"""Municipality codes (全国地方公共団体コード): spellings, the check digit, and codes that mergers ended.

Inside the house a municipality is its six digits with the check digit and a prefecture its two (JIS X 0401). JMA's
seven-digit 市町村等 codes are the first five digits and two of JMA's own.
"""

from __future__ import annotations

import tomllib
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib import resources

from lalert.errors import Finding, Text
from lalert.geo import faults

# The six villages of the Northern Territories come as one area, which has no official code. This one ends in a check
# digit that no official code can have (016951 is 色丹村), so it can never be mistaken for one of them.
NORTHERN_TERRITORIES = "016950"

_DIGITS = frozenset("0123456789")


@dataclass(frozen=True, slots=True)
class Change:
    """A code that ended on `on`, and the codes and names of what its area belongs to since."""

    on: date
    code: str
    name: str
    successors: tuple[tuple[str, str], ...]


def check_digit(five: str) -> str:
    """Return the check digit of a five-digit code (総務省: weights 6 to 2, modulus 11)."""
    total = sum(weight * int(digit) for weight, digit in zip(range(6, 1, -1), five, strict=True))
    return str((11 - total % 11) % 10)


@lru_cache(maxsize=8_192)
def with_check_digit(five: str) -> str:
    """Return the six-digit code of a five-digit one."""
    return five + check_digit(five)


def normalise(text: str, *, path: str = "") -> str:
    """Return the house's spelling of a code: six digits for a municipality, two for a prefecture.

    Takes 2 digits (prefecture), 5 or 6 (municipality, or prefecture as 13000 and 130001), 7 (JMA 市町村等: the
    municipality that it lies in), full-width digits and surrounding white space. Whether the code exists is the
    boundary set's business. Raises Rejected `area.code_format` or `area.check_digit`.
    """
    code = unicodedata.normalize("NFKC", text[:40]).strip()
    if not _DIGITS.issuperset(code) or len(code) not in (2, 5, 6, 7) or not is_prefecture(code[:2]):
        raise faults.refusal([_misspelt(text, path)])
    if len(code) == 6:
        _verify(code, path)
    return code[:2] if code[2:5] in ("", "000") else _full(code)


def is_prefecture(code: str) -> bool:
    """Whether `code` is one of the two-digit codes 01 to 47."""
    return len(code) == 2 and _DIGITS.issuperset(code) and "01" <= code <= "47"


def maybe_change(code: str) -> Change | None:
    """Return what became of a six-digit code that was abolished, or None."""
    return changes().get(code)


@cache
def changes() -> dict[str, Change]:
    """Return every abolished code that we know, by its six digits."""
    table = tomllib.loads(resources.files("lalert.geo").joinpath("data/changes.toml").read_text(encoding="utf-8"))
    return {
        code: Change(on=row["date"], code=code, name=name, successors=tuple(row["new"].items()))
        for row in table["change"]
        for code, name in row["old"].items()
    }


def _full(code: str) -> str:
    return code if len(code) == 6 else with_check_digit(code[:5])


def _verify(code: str, path: str) -> None:
    right = with_check_digit(code[:5])
    if code not in (right, NORTHERN_TERRITORIES):
        message = Text(
            f"地方公共団体コード {code} の検査数字(末尾の1桁)が誤っています。正しくは {right} です。",
            f"The check digit of municipality code {code} is wrong; {right} would be right.",
        )
        advice = Text(
            f"意図した市区町村のコードが {right} かどうかを確かめ、コードを打ち直してください。",
            f"Make sure that {right} is the municipality you mean, then enter the code again.",
        )
        raise faults.refusal([faults.fault("check_digit", faults.GEOCODE, message, advice, path=path, found=code)])


def _misspelt(text: str, path: str) -> Finding:
    message = Text(
        "地域コードの形式が誤っています。",
        "This is not the form of an area code.",
    )
    advice = Text(
        "市区町村は6桁(検査数字つき)、都道府県は2桁、気象庁の市町村等コードは7桁の数字で指定してください。",
        "Give six digits for a municipality (with its check digit), two for a prefecture, seven for a JMA code.",
    )
    return faults.fault("code_format", faults.GEOCODE, message, advice, path=path, found=text)
