import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.errors import Rejected
from lalert.geo import codes

RIGHT = ["011002", "131016", "282103", "042021", "401005", "271004", "111015", "362018"]


def faults_of(text: str) -> list[str]:
    """The codes of the refusal of `text`."""
    with pytest.raises(Rejected) as refused:
        codes.normalise(text, path="/here")
    assert {finding.path for finding in refused.value.findings} == {"/here"}
    return [finding.code for finding in refused.value.findings]


@pytest.mark.parametrize("code", RIGHT)
def test_official_codes_are_right(code: str) -> None:
    """Published codes of the ministry have the check digit that we compute."""
    assert codes.with_check_digit(code[:5]) == code
    assert codes.normalise(code) == code


@given(st.integers(1, 47), st.integers(1, 999), st.integers(1, 9))
def test_no_wrong_check_digit_passes(prefecture: int, number: int, shift: int) -> None:
    """Each of the nine other last digits is refused, and the right one is named."""
    right = codes.with_check_digit(f"{prefecture:02}{number:03}")
    wrong = right[:5] + str((int(right[5]) + shift) % 10)
    if wrong == codes.NORTHERN_TERRITORIES:
        return
    with pytest.raises(Rejected) as refused:
        codes.normalise(wrong)
    assert refused.value.code == "area.check_digit"
    assert right in refused.value.findings[0].message.ja
    assert right in refused.value.findings[0].message.en


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("13101", "131016"),
        (" 131016\n", "131016"),
        ("1310100", "131016"),
        ("2213001", "221309"),
        ("１３１０１６", "131016"),  # full-width, as Japanese input methods write
        ("13", "13"),
        ("13000", "13"),
        ("130001", "13"),
        ("016950", codes.NORTHERN_TERRITORIES),
    ],
)
def test_every_spelling_of_a_code_becomes_one(text: str, code: str) -> None:
    """Five, six and seven digits, prefectures and full-width digits have one spelling inside the house."""
    assert codes.normalise(text) == code


@pytest.mark.parametrize(
    "text", ["", "千代田区", "1310", "00", "48", "480001", "13101６x", "9" * 400, "131.16", "٣٣١٠١"]
)
def test_what_is_no_code_is_refused(text: str) -> None:
    """Anything but 2, 5, 6 or 7 digits of a prefecture 01-47 is refused with its form explained."""
    assert faults_of(text) == ["area.code_format"]


def test_abolished_codes_name_their_successors() -> None:
    """A code that a new ward or a merger ended is answered with what its area is now."""
    change = codes.maybe_change("221350")
    assert change is not None
    assert change.on.isoformat() == "2024-01-01"
    assert [code for code, _ in change.successors] == ["221384", "221392"]
    assert codes.maybe_change("131016") is None


def test_the_table_of_changes_is_sound() -> None:
    """Every code in the table has its check digit, and no successor is itself abolished."""
    table = codes.changes()
    listed = [*table, *(code for change in table.values() for code, _ in change.successors)]
    assert all(codes.with_check_digit(code[:5]) == code for code in listed)
    assert not any(code in table for change in table.values() for code, _ in change.successors)
