from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from trading.analysis.facts import Facts
from trading.analysis.risk import risk_columns
from trading.analysis.technicals import LastPrices
from trading.analysis.valuation import valuation_columns
from trading.domain.instruments import VIX, Sector
from trading.domain.market import MacroSeries, Resolution
from trading.domain.panel import Why
from trading.strategy.three_sector import UNIVERSE

from tests.builders import a_filing, a_macro_point, an_action
from tests.unit.analysis.worlds import daily_series, laid_out, times_of

ON = date(2024, 6, 12)
QUARTERS = (date(2023, 6, 30), date(2023, 9, 30), date(2023, 12, 31), date(2024, 3, 31))
PEERS = {Sector.TECH: ("AAPL", "MSFT", "TSLA")}
TRADED = UNIVERSE.traded


def columns_of(facts: Facts, times):
    return laid_out(valuation_columns(facts, UNIVERSE, PEERS, times, LastPrices(facts, times, daily_pricing=True)))


def four_quarters(symbol: str, eps: float, **overrides):
    return [
        a_filing(
            symbol=symbol,
            period_ends_on=end,
            eps_diluted=eps,
            known_at=datetime(end.year, end.month, end.day, 20, tzinfo=UTC) + timedelta(days=30),
            **overrides,
        )
        for end in QUARTERS
    ]


def valued(filings, actions=()):
    prices = {"AAPL": 200.0, "MSFT": 400.0, "TSLA": 180.0}
    bars = {(s, Resolution.DAY): daily_series(s, np.full(5, p), last_on=date(2024, 6, 11)) for s, p in prices.items()}
    facts = Facts(bars, filings=filings, actions=actions)
    columns = columns_of(facts, times_of(ON, ON))
    return lambda name, symbol: columns[name][0, TRADED.index(symbol)]


def test_pe_is_price_over_four_quarters_beside_the_other_peers():
    got = valued(four_quarters("AAPL", 2.0) + four_quarters("MSFT", 2.5) + four_quarters("TSLA", 1.0))
    assert got("pe_ratio", "AAPL") == pytest.approx(25.0)
    assert got("pe_sector_median", "AAPL") == pytest.approx((40.0 + 45.0) / 2)
    assert got("why_valuation", "AAPL") == Why.KNOWN


def test_a_loss_is_known_but_has_no_ratio():
    got = valued(four_quarters("AAPL", -1.0) + four_quarters("MSFT", 2.5))
    assert np.isnan(got("pe_ratio", "AAPL"))
    assert (got("eps_ttm", "AAPL"), got("why_valuation", "AAPL")) == (-4.0, Why.KNOWN)


def test_what_is_missing_is_named():
    got = valued(four_quarters("AAPL", 2.0) + four_quarters("MSFT", 2.0)[:3])
    assert got("why_valuation", "MSFT") == Why.NO_FILING
    assert got("why_valuation", "AAPL") == Why.NO_PEERS
    assert got("why_valuation", "GLD") == Why.NOT_APPLICABLE


def test_a_peer_that_loses_money_has_no_say_in_the_median():
    got = valued(four_quarters("AAPL", 2.0) + four_quarters("MSFT", 2.5) + four_quarters("TSLA", -1.0))
    assert got("pe_sector_median", "AAPL") == pytest.approx(40.0)
    assert got("pe_sector_median", "TSLA") == pytest.approx((25.0 + 40.0) / 2)


def test_a_name_is_never_its_own_peer():
    got = valued(four_quarters("AAPL", 2.0))
    assert got("pe_ratio", "AAPL") == pytest.approx(25.0)
    assert got("why_valuation", "AAPL") == Why.NO_PEERS
    assert got("pe_sector_median", "MSFT") == pytest.approx(25.0)


def test_a_foreign_filer_without_filings_abstains_and_says_so():
    got = valued(four_quarters("AAPL", 2.0))
    assert (got("why_valuation", "MSFT"), np.isnan(got("eps_ttm", "MSFT"))) == (Why.NO_FILING, True)


def test_earnings_older_than_two_hundred_days_no_longer_describe_the_company():
    got = valued([filed(date(2023, 11, 20), 4, 6.0, date(2023, 12, 20)), *four_quarters("MSFT", 2.0)])
    assert got("why_valuation", "AAPL") == Why.NO_FILING


def test_a_fiscal_year_stands_for_its_last_quarter():
    three = four_quarters("AAPL", 2.0)[:3]
    year = a_filing(symbol="AAPL", period_ends_on=QUARTERS[3], quarters=4, eps_diluted=9.0, known_at=three[2].known_at)
    assert valued([*three, year, *four_quarters("MSFT", 1.0)])("eps_ttm", "AAPL") == pytest.approx(9.0)


def test_earnings_as_filed_are_rescaled_for_a_later_split():
    split = an_action(symbol="AAPL", ex_on=date(2024, 6, 10), value=4.0)
    got = valued(four_quarters("AAPL", 8.0) + four_quarters("MSFT", 2.5), [split])
    assert got("eps_ttm", "AAPL") == pytest.approx(8.0)


