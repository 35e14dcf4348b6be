"""A CAP message as values: the names are CAP 1.2's, spelled as Python spells them.

Every time is an aware `datetime`; every coordinate pair is `(lat, lon)` in degrees, in the order CAP writes it.
Nothing here judges: `parse` makes these values, `rules` and `profile` say what is wrong with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from msgspec import Struct


class Status(StrEnum):
    """CAP 1.2 §3.2.1 status."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    SYSTEM = "System"
    TEST = "Test"
    DRAFT = "Draft"


class MsgType(StrEnum):
    """CAP 1.2 §3.2.1 msgType."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"
    ACK = "Ack"
    ERROR = "Error"


class Scope(StrEnum):
    """CAP 1.2 §3.2.1 scope."""

    PUBLIC = "Public"
    RESTRICTED = "Restricted"
    PRIVATE = "Private"


class Category(StrEnum):
    """CAP 1.2 §3.2.2 category."""

    GEO = "Geo"
    MET = "Met"
    SAFETY = "Safety"
    SECURITY = "Security"
    RESCUE = "Rescue"
    FIRE = "Fire"
    HEALTH = "Health"
    ENV = "Env"
    TRANSPORT = "Transport"
    INFRA = "Infra"
    CBRNE = "CBRNE"
    OTHER = "Other"


class ResponseType(StrEnum):
    """CAP 1.2 §3.2.2 responseType."""

    SHELTER = "Shelter"
    EVACUATE = "Evacuate"
    PREPARE = "Prepare"
    EXECUTE = "Execute"
    AVOID = "Avoid"
    MONITOR = "Monitor"
    ASSESS = "Assess"
    ALL_CLEAR = "AllClear"
    NONE = "None"


class Urgency(StrEnum):
    """CAP 1.2 §3.2.2 urgency."""

    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Severity(StrEnum):
    """CAP 1.2 §3.2.2 severity."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    """CAP 1.2 §3.2.2 certainty."""

    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


class Identity(Struct, frozen=True, gc=False):
    """What makes a message this message: CAP's triple of sender, identifier and sent (one instant, any zone)."""

    sender: str
    identifier: str
    sent: datetime

    @property
    def key(self) -> str:
        """The triple as one text, equal for equal instants: the natural key of everything that is kept."""
        return f"{self.sender},{self.identifier},{self.sent.astimezone(UTC).isoformat()}"


class NamedValue(Struct, frozen=True, gc=False):
    """A `valueName`/`value` pair: parameter, geocode or eventCode. A message has hundreds: hence no dataclass."""

    name: str
    value: str


# (lat, lon) pairs as CAP orders them; first equals last.
Ring = tuple[tuple[float, float], ...]


class Circle(Struct, frozen=True, gc=False):
    """CAP circle: centre in degrees, radius in **kilometres** (0 is a point)."""

    lat: float
    lon: float
    radius_km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaBlock:
    """One `<area>`: the union of its polygons, circles and geocodes (CAP 1.2 §3.2.4)."""

    area_desc: str
    polygons: tuple[Ring, ...] = ()
    circles: tuple[Circle, ...] = ()
    geocodes: tuple[NamedValue, ...] = ()
    altitude_ft: float | None = None
    ceiling_ft: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One `<resource>`: a file beside the text (CAP 1.2 §3.2.3)."""

    resource_desc: str
    mime_type: str | None = None
    size: int | None = None
    uri: str | None = None
    deref_uri: str | None = field(default=None, repr=False)
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """One `<info>`: what happens, how bad, what to do, where, in one language (CAP 1.2 §3.2.2)."""

    event: str
    categories: tuple[Category, ...]
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    language: str = "en-US"
    response_types: tuple[ResponseType, ...] = ()
    audience: str | None = None
    event_codes: tuple[NamedValue, ...] = ()
    effective: datetime | None = None
    onset: datetime | None = None
    expires: datetime | None = None
    sender_name: str | None = None
    headline: str | None = None
    description: str | None = None
    instruction: str | None = None
    web: str | None = None
    contact: str | None = None
    parameters: tuple[NamedValue, ...] = ()
    resources: tuple[Resource, ...] = ()
    areas: tuple[AreaBlock, ...] = ()

    def parameter(self, name: str) -> str | None:
        """Return the value of the first parameter called `name`, or None."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter.value
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One CAP message. `raw` keeps the bytes as received: signatures and `.cap` need them untouched."""

    identifier: str
    sender: str
    sent: datetime
    status: Status
    msg_type: MsgType
    scope: Scope
    version: str = "1.2"
    source: str | None = None
    restriction: str | None = None
    addresses: str | None = None
    codes: tuple[str, ...] = ()
    note: str | None = None
    references: tuple[Identity, ...] = ()
    incidents: str | None = None
    infos: tuple[Info, ...] = ()
    raw: bytes = field(default=b"", repr=False, compare=False)

    @property
    def identity(self) -> Identity:
        """The natural key: sender, identifier, sent."""
        return Identity(self.sender, self.identifier, self.sent)
