"""The one canonical wording of an alert, which every face shows.

The sender's headline, description and instruction are given as they came. The hub only puts the frame around them:
what is not real (【訓練】 at both ends), how it stands (【解除】 【取消】 【訂正】 【期限終了】), level, place, time.
Where the sender gave no headline one is made, in the order that works: source, hazard, place, action, time.
Nothing here knows a clock: as-of times are arguments.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime

from lalert.cap.meaning import hazard_of, is_all_clear, level_of
from lalert.cap.model import Info, Severity
from lalert.cap.vocabulary import vocabulary_at
from lalert.core.model import CancelKind, Draft, Entry, Standing, State
from lalert.errors import Text
from lalert.render.clock import as_of as as_of_text
from lalert.render.clock import day_and_time, hhmm
from lalert.render.places import concerned, gravest_zones, place_names, short_names
from lalert.render.words import (
    ACTIONS,
    CORRECTION,
    EARLIER,
    FALSE_ALARM_REMARK,
    HAZARD_ACTIONS,
    LEVEL_ACTIONS,
    STATE_REMARKS,
    hazard_label,
    is_drill,
    level_label,
    pick,
    state_label,
    status_mark,
)

__all__ = [
    "action",
    "action_tongue",
    "duty",
    "gloss",
    "gravity",
    "headline",
    "left_out",
    "level_label",
    "main_info",
    "remark",
    "stands",
    "state_label",
    "summary",
    "term",
    "ticker",
    "unmarked",
    "where",
]


def headline(entry: Entry, lang: str, *, standing: Standing | None = None) -> str:
    """Return the headline on one line, framed; with `standing` as it stands now."""
    info = main_info(entry, lang)
    own = _said(entry, info, info.headline, lang) if info and info.headline else _composed(entry, info, lang)
    return _enclosed(entry, _state_mark(entry, lang, standing) + _levelled(own, _level(info), lang), lang)


def summary(entry: Entry, lang: str, *, standing: Standing | None = None, as_of: datetime | None = None) -> str:
    """Return one paragraph: source, hazard, place, action, time. `as_of` is when one looks, else its own time."""
    info = main_info(entry, lang)
    sentences = (
        _issued(entry, info, lang),
        _state_mark(entry, lang, standing)
        + _levelled(_event(info, lang), _level(info), lang)
        + _hazard(entry, info, lang),
        pick(Text("対象：", "For: "), lang) + where(entry, lang, limit=5),
        _elsewhere(entry, info, lang),
        left_out(entry, lang),
        one_line(entry.alert.note or "", 500) if entry.state is not State.IN_FORCE or _corrects(entry) else "",
        gloss(entry, lang, standing=standing),
        action(entry, lang, standing=standing),
        remark(entry, lang, standing),
    )
    looked = as_of_text(as_of or entry.at, lang)
    told = [*(_sentence(part, lang) for part in sentences if part), pick(Text(f"（{looked}）", f"({looked})"), lang)]
    return _enclosed(entry, pick(Text("", " "), lang).join(told), lang)


def ticker(entry: Entry, length: int, *, lang: str = "ja", standing: Standing | None = None) -> str:
    """Return a text of at most `length` characters (20, 40 or 80), always the same for the same entry.

    What matters least is left out first; the marks of a drill and of an end never are.
    """
    mark = status_mark(entry.alert.status, "ja")
    state = _state_mark(entry, lang, standing)
    room = length - 2 * len(mark) - len(state)
    shortened = list(_shortenings(entry, lang, standing))
    body = next((text for text in shortened if len(text) <= room), shortened[-1][: max(0, room - 1)] + "…")
    return f"{mark}{state}{body}{mark}"


def action(entry: Entry, lang: str, *, standing: Standing | None = None) -> str:
    """Return what to do on one line: the sender's instruction, else the official words; nothing once it has ended."""
    info = main_info(entry, lang)
    state = stands(entry, standing).state
    if info is None or state is not entry.state or state is State.EXPIRED:
        return ""
    return one_line(info.instruction, 1000) if info.instruction else _official_action(info, lang, state)


def action_tongue(entry: Entry, lang: str) -> str:
    """Return the language tag of `action`: the sender's, or that of the official words."""
    info = main_info(entry, lang)
    return info.language if info and info.instruction else lang


