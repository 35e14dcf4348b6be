"""Reception: the most urgent is examined next, nobody is forgotten, and who leaves frees the desk."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lalert.core.model import Priority
from lalert.errors import Unavailable
from lalert.reception import Reception


class Desk:
    """One desk whose work goes on when it is told to, and what was done there in which order."""

    def __init__(self, executor: ThreadPoolExecutor, *, capacity: int = 1_024) -> None:
        self.reception = Reception(executor, desks=1, capacity=capacity)
        self.done: list[str] = []
        self.gate = threading.Event()

    def ask(self, name: str, priority: Priority) -> asyncio.Task[str]:
        """Come with some work."""

        def work() -> str:
            self.gate.wait(10)
            self.done.append(name)
            return name

        return asyncio.create_task(self.reception.serve(priority, work))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """One desk; its worker is free again at the end."""
    with ThreadPoolExecutor(1) as executor:
        made = Desk(executor)
        yield made
        made.gate.set()


async def test_most_urgent_first(desk: Desk) -> None:
    """Whoever waits is served by urgency, then in the order of arrival; the one at the desk is not interrupted."""
    order = [("first", Priority.ROUTINE), ("a", Priority.ROUTINE), ("b", Priority.URGENT), ("c", Priority.FLASH),
             ("d", Priority.URGENT)]  # fmt: skip
    tasks = []
    for name, priority in order:
        tasks.append(desk.ask(name, priority))
        await asyncio.sleep(0)
    desk.gate.set()
    assert await asyncio.gather(*tasks) == [name for name, _ in order]
    assert desk.done == ["first", "c", "b", "d", "a"]


async def test_who_leaves_keeps_nobody_waiting(desk: Desk) -> None:
    """A client that hangs up, waiting or at the desk, is followed by the next."""
    at_desk, waiting, last = (desk.ask(name, Priority.URGENT) for name in ("at desk", "waiting", "last"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    at_desk.cancel()
    desk.gate.set()
    assert await last == "last"
    assert "waiting" not in desk.done


async def test_failing_work_frees_the_desk(desk: Desk) -> None:
    """What the work raises reaches whoever came with it, and the next is served."""

    def fail() -> None:
        raise ValueError("broken")

    desk.gate.set()
    with pytest.raises(ValueError, match="broken"):
        await desk.reception.serve(Priority.FLASH, fail)
    assert await desk.ask("next", Priority.FLASH) == "next"


async def test_full_is_told() -> None:
    """More than can wait are told to come back; those who wait are served."""
    with ThreadPoolExecutor(1) as executor:
        desk = Desk(executor, capacity=10)
        tasks = [desk.ask(str(n), Priority.ROUTINE) for n in range(12)]
        for _ in range(3):
            await asyncio.sleep(0)
        desk.gate.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert refused
    assert {error.code for error in refused} == {"queue.full"}
    assert len(desk.done) == len(answers) - len(refused) > 0


async def test_what_cannot_wait_has_a_desk_of_its_own() -> None:
    """While every desk is taken, the most urgent lane is served at once; the lanes below wait."""
    with ThreadPoolExecutor(2) as executor:
        desk = Desk(executor)
        slow, waiting = desk.ask("slow", Priority.ROUTINE), desk.ask("waiting", Priority.URGENT)
        await asyncio.sleep(0)
        assert await desk.reception.serve(Priority.FLASH, lambda: "at once") == "at once"
        assert not desk.done
        desk.gate.set()
        assert await asyncio.gather(slow, waiting) == ["slow", "waiting"]
