"""lalert.cap.rules: every rule of CAP 1.2 that no schema says, with the message that breaks it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lalert.cap import breach, rules
from lalert.cap.model import (
    Alert,
    AreaBlock,
    Circle,
    Identity,
    Info,
    MsgType,
    NamedValue,
    Resource,
    ResponseType,
    Scope,
    Status,
)
from lalert.errors import Severity

from .messages import SENT, order

GOOD = replace(order(), infos=order(polygons=[((35.0, 139.0), (35.1, 139.0), (35.1, 139.1), (35.0, 139.0))]).infos)
INFO = GOOD.infos[0]
EARLIER = Identity("a", "0", SENT - timedelta(hours=1))


def _codes(alert: Alert) -> list[tuple[str, str | None]]:
    return [(f.code, f.path) for f in rules.check(alert)]


def _with_info(**changes: object) -> Alert:
    return replace(GOOD, infos=(replace(INFO, **changes),))  # type: ignore[arg-type]


def _with_area(**changes: object) -> Alert:
    return _with_info(areas=(replace(INFO.areas[0], **changes),))  # type: ignore[arg-type]


def _with_resource(**changes: object) -> Alert:
    return _with_info(resources=(Resource(**({"resource_desc": "x", "mime_type": "a/b"} | changes)),))  # type: ignore[arg-type]


def test_good_message_breaks_no_rule() -> None:
    """The message that the cases below start from is clean."""
    assert _codes(GOOD) == []


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"identifier": ""}, "cap.identifier.form", "identifier"),
        ({"identifier": "a b"}, "cap.identifier.form", "identifier"),
        ({"sender": "東京都 防災"}, "cap.sender.form", "sender"),
        ({"sender": "a,b"}, "cap.sender.form", "sender"),
        ({"sent": SENT.replace(year=1900)}, "cap.sent.year", "sent"),
        ({"msg_type": MsgType.UPDATE}, "cap.references.missing", "references"),
        ({"msg_type": MsgType.CANCEL}, "cap.references.missing", "references"),
        ({"msg_type": MsgType.ACK}, "cap.references.missing", "references"),
        ({"references": (GOOD.identity,)}, "cap.references.self", "references"),
        ({"references": (EARLIER, EARLIER)}, "cap.references.double", "references"),
        ({"references": (Identity("a", "9", SENT + timedelta(1)),)}, "cap.references.later", "references"),
        ({"scope": Scope.RESTRICTED}, "cap.restriction.missing", "restriction"),
        ({"scope": Scope.RESTRICTED, "restriction": "  "}, "cap.restriction.missing", "restriction"),
        ({"scope": Scope.PRIVATE}, "cap.addresses.missing", "addresses"),
        ({"scope": Scope.PRIVATE, "addresses": ' ""\n'}, "cap.addresses.missing", "addresses"),
        ({"addresses": '"Fire chief'}, "cap.quotes.open", "addresses"),
        ({"incidents": 'a "b'}, "cap.quotes.open", "incidents"),
        ({"status": Status.EXERCISE}, "cap.note.exercise", "note"),
        ({"msg_type": MsgType.ERROR, "references": (EARLIER,)}, "cap.note.error", "note"),
    ],
)
def test_rule_of_the_message(changes: dict[str, object], code: str, where: str) -> None:
    """A breach in the message is reported once, at its element."""
    assert _codes(replace(GOOD, **changes)) == [(code, f"/alert/{where}")]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"language": "en_US"}, "cap.language.form", "language"),
        ({"language": ""}, "cap.language.form", "language"),
        ({"headline": "あ" * 161}, "cap.headline.long", "headline"),
        ({"web": "www.example.jp"}, "cap.web.relative", "web"),
        ({"expires": SENT - timedelta(seconds=1)}, "cap.expires.before_sent", "expires"),
        ({"response_types": (ResponseType.EVACUATE, ResponseType.ASSESS)}, "cap.response.assess", "responseType[2]"),
    ],
)
def test_rule_of_the_info(changes: dict[str, object], code: str, where: str) -> None:
    """A breach in an info is reported once, at its element."""
    assert _codes(_with_info(**changes)) == [(code, f"/alert/info[1]/{where}")]


def test_assess_is_fine_among_responders() -> None:
    """Assess is for those who assess: a restricted message may ask for it."""
    alert = replace(
        _with_info(response_types=(ResponseType.ASSESS,)), scope=Scope.RESTRICTED, restriction="fire brigade"
    )
    assert _codes(alert) == []


def test_expires_before_onset_is_fine() -> None:
    """A warning may expire before the event begins: normal practice of the US weather service."""
    assert _codes(_with_info(onset=SENT + timedelta(days=3), expires=SENT + timedelta(days=1))) == []


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"mime_type": "png"}, "cap.mimetype.form", "mimeType"),
        ({"mime_type": "画像/png"}, "cap.mimetype.form", "mimeType"),
        ({"uri": "map.png"}, "cap.uri.relative", "uri"),
        ({"deref_uri": "not base64!"}, "cap.derefuri.form", "derefUri"),
        ({"digest": "abc"}, "cap.digest.form", "digest"),
    ],
)
def test_rule_of_the_resource(changes: dict[str, object], code: str, where: str) -> None:
    """A breach in a resource is reported once, at its element."""
    assert _codes(_with_resource(**changes)) == [(code, f"/alert/info[1]/resource[1]/{where}")]


def test_relative_uri_may_name_what_is_embedded() -> None:
    """A relative uri names what derefUri carries; its base64 may be folded."""
    assert _codes(_with_resource(uri="map.png", deref_uri="aGVs\n bG8=", digest="a" * 40)) == []
    assert _codes(_with_resource(digest="2jmj7l5rSw0yVb/vlWAYkK/YBwk=")) == []


SQUARE = ((35.0, 139.0), (35.1, 139.0), (35.1, 139.1), (35.0, 139.0))


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"polygons": (SQUARE[:2] + SQUARE[:1],)}, "cap.polygon.short", "/polygon[1]"),
        ({"polygons": (SQUARE, (*SQUARE[:3], (35.2, 139.2)))}, "cap.polygon.open", "/polygon[2]"),
        ({"polygons": (((139.0, 35.0), *SQUARE[1:3], (139.0, 35.0)),)}, "cap.polygon.range", "/polygon[1]"),
        ({"polygons": (((35.0, 181.0), *SQUARE[1:3], (35.0, 181.0)),)}, "cap.polygon.range", "/polygon[1]"),
        ({"polygons": (SQUARE[:1] * 4,)}, "cap.polygon.flat", "/polygon[1]"),
        ({"circles": (Circle(91.0, 0.0, 1.0),)}, "cap.circle.range", "/circle[1]"),
        ({"circles": (Circle(0.0, 0.0, 0.0), Circle(0.0, 0.0, -1.0))}, "cap.circle.radius", "/circle[2]"),
        ({"circles": (Circle(0.0, 0.0, float("inf")),)}, "cap.circle.radius", "/circle[1]"),
        ({"ceiling_ft": 1.0}, "cap.ceiling.alone", "/ceiling"),
        ({"ceiling_ft": 1.0, "altitude_ft": 2.0}, "cap.ceiling.low", "/ceiling"),
        ({"polygons": ()}, "cap.geocode.alone", ""),
    ],
)
def test_rule_of_the_area(changes: dict[str, object], code: str, where: str) -> None:
    """A breach in an area is reported once, at its shape."""
    assert _codes(_with_area(**changes)) == [(code, f"/alert/info[1]/area[1]{where}")]


def test_negative_altitude_is_legal() -> None:
    """Altitudes are feet above sea level, and some places lie below it."""
    assert _codes(_with_area(altitude_ft=-10.0, ceiling_ft=-10.0)) == []


@pytest.mark.parametrize(
    "alert",
    [
        replace(GOOD, infos=(INFO,) * (rules.MAX_INFOS + 1)),
        _with_info(areas=INFO.areas * (rules.MAX_AREAS + 1)),
        _with_info(resources=(Resource(resource_desc="x"),) * (rules.MAX_RESOURCES + 1)),
        _with_area(circles=(Circle(0.0, 0.0, 1.0),) * (rules.MAX_SHAPES + 1)),
        _with_area(geocodes=(NamedValue("a", "b"),) * (rules.MAX_SHAPES + 1)),
        _with_area(polygons=(SQUARE[:1] + SQUARE[1:3] * (rules.MAX_VERTICES // 2) + SQUARE[:1],)),
    ],
)
def test_everything_is_bounded(alert: Alert) -> None:
    """Infos, areas, resources, shapes, geocodes and vertices each have a bound."""
    assert "cap.limits" in {code for code, _ in _codes(alert)}


def test_crashing_rule_costs_no_alert() -> None:
    """A rule that crashes is a warning about lalert; the other rules still speak."""

    def broken(block: AreaBlock) -> breach.Breaches:
        raise RuntimeError(block.area_desc)

    found = breach.findings_of((broken, rules.ceiling), AreaBlock(area_desc="x", ceiling_ft=1.0), "/alert")
    assert [(f.code, f.severity) for f in found] == [
        ("cap.rule.crashed", Severity.WARNING),
        ("cap.ceiling.alone", Severity.ERROR),
    ]


def test_rules_need_no_info() -> None:
    """A message without info is CAP; only a profile asks for more."""
    assert _codes(replace(GOOD, infos=())) == []
    assert isinstance(INFO, Info)
