"""What the contract promises about recipients and deliveries, for every engine."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest

from lalert.core.delivery import Attempt, LaneState, Tally
from lalert.core.endpoint import Endpoint
from lalert.core.model import Cursor, Subscription
from lalert.core.resident import Peer, Quiet, Resident, Wish
from lalert.errors import Rejected
from lalert.store import base
from lalert.store.base import Store

from .conftest import Engine
from .making import START

HEAD = Cursor("k3f9", 7)


def endpoint(name: str = "ep_1") -> Endpoint:
    """Return an endpoint whose secrets can be looked for."""
    return Endpoint(
        id=name,
        key_id="k1",
        url=f"https://media.example/hook/{name}?token=hush-url",
        format="json",
        subscription=Subscription(areas=frozenset({"13", "271004"}), min_level=3),
        secret=b"hush-secret-of-32-bytes-and-more",
        since=HEAD,
        created_at=START,
    )


def resident(name: str = "00aa", *, browser: str = "one") -> Resident:
    """Return a resident whose browser can be looked for."""
    return Resident(
        id=name,
        digest="d" * 64,
        wish=Wish(
            areas=frozenset({"131016"}), cells=frozenset({"53394611"}), min_level=3, quiet=Quiet(22 * 60, 6 * 60)
        ),
        peer=Peer(endpoint=f"https://push.example/hush-{browser}", p256dh=b"hush-p256dh" * 6, auth=b"hush-auth-16-byt"),
        created_at=START,
    )


def attempt(lane: str, identifier: str, seq: int = 1) -> Attempt:
    """Return one line of the delivery log."""
    return Attempt(
        lane=lane,
        seq=seq,
        identifier=identifier,
        at=START,
        outcome="later",
        reason="503",
        took_s=0.25,
        tally=Tally(sent=1, refused=2, gone=3),
    )


# --- endpoints -------------------------------------------------------------------------------------------------


async def test_an_endpoint_is_kept_with_its_secrets(engine: Engine) -> None:
    """What is needed to sign and to send reads back after opening again, in the order of registration."""
    store = await engine()
    for name in ("ep_2", "ep_1"):
        await store.add_endpoint(endpoint(name))
    await store.close()
    again = await engine()
    assert list(await again.endpoints()) == [endpoint("ep_2"), endpoint("ep_1")]
    await again.close()


async def test_an_endpoint_id_is_used_once(store: Store) -> None:
    """A second one of the same name would take over what the first is owed."""
    await store.add_endpoint(endpoint())
    with pytest.raises(Rejected) as refused:
        await store.add_endpoint(endpoint())
    assert refused.value.code == "endpoint.exists"
    assert len(await store.endpoints()) == 1


async def test_an_endpoint_ends_once_and_says_why(store: Store) -> None:
    """The first end stays, so that its owner can see what happened."""
    await store.add_endpoint(endpoint())
    assert await store.end_endpoint("ep_1", START, "410")
    assert not await store.end_endpoint("ep_1", START + timedelta(hours=1), "other")
    [ended] = await store.endpoints()
    assert (ended.ended_at, ended.end_reason) == (START, "410")


async def test_an_endpoint_is_forgotten(store: Store) -> None:
    """Removing says whether there was one."""
    await store.add_endpoint(endpoint())
    assert await store.remove_endpoint("ep_1")
    assert not await store.remove_endpoint("ep_1")
    assert await store.endpoints() == []


async def test_every_change_of_the_endpoints_is_noticed(store: Store) -> None:
    """Adding, ending and removing change the generation; what changed nothing does not."""
    seen = [await store.endpoints_generation()]
    await store.add_endpoint(endpoint())
    seen.append(await store.endpoints_generation())
    await store.end_endpoint("ep_1", START, "410")
    seen.append(await store.endpoints_generation())
    await store.end_endpoint("ep_1", START, "410")
    assert await store.endpoints_generation() == seen[-1]
    await store.remove_endpoint("ep_1")
    seen.append(await store.endpoints_generation())
    assert len(set(seen)) == 4


@pytest.mark.parametrize("what", ["endpoint", "resident"])
async def test_there_is_room_for_so_many(store: Store, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything has a bound: one more is refused, and nobody is pushed out for it."""
    monkeypatch.setattr(base, "ENDPOINT_LIMIT", 2)
    monkeypatch.setattr(base, "RESIDENT_LIMIT", 2)

    async def add(number: int) -> None:
        if what == "endpoint":
            await store.add_endpoint(endpoint(f"ep_{number}"))
        else:
            await store.add_resident(resident(f"{number}", browser=f"{number}"))

    await add(1)
    await add(2)
    with pytest.raises(Rejected) as refused:
        await add(3)
    assert (refused.value.code, refused.value.status) == (f"{what}.limit", 503)
    assert len(await store.endpoints() if what == "endpoint" else await store.residents(0, 10)) == 2


# --- residents -------------------------------------------------------------------------------------------------


