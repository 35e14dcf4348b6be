"""The promises of `lalert.store.base`, each by its number, for every engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from lalert.cap.model import Status
from lalert.core.model import CancelKind, Draft, Standing, State
from lalert.store.base import Appended, AuditLine, Conflicting, Gap, Repeated, Stale, Store

from .conftest import Engine
from .making import START, cancel, day, expiry, identity, keep, lifting, message, unkeepable, update

SUPERSEDED_BY_U = Standing(state=State.SUPERSEDED, replaced_by="u")


async def standing(store: Store, draft: Draft) -> Standing:
    """Return how the message of `draft` stands."""
    posted = await store.find_key(draft.alert.identity.key)
    assert posted is not None
    return posted.standing


async def in_force(store: Store) -> list[str]:
    """Return the identifiers of what is in force."""
    return [posted.entry.alert.identifier for posted in await store.in_force()]


# --- 1. durable before told ------------------------------------------------------------------------------------


async def test_1_what_was_appended_is_there_after_opening_again(engine: Engine) -> None:
    """An acknowledged entry outlives its process; it reads back equal, its bytes included."""
    first = await engine()
    a = message("a")
    kept = await keep(first, a, update("u", a), cancel("c", a))
    await first.close()
    again = await engine()
    found = await again.read(0, 10)
    assert list(found) == kept
    assert [entry.alert.raw for entry in found] == [entry.alert.raw for entry in kept]
    assert (await again.span()).head == kept[-1].cursor
    await again.close()


async def test_1_times_keep_the_offset_that_the_sender_wrote(store: Store) -> None:
    """CAP references repeat `sent` as written, so an equal instant in UTC would not do."""
    await keep(store, message("a"))
    [entry] = await store.read(0, 1)
    assert entry.alert.sent.utcoffset() == timedelta(hours=9)


# --- 2. one transaction ----------------------------------------------------------------------------------------


async def test_2_a_batch_is_kept_whole_or_not_at_all(store: Store) -> None:
    """A draft that cannot be kept takes its batch with it: log, standings and audit are as before."""
    a = message("a")
    await keep(store, a)
    audited = await store.audit_lines(10)
    with pytest.raises(TypeError):
        await store.append([cancel("c", a), unkeepable("x")])
    assert (await store.span()).head.seq == 1
    assert await in_force(store) == ["a"]
    assert await store.audit_lines(10) == audited


async def test_2_nobody_is_spoilt_by_a_neighbour(store: Store) -> None:
    """Appends that share a flush do not share a fate: only the one that cannot be kept fails."""
    appends = [store.append([unkeepable(f"{n}") if n % 5 == 2 else message(f"{n}")]) for n in range(20)]
    results = await asyncio.gather(*appends, return_exceptions=True)
    assert [n for n, result in enumerate(results) if isinstance(result, TypeError)] == [2, 7, 12, 17]
    assert len(await store.read(0, 100)) == 16
    assert (await store.span()).head.seq == 16


async def test_2_the_audit_line_is_kept_with_the_entry(store: Store) -> None:
    """Who posted what is known for every entry; the hub speaks under its own name."""
    a = message("a", key_id="k7")
    await keep(store, a)
    [posted] = await store.in_force()
    await keep(store, expiry(posted, at=START + day(1)))
    key = a.alert.identity.key
    assert await store.audit_lines(10) == [
        AuditLine(at=START, actor="k7", action="append.alert", subject=key),
        AuditLine(at=START + day(1), actor="hub", action="append.expire", subject=key),
    ]


async def test_2_an_empty_batch_is_nothing(store: Store) -> None:
    """Nothing to keep is not an error."""
    assert list(await store.append([])) == []
    assert (await store.span()).head.seq == 0


# --- 3. once ---------------------------------------------------------------------------------------------------


async def test_3_the_same_bytes_again_are_the_first_entry(engine: Engine) -> None:
    """A sender that repeats itself, also after a restart, is told of the first entry, and nothing is added."""
    store = await engine()
    [first] = await keep(store, message("a"))
    assert await store.append([message("a", at=START + day(1))]) == [Repeated(first)]
    await store.close()
    again = await engine()
    assert await again.append([message("a")]) == [Repeated(first)]
    assert (await again.span()).head.seq == 1
    await again.close()


async def test_3_other_bytes_under_the_same_key_conflict(store: Store) -> None:
    """An identity that was used cannot be used for something else."""
    [first] = await keep(store, message("a"))
    assert await store.append([message("a", text="changed")]) == [Conflicting(first)]
    assert (await store.span()).head.seq == 1


async def test_3_a_batch_may_repeat_itself(store: Store) -> None:
    """Within one batch, too, the first counts."""
    outcomes = await store.append([message("a"), message("a"), message("a", text="changed")])
    assert [type(outcome) for outcome in outcomes] == [Appended, Repeated, Conflicting]


async def test_3_many_at_once_are_kept_once(store: Store) -> None:
    """The race between two posts of the same message has one winner, and everybody is told of it."""
    outcomes = await asyncio.gather(*(store.append([message("a")]) for _ in range(20)))
    assert sum(isinstance(outcome, Appended) for [outcome] in outcomes) == 1
    assert {outcome.entry.cursor.seq for [outcome] in outcomes if outcome.entry} == {1}


async def test_3_an_expiry_is_kept_once(store: Store) -> None:
    """Two hubs that expire the same message end it once."""
    await keep(store, message("a"))
    [posted] = await store.in_force()
    [ended] = await keep(store, expiry(posted))
    assert await store.append([expiry(posted)]) == [Repeated(ended)]


async def test_3_retention_ends_the_memory(store: Store) -> None:
    """Once retention dropped an entry, its key is free, and its position is not used again."""
    a = message("a")
    await keep(store, a, cancel("c", a))
    await store.prune(START + day(1))
    [entry] = await keep(store, message("a", at=START + day(2)))
    assert entry.cursor.seq == 3


# --- 4. order --------------------------------------------------------------------------------------------------


async def test_4_positions_count_from_one_in_the_order_of_the_batch(store: Store) -> None:
    """The log's order is the order in which drafts were given."""
    entries = await keep(store, *(message(f"m{n}") for n in range(20)))
    assert [entry.cursor.seq for entry in entries] == list(range(1, 21))
    assert [entry.alert.identifier for entry in entries] == [f"m{n}" for n in range(20)]


