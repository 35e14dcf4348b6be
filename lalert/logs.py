"""Logs: JSON lines on stderr, one event each. No address, endpoint or key is ever logged."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.tracebacks import ExceptionDictTransformer


class Faults:
    """What is wrong now. Whoever tries again every second says so once: hours of the same line hide all others."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def is_news(self, what: str, fault: str) -> bool:
        """Note that `what` fails in this way; return whether that was not so the last time."""
        before, self._known[what] = self._known.get(what), fault
        return before != fault

    def is_over(self, what: str) -> bool:
        """Note that `what` succeeds; return whether it had failed the last time."""
        return self._known.pop(what, None) is not None


def configure(*, level: str = "info") -> None:
    """Write structured logs as JSON lines to stderr from now on."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),  # locals hold keys
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    # It would note each client that offers a subprotocol, by its address: anybody could fill the log.
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # failures of jobs reach us as events
