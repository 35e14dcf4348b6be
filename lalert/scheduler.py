"""The clock of the hub: APScheduler runs what must happen by itself. A late job runs once, not often."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from lalert.errors import Unavailable

log = structlog.get_logger("lalert.scheduler")

Job = Callable[[], Awaitable[object]]


class Scheduler:
    """Runs jobs on the event loop at fixed intervals. A job that raises is logged and runs again at its next time."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._scheduler.add_listener(_tell, EVENT_JOB_ERROR)

    def every(self, seconds: float, name: str, job: Job) -> None:
        """Run `job` every `seconds` seconds, for the first time after as many."""
        self._scheduler.add_job(job, "interval", seconds=seconds, id=name, name=name)

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """Begin nothing more."""
        self._scheduler.shutdown(wait=False)


def _tell(event: JobExecutionEvent) -> None:
    # What is away for a while is said by whoever notices first, and by every job at its next turns.
    say = log.warning if isinstance(event.exception, Unavailable) else log.error
    say("job.failed", job=event.job_id, reason=f"{type(event.exception).__name__}: {event.exception}")