async def test_4_a_hundred_at_once_leave_one_order_without_a_hole(store: Store) -> None:
    """Concurrent appends, each a batch: no position is missing or used twice, and batches are not mixed."""
    outcomes = await asyncio.gather(*(store.append([message(f"{n}-{i}") for i in range(3)]) for n in range(100)))
    seqs = [[outcome.entry.cursor.seq for outcome in batch if outcome.entry] for batch in outcomes]
    assert sorted(seq for batch in seqs for seq in batch) == list(range(1, 301))
    assert all(batch == list(range(batch[0], batch[0] + 3)) for batch in seqs)
    assert [entry.cursor.seq for entry in await store.read(0, 1000)] == list(range(1, 301))


async def test_4_nothing_is_read_that_could_be_taken_back(store: Store) -> None:
    """Whoever reads while others append sees a log without a hole that only grows."""
    writing = asyncio.gather(*(store.append([message(f"{n}")]) for n in range(60)))
    seen = 0
    while not writing.done() or seen < 60:
        entries = await store.read(seen, 1000)
        assert [entry.cursor.seq for entry in entries] == list(range(seen + 1, seen + 1 + len(entries)))
        seen += len(entries)
    assert all(isinstance(outcome, Appended) for [outcome] in writing.result())


async def test_4_positions_are_not_used_again_after_everything_was_dropped(engine: Engine) -> None:
    """An emptied log goes on counting, also after a restart."""
    store = await engine()
    a = message("a")
    await keep(store, a, cancel("c", a))
    await store.prune(START + day(1))
    await store.close()
    again = await engine()
    span = await again.span()
    assert (span.head.seq, span.oldest) == (2, 3)
    [entry] = await keep(again, message("b"))
    assert entry.cursor.seq == 3
    await again.close()


