"""lalert.cap.render: what is written reads back as the same values."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from lalert.cap import render, structure
from lalert.cap.model import (
    Alert,
    AreaBlock,
    Category,
    Certainty,
    Circle,
    Identity,
    Info,
    MsgType,
    NamedValue,
    Resource,
    ResponseType,
    Scope,
    Severity,
    Status,
    Urgency,
)
from lalert.cap.parse import parse
from lalert.errors import Rejected

from .messages import SOUND, order

plain = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")
texts = st.text(plain | st.sampled_from("\n\t\r<>&\"']]>"), min_size=1, max_size=30)
maybe = st.none() | texts
names = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=",<&"), min_size=1, max_size=12)
zones = st.integers(-840, 840).map(lambda m: timezone(timedelta(minutes=m)))
times = st.datetimes(timezones=zones).filter(lambda t: 1 < t.year < 9999).map(lambda t: t.replace(microsecond=0))
pairs = st.lists(st.builds(NamedValue, texts, texts), max_size=2).map(tuple)
lat, lon = st.floats(-90, 90), st.floats(-180, 180)
rings = st.lists(st.tuples(lat, lon), min_size=3, max_size=5).map(lambda ring: (*ring, ring[0]))
uris = st.none() | st.just("https://a.example.jp/b?c=d&e")


def _tuples(of: st.SearchStrategy[Any], low: int = 0) -> st.SearchStrategy[Any]:
    return st.lists(of, min_size=low, max_size=2).map(tuple)


areas = st.builds(
    AreaBlock,
    area_desc=texts,
    polygons=_tuples(rings),
    circles=_tuples(st.builds(Circle, lat, lon, st.floats(0, 20_000))),
    geocodes=pairs,
    altitude_ft=st.none() | st.floats(-1000, 1e5),
    ceiling_ft=st.none() | st.floats(-1000, 1e5),
)
resources = st.builds(
    Resource,
    resource_desc=texts,
    mime_type=texts,
    size=st.none() | st.integers(0, 10**12),
    uri=uris,
    deref_uri=maybe,
    digest=maybe,
)
infos = st.builds(
    Info,
    event=texts,
    categories=_tuples(st.sampled_from(Category), low=1),
    urgency=st.sampled_from(Urgency),
    severity=st.sampled_from(Severity),
    certainty=st.sampled_from(Certainty),
    language=st.sampled_from(["ja", "ja-x-easy", "en-US"]),
    response_types=_tuples(st.sampled_from(ResponseType)),
    audience=maybe,
    event_codes=pairs,
    effective=st.none() | times,
    onset=st.none() | times,
    expires=st.none() | times,
    sender_name=maybe,
    headline=maybe,
    description=maybe,
    instruction=maybe,
    web=uris,
    contact=maybe,
    parameters=pairs,
    resources=_tuples(resources),
    areas=_tuples(areas),
)
alerts = st.builds(
    Alert,
    identifier=names,
    sender=names,
    sent=times,
    status=st.sampled_from(Status),
    msg_type=st.sampled_from(MsgType),
    scope=st.sampled_from(Scope),
    source=maybe,
    restriction=maybe,
    addresses=maybe,
    codes=_tuples(texts),
    note=maybe,
    references=_tuples(st.builds(Identity, names, names, times)),
    incidents=maybe,
    infos=_tuples(infos),
)


@settings(max_examples=150, deadline=None)
@given(alerts)
def test_xml_round_trips(alert: Alert) -> None:
    """Every value that CAP can say is written as valid CAP 1.2 and read back as itself."""
    raw = render.to_xml(alert)
    assert structure.is_valid(etree.fromstring(raw), "1.2")
    assert parse(raw) == alert


def test_character_that_xml_cannot_carry_is_refused() -> None:
    """A control character is refused, not dropped in silence."""
    with pytest.raises(Rejected, match=r"cap\.xml\.character"):
        render.to_xml(order(headline="a\x07b"))


def test_dict_leaves_out_what_a_resource_carries() -> None:
    """CAP 1.2 §3.2.3: whoever forwards onto a two-way network strips derefUri; XML that is to be sent keeps it."""
    alert = parse(SOUND.replace("</uri>", "</uri><derefUri>QUJD</derefUri><digest>x</digest>").encode())
    said: Any = render.to_dict(alert)
    assert set(said["info"][0]["resource"][0]) == {"resourceDesc", "mimeType", "uri", "digest"}
    assert b"<derefUri>QUJD</derefUri>" in render.to_xml(alert)


def test_dict_has_cap_names() -> None:
    """The JSON form has CAP's own names, lists where CAP repeats, and no empty places."""
    said: Any = render.to_dict(
        parse(SOUND.replace("<info>", "<references>a,1,2026-09-01T00:00:00+09:00</references><info>").encode())
    )
    assert list(said) == ["identifier", "sender", "sent", "status", "msgType", "scope", "references", "info"]
    assert said["sent"] == "2026-09-01T12:00:00+09:00"
    assert said["references"] == "a,1,2026-09-01T00:00:00+09:00"
    info = said["info"][0]
    assert (info["category"], info["responseType"], info["urgency"]) == (["Met"], ["Evacuate"], "Immediate")
    assert info["resource"][0]["mimeType"] == "image/png"
    assert info["area"] == [
        {
            "areaDesc": "千代田区",
            "polygon": ["35.68,139.73 35.7,139.73 35.7,139.76 35.68,139.73"],
            "circle": ["35.69,139.75 1.5"],
            "geocode": [{"valueName": "JISX0402", "value": "131016"}],
            "altitude": 0.0,
        }
    ]
