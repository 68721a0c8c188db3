"""Words of the page: New York time, money, and the filters that the templates use."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trading.reporting import wording
from trading.reporting.tables import shares
from trading.tasks.desk import NEW_YORK

HERE = Path(__file__).parent
TEMPLATES, STATIC = HERE / "templates", HERE / "static"


def new_york(at: datetime | None) -> str:
    """Return an instant as the exchange's clock shows it, with its date, e.g. "Fri 27 Nov 10:31"."""
    return wording.UNKNOWN if at is None else f"{at.astimezone(NEW_YORK):%a %-d %b %H:%M}"


def new_york_long(at: datetime | None) -> str:
    """Return the same with its year."""
    return wording.UNKNOWN if at is None else f"{at.astimezone(NEW_YORK):%a %-d %b %Y, %H:%M}"


def day(on: date | None) -> str:
    """Return a date, e.g. "27 Nov 2026"."""
    return wording.UNKNOWN if on is None else f"{on:%-d %b %Y}"


def price(value: float | Decimal | None) -> str:
    """Return a price with its cents."""
    return wording.UNKNOWN if value is None else f"{value:,.2f}"


def usd(value: float | Decimal | None) -> str:
    """Return an amount without cents."""
    return wording.whole(None if value is None else float(value))


def gain(value: float | Decimal | None) -> str:
    """Return an amount with its sign."""
    return wording.gain(None if value is None else float(value))


def epoch(at: datetime | None) -> str:
    """Return an instant in seconds since 1970 for the script; "" where there is none."""
    return "" if at is None else str(int(at.timestamp()))


@cache
def environment() -> Environment:
    """Return the templates; whatever is put into them is escaped."""
    loaded = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    loaded.filters |= {
        "ny": new_york, "ny_long": new_york_long, "day": day, "price": price, "usd": usd, "gain": gain,
        "epoch": epoch, "shares": shares, "number": wording.number, "percent": wording.percent,
        "change": wording.change, "fall": wording.fall, "counted": wording.counted,
    }  # fmt: skip
    return loaded


def rendered(template: str, **values: object) -> str:
    """Return a template as HTML."""
    return environment().get_template(template).render(**values)
