"""An alert as plain text: everything a reader needs, label by label, for mail, print, speech and copying."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from lalert.cap.model import Info
from lalert.core.model import Entry, Standing, State
from lalert.errors import Text
from lalert.render.clock import as_of as as_of_text
from lalert.render.clock import day_and_time
from lalert.render.wording import action, gloss, headline, main_info, remark, stands, where
from lalert.render.words import pick, state_label, status_mark

_LABELS = {
    "from": Text("発表", "From"),
    "for": Text("対象", "For"),
    "district": Text("地区", "District"),
    "what": Text("内容", "What"),
    "note": Text("補足", "Note"),
    "do": Text("行動", "Action"),
    "until": Text("有効", "Until"),
    "state": Text("状態", "State"),
    "contact": Text("連絡先", "Contact"),
}


def plain(entry: Entry, lang: str, *, as_of: datetime, standing: Standing | None = None) -> str:
    """Return the whole text, one fact a line; the sender's own paragraphs stay as they were given."""
    mark = status_mark(entry.alert.status, lang)
    colon = pick(Text("：", ": "), lang)
    facts = [pick(_LABELS[key], lang) + colon + value for key, value in _facts(entry, lang, as_of, standing) if value]
    ends = [mark] if mark else []
    return "\n".join([*ends, headline(entry, lang, standing=standing), *facts, *ends])


def _facts(entry: Entry, lang: str, as_of: datetime, standing: Standing | None) -> Iterator[tuple[str, str]]:
    """Yield (label, value) in the order that works: source, place, what, action, time."""
    info = main_info(entry, lang)
    source = (info and info.sender_name) or entry.alert.sender
    yield "from", f"{source} {day_and_time(entry.alert.sent, lang)}"
    yield "for", where(entry, lang, limit=20)
    yield "note", entry.alert.note or ""
    if info:
        yield from _told(info)
    yield "do", gloss(entry, lang, standing=standing)
    yield "do", action(entry, lang, standing=standing)
    yield "until", day_and_time(entry.ends_at, lang) if entry.ends_at else ""
    yield "state", _state(entry, lang, as_of, standing)


def _told(info: Info) -> Iterator[tuple[str, str]]:
    yield "district", "、".join(area.area_desc for area in info.areas)
    yield "what", info.description or ""
    yield "contact", info.contact or ""


def _state(entry: Entry, lang: str, as_of: datetime, standing: Standing | None) -> str:
    now = stands(entry, standing)
    cancel_kind = None if now.state is State.IN_FORCE else now.cancel_kind
    label = f"{state_label(now.state, lang, cancel_kind)} ({as_of_text(as_of, lang)})"
    return f"{label} {remark(entry, lang, standing)}".rstrip()
