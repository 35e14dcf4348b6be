"""Faults: everything that can be wrong with an area, worded once, in Japanese and in English.

`lalert.geo` raises `Rejected` with these findings, or hands warnings back beside the area. Codes are stable.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from lalert.errors import Finding, Rejected, Severity, Text, rejected

AREA = "CAP 1.2 §3.2.4 area"
POLYGON = "CAP 1.2 §3.2.4 polygon"
CIRCLE = "CAP 1.2 §3.2.4 circle"
GEOCODE = "CAP 1.2 §3.2.4 geocode"

_FOUND_LIMIT = 80


def fault(code: str, clause: str, message: Text, advice: Text, *, path: str, found: str = "") -> Finding:
    """Return an error of the area: `code` without its `area.` prefix."""
    return _finding(code, clause, message, advice, path, found, Severity.ERROR)


def caution(code: str, clause: str, message: Text, advice: Text, *, path: str, found: str = "") -> Finding:
    """Return a warning of the area: the message goes out, and its sender should know this."""
    return _finding(code, clause, message, advice, path, found, Severity.WARNING)


def refusal(findings: Sequence[Finding]) -> Rejected:
    """Return the rejection that lists `findings`; the first error names it."""
    code = next(found.code for found in findings if found.severity is Severity.ERROR)
    message = Text(
        "対象地域を確定できないため、受け付けられません。", "The area cannot be resolved, so the message is refused."
    )
    return rejected(findings, code=code, message=message)


def unknown_code(code: str, path: str) -> Finding:
    """A code in the right form that is no municipality, prefecture or JMA area of the boundary set."""
    message = Text(f"コード {code} の地域は境界データにありません。", f"There is no area with code {code}.")
    advice = Text(
        "コードを確かめてください。該当が無いまま送ると、どこにも届きません。",
        "Check the code; lalert never guesses which area was meant.",
    )
    return fault("code_unknown", GEOCODE, message, advice, path=path, found=code)


def abolished(code: str, name: str, on: date, successors: Sequence[tuple[str, str]], path: str) -> Finding:
    """A code that a merger or a new ward ended."""
    now = "、".join(f"{successor}({title})" for successor, title in successors)
    message = Text(
        f"コード {code}({name})は {on.year}年{on.month}月{on.day}日に廃止されました。現在は {now} です。",
        f"Code {code} ({name}) was abolished on {on.isoformat()}; its area now belongs to {now}.",
    )
    advice = Text(
        "現在のコードで送り直してください。区域が変わった場合は、対象の範囲を確かめてください。",
        "Send again with the code in force, and make sure that its area is the one you mean.",
    )
    return fault("code_abolished", GEOCODE, message, advice, path=path, found=code)


def ward_without_shape(code: str, name: str, path: str) -> Finding:
    """A ward of a designated city whose shape this boundary set lacks: never widened to its city."""
    message = Text(
        f"{name}({code})は、現在の境界データに行政区の境界が無いため使えません。",
        f"The boundary set in use has no shape of the ward {name} ({code}).",
    )
    advice = Text(
        "区の範囲を polygon で示すか、管理者に行政区を含む境界データの取込みを依頼してください。"
        "市全域に広げて配信することはしません。",
        "Draw the ward as a polygon, or have boundary data with wards imported. A ward is never widened to its city.",
    )
    return fault("ward_unavailable", GEOCODE, message, advice, path=path, found=code)


def no_area(path: str) -> Finding:
    """Nothing says where: never read as everywhere."""
    message = Text(
        "対象地域を示す polygon・circle・geocode がありません。",
        "No polygon, circle or geocode says where this holds.",
    )
    advice = Text(
        "市区町村コード(JISX0402)か polygon で対象地域を指定してください。areaDesc だけでは配信先を決められません。",
        "Give a municipality code (JISX0402) or a polygon; the words of areaDesc alone reach nobody.",
    )
    return fault("missing", AREA, message, advice, path=path)


def too_much(what: Text, count: int, limit: int, path: str) -> Finding:
    """More vertices, geocodes or shapes than one message may carry."""
    message = Text(
        f"{what.ja}が多すぎます({count:,}。上限 {limit:,})。", f"Too many {what.en}: {count:,}, the limit is {limit:,}."
    )
    advice = Text(
        "形を簡略にするか、市区町村コードで指定してください。",
        "Simplify the shape, or name municipalities by their codes.",
    )
    return fault("too_large", AREA, message, advice, path=path, found=str(count))


def ring_short(count: int, path: str) -> Finding:
    """Fewer than three distinct points enclose nothing."""
    message = Text(
        f"polygon の異なる頂点が {count} 個しかなく、面になりません。",
        f"The polygon has {count} distinct points and encloses nothing.",
    )
    advice = Text(
        "異なる頂点を3個以上並べ、最後に最初の点をもう一度書いてください。",
        "Give at least three distinct points, then the first one again.",
    )
    return fault("ring_short", POLYGON, message, advice, path=path)


def ring_open(first: str, last: str, path: str) -> Finding:
    """The last point is not the first: points may have been lost on the way."""
    message = Text(
        "polygon が閉じていません(最初と最後の点が異なります)。",
        "The polygon is not closed: first and last point differ.",
    )
    advice = Text(
        "最後に最初と同じ点を書いてください。途中で頂点が欠けていないかも確かめてください。",
        "End with the first point, and make sure that none was lost on the way.",
    )
    return fault("ring_open", POLYGON, message, advice, path=path, found=f"{first} … {last}")


def ring_crossing(where: str, path: str) -> Finding:
    """An outline that crosses itself says two different areas."""
    message = Text(
        f"polygon の線が自分自身と交わっています(緯度,経度 {where} 付近)。",
        f"The outline of the polygon crosses itself near lat,lon {where}.",
    )
    advice = Text(
        "頂点を外周に沿って順に並べ直してください。離れた区域は polygon を分けてください。",
        "List the points in order along the outline; use one polygon for each separate area.",
    )
    return fault("ring_crossing", POLYGON, message, advice, path=path, found=where)


def swapped(found: str, clause: str, path: str) -> Finding:
    """Longitude stands where latitude belongs: as given, the place is not on earth; turned round, it is in Japan."""
    message = Text(
        "緯度と経度が逆です。入れ替えると日本の位置になります。",
        "Latitude and longitude are swapped: turned round, the position lies in Japan.",
    )
    advice = Text(
        "CAP では「緯度,経度」の順に書きます(例: 35.68,139.76)。",
        "CAP writes latitude first: 35.68,139.76.",
    )
    return fault("swapped", clause, message, advice, path=path, found=found)


def out_of_range(found: str, clause: str, path: str) -> Finding:
    """A position that is not on the earth."""
    message = Text(
        "緯度は -90〜90、経度は -180〜180 の数でなければなりません。",
        "Latitude must be -90 to 90 and longitude -180 to 180.",
    )
    advice = Text("座標を確かめてください。", "Check the coordinates.")
    return fault("coordinate", clause, message, advice, path=path, found=found)


def radius(found: str, limit_km: float, path: str) -> Finding:
    """A radius that no warning in Japan can have: most likely metres where kilometres belong."""
    message = Text(
        f"circle の半径は 0〜{limit_km:,.0f} キロメートルです。",
        f"A circle's radius must be 0 to {limit_km:,.0f} kilometres.",
    )
    advice = Text(
        "半径の単位はキロメートルです。メートルで書いていないか確かめてください。",
        "The unit is kilometres; check that it is not given in metres.",
    )
    return fault("radius", CIRCLE, message, advice, path=path, found=found)


def antimeridian(clause: str, path: str) -> Finding:
    """A shape across 180 degrees: its meaning is ambiguous, and Japan is nowhere near."""
    message = Text("形が経度180度の線をまたいでいます。", "The shape crosses the line of 180 degrees longitude.")
    advice = Text(
        "経度の符号と桁を確かめてください。またぐ場合は東西に分けてください。",
        "Check sign and digits of the longitudes; split the shape if it is meant to cross.",
    )
    return fault("antimeridian", clause, message, advice, path=path)


def outside_japan(path: str) -> Finding:
    """The whole area lies on no municipality's land."""
    message = Text("この形は日本のどの市区町村にもかかっていません。", "This shape meets no municipality of Japan.")
    advice = Text(
        "座標(緯度,経度の順と桁)を確かめてください。海域だけの形は使えません。対象となる沿岸の市区町村を指定してください。",
        "Check order and digits of the coordinates. The open sea alone is no area: name the coast's municipalities.",
    )
    return fault("outside_japan", AREA, message, advice, path=path)