async def test_4_another_log_has_another_name(new_engine: Callable[[Path], Engine], tmp_path: Path) -> None:
    """A cursor of one log says nothing in another; opening a log again does not rename it."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    epochs = []
    for name in ("one", "two", "one"):
        store = await new_engine(tmp_path / name)()
        epochs.append((await store.span()).head.epoch)
        await store.close()
    assert epochs[0] == epochs[2] != epochs[1]


# --- 5. one in force -------------------------------------------------------------------------------------------


async def test_5_an_update_ends_what_it_supersedes(store: Store) -> None:
    """After an Update the earlier message is superseded, and says by which."""
    a = message("a")
    await keep(store, a, update("u", a))
    assert await standing(store, a) == SUPERSEDED_BY_U
    assert await in_force(store) == ["u"]


async def test_5_an_update_ends_what_its_drafter_did_not_see(store: Store) -> None:
    """Two Updates of one message race: the later kept one ends the earlier, and goes to all who heard that."""
    a = message("a")
    earlier = update("v", a, place=5)
    *_, last = await keep(store, a, earlier, update("u", a))
    assert await standing(store, earlier) == SUPERSEDED_BY_U
    assert await in_force(store) == ["u"]
    assert [reach.identity.identifier for reach in last.supersedes] == ["a", "v"]
    assert last.supersedes[1].area == earlier.area
    assert list(await store.read(2, 1)) == [last]


async def test_5_an_update_ends_a_message_that_it_cannot_name(store: Store) -> None:
    """A drafter that knew nothing of the thread ends what holds there all the same."""
    a = message("a")
    await keep(store, a, update("u", thread="a"))
    assert await standing(store, a) == SUPERSEDED_BY_U


async def test_5_an_update_ends_messages_of_other_threads_that_it_names(store: Store) -> None:
    """One order that takes the place of two leaves one in force."""
    a, b = message("a"), message("b")
    await keep(store, a, b, message("c"), update("u", a, b))
    assert await standing(store, b) == SUPERSEDED_BY_U
    assert await in_force(store) == ["c", "u"]


async def test_5_what_has_ended_keeps_its_first_end(store: Store) -> None:
    """A later message that names it again does not rewrite history."""
    a = message("a")
    await keep(store, a, update("u", a), cancel("c", a))
    assert await standing(store, a) == SUPERSEDED_BY_U


async def test_5_a_cancel_leaves_nothing_in_force(store: Store) -> None:
    """取消: the message is cancelled as a false alarm, and the Cancel itself does not hold."""
    a = message("a")
    c = cancel("c", a)
    await keep(store, a, c)
    ended = Standing(state=State.CANCELLED, replaced_by="c", cancel_kind=CancelKind.FALSE_ALARM)
    assert await standing(store, a) == ended
    assert (await standing(store, c)).state is State.CANCELLED
    assert await in_force(store) == []


async def test_5_an_all_clear_leaves_nothing_in_force(store: Store) -> None:
    """解除: an Update whose parts are all clear lifts what was in force."""
    a = message("a")
    await keep(store, a, lifting("l", a))
    ended = Standing(state=State.CANCELLED, replaced_by="l", cancel_kind=CancelKind.LIFTED)
    assert await standing(store, a) == ended
    assert await in_force(store) == []


async def test_5_an_alert_never_ends_the_alert_of_another(store: Store) -> None:
    """Two senders took one identifier at once: the later one gets a thread of its own, and both hold."""
    a = message("a")
    b = message("b", thread="a")
    [_, second] = await keep(store, a, b)
    assert second.thread == b.alert.identity.key
    assert await in_force(store) == ["a", "b"]
    assert await store.thread(second.thread) == [second]


async def test_5_a_test_of_the_line_ends_nothing(store: Store) -> None:
    """A System message that references an alert leaves it in force."""
    a = message("a")
    await keep(store, a, cancel("t", a, status=Status.SYSTEM))
    assert await in_force(store) == ["a"]


async def test_5_an_expiry_ends_its_own_message(store: Store) -> None:
    """The hub's expiry ends one message, and none of those that this one had superseded."""
    a = message("a")
    u = update("u", a)
    await keep(store, a, u)
    [posted] = await store.in_force()
    await keep(store, expiry(posted))
    assert await standing(store, u) == Standing(state=State.EXPIRED)
    assert await standing(store, a) == SUPERSEDED_BY_U
    assert await in_force(store) == []


