"""desk.books, fills, lots, disposals, cash_entries, marks, nav: the money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import groupby
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.accounting.tax.records import Split
from trading.adapters.postgres_store.orders import PostgresOrderRows
from trading.adapters.postgres_store.statements import Statements, columns_of
from trading.domain.fills import Booking, Disposal, Fill, Lot, Term
from trading.domain.instruments import BookId, BookKind, Symbol
from trading.domain.market import SYNTHETIC, ActionKind, CorporateAction
from trading.domain.money import ZERO
from trading.domain.orders import Side
from trading.domain.portfolio import Breaker, Portfolio, Position
from trading.engine.corporate import split_lot, split_order, whole_lots
from trading.errors import InvariantBroken
from trading.ports import NavRow

_LOT_COLUMNS = (
    "lot_id", "quantity", "cost_per_share", "wash_adjustment_usd", "acquired_on", "holding_starts_on", "fill_id",
)  # fmt: skip
_DISPOSAL_COLUMNS = (
    "disposal_id", "lot_id", "fill_id", "symbol", "quantity", "proceeds_usd", "basis_usd", "disallowed_loss_usd",
    "acquired_on", "disposed_on", "term",
)  # fmt: skip
_BREAKER_COLUMNS = ("peak_nav_usd", "lifetime_peak_usd", "tripped_on", "sessions_since_trip")


class PostgresLedgerRows:
    """`LedgerRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "ledger")
        self._market = Statements(connection, "bars")

    # --- books ----------------------------------------------------------------------------------

    def open_book(self, book: BookId, *, strategy: str, spec_hash: str, opened_at: datetime, cash_usd: Decimal) -> None:
        """Open a book with its first deposit; opening it again changes nothing.

        Raises:
            InvariantBroken: a paper or live book in a database that holds SYNTHETIC rows.
        """
        if book.kind in {BookKind.PAPER, BookKind.LIVE} and self._market.value("has_source", source=SYNTHETIC):
            raise InvariantBroken(f"the database holds SYNTHETIC rows, {book} may not use it; name another database")
        key = {"book": str(book), "kind": book.kind.value}
        if self._sql.row("add_book", **key, opened_at=opened_at, strategy=strategy, spec_hash=spec_hash):
            self.add_cash(book, "deposit.opening", "deposit", cash_usd, opened_at, None)

    def books(self) -> tuple[BookId, ...]:
        """Return every book, oldest first."""
        return tuple(BookId.parse(row["book"]) for row in self._sql.rows("read_books"))

    def portfolio(self, book: BookId, as_of: datetime) -> Portfolio:
        """Return cash, open lots and high-water prices.

        The high-water price is that of the newest mark if the position has been open since, else the highest cost.
        """
        highs = {row["symbol"]: row["high_water_price"] for row in self._sql.rows("high_waters", book=str(book))}
        positions = {}
        for symbol, group in groupby(self._open_lots(book), key=lambda lot: lot.symbol):
            lots = tuple(group)
            high = highs.get(symbol) or float(max(lot.cost_per_share for lot in lots))
            positions[symbol] = Position(symbol, lots, high)
        return Portfolio(book, as_of, self._sql.value("cash", book=str(book)), positions)

    def lots(self, book: BookId, symbol: Symbol) -> tuple[Lot, ...]:
        """Return the open lots of a symbol, oldest first."""
        return self._open_lots(book, symbol)

    def _open_lots(self, book: BookId, symbol: Symbol | None = None) -> tuple[Lot, ...]:
        rows = self._sql.rows("open_lots", book=str(book), symbol=symbol)
        return tuple(Lot(**(row | {"book": book})) for row in rows)

    # --- bookings -------------------------------------------------------------------------------

    def add_booking(self, booking: Booking) -> bool:
        """Store a fill with its lots, disposals and cash; False (and no change) if the fill is already booked.

        Raises:
            InvariantBroken: the lots of the booking do not follow from the lots stored.
        """
        fill = booking.fill
        key = {"book": str(fill.book), "symbol": fill.symbol}
        self._sql.rows("lock_book", book=str(fill.book))
        if self._sql.row("add_fill", **(asdict(fill) | key | {"side": fill.side.value})) is None:
            return False
        self._require_tie(booking)
        self._sql.run("close_lots", **key, closed_at=fill.executed_at, lot_id=[lot.lot_id for lot in booking.lots])
        if booking.lots:
            self._sql.run("put_lots", **key, **columns_of(booking.lots, *_LOT_COLUMNS))
        if booking.disposals:
            books = [str(fill.book)] * len(booking.disposals)
            self._sql.run("add_disposals", book=books, **columns_of(booking.disposals, *_DISPOSAL_COLUMNS))
        commission = fill.commission_usd or ZERO
        self.add_cash(
            fill.book, f"fill.{fill.fill_id}", "fill", booking.cash_usd + commission, fill.executed_at, fill.fill_id
        )
        if commission:
            self._add_commission_cash(fill.book, fill.fill_id, commission, fill.executed_at)
        return True

    def add_correction(self, booking: Booking, wrong: Fill) -> bool:
        """Take back the booking of `wrong` and store `booking` in its place; both fills stay, the newer one counts.

        Its lots are taken over as they are; disposals of the wrong fill no longer count, the booking brings its own.
        """
        right, book = booking.fill, wrong.book
        key = {"book": str(book), "symbol": right.symbol}
        self._sql.rows("lock_book", book=str(book))
        if self._sql.row("add_fill", **(asdict(right) | key | {"side": right.side.value})) is None:
            return False
        correction = {"fill_id": wrong.fill_id, "corrected_by": right.fill_id}
        self._sql.run("add_correction", book=str(book), **correction)
        self._sql.run("close_lots", **key, closed_at=right.executed_at, lot_id=[lot.lot_id for lot in booking.lots])
        if booking.lots:
            self._sql.run("put_lots", **key, **columns_of(booking.lots, *_LOT_COLUMNS))
        if booking.disposals:
            books = [str(book)] * len(booking.disposals)
            self._sql.run("add_disposals", book=books, **columns_of(booking.disposals, *_DISPOSAL_COLUMNS))
        sign = 1 if wrong.side is Side.BUY else -1
        taken_back = sign * wrong.quantity * wrong.price
        commission, back = right.commission_usd or ZERO, wrong.commission_usd or ZERO
        entry, at = f"{wrong.fill_id}.corrected", right.executed_at
        self.add_cash(book, f"fill.{entry}", "fill", taken_back, at, wrong.fill_id)
        self.add_cash(book, f"fill.{right.fill_id}", "fill", booking.cash_usd + commission, at, right.fill_id)
        if back:
            self.add_cash(book, f"commission.{entry}", "commission", back, at, wrong.fill_id)
        if commission:
            self._add_commission_cash(book, right.fill_id, commission, at)
        return True

    def _require_tie(self, booking: Booking) -> None:
        fill = booking.fill
        before = sum((lot.quantity for lot in self._open_lots(fill.book, fill.symbol)), ZERO)
        change = fill.quantity if fill.side is Side.BUY else -fill.quantity
        after = sum((lot.quantity for lot in booking.lots), ZERO)
        if before + change != after:
            raise InvariantBroken(
                f"{fill.symbol} {fill.fill_id}: {before} shares held and {change} traded do not make {after}; "
                "book the fill against the stored lots"
            )

    def add_commission(self, book: BookId, fill_id: str, commission_usd: Decimal) -> bool:
        """Fill in a commission that came late, with its cash entry; False if it was already known."""
        key = {"book": str(book), "fill_id": fill_id}
        filled = self._sql.row("fill_in_commission", **key, commission_usd=commission_usd)
        if filled is None:
            if not self._sql.value("has_fill", **key):
                raise InvariantBroken(f"commission for fill {fill_id}, which is not booked; book the fill first")
            return False
        if commission_usd:
            self._add_commission_cash(book, fill_id, commission_usd, filled["executed_at"])
        return True

    def _add_commission_cash(self, book: BookId, fill_id: str, commission_usd: Decimal, at: datetime) -> None:
        self.add_cash(book, f"commission.{fill_id}", "commission", -commission_usd, at, fill_id)

    def add_cash(
        self, book: BookId, entry_id: str, kind: str, amount_usd: Decimal, happened_at: datetime, reference: str | None
    ) -> bool:
        """Book a cash movement once per `entry_id`."""
        entry = {"entry_id": entry_id, "book": str(book), "kind": kind, "amount_usd": amount_usd}
        return self._sql.row("add_cash", **entry, happened_at=happened_at, reference=reference) is not None

    def split(self, book: BookId, symbol: Symbol, ratio: Decimal, *, ex_on: date | None = None) -> None:
        """Move open lots, working orders and the high-water price to the new basis: `ratio` new shares per old one.

        The position's newest stop and target move although they may have ended: what replaces them starts there.
        With `ex_on` only lots acquired before, and the position comes out in whole shares: the broker pays the rest.
        """
        key = {"book": str(book), "symbol": symbol}
        self._sql.rows("lock_book", book=str(book))
        lots = [
            lot if ex_on is not None and lot.acquired_on >= ex_on else split_lot(lot, ratio)
            for lot in self._open_lots(book, symbol)
        ]
        if ex_on is not None:
            lots = whole_lots(lots)
            closed_at = datetime.combine(ex_on, time.min, UTC)
            self._sql.run("close_lots", **key, closed_at=closed_at, lot_id=[lot.lot_id for lot in lots])
        if lots:
            self._sql.run("put_lots", **key, **columns_of(lots, *_LOT_COLUMNS))
        self._sql.run("split_high_water", **key, ratio=float(ratio))
        rows = PostgresOrderRows(self._sql.connection)
        opened_on = min((lot.acquired_on for lot in lots), default=date.max)
        guards = (o for o in rows.newest_guards(book) if o.planned_at.date() >= opened_on)
        known = {o.order_id: o for o in (*guards, *rows.working(book)) if o.symbol == symbol}
        before = (o for o in known.values() if ex_on is None or o.planned_at.date() < ex_on)
        moved = (split_order(order, ratio) for order in before)
        if orders := [order for order in moved if order.quantity > 0]:
            self._sql.run("move_orders", **columns_of(orders, "order_id", "quantity", "limit_price", "stop_price"))

    def due_actions(self, book: BookId, *, until_on: date, cutoff_at: datetime) -> tuple[CorporateAction, ...]:
        """Return known splits and dividends of what the book held on their ex-date, not taken over yet, ascending."""
        rows = self._sql.rows("due_actions", book=str(book), until_on=until_on, cutoff_at=cutoff_at)
        return tuple(CorporateAction(**(row | {"kind": ActionKind(row["kind"])})) for row in rows)

    def apply_action(self, book: BookId, action: CorporateAction, at: datetime) -> bool:
        """Note that the book takes over a split or dividend; False (and nothing written) if it has already."""
        given = {"symbol": action.symbol, "kind": action.kind.value, "ex_on": action.ex_on, "value": action.value}
        return self._sql.row("apply_action", book=str(book), **given, applied_at=at) is not None

    def splits_on(self, book: BookId, ex_on: date) -> dict[Symbol, Decimal]:
        """Return new shares per old one of the splits with that ex-date that the book took over."""
        rows = self._sql.rows("splits_on", book=str(book), ex_on=ex_on)
        return {row["symbol"]: Decimal(repr(row["value"])) for row in rows}

    def splits(self, book: BookId) -> tuple[Split, ...]:
        """Return every split that the book took over, each at the start (00:00 UTC) of its ex-date, ascending."""
        rows = self._sql.rows("read_splits", book=str(book))
        return tuple(
            Split(book, row["symbol"], datetime.combine(row["ex_on"], time.min, UTC), Decimal(repr(row["value"])))
            for row in rows
        )

    def rebased_at(self, book: BookId) -> dict[Symbol, datetime]:
        """Return the start (00:00 UTC) of the ex-date of each symbol's youngest split that the book took over."""
        rows = self._sql.rows("rebased_on", book=str(book))
        return {row["symbol"]: datetime.combine(row["ex_on"], time.min, UTC) for row in rows}

    def fills(self, book: BookId, limit: int | None = None) -> tuple[Fill, ...]:
        """Return fills, oldest first; with a limit the newest ones."""
        rows = self._sql.rows("read_fills", book=str(book), limit=limit)
        return tuple(Fill(**(row | {"book": book, "side": Side(row["side"])})) for row in rows)

    def disposals(self, book: BookId) -> tuple[Disposal, ...]:
        """Return disposals, oldest first."""
        rows = self._sql.rows("read_disposals", book=str(book))
        return tuple(Disposal(**(row | {"book": book, "term": Term(row["term"])})) for row in rows)

    # --- NAV ------------------------------------------------------------------------------------

    def add_nav(self, book: BookId, row: NavRow, marks: Mapping[Symbol, tuple[Decimal, float, float]]) -> None:
        """Store NAV and marks (quantity, price, high-water price) of one slot; the first row of a slot stands."""
        values = asdict(row)
        breaker = values.pop("breaker")
        if self._sql.row("add_nav", book=str(book), **values, **breaker) is None or not marks:
            return
        quantities, prices, highs = (list(column) for column in zip(*marks.values(), strict=True))
        self._sql.run(
            "add_marks",
            book=str(book),
            as_of=row.as_of,
            symbol=list(marks),
            quantity=quantities,
            price=prices,
            high_water_price=highs,
        )

    def last_nav(self, book: BookId) -> NavRow | None:
        """Return the youngest NAV row, or None."""
        return next(iter(self._navs(book, 1)), None)

    def nav_at(self, book: BookId, as_of: datetime) -> NavRow | None:
        """Return the NAV row of one slot, or None."""
        row = self._sql.row("nav_at", book=str(book), as_of=as_of)
        return None if row is None else _nav_row(row)

    def marks_at(self, book: BookId, as_of: datetime) -> dict[Symbol, tuple[Decimal, float, float]]:
        """Return (quantity, price, high-water price) of each symbol that was held and priced at a slot."""
        rows = self._sql.rows("marks_at", book=str(book), as_of=as_of)
        return {row["symbol"]: (row["quantity"], row["price"], row["high_water_price"]) for row in rows}

    def navs(self, book: BookId) -> tuple[NavRow, ...]:
        """Return all NAV rows, oldest first."""
        return self._navs(book, None)

    def _navs(self, book: BookId, limit: int | None) -> tuple[NavRow, ...]:
        return tuple(map(_nav_row, self._sql.rows("read_navs", book=str(book), limit=limit)))


def _nav_row(row: dict[str, Any]) -> NavRow:
    breaker = Breaker(**{name: row.pop(name) for name in _BREAKER_COLUMNS})
    return NavRow(**row, breaker=breaker)
