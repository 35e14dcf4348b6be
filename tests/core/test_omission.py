"""lalert.core.omission: an Update is the full present state, and where it leaves something out it says so."""

from __future__ import annotations

from dataclasses import replace

from lalert.cap.model import Alert, MsgType, Status
from lalert.core.expiry import expiry_of
from lalert.core.model import Entry, LeftOut, Omission, State
from lalert.core.omission import MAX_NAMES, omission_of, superseding
from lalert.geo.area import Area, Covered

from .messages import CHIYODA, CHUO, YOKOHAMA, History, alert, all_clear, area, info


def left(*codes: str, whole: bool = True) -> tuple[LeftOut, ...]:
    """Return `codes` as left out."""
    return tuple(LeftOut(code, code, whole) for code in codes)


def update(first: Entry, *codes: str, status: Status = Status.ACTUAL, identifier: str = "B") -> Alert:
    """Return an Update of `first` for `codes`."""
    refs = [first.alert.identity]
    return alert(info(codes=codes), identifier=identifier, msg_type=MsgType.UPDATE, refs=refs, status=status)


def told(history: History, message: Alert, where: Area | None) -> Omission | None:
    """Return what `message` over `where` leaves out of all that was posted."""
    return omission_of(message, where, history.posted.values())


def test_what_is_named_no_more_is_left_out() -> None:
    """Each municipality that held and is not named any more is told, in the order of the codes."""
    history = History()
    first = history.post(alert(info(codes=(CHIYODA, CHUO, YOKOHAMA))))
    found = told(history, update(first, CHIYODA), area(CHIYODA))
    assert found is not None
    assert found.municipalities == left(CHUO, YOKOHAMA)
    assert told(history, update(first, CHIYODA, CHUO, YOKOHAMA), area(CHIYODA, CHUO, YOKOHAMA)) is None


def test_a_smaller_part_is_told_as_a_part() -> None:
    """A municipality that is covered less is lifted in a part; as much elsewhere, or a sliver less, is not told."""
    history = History()
    first = history.post(alert(info(codes=(CHIYODA,))))
    for share, expected in ((0.5, left(CHIYODA, whole=False)), (0.995, None), (1.0, None)):
        where = replace(area(CHIYODA), municipalities=(Covered(CHIYODA, CHIYODA, share),))
        found = told(history, update(first, CHIYODA), where)
        assert (found and found.municipalities) == expected


def test_what_was_over_already_is_not_lifted_again() -> None:
    """Only what was in force is left out: not what an earlier Update has left out, nor what was lifted aloud."""
    history = History()
    first = history.post(alert(info(codes=(CHIYODA, CHUO)), all_clear(codes=(YOKOHAMA,))))
    second = history.post(update(first, CHIYODA, YOKOHAMA))
    found = told(history, update(second, CHIYODA, identifier="C"), area(CHIYODA))
    assert found is not None
    assert found.municipalities == left(YOKOHAMA)
    assert told(History(), update(first, CHIYODA), area(CHIYODA)) is None


def test_names_of_the_sender_are_told() -> None:
    """The names that the sender gave before and does not now are told, in the first language and bounded."""
    history = History()
    block = info(codes=(CHUO,)).areas[0]
    blocks = tuple(replace(block, area_desc=f"第{n}地区") for n in range(MAX_NAMES + 5))
    japanese, english = replace(info(), areas=blocks), info(codes=(CHUO,), language="en")
    first = history.post(replace(alert(), infos=(japanese, english)))
    found = told(history, update(first, CHIYODA), area(CHIYODA))
    assert found is not None
    assert found.names == tuple(f"第{n}地区" for n in range(MAX_NAMES))


def test_nothing_is_said_that_is_not_certain() -> None:
    """No place, another boundary set, or a test of the line: nothing is compared."""
    history = History()
    first = history.post(alert(info(codes=(CHIYODA, CHUO))))
    assert told(history, update(first), None) is None
    assert told(history, update(first, CHIYODA), replace(area(CHIYODA), boundaries="another")) is None
    assert told(history, update(first, CHIYODA, status=Status.SYSTEM), area(CHIYODA)) is None


def test_what_the_drafter_had_not_seen_is_left_out_too() -> None:
    """The store ends what holds in the thread by then: a state says what it leaves out of it, an end need not."""
    history = History()
    first = history.post(alert(info(codes=(CHIYODA, CHUO))))
    draft = replace(history.draft(update(first, CHIYODA)), supersedes=())
    holder = history.posted[first.key]
    ended = superseding(draft, holder)
    assert [reach.identity for reach in ended.supersedes] == [first.alert.identity]
    assert ended.omission == Omission(municipalities=left(CHUO))
    lifted = alert(all_clear(), identifier="L", msg_type=MsgType.UPDATE, refs=[first.alert.identity])
    assert superseding(history.draft(lifted), holder).omission is None


def test_the_end_by_time_leaves_nothing_out() -> None:
    """An expiry ends the whole; what its message had left out is not told again."""
    history = History()
    first = history.post(alert(info(codes=(CHIYODA, CHUO))))
    draft = replace(history.draft(update(first, CHIYODA)), omission=Omission(municipalities=left(CHUO)))
    kept = history.keep(draft)
    over = expiry_of(history.posted[kept.key], now=kept.at)
    assert (over.state, over.omission) == (State.EXPIRED, None)
