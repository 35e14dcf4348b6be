"""Sentences in narrow cells: nothing left out, nothing torn where Japanese must not be."""

from __future__ import annotations

import io
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from lalert.cli.prose import Prose, lines_of

ADVICE = "「避難勧告」は廃止された名称です。geocode の種類 FIPS6 の区域は、境界データ（JMA:tsunami など）にありません。"


def solid(text: str) -> str:
    """Return `text` without its blanks."""
    return "".join(text.split())


@given(st.text(alphabet="あー。「（）漢字、abc.12 \n"), st.integers(2, 60))
def test_nothing_is_left_out(text: str, width: int) -> None:
    """Whatever the width, every character is there, in its order, on lines that fit."""
    lines = list(lines_of(text, width))
    assert solid("".join(lines)) == solid(text)
    assert all(cell_len(line) <= width for line in lines)


def test_lines_break_as_japanese_does() -> None:
    """No line begins with a stop or a closing bracket or ends with an opening one; Latin words stay whole."""
    for width in range(20, 60):
        lines = list(lines_of(ADVICE, width))
        assert not any(line[0] in "。、」）ー" or line[-1] in "「（" for line in lines)
        assert all(any(word in line for line in lines) for word in ("geocode", "FIPS6", "JMA:tsunami"))


def test_table_shows_all_of_it() -> None:
    """In a table of 40 columns a long Japanese clause is whole; rich by itself cuts it with an ellipsis."""
    shown = io.StringIO()
    table = Table("行", "内容", box=None)
    table.add_row("1", Prose(ADVICE))
    Console(file=shown, width=40).print(table)
    assert "…" not in shown.getvalue()
    assert solid(ADVICE) in solid(shown.getvalue())
    assert all(
        sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in line) <= 40 for line in shown.getvalue().splitlines()
    )