def unsupported(names: Sequence[str], path: str) -> Finding:
    """A block whose only statement of place is a geocode that the boundary set has no shapes for."""
    listed = "、".join(names)
    message = Text(
        f"geocode の種類 {listed} の区域は、使用中の境界データにありません。ほかに対象地域を示すものもありません。",
        f"The boundary set in use has no areas for {', '.join(names)}, and nothing else says where this holds.",
    )
    advice = Text(
        "JISX0402(市区町村)、JMA:class20、JMA:class10、MESH のいずれか、または polygon・circle で指定してください。"
        "気象庁の区域(JMA:tsunami など)は、管理者が気象庁の GIS データを取り込むと使えます。",
        "Use JISX0402, JMA:class20, JMA:class10 or MESH, or draw a polygon or circle. "
        "Other areas of the JMA (JMA:tsunami) can be used once the operator has imported its GIS data.",
    )
    return fault("geocode_unsupported", GEOCODE, message, advice, path=path, found=listed)


def group_unknown(name: str, known: Sequence[str], broken: Text | None, path: str) -> Finding:
    """A named area that the operator has not defined: never guessed, never left out."""
    message = Text(f"「{name[:80]}」という名前の地域は登録されていません。", f"No area is called {name[:80]!r} here.")
    listed = "、".join(known[:10]) or "-"
    advice = Text(
        f"名前を確かめるか、市区町村コードまたは polygon で指定してください。登録済み: {listed}",
        f"Check the name, or give municipality codes or a polygon. Known: {listed}",
    )
    if broken is not None:
        advice = Text(f"{broken.ja} {advice.ja}", f"{broken.en} {advice.en}")
    return fault("group_unknown", GEOCODE, message, advice, path=path, found=name)