async def test_5_an_expiry_that_comes_late_is_stale(store: Store) -> None:
    """An Update came between: the thread is not ended by the clock of the message before."""
    await keep(store, a := message("a"))
    [posted] = await store.in_force()
    [u] = await keep(store, update("u", a))
    assert await store.append([expiry(posted)]) == [Stale(u)]
    assert await in_force(store) == ["u"]
    assert (await store.span()).head.seq == 2


async def test_5_an_expiry_of_an_unknown_message_is_stale(store: Store) -> None:
    """Nothing is said about a message that is not there."""
    await keep(store, message("a"))
    [posted] = await store.in_force()
    await store.append([cancel("c", message("a"))])
    await store.prune(START + day(1))
    assert await store.append([expiry(posted)]) == [Stale(None)]


async def test_5_an_alert_that_comes_after_its_own_cancel_is_stale(store: Store) -> None:
    """A sender's retry of the alert arrives behind its Cancel: it must not be put in force."""
    [c] = await keep(store, cancel("c", thread="a", references=["a"]))
    assert await store.append([message("a")]) == [Stale(c)]
    assert await store.append([message("a")]) == [Stale(c)]
    assert await in_force(store) == []
    assert await store.find("a") == []


async def test_5_only_the_own_key_can_end_a_message_before_it_comes(store: Store) -> None:
    """A foreign key that names a message in advance cannot keep it from being heard."""
    await keep(store, cancel("c", thread="a", references=["a"], key_id="other"))
    await keep(store, message("a"))
    assert await in_force(store) == ["a"]


async def test_5_a_thread_never_has_two_in_force(store: Store) -> None:
    """An Alert into a thread that is named after it, where another message holds, comes too late to hold."""
    natural = identity("a").key
    await keep(store, message("x", thread="a"), update("u", thread=natural, references=["a"], key_id="other"))
    [outcome] = await store.append([message("a")])
    assert isinstance(outcome, Stale)
    assert await in_force(store) == ["x", "u"]


# --- 6. honest history -----------------------------------------------------------------------------------------


async def test_6_a_reader_continues_where_it_was(store: Store) -> None:
    """Reading after a position gives the next ones, at most as many as asked; after the head there is nothing."""
    await keep(store, *(message(f"{n}") for n in range(5)))
    assert [entry.cursor.seq for entry in await store.read(2, 2)] == [3, 4]
    assert list(await store.read(5, 10)) == []
    assert list(await store.read(0, 0)) == []
    assert list(await store.read(0, -1)) == []


@pytest.mark.parametrize("after", [-1, 1, 6, 10**12])
async def test_6_a_position_that_the_log_does_not_have_is_a_gap(store: Store, after: int) -> None:
    """Older than the log, or ahead of it: said aloud, with what there is."""
    drafts = [cancel(f"{n}", at=START + day(n)) for n in range(5)]
    await keep(store, *drafts)
    await store.prune(START + day(2))
    with pytest.raises(Gap) as gap:
        await store.read(after, 10)
    assert gap.value.span == await store.span()
    assert gap.value.status == 410
    assert gap.value.since == f"{gap.value.span.head.epoch}-{after}"


