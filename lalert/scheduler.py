"""The clock of the hub: APScheduler runs what must happen by itself. A late job runs once, not often.

APScheduler keeps its appointments by the wall clock, and a wall clock may be set. Forward (a machine without a battery
that learns the year), it would count up every second that was skipped, with nobody served meanwhile; back, it would
wait until the old time comes again. Here an appointment is never further away than its interval.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.job import Job as Appointment
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from lalert.errors import Unavailable
from lalert.logs import Faults

log = structlog.get_logger("lalert.scheduler")

Job = Callable[[], Awaitable[object]]

_LOOK_S: Final = 1.0
_SLEWED: Final = timedelta(seconds=1)  # NTP mends less than this all the time


class _Every(BaseTrigger):  # type: ignore[misc]  # apscheduler has no types
    """Fires at an interval. What was missed is over: the next time is always to come."""

    def __init__(self, seconds: float) -> None:
        self.interval = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return when to fire next; APScheduler's name for the question."""
        following = (previous_fire_time or now) + self.interval
        return following if following > now else now + self.interval


class Scheduler:
    """Runs jobs on the event loop at fixed intervals. A job that raises is logged and runs again at its next time.

    What is away for a while is said once by each job that misses it, and once when the job gets through again.
    """

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._faults = Faults()
        self._looking: asyncio.TimerHandle | None = None
        self._scheduler.add_listener(self._tell, EVENT_JOB_ERROR | EVENT_JOB_EXECUTED)

    def every(self, seconds: float, name: str, job: Job) -> None:
        """Run `job` every `seconds` seconds, for the first time after as many."""
        self._scheduler.add_job(job, _Every(seconds), id=name, name=name)

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()
        self._look_again()

    def stop(self) -> None:
        """Begin nothing more."""
        if self._looking is not None:
            self._looking.cancel()
        self._scheduler.shutdown(wait=False)

    def _look_again(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(_LOOK_S, self._look)

    def _look(self) -> None:
        """Run at once what a clock that was set back has put off; the loop's own clock is never set."""
        now = datetime.now(UTC)
        put_off = [job for job in self._scheduler.get_jobs() if _ahead(job, now) > _SLEWED]
        if put_off:
            log.warning("clock.set_back", seconds=round(_ahead(put_off[0], now).total_seconds()))
        for job in put_off:
            job.modify(next_run_time=now)
        self._scheduler.wakeup()  # its own alarm may have been set for the time that the clock showed before
        self._look_again()

    def _tell(self, event: JobExecutionEvent) -> None:
        error = event.exception
        if isinstance(error, asyncio.CancelledError):
            return  # the hub ends
        if error is None:
            if self._faults.is_over(event.job_id):
                log.warning("job.works_again", job=event.job_id)
        elif not isinstance(error, Unavailable):
            log.error("job.failed", job=event.job_id, reason=f"{type(error).__name__}: {error}")
        elif self._faults.is_news(event.job_id, error.code):
            log.warning("job.failed", job=event.job_id, reason=f"{type(error).__name__}: {error}")


def _ahead(job: Appointment, now: datetime) -> timedelta:
    """Return how much further away the next run is than it can be."""
    ahead: timedelta = job.next_run_time - now - job.trigger.interval
    return ahead
