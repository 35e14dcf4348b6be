"""The present picture out of the log."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from lalert.cap.model import MsgType, Severity, Status, Urgency
from lalert.core.expiry import expiry_of
from lalert.core.model import CancelKind, Posted, Priority, Standing, State
from lalert.core.situation import MAX_LAST, Situation
from tests.core.messages import CHIYODA, CHUO, SENT, YOKOHAMA, History, alert, all_clear, identity, info

UPDATE, CANCEL = MsgType.UPDATE, MsgType.CANCEL
HOUR = timedelta(hours=1)


def _situation(log: History) -> Situation:
    situation = Situation()
    for entry in log.entries:
        situation.apply(entry)
    return situation


def _names(posted: object) -> list[str]:
    assert isinstance(posted, list | tuple)
    return [p.entry.alert.identifier for p in posted]


def test_nothing_is_in_force_at_first() -> None:
    """An empty log gives an empty picture."""
    situation = Situation()
    assert (situation.in_force(), situation.ended(SENT), situation.levels(), situation.last(10)) == ((), [], {}, [])
    assert situation.find("A") == ()
    assert situation.find_key(identity("A").key) is situation.standing(identity("A").key) is None
    assert situation.thread_in_force("A") is situation.thread_priority("A") is None


def test_in_force_is_ordered_by_lane_level_and_time() -> None:
    """Most urgent lane, then highest level, then newest."""
    log = History()
    tsunami = info(level=None, hazard="tsunami", severity=Severity.EXTREME)
    for name, said in [
        ("3", info(level=3)),
        ("4", info(level=4)),
        ("T", tsunami),
        ("5", info(level=5)),
        ("4b", info()),
    ]:
        minor = said if name != "3" else info(level=3, urgency=Urgency.FUTURE, severity=Severity.MINOR)
        log.post(alert(minor, identifier=name))
    assert _names(_situation(log).in_force()) == ["5", "T", "4b", "4", "3"]


def test_an_update_takes_the_place_of_what_it_updates() -> None:
    """One message of a thread is in force, and the other says what replaced it."""
    log = History()
    log.post(alert(identifier="A"))
    log.post(alert(info(level=5), identifier="B", msg_type=UPDATE, refs=[identity("A")]))
    situation = _situation(log)
    assert _names(situation.in_force()) == ["B"]
    assert situation.standing(identity("A").key) == Standing(state=State.SUPERSEDED, replaced_by="B")
    assert situation.thread_in_force("A") == situation.find_key(identity("B").key)


def test_an_update_may_end_messages_of_several_threads() -> None:
    """What is referenced ends, whatever its thread."""
    log = History()
    log.post(alert(identifier="A"))
    log.post(alert(identifier="B"))
    log.post(alert(identifier="C", msg_type=UPDATE, refs=[identity("A"), identity("B")]))
    assert _names(_situation(log).in_force()) == ["C"]


def test_nothing_is_in_force_after_the_end() -> None:
    """取消, 解除 and expiry empty the thread, each with its own standing."""
    log = History()
    for name in "ABC":
        log.post(alert(identifier=name))
    log.post(alert(identifier="A2", msg_type=CANCEL, refs=[identity("A")]), at=SENT + HOUR)
    log.post(alert(all_clear(), identifier="B2", msg_type=UPDATE, refs=[identity("B")]), at=SENT + 2 * HOUR)
    log.keep(expiry_of(log.posted[identity("C").key], now=SENT + 3 * HOUR))
    situation = _situation(log)
    assert situation.in_force() == ()
    assert situation.levels() == {}
    standings = [situation.standing(identity(name).key) for name in "ABC"]
    assert standings == [
        Standing(state=State.CANCELLED, replaced_by="A2", cancel_kind=CancelKind.FALSE_ALARM),
        Standing(state=State.CANCELLED, replaced_by="B2", cancel_kind=CancelKind.LIFTED),
        Standing(state=State.EXPIRED),
    ]
    assert _names(situation.ended(SENT)) == ["C", "B2", "B", "A2", "A"]
    assert _names(situation.ended(SENT + 2 * HOUR)) == ["C", "B2", "B"]
    assert situation.ended_at(identity("A").key) == SENT + HOUR


def test_the_past_is_what_was_seen_then() -> None:
    """Whatever was in force at a moment is what memory says of it later; an end counts from its own moment on."""
    log = History()
    steps = [
        lambda at: log.post(alert(identifier="A"), at=at),
        lambda at: log.post(alert(info(level=5), identifier="A2", msg_type=UPDATE, refs=[identity("A")]), at=at),
        lambda at: log.post(alert(identifier="B"), at=at),
        lambda at: log.post(alert(all_clear(), identifier="A3", msg_type=UPDATE, refs=[identity("A2")]), at=at),
        lambda at: log.post(alert(identifier="B2", msg_type=CANCEL, refs=[identity("B")]), at=at),
    ]
    seen = []
    for number, step in enumerate(steps):
        step(SENT + number * HOUR)
        seen.append(set(_names(_situation(log).in_force())))
    now, situation = SENT + 9 * HOUR, _situation(log)
    moments = [SENT + number * HOUR for number in range(5)]
    assert [set(_names(situation.during(at, at, now=now))) for at in moments] == seen
    assert [set(_names(situation.during(at + HOUR / 2, at + HOUR / 2, now=now))) for at in moments] == seen
    assert _names(situation.during(None, None, now=now)) == ["A", "A2", "B"]
    assert _names(situation.during(SENT + HOUR, SENT + 2 * HOUR, now=now)) == ["A2", "B"]


def test_what_holds_will_hold_until_its_time_is_over() -> None:
    """Of the future only the ends are known; what is overdue holds until it is ended."""
    log = History()
    log.post(alert(info(expires=SENT + 6 * HOUR), identifier="A"))
    situation = _situation(log)
    later = [SENT + 5 * HOUR, SENT + 7 * HOUR]
    assert [_names(situation.during(at, at, now=SENT)) for at in later] == [["A"], []]
    assert _names(situation.during(later[1], later[1], now=SENT + 8 * HOUR)) == ["A"]


def test_what_ended_once_does_not_end_again() -> None:
    """The first end stands: a late Cancel or expiry of what was superseded changes nothing of it."""
    log = History()
    first = log.post(alert(identifier="A"))
    posted = log.posted[identity("A").key]
    log.post(alert(identifier="B", msg_type=UPDATE, refs=[identity("A")]))
    situation = _situation(log)
    late = History()
    late.entries = [*log.entries]
    late.keep(expiry_of(Posted(first, posted.standing), now=SENT + HOUR))
    situation.apply(late.entries[-1])
    assert situation.standing(identity("A").key) == Standing(state=State.SUPERSEDED, replaced_by="B")
    assert _names(situation.in_force()) == ["B"]


def test_the_end_of_what_is_unknown_is_no_error() -> None:
    """Memory may begin in the middle of the log: an expiry of what came before is ignored."""
    log = History()
    log.post(alert(identifier="A"))
    situation = Situation()
    situation.apply(log.keep(expiry_of(log.posted[identity("A").key], now=SENT)))
    assert situation.in_force() == ()


def test_tests_of_the_line_are_no_part_of_the_picture() -> None:
    """A canary a minute must not fill the lists, nor make caches draw everything anew."""
    log = History()
    log.post(alert(status=Status.SYSTEM, identifier="canary"))
    situation = _situation(log)
    assert (situation.generation, situation.last(10), situation.find("canary")) == (0, [], ())


def test_the_same_entry_twice_changes_nothing() -> None:
    """Reading the log again from an earlier position is harmless."""
    log = History()
    entry = log.post(alert())
    situation = _situation(log)
    generation = situation.generation
    situation.apply(entry)
    assert (situation.generation, len(situation.in_force()), situation.last(10)) == (generation, 1, ["A"])


def test_every_change_has_its_generation() -> None:
    """What was drawn under another generation is out of date."""
    log = History()
    situation = Situation()
    generations = [situation.generation]
    for name in "AB":
        situation.apply(log.post(alert(identifier=name)))
        generations.append(situation.generation)
    assert len(set(generations)) == 3


def test_levels_show_the_worst_of_every_municipality() -> None:
    """The highest level and the most urgent lane, each by itself; lifted parts and unaffected places are absent."""
    log = History()
    log.post(alert(info(level=4, codes=[CHIYODA]), all_clear(codes=[YOKOHAMA]), identifier="A"))
    log.post(alert(info(level=3, severity=Severity.MINOR, codes=[CHIYODA, CHUO]), identifier="B"))
    log.post(alert(info(level=None, hazard="tsunami", codes=[CHIYODA]), identifier="C"))
    log.post(alert(info(level=None, hazard="notice", severity=Severity.MINOR, codes=[YOKOHAMA]), identifier="D"))
    assert _situation(log).levels() == {
        CHIYODA: (4, Priority.FLASH),
        CHUO: (3, Priority.PROMPT),
        YOKOHAMA: (None, Priority.ROUTINE),
    }


def test_one_identifier_may_belong_to_two_senders() -> None:
    """`find` lists both, oldest first; CAP wants identifiers unique per sender only."""
    log = History()
    log.post(alert(identifier="A"))
    log.post(alert(identifier="A", sender="other@example.jp"))
    found = _situation(log).find("A")
    assert [posted.entry.alert.sender for posted in found] == ["bousai@city.example.jp", "other@example.jp"]


def test_the_newest_identifiers_come_first_and_are_bounded() -> None:
    """The life sign names the last messages; expiries are no messages."""
    log = History()
    for number in range(MAX_LAST + 5):
        log.post(alert(identifier=f"M{number}"))
    log.keep(expiry_of(log.posted[identity("M0").key], now=SENT))
    situation = _situation(log)
    assert situation.last(2) == [f"M{MAX_LAST + 4}", f"M{MAX_LAST + 3}"]
    assert len(situation.last(10_000)) == MAX_LAST


def test_what_is_over_is_due_in_the_order_of_its_end() -> None:
    """At its very end a message is due; what ended already is not."""
    log = History()
    for name, hours in [("late", 3), ("early", 1), ("gone", 2), ("holds", 9)]:
        log.post(alert(info(expires=SENT + hours * HOUR), identifier=name))
    log.post(alert(identifier="X", msg_type=CANCEL, refs=[identity("gone")]))
    situation = _situation(log)
    assert _names(situation.due(SENT + 3 * HOUR)) == ["early", "late"]
    assert _names(situation.due(SENT + 3 * HOUR - timedelta(seconds=1))) == ["early"]


def test_a_thread_remembers_its_most_urgent_lane() -> None:
    """The Cancel of a level 5 that was lowered in the meantime is as urgent as the level 5 was."""
    log = History()
    log.post(alert(info(level=5), identifier="A"))
    for name, before in [("B", "A"), ("C", "B")]:
        log.post(
            alert(info(level=2, severity=Severity.MINOR), identifier=name, msg_type=UPDATE, refs=[identity(before)])
        )
    assert _situation(log).thread_priority("A") is Priority.FLASH


def test_trimming_forgets_what_ended_long_ago() -> None:
    """What holds and what ended lately stays; the picture of the present does not change."""
    log = History()
    for name in "ABC":
        log.post(alert(identifier=name))
    log.post(alert(identifier="A", sender="other@example.jp"))
    log.post(alert(identifier="A2", msg_type=CANCEL, refs=[identity("A")]), at=SENT + HOUR)
    log.post(alert(identifier="B2", msg_type=CANCEL, refs=[identity("B")]), at=SENT + 3 * HOUR)
    situation = _situation(log)
    held = situation.in_force()
    assert situation.trim(SENT + 2 * HOUR) == 2
    assert situation.find_key(identity("A").key) is None
    assert [p.entry.alert.sender for p in situation.find("A")] == ["other@example.jp"]
    assert situation.find("A2") == ()
    assert situation.thread_priority("A") is None
    assert _names(situation.ended(SENT)) == ["B2", "B"]
    assert situation.in_force() == held
    generation = situation.generation
    assert situation.trim(SENT + 2 * HOUR) == 0
    assert situation.generation == generation


_STEPS = st.tuples(
    st.sampled_from(["alert", "update", "lift", "cancel", "expire"]),
    st.integers(0, 5),
    st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True),
)


@given(st.lists(_STEPS, max_size=25))
def test_the_picture_equals_the_standings_of_the_log(steps: list[tuple[str, int, list[int]]]) -> None:
    """Whatever happened: one message a thread is in force, and every standing is the one that the log's rules give."""
    log = History()
    situation = Situation()
    for number, (act, target, numbers) in enumerate(steps):
        refs = [identity(f"M{n}") for n in numbers]
        if act == "expire":
            posted = log.posted.get(identity(f"M{target}").key)
            if posted is None or posted.standing.state is not State.IN_FORCE:
                continue
            situation.apply(log.keep(expiry_of(posted, now=SENT)))
            continue
        infos = [all_clear()] if act == "lift" else []
        msg_type = {"alert": MsgType.ALERT, "cancel": CANCEL}.get(act, UPDATE)
        if act == "alert" and any(identity(f"M{number}") in entry.alert.references for entry in log.entries):
            continue  # its end came before it: the store refuses it as stale
        message = alert(*infos, identifier=f"M{number}", msg_type=msg_type, refs=refs if act != "alert" else ())
        situation.apply(log.post(message))
    assert {key: situation.standing(key) for key in log.posted} == {key: p.standing for key, p in log.posted.items()}
    held = [posted.entry.thread for posted in situation.in_force()]
    assert len(held) == len(set(held))
    assert set(held) == set(log.in_force)