async def test_a_resident_is_kept_under_a_number(engine: Engine) -> None:
    """The number comes from the store and rises; everything else reads back equal."""
    store = await engine()
    first = await store.add_resident(resident("00aa", browser="one"))
    second = await store.add_resident(resident("00bb", browser="two"))
    assert 0 < first.number < second.number
    assert dataclasses.replace(first, number=0) == resident("00aa", browser="one")
    await store.close()
    again = await engine()
    assert await again.resident("00aa") == first
    assert await again.resident("00cc") is None
    assert list(await again.residents(0, 10)) == [first, second]
    assert list(await again.residents(first.number, 10)) == [second]
    assert list(await again.residents(0, 1)) == [first]
    await again.close()


async def test_a_browser_has_one_subscription(store: Store) -> None:
    """Who subscribes again replaces what the same browser had, and is not alarmed twice."""
    first = await store.add_resident(resident("00aa"))
    second = await store.add_resident(resident("00bb"))
    assert second.number > first.number
    assert list(await store.residents(0, 10)) == [second]


async def test_a_number_is_never_given_twice(engine: Engine) -> None:
    """A lane remembers how far it came by numbers: nobody may get the place of one who has left."""
    store = await engine()
    last = await store.add_resident(resident())
    assert await store.remove_resident("00aa")
    await store.close()
    again = await engine()
    assert (await again.add_resident(resident())).number > last.number
    await again.close()


async def test_residents_are_read_and_removed_by_number(store: Store) -> None:
    """A batch asks for those who are still there; those whose push service forgot them go together."""
    a, b, c = [await store.add_resident(resident(f"{n}", browser=f"{n}")) for n in range(3)]
    assert list(await store.residents_of([c.number, a.number, 10**9])) == [a, c]
    assert await store.remove_residents([a.number, b.number, 10**9]) == 2
    assert list(await store.residents(0, 10)) == [c]
    assert not await store.remove_resident(a.id)


# --- secrets ---------------------------------------------------------------------------------------------------


async def test_no_secret_lies_in_the_data_in_clear(engine: Engine, tmp_path: Path) -> None:
    """Neither an endpoint's URL or secret nor a resident's browser can be read in the files, whatever is in them."""
    store = await engine()
    await store.add_endpoint(endpoint())
    await store.add_resident(resident())
    files = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())  # noqa: ASYNC240
    assert b"ep_1" in files
    assert b"hush" not in files
    await store.close()


# --- lanes and attempts ----------------------------------------------------------------------------------------


async def test_lanes_are_kept_in_their_newest_state(engine: Engine) -> None:
    """A saved state replaces the one before; everything of it reads back equal."""
    store = await engine()
    full = LaneState(
        lane="webhook:ep_1",
        cursor=HEAD,
        settled=((9, 12), (14, 14)),
        progress=((8, "after=400"),),
        failures=3,
        failing_since=START,
        resume_at=START + timedelta(seconds=8),
    )
    bare = LaneState(lane="webpush:00", cursor=HEAD)
    await store.save_lanes([LaneState(lane="webhook:ep_1", cursor=Cursor("k3f9", 1)), bare])
    await store.save_lanes([full])
    await store.close()
    again = await engine()
    assert list(await again.lanes()) == [full, bare]
    await again.close()


async def test_a_lane_is_dropped(store: Store) -> None:
    """Dropping says whether there was one, and touches no other."""
    await store.save_lanes([LaneState(lane="a", cursor=HEAD), LaneState(lane="b", cursor=HEAD)])
    assert await store.drop_lane("a")
    assert not await store.drop_lane("a")
    assert [state.lane for state in await store.lanes()] == ["b"]


async def test_the_delivery_log_is_read_by_message_and_by_lane(store: Store) -> None:
    """Newest `limit` lines, oldest first; every field reads back."""
    lines = [attempt(lane, identifier, seq) for seq in (1, 2) for lane in "ab" for identifier in "xy"]
    await store.add_attempts(lines[:5])
    await store.add_attempts(lines[5:])
    assert list(await store.attempts()) == lines
    assert list(await store.attempts(limit=3)) == lines[-3:]
    assert (
        list(await store.attempts(identifier="x", limit=3)) == [line for line in lines if line.identifier == "x"][-3:]
    )
    assert list(await store.attempts(lane="b")) == [line for line in lines if line.lane == "b"]
    assert list(await store.attempts(lane="b", identifier="y", limit=1)) == [lines[-1]]
    assert list(await store.attempts(limit=-1)) == []


async def test_retention_does_not_touch_recipients(store: Store) -> None:
    """Alerts grow old; who asked for them does not."""
    await store.add_endpoint(endpoint())
    await store.add_resident(resident())
    await store.save_lanes([LaneState(lane="a", cursor=HEAD)])
    await store.prune(START + timedelta(days=1000))
    assert (len(await store.endpoints()), len(await store.residents(0, 10)), len(await store.lanes())) == (1, 1, 1)
