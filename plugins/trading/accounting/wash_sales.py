"""Wash sales before they happen (26 U.S.C. § 1091): may this be bought back, and would that sale be one?

Both are answered by the tax ledger itself, on what is held and what was sold within `WASH_MEMORY`: the sale is
simulated, lot by lot. Basis that wash sales of longer ago moved is not seen here; the tax reports, which start at the
first execution, have all of it. What else of the same taxpayer counts, and as what, is `Related`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

from trading.accounting.tax.ledger import tax_ledger
from trading.accounting.tax.records import WINDOW, Purchase, Sale, TaxEvent, TaxLedger, TaxRules
from trading.domain.fills import Disposal, Lot, LotMethod, WashOutlook
from trading.domain.instruments import BookId, Symbol
from trading.domain.money import ZERO, to_usd

WASH_MEMORY = timedelta(days=91)
"""How long a disposal can still matter: its replacement may be 30 days younger, and wash another loss 30 days later."""
type OrderOf = Mapping[str, str]
"""Order of an execution, by its id, where one order had several; an execution without an entry stands for itself."""
_EACH_ITS_OWN: OrderOf = {}
_MORNING, _EVENING, _LAST = (time(hour, tzinfo=UTC) for hour in (12, 22, 23))


@dataclass(frozen=True)
class Related:
    """What counts for a book beside its own trades.

    Attributes:
        lots, disposals: open lots, and disposals of the last `WASH_MEMORY`, of the taxpayer's other books.
        orders: (execution, order) in those books, of orders that had several executions.
        rules: retirement accounts, substantially identical symbols and exempt ones.
    """

    lots: tuple[Lot, ...] = ()
    disposals: tuple[Disposal, ...] = ()
    orders: tuple[tuple[str, str], ...] = ()
    rules: TaxRules = field(default_factory=TaxRules)

    def of(self, symbols: Collection[Symbol]) -> Related:
        """Return the part that is about some symbols."""
        if not self.lots and not self.disposals:
            return self
        lots = tuple(lot for lot in self.lots if lot.symbol in symbols)
        return Related(lots, tuple(d for d in self.disposals if d.symbol in symbols), self.orders, self.rules)


ALONE = Related()
"""The only book of its taxpayer, and each symbol for itself."""


def washing(
    disposals: Iterable[Disposal],
    lots_of: Mapping[Symbol, Sequence[Lot]],
    order_of: OrderOf = _EACH_ITS_OWN,
    related: Related = ALONE,
) -> dict[Symbol, date]:
    """Return for each symbol of which shares sold at a loss are not replaced yet the last day that would replace them.

    The window is the trade date plus 30 calendar days, inclusive (IRS Publication 550, wash sales).

    Args:
        disposals: of the last `WASH_MEMORY`, oldest first.
        lots_of: open lots by symbol.
        related: beside these, which are of one book.
    """
    alike_of, sold_of = related.rules.alike, dict[tuple[Symbol, ...], list[Disposal]]()
    for symbol, sold in by_symbol(disposals).items():
        sold_of.setdefault(alike_of(symbol), []).extend(sold)
    for disposal in related.disposals:
        sold_of.setdefault(alike_of(disposal.symbol), [])
    until = dict[Symbol, date]()
    for alike, sold in sold_of.items():
        lots = [lot for symbol in alike for lot in lots_of.get(symbol, ())]
        if (last := last_washable(sold, lots, order_of, related.of(alike))) is not None:
            until.update(dict.fromkeys(alike, last))
    return until


def by_symbol(disposals: Iterable[Disposal]) -> dict[Symbol, list[Disposal]]:
    """Return disposals by symbol, in their order."""
    sold: dict[Symbol, list[Disposal]] = {}
    for disposal in disposals:
        sold.setdefault(disposal.symbol, []).append(disposal)
    return sold


def last_washable(
    sold: Sequence[Disposal], lots: Sequence[Lot], order_of: OrderOf = _EACH_ITS_OWN, related: Related = ALONE
) -> date | None:
    """Return the last day on which a purchase would replace shares sold at a loss; None where none is open.

    Args:
        sold, lots: of one symbol and those alike, as for `washing`. related: about the same symbols.
    """
    gone, held, may_wash = [*sold, *related.disposals], [*lots, *related.lots], related.rules.may_wash
    losses = [d for d in gone if d.proceeds_usd < d.basis_usd and to_usd(d.proceeds_usd) < to_usd(d.basis_usd)]
    losses = [d for d in losses if may_wash(d.book, d.symbol)]
    if not losses:
        return None
    if not any(_may_be_replaced(loss, gone, held) for loss in losses):
        return max(d.disposed_on for d in losses) + WINDOW
    return _last_open(tuple(sold), tuple(lots), tuple(sorted(order_of.items())), related)


@lru_cache(maxsize=1024)
def _last_open(
    sold: tuple[Disposal, ...], lots: tuple[Lot, ...], order_of: tuple[tuple[str, str], ...], related: Related
) -> date | None:
    """Ask the ledger. Hour after hour asks about the same shares, so answers are remembered."""
    rows = _ledger(lots, sold, dict(order_of), related).rows
    return max((r.washable_until for r in rows if r.open_quantity > 0), default=None)


def sale_outlook(
    sale: Sale,
    lots: Iterable[Lot],
    disposals: Iterable[Disposal],
    order_of: OrderOf = _EACH_ITS_OWN,
    related: Related = ALONE,
) -> WashOutlook:
    """Return what a sale would do about wash sales, simulated on the lots that may count.

    Args:
        sale: made by `sale_now`.
        lots, disposals: of the sale's book, of its symbol and of those alike. related: about the same symbols.
    """
    ledger = _ledger(lots, disposals, order_of, related, sale)
    losses = [r for r in ledger.rows if r.fill_id == sale.fill_id and r.economic_usd < ZERO]
    matches = [m for r in losses for m in r.matches]
    gone, since = {(r.book, r.lot_id) for r in losses}, sale.at.date() - WINDOW
    stay = (lot.acquired_on for lot in ledger.lots if lot.acquired_on >= since and (lot.book, lot.lot_id) not in gone)
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
    own = loss.book, loss.lot_id
    return any(since <= lot.acquired_on <= until and (lot.book, lot.lot_id) != own for lot in bought)


def _ledger(
    lots: Iterable[Lot], disposals: Iterable[Disposal], order_of: OrderOf, related: Related, *sales: Sale
) -> TaxLedger:
    others = _events(related.lots, related.disposals, dict(related.orders))
    return tax_ledger((*_events(lots, disposals, order_of), *others, *sales), related.rules)


def _events(lots: Iterable[Lot], disposals: Iterable[Disposal], order_of: OrderOf) -> Iterator[TaxEvent]:
    for lot in lots:
        yield _held(lot, order_of)
    for disposal in disposals:
        yield from _gone(disposal, order_of)


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
