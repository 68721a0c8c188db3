"""FRED, the Cboe's VIX file and the GPR index against the stub: figures, instants, and every refusal."""

from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pandas as pd
import pytest
from trading.adapters.http import HttpClient
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.sources.cboe import PATH as CBOE_PATH
from trading.adapters.sources.cboe import CboeVixSource, cboe_terms
from trading.adapters.sources.fred import FredSource, fred_terms
from trading.adapters.sources.gpr import PATH as GPR_PATH
from trading.adapters.sources.gpr import GprSource, gpr_terms
from trading.domain.instruments import VIX
from trading.domain.market import MacroSeries, Resolution, TimeWindow
from trading.errors import DataRejected, VendorRateLimited, VendorRefused, VendorUnavailable

from tests.fakes_http import CANARY, MemoryCalls
from tests.http_stub import Answer, http_stub
from tests.vendor_fixtures import fixture

CALENDAR = NyseCalendar()
OBSERVATIONS = "/fred/series/observations"
YEAR_2026 = TimeWindow(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC))


def client(terms, calls=None):
    return HttpClient(terms, calls or MemoryCalls(), deadline_seconds=5, sleep=lambda seconds: None)


def consumer_prices(*answers, window=YEAR_2026, calls=None):
    with http_stub(paths={OBSERVATIONS: list(answers)}) as stub:
        source = FredSource(client(fred_terms(CANARY, base_url=stub.url), calls), CALENDAR)
        return list(source.macro(window)), stub.asked


def observations(*rows):
    keys = ("realtime_start", "date", "value")
    return {"count": len(rows), "observations": [dict(zip(keys, row, strict=True)) for row in rows]}


def test_a_month_counts_as_first_published_and_from_the_next_session():
    points, _ = consumer_prices(Answer(fixture("fred/observations_cpi_vintages.json").decode()))
    assert [(p.series, p.period_on, p.value, p.known_at) for p in points] == [
        (MacroSeries.CPI_NSA, date(2026, 8, 1), 323.1, datetime(2026, 9, 14, 13, 30, tzinfo=UTC)),
        (MacroSeries.CPI_NSA, date(2026, 9, 1), 324.0, datetime(2026, 10, 14, 13, 30, tzinfo=UTC)),
    ]


def test_a_month_without_a_value_waits_for_one_and_old_months_are_not_news():
    clipped, missing, late = (
        ("2025-12-22", "2025-11-01", "324.9"),
        ("2026-01-13", "2025-12-01", "."),
        ("2026-02-11", "2025-12-01", "325.0"),
    )
    points, asked = consumer_prices(Answer(observations(clipped, missing, late)))
    assert [(p.value, p.known_at.date()) for p in points] == [(325.0, date(2026, 2, 12))]
    (question,) = [a.query for a in asked]
    assert question["series_id"] == ["CPIAUCNS"]
    assert (question["realtime_start"], question["realtime_end"]) == (["2025-12-22"], ["2026-12-31"])


@pytest.mark.parametrize(
    ("reply", "status", "error"),
    [
        ("400_unknown_series", 400, VendorRefused),
        ("400_vintage_cap", 400, VendorRefused),
        ("429", 429, VendorRateLimited),
    ],
)
def test_what_fred_refuses_has_its_own_error_and_never_shows_the_key(reply, status, error):
    calls = MemoryCalls()
    with pytest.raises(error) as refused:
        consumer_prices(Answer(fixture(f"fred/errors/{reply}.json").decode(), status=status), calls=calls)
    told = f"{refused.value} {refused.value.excerpt} {[(c.endpoint, c.result) for c in calls.calls]}"
    assert CANARY not in told
    assert "fred answered" in str(refused.value)


@pytest.mark.parametrize(
    "answer", [Answer("<html></html>"), Answer(observations(), truncate_bytes=5), Answer(status=502)]
)
def test_a_page_a_torso_or_an_outage_of_fred_is_tried_again(answer):
    with pytest.raises(VendorUnavailable):
        consumer_prices(answer)


@pytest.mark.parametrize(
    "said",
    [
        {"observations": []},
        observations(("2026-01-13", "2025-12-01", "NaN")),
        observations(("2026-01-13", "December", "325.0")),
        {"count": 2, "observations": []},
    ],
)
def test_observations_of_another_shape_are_refused_whole(said):
    with pytest.raises(DataRejected, match="FRED"):
        consumer_prices(Answer(said))


AUGUST_2024 = TimeWindow(datetime(2024, 8, 1, tzinfo=UTC), datetime(2024, 8, 6, 13, 30, tzinfo=UTC))


def vix(body, window=AUGUST_2024, *, symbol=VIX, resolution=Resolution.DAY):
    with http_stub(paths={CBOE_PATH: [Answer(body)]}) as stub:
        source = CboeVixSource(client(cboe_terms(base_url=stub.url)), CALENDAR)
        return list(source.bars(symbol, window, resolution)), stub.asked


