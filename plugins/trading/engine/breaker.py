"""The drawdown breaker: equity against its high-water mark, and the written way back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from trading.domain.portfolio import Breaker, TradingState
from trading.strategy.spec import Protection


def drawdown_frac(breaker: Breaker, nav_usd: float) -> float:
    """Return the fall from the high-water mark [0–1]; 0 before the first mark."""
    return max(0.0, 1.0 - nav_usd / breaker.peak_nav_usd) if breaker.peak_nav_usd > 0 else 0.0


def raised(breaker: Breaker, nav_usd: float, *, is_new_session: bool) -> Breaker:
    """Return the breaker with its marks at `nav_usd` where that is higher, and the session counted after a trip."""
    is_tripped = breaker.tripped_on is not None
    if nav_usd <= breaker.lifetime_peak_usd and (not is_new_session if is_tripped else nav_usd <= breaker.peak_nav_usd):
        return breaker
    return Breaker(
        max(breaker.peak_nav_usd, nav_usd) if breaker.tripped_on is None else breaker.peak_nav_usd,
        max(breaker.lifetime_peak_usd, nav_usd),
        breaker.tripped_on,
        breaker.sessions_since_trip + (is_new_session and breaker.tripped_on is not None),
    )


def turn(
    breaker: Breaker,
    state: TradingState,
    *,
    nav_usd: float,
    session_on: date,
    is_new_session: bool,
    vix: float | None,
    rules: Protection,
    may_lift: bool = True,
) -> tuple[Breaker, TradingState, str | None]:
    """Return breaker and trading state after an hour, and the sentence for a change.

    More than `breaker_frac` under the mark trips REDUCE_ONLY. Re-entry needs `reentry_sessions` sessions and a VIX
    under `reentry_vix`; the mark is then re-based to current equity, so that a flat book can come back. A lifetime
    loss over `lifetime_halt_frac` is HALTED until an operator resumes. ACTIVE after a trip means that an operator did:
    the marks that the loss was counted from are re-based, or the next hour would stop the book again.

    Args:
        may_lift: whether REDUCE_ONLY is the breaker's own; what somebody else set is not the breaker's to lift.
    """
    if breaker.tripped_on is not None and state is TradingState.ACTIVE:
        is_forgiven = 1.0 - nav_usd / breaker.lifetime_peak_usd > rules.lifetime_halt_frac
        breaker = Breaker(nav_usd, nav_usd if is_forgiven else breaker.lifetime_peak_usd)
    peaks = raised(breaker, nav_usd, is_new_session=is_new_session)
    if state in (TradingState.HALTED, TradingState.LOCKED):
        return peaks, state, None
    lifetime = 1.0 - nav_usd / peaks.lifetime_peak_usd
    if lifetime > rules.lifetime_halt_frac:
        halted = replace(peaks, tripped_on=peaks.tripped_on or session_on)
        return halted, TradingState.HALTED, f"lifetime drawdown {lifetime:.1%}: HALTED until an operator resumes"
    fall = drawdown_frac(peaks, nav_usd)
    if peaks.tripped_on is None and fall > rules.breaker_frac:
        tripped = replace(peaks, tripped_on=session_on, sessions_since_trip=0)
        return tripped, TradingState.REDUCE_ONLY, f"drawdown {fall:.1%} is over {rules.breaker_frac:.0%}: REDUCE_ONLY"
    waited = peaks.tripped_on is not None and peaks.sessions_since_trip >= rules.reentry_sessions
    if waited and vix is not None and vix < rules.reentry_vix:
        rebased = Breaker(peak_nav_usd=nav_usd, lifetime_peak_usd=peaks.lifetime_peak_usd)
        when = f"{peaks.sessions_since_trip} sessions after the trip, VIX {vix:.1f}"
        if not may_lift:
            return rebased, state, f"{when}: the breaker is armed again; {state} stays, the breaker did not set it"
        return rebased, TradingState.ACTIVE, f"{when}: ACTIVE"
    return peaks, state, None
