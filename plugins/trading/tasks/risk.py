"""What the book risks, for a person: read from the newest decision, or from that of an earlier hour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from trading.analysis.correlation import CORRELATION_SESSIONS, Correlations, correlations
from trading.domain.instruments import BookId, Symbol
from trading.domain.portfolio import TradingState
from trading.domain.risk import BookRisk, regime_of
from trading.errors import PermanentError
from trading.ports import MarketCalendar, Services
from trading.reporting.wording import first_hour
from trading.strategy.spec import Protection, StrategySpec
from trading.tasks.book_history import badge_of
from trading.tasks.facts import load_facts

LOW_BAND_FRAC = 0.30
"""Where a sector's band begins; it ends at the sector cap."""
_PAIRS = 5


@dataclass(frozen=True, slots=True)
class ReadRisk:
    """The risk of a book beside how its names move together."""

    risk: BookRisk
    moving: Correlations
    held: Mapping[Symbol, float]

    @property
    def of_book(self) -> float | None:
        """Mean correlation of the pairs held, by their aimed weights; None under two names."""
        return self.moving.of_book({symbol: self.risk.balance.aims.get(symbol, 0.0) for symbol in self.held})

    @property
    def means(self) -> dict[Symbol, float]:
        """Mean correlation of each name with the rest, as far as it is known."""
        return {s: mean for s in self.moving.symbols if (mean := self.moving.mean_of(s)) is not None}


def read_risk(services: Services, spec: StrategySpec, book: BookId, at: datetime | None = None) -> ReadRisk:
    """Return what `book` risks, as the newest decision by `at` left it; None for the newest of all.

    Raises:
        PermanentError: nothing is stored.
    """
    with services.store.snapshot() as tx:
        risk = tx.risk.newest(book, at)
        if risk is None:
            if at is not None:
                by = f"{at:%Y-%m-%d %H:%M} UTC"
                raise PermanentError(f"{book} has stored no risk by {by}; leave --at out for the newest")
            raise PermanentError(f"{book} has stored no risk yet; {first_hour(book)}")
        facts = load_facts(tx, spec, first_at=risk.as_of, as_of=risk.as_of, cutoff_at=risk.as_of)
        held = tx.ledger.portfolio(book, risk.as_of).held
    moving = correlations(facts, spec.universe.traded, before_on=risk.session_on)
    return ReadRisk(risk, moving, {symbol: float(shares) for symbol, shares in held.items()})


def risk_lines(services: Services, spec: StrategySpec, book: BookId, at: datetime | None = None) -> tuple[str, ...]:
    """Return what `book` risks as lines for people.

    Args:
        at: as the newest decision by then left it; None for the newest of all.

    Raises:
        PermanentError: nothing is stored.
    """
    found = read_risk(services, spec, book, at)
    risk = found.risk
    with services.store.snapshot() as tx:
        badge = badge_of(tx, book)
    return (
        f"{badge} {book} at {risk.as_of:%Y-%m-%d %H:%M} UTC, {risk.kind} decision",
        *_of_book(risk),
        *_of_breaker(risk, spec.protection, services.calendar),
        *_of_sectors(risk, spec),
        *_of_rebalance(risk),
        *_of_correlations(found),
    )


def _of_book(risk: BookRisk) -> Iterator[str]:
    nav = "unknown: a held symbol has no price" if risk.nav_usd is None else f"{risk.nav_usd:,.2f} USD"
    yield f"NAV {nav}; drawdown {_part(risk.drawdown_frac)}, from the highest ever {_part(risk.lifetime_frac)}"
    vix = "unknown" if risk.vix is None else f"{risk.vix:.1f}, {regime_of(risk.vix)}"
    yield f"trading state {risk.state}; VIX {vix}"


def _of_breaker(risk: BookRisk, rules: Protection, calendar: MarketCalendar) -> Iterator[str]:
    tripped_on = risk.breaker.tripped_on
    if tripped_on is None:
        yield f"breaker armed: it trips at a drawdown over {rules.breaker_frac:.0%}"
        return
    if risk.phase == "halted":
        yield f"breaker tripped on {tripped_on}; HALTED: only an operator resumes"
        return
    back_on = _session_after(calendar, tripped_on, rules.reentry_sessions)
    missing = []
    if (left := rules.reentry_sessions - risk.breaker.sessions_since_trip) > 0:
        missing.append(f"{left} more sessions")
    if risk.vix is None or risk.vix >= rules.reentry_vix:
        missing.append(f"a VIX under {rules.reentry_vix:g}")
    if risk.state is not TradingState.REDUCE_ONLY:
        missing.append(f"nothing: the state is {risk.state}")
    lacks = ", ".join(missing) or "nothing but the next hour"
    yield f"breaker tripped on {tripped_on}; back on {back_on} at the earliest; missing: {lacks}"
    yield "once it is back, the entry rules decide afresh"


def _session_after(calendar: MarketCalendar, on: date, count: int) -> date:
    later = calendar.sessions(on + timedelta(days=1), on + timedelta(days=2 * count + 14))
    return later[count - 1].session_on


def _of_sectors(risk: BookRisk, spec: StrategySpec) -> Iterator[str]:
    cap = spec.sizing.sector_cap_frac
    yield f"{'sector':18}{'weight':>9}{'brought to':>12}{'band':>12}  names"
    for sector in risk.sectors:
        weight, aim = _part(sector.weight_frac), _part(sector.aim_frac)
        over = sector.weight_frac is not None and sector.weight_frac > cap
        band = f"{LOW_BAND_FRAC:.0%}–{cap:.0%}"
        names = ", ".join(sector.symbols) or "-"
        yield f"{sector.sector:18}{weight:>9}{aim:>12}{band:>12}  {names}{'  OVER ITS BAND' if over else ''}"


def _of_rebalance(risk: BookRisk) -> Iterator[str]:
    since = risk.balance.sessions_since
    told = "none yet" if since is None else f"{since} sessions ago"
    yield f"rebalance: {told}{'; its buys wait for the sales' if risk.balance.buys_wait else ''}"
    if risk.rebalance_due is not None:
        yield f"this hour asks for one: {risk.rebalance_due}"


def _of_correlations(found: ReadRisk) -> Iterator[str]:
    known = "unknown" if found.of_book is None else f"{found.of_book:.2f}"
    yield f"correlation over {CORRELATION_SESSIONS} sessions: the book {known}"
    if means := found.means:
        yield "each with the rest: " + ", ".join(f"{symbol} {mean:.2f}" for symbol, mean in means.items())
    for _, first, second, value in found.moving.pairs()[:_PAIRS]:
        yield f"  {first} and {second}: {value:.2f}"


def _part(frac: float | None) -> str:
    return "unknown" if frac is None else f"{frac:.1%}"
