"""Wash sales before they happen (26 U.S.C. § 1091): may this be bought back, and would that sale be one?

Both are answered by the tax ledger itself, on what is held and what was sold within `WASH_MEMORY`: the sale is
simulated, lot by lot. Basis that wash sales of longer ago moved is not seen here; the tax reports, which start at the
first execution, have all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

from trading.accounting.tax.ledger import tax_ledger
from trading.accounting.tax.records import WINDOW, Purchase, Sale, TaxEvent, TaxLedger
from trading.domain.fills import Disposal, Lot, LotMethod, WashOutlook
from trading.domain.instruments import BookId, Symbol
from trading.domain.money import ZERO, to_usd

WASH_MEMORY = timedelta(days=91)
"""How long a disposal can still matter: its replacement may be 30 days younger, and wash another loss 30 days later."""
type OrderOf = Mapping[str, str]
"""Order of an execution, by its id, where one order had several; an execution without an entry stands for itself."""
_EACH_ITS_OWN: OrderOf = {}
_MORNING, _EVENING, _LAST = (time(hour, tzinfo=UTC) for hour in (12, 22, 23))


def washing(
    disposals: Iterable[Disposal], lots_of: Mapping[Symbol, Sequence[Lot]], order_of: OrderOf = _EACH_ITS_OWN
) -> dict[Symbol, date]:
    """Return for each symbol of which shares sold at a loss are not replaced yet the last day that would replace them.

    The window is the trade date plus 30 calendar days, inclusive (IRS Publication 550, wash sales).

    Args:
        disposals: of the last `WASH_MEMORY`, oldest first.
        lots_of: open lots by symbol.
    """
    until = dict[Symbol, date]()
    for symbol, sold in by_symbol(disposals).items():
        if (last := last_washable(sold, lots_of.get(symbol, ()), order_of)) is not None:
            until[symbol] = last
    return until


def by_symbol(disposals: Iterable[Disposal]) -> dict[Symbol, list[Disposal]]:
    """Return disposals by symbol, in their order."""
    sold: dict[Symbol, list[Disposal]] = {}
    for disposal in disposals:
        sold.setdefault(disposal.symbol, []).append(disposal)
    return sold


def last_washable(sold: Sequence[Disposal], lots: Sequence[Lot], order_of: OrderOf = _EACH_ITS_OWN) -> date | None:
    """Return the last day on which a purchase would replace shares sold at a loss; None where none is open.

    Args:
        sold, lots: of one symbol, as for `washing`.
    """
    losses = [d for d in sold if d.proceeds_usd < d.basis_usd and to_usd(d.proceeds_usd) < to_usd(d.basis_usd)]
    if not losses:
        return None
    if not any(_may_be_replaced(loss, sold, lots) for loss in losses):
        return max(d.disposed_on for d in losses) + WINDOW
    return _last_open(tuple(sold), tuple(lots), tuple(sorted(order_of.items())))


@lru_cache(maxsize=1024)
def _last_open(sold: tuple[Disposal, ...], lots: tuple[Lot, ...], order_of: tuple[tuple[str, str], ...]) -> date | None:
    """Ask the ledger. Hour after hour asks about the same shares, so answers are remembered."""
    rows = _ledger(lots, sold, dict(order_of)).rows
    return max((r.washable_until for r in rows if r.open_quantity > 0), default=None)


def sale_outlook(
    sale: Sale, lots: Iterable[Lot], disposals: Iterable[Disposal], order_of: OrderOf = _EACH_ITS_OWN
) -> WashOutlook:
    """Return what a sale would do about wash sales, simulated on the lots of its symbol.

    Args:
        sale: made by `sale_now`.
        lots, disposals: of the symbol, also of other books of the same taxpayer.
    """
    ledger = _ledger(lots, disposals, order_of, sale)
    losses = [r for r in ledger.rows if r.fill_id == sale.fill_id and r.economic_usd < ZERO]
    matches = [m for r in losses for m in r.matches]
    gone, since = {r.lot_id for r in losses}, sale.at.date() - WINDOW
    stay = (lot.acquired_on for lot in ledger.lots if lot.acquired_on >= since and lot.lot_id not in gone)
    return WashOutlook(
        loss_usd=-sum((r.economic_usd for r in losses), ZERO),
        wash_quantity=sum((m.quantity for m in matches), ZERO),
        disallowed_usd=sum((m.disallowed_usd for m in matches), ZERO),
        # What replaced it may be gone as well, sold in a piece of its own.
        clean_on=max(stay, default=sale.at.date()) + WINDOW + timedelta(days=1) if matches else None,
    )


def sale_now(
    book: BookId, symbol: Symbol, quantity: Decimal, price: Decimal, on: date, method: LotMethod = LotMethod.FIFO
) -> Sale:
    """Return a sale of `quantity` shares at `price` [USD/share] that nobody has made yet."""
    at = datetime.combine(on, _LAST)
    return Sale("now", "now", book, symbol, at, quantity, quantity * price, method)


def _may_be_replaced(loss: Disposal, sold: Sequence[Disposal], lots: Sequence[Lot]) -> bool:
    """Whether another lot was bought so near to a loss, before or after it, that it may replace what was sold."""
    since, until = loss.disposed_on - WINDOW, loss.disposed_on + WINDOW
    bought: list[Disposal | Lot] = [*sold, *lots]
    return any(lot.lot_id != loss.lot_id and since <= lot.acquired_on <= until for lot in bought)


def _ledger(lots: Iterable[Lot], disposals: Iterable[Disposal], order_of: OrderOf, *sales: Sale) -> TaxLedger:
    events: list[TaxEvent] = [_held(lot, order_of) for lot in lots]
    for disposal in disposals:
        events += _gone(disposal, order_of)
    return tax_ledger((*events, *sales))


def _held(lot: Lot, order_of: OrderOf) -> Purchase:
    at = datetime.combine(lot.acquired_on, _MORNING)
    order = order_of.get(lot.fill_id, lot.fill_id)
    return Purchase(lot.lot_id, order, lot.book, lot.symbol, at, lot.quantity, lot.quantity * lot.cost_per_share)


def _gone(disposal: Disposal, order_of: OrderOf) -> Iterator[TaxEvent]:
    """Yield the purchase of the shares that were sold, a lot of their own, and their sale."""
    d, bought_by = disposal, disposal.lot_id.removeprefix("lot.")
    bought_at, sold_at = datetime.combine(d.acquired_on, _MORNING), datetime.combine(d.disposed_on, _EVENING)
    yield Purchase(
        d.disposal_id, order_of.get(bought_by, bought_by), d.book, d.symbol, bought_at, d.quantity, d.basis_usd
    )
    yield Sale(
        d.disposal_id, order_of.get(d.fill_id, d.fill_id), d.book, d.symbol, sold_at, d.quantity, d.proceeds_usd,
        chosen=((d.disposal_id, d.quantity),),
    )  # fmt: skip
