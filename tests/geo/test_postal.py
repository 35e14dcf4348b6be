import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.errors import Defect, Rejected
from lalert.geo import boundaries, codes, postal

# Municipalities of the embedded set that no postal code leads to, and why.
WITHOUT = {codes.NORTHERN_TERRITORIES: "nobody can receive mail there"}

SEVEN = st.integers(0, 9_999_999).map(lambda number: f"{number:07}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the embedded table."""
    for name in (postal.DATA, postal.SOURCE):
        shutil.copy(postal.EMBEDDED / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1000001", ("131016",)),  # 千代田区千代田
        ("100-8111", ("131016",)),  # 宮内庁: an office with a code of its own
        ("060-8588", ("011002",)),  # 北海道庁: the ward has no shape in the set, so the city
        ("900-0015", ("472018",)),  # 那覇市
        ("602-8570", ("261025",)),  # 京都府庁: a ward that the set has
        ("432-0000", ("221309",)),  # three wards of 浜松市 that came in 2024 and have no shape
        ("100-2211", ("134210",)),  # 小笠原村母島
        ("985-0000", ("042030", "042099", "044041")),  # one code, three municipalities
        ("498-0000", ("232351", "243035")),  # even across a prefecture's border
    ],
)
def test_known_codes(text: str, expected: tuple[str, ...]) -> None:
    """A postal code gives every municipality that it touches, as the boundary set holds them."""
    assert postal.load().municipalities(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1000001",
        "100-0001",
        "〒100-0001",
        " 〒 100-0001 ",
        "１００－０００１",
        "１００ー０００１",
        "100−0001",
        "100‐0001",
        "100ｰ0001",
    ],
)
def test_every_spelling_is_the_same_code(text: str) -> None:
    """With or without hyphen, mark and width: people type it as their keyboard does."""
    assert postal.maybe_seven_digits(text) == "1000001"
    assert postal.load().municipalities(text) == ("131016",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "100",
        "100000",
        "10000011",
        "1000-001",
        "100--0001",
        "131016",
        "千代田",
        "100-000a",
        "١٠٠٠٠٠١",
        "1000001\n1",
        " " * 40 + "1000001",
    ],
)
def test_what_is_no_postal_code_is_told(text: str) -> None:
    """Another form is refused, with what was found and what would be right."""
    assert postal.maybe_seven_digits(text) is None
    with pytest.raises(Rejected) as refused:
        postal.load().municipalities(text, path="/postal/0")
    (finding,) = refused.value.findings
    assert (refused.value.code, finding.code, finding.path) == ("postal.form", "postal.form", "/postal/0")
    assert "100-0001" in finding.advice.ja


@pytest.mark.parametrize("text", ["0000000", "999-9999", "100-0099"])
def test_a_code_that_is_not_in_use_is_told(text: str) -> None:
    """Never the neighbouring code: before the first, after the last and between two."""
    with pytest.raises(Rejected) as refused:
        postal.load().municipalities(text)
    assert refused.value.code == refused.value.findings[0].code == "postal.unknown"
    assert "-" in refused.value.message.ja
    assert postal.read()[1].version in refused.value.message.ja


def test_all_lead_into_the_boundary_set_and_everywhere() -> None:
    """Every answer is a municipality of the set, and every municipality but the explained ones has a postal code."""
    table, japan = postal.load(), boundaries.load()
    held = {place.code for place in japan.municipalities}
    answered = {code for number in set(table.numbers.tolist()) for code in table.municipalities(f"{number:07}")}
    assert held - answered == set(WITHOUT)
    assert answered <= held


def test_the_table_says_where_it_comes_from() -> None:
    """Version, source, licence and credit travel with it; it is small and as large as it says."""
    table, source = postal.read()
    assert "日本郵便" in source.source
    assert "日本郵便" in source.credit
    assert "著作権を主張せず" in source.licence
    assert source.counts["pairs"] == len(table.numbers) == len(table.owners)
    assert source.counts["postal_codes"] == len(set(table.numbers.tolist()))
    assert source.counts["municipalities"] == len(table.codes)
    assert (postal.EMBEDDED / postal.DATA).stat().st_size < 300_000


@given(st.sets(st.tuples(SEVEN, st.sampled_from(["011002", "131016", "261025", "472018"])), min_size=1))
def test_packing_loses_nothing(pairs: set[tuple[str, str]]) -> None:
    """Any table reads back as what was packed, the same bytes each time, and answers exactly its pairs."""
    data = postal.encode(postal.table_of(pairs))
    assert data == postal.encode(postal.table_of(sorted(pairs)))
    again = postal.decode(data)
    for seven in {seven for seven, _ in pairs}:
        assert again.municipalities(seven) == tuple(sorted(code for one, code in pairs if one == seven))
    assert len(again.numbers) == len(pairs)


def test_a_table_is_read_where_it_was_written(tmp_path: Path) -> None:
    """Written into a folder that is not there yet, read back with its source."""
    data, source = (postal.EMBEDDED / postal.DATA).read_bytes(), postal.read()[1]
    postal.write(tmp_path / "new", data, source)
    table, told = postal.read(tmp_path / "new")
    assert told == source
    assert table.version == source.version


def test_a_tampered_table_is_refused(folder: Path) -> None:
    """One changed byte could subscribe somebody to another town."""
    data = bytearray((folder / postal.DATA).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / postal.DATA).write_bytes(data)
    with pytest.raises(Defect) as refused:
        postal.read(folder)
    assert refused.value.code == "postal.damaged"
    (folder / postal.SOURCE).unlink()
    with pytest.raises(Defect):
        postal.read(folder)
