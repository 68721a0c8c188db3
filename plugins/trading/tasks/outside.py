"""Shares at the broker that are not the book's, on today's share basis: a split reaches them too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from trading.domain.instruments import BookId, Symbol
from trading.domain.market import ActionKind, CorporateAction
from trading.domain.money import ZERO
from trading.ports import External, Transaction
from trading.tasks.corporate import whole_after

NEW_YORK = ZoneInfo("America/New_York")


def externals_at(tx: Transaction, book: BookId, at: datetime) -> tuple[External, ...]:
    """Return what operators took note of, oldest first, in the shares that it is at `at`."""
    stored = tx.reconciliations.externals(book)
    splits = splits_of(tx, {e.symbol for e in stored if e.quantity}, at)
    return tuple(replace(e, quantity=rebased(e.symbol, e.quantity, splits, e.counted_at, at)) for e in stored)


def splits_of(tx: Transaction, symbols: Collection[Symbol], at: datetime) -> tuple[CorporateAction, ...]:
    """Return the splits of `symbols` that are known at `at`, ascending by ex-date."""
    if not symbols:
        return ()
    known = tx.market.actions(cutoff_at=at)
    return tuple(a for a in known if a.kind is ActionKind.SPLIT and a.symbol in symbols)


def rebased(
    symbol: Symbol, shares: Decimal, splits: Collection[CorporateAction], counted_at: datetime, at: datetime
) -> Decimal:
    """Return signed `shares` that were counted at `counted_at` after the splits that went ex since."""
    counted_on, today = counted_at.astimezone(NEW_YORK).date(), at.astimezone(NEW_YORK).date()
    for split in splits:
        if split.symbol == symbol and counted_on < split.ex_on <= today:
            whole = whole_after(abs(shares), Decimal(repr(split.value)))
            shares = whole if shares >= ZERO else -whole
    return shares


def splits_today(splits: Collection[CorporateAction], at: datetime) -> Mapping[Symbol, Decimal]:
    """Return new shares per old one of the splits that go ex on the day of `at`."""
    today = at.astimezone(NEW_YORK).date()
    return {s.symbol: Decimal(repr(s.value)) for s in splits if s.ex_on == today}
