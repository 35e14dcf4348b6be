"""One source, as the operator describes it, and the rights that it has."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import urlsplit

from msgspec import Meta

from lalert.cap.reader import Strictness
from lalert.core.model import Realm, Role, Sender
from lalert.settings import Networks

PREFIX: Final = "source:"  # of the key id under which a source's messages are kept

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Address = Annotated[str, Meta(pattern=r"^https?://[^\s/?#@]+(?:[/?][^\s#]*)?$", max_length=2048)]


class Form(StrEnum):
    """What is found at the address of a source."""

    AUTO = "auto"
    ATOM = "atom"
    RSS = "rss"
    CAP = "cap"
    EDXL = "edxl"
    INDEX = "index"  # a page or a text that links to messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of messages that others made.

    `areas` are the codes that it may alert, `*` for the whole country. `attribution` is shown with everything that it
    brings. `trust` (1 to 9) decides whose messages it may update and cancel: those of sources that are trusted no more
    than itself, and never what was posted here with a key. `allow` are the private networks that it may be fetched
    from; without one only https on the public internet is. `fetches` bounds the requests of one round.
    """

    name: Name
    url: Address
    realm: Realm
    areas: Annotated[tuple[str, ...], Meta(min_length=1, max_length=2_000)]
    attribution: Annotated[str, Meta(min_length=1, max_length=200)]
    form: Form = Form.AUTO
    interval_s: Annotated[float, Meta(ge=1, le=86_400)] = 60.0
    trust: Annotated[int, Meta(ge=1, le=9)] = 5
    allow: Networks = field(default_factory=Networks)
    timeout_s: Annotated[float, Meta(ge=0.1, le=120)] = 20.0
    fetches: Annotated[int, Meta(ge=1, le=500)] = 40

    @property
    def sender(self) -> Sender:
        """Its rights, as those of a key."""
        return Sender(
            key_id=PREFIX + self.name,
            name=self.name,
            realm=self.realm,
            role=Role.SENDER,
            areas=self.areas,
            strictness=Strictness.UPSTREAM,
            attribution=self.attribution,
        )

    @property
    def shown_url(self) -> str:
        """Its address without the query: keys of services are often there, and this is for people and logs."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"