def gloss(entry: Entry, lang: str, *, standing: Standing | None = None) -> str:
    """Return the official words for what to do, for whoever reads English where the sender's own are in Japanese."""
    info, told = main_info(entry, lang), action(entry, lang, standing=standing)
    official = _official_action(info, lang, entry.state) if told and _is_foreign(info, lang) else ""
    return "" if official == told else official


def duty(entry: Entry, lang: str) -> str:
    """Return the official words for what to do, whatever the sender says; nothing for what is not in force."""
    return _official_action(main_info(entry, lang), lang, entry.state)


def term(entry: Entry, lang: str) -> str:
    """Return what kind of alert it is, on one line: 避難指示（津波）, 大津波警報."""
    info = main_info(entry, lang)
    return _event(info, lang) + _hazard(entry, info, lang)


def gravity(entry: Entry) -> int:
    """Return how grave a message is by CAP's severity: 0 for Extreme, and so on down to Unknown."""
    info = main_info(entry, "ja")
    return list(Severity).index(info.severity if info else Severity.UNKNOWN)


def main_info(entry: Entry, lang: str) -> Info | None:
    """Return the gravest info in `lang`; one of another language when that one alone carries the entry's level."""
    infos = entry.alert.infos
    spoken = _in_language(infos, lang)
    grave = [info for info in spoken if _level(info) == entry.level]
    return _gravest(grave) or _gravest(spoken if entry.level is None else _in_language(infos, "ja")) or _gravest(infos)


def where(entry: Entry, lang: str, *, limit: int = 3) -> str:
    """Return where the gravest info holds: municipalities, or the sender's own words where these tell more exactly."""
    info = main_info(entry, lang)
    return (not _rivals(entry, info) and place_names(concerned(entry), lang, limit=limit)) or _descriptions(info)


def left_out(entry: Draft, lang: str) -> str:
    """Return where an Update lifts what held by leaving it out, on one line; empty where it leaves out nothing."""
    if entry.omission is None:
        return ""
    whole = place_names([one for one in entry.omission.municipalities if one.whole], lang, limit=20)
    part = place_names([one for one in entry.omission.municipalities if not one.whole], lang, limit=20)
    names = one_line("、".join(entry.omission.names), 200)
    told = (
        whole and pick(Text(f"対象から外れて解除：{whole}", f"No longer included, lifted there: {whole}"), lang),
        part and pick(Text(f"一部で解除：{part}", f"Lifted in a part of: {part}"), lang),
        names and pick(Text(f"前回あって今回ない区域：{names}", f"Named before and not now: {names}"), lang),
    )
    return pick(Text("。", ". "), lang).join(text for text in told if text)


def remark(entry: Entry, lang: str, standing: Standing | None = None) -> str:
    """Return what it means that a message does not hold; of what was sent in error, that nobody need follow it."""
    now = stands(entry, standing)
    said = FALSE_ALARM_REMARK if now.cancel_kind is CancelKind.FALSE_ALARM else STATE_REMARKS.get(now.state)
    return pick(said, lang) if said else ""


def stands(entry: Entry, standing: Standing | None) -> Standing:
    """Return how a message stands: by its own word until something has happened to it, then by `standing`."""
    if standing is None or standing.state is entry.state:
        replaced_by = standing.replaced_by if standing else None
        return Standing(state=entry.state, replaced_by=replaced_by, cancel_kind=entry.cancel_kind)
    return standing


def unmarked(entry: Entry, text: str) -> str:
    """Return the sender's text without its own 【訓練】 or 【DRILL】: the frame has one. What is real stays."""
    marks = _marks(entry)
    first = next((mark for mark in marks if text.startswith(mark)), "")
    last = next((mark for mark in marks if text.endswith(mark)), "")
    return text.removeprefix(first).removesuffix(last)


def _marks(entry: Entry) -> tuple[str, ...]:
    """Return what may stand at the ends of a sender's text to say that it is not real; nothing of what is."""
    status = entry.alert.status
    own = status_mark(status, "ja"), status_mark(status, "en")
    return (*own, *vocabulary_at(entry.alert.sent).drill_marks) if is_drill(status) else own


