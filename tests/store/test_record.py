"""Drafts as durable bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from lalert.cap.model import AreaBlock, Category, Certainty, Circle, Info, NamedValue, Resource, Severity, Urgency
from lalert.cap.signature import Signature, Verdict
from lalert.core.model import Cursor, Entry, Heard, LeftOut, Omission, Posted, Priority, Reach, Standing, State
from lalert.errors import Defect
from lalert.store import record
from tests.contract.making import START, area, cancel, expiry, message, update

HERE = Cursor("k3f9", 7)
DEGREES = st.floats(-90, 90, allow_nan=False)


def wide(points: int) -> shapely.Polygon:
    """Return an outline with `points` points."""
    return shapely.Point(139.7, 35.6).buffer(0.1, quad_segs=points // 4)


def rich_alert() -> Entry:
    """Return an entry that uses every kind of value an alert has."""
    info = Info(
        event="避難指示",
        categories=(Category.MET, Category.GEO),
        urgency=Urgency.IMMEDIATE,
        severity=Severity.SEVERE,
        certainty=Certainty.LIKELY,
        expires=START + timedelta(hours=3),
        parameters=(NamedValue("jp-alert:level", "4"),),
        resources=(Resource(resource_desc="地図", mime_type="image/png", size=12),),
        areas=(
            AreaBlock(
                area_desc="千代田区 \U0002000b \u0000 ]]>",
                polygons=(((35.1, 139.1), (35.2, 139.1), (35.2, 139.2), (35.1, 139.1)),),
                circles=(Circle(35.0, 139.0, 0.1),),
                altitude_ft=1e-300,
            ),
        ),
    )
    a = message("a")
    heard = Heard(geometry=wide(8), codes=frozenset({"131016"}), level=4, hazards=("flood",), categories=("Met",))
    nowhere = replace(heard, geometry=None)
    draft = replace(
        update("u", a),
        alert=replace(a.alert, infos=(info,)),
        omission=Omission(municipalities=(LeftOut("131024", "中央区", whole=False),), names=("築地",)),
        supersedes=(Reach(identity=a.alert.identity, area=area(3), heard=(heard, nowhere)),),
    )
    return Entry.of(draft, HERE)


@pytest.mark.parametrize(
    "draft",
    [message("a"), update("u", message("a")), cancel("c", message("a")), replace(message("s"), area=None, zones=())],
    ids=["alert", "update", "cancel", "nowhere"],
)
def test_a_draft_reads_back_equal(draft: Entry) -> None:
    """What is read is what was kept, with the CAP bytes as received."""
    entry = record.decode(record.encode(draft), HERE)
    assert entry == Entry.of(draft, HERE)
    assert entry.alert.raw == draft.alert.raw


def test_signatures_are_kept() -> None:
    """Whose signatures a message bore, and the hub's own bytes, read back as they were."""
    by = Signature(verdict=Verdict.UNVERIFIABLE, code="cap.signature.unknown", signer="CN=市", algorithm="x", line=3)
    draft = replace(message("a"), signatures=(by,), own_signature=b"<Signature>\xff</Signature>")
    assert record.decode(record.encode(draft), HERE) == Entry.of(draft, HERE)


def test_every_kind_of_value_reads_back_equal() -> None:
    """All of CAP, audiences without a place, and characters that XML could not even carry."""
    entry = rich_alert()
    assert record.decode(record.encode(entry), HERE) == entry
    assert repr(record.decode(record.encode(entry), HERE)) == repr(entry)


@given(
    points=st.lists(st.tuples(DEGREES, DEGREES), min_size=3, max_size=40),
    level=st.none() | st.integers(1, 5),
    priority=st.sampled_from(Priority),
    micros=st.integers(0, 10**15),
)
def test_numbers_and_shapes_are_exact(
    points: list[tuple[float, float]], level: int | None, priority: Priority, micros: int
) -> None:
    """No coordinate and no instant moves, however awkward."""
    where = replace(area(), geometry=shapely.MultiPoint(points))
    draft = replace(message("a", at=START + timedelta(microseconds=micros)), area=where, level=level, priority=priority)
    assert record.decode(record.encode(draft), HERE) == Entry.of(draft, HERE)


