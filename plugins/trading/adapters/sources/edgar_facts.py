"""SEC company facts → filings, as filed.

Every filing repeats the periods that it compares with, so a period comes several times: each is a row of its own
filing, and the newest one known wins on read. `fy` and `fp` describe the filing, not the fact, and are not read; what a
fact covers is told by its first and last day alone. Fourth quarters are not filed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from trading.adapters.http.redaction import cause_of
from trading.domain.instruments import Symbol
from trading.domain.market import Filing
from trading.errors import DataRejected
from trading.ports import MarketCalendar

SOURCE = "edgar"
EPS_TAGS = ("EarningsPerShareDiluted", "EarningsPerShareBasicAndDiluted")
REVENUE_TAGS = (
    "Revenues",
    "RevenueFromContractWithCustomerExcludingAssessedTax",
    "RevenueFromContractWithCustomerIncludingAssessedTax",
    "SalesRevenueNet",
)
"""In this order: the first one that a filing uses for a period is its revenue. Companies changed tags in 2018."""
FORMS = frozenset({"10-Q", "10-K", "10-Q/A", "10-K/A"})
QUARTER_DAYS, MOST_DAYS_OFF = 91.3, 10
"""Years of 52 or 53 weeks make quarters of 12 to 14 weeks."""

type _Period = tuple[str, date, int]


@dataclass(frozen=True, slots=True)
class _Fact:
    """One figure: in which filing, up to which day, over how many quarters, filed when."""

    accession: str
    ends_on: date
    quarters: int
    filed_on: date
    value: float


def filings_of(facts: object, *, symbol: Symbol, cik: int, calendar: MarketCalendar) -> tuple[Filing, ...]:
    """Return the periods of all quarterly and yearly filings, oldest filing first; none for a foreign filer.

    Acceptance times are not part of company facts, so a filing is known at the open of the next session.

    Raises:
        DataRejected: the shape changed, or the facts are another company's.
    """
    try:
        return tuple(_filings(_taxonomy(facts, cik), symbol, calendar))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataRejected(
            f"the SEC's facts of {symbol} have another shape ({cause_of(error)}); nothing of them was stored, "
            "look for an update of Airdesk"
        ) from None


def _taxonomy(facts: Any, cik: int) -> Mapping[str, Any]:
    if int(facts["cik"]) != cik:
        raise ValueError(f"they are of CIK {int(facts['cik'])}, not of {cik}")
    found: Mapping[str, Any] = facts["facts"].get("us-gaap", {})
    return found


def _filings(taxonomy: Mapping[str, Any], symbol: Symbol, calendar: MarketCalendar) -> Iterator[Filing]:
    eps = _first_of(taxonomy, EPS_TAGS, "USD/shares")
    revenue = _first_of(taxonomy, REVENUE_TAGS, "USD")
    # An amendment of the same day replaces what it amends: it has the later accession number.
    rows: dict[tuple[date, int, date], Filing] = {}
    for key in sorted({**revenue, **eps}, key=lambda key: (_either(key, eps, revenue).filed_on, key)):
        fact = _either(key, eps, revenue)
        rows[fact.ends_on, fact.quarters, fact.filed_on] = Filing(
            symbol=symbol,
            period_ends_on=fact.ends_on,
            quarters=fact.quarters,
            eps_diluted=eps[key].value if key in eps else None,
            revenue_usd=revenue[key].value if key in revenue else None,
            source=SOURCE,
            known_at=calendar.next_session(fact.filed_on).opens_at,
            filed_on=fact.filed_on,
        )
    yield from rows.values()


def _either(key: _Period, eps: Mapping[_Period, _Fact], revenue: Mapping[_Period, _Fact]) -> _Fact:
    return eps[key] if key in eps else revenue[key]


def _first_of(taxonomy: Mapping[str, Any], tags: tuple[str, ...], unit: str) -> dict[_Period, _Fact]:
    found: dict[_Period, _Fact] = {}
    for tag in reversed(tags):
        for row in taxonomy.get(tag, {}).get("units", {}).get(unit, ()):
            if row["form"] in FORMS and (fact := _fact(row)) is not None:
                found[fact.accession, fact.ends_on, fact.quarters] = fact
    return found


def _fact(row: Mapping[str, Any]) -> _Fact | None:
    """Return the fact, or None when it covers no whole number of quarters up to a year."""
    starts_on, ends_on = date.fromisoformat(row["start"]), date.fromisoformat(row["end"])
    days = (ends_on - starts_on).days + 1
    quarters = round(days / QUARTER_DAYS)
    if not 1 <= quarters <= 4 or abs(days - quarters * QUARTER_DAYS) > MOST_DAYS_OFF:
        return None
    return _Fact(row["accn"], ends_on, quarters, date.fromisoformat(row["filed"]), float(row["val"]))