_SEVERITIES = tuple(reversed(Severity))  # CAP lists them from the gravest to the unknown
_BLANKS = re.compile(r"[^\S\u3000]+")
_TURNING = map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_COMMANDING = (*range(0x7F, 0x85), *range(0x86, 0xA0))  # XML allows them; U+0085 is a line's end
_UNSEEN = dict.fromkeys((*_TURNING, *_COMMANDING))


def one_line(text: str, limit: int = 120) -> str:
    """Return `text` on one line of at most `limit` characters (the rest is in the whole text and in the CAP message).

    Characters that nobody sees are left out: they could turn the frame's direction round, or command a terminal.
    """
    line = _BLANKS.sub(" ", text.translate(_UNSEEN)).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _said(entry: Entry, info: Info, text: str, lang: str) -> str:
    """Return the sender's headline; for whoever does not read its language, after the name of what it announces."""
    own, name = unmarked(entry, one_line(text, 200)), _english(info, lang)
    return f"{name} – {own}" if name else own


def _is_foreign(info: Info | None, lang: str) -> bool:
    """Whether the reader reads English and the sender wrote Japanese alone."""
    return info is not None and _main_tag(lang) == "en" and _main_tag(info.language) == "ja"


def _main_tag(tag: str) -> str:
    return tag.lower().partition("-")[0]


def _english(info: Info, lang: str) -> str:
    """Return the official English name of what is announced in Japanese; nothing unless it is exactly that."""
    if not _is_foreign(info, lang) or is_all_clear(info):
        return ""
    return next((act.en for act in vocabulary_at(None).acts if act.name == info.event.strip()), "")


def _enclosed(entry: Entry, text: str, lang: str) -> str:
    mark = status_mark(entry.alert.status, lang)
    return mark + text + mark


def _state_mark(entry: Entry, lang: str, standing: Standing | None) -> str:
    """Return 【解除】 and its like; an alert in force needs no mark unless it corrects another."""
    now = stands(entry, standing)
    if now.state is not State.IN_FORCE:
        return f"【{state_label(now.state, lang, now.cancel_kind)}】"
    return f"【{pick(CORRECTION, lang)}】" if _corrects(entry) else ""


def _corrects(entry: Entry) -> bool:
    return entry.cancel_kind is CancelKind.CORRECTED


def _levelled(text: str, level: int | None, lang: str) -> str:
    """Return `text` with its level before it, unless the sender has said it."""
    plain = unicodedata.normalize("NFKC", text).lower()
    if level is None or f"レベル{level}" in plain or f"level {level}" in plain:
        return text
    return level_label(level, lang) + pick(Text(" ", ": "), lang) + text


def _composed(entry: Entry, info: Info | None, lang: str) -> str:
    """Return a headline for a message without one: source, hazard, place."""
    what = _levelled(_event(info, lang), _level(info), lang) + _hazard(entry, info, lang)
    said = (_source(entry, info), what, where(entry, lang))
    return pick(Text("　", ", "), lang).join(part for part in said if part)


def _shortenings(entry: Entry, lang: str, standing: Standing | None) -> Iterator[str]:
    """Yield ever shorter bodies: first without the action, then the source, the time, the hazard, further places."""
    info = main_info(entry, lang)
    what = _levelled(_event(info, lang), _level(info), lang)
    hazard, time = _hazard(entry, info, lang), hhmm(entry.alert.sent)
    places = () if _rivals(entry, info) else concerned(entry)
    named = [short_names(places, lang, limit=limit) or _descriptions(info) for limit in (3, 2, 1)]
    said_by, todo = _source(entry, info), _official_action(info, lang, stands(entry, standing).state)
    yield _spaced(said_by, what + hazard, named[0], todo, time)
    yield _spaced(said_by, what + hazard, named[0], time)
    for place in named:
        yield _spaced(what + hazard, place, time)
    yield _spaced(what + hazard, named[2])
    yield _spaced(what, named[2])
    yield _spaced(what.replace("警戒レベル", "L").replace("Alert level ", "L"), named[2])
    if _level(info) is not None:
        yield _spaced(f"L{_level(info)}", named[2])