def filed(end: date, quarters: int, eps: float, on: date, **overrides):
    known_at = datetime(on.year, on.month, on.day, 20, tzinfo=UTC)
    return a_filing(
        symbol="AAPL", period_ends_on=end, quarters=quarters, eps_diluted=eps, known_at=known_at, **overrides
    )


def test_a_year_alone_is_its_own_trailing_year():
    got = valued([filed(date(2024, 3, 31), 4, 6.0, date(2024, 5, 2)), *four_quarters("MSFT", 1.0)])
    assert got("eps_ttm", "AAPL") == 6.0


def test_the_year_to_date_replaces_the_same_part_of_the_year_before():
    # 52-week years: this half ends six days from the calendar day of the one before.
    year = filed(date(2023, 9, 30), 4, 6.0, date(2023, 11, 2))
    before = filed(date(2023, 4, 6), 2, 2.5, date(2024, 5, 2))
    to_date = filed(date(2024, 3, 31), 2, 3.25, date(2024, 5, 2))
    assert valued([year, before, to_date])("eps_ttm", "AAPL") == 6.75
    far = filed(date(2023, 4, 20), 2, 2.5, date(2024, 5, 2))
    assert valued([year, far, to_date])("why_valuation", "AAPL") == Why.NO_FILING


def test_a_year_before_a_split_and_a_quarter_after_it_stand_on_one_basis():
    year = filed(date(2023, 12, 31), 4, 8.0, date(2024, 2, 20))
    before = filed(date(2023, 3, 31), 1, 0.5, date(2024, 5, 20))
    to_date = filed(date(2024, 3, 31), 1, 0.75, date(2024, 5, 20))
    split = an_action(symbol="AAPL", ex_on=date(2024, 4, 15), value=4.0)
    assert valued([year, before, to_date], [split])("eps_ttm", "AAPL") == 2.25


def test_what_was_filed_on_the_eve_of_a_split_stands_on_the_old_basis():
    split = an_action(symbol="AAPL", ex_on=date(2024, 5, 2), value=4.0)
    on_the_day = filed(date(2024, 3, 31), 4, 8.0, date(2024, 5, 2))
    the_day_before = filed(date(2024, 3, 31), 4, 8.0, date(2024, 5, 2), filed_on=date(2024, 5, 1))
    assert valued([on_the_day], [split])("eps_ttm", "AAPL") == 8.0
    assert valued([the_day_before], [split])("eps_ttm", "AAPL") == 2.0


def test_revenue_growth_compares_two_trailing_years():
    years = [filed(date(n, 3, 31), 4, 6.0, date(n, 5, 2), revenue_usd=r) for n, r in ((2023, 400.0), (2024, 500.0))]
    assert valued(years)("revenue_growth_frac", "AAPL") == 0.25
    assert np.isnan(valued(years[1:])("revenue_growth_frac", "AAPL"))


def test_growth_of_a_company_that_stopped_filing_is_unknown_like_its_earnings():
    years = [filed(date(n, 6, 30), 4, 6.0, date(n, 8, 2), revenue_usd=r) for n, r in ((2022, 400.0), (2023, 500.0))]
    # 2023-06-30 lies 348 days back.
    assert np.isnan(valued(years)("revenue_growth_frac", "AAPL"))


def test_a_peer_whose_price_is_old_has_no_say_in_the_median():
    def median(last_on):
        bars = {
            ("AAPL", Resolution.DAY): daily_series("AAPL", np.full(5, 200.0), last_on=date(2024, 6, 11)),
            ("MSFT", Resolution.DAY): daily_series("MSFT", np.full(5, 400.0), last_on=last_on),
        }
        filings = four_quarters("AAPL", 2.0) + four_quarters("MSFT", 2.5)
        columns = columns_of(Facts(bars, filings=filings), times_of(ON, ON))
        column = TRADED.index("AAPL")
        return columns["pe_sector_median"][0, column], columns["why_valuation"][0, column]

    assert median(date(2024, 6, 11)) == (40.0, Why.KNOWN)
    halted = median(date(2024, 5, 3))
    assert (np.isnan(halted[0]), halted[1]) == (True, Why.NO_PEERS)


def test_a_filing_or_a_price_of_tomorrow_changes_no_peers_median_of_today():
    known = four_quarters("AAPL", 2.0) + four_quarters("MSFT", 2.5)
    tomorrow = datetime(2024, 6, 13, 20, tzinfo=UTC)
    later = a_filing(symbol="MSFT", period_ends_on=date(2024, 6, 1), eps_diluted=900.0, known_at=tomorrow)
    assert valued([*known, later])("pe_sector_median", "AAPL") == valued(known)("pe_sector_median", "AAPL") == 40.0


