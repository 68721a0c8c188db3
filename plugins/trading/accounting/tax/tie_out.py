"""Whether lots, disposals, wash sales and cash as booked, one by one, are what the first execution leads to anew."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading.accounting.tax.records import IN_LIEU, Purchase, Sale, TaxEvent, TaxLedger, WashMatch
from trading.domain.fills import Disposal, Fill, Lot
from trading.domain.money import CENT, ZERO, to_usd
from trading.domain.orders import Side

type MatchKey = tuple[str, str, str]
"""Sale, the lot that it closed, the lot that replaced it."""


@dataclass(frozen=True, slots=True)
class Booked:
    """What one book has stored.

    Attributes:
        lots: open ones. traded_usd: sum of the cash entries of executions and commissions.
    """

    fills: Sequence[Fill]
    lots: Sequence[Lot]
    disposals: Sequence[Disposal]
    matches: Sequence[WashMatch]
    traded_usd: Decimal


def tie_out(ledger: TaxLedger, booked: Booked) -> tuple[str, ...]:
    """Return a sentence about each difference between what is booked and what was worked out anew; () if all ties.

    Args:
        ledger: from the events of the same book, and of others.
    """
    return (*_lots(ledger, booked), *_disposals(ledger, booked), *_washes(ledger, booked), *_cash(booked))


def conserved(ledger: TaxLedger, events: Iterable[TaxEvent]) -> tuple[str, ...]:
    """Return a sentence about each sum of the ledger that does not come out, to the cent; () if all do.

    Basis bought, and losses moved onto it, is basis sold or held; what was sold brought its proceeds.
    """
    bought = sold = ZERO
    for event in events:
        if isinstance(event, Purchase):
            bought += to_usd(event.cost_usd)
        elif isinstance(event, Sale):
            sold += to_usd(event.proceeds_usd)
    traded = [r for r in ledger.rows if not r.fill_id.startswith(IN_LIEU)]
    moved = sum((r.disallowed_usd - r.permanent_usd for r in ledger.rows), ZERO)
    basis = sum((r.basis_usd for r in ledger.rows), ZERO) + sum((lot.basis_usd for lot in ledger.lots), ZERO)
    proceeds = sum((r.proceeds_usd for r in traded), ZERO)
    return (
        *_unequal("basis bought, and losses moved onto it, against basis sold and held", bought + moved, basis),
        *_unequal("proceeds of the executions against those of the rows", sold, proceeds),
    )


def _unequal(what: str, left: Decimal, right: Decimal) -> Iterator[str]:
    if left != right:
        yield f"{what}: {left} and {right} USD differ by {left - right}"


def _lots(ledger: TaxLedger, booked: Booked) -> Iterator[str]:
    """Yield open lots with other shares, or with another cost than rounding explains.

    The tax ledger rounds to cents each time that a lot is cut, the booked cost of a share does not: they part by less
    than a cent a cut. That no cent is lost in between is held by `conserved`.
    """
    cuts = Counter((*(r.lot_id for r in ledger.rows), *(m.lot_id for r in ledger.rows for m in r.matches)))
    paid_out = {r.symbol for r in ledger.rows if r.fill_id.startswith(IN_LIEU)}
    commissions = {f"lot.{f.fill_id}": f.commission_usd or ZERO for f in booked.fills}
    book = {f.book for f in booked.fills}
    anew: dict[str, tuple[Decimal, Decimal]] = defaultdict(lambda: (ZERO, ZERO))
    for lot in ledger.lots:
        if lot.book in book:
            shares, cost = anew[lot.lot_id]
            anew[lot.lot_id] = shares + lot.quantity, cost + lot.basis_usd - lot.wash_usd
    stored = {lot.lot_id: lot for lot in booked.lots}
    for lot_id in sorted({*anew, *stored}):
        shares, cost = anew.get(lot_id, (ZERO, ZERO))
        held = stored[lot_id].quantity if lot_id in stored else ZERO
        if held != shares:
            yield f"{lot_id}: {held.normalize():f} shares are booked, {shares.normalize():f} follow from the executions"
        elif lot_id in stored and stored[lot_id].symbol not in paid_out:
            booked_cost = held * stored[lot_id].cost_per_share
            if abs(to_usd(booked_cost) - cost) > CENT * (1 + cuts[lot_id]) + commissions.get(lot_id, ZERO):
                yield f"{lot_id}: {booked_cost:.2f} USD of cost are booked, {cost} follow"


def _disposals(ledger: TaxLedger, booked: Booked) -> Iterator[str]:
    book = {f.book for f in booked.fills}
    of_fills = {f.fill_id for f in booked.fills}
    anew = _by_key((r.fill_id, r.lot_id, r.quantity) for r in ledger.rows if r.book in book and r.fill_id in of_fills)
    stored = _by_key((d.fill_id, d.lot_id, d.quantity) for d in booked.disposals)
    for key in sorted({*anew, *stored}):
        if (was := stored.get(key, ZERO)) != (now := anew.get(key, ZERO)):
            shares = f"{was.normalize():f} shares are booked, {now.normalize():f} follow from the executions"
            yield f"sale {key[0]} of {key[1]}: {shares}"


def _by_key(rows: Iterable[tuple[str, str, Decimal]]) -> Mapping[tuple[str, str], Decimal]:
    summed: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for fill_id, lot_id, quantity in rows:
        summed[fill_id, lot_id] += quantity
    return summed


def matches_of(ledger: TaxLedger, books: Iterable[str]) -> dict[MatchKey, WashMatch]:
    """Return the wash sales of some books, those of the same three lots as one."""
    wanted, found = frozenset(books), dict[MatchKey, WashMatch]()
    for match in (m for r in ledger.rows for m in r.matches if str(m.book) in wanted):
        key = (match.fill_id, match.loss_lot_id, match.lot_id)
        before = found.get(key)
        found[key] = match if before is None else _plus(before, match)
    return found


def _plus(one: WashMatch, other: WashMatch) -> WashMatch:
    return WashMatch(
        one.fill_id, one.loss_lot_id, one.lot_id, one.book, one.symbol, one.quantity + other.quantity,
        one.disallowed_usd + other.disallowed_usd, one.is_permanent,
    )  # fmt: skip


def _washes(ledger: TaxLedger, booked: Booked) -> Iterator[str]:
    """Yield wash sales that were stored and are found otherwise now; what is new since then is no difference."""
    anew = matches_of(ledger, {str(f.book) for f in booked.fills})
    stored = {(m.fill_id, m.loss_lot_id, m.lot_id): m for m in booked.matches}
    for key, was in sorted(stored.items()):
        if (now := anew.get(key)) != was:
            yield (
                f"wash sale {key[0]} of {key[1]}, replaced by {key[2]}: "
                f"{was.disallowed_usd} USD are booked, {now.disallowed_usd if now else 0} follow"
            )


def _cash(booked: Booked) -> Iterator[str]:
    signs = {Side.BUY: -1, Side.SELL: 1}
    traded = sum((signs[f.side] * f.quantity * f.price - (f.commission_usd or ZERO) for f in booked.fills), ZERO)
    if abs(traded - booked.traded_usd) >= CENT:
        yield f"cash of executions: {booked.traded_usd:.2f} USD are booked, {traded:.2f} follow from the executions"
