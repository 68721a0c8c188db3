"""What the regulator charges on sales: dated rates, each with the notice that set it.

Brokers hand these on with every sale of a stock or fund; purchases carry none. A day before the first row of a table is
charged by that first row, a day after the last row by the last one: a rate stands until a notice changes it, so a new
notice is a new row here. Amounts are not rounded to cents, because the broker's commission report is not either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trading.domain.money import ZERO
from trading.domain.orders import Side

type FeeSchedule = Callable[[Side, Decimal, Decimal, date], Decimal]
"""(side, quantity [shares], price [USD/share], traded on) → fees [USD]."""

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class SecRate:
    """Section 31 of the Securities Exchange Act: USD per million USD sold, from a trade date on."""

    starts_on: date
    per_million_usd: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class TafRate:
    """FINRA's Trading Activity Fee: USD per share sold and at most per trade, from a trade date on."""

    starts_on: date
    per_share_usd: Decimal
    cap_usd: Decimal
    source: str


SEC_RATES: tuple[SecRate, ...] = (
    SecRate(date(2014, 3, 18), Decimal("22.10"), "FINRA Information Notice 3/3/14"),
    # The day in 2015 on which 18.40 began was not found in a notice; before 2016 the rate of 2014 is charged.
    SecRate(date(2016, 1, 1), Decimal("18.40"), "SEC press release 2016-2: 18.40 until 15 February 2016"),
    SecRate(date(2016, 2, 16), Decimal("21.80"), "SEC press release 2016-2; FINRA Information Notice 3/15/16"),
    SecRate(date(2017, 7, 4), Decimal("23.10"), "SEC fee rate advisory for fiscal year 2017"),
    SecRate(date(2018, 5, 22), Decimal("13.00"), "FINRA Information Notice 5/7/18"),
    SecRate(date(2019, 4, 16), Decimal("20.70"), "SEC Fee Rate Advisory #2 for fiscal year 2019"),
    SecRate(date(2020, 2, 18), Decimal("22.10"), "FINRA Information Notice 2/3/20"),
    SecRate(date(2021, 2, 25), Decimal("5.10"), "SEC Fee Rate Advisory #2 for fiscal year 2021"),
    SecRate(date(2022, 5, 14), Decimal("22.90"), "SEC advisory 2022-60"),
    SecRate(date(2023, 2, 27), Decimal("8.00"), "SEC advisory 2023-15, Release 34-96724"),
    SecRate(date(2024, 5, 22), Decimal("27.80"), "SEC advisory 2024-47, Release 34-99973"),
    SecRate(date(2025, 5, 14), Decimal("0.00"), "SEC advisory 2025-2, Release 34-102779"),
    SecRate(date(2026, 4, 4), Decimal("20.60"), "SEC advisory 2026-2, Release 34-104909"),
)

TAF_RATES: tuple[TafRate, ...] = (
    TafRate(date(2012, 7, 1), Decimal("0.000119"), Decimal("5.95"), "FINRA Regulatory Notice 12-31"),
    TafRate(date(2022, 1, 1), Decimal("0.000130"), Decimal("6.49"), "SR-FINRA-2020-032"),
    TafRate(date(2023, 1, 1), Decimal("0.000145"), Decimal("7.27"), "SR-FINRA-2020-032"),
    TafRate(date(2024, 1, 1), Decimal("0.000166"), Decimal("8.30"), "SR-FINRA-2020-032"),
    TafRate(date(2026, 1, 1), Decimal("0.000195"), Decimal("9.79"), "SR-FINRA-2024-019"),
    TafRate(date(2026, 10, 1), Decimal("0.000000"), Decimal("0.00"), "SR-FINRA-2026-021, a pause until year's end"),
    TafRate(date(2027, 1, 1), Decimal("0.000195"), Decimal("9.79"), "SR-FINRA-2026-021: the rates before it resume"),
)


def regulatory_fees(side: Side, quantity: Decimal, price: Decimal, traded_on: date) -> Decimal:
    """Return Section 31 and Trading Activity Fee of a trade; 0 for a purchase."""
    if side is Side.BUY:
        return ZERO
    sec, taf = _rate_on(SEC_RATES, traded_on), _rate_on(TAF_RATES, traded_on)
    return quantity * price * sec.per_million_usd / _MILLION + min(quantity * taf.per_share_usd, taf.cap_usd)


def _rate_on[Rate: (SecRate, TafRate)](rates: Sequence[Rate], on: date) -> Rate:
    """Return the last rate that began by `on`; the first one for an earlier day."""
    return next((rate for rate in reversed(rates) if rate.starts_on <= on), rates[0])