def test_a_filing_counts_from_the_hour_it_is_accepted():
    late = four_quarters("AAPL", 2.0)
    late[3] = a_filing(
        symbol="AAPL", period_ends_on=QUARTERS[3], eps_diluted=2.0, known_at=datetime(2024, 6, 12, 14, tzinfo=UTC)
    )
    columns = columns_of(Facts(filings=late), times_of(ON, ON))
    eps = columns["eps_ttm"][:, TRADED.index("AAPL")]
    assert eps[0] == 8.0
    before = columns_of(Facts(filings=late), times_of(date(2024, 6, 11), date(2024, 6, 11)))
    assert np.isnan(before["eps_ttm"][:, TRADED.index("AAPL")]).all()


def test_the_vix_of_yesterday_counts_until_it_is_older():
    def why(last_on: date) -> Why:
        facts = Facts({(VIX, Resolution.DAY): daily_series(VIX, [14.0, 35.0], last_on=last_on)})
        columns = risk_columns(facts, times_of(ON, ON))
        return Why(columns["why_vix"][0, 0])

    assert why(date(2024, 6, 11)) is Why.KNOWN
    assert why(date(2024, 6, 10)) is Why.STALE
    assert Why(risk_columns(Facts(), times_of(ON, ON))["why_vix"][0, 0]) is Why.NO_DATA


def test_inflation_is_the_newest_published_month_against_its_year():
    def month(year: int, number: int, value: float):
        on = date(year, number, 1)
        known = datetime(year, number, 1, 13, tzinfo=UTC) + timedelta(days=44)
        return a_macro_point(series=MacroSeries.CPI_NSA, period_on=on, value=value, known_at=known)

    points = [month(2023, n, 300.0) for n in range(1, 13)] + [month(2024, n, 300.0 + 3 * n) for n in range(1, 6)]
    columns = risk_columns(Facts(macro=points), times_of(ON, ON))
    assert columns["cpi_yoy_frac"][0, 0] == pytest.approx(0.04)
    assert columns["cpi_yoy_3m_ago_frac"][0, 0] == pytest.approx(0.01)


def month_of(number: int, value: float, known_on: date):
    known_at = datetime(known_on.year, known_on.month, known_on.day, 13, tzinfo=UTC)
    year, month = divmod(number, 12)
    on = date(2023 + year, month + 1, 1)
    return a_macro_point(series=MacroSeries.CPI_NSA, period_on=on, value=value, known_at=known_at)


def test_inflation_rests_on_first_publications_and_on_months_known_by_then():
    on_time = [month_of(n, 300.0 + n, date(2023 + (n + 1) // 12, (n + 1) % 12 + 1, 14)) for n in range(1, 16)]
    missing = month_of(0, 290.0, date(2024, 6, 10))
    revised = month_of(15, 999.0, date(2024, 6, 11))
    columns = risk_columns(Facts(macro=[*on_time, missing, revised]), times_of(ON, ON))
    assert columns["cpi_yoy_frac"][0, 0] == pytest.approx(315.0 / 303.0 - 1)
    january = risk_columns(Facts(macro=[*on_time, missing]), times_of(date(2024, 2, 20), date(2024, 2, 20)))
    assert np.isnan(january["cpi_yoy_frac"][0, 0])


def gpr(on: date, value: float):
    known_at = datetime(on.year, on.month, 28, 20, tzinfo=UTC)
    return a_macro_point(series=MacroSeries.GPR, period_on=on, value=value, known_at=known_at)


def test_geopolitical_risk_stands_against_the_mean_of_twelve_months_in_a_row():
    months = [date(2023 + (n + 5) // 12, (n + 5) % 12 + 1, 1) for n in range(12)]
    points = [gpr(on, 100.0) for on in months[:-1]] + [gpr(months[-1], 220.0)]
    columns = risk_columns(Facts(macro=points), times_of(ON, ON))
    assert (columns["gpr"][0, 0], columns["gpr_mean_12m"][0, 0]) == (220.0, 110.0)
    # A month is missing: older ones do not stand in for it.
    holed = [gpr(date(2023, 5, 1), 100.0), *points[:4], *points[5:]]
    assert np.isnan(risk_columns(Facts(macro=holed), times_of(ON, ON))["gpr_mean_12m"][0, 0])


def test_a_risk_index_that_is_published_no_longer_is_unknown():
    points = [gpr(date(2022, month, 1), 100.0) for month in range(1, 13)]
    columns = risk_columns(Facts(macro=points), times_of(ON, ON))
    assert np.isnan(columns["gpr"][0, 0])
    assert np.isnan(columns["gpr_mean_12m"][0, 0])
    then = risk_columns(Facts(macro=points), times_of(date(2023, 1, 18), date(2023, 1, 18)))
    assert then["gpr"][0, 0] == 100.0


def test_the_change_of_the_vix_is_that_of_the_session_its_newest_value_is_of():
    series = daily_series(VIX, [14.0, 20.0], last_on=date(2024, 6, 11))
    late = series.known_at.copy()
    late[-1] = np.datetime64("2024-06-12T16:00")
    columns = risk_columns(Facts({(VIX, Resolution.DAY): replace(series, known_at=late)}), times_of(ON, ON))
    assert np.isnan(columns["vix_change_frac"][0, 0])
    assert columns["vix_change_frac"][-1, 0] == pytest.approx(20.0 / 14.0 - 1.0)