def test_the_raw_bytes_stay_apart_and_untouched() -> None:
    """They can be handed out, and signatures verified, without decoding anything; the body does not repeat them."""
    raw = bytes(range(256)) * 40
    kept = record.encode(replace(message("a"), alert=replace(message("a").alert, raw=raw)))
    assert kept.raw == raw
    assert len(kept.body) < len(raw)


def test_one_shape_is_kept_once() -> None:
    """Zones, union, superseded areas and audiences of a thread name the same outline again and again."""
    where = replace(area(), geometry=wide(400))
    copy = replace(area(), geometry=shapely.from_wkb(shapely.to_wkb(where.geometry)))
    draft = message("a")
    thin = replace(draft, area=where)
    thick = replace(
        thin,
        zones=tuple(replace(zone, area=copy) for zone in draft.zones * 3),
        supersedes=(Reach(identity=draft.alert.identity, area=where),) * 3,
    )
    outline = len(shapely.to_wkb(where.geometry))
    assert len(record.encode(thick).body) - len(record.encode(thin).body) < outline / 2


def test_a_large_record_is_deflated() -> None:
    """A nationwide outline does not cost its full size; a small record is not worth the time."""
    large = record.encode(replace(message("a"), area=replace(area(), geometry=wide(4000))))
    assert large.body.startswith(record.DEFLATED)
    assert record.encode(message("a")).body.startswith(record.PLAIN)
    assert record.decode(large, HERE).area == replace(area(), geometry=wide(4000))


def test_an_expiry_is_a_record_of_its_own() -> None:
    """It carries the bytes of the message that it ends, so that its page needs no other entry."""
    posted = record.decode(record.encode(message("a")), HERE)
    ended = record.decode(record.encode(expiry_of_entry(posted)), HERE)
    assert ended.key == "expire:" + posted.key
    assert ended.alert.raw == posted.alert.raw


def expiry_of_entry(entry: Entry) -> Entry:
    """Return the entry that ends `entry`."""
    return Entry.of(expiry(Posted(entry, Standing(state=State.IN_FORCE))), HERE)


@pytest.mark.parametrize("length", [0, 1, 2, 40, 200])
def test_a_damaged_record_is_a_defect(length: int) -> None:
    """A body that was cut is never read as another alert."""
    whole = record.encode(message("a"))
    with pytest.raises(Defect) as defect:
        record.decode(record.Record(whole.raw, whole.body[:length]), HERE)
    assert defect.value.code == "store.record"


def test_an_unknown_format_is_a_defect() -> None:
    """The first byte says how the rest is to be read."""
    whole = record.encode(message("a"))
    with pytest.raises(Defect):
        record.decode(record.Record(whole.raw, b"\x63" + whole.body[1:]), HERE)


@pytest.mark.parametrize("number", [1, -1, "0"])
def test_a_shape_that_is_missing_is_a_defect(number: object) -> None:
    """An area without its outline is not an area."""
    whole = record.encode(replace(message("a"), zones=()))
    text, shapes = msgspec.msgpack.decode(whole.body[1:])
    body = msgspec.json.decode(text)
    body["area"]["geometry"] = number
    with pytest.raises(Defect):
        record.decode(
            record.Record(whole.raw, record.PLAIN + msgspec.msgpack.encode((msgspec.json.encode(body), shapes))), HERE
        )


def test_a_value_that_has_no_form_is_refused() -> None:
    """Nothing is kept as text that only looks like the value."""
    with pytest.raises(TypeError):
        record.encode(replace(message("a"), matched=((object(), 1),)))  # type: ignore[arg-type]
