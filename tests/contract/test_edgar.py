"""SEC EDGAR against the stub: what is filed, what is asked, and what each refusal becomes."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from trading.adapters.http import HttpClient
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.sources.edgar import SITE_URL, Edgar8kSource, EdgarSource, edgar_terms
from trading.adapters.sources.edgar_facts import filings_of
from trading.analysis.facts import DecisionTimes, Facts, utc64
from trading.analysis.valuation import trailing_figures
from trading.domain.market import TimeWindow
from trading.errors import ConfigurationError, DataRejected, VendorRateLimited, VendorUnavailable

from tests.fakes import FixedClock
from tests.fakes_http import MemoryCalls
from tests.http_stub import Answer, http_stub
from tests.vendor_fixtures import fixture

CALENDAR = NyseCalendar()
ALWAYS = TimeWindow(datetime(2010, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
AGENT = "Jane Doe jane@example.com"
NVDA_FACTS, NVDA_EPS = (
    "/api/xbrl/companyfacts/CIK0001045810.json",
    "/api/xbrl/companyconcept/CIK0001045810/us-gaap/EarningsPerShareDiluted.json",
)


def fact(start: str, end: str, value: float, filed: str, form: str = "10-Q", accession: str | None = None):
    accession = accession or f"0000000042-{filed[2:4]}-{filed[5:7]}{filed[8:10]}00"
    return {
        "start": start,
        "end": end,
        "val": value,
        "filed": filed,
        "form": form,
        "accn": accession,
        "fy": 1,
        "fp": "x",
    }


def company(eps=(), revenues=(), *, contracts=(), cik=1045810):
    def tag(unit, rows):
        return {"units": {unit: list(rows)}}

    return {
        "cik": cik,
        "facts": {
            "us-gaap": {
                "EarningsPerShareDiluted": tag("USD/shares", eps),
                "Revenues": tag("USD", revenues),
                "RevenueFromContractWithCustomerExcludingAssessedTax": tag("USD", contracts),
            }
        },
    }


def read(facts):
    return filings_of(facts, symbol="NVDA", cik=1045810, calendar=CALENDAR)


REPORTED_AT = datetime(2026, 11, 20, 21, 31, 7, tzinfo=UTC)


def edgar(stub, *, now=REPORTED_AT, **changes):
    terms = replace(edgar_terms(AGENT, base_url=stub.url), **changes)
    client = HttpClient(terms, MemoryCalls(), deadline_seconds=5, sleep=lambda seconds: None)
    return EdgarSource(client, client, CALENDAR), Edgar8kSource(client, FixedClock(now))


def paths_of(facts):
    concept = {"cik": facts["cik"]} | facts["facts"]["us-gaap"]["EarningsPerShareDiluted"]
    return {NVDA_FACTS: [Answer(facts)], NVDA_EPS: [Answer(concept)]}


@pytest.mark.parametrize(
    ("filed_by", "eps_ttm"),
    [
        (date(2025, 4, 30), 4.00),
        (date(2025, 5, 1), 4.10),
        (date(2025, 7, 31), 4.25),
        (date(2025, 10, 30), 4.40),
        (date(2026, 2, 18), 4.40),
        (date(2026, 2, 19), 4.70),
        (date(2026, 4, 30), 5.00),
    ],
)
def test_trailing_earnings_are_those_of_what_was_filed_by_then(filed_by, eps_ttm):
    facts = json.loads(fixture("edgar/companyfacts_min.json"))
    filings = filings_of(facts, symbol="EXMP", cik=42, calendar=CALENDAR)
    session = CALENDAR.next_session(filed_by)
    at = np.array([utc64(session.opens_at)], dtype="datetime64[us]")
    on = np.array([session.session_on], dtype="datetime64[D]")
    figures = trailing_figures(Facts(filings=filings), "EXMP", DecisionTimes(at, at, on, on - 1))
    assert figures["eps_ttm"].whole()[0] == pytest.approx(eps_ttm)


def test_a_filing_is_known_at_the_next_sessions_open_and_keeps_its_day():
    quarter = ("2024-01-29", "2024-04-28")
    (filing,) = read(company([fact(*quarter, 5.98, "2024-05-31")], [fact(*quarter, 26e9, "2024-05-31")]))
    assert (filing.known_at, filing.filed_on) == (datetime(2024, 6, 3, 13, 30, tzinfo=UTC), date(2024, 5, 31))
    assert (filing.quarters, filing.eps_diluted, filing.revenue_usd) == (1, 5.98, 26e9)


def test_an_amendment_is_a_row_of_its_own_and_other_forms_are_none():
    first = fact("2024-01-01", "2024-03-31", 1.0, "2024-05-02")
    amended = fact("2024-01-01", "2024-03-31", 0.9, "2024-06-20", "10-Q/A")
    recast = fact("2024-01-01", "2024-03-31", 0.8, "2024-07-01", "8-K")
    assert [(f.eps_diluted, f.filed_on) for f in read(company([first, amended, recast]))] == [
        (1.0, date(2024, 5, 2)),
        (0.9, date(2024, 6, 20)),
    ]


def test_the_length_of_a_period_is_told_by_its_days_in_years_of_52_and_53_weeks():
    ends = {"2024-04-28": 1, "2024-07-28": 2, "2024-10-27": 3, "2025-01-26": 4, "2025-02-02": 4, "2024-03-15": None}
    facts = [fact("2024-01-29", end, 1.0, f"2025-03-{10 + n}") for n, end in enumerate(ends)]
    assert {f.period_ends_on.isoformat(): f.quarters for f in read(company(facts))} == {
        k: v for k, v in ends.items() if v
    }


def test_revenue_is_read_under_the_tag_that_the_filing_used():
    old = fact("2017-01-30", "2018-01-28", 9.7e9, "2018-02-28", "10-K")
    both = fact("2018-01-29", "2019-01-27", 11.7e9, "2019-02-21", "10-K")
    partial = both | {"val": 11.0e9}
    newer = fact("2019-01-28", "2020-01-26", 10.9e9, "2020-02-20", "10-K")
    filings = read(company(revenues=[old, both], contracts=[partial, newer]))
    assert [f.revenue_usd for f in filings] == [9.7e9, 11.7e9, 10.9e9]


@pytest.mark.parametrize(
    "facts",
    [
        company(cik=7),
        {"cik": 1045810},
        [],
        company([{"end": "2024-03-31"}]),
        company([fact("2024-01-01", "31.03.2024", 1.0, "2024-05-02")]),
    ],
)
def test_facts_of_another_company_or_shape_are_refused_whole(facts):
    with pytest.raises(DataRejected, match="NVDA"):
        read(facts)


def test_a_foreign_filer_has_no_filings():
    assert read({"cik": "0001045810", "facts": {"ifrs-full": {}}}) == ()


def test_all_facts_are_asked_only_when_something_was_filed():
    facts = company([fact("2024-01-29", "2024-04-28", 5.98, "2024-05-31")])
    with http_stub(paths=paths_of(facts)) as stub:
        source, _ = edgar(stub)
        later = TimeWindow(datetime(2024, 7, 1, tzinfo=UTC), ALWAYS.ends_at)
        assert list(source.filings(["NVDA", "GLD", "VIX"], later)) == []
        assert NVDA_EPS in [a.path for a in stub.asked]
        assert NVDA_FACTS not in [a.path for a in stub.asked]
        assert [f.eps_diluted for f in source.filings(["NVDA"], ALWAYS)] == [5.98]
        assert {asked.headers["User-Agent"] for asked in stub.asked} == {AGENT}


def test_a_page_of_another_shape_is_refused_and_never_no_filings():
    with http_stub(Answer({"message": "moved"})) as stub, pytest.raises(DataRejected, match="another shape"):
        list(edgar(stub)[0].filings(["NVDA"], ALWAYS))


def test_a_ticker_that_we_do_not_list_is_looked_up_once():
    listed = {"0": {"cik_str": 85535, "ticker": "RGLD", "title": "ROYAL GOLD INC"}}
    with http_stub(paths={"/files/company_tickers.json": [Answer(listed)]}) as stub:
        source, _ = edgar(stub)
        assert list(source.filings(["RGLD", "XXXX"], ALWAYS)) == []
        paths = [asked.path for asked in stub.asked]
        assert paths.count("/files/company_tickers.json") == 1
        assert "/api/xbrl/companyconcept/CIK0000085535/us-gaap/EarningsPerShareDiluted.json" in paths


def test_a_block_asks_for_ten_minutes_of_silence_and_stops_at_once():
    with http_stub(Answer("<html>Undeclared Automated Tool</html>", status=403)) as stub:
        source, reports = edgar(stub)
        for asking in (source.filings(["NVDA", "AMD"], ALWAYS), reports.news(["NVDA"], ALWAYS)):
            with pytest.raises(VendorRateLimited, match="SEC_USER_AGENT") as refused:
                list(asking)
            assert refused.value.retry_after_seconds == 600
        assert len(stub.asked) == 2


@pytest.mark.parametrize(
    "answer", [Answer("<html>Maintenance</html>"), Answer(company(), truncate_bytes=20), Answer("")]
)
def test_a_page_a_torso_or_nothing_is_an_outage_and_never_no_filings(answer):
    with http_stub(answer) as stub, pytest.raises(VendorUnavailable):
        list(edgar(stub)[0].filings(["NVDA"], ALWAYS))


def test_an_agent_without_an_address_is_refused_before_anything_is_asked():
    with pytest.raises(ConfigurationError, match="SEC_USER_AGENT"):
        edgar_terms("airdesk", base_url=SITE_URL)


def entry(number: int, *, cik: int = 1045810, at: str = "2026-11-20T16:31:07-05:00", form: str = "8-K") -> str:
    summary = "&lt;b&gt;Filed:&lt;/b&gt;\n&lt;br&gt;Item 2.02: Results of Operations\n&lt;br&gt;Item 9.01: Exhibits"
    return (
        f"<entry><title>{form} - NVIDIA CORP ({cik:010d}) (Filer)</title><summary>{summary}</summary>"
        f'<link href="https://www.sec.gov/{number}"/><updated>{at}</updated>'
        f"<id>urn:tag:sec.gov,2008:accession-number=0000000042-26-{number:06d}</id></entry>"
    )


def feed(*entries: str) -> bytes:
    return f'<feed xmlns="http://www.w3.org/2005/Atom">{"".join(entries)}</feed>'.encode()


def stories(*pages: bytes, window=ALWAYS, symbols=("NVDA", "AMD"), now=REPORTED_AT):
    with http_stub(*(Answer(page, headers={"Content-Type": "application/atom+xml"}) for page in pages)) as stub:
        return list(edgar(stub, now=now)[1].news(symbols, window)), stub.asked


def test_a_report_becomes_a_story_by_its_headings():
    (story,), _ = stories(feed(entry(1), entry(2, cik=99), entry(3, form="10-Q")))
    assert story.title == "NVIDIA CORP 8-K: Results of Operations"
    assert story.symbols == ("NVDA",)
    assert story.published_at == story.known_at == REPORTED_AT
    assert (story.item_id, story.url) == ("edgar_8k:0000000042-26-000001", "https://www.sec.gov/1")


@pytest.mark.parametrize(
    ("asked_after", "known_after"),
    [
        (timedelta(minutes=29), timedelta(minutes=28)),
        (timedelta(hours=9), timedelta(hours=9)),
        (timedelta(days=3), timedelta(minutes=15)),
    ],
    ids=["just after the cutoff", "first seen hours later", "long ago"],
)
def test_a_report_counts_from_when_it_was_seen_not_from_the_stamp_of_the_sec(asked_after, known_after):
    cutoff_at = REPORTED_AT + timedelta(minutes=28)
    window = TimeWindow(ALWAYS.starts_at, cutoff_at + timedelta(microseconds=1))
    (story,), _ = stories(feed(entry(1)), window=window, now=REPORTED_AT + asked_after)
    assert (story.published_at, story.known_at) == (REPORTED_AT, REPORTED_AT + known_after)


def test_a_report_of_two_companies_is_one_story():
    (story,), _ = stories(feed(entry(1), entry(1, cik=2488)))
    assert story.symbols == ("NVDA", "AMD")


def test_pages_are_turned_until_the_window_begins():
    newer = feed(*(entry(n) for n in range(100)))
    older = feed(*(entry(n, at="2026-11-20T09:00:00-05:00") for n in range(100, 200)))
    since = TimeWindow(datetime(2026, 11, 20, 15, tzinfo=UTC), ALWAYS.ends_at)
    found, asked = stories(newer, older, feed(), window=since)
    assert len(found) == 100
    assert [a.query["start"] for a in asked] == [["0"], ["100"]]


def test_the_recorded_feed_is_read():
    found, _ = stories(fixture("edgar/current_8k.atom"))
    assert found == []


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + feed(entry(1)),
        ('<?xml version="1.0" encoding="UTF-16"?>' + feed().decode()).encode("utf-16"),
        feed(entry(1))[:-9],
        b"<rss/>",
        feed(entry(1, at="2026-11-20T16:31:07")),
    ],
)
def test_a_feed_that_declares_entities_is_cut_off_or_is_none_is_refused(body):
    with pytest.raises(DataRejected, match="8-K feed"):
        stories(body)


def test_hostile_headings_stay_text():
    hostile = entry(1).replace("Results of Operations", "'; DROP TABLE market.news; --" + "x" * 5_000)
    (story,), _ = stories(feed(hostile))
    assert len(story.title) == 2_000
    assert story.known_at - story.published_at == timedelta(0)
