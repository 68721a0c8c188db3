"""Protection: what must change so that each long has one live trailing stop and one live target for its shares.

Pure: it reads what the book holds and what the broker works, and names the repairs. A repair never works beside the
order that it replaces: what is superfluous is cancelled, and confirmed, before anything new is placed, because two
stops for one position would sell it twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from trading.domain.instruments import Symbol
from trading.domain.money import ZERO
from trading.domain.orders import Order, OrderPurpose, OrderStatus
from trading.execution.planner import PlanTerms, protective_pair


@dataclass(frozen=True, slots=True)
class Holding:
    """One symbol as the book holds it and as the broker works it.

    Attributes:
        held: shares in our lots. shown: shares at the broker, whoever bought them.
        guards, entries: our live orders with the broker's quantities; a guard that the broker holds back is UNKNOWN.
        leaving: shares that live exits and trims are about to sell.
        stuck: our sales that the broker holds back: they sell nothing now, and may come back to life.
        arriving: shares that our entries bought by the broker's word, and whose executions are not booked yet.
        stop_price, target_price: where a new protection would start [USD/share]; None without a position.
        rebased_at: protection planned before belongs to another share basis; None without a split.
    """

    symbol: Symbol
    held: Decimal = ZERO
    shown: Decimal = ZERO
    guards: tuple[Order, ...] = ()
    entries: tuple[Order, ...] = ()
    leaving: Decimal = ZERO
    stuck: tuple[Order, ...] = ()
    arriving: Decimal = ZERO
    stop_price: Decimal | None = None
    target_price: Decimal | None = None
    rebased_at: datetime | None = None

    @property
    def stays(self) -> Decimal:
        """Shares that need protection."""
        return self.held - self.leaving


@dataclass(frozen=True, slots=True)
class Repairs:
    """What to do for one symbol; cancellations are confirmed before the next look plans anything else.

    Attributes:
        resize: guards with the quantity that they should have.
        place: shares that a new stop and target shall guard; 0 for none.
        why: for people; None when all is well.
    """

    holding: Holding
    cancel: tuple[Order, ...] = ()
    resize: tuple[Order, ...] = ()
    place: Decimal = field(default=ZERO)
    why: str | None = None


def plan_repairs(holding: Holding, *, next_session_on: date) -> Repairs:
    """Return what must change in one symbol.

    Args:
        next_session_on: a GTC order that its broker cancels before this day is renewed now.
    """
    if holding.entries:
        return _beside_an_entry(holding)
    if holding.arriving > 0:
        return Repairs(holding)
    if holding.stuck:
        return Repairs(holding, cancel=holding.stuck, why="the broker holds a sale back")
    if holding.stays <= 0:
        why = "protection works without a position" if holding.guards else None
        return Repairs(holding, cancel=holding.guards, why=why)
    keep = _keeper(holding, next_session_on)
    if others := tuple(guard for guard in holding.guards if guard not in keep):
        return Repairs(holding, cancel=others, why="its protection is incomplete, doubled, outdated or due for renewal")
    if keep:
        wrong = tuple(_sized(guard, holding.stays) for guard in keep if guard.remaining != holding.stays)
        why = f"its protection guards another number of shares than {holding.stays.normalize():f}" if wrong else None
        return Repairs(holding, resize=wrong, why=why)
    if holding.shown < holding.stays:
        shown, stays = holding.shown.normalize(), holding.stays.normalize()
        why = f"the broker shows {shown:f} of {stays:f} shares, so no protection is placed yet"
        return Repairs(holding, why=why)
    return Repairs(holding, place=holding.stays, why=f"{holding.stays.normalize():f} shares have no live protection")


def _beside_an_entry(holding: Holding) -> Repairs:
    """An entry that works brings its own protection; one whose protection is missing is called back."""
    bare = tuple(entry for entry in holding.entries if not _is_complete(_children(holding, entry)))
    return Repairs(holding, cancel=bare, why="an entry works without its protection" if bare else None)


def _children(holding: Holding, entry: Order) -> list[Order]:
    return [guard for guard in holding.guards if guard.parent_id == entry.order_id]


def _keeper(holding: Holding, next_session_on: date) -> tuple[Order, ...]:
    """Return the one family that stays: sound and complete, of the right size if there is a choice, else the oldest.

    A stop that has begun to sell is never called back, with or without its sibling.
    """
    families: dict[str, list[Order]] = {}
    for guard in holding.guards:
        families.setdefault(guard.decision_id, []).append(guard)
    if triggered := [f for f in families.values() if any(_has_triggered(guard) for guard in f)]:
        return tuple(triggered[0])
    sound = [f for f in families.values() if _is_complete(f) and all(_is_sound(g, holding, next_session_on) for g in f)]
    by_age = sorted(sound, key=lambda f: f[0].planned_at)
    fitting = [f for f in by_age if all(guard.remaining == holding.stays for guard in f)]
    # Without a fitting one a purchase topped the position up: its first stop has come the furthest, so it is resized.
    return tuple(fitting[-1] if fitting else by_age[0] if by_age else ())


def _has_triggered(guard: Order) -> bool:
    return guard.purpose is OrderPurpose.STOP and guard.filled_quantity > 0


def _is_complete(family: Sequence[Order]) -> bool:
    return sorted(guard.purpose for guard in family) == [OrderPurpose.STOP, OrderPurpose.TARGET]


def _is_sound(guard: Order, holding: Holding, next_session_on: date) -> bool:
    if holding.rebased_at is not None and guard.planned_at < holding.rebased_at:
        return False
    return guard.status is not OrderStatus.UNKNOWN and auto_cancel_on(guard.planned_at.date()) >= next_session_on


def _sized(guard: Order, shares: Decimal) -> Order:
    return replace(guard, quantity=guard.filled_quantity + shares)


def auto_cancel_on(placed_on: date) -> date:
    """Return the day on which the broker cancels a GTC order by itself: the last one of the following quarter.

    Source: the `autoCancelDate` that a real gateway put on a captured order of April 2026: 2026-09-30.
    """
    quarters = (placed_on.month - 1) // 3 + 2
    return date(placed_on.year + quarters // 4, quarters % 4 * 3 + 1, 1) - timedelta(days=1)


def plan_protection(terms: PlanTerms, repairs: Iterable[Repairs]) -> list[tuple[Order, Order]]:
    """Return the stand-alone stop and target of each symbol that has none; one cancels the other at the broker."""
    return [_pair(terms, repair) for repair in repairs if repair.place > 0]


def _pair(terms: PlanTerms, repair: Repairs) -> tuple[Order, Order]:
    holding = repair.holding
    assert holding.stop_price is not None, f"{holding.symbol} is held, so its stop is known"
    assert holding.target_price is not None, f"{holding.symbol} is held, so its target is known"
    return protective_pair(
        terms, holding.symbol, repair.place, target_price=holding.target_price, stop_price=holding.stop_price
    )