def test_the_file_of_the_vix_gives_the_days_known_by_the_windows_end():
    bars, _ = vix(fixture("vix/VIX_History_sample.csv").decode())
    assert [(b.starts_at.date().isoformat(), b.close) for b in bars] == [
        ("2024-08-01", 18.59),
        ("2024-08-02", 23.39),
        ("2024-08-05", 38.57),
    ]
    spike = bars[-1]
    assert (spike.symbol, spike.high, spike.volume) == (VIX, 65.73, 0.0)
    assert spike.ends_at == datetime(2024, 8, 5, 20, tzinfo=UTC)
    assert spike.known_at == datetime(2024, 8, 6, 13, 30, tzinfo=UTC)


def test_a_holiday_of_new_york_is_no_day_of_the_vix():
    text = "DATE,OPEN,HIGH,LOW,CLOSE\n07/04/2024,12,12,12,12\n07/05/2024,12,13,12,12.5\n"
    window = TimeWindow(datetime(2024, 7, 1, tzinfo=UTC), datetime(2024, 7, 9, tzinfo=UTC))
    assert [b.close for b in vix(text, window)[0]] == [12.5]


def test_only_the_daily_vix_is_asked_of_the_cboe():
    assert vix("", symbol="NVDA") == ([], [])
    assert vix("", resolution=Resolution.HALF_HOUR) == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        "DATE,OPEN,HIGH,LOW,CLOSE\n",
        "DATE,CLOSE\n08/01/2024,12\n",
        "DATE,OPEN,HIGH,LOW,CLOSE\n2024-08-01,12,12,12,12\n",
        "DATE,OPEN,HIGH,LOW,CLOSE\n08/01/2024,12,12,12\n",
        "DATE,OPEN,HIGH,LOW,CLOSE\n08/01/2024,12,12,12,12\n08/01/2024,12,12,12,13\n",
    ],
)
def test_a_vix_file_of_another_shape_is_refused_whole(text):
    with pytest.raises(DataRejected, match="VIX"):
        vix(text)


def test_the_cboe_serves_up_to_the_newest_day_that_may_be_read():
    with http_stub() as stub:
        source = CboeVixSource(client(cboe_terms(base_url=stub.url)), CALENDAR)

    def until(*at):
        return source.served_until(VIX, Resolution.DAY, datetime(*at, tzinfo=UTC))

    assert until(2024, 8, 5, 20) == datetime(2024, 8, 2, 20, tzinfo=UTC)
    assert until(2024, 8, 6, 13, 0) == datetime(2024, 8, 2, 20, tzinfo=UTC)
    assert until(2024, 8, 6, 14, 30) == datetime(2024, 8, 5, 20, tzinfo=UTC)
    assert source.served_until("NVDA", Resolution.DAY, datetime(2024, 8, 6, 20, tzinfo=UTC)) is None


def stata(days, **columns):
    written = BytesIO()
    pd.DataFrame({"date": pd.to_datetime(days), **columns}).to_stata(written, write_index=False)
    return written.getvalue()


def risk(body, window=YEAR_2026):
    with http_stub(paths={GPR_PATH: [Answer(body)]}) as stub:
        return list(GprSource(client(gpr_terms(base_url=stub.url))).macro(window))


def test_a_month_of_the_risk_index_is_its_mean_known_a_week_after_its_end():
    days = pd.date_range("2026-02-01", "2026-03-20")
    body = stata(days, GPRD=[100.0 if d.month == 2 else 500.0 for d in days], GPRD_MA7=[1.0] * len(days))
    (point,) = risk(body)
    assert (point.series, point.period_on, point.value) == (MacroSeries.GPR, date(2026, 2, 1), 100.0)
    assert point.known_at == datetime(2026, 3, 7, tzinfo=UTC)
    assert risk(body, TimeWindow(point.known_at + timedelta(days=1), YEAR_2026.ends_at)) == []


def test_a_month_with_a_hole_is_left_out():
    days = pd.date_range("2026-02-01", "2026-02-28")
    assert risk(stata(days, GPRD=[float("nan"), *[100.0] * 27])) == []


@pytest.mark.parametrize(
    "body", [b"not stata at all", stata(["2026-02-01"], OTHER=[1.0]), stata(["2026-02-01"], GPRD=["x"])]
)
def test_a_risk_file_of_another_shape_is_refused(body):
    with pytest.raises(DataRejected, match="GPR"):
        risk(body)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_risk_file_that_was_cut_off_is_refused(part):
    days = pd.date_range("2026-02-01", "2026-02-28")
    body = stata(days, GPRD=[100.0] * 28)
    with pytest.raises(DataRejected, match="GPR"):
        risk(body[: int(len(body) * part)])
