"""The dispatcher of a realm: from the log, through the lanes, to the couriers."""

from lalert.courier.dispatcher import Dispatcher

__all__ = ["Dispatcher"]
