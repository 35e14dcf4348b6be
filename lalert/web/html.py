"""The templates, ready to fill: autoescaped, strict about names, with the few filters that they share."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from lalert.render.clock import JAPAN, as_of, day_and_time, hhmm
from lalert.render.places import Named, place_name, prefecture


def render(template: str, values: dict[str, object]) -> bytes:
    """Return the template `template` filled with `values`, as UTF-8."""
    return environment().get_template(template).render(values).encode()


@cache
def environment() -> Environment:
    """Return the templates of this package. A name that is missing raises: no page has a hole in it."""
    made = Environment(
        loader=PackageLoader("lalert.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"iso": iso, "when": _when, "as_of": _as_of, "size": size}
    made.filters |= {"prefecture": _prefecture, "place": _place}
    return made


def iso(at: datetime) -> str:
    """Return RFC 3339 in Japan time, to the second."""
    return at.astimezone(JAPAN).isoformat(timespec="seconds")


def size(area_km2: float) -> str:
    """Return square kilometres as people say them: 0.4, 11.7, 1,234."""
    return f"{area_km2:.1f}" if area_km2 < 100 else f"{area_km2:,.0f}"


@pass_context
def _when(context: Context, at: datetime) -> str:
    """Return the time, with the day unless it is today in Japan."""
    today = context["now"].astimezone(JAPAN).date()
    return hhmm(at) if at.astimezone(JAPAN).date() == today else day_and_time(at, context["lang"])


@pass_context
def _as_of(context: Context, at: datetime) -> str:
    return as_of(at, context["lang"])


@pass_context
def _place(context: Context, place: Named) -> str:
    return place_name(place, context["lang"])


@pass_context
def _prefecture(context: Context, code: str) -> str:
    return prefecture(code, context["lang"])
