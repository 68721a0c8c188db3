"""A day as a book lived it beside the day as a replay makes it from the same start: what differs, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from trading.domain.fills import Fill
from trading.domain.instruments import BookId, Symbol
from trading.domain.money import ZERO
from trading.domain.orders import Order, OrderPurpose, OrderStatus
from trading.domain.panel import Why
from trading.domain.parity import DifferenceKind, Parity, ParityDifference, ParityFill, ParityOutcome
from trading.domain.signals import Reason, significant

type Value = float | int | str | None
"""One input: a number, a `Why` code, an instant as text, or unknown."""
type OrderKey = tuple[Symbol, OrderPurpose]
"""What an order of the book and of the replay have in common within an hour."""

EARLIER = "follows from an earlier difference of the day"
OTHER_CODE = "decided by other code than this"
OTHER_STRATEGY = "decided by another strategy, or other numbers of it"
OTHER_DELAY = "decided with another AIRDESK_SOURCE_DELAY_MINUTES"
PARKED = "parked by a quality gate when the book decided; a replay knows no gates of the past"
LATE = "not there yet when the book decided: late data"
REVISED = "revised since the book decided"
GONE = "the book had it; by its own `known_at` it was not known then"
NO_HOUR = "the hour was not run, or the desk or its broker was down"
BY_HAND = "a person or a rebalance acted that day"
_MISSING, _NOTHING = "—", "none"
_NEVER_WENT = frozenset({OrderStatus.DENIED, OrderStatus.PLANNED})
_OF_PRICES = frozenset({"price", "price_at", "why_price"})


@dataclass(frozen=True, slots=True)
class DayHour:
    """One decision of a day.

    Attributes:
        inputs: by (symbol or "" for the market, panel column). verdicts: by (symbol, role, rule).
    """

    as_of: datetime
    cutoff_at: datetime
    decision_hash: str
    spec_hash: str
    code_version: str
    note: str
    inputs: Mapping[tuple[str, str], Value]
    verdicts: Mapping[tuple[str, str, str], Reason]
    targets: Mapping[Symbol, float]


@dataclass(frozen=True, slots=True)
class DayOrder:
    """An order of an hourly decision that is no protection.

    Attributes:
        why_not: why it was not sent, or why it was refused; None for one that went.
    """

    order: Order
    why_not: str | None = None

    @property
    def key(self) -> OrderKey:
        """What it shares with its twin."""
        return self.order.symbol, self.order.purpose


@dataclass(frozen=True, slots=True)
class Day:
    """What a book did in one session, or what its replay does.

    Attributes:
        slots: every session hour. orders: what went past the checks of the decision.
        fills: with the order each belongs to, also such as were decided before the day.
    """

    slots: tuple[datetime, ...]
    hours: Mapping[datetime, DayHour]
    orders: tuple[DayOrder, ...]
    fills: tuple[tuple[Fill, Order], ...]
    nav_usd: float | None


def compare(
    book: BookId,
    session_on: date,
    lived: Day,
    replayed: Day,
    *,
    code_version: str,
    by_hand: Sequence[str] = (),
    remarks: Sequence[str] = (),
) -> Parity:
    """Return how the day that was lived compares with its replay.

    Args:
        code_version: of the code that replays.
        by_hand: what people, or a rebalance, did in the book that day. remarks: what else people should know.
    """
    hours = [_Hour.of(at, lived, replayed, code_version) for at in lived.slots]
    fills, of_fills = _fills(lived, replayed)
    found, orders_apart = _all_differences(hours, of_fills, lived, replayed, BY_HAND if by_hand else None)
    orders = sum(len(_pairs(hour, lived, replayed)) for hour in hours)
    usd, bps = _shortfall(fills)
    draft = Parity(
        book=book,
        session_on=session_on,
        outcome=ParityOutcome.DIFFERENT if found else ParityOutcome.EQUAL,
        summary="",
        decisions=len(hours),
        decisions_equal=sum(not h.differences for h in hours),
        orders=orders,
        orders_equal=orders - orders_apart,
        fills=fills,
        fills_equal=len(fills) - len(of_fills),
        shortfall_usd=usd,
        shortfall_bps=bps,
        nav_usd=lived.nav_usd,
        replay_nav_usd=replayed.nav_usd,
        differences=found,
        remarks=(*remarks, *by_hand, *_other_code(lived, replayed, code_version)),
        code_version=code_version,
    )
    return replace(draft, summary=summary_of(draft))


def _all_differences(
    hours: Sequence[_Hour], of_fills: Sequence[ParityDifference], lived: Day, replayed: Day, by_hand: str | None
) -> tuple[tuple[ParityDifference, ...], int]:
    """Return every difference in the order of the day, and how many orders differ.

    What comes after the first difference may only follow from it, and says so where it has no cause of its own.
    """
    found, orders_apart = list[ParityDifference](), 0
    for hour in hours:
        found += [_explained(d, EARLIER if found else by_hand) for d in hour.differences]
        of_orders = list(_orders(hour, lived, replayed))
        orders_apart += len({(d.symbol, d.what) for d in of_orders})
        found += [_explained(d, EARLIER if found else by_hand) for d in of_orders]
    found += [_explained(d, EARLIER if found else by_hand) for d in of_fills]
    return tuple(found), orders_apart


def summary_of(parity: Parity) -> str:
    """Return the day in a line: "7 of 7 decisions equal; 2 of 2 orders equal; shortfall 1.8 bps, 3.42 USD"."""
    parts = [f"{parity.decisions_equal} of {parity.decisions} decisions equal"]
    parts.append(f"{parity.orders_equal} of {parity.orders} orders equal" if parity.orders else "no orders")
    if parity.fills:
        parts.append(f"{parity.fills_equal} of {len(parity.fills)} fills matched")
    if parity.shortfall_bps is not None and parity.shortfall_usd is not None:
        parts.append(f"shortfall {parity.shortfall_bps:.1f} bps, {parity.shortfall_usd:.2f} USD")
    return "; ".join(parts)


def _explained(difference: ParityDifference, cause: str | None) -> ParityDifference:
    """Return the difference with `cause` if it has none of its own."""
    return difference if difference.cause or cause is None else replace(difference, cause=cause)


def _other_code(lived: Day, replayed: Day, code_version: str) -> Iterator[str]:
    for version in sorted({h.code_version for h in lived.hours.values()} - {code_version}):
        yield f"decided by {version}, replayed by {code_version}"
    theirs = {h.spec_hash for h in replayed.hours.values()}
    for spec_hash in sorted({h.spec_hash for h in lived.hours.values()} - theirs):
        yield f"decided by strategy {spec_hash}, replayed by {', '.join(sorted(theirs))}"


# --- decisions ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Hour:
    """One hour on both sides; `lived_cutoff_at` is None where the book did not decide."""

    as_of: datetime
    cutoff_at: datetime
    lived_cutoff_at: datetime | None
    differences: tuple[ParityDifference, ...]

    @classmethod
    def of(cls, as_of: datetime, lived: Day, replayed: Day, code_version: str) -> _Hour:
        mine, theirs = lived.hours.get(as_of), replayed.hours[as_of]
        if mine is None:
            missing = ParityDifference(
                DifferenceKind.HOUR_MISSING, as_of, None, "decision", _MISSING, theirs.note, NO_HOUR
            )
            return cls(as_of, theirs.cutoff_at, None, (missing,))
        found = (*_inputs(mine, theirs), *_verdicts(mine, theirs), *_targets(mine, theirs))
        if mine.note != theirs.note:
            found += (ParityDifference(DifferenceKind.NOTE, as_of, None, "note", mine.note, theirs.note),)
        if mine.decision_hash != theirs.decision_hash and not found:
            hashes = (mine.decision_hash, theirs.decision_hash)
            found = (ParityDifference(DifferenceKind.HASH, as_of, None, "decision hash", *hashes),)
        cause = _by_version(mine, theirs, code_version)
        return cls(as_of, theirs.cutoff_at, mine.cutoff_at, tuple(_explained(d, cause) for d in found))


def _by_version(mine: DayHour, theirs: DayHour, code_version: str) -> str | None:
    if mine.spec_hash != theirs.spec_hash:
        return OTHER_STRATEGY
    if mine.cutoff_at != theirs.cutoff_at:
        return OTHER_DELAY
    return OTHER_CODE if mine.code_version != code_version else None


def _inputs(mine: DayHour, theirs: DayHour) -> Iterator[ParityDifference]:
    for key in sorted({*mine.inputs, *theirs.inputs}):
        ours, replays = mine.inputs.get(key), theirs.inputs.get(key)
        if ours != replays:
            symbol, column = key
            cause = _input_cause(mine.inputs, key, ours, replays)
            yield ParityDifference(
                DifferenceKind.INPUT,
                mine.as_of,
                symbol or None,
                column,
                _text(column, ours),
                _text(column, replays),
                cause,
            )


def _input_cause(inputs: Mapping[tuple[str, str], Value], key: tuple[str, str], ours: Value, replays: Value) -> str:
    symbol, column = key
    if column in _OF_PRICES and inputs.get((symbol, "why_price")) == Why.PARKED:
        return PARKED
    ours_known, theirs_known = _is_known(column, ours), _is_known(column, replays)
    if ours_known and theirs_known:
        return REVISED
    return LATE if theirs_known else GONE


def _is_known(column: str, value: Value) -> bool:
    return value == Why.KNOWN if column.startswith("why_") else value is not None


def _text(column: str, value: Value) -> str:
    if column.startswith("why_"):
        return Why(int(value or 0)).sentence
    return _MISSING if value is None else f"{value:.9g}" if isinstance(value, float) else str(value)


def _verdicts(mine: DayHour, theirs: DayHour) -> Iterator[ParityDifference]:
    for key in sorted({*mine.verdicts, *theirs.verdicts}):
        ours, replays = mine.verdicts.get(key), theirs.verdicts.get(key)
        if (ours and ours.outcome) != (replays and replays.outcome):
            symbol, _, rule = key
            yield ParityDifference(DifferenceKind.VERDICT, mine.as_of, symbol, rule, _said(ours), _said(replays))


def _said(reason: Reason | None) -> str:
    if reason is None:
        return _NOTHING
    return reason.outcome.value if reason.observed is None else f"{reason.outcome.value} at {reason.observed:.6g}"


def _targets(mine: DayHour, theirs: DayHour) -> Iterator[ParityDifference]:
    for symbol in sorted({*mine.targets, *theirs.targets}):
        ours, replays = (significant(t.targets.get(symbol, 0.0)) for t in (mine, theirs))
        if ours != replays:
            yield ParityDifference(DifferenceKind.TARGET, mine.as_of, symbol, "weight", f"{ours:.4%}", f"{replays:.4%}")


# --- orders ------------------------------------------------------------------------------------------


def _orders(hour: _Hour, lived: Day, replayed: Day) -> Iterator[ParityDifference]:
    for ours, theirs in _pairs(hour, lived, replayed):
        yield from _order(hour.as_of, ours, theirs)


def _pairs(hour: _Hour, lived: Day, replayed: Day) -> list[tuple[DayOrder | None, DayOrder | None]]:
    """Return the orders of an hour beside their twins, each by the cutoff of its own decision."""
    ours = {o.key: o for o in lived.orders if o.order.planned_at == hour.lived_cutoff_at}
    theirs = {o.key: o for o in replayed.orders if o.order.planned_at == hour.cutoff_at}
    return [(ours.get(key), theirs.get(key)) for key in sorted({*ours, *theirs})]


def _order(as_of: datetime, ours: DayOrder | None, theirs: DayOrder | None) -> Iterator[ParityDifference]:
    one = ours or theirs
    assert one is not None, "a key comes from either side"
    symbol, what = one.order.symbol, one.order.purpose.value
    if theirs is None:
        yield ParityDifference(DifferenceKind.ORDER_EXTRA, as_of, symbol, what, _written(one.order), _NOTHING)
    elif ours is None:
        yield ParityDifference(DifferenceKind.ORDER_MISSING, as_of, symbol, what, _NOTHING, _written(one.order))
    elif ours.why_not is not None:
        kind, cause = DifferenceKind.ORDER_UNSENT, ours.why_not
        yield ParityDifference(kind, as_of, symbol, what, ours.order.status.value, _written(theirs.order), cause)
    else:
        for kind, mine, other in _unlike(ours.order, theirs.order):
            yield ParityDifference(kind, as_of, symbol, what, mine, other)


def _unlike(ours: Order, theirs: Order) -> Iterator[tuple[DifferenceKind, str, str]]:
    if ours.quantity != theirs.quantity:
        yield DifferenceKind.ORDER_QUANTITY, f"{ours.quantity.normalize():f}", f"{theirs.quantity.normalize():f}"
    if ours.limit_price != theirs.limit_price:
        yield DifferenceKind.ORDER_LIMIT, f"{ours.limit_price}", f"{theirs.limit_price}"
    if ours.order_type is not theirs.order_type or ours.side is not theirs.side:
        yield DifferenceKind.ORDER_TYPE, f"{ours.side} {ours.order_type}", f"{theirs.side} {theirs.order_type}"


def _written(order: Order) -> str:
    limit = "" if order.limit_price is None else f" at {order.limit_price}"
    return f"{order.side} {order.quantity.normalize():f} {order.order_type}{limit}"


# --- fills -------------------------------------------------------------------------------------------

type _FillKey = tuple[datetime | None, Symbol, OrderPurpose]


def _fills(lived: Day, replayed: Day) -> tuple[tuple[ParityFill, ...], list[ParityDifference]]:
    ours, theirs = _by_order(lived.fills), _by_order(replayed.fills)
    rows, found = list[ParityFill](), list[ParityDifference]()
    keys = sorted({*ours, *theirs}, key=lambda k: ("" if k[0] is None else k[0].isoformat(), *k[1:]))
    for key in keys:
        row = _fill(key, ours.get(key, ()), theirs.get(key, ()), replayed)
        rows.append(row)
        if row.quantity != row.replay_quantity:
            kind = DifferenceKind.FILL_QUANTITY
            if row.replay_quantity is None:
                kind = DifferenceKind.FILL_EXTRA
            elif row.quantity is None:
                kind = DifferenceKind.FILL_MISSED
            sides = (_traded(row.quantity, row.price), _traded(row.replay_quantity, row.replay_price))
            found.append(ParityDifference(kind, _decided(key, replayed), row.symbol, row.purpose.value, *sides))
    return tuple(rows), found


def _by_order(fills: Iterable[tuple[Fill, Order]]) -> dict[_FillKey, tuple[Fill, ...]]:
    """Return fills by order; protections by symbol only: one that was placed anew guards the same position."""
    found: dict[_FillKey, tuple[Fill, ...]] = {}
    for fill, order in fills:
        key = (None if order.is_protective else order.planned_at, fill.symbol, order.purpose)
        found[key] = (*found.get(key, ()), fill)
    return found


def _fill(key: _FillKey, ours: Sequence[Fill], theirs: Sequence[Fill], replayed: Day) -> ParityFill:
    as_of = _decided(key, replayed)
    known = None if as_of is None else replayed.hours[as_of].inputs.get((key[1], "price"))
    quantity, price, commission = _sum(ours)
    replay_quantity, replay_price, replay_commission = _sum(theirs)
    return ParityFill(
        symbol=key[1],
        purpose=key[2],
        side=(*ours, *theirs)[0].side,
        decided_at=as_of,
        decision_price=Decimal(repr(known)) if isinstance(known, float) else None,
        quantity=quantity,
        price=price,
        commission_usd=commission,
        replay_quantity=replay_quantity,
        replay_price=replay_price,
        replay_commission_usd=replay_commission,
    )


def _decided(key: _FillKey, replayed: Day) -> datetime | None:
    return next((h.as_of for h in replayed.hours.values() if h.cutoff_at == key[0]), None)


def _sum(fills: Sequence[Fill]) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Return quantity, mean price and commission; the last is None while one of them is not told."""
    if not fills:
        return None, None, None
    quantity = sum((f.quantity for f in fills), ZERO)
    price = sum((f.quantity * f.price for f in fills), ZERO) / quantity
    known = [f.commission_usd for f in fills if f.commission_usd is not None]
    return quantity, price, sum(known, ZERO) if len(known) == len(fills) else None


def _traded(quantity: Decimal | None, price: Decimal | None) -> str:
    return _NOTHING if quantity is None or price is None else f"{quantity.normalize():f} at {price:.4f}"


def _shortfall(fills: Iterable[ParityFill]) -> tuple[Decimal | None, float | None]:
    """Return what the book's fills cost against their decision prices, in USD and in bps of what was traded."""
    measured = [
        (f.shortfall_usd, f.decision_price * f.quantity)
        for f in fills
        if f.shortfall_usd is not None and f.decision_price is not None and f.quantity is not None
    ]
    if not measured:
        return None, None
    usd, traded = (sum(column, ZERO) for column in zip(*measured, strict=True))
    return usd, float(usd / traded) * 10_000
