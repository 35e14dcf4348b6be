"""The clock of the hub: APScheduler runs what must happen by itself. A late job runs once, not often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from lalert.errors import Unavailable
from lalert.logs import Faults

log = structlog.get_logger("lalert.scheduler")

Job = Callable[[], Awaitable[object]]


class Scheduler:
    """Runs jobs on the event loop at fixed intervals. A job that raises is logged and runs again at its next time.

    What is away for a while is said once by each job that misses it, and once when the job gets through again.
    """

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._faults = Faults()
        self._scheduler.add_listener(self._tell, EVENT_JOB_ERROR | EVENT_JOB_EXECUTED)

    def every(self, seconds: float, name: str, job: Job) -> None:
        """Run `job` every `seconds` seconds, for the first time after as many."""
        self._scheduler.add_job(job, "interval", seconds=seconds, id=name, name=name)

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """Begin nothing more."""
        self._scheduler.shutdown(wait=False)

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
