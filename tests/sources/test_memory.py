"""What a source remembers: bounded, and only what spares work."""

from __future__ import annotations

from lalert.sources.fetching import Fetched
from lalert.sources.memory import Memory, Recent


def fetched(**headers: str) -> Fetched:
    """Return an answer with these validators."""
    return Fetched(status=200, url="u", body=b"", **headers)  # type: ignore[arg-type]


def test_oldest_entry_makes_room() -> None:
    """What was written or asked for last stays."""
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert ("a" in recent, "b" in recent, "c" in recent, len(recent)) == (True, False, True, 2)
    recent.drop("a")
    recent.drop("a")
    assert recent.get("a") is None


def test_content_is_settled_whatever_its_address() -> None:
    """Dealt with is a content, not a link."""
    memory = Memory()
    assert not memory.is_settled(b"x")
    memory.settle(b"x")
    assert memory.is_settled(b"x")
    assert not memory.is_settled(b"y")


def test_conditions_are_what_the_server_said() -> None:
    """ETag and Last-Modified come back as conditions; a server that stops giving them is asked plainly again."""
    memory = Memory()
    assert memory.conditions("u") == {}
    memory.validate("u", fetched(etag='"1"', last_modified="Mon, 23 Nov 2026 00:00:00 GMT"))
    assert memory.conditions("u") == {
        "If-None-Match": '"1"',
        "If-Modified-Since": "Mon, 23 Nov 2026 00:00:00 GMT",
    }
    memory.validate("u", fetched())
    assert memory.conditions("u") == {}


def test_what_a_change_has_named_is_remembered() -> None:
    """Its message may come only in a later round."""
    memory = Memory()
    memory.end(["a"])
    assert memory.is_ended("a")
    assert not memory.is_ended("b")
