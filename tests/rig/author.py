"""Messages of an authority whose times are now, each with its own identifier, clean under the Japanese profile."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from itertools import count

from lalert.cap import build
from lalert.cap.model import Alert, Identity, Status
from lalert.cap.parse import parse
from lalert.cap.render import to_xml

JST = timezone(timedelta(hours=9))
CHIYODA, CHUO, YOKOSUKA, NAHA = "131016", "131024", "142018", "472018"

_RUN = secrets.token_hex(3)  # two runs on the same data do not collide
_NUMBERS = count(1)


def now() -> datetime:
    """Return the time in Japan, to the second, as CAP writes it."""
    return datetime.now(JST).replace(microsecond=0)


def as_received(alert: Alert) -> Alert:
    """Return `alert` as a hub reads it: `raw` has the bytes to post."""
    return parse(to_xml(alert))


class Author:
    """One authority. With `drill` all that it says is an exercise."""

    def __init__(self, sender: str = "bousai@city.example.jp", *, drill: bool = False) -> None:
        self.sender = sender
        self.drill = drill

    def identifier(self) -> str:
        """Return an identifier that was not used before."""
        return f"test-{_RUN}-{next(_NUMBERS):06}"

    def order(
        self,
        *codes: str,
        level: int | None = 4,
        hazard: str = "flood",
        act: str | None = None,
        lasts: timedelta = timedelta(hours=6),
        **more: object,
    ) -> Alert:
        """Return the announcement of an act for `codes` (千代田区, if none and no shape is given)."""
        at = now()
        values: dict[str, object] = {
            "level": level,
            "hazard": hazard,
            "act": act,
            "sender": self.sender,
            "identifier": self.identifier(),
            "sent": at,
            "codes": codes or (() if {"polygons", "circles"} & set(more) else (CHIYODA,)),
            "expires": at + lasts,
            "sender_name": "試験市",
            "status": Status.EXERCISE if self.drill else Status.ACTUAL,
        }
        return build.order(**values | more)  # type: ignore[arg-type]

    def update(self, previous: Alert, *codes: str, also: Sequence[Identity] = (), **more: object) -> Alert:
        """Return an order that takes the place of `previous`."""
        following = self.order(*codes, **more)  # type: ignore[arg-type]
        return build.update(previous, following, also=also)

    def lift(self, previous: Alert) -> Alert:
        """Return the 解除 of `previous`."""
        return build.lift(previous, identifier=self.identifier(), sent=now())

    def correct(self, previous: Alert, *, headline: str = "文言を訂正") -> Alert:
        """Return the 訂正 of `previous`: other words, nothing else."""
        return build.correct(
            previous, identifier=self.identifier(), sent=now(), note="見出しの誤りを訂正", headline=headline
        )

    def cancel(self, previous: Alert) -> Alert:
        """Return the 取消 of `previous`."""
        return build.cancel(previous, identifier=self.identifier(), sent=now(), note="誤発信のため")

    def line_test(self) -> Alert:
        """Return a test of the line."""
        return build.system(sender=self.sender, identifier=self.identifier(), sent=now(), note="通信試験")

    def ending_soon(self, *codes: str, lasts: timedelta = timedelta(seconds=2), **more: object) -> Alert:
        """Return an order that ends by itself within seconds; everything about it is right until then."""
        return self.order(*codes, lasts=lasts, **more)  # type: ignore[arg-type]
