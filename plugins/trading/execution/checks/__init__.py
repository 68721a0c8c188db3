"""Every pre-trade check, in the order in which people read a denial: the first one names it.

ENTRY checks judge buys. ALL checks judge every order that stands for itself, so that nothing but interlock, state,
repetition, quantity and price can stop a way out of a position. EVERY_LEG checks judge protections, too, while they
wait for their entry. A flag is noted on the order, which goes all the same.
"""

from __future__ import annotations

from trading.execution.checks import authority, exposure, locks, market, pace, sanity
from trading.execution.checks.check import Applies, Breach, Check, Denial, Judge

_ENTRY, _ALL, _LEG = Applies.ENTRY, Applies.ALL, Applies.EVERY_LEG

CHECKS: tuple[Check, ...] = (
    Check("LIVE_INTERLOCK", _ALL, authority.live_interlock),
    Check("STATE", _ALL, authority.trading_state),
    Check("DUPLICATE", _ALL, sanity.duplicate),
    Check("BAD_QTY", _LEG, sanity.bad_quantity),
    Check("BAD_PRICE", _LEG, sanity.bad_price),
    Check("PRICE_COLLAR", _ALL, sanity.price_collar),
    Check("WOULD_SHORT", _ALL, sanity.would_short),
    Check("DECISION_EXPIRED", _ENTRY, authority.decision_expired),
    Check("VERSION", _ENTRY, authority.other_version),
    Check("MARKET_CLOSED", _ENTRY, market.market_closed),
    Check("TOO_LATE", _ENTRY, market.too_late),
    Check("NOT_TRADABLE", _ENTRY, market.not_tradable),
    Check("NO_KID", _ENTRY, locks.no_document),
    Check("RESTRICTED", _ENTRY, locks.restricted),
    Check("REJECTED_TODAY", _ENTRY, market.refused_today),
    Check("STALE_PRICE", _ENTRY, market.stale_price),
    Check("STALE_QUOTE", _ENTRY, market.stale_quote),
    Check("HALTED_SYMBOL", _ENTRY, market.halted),
    Check("VIX_UNKNOWN", _ENTRY, market.vix_unknown),
    Check("VIX_BLOCK", _ENTRY, market.vix_block),
    Check("DD_BREAKER", _ENTRY, authority.drawdown_breaker),
    Check("STOP_GUARD", _ENTRY, locks.stop_guard),
    Check("DAILY_LOSS", _ENTRY, authority.daily_loss),
    Check("RECON_STALE", _ENTRY, authority.unproven_books),
    Check("WORKING_ORDER", _ENTRY, pace.working_order),
    Check("WASH_BLOCK", _ENTRY, pace.wash_block),
    Check("WASH_SALE", _ALL, pace.wash_sale),
    Check("COOLDOWN", _ENTRY, locks.cooldown),
    Check("MAX_QTY", _ENTRY, sanity.too_many_shares),
    Check("MAX_NOTIONAL", _ENTRY, exposure.too_large),
    Check("ASSET_CAP", _ENTRY, exposure.asset_cap),
    Check("SECTOR_CAP", _ENTRY, exposure.sector_cap),
    Check("GROSS_CAP", _ENTRY, exposure.gross_cap),
    Check("NO_CASH", _ENTRY, exposure.no_cash),
    Check("RATE", _ENTRY, pace.rate),
    Check("DAILY_LIMIT", _ENTRY, pace.daily_limit),
    Check("WASH_FLAG", _ALL, pace.wash_flag, is_flag=True),
    Check("DELAYED", _ENTRY, market.delayed, is_flag=True),
)

__all__ = ["CHECKS", "Applies", "Breach", "Check", "Denial", "Judge"]