def group_unusable(name: str, why: Text, path: str) -> Finding:
    """A named area whose definition is wrong: it stands for nothing."""
    message = Text(
        f"「{name}」の定義に誤りがあるため使えません。{why.ja}",
        f"{name!r} is defined wrongly and cannot be used. {why.en}",
    )
    advice = Text(
        "管理者に連絡し、その間は市区町村コードか polygon で指定してください。",
        "Tell the operator; until then give municipality codes or a polygon.",
    )
    return fault("group_unusable", GEOCODE, message, advice, path=path, found=name)


def unused(name: str, value: str, path: str) -> Finding:
    """A geocode without shapes beside something that lalert can resolve."""
    message = Text(
        f"geocode {name}({value})は範囲の判定に使っていません。同じ area のほかの指定だけで判定しました。",
        f"Geocode {name} ({value}) was not used; the area comes from what stands beside it.",
    )
    advice = Text(
        "この geocode だけが示す範囲がある場合は、市区町村コードか polygon を加えてください。",
        "If it adds ground of its own, add the municipality codes or a polygon for that ground.",
    )
    return caution("geocode_unused", GEOCODE, message, advice, path=path, found=f"{name}={value}")


def slivers(names: Sequence[str], path: str) -> Finding:
    """Neighbours that are touched only by the inaccuracy of a border."""
    listed = "、".join(names)
    message = Text(
        f"境界線のずれとみられるごく細い重なりのため、次の市区町村は対象に含めていません: {listed}",
        f"Touched along the border only, and therefore not listed: {', '.join(names)}",
    )
    advice = Text(
        "対象に含める場合は、市区町村コードで明示するか polygon を広げてください。",
        "If they are meant, name them by code or widen the polygon.",
    )
    return caution("sliver", AREA, message, advice, path=path, found=listed)


