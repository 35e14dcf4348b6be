"""Which node should hold which share: everybody works out the same, evenly, and little moves."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lalert.core.shares import CLOCK, LANE_SHARES, Deed, Hand, free, share_of, shares_of, wanted_by

WAYS = frozenset({"webhook", "webpush"})

names = st.lists(st.text("abcdefgh", min_size=1, max_size=8), min_size=1, max_size=6, unique=True)


def hands(*names: str, ways: frozenset[str] = WAYS) -> list[Hand]:
    """Return living nodes of these names."""
    return [Hand(id=f"{name}#1", name=name, ways=ways) for name in names]


def split(living: list[Hand]) -> dict[str, str]:
    """Return who wants each share. Nobody else may."""
    wanted = [(share, hand.name) for hand in living for share in wanted_by(hand, living)]
    assert len(wanted) == len(dict(wanted)), "two want the same"
    return dict(wanted)


@given(names)
def test_every_share_has_one_who_wants_it(names: list[str]) -> None:
    """However many nodes live, each share of the work is wanted by exactly one of them."""
    assert split(hands(*names)).keys() == set(shares_of(WAYS))


@given(names)
def test_only_what_it_held_moves_when_a_node_goes(names: list[str]) -> None:
    """The shares of a node that died go to the others, and nothing else changes hands."""
    before, after = split(hands("zzz", *names)), split(hands(*names))
    assert {share for share in after if before[share] != after[share]} == {s for s, n in before.items() if n == "zzz"}


def test_shares_are_about_even() -> None:
    """Four nodes have about a quarter each."""
    held = Counter(split(hands("a", "b", "c", "d")).values())
    assert all(10 < held[name] < 60 for name in "abcd"), held


def test_a_node_gets_only_what_it_can_send() -> None:
    """Whoever has not the key for notifications gets no share of them, and what nobody can do nobody wants."""
    [able], [unable] = hands("a"), hands("b", ways=frozenset({"webhook"}))
    held = split([able, unable])
    assert {name for share, name in held.items() if share.startswith("webpush:")} == {"a"}
    assert {name for share, name in held.items() if share.startswith("webhook:")} == {"a", "b"}
    assert split([unable]).keys() == set(shares_of(["webhook"]))


def test_a_node_that_comes_back_gets_the_same() -> None:
    """Its weight is that of its name, so a restart moves nothing; of two lives of one name the greater id is taken."""
    [first] = hands("a")
    second = Hand(id="a#2", name="a", ways=WAYS)
    [other] = hands("b")
    assert wanted_by(second, [second, other]) == wanted_by(first, [first, other])
    assert not wanted_by(first, [first, second, other])


def test_free_is_what_nobody_who_lives_holds() -> None:
    """A share without a deed, or whose holder is dead, may be taken."""
    deeds = {"x": Deed("a#1", 7), "y": Deed("b#1", 8)}
    assert free(["x", "y", "z"], deeds, {"a#1"}) == {"y", "z"}


def test_lanes_of_one_way_share_its_shares() -> None:
    """A lane's share is of its own way, the same wherever it is asked, and lanes spread over all of them."""
    shares = {share_of(f"webhook:ep_{n}") for n in range(2000)}
    assert shares == set(shares_of(["webhook"])) - {CLOCK}
    assert len(shares) == LANE_SHARES
