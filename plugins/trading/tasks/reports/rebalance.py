"""The report of a rebalance: weights before and after, what was traded and at what cost, and what the tax law makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from trading.domain.instruments import BookId
from trading.domain.orders import Order
from trading.domain.rebalances import Preview, PreviewedName, PreviewedTrade
from trading.ports import Services
from trading.reporting.charts import Bar, BarChart
from trading.reporting.document import Part, Report, Rows
from trading.reporting.tables import shares
from trading.reporting.wording import UNKNOWN, counted, gain, percent, whole
from trading.strategy.spec import StrategySpec
from trading.tasks.book_history import read_history
from trading.tasks.rebalance import shown
from trading.tasks.reports import trading_rows as trade
from trading.tasks.reports.pieces import clock_words, day_words, name_of, usd


def rebalance_report(services: Services, spec: StrategySpec, book: BookId, as_of: datetime | None = None) -> Report:
    """Return the report of the rebalance that was decided at an instant, or of the youngest one.

    A book that has had none is shown what a rebalance would change now; nothing is stored or sent.

    Raises:
        PermanentError: none was decided at `as_of`, or the book has decided nothing yet.
    """
    with services.store.snapshot() as tx:
        history = read_history(tx, services.calendar, book)
        stored = tx.risk.preview_at(book, as_of)
    preview, is_stored = (stored, True) if stored is not None else shown(services, spec, book, as_of)
    on = preview.as_of.date()
    with services.store.snapshot() as tx:
        done = trade.read_traded(tx, history, on, on) if is_stored else trade.Traded((), (), (), ())
        orders = tx.orders.of_decision(preview.decision_id) if is_stored else ()
    mine = tuple(e for e in done.executed if e.order is not None and e.order.decision_id == preview.decision_id)
    verb = "Rebalance of" if is_stored else "A rebalance as it would be on"
    return Report(
        name=name_of("rebalance", on, book),
        title=f"{verb} {day_words(on)}",
        badge=history.badge,
        said=f"{book} at {clock_words(preview.as_of)} New York time: {preview.reason}",
        tiles=_tiles(preview, mine),
        parts=tuple(_parts(preview, mine, orders)),
        beware=tuple(_beware(preview, mine, is_stored=is_stored)),
        caption=_caption(preview, is_stored=is_stored),
    )


def _tiles(preview: Preview, done: Sequence[trade.Executed]) -> list[tuple[str, str]]:
    nav = preview.nav_usd
    commissions = [e.fill.commission_usd for e in done]
    paid = None if not done or None in commissions else float(sum((c for c in commissions if c), Decimal(0)))
    lost = trade.Traded((), (), (), tuple(done)).lost_usd
    return [
        (f"{whole(nav)} USD" if nav is not None else UNKNOWN, "NAV"),
        (f"{_moved(preview.trades)} USD", "worth of its trades"),
        (_cash(preview.cash_before_usd, nav), "cash before"),
        (_cash(preview.cash_after_usd, nav), "cash if all fill"),
        (usd(paid), "commissions so far"),
        (usd(lost), "slippage so far"),
    ]


def _cash(amount: float, nav: float | None) -> str:
    return percent(None if not nav else amount / nav)


def _moved(trades: Sequence[PreviewedTrade]) -> str:
    return whole(sum(t.worth_usd for t in trades if t.denied is None))


def _parts(preview: Preview, done: Sequence[trade.Executed], orders: Sequence[Order]) -> Iterator[Part]:
    if preview.names:
        yield Part("Weights", (_weight_bars(preview.names),), note=_WEIGHTS, is_pictured=True)
        yield Part("Weights in numbers", (_weight_rows(preview.names),))
    yield Part("Trades", (_trade_rows(preview.trades),), note=_TRADES)
    waits = [t for t in preview.trades if t.order_id is None and t.denied is None]
    if done or orders:
        traded = trade.Traded((), tuple(orders), (), tuple(done))
        yield Part("What was done", (trade.fill_rows(traded), trade.order_rows(traded)), note=_DONE)
    if waits:
        said = f"{counted(len(waits), 'buy')} wait{'s' if len(waits) == 1 else ''} until the sales have had their hour."
        yield Part("What is still to come", (said,), is_pictured=True)
    yield Part("Taxes", (_tax_words(preview.trades),), note=_TAX, is_pictured=True)


def _weight_bars(names: Sequence[PreviewedName]) -> BarChart:
    bars = [
        Bar(
            name.symbol,
            name.after_frac,
            f"{percent(name.before_frac)} → {percent(name.after_frac)}",
            (min(name.before_frac, name.target_frac), max(name.before_frac, name.target_frac)),
        )
        for name in names
    ]
    return BarChart("part of NAV after; framed: from before to target", bars)


def _weight_rows(names: Sequence[PreviewedName]) -> Rows:
    rows = [(n.symbol, percent(n.before_frac), percent(n.target_frac), percent(n.after_frac)) for n in names]
    return Rows(("symbol", "before, of NAV", "target, of NAV", "after, of NAV"), rows, "Nothing is held.")


def _trade_rows(trades: Sequence[PreviewedTrade]) -> Rows:
    head = ("symbol", "trade", "worth, USD", "short-term, USD", "long-term, USD", "washed, USD", "state")
    rows = [
        (
            t.symbol,
            f"{t.side} {shares(t.quantity)}",
            whole(t.worth_usd),
            gain(None if t.short_usd is None else float(t.short_usd)),
            gain(None if t.long_usd is None else float(t.long_usd)),
            gain(None if t.wash_usd is None else float(t.wash_usd)),
            f"denied: {t.denied}" if t.denied else "waits for the sales" if t.order_id is None else "goes",
        )
        for t in trades
    ]
    return Rows(head, rows, "No gap is worth a trade.", is_wordy=True)


def _tax_words(trades: Sequence[PreviewedTrade]) -> str:
    sold = [t for t in trades if t.denied is None]
    sums = [
        float(sum((getattr(t, name) or Decimal(0) for t in sold), Decimal(0)))
        for name in ("short_usd", "long_usd", "wash_usd")
    ]
    return (
        f"Estimated at the last prices: short-term {gain(sums[0])} USD, long-term {gain(sums[1])} USD; "
        f"{usd(sums[2])} of losses would be wash sales."
    )


def _beware(preview: Preview, done: Sequence[trade.Executed], *, is_stored: bool) -> Iterator[str]:
    if preview.nav_usd is None:
        yield "NAV is unknown, because a held symbol has no price: nothing is traded."
    if not is_stored:
        yield "This book has had no rebalance: this is what one would change now; nothing is stored or sent."
    elif not done and preview.trades:
        yield "None of its orders has filled yet: weights after it are estimates."
    yield "Gains are estimates at the last price by the book's lot method; US rules, not advice."


def _caption(preview: Preview, *, is_stored: bool) -> str:
    going = [t for t in preview.trades if t.denied is None]
    denied = len(preview.trades) - len(going)
    lines = [
        f"Rebalance: {preview.reason}" if is_stored else "What a rebalance would change now",
        f"{counted(len(going), 'trade')} worth {_moved(going)} USD{f', {denied} denied' if denied else ''}",
        *(f"{n.symbol} {percent(n.before_frac)} → {percent(n.after_frac)}" for n in preview.names),
        _tax_words(preview.trades),
    ]
    return "\n".join(lines)


_WEIGHTS = "Parts of NAV at the last prices. “After” is what they are if every trade that goes fills."
_TRADES = "Worth at the last price, a buy at its limit. Gains and washed losses are of the lots that would be sold."
_DONE = "Slippage is what a fill lost against the last price that its decision had seen, in basis points (0.01 %)."
_TAX = "US rules, not advice; ./airdesk tax 8949 has the rows once the sales are booked."