async def test_6_the_oldest_entry_can_still_be_read(store: Store) -> None:
    """A reader that saw everything up to the cut missed nothing, so it is no gap."""
    await keep(store, *(cancel(f"{n}", at=START + day(n)) for n in range(5)))
    await store.prune(START + day(2))
    assert (await store.span()).oldest == 3
    assert [entry.cursor.seq for entry in await store.read(2, 10)] == [3, 4, 5]


# --- reading ---------------------------------------------------------------------------------------------------


async def test_read_from_gives_the_newest_in_order(store: Store) -> None:
    """Entries accepted at or after an instant; when there are too many, the newest of them."""
    await keep(store, *(message(f"{n}", at=START + day(n)) for n in range(5)))
    assert [entry.cursor.seq for entry in await store.read_from(START + day(1), 10)] == [2, 3, 4, 5]
    assert [entry.cursor.seq for entry in await store.read_from(START + day(1), 2)] == [4, 5]
    assert list(await store.read_from(START + day(9), 10)) == []


async def test_find_lists_messages_and_not_their_expiry(store: Store) -> None:
    """An identifier leads to every message that bears it, whoever sent it, oldest first."""
    a = message("a")
    await keep(store, a, message("b"))
    await keep(store, expiry((await store.in_force())[0]))
    [posted] = await store.find("a")
    assert (posted.entry.cursor.seq, posted.standing.state) == (1, State.EXPIRED)
    assert list(await store.find("c")) == []
    assert await store.find_key("expire:" + a.key) is None


async def test_a_thread_is_told_whole_and_in_order(store: Store) -> None:
    """Alert, Update and expiry of one thread, and nothing of another."""
    a = message("a")
    await keep(store, a, message("b"), update("u", a))
    posted = await store.find_key(identity("u").key)
    assert posted is not None
    await keep(store, expiry(posted))
    assert [(entry.cursor.seq, entry.kind.value) for entry in await store.thread("a")] == [
        (1, "alert"),
        (3, "update"),
        (4, "expire"),
    ]


# --- prune -----------------------------------------------------------------------------------------------------


async def test_prune_drops_the_beginning_only(store: Store) -> None:
    """An old entry behind a younger one stays until that one goes: the log has no hole."""
    ages = [0, 1, 5, 0, 6]
    await keep(store, *(cancel(f"{n}", at=START + day(age)) for n, age in enumerate(ages)))
    assert await store.prune(START + day(3)) == 2
    assert [entry.cursor.seq for entry in await store.read(2, 10)] == [3, 4, 5]
    assert await store.prune(START + day(3)) == 0


async def test_prune_never_drops_what_is_in_force(store: Store) -> None:
    """An alert that still holds leaves the log, and stays known, posted once, and able to be ended."""
    a = message("a")
    [old, _] = await keep(store, a, cancel("x"))
    assert await store.prune(START + day(1)) == 1
    assert (await store.span()).oldest == 3
    assert list(await store.read_from(START, 10)) == []
    assert await in_force(store) == ["a"]
    assert await store.append([message("a")]) == [Repeated(old)]
    await keep(store, cancel("c", a, at=START + day(2)))
    assert (await standing(store, a)).replaced_by == "c"


async def test_prune_keeps_a_message_as_long_as_its_end(store: Store) -> None:
    """What a Cancel in the log has ended can be looked up; it goes when the Cancel goes."""
    a = message("a")
    [old] = await keep(store, a)
    [end] = await keep(store, cancel("c", a, at=START + day(5)))
    assert await store.prune(START + day(3)) == 0
    assert list(await store.thread("a")) == [old, end]
    assert await store.prune(START + day(6)) == 2
    assert list(await store.thread("a")) == []
    assert list(await store.find("a")) == []


async def test_prune_forgets_what_was_ended_in_advance(store: Store) -> None:
    """A message that was forestalled can be posted once the end is dropped."""
    await keep(store, cancel("c", thread="a", references=["a"]))
    await store.prune(START + day(1))
    await keep(store, message("a"))
    assert await in_force(store) == ["a"]
