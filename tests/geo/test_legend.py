import pytest
import shapely

from lalert.errors import Rejected
from lalert.geo import schemes
from lalert.geo.legend import Fields, six_digits, understood
from tests.geo.conftest import drawing_of, sheet_of

BOX = shapely.box(139, 35, 140, 36)
LINE = shapely.LineString([(139, 35), (140, 36)])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("13101", "131016"),
        ("131016", "131016"),
        ("1101", "011011"),
        ("1101.0", "011011"),
        ("131017", None),
        ("004100", None),
        ("13000", None),
        ("99101", None),
        ("1310100", None),
        ("DE123", None),
        ("", None),
        (None, None),
    ],
)
def test_codes_of_files_become_six_digits(text: str | None, code: str | None) -> None:
    """Five digits or six; a lost zero comes back; what has a wrong check digit is no code."""
    assert six_digits(text) == code


def test_wards_stand_where_their_year_puts_them() -> None:
    """Until 2023 in N03_004 beside the city in N03_003, since then in N03_005."""
    columns = {
        "N03_001": ["北海道", "北海道", "福島県", "東京都"],
        "N03_003": ["札幌市", None, "石川郡", None],
        "N03_004": ["中央区", "札幌市", "石川町", "所属未定地"],
        "N03_005": [None, "北区", None, None],
        "N03_007": ["01101", "01102", "07501", "13000"],
    }
    drawing = drawing_of(columns, [BOX] * 4)
    assert drawing.names == ("札幌市中央区", "札幌市北区", "石川町", "所属未定地")
    assert drawing.codes == ("011011", "011029", "075019", None)
    assert drawing.homes[2] == "福島県"
    assert drawing.authority == "国土数値情報(国土交通省)"


def test_layers_of_prefectures_are_no_municipalities() -> None:
    """The ministry's zips hold them beside the municipalities."""
    assert understood(sheet_of({"N03_001": ["東京都"], "N03_007": ["13000"]}, [BOX]), Fields()) is None


@pytest.mark.parametrize(
    ("label", "code", "shape", "kind"),
    [
        ("AreaTsunami_GIS", "330", LINE, schemes.TSUNAMI),
        ("AreaForecastLocalEEW_GIS", "9011", BOX, schemes.EEW),
        ("AreaForecastLocalM_1saibun_GIS", "130010", BOX, schemes.CLASS10),
        ("20240101.zip: 市町村等をまとめた地域等", "130011", BOX, schemes.CLASS15),
    ],
)
def test_the_jmas_sheets_are_told_apart(label: str, code: str, shape: shapely.Geometry, kind: str) -> None:
    """By lines, by the number of digits, by the name of the file."""
    drawing = understood(sheet_of({"code": [code, "0"], "name": ["a", "b"]}, [shape, None], label), Fields())
    assert drawing is not None
    assert (drawing.kind, drawing.codes) == (kind, (code, None))


def test_warning_areas_have_columns_of_their_own() -> None:
    """市町村等 come as regioncode and regionname."""
    columns = {"regioncode": ["2213001"], "regionname": ["浜松市南部"], "name": ["x"]}
    assert drawing_of(columns, [BOX]).kind == schemes.CLASS20


def test_an_operator_names_the_columns_of_other_files() -> None:
    """Japan's codes are recognised; another country's stay as they are."""
    named = Fields(code="CODE", name="Name")
    japan = drawing_of({"code": ["13101", "x"], "NAME": ["千代田区", None]}, [BOX, BOX], named)
    assert (japan.is_japan, japan.codes, japan.names) == (True, ("131016", None), ("千代田区", ""))
    abroad = drawing_of({"code": ["DE-11", "a b"], "name": ["Berlin", "?"]}, [BOX, BOX], named)
    assert (abroad.is_japan, abroad.codes) == (False, ("DE-11", None))
    eew = drawing_of({"code": ["9011"], "name": ["道央"]}, [BOX], Fields(code="code", name="name", kind=schemes.EEW))
    assert eew.kind == schemes.EEW


@pytest.mark.parametrize(
    ("columns", "fields"),
    [
        ({"a": ["1"], "b": ["2"]}, Fields()),
        ({"code": ["130010"], "name": ["東京地方"]}, Fields()),
        ({"code": ["13101"], "name": ["x"]}, Fields(code="cod", name="name")),
        ({"code": ["13101"], "name": ["x"]}, Fields(code="code")),
        ({}, Fields()),
    ],
)
def test_what_cannot_be_told_is_asked(columns: dict[str, list[str]], fields: Fields) -> None:
    """Unknown columns, an unnamed one, 一次細分 under another name: the refusal says which options help."""
    with pytest.raises(Rejected) as refused:
        understood(sheet_of(columns, [BOX] * len(next(iter(columns.values()), []))), fields)
    assert refused.value.code == "boundaries.columns"
