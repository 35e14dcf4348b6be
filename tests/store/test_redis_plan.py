"""What an append will do is thought out before it is tried: facts and drafts in, a plan out. No Redis here."""

from __future__ import annotations

import pytest

from lalert.core.model import Cursor, Draft, Entry, Posted, Standing, State
from lalert.store.redis.plan import Facts, New, Place, Plan, Planner, VanishedError, questions, wanted
from tests.contract.making import cancel, expiry, message, update

SEQ = 7


def answered(drafts: list[Draft], **known: str) -> Facts:
    """Return an empty log's answers, but for those given as `holder__a="7 key"`."""
    given = {tuple(name.split("__")): answer for name, answer in known.items()}
    return {question: given.get(question, "") for question in questions(drafts)}


def planned(drafts: list[Draft], entries: dict[int, Entry] | None = None, **known: str) -> Plan:
    """Return the plan for `drafts`."""
    return Planner(answered(drafts, **known), entries or {}).plan(drafts)


def verdicts(plan: Plan) -> list[tuple[str, Place | None]]:
    """Return what becomes of each draft."""
    return [(verdict.what, verdict.place) for verdict in plan.verdicts]


def kept(draft: Draft) -> Entry:
    """Return `draft` as it lies in the log."""
    return Entry.of(draft, Cursor("k3f9", SEQ))


def test_each_question_is_asked_once() -> None:
    """A batch about one thread asks about it once."""
    a = message("a")
    asked = questions([a, update("u", a), update("v", a)])
    assert len(asked) == len(set(asked))
    assert asked.count(("holder", "a")) == 1


def test_what_nobody_contradicts_is_kept() -> None:
    """An empty log takes everything, in order."""
    a = message("a")
    plan = planned([a, message("b"), update("u", a)])
    assert verdicts(plan) == [("kept", New(0)), ("kept", New(1)), ("kept", New(2))]
    assert plan.keeps[2].ends == (a.key,)


def test_what_the_drafter_has_seen_need_not_be_read() -> None:
    """The usual Update names what holds: no entry is fetched for it; one that it does not name is."""
    a, other = message("a"), message("other", thread="a")
    draft = update("u", a)
    assert wanted([draft], answered([draft], holder__a=f"{SEQ} {a.key}")) == set()
    assert wanted([draft], answered([draft], holder__a=f"{SEQ} {other.key}")) == {SEQ}


def test_an_unseen_holder_is_superseded_too() -> None:
    """Another node has kept an Update meanwhile: whoever heard it must hear this one."""
    a = message("a")
    unseen = update("v", a)
    plan = planned([update("u", a)], {SEQ: kept(unseen)}, holder__a=f"{SEQ} {unseen.key}")
    [keep] = plan.keeps
    assert [reach.identity.identifier for reach in keep.draft.supersedes] == ["a", "v"]
    assert keep.ends == (a.key, unseen.key)


def test_later_drafts_see_what_earlier_ones_did() -> None:
    """An Update is ended by the next of its batch; the expiry of what was ended comes too late."""
    a = message("a")
    first, second = update("u", a), update("v", a)
    late = expiry(Posted(kept(first), Standing(state=State.IN_FORCE)))
    plan = planned([a, first, second, late])
    assert verdicts(plan)[3] == ("stale", New(2))
    assert plan.keeps[2].ends == (a.key, first.key)


def test_an_end_of_another_thread_is_seen_by_later_drafts() -> None:
    """What a draft names of the log holds no more for those behind it."""
    a, b = message("a"), message("b")
    ending, posted = cancel("c", b, thread="a"), message("x", thread="b", key_id="k2")
    plan = planned([ending, posted], holder__b=f"{SEQ} {b.key}", thread__b="")
    assert verdicts(plan) == [("kept", New(0)), ("kept", New(1))]
    assert a.key not in plan.keeps[0].ends


@pytest.mark.parametrize(("key_id", "what"), [("k1", "stale"), ("k2", "kept")])
def test_a_batch_can_forestall_its_own_alert(key_id: str, what: str) -> None:
    """The Cancel came first, in the same batch: by the same key only."""
    plan = planned([cancel("c", thread="a", references=["a"]), message("a", key_id=key_id)])
    assert verdicts(plan)[1][0] == what


def test_an_entry_that_was_dropped_meanwhile_is_noticed() -> None:
    """Retention was faster than the reading: nothing is told about an entry that nobody has."""
    a = message("a")
    with pytest.raises(VanishedError):
        Planner({**answered([a]), ("key", a.key): str(SEQ)}, {}).plan([a])


def test_the_end_of_an_expired_message_may_be_gone() -> None:
    """What ended it was dropped since: the expiry is stale, and names nothing."""
    a = message("a")
    draft = expiry(Posted(kept(a), Standing(state=State.IN_FORCE)))
    facts = {**answered([draft]), ("message", a.key): f"{SEQ} 0 9"}
    assert wanted([draft], facts) == {9}
    assert verdicts(Planner(facts, {}).plan([draft])) == [("stale", 9)]