def _rivals(entry: Entry, info: Info | None) -> list[Info]:
    """Return the infos that are as grave as `info` but say something else, elsewhere: their places are not its own."""
    if info is None:
        return []
    alike = [other for other in entry.alert.infos if other.language == info.language and _level(other) == _level(info)]
    return [other for other in alike if other.event != info.event and other.areas != info.areas]


def _elsewhere(entry: Entry, info: Info | None, lang: str) -> str:
    """Return what the same message says of its other parts: another event or level there, an all clear elsewhere."""
    rivals = [_spaced(one_line(other.event), _descriptions(other)) for other in _rivals(entry, info)]
    zones = [zone for zone in entry.zones if zone not in gravest_zones(entry)]
    labels = [pick(Text("解除", "lifted"), lang) if zone.lifted else level_label(zone.level, lang) for zone in zones]
    lesser = [_spaced(label, place_names(z.area.municipalities, lang)) for label, z in zip(labels, zones, strict=True)]
    parts = pick(Text("、", "; "), lang).join([*rivals, *lesser])
    return pick(Text("このほか：", "Elsewhere: "), lang) + one_line(parts, 500) if parts else ""


def _sentence(text: str, lang: str) -> str:
    return text if text.endswith(("。", ".", "！", "!")) else text + pick(Text("。", "."), lang)


def _spaced(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _issued(entry: Entry, info: Info | None, lang: str) -> str:
    source, time = _source(entry, info), day_and_time(entry.alert.sent, lang)
    return pick(Text(f"{source} {time}発表", f"{source}, issued {time}"), lang)


def _event(info: Info | None, lang: str) -> str:
    """Return CAP's event as given, or Evacuation Order (避難指示); a Cancel may carry no info at all."""
    if info is None:
        return pick(EARLIER, lang)
    name, own = _english(info, lang), one_line(info.event)
    return f"{name} ({own})" if name else own


def _hazard(entry: Entry, info: Info | None, lang: str) -> str:
    """Return （洪水） unless the event's own name says it."""
    hazards = dict.fromkeys(zone.hazard for zone in gravest_zones(entry)) or entry.hazards
    words = [word for hazard in hazards if (word := hazard_label(hazard, lang))]
    new = [word for word in words if info and word.lower() not in _event(info, lang).lower()]
    return pick(Text(f"（{'・'.join(new)}）", f" ({', '.join(new)})"), lang) if new else ""


def _source(entry: Entry, info: Info | None) -> str:
    return one_line((info and info.sender_name) or entry.alert.sender)


def _descriptions(info: Info | None) -> str:
    return one_line("、".join(area.area_desc for area in info.areas)) if info else ""


def _official_action(info: Info | None, lang: str, state: State) -> str:
    """Return the official words of the level, else of the hazard, else of CAP's response types.

    Nothing for what is not in force.
    """
    if info is None or state is not State.IN_FORCE or is_all_clear(info):
        return ""
    level, words = _level(info), ACTIONS | HAZARD_ACTIONS.get(hazard_of(info) or "", {})
    if level in LEVEL_ACTIONS:
        return pick(LEVEL_ACTIONS[level], lang)
    return pick(Text("。", ". "), lang).join(pick(words[kind], lang) for kind in info.response_types if kind in words)


def _level(info: Info | None) -> int | None:
    """Return the level that an info raises; an all clear raises none."""
    return None if info is None or is_all_clear(info) else level_of(info)


def _gravest(infos: Sequence[Info]) -> Info | None:
    """Return the info with the highest level, then the highest severity; the first of equals."""
    return max(infos, key=lambda info: (_level(info) or 0, _SEVERITIES.index(info.severity)), default=None)


def _in_language(infos: Sequence[Info], lang: str) -> list[Info]:
    """Return the infos in exactly `lang`, else in its language whatever the country, else in any form of it."""
    wanted, main = lang.lower(), lang.lower().split("-")[0]
    spoken = [(info, info.language.lower()) for info in infos]
    exact = [info for info, tongue in spoken if tongue == wanted]
    plain = [info for info, tongue in spoken if tongue.split("-")[0] == main and "-x-" not in tongue]
    return exact or plain or [info for info, tongue in spoken if tongue.split("-")[0] == main]