def mostly_outside(land_share: float, path: str) -> Finding:
    """Hardly any of the area is land of Japan: a digit may be wrong."""
    message = Text(
        f"対象地域のうち日本の陸地は {land_share:.1%} だけです。",
        f"Only {land_share:.1%} of the area is land of Japan.",
    )
    advice = Text(
        "海や国外まで含める意図でなければ、座標の桁を確かめてください。",
        "Unless the sea is meant, check the digits of the coordinates.",
    )
    return caution("mostly_outside", AREA, message, advice, path=path, found=f"{land_share:.4f}")


def offshore(name: str, path: str) -> Finding:
    """Just off the coast as drawn: a pier or new ground; counted to the nearest municipality."""
    message = Text(
        f"対象地域は境界データの海岸線のすぐ外にあります。最も近い{name}を対象としました。",
        f"The area lies just off the coast as drawn; it was counted to the nearest municipality, {name}.",
    )
    advice = Text(
        "別の市区町村の場合は、市区町村コードで明示してください。",
        "If another municipality is meant, name it by its code.",
    )
    return caution("offshore", AREA, message, advice, path=path, found=name)


def widened(names: list[str], drawn_km2: float, area_km2: float, path: str) -> Finding:
    """Codes beside shapes: the union is much wider than what was drawn."""
    named = "・".join(names[:3])
    message = Text(
        f"図形は約{drawn_km2:.1f}km²ですが、市区町村コード({named})があるため、対象は約{area_km2:.1f}km²です。",
        f"The shapes are about {drawn_km2:.1f} km2, but the codes ({named}) make it about {area_km2:.1f} km2.",
    )
    advice = Text(
        "CAP の区域は図形とコードの和です。図形の範囲だけに伝える場合は、コードを外してください。",
        "In CAP an area is the union of shapes and codes. To alert the shapes alone, leave the codes out.",
    )
    return caution("widened", AREA, message, advice, path=path, found=named)


def mesh_format(code: str, path: str) -> Finding:
    """Not a grid square of JIS X 0410."""
    message = Text("地域メッシュコードが誤っています。", "This is not a grid square code of JIS X 0410.")
    advice = Text(
        "1次(4桁)、2次(6桁)、3次(8桁)、2分の1(9桁)、4分の1(10桁)のコードを指定してください。",
        "Give 4, 6, 8, 9 or 10 digits: first, second, third, half or quarter grid square.",
    )
    return fault("mesh_format", GEOCODE, message, advice, path=path, found=code)


def too_many_cells(limit: int) -> Finding:
    """The shape is larger than the grid squares that anybody may ask for."""
    message = Text(
        f"地域メッシュの数が上限({limit:,})を超えます。", f"The shape touches more than {limit:,} grid squares."
    )
    advice = Text("粗いメッシュを使うか、範囲を狭めてください。", "Use a coarser grid, or a smaller shape.")
    return fault("too_many_cells", AREA, message, advice, path="")


def _finding(code: str, clause: str, message: Text, advice: Text, path: str, found: str, severity: Severity) -> Finding:
    cut = found if len(found) <= _FOUND_LIMIT else found[: _FOUND_LIMIT - 1] + "…"
    return Finding(
        code=f"area.{code}",
        severity=severity,
        message=message,
        advice=advice,
        clause=clause,
        path=path,
        found=cut or None,
    )
