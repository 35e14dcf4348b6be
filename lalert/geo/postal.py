"""Postal codes: which municipalities the addresses of one lie in. A resident knows it by heart, a position he does not.

A code is a delivery district and may reach into several municipalities: all are answered. A ward of a designated city
that the boundary set has no shape of is answered with its city: that is where the resident lives, and no alert is
widened by it. The table is packed into `postal.npz`, with `postal.toml` beside it.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from lalert.errors import Defect, Finding, Rejected, Severity, Text, rejected
from lalert.geo import source as files
from lalert.geo.source import Source

DATA: Final = "postal.npz"
SOURCE: Final = "postal.toml"
EMBEDDED: Final = Path(__file__).parent / "data"

_MOST_CHARACTERS: Final = 40
# Japanese keyboards have many a hyphen; the last is the mark of a long vowel, which shares their key.
_FORM: Final = re.compile(r"〒? *([0-9]{3})[-‐‑‒–—―−ー]?([0-9]{4})", re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class PostalTable:
    """Pairs of postal code and municipality, sorted: `numbers` (codes as numbers), `owners` (rows of `codes`)."""

    codes: tuple[str, ...]
    numbers: npt.NDArray[np.int32]
    owners: npt.NDArray[np.int32]
    version: str = ""

    def municipalities(self, text: str, *, path: str = "") -> tuple[str, ...]:
        """Return the six-digit codes of all municipalities that a postal code touches, sorted.

        Takes seven digits with or without hyphen and 〒, full-width too. Raises Rejected `postal.form` or
        `postal.unknown`; `path` says where the text stands.
        """
        seven = maybe_seven_digits(text)
        if seven is None:
            raise _refused("postal.form", _FORMLESS, text, path)
        wanted = np.int32(int(seven))  # of the column's own type: another would have the column copied
        first, last = (int(np.searchsorted(self.numbers, wanted, side)) for side in ("left", "right"))
        if first == last:
            raise _refused("postal.unknown", _unknown(seven, self.version), text, path)
        return tuple(self.codes[row] for row in self.owners[first:last])


def maybe_seven_digits(text: str) -> str | None:
    """Return the seven digits of what has the form of a postal code, or None; whether it is in use is not asked."""
    if len(text) > _MOST_CHARACTERS:
        return None
    found = _FORM.fullmatch(unicodedata.normalize("NFKC", text).strip())
    return found[1] + found[2] if found else None


def table_of(pairs: Collection[tuple[str, str]]) -> PostalTable:
    """Return the table of (postal code, municipality) pairs; repeated ones count once."""
    codes = tuple(sorted({code for _, code in pairs}))
    rows = {code: row for row, code in enumerate(codes)}
    ranked = sorted({(int(seven), rows[code]) for seven, code in pairs})
    numbers, owners = np.array(ranked, dtype=np.int32).T
    return PostalTable(codes, numbers, owners)


def encode(table: PostalTable) -> bytes:
    """Return the bytes of the data file: both columns as differences, which are mostly 1 and 0."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        codes=np.array([int(code) for code in table.codes], dtype="<u4"),
        numbers=np.diff(table.numbers, prepend=np.int32(0)).astype("<i4"),
        owners=np.diff(table.owners, prepend=np.int32(0)).astype("<i2"),
    )
    return buffer.getvalue()


def decode(data: bytes, version: str = "") -> PostalTable:
    """Return the table in the bytes of a data file."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        codes = tuple(f"{code:06}" for code in arrays["codes"].tolist())
        numbers, owners = (np.cumsum(arrays[name], dtype=np.int32) for name in ("numbers", "owners"))
    return PostalTable(codes, numbers, owners, version)


def write(folder: Path, data: bytes, source: Source) -> None:
    """Write the table into `folder`."""
    files.write(data, source, data_path=folder / DATA, source_path=folder / SOURCE)


def read(folder: Path = EMBEDDED) -> tuple[PostalTable, Source]:
    """Return the table in `folder`. Raises Defect when it is absent or not what its source says."""
    data, source = files.read(folder / DATA, folder / SOURCE, damaged=lambda why: _damaged(folder, why))
    return decode(data, source.version), source


@cache
def load() -> PostalTable:
    """Return the embedded table. Read at the first question, then shared."""
    return read()[0]


# --- mistakes -----------------------------------------------------------------------------------------------------

_FORMLESS: Final = (
    Text("郵便番号の形が誤っています。", "This is not the form of a postal code."),
    Text("7桁の数字で指定してください（例: 100-0001、1000001）。", "Give seven digits: 100-0001 or 1000001."),
)


def _unknown(seven: str, version: str) -> tuple[Text, Text]:
    spelt = f"{seven[:3]}-{seven[3:]}"
    return (
        Text(
            f"郵便番号 {spelt} は郵便番号データ（{version}）にありません。",
            f"There is no postal code {spelt} ({version}).",
        ),
        Text(
            "番号を確かめてください。新しい番号のときは、市区町村の名前かコードで指定してください。",
            "Check the digits. If the code is a new one, name the municipality instead.",
        ),
    )


def _refused(code: str, said: tuple[Text, Text], found: str, path: str) -> Rejected:
    message, advice = said
    finding = Finding(
        code=code, severity=Severity.ERROR, message=message, advice=advice, path=path, found=found[:_MOST_CHARACTERS]
    )
    return rejected([finding], code=code, message=message)


def _damaged(folder: Path, why: str) -> Defect:
    message = Text(
        f"郵便番号データ({folder})が壊れているか、ありません。({why})",
        f"The table of postal codes in {folder} is damaged or absent ({why}).",
    )
    return Defect(message, code="postal.damaged")
