"""Headlines of four vendors and surprises of one, through the real layers into a real store and a score."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from trading.adapters.http import HttpClient, client
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store.calls import PostgresCallLedger
from trading.adapters.postgres_store.connection import connect
from trading.adapters.sources.alphavantage import alphavantage_terms
from trading.adapters.sources.x_search import x_terms
from trading.bootstrap import services_for
from trading.domain.instruments import Universe
from trading.domain.market import session_slots
from trading.domain.panel import Why
from trading.entrypoints import cli
from trading.errors import AirdeskError, QuotaExhausted
from trading.settings import load_settings
from trading.strategy.three_sector import three_sector
from trading.tasks.analyse import risk, sentiment
from trading.tasks.ingest import ingest_fundamentals, ingest_news

from tests.fakes import FixedClock
from tests.http_stub import Answer, http_stub
from tests.oracles import oracle

CALENDAR = NyseCalendar()
SLOTS = session_slots(CALENDAR.session(date(2026, 11, 20)))
SLOT, LATER = SLOTS[0], SLOTS[1]
POLYGON, ALPHA, NEWSAPI, X = "/v2/reference/news", "/query", "/v2/everything", "/2/tweets/search/recent"
KEYS = {
    "POLYGON_API_KEY": "canary+polygon/1=x", "ALPHAVANTAGE_API_KEY": "canary+alpha/2=x",
    "NEWSAPI_KEY": "canary+newsapi/3=x", "X_BEARER_TOKEN": "canary+bearer/4=x",
}  # fmt: skip
HEADLINE = "Nvidia wins record contract"


@pytest.fixture
def vendors():
    with http_stub() as stub:
        stub.answers["*"] = [Answer({"status": "OK", "results": []})]
        tell(stub)
        yield stub


def tell(stub, *, polygon=(), alpha=(), newsapi=(), x=()):
    """Let each vendor tell these headlines about Nvidia, published ten minutes before the first decision."""
    at, a_day_ago = "2026-11-20T15:20:00Z", "2026-11-19T14:00:00Z"
    stub.script(
        POLYGON,
        Answer(
            {
                "status": "OK",
                "results": [
                    {"id": f"p{n}", "title": t, "tickers": ["NVDA"], "published_utc": at} for n, t in enumerate(polygon)
                ],
            }
        ),
    )
    stub.script(
        ALPHA,
        Answer(
            {
                "items": "1",
                "feed": [
                    {
                        "title": t,
                        "url": f"https://a.example/{n}",
                        "time_published": "20261120T152000",
                        "ticker_sentiment": [{"ticker": "NVDA", "relevance_score": "0.9"}],
                    }
                    for n, t in enumerate(alpha)
                ],
            }
        ),
    )
    stub.script(
        NEWSAPI,
        Answer(
            {
                "status": "ok",
                "totalResults": len(newsapi),
                "articles": [
                    {"title": t, "url": f"https://n.example/{n}", "publishedAt": a_day_ago}
                    for n, t in enumerate(newsapi)
                ],
            }
        ),
    )
    stub.script(X, Answer({"data": [
        {"id": str(n), "text": t, "created_at": at, "lang": "en"} for n, t in enumerate(x)]}))  # fmt: skip


def desk(database_url, stub, *, slot=SLOT, delay=timedelta(seconds=30), **changes):
    env = {
        "AIRDESK_DATABASE_URL": database_url, "AIRDESK_MODE": "paper", "AIRDESK_SOURCES": "vendors",
        "AIRDESK_SOURCE_DELAY_MINUTES": "0", "POLYGON_PLAN": "advanced", "X_MONTHLY_BUDGET_USD": "500",
        **{f"{name}_BASE_URL": stub.url for name in ("POLYGON", "ALPHAVANTAGE", "NEWSAPI", "X", "CBOE", "GPR")},
        **KEYS, **changes,
    }  # fmt: skip
    settings = load_settings(env)
    services = services_for(settings)
    clock = FixedClock(slot.as_of + delay)
    for source in (*services.sources.news, *services.sources.earnings):
        source._clock = clock
    sources = replace(services.sources, macro=(), actions=())
    return settings.book, replace(services, clock=clock, sources=sources)


@pytest.fixture
def spec():
    full = three_sector()
    return replace(full, universe=Universe(tuple(full.universe[symbol] for symbol in ("NVDA", "GLD", "SPY"))))


def stored(services, cutoff_at=SLOT.as_of):
    with services.store.transaction() as tx:
        return tx.market.news(since=SLOT.as_of - timedelta(days=7), cutoff_at=cutoff_at)


def scored(services, spec, book, slot=SLOT):
    sentiment(services, spec, book, slot)
    with services.store.transaction() as tx:
        panel = tx.analysis.read(spec.universe.traded, slot.as_of, slot.as_of)
    return {name: getattr(panel, name)[0, 0] for name in ("sentiment", "story_count", "negative_source_count")}


def test_a_story_of_four_vendors_is_four_rows_and_one_story(database_url, vendors, spec):
    signed = {"polygon": [HEADLINE], "alpha": [f"{HEADLINE} - Reuters"], "newsapi": [f"{HEADLINE.upper()} (Reuters)"]}
    tell(vendors, **signed, x=[f"{HEADLINE}!", "$NVDA up", "$NVDA steady"])
    book, services = desk(database_url, vendors)
    report = ingest_news(services, spec, book, SLOT)
    assert (report.counts["stories_stored"], report.counts["stories_in_72h"]) == (6, 3)
    assert report.counts["stories_repeated"] == 3
    assert {item.source for item in stored(services)} == {"polygon", "alphavantage", "newsapi", "x"}
    assert scored(services, spec, book)["story_count"] == 3
    assert ingest_news(services, spec, book, SLOT).counts["stories_stored"] == 0


def test_two_sources_of_one_terrible_story_are_two_sources_and_one_story(database_url, vendors, spec):
    terrible = "Nvidia fraud disaster: investors devastated by terrible losses"
    tell(vendors, polygon=[terrible], newsapi=[f"{terrible} - Reuters"])
    book, services = desk(database_url, vendors)
    ingest_news(services, spec, book, SLOT)
    found = scored(services, spec, book)
    assert (found["story_count"], found["negative_source_count"]) == (1, 2)


def test_a_changed_headline_is_kept_beside_the_first_and_counts_in_its_place_from_then_on(database_url, vendors, spec):
    tell(vendors, polygon=[HEADLINE])
    book, services = desk(database_url, vendors)
    ingest_news(services, spec, book, SLOT)
    tell(vendors, polygon=["Nvidia loses record contract"])
    _, later = desk(database_url, vendors, slot=LATER)
    report = ingest_news(later, spec, book, LATER)
    assert (report.counts["stories_stored"], report.counts["stories_in_72h"]) == (1, 1)
    first, second = stored(services, LATER.as_of)
    assert (first.item_id, first.known_at) == ("polygon:p0", SLOT.as_of)
    assert (second.item_id, second.known_at, second.title) == (
        "polygon:p0~2", LATER.as_of, "Nvidia loses record contract"
    )  # fmt: skip
    assert scored(services, spec, book)["story_count"] == 1
    assert stored(services) == (first,), "what was known at the first decision stays as it was"
    assert ingest_news(later, spec, book, LATER).counts["stories_stored"] == 0


def test_hostile_headlines_of_every_vendor_are_stored_and_scored_within_a_moment(database_url, vendors, spec):
    cases = oracle("hostile_headlines.json")["cases"]
    texts = [c["make"]["repeat"] * c["make"]["times"] if "make" in c else c["text"] for c in cases]
    named = [text and f"$NVDA {text}" for text in texts]
    tell(vendors, polygon=texts, alpha=texts, newsapi=named, x=named)
    book, services = desk(database_url, vendors)
    started_at = time.process_time()
    report = ingest_news(services, spec, book, SLOT)
    assert not report.degraded
    items = stored(services)
    assert len(items) == 4 * 6, "of eight headlines two are empty"
    assert all(0 < len(item.title) <= 2_000 and item.title.isprintable() for item in items)
    assert any("DROP TABLE orders" in item.title for item in items)
    assert -1 <= scored(services, spec, book)["sentiment"] <= 1
    assert time.process_time() - started_at < 60, "VADER needs minutes for an uncut headline"


def test_no_key_of_any_vendor_is_in_a_row_a_log_line_or_an_error(database_url, vendors, spec, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(client, "BACKOFF_SECONDS", (0.01, 0.01))
    book, services = desk(database_url, vendors)
    telling = {"Information": f"your keys {' '.join(KEYS.values())} made 25 requests per day"}
    said, at_once = [], {"Retry-After": "0", "x-rate-limit-reset": "1"}
    for status in (200, 400, 401, 403, 404, 426, 429, 500):
        with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute("TRUNCATE ops.capabilities_off, ops.circuits")
            cursor.execute("UPDATE ops.api_calls SET called_at = called_at - interval '2 minutes'")  # so none waits
        for path in (POLYGON, ALPHA, NEWSAPI, X):
            vendors.script(path, Answer(telling, status=status, headers=at_once))
        for step in (ingest_news, ingest_fundamentals):
            try:
                said += step(services, spec, book, SLOTS[-1] if step is ingest_fundamentals else SLOT).notes
            except AirdeskError as error:
                said += [repr(error), str(error)]
    text = "\n".join(
        [*said, *(r.getMessage() for r in caplog.records), caplog.text, repr(services), dumped(database_url)]
    )
    assert all(vendor in text for vendor in ("polygon", "alphavantage", "newsapi", "x answered"))
    assert [name for name, key in KEYS.items() if key.split("/")[0] in text] == []


def dumped(database_url):
    """Return every row of the audit, the staging and the market as text."""
    with closing(connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('ops', 'staging', 'market')")
        rows = []
        for schema, table in cursor.fetchall():
            cursor.execute(f'SELECT to_jsonb(t)::text FROM "{schema}"."{table}" AS t')
            rows += [row[0] for row in cursor.fetchall()]
    return "\n".join(rows)


def test_two_processes_share_the_budget_for_posts_to_the_last_one(database_url, store):
    with http_stub(Answer({"meta": {"result_count": 0}})) as stub:
        clients = [
            HttpClient(
                x_terms("token-of-test", 1, base_url=stub.url), PostgresCallLedger(database_url), deadline_seconds=60
            )
            for _ in range(2)
        ]
        for number in range(20):
            clients[number % 2].get_json(X, units=10)
        for client in clients:
            with pytest.raises(QuotaExhausted, match="USD"):
                client.get_json(X, units=10)
        assert len(stub.asked) == 20


def test_two_processes_share_the_25_calls_of_the_day(database_url, store):
    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ops.api_calls (vendor, endpoint, called_at) SELECT 'alphavantage', '/query', "
            "date_trunc('day', clock_timestamp(), 'UTC') FROM generate_series(1, 24)"
        )
    with http_stub(Answer({"feed": []})) as stub:
        one, other = (
            HttpClient(
                alphavantage_terms("key-of-test", base_url=stub.url),
                PostgresCallLedger(database_url),
                deadline_seconds=60,
            )
            for _ in range(2)
        )
        one.get_json(ALPHA)
        with pytest.raises(QuotaExhausted, match="25 calls"):
            other.get_json(ALPHA)


def earnings(eps="1.53", estimate="1.50"):
    row = {"fiscalDateEnding": "2026-10-31", "reportedDate": "2026-11-19", "reportedEPS": eps, "estimatedEPS": estimate,
           "reportTime": "post-market"}  # fmt: skip
    return Answer({"symbol": "NVDA", "annualEarnings": [], "quarterlyEarnings": [row]})


def surprise(services, spec, book, slot):
    risk(services, spec, book, slot)
    with services.store.transaction() as tx:
        panel = tx.analysis.read(spec.universe.traded, slot.as_of, slot.as_of)
    return panel.earnings_surprise_frac[0], panel.why_earnings[0], panel.earnings_reported_at[0, 0]


def test_a_quota_that_ends_is_a_note_and_an_account_at_its_cap_turns_the_hour_red_once(database_url, vendors, spec):
    tell(vendors, polygon=[HEADLINE])
    vendors.script(NEWSAPI, Answer({"status": "error", "code": "rateLimited"}, status=429))
    vendors.script(X, Answer({"type": "https://api.x.com/2/problems/usage-capped"}, status=429))
    book, services = desk(database_url, vendors)
    first, second = (ingest_news(services, spec, book, SLOT) for _ in range(2))
    assert [report.counts["stories_in_72h"] for report in (first, second)] == [1, 1]
    assert first.degraded
    assert any("wait for the next one" in note for note in first.notes)
    assert not second.degraded
    assert sum("off for now" in note for note in second.notes) == 2
    assert [sum(asked.path == path for asked in vendors.asked) for path in (NEWSAPI, X)] == [1, 1]


def test_what_was_known_of_a_surprise_is_told_by_the_command(database_url, vendors, spec, monkeypatch, capsys):
    vendors.script(ALPHA, earnings())
    book, services = desk(database_url, vendors, slot=SLOTS[-1])
    ingest_fundamentals(services, spec, book, SLOTS[-1])
    for name, value in {"AIRDESK_DATABASE_URL": database_url, "AIRDESK_MODE": "paper"}.items():
        monkeypatch.setenv(name, value)
    line = "earnings for 2026-10-31 EPS 1.53, surprise +2.0 %, known 2026-11-20 21:00Z"
    assert cli.main(["data", "as-of", "NVDA", "2026-11-23T15:30Z"]) == 0
    assert line in capsys.readouterr().out
    assert cli.main(["data", "as-of", "NVDA", "2026-11-20T20:00Z"]) == 0
    assert "earnings" not in capsys.readouterr().out


def test_a_surprise_is_stored_once_read_at_the_next_decision_and_revised_beside_the_first(database_url, vendors, spec):
    closing_slot = SLOTS[-1]
    (monday, *_) = session_slots(CALENDAR.session(date(2026, 11, 23)))
    vendors.script(ALPHA, earnings())
    book, services = desk(database_url, vendors, slot=closing_slot)
    assert ingest_fundamentals(services, spec, book, closing_slot).counts["earnings_stored"] == 1
    assert ingest_fundamentals(services, spec, book, closing_slot).counts["earnings_stored"] == 0
    values, why, _ = surprise(services, spec, book, closing_slot)
    assert np.isnan(values).all(), "it was first seen half a minute after this decision"
    assert list(why) == [Why.NO_DATA, Why.NOT_APPLICABLE]
    values, why, reported_at = surprise(services, spec, book, monday)
    assert values[0] == pytest.approx(0.02)
    assert why[0] == Why.KNOWN
    assert reported_at.item() == services.clock.now().replace(tzinfo=None)
    vendors.script(ALPHA, earnings(estimate="1.00"))
    tuesday = session_slots(CALENDAR.session(date(2026, 11, 24)))[-1]
    _, later = desk(database_url, vendors, slot=tuesday)
    assert ingest_fundamentals(later, spec, book, tuesday).counts["earnings_stored"] == 1
    assert surprise(services, spec, book, monday)[0][0] == pytest.approx(0.02), "a revision changes no earlier decision"
    assert surprise(services, spec, book, session_slots(CALENDAR.session(date(2026, 11, 25)))[0])[0][
        0
    ] == pytest.approx(0.53)
    assert ingest_fundamentals(later, spec, book, tuesday).counts["earnings_stored"] == 0
