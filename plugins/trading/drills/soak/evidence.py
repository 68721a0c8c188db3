"""What a soak left in the database, read for its judge, and the market's truth beside it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, time
from typing import Any

from trading.adapters.postgres_store.connection import connect, translated_errors
from trading.adapters.sql_files import SQL_DIR
from trading.domain.decisions import DecisionKind
from trading.domain.market import Resolution, TimeWindow
from trading.drills.soak.judge import BarKey, BarPrices, Evidence, OutboxRow, Promise, check_reasons
from trading.drills.soak.world import BOOK, RECENT, SoakWorld
from trading.tasks.decide import LOOPS
from trading.tasks.explain import recompute

BARS = "SELECT symbol, resolution, starts_at, open, high, low, close, volume FROM market.bars WHERE starts_at >= %s"
MARKS = "SELECT symbol, as_of, price FROM desk.marks"
OUTBOX = """
SELECT message_id, dedupe_key, concat_ws(' ', book, kind, CASE severity WHEN 'error' THEN severity END), state,
       reference, detail
FROM ops.outbox ORDER BY message_id
"""
EARLY = """
SELECT 'reason ' || r.rule || ' about ' || r.symbol || ' reads ' || r.input_at || ' at ' || d.cutoff_at
FROM desk.reasons AS r JOIN desk.decisions AS d USING (decision_id) WHERE r.input_at > d.cutoff_at
UNION ALL SELECT 'technicals of ' || symbol || ' at ' || as_of FROM analysis.technicals
WHERE greatest(price_at, daily_through) > cutoff_at
UNION ALL SELECT 'sentiment of ' || symbol || ' at ' || as_of FROM analysis.sentiment WHERE news_through > cutoff_at
UNION ALL SELECT 'valuation of ' || symbol || ' at ' || as_of FROM analysis.valuation WHERE filing_at > cutoff_at
UNION ALL SELECT 'risk at ' || as_of FROM analysis.risk WHERE greatest(vix_at, macro_at) > cutoff_at
UNION ALL SELECT 'bar of ' || symbol || ' from ' || starts_at FROM market.bars WHERE known_at < ends_at
UNION ALL SELECT 'story ' || item_id FROM market.news WHERE known_at < published_at
"""
SOURCES = """
SELECT source FROM market.bars UNION SELECT source FROM market.news UNION SELECT source FROM market.filings
UNION SELECT source FROM market.macro UNION SELECT source FROM market.corporate_actions
"""
DECISIONS = "SELECT kind, as_of FROM desk.decisions WHERE book = %s AND kind = ANY(%s) ORDER BY as_of, kind"


def _rows(url: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    with translated_errors(), closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(query, values or None)
        return cursor.fetchall()


def broken_checks(url: str) -> Iterator[str]:
    """Yield what the nightly SQL checks find: rows that break a rule of the books."""
    for path in sorted((SQL_DIR / "checks").glob("*.sql")):
        for row in _rows(url, path.read_text(encoding="utf-8")):
            yield f"{path.stem}: {', '.join(map(str, row))}"


def read_outbox(url: str) -> list[OutboxRow]:
    """Return every message."""
    return [
        OutboxRow(number, key, topic, state, reference, detail)
        for number, key, topic, state, reference, detail in _rows(url, OUTBOX)
    ]


def read_evidence(world: SoakWorld) -> Evidence:
    """Return what is stored beside what the market says."""
    since = world.sessions[0].opens_at - RECENT
    stored: defaultdict[BarKey, set[BarPrices]] = defaultdict(set)
    for symbol, resolution, starts_at, *prices in _rows(world.url, BARS, since):
        stored[symbol, resolution, starts_at].add(tuple(prices))
    market, closes = _truth(world, since)
    return Evidence(
        bars={key: frozenset(prices) for key, prices in stored.items()},
        market=market,
        untrue=tuple(_untrue(world)),
        early=tuple(words for (words,) in _rows(world.url, EARLY)),
        marks=[(s, at, price) for s, at, price in _rows(world.url, MARKS)],
        closes=closes,
        sources=frozenset(name for (name,) in _rows(world.url, SOURCES)),
        books=frozenset(kind for (kind,) in _rows(world.url, "SELECT kind FROM desk.books")),
        live_arms=_rows(world.url, "SELECT count(*) FROM ops.live_arm")[0][0],
    )


def _truth(world: SoakWorld, since: datetime) -> tuple[dict[BarKey, BarPrices], dict[str, dict[float, datetime]]]:
    whole = TimeWindow(datetime.combine(since.date(), time(), UTC), world.sessions[-1].closes_at)
    bars: dict[BarKey, BarPrices] = {}
    closes: dict[str, dict[float, datetime]] = defaultdict(dict)
    for symbol in world.spec.universe.data:
        for resolution in (Resolution.DAY, Resolution.HALF_HOUR):
            for bar in world.market.bars[0].bars(symbol, whole, resolution):
                bars[symbol, resolution.value, bar.starts_at] = (bar.open, bar.high, bar.low, bar.close, bar.volume)
                closes[symbol][bar.close] = min(bar.ends_at, closes[symbol].get(bar.close, bar.ends_at))
    return bars, closes


def _untrue(world: SoakWorld) -> Iterator[str]:
    end = world.sessions[-1].closes_at
    whole = TimeWindow(datetime(2020, 1, 1, tzinfo=UTC), end.replace(year=end.year + 1))
    symbols = world.spec.universe.data
    stories = {i.item_id: i.title for i in world.market.news[0].news(world.spec.universe.traded, whole)}
    for item_id, title in _rows(world.url, "SELECT item_id, title FROM market.news"):
        if stories.get(item_id) != title:
            yield f"story {item_id} says {title!r}, the market {stories.get(item_id)!r}"
    filed = world.market.filings[0].filings(symbols, whole)
    filings = {(f.symbol, f.period_ends_on, f.quarters, f.eps_diluted) for f in filed}
    for row in _rows(world.url, "SELECT symbol, period_ends_on, quarters, eps_diluted FROM market.filings"):
        if row not in filings:
            yield f"the market knows no filing {row}"
    points = {(p.series.value, p.period_on, p.value) for p in world.market.macro[0].macro(whole)}
    for row in _rows(world.url, "SELECT series, period_on, value FROM market.macro"):
        if row not in points:
            yield f"the market knows no value {row}"
    actions = world.market.actions[0].corporate_actions(symbols, whole)
    known = {(a.symbol, a.kind.value, a.ex_on, a.value) for a in actions}
    for row in _rows(world.url, "SELECT symbol, kind, ex_on, value FROM market.corporate_actions"):
        if row not in known:
            yield f"the market knows no action {row}"


def recomputed(world: SoakWorld, counts: Counter[str]) -> Iterator[tuple[Promise, str]]:
    """Yield each decision that its stored inputs do not give again, weeks later, and each that is not explained."""
    for kind, as_of in _rows(world.url, DECISIONS, str(BOOK), [kind.value for kind in LOOPS]):
        counts["decisions"] += 1
        with world.plain.transaction() as tx:
            decision = tx.decisions.find(BOOK, DecisionKind(kind), as_of)
            assert decision is not None, "read a moment ago"
            found = recompute(world.services, tx, decision, lambda _: world.spec)
            reasons = tx.decisions.reasons(decision.decision_id)
        for d in found.differences[:3]:
            yield Promise.EXPLAINED, f"{decision.decision_id} {d.symbol} {d.name}: {d.stored}, again {d.recomputed}"
        rules = Counter(r.rule for r in reasons)
        of_all = {rule for rule, n in rules.items() if n >= len(world.spec.universe.traded)}
        said = Counter(r.symbol for r in reasons if r.rule in of_all)
        yield from check_reasons(said, world.spec.universe.traded, decision_id=decision.decision_id)
