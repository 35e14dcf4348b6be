"""Messages of a WebSocket as bytes, read back as RFC 6455 §5.2 draws a frame."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.core.model import Cursor
from lalert.publishers import events, websocket
from lalert.publishers.events import Event
from lalert.render.entry import dump, entry_to_dict
from tests.render.entries import alert, entry, info
from tests.render.hostile import texts

AT = Cursor("k3f9", 1042)


def read(stream: bytes) -> list[tuple[int, bytes]]:
    """Return the opcode and payload of each frame: all final, none masked, every length in its shortest form."""
    found: list[tuple[int, bytes]] = []
    while stream:
        first, size, begin = stream[0], stream[1], 2
        assert first & 0xF0 == 0x80, "final, and no reserved bit"
        if size > 125:
            begin, least = (4, 126) if size == 126 else (10, 1 << 16)
            size = int.from_bytes(stream[2:begin])
            assert size >= least
        assert size < 1 << 63, "no mask"
        found.append((first & 0x0F, stream[begin : begin + size]))
        assert len(found[-1][1]) == size
        stream = stream[begin + size :]
    return found


@pytest.mark.parametrize("size", [0, 60, 125, 126, 127, 65_535, 65_536, 200_000])
def test_length_of_every_size(size: int) -> None:
    """A length stands in one, three or nine bytes, always the fewest."""
    empty = len(websocket.message(Event("x", b'""')))
    data = b'"%b"' % (b"a" * max(0, size - empty))
    event = Event("x", data)
    assert read(websocket.frame(event)) == [(1, websocket.message(event))]
    assert len(websocket.message(event)) == max(size, empty)


@given(texts, texts)
def test_what_was_sent_comes_out_whole(headline: str, description: str) -> None:
    """Whatever a CAP text holds, the reader gets one message with exactly that text."""
    said = entry(alert(info(headline=headline, description=description)))
    ((opcode, payload),) = read(
        websocket.frame(Event(said.kind.value, dump(entry_to_dict(said, base="")), said.cursor))
    )
    message = json.loads(payload.decode())
    assert (opcode, message["event"], message["id"]) == (1, said.kind.value, str(said.cursor))
    carried = message["data"]["alert"]["info"][0]
    assert (carried.get("headline"), carried.get("description")) == (headline, description)


def test_every_message_has_the_same_members() -> None:
    """`event`, `id` and `data`; `id` is null where the event has no position."""
    (_, entry_), (_, bye) = read(websocket.frame(Event("alert", b'{"a":1}', AT)) + websocket.frame(events.bye("x")))
    assert json.loads(entry_) == {"event": "alert", "id": "k3f9-1042", "data": {"a": 1}}
    assert json.loads(bye) == {"event": "bye", "id": None, "data": {"reason": "x"}}


def test_ping_is_no_message() -> None:
    """A control frame without content."""
    assert read(websocket.PING) == [(9, b"")]


@given(st.lists(st.sampled_from([b"1", b'"' + b"a" * 300 + b'"', b"[]"]), max_size=5))
def test_frames_join_to_a_stream(data: list[bytes]) -> None:
    """Frames one after the other are read as as many messages, in order."""
    frames = b"".join(websocket.frame(Event("x", one)) for one in data)
    assert [json.loads(payload)["data"] for _, payload in read(frames)] == [json.loads(one) for one in data]
