"""A Flex statement of the simulated account, in the elements and attributes that IB's reader libraries know.

Everything carries `acctAlias="SIMULATED"`. Quantities of sales, commissions and money paid are negative, times are New
York time (`yyyymmdd;hhmmss`), `ibOrderID` is the permanent order id, `orderReference` the client's orderRef.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from trading.domain.money import ZERO
from trading.gateway.broker import PaperBroker
from trading.gateway.flex_ledger import BookedTrade, FlexLedger, new_york_day
from trading.gateway.listings import EASTERN, Listing, Listings
from trading.gateway.records import LABEL, CashItem, CashKind, SplitDone

_CASH_WORDS = {
    CashKind.DEPOSIT: "Deposits & Withdrawals",
    CashKind.WITHDRAWAL: "Deposits & Withdrawals",
    CashKind.DIVIDEND: "Dividends",
    CashKind.CASH_IN_LIEU: "Payment In Lieu Of Dividends",
    CashKind.INTEREST: "Broker Interest Received",
    CashKind.FEE: "Other Fees",
}
_SUMMARY_FIELDS = {
    CashKind.DEPOSIT: "deposits",
    CashKind.WITHDRAWAL: "withdrawals",
    CashKind.DIVIDEND: "dividends",
    CashKind.CASH_IN_LIEU: "paymentInLieu",
    CashKind.INTEREST: "brokerInterest",
    CashKind.FEE: "otherFees",
}
_PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Period:
    """New York dates, both included."""

    first_on: date
    last_on: date

    def holds(self, at: datetime) -> bool:
        """Whether an instant lies in it."""
        return self.first_on <= new_york_day(at) <= self.last_on


def statement(broker: PaperBroker, listings: Listings, period: Period) -> bytes:
    """Return the XML of a `FlexQueryResponse` with one statement."""
    return _Statement(broker, listings, period).xml()


class _Statement:
    def __init__(self, broker: PaperBroker, listings: Listings, period: Period) -> None:
        self._broker, self._listings, self._period = broker, listings, period
        self._ledger = FlexLedger(broker, period.last_on)

    def xml(self) -> bytes:
        root = Element("FlexQueryResponse", queryName=LABEL, type="AF")
        held = SubElement(SubElement(root, "FlexStatements", count="1"), "FlexStatement", self._head())
        own = {"accountId": self._broker.state.account, "acctAlias": LABEL}
        SubElement(held, "AccountInformation", {**own, "currency": "USD", "name": f"{LABEL} account"})
        self._fill_cash_report(SubElement(held, "CashReport"))
        self._fill_positions(SubElement(held, "OpenPositions"))
        trades = SubElement(held, "Trades")
        for trade in self._ledger.trades:
            if self._period.holds(trade.execution.executed_at):
                SubElement(trades, "Trade", self._trade(trade))
        actions = SubElement(held, "CorporateActions")
        for number, split in enumerate(self._broker.state.splits, start=1):
            if self._period.holds(split.applied_at):
                SubElement(actions, "CorporateAction", self._split(number, split))
        cash = SubElement(held, "CashTransactions")
        for item in self._broker.state.cash_items:
            if self._period.holds(item.booked_at):
                SubElement(cash, "CashTransaction", self._cash(item))
        indent(root)
        text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
        return text

    def _head(self) -> dict[str, str]:
        return {
            "accountId": self._broker.state.account,
            "fromDate": _day(self._period.first_on),
            "toDate": _day(self._period.last_on),
            "period": "",
            "whenGenerated": _time(self._broker.state.clock),
        }

    def _common(self, listing: Listing | None) -> dict[str, str]:
        """Account, currency and, where there is one, the instrument."""
        fields = {
            "accountId": self._broker.state.account, "acctAlias": LABEL, "currency": "USD", "fxRateToBase": "1",
        }  # fmt: skip
        if listing is not None:
            fields |= {
                "assetCategory": "STK", "symbol": listing.symbol, "description": f"{listing.name} ({LABEL})",
                "conid": str(listing.con_id), "listingExchange": listing.exchange, "multiplier": "1",
            }  # fmt: skip
        return fields

    def _trade(self, trade: BookedTrade) -> dict[str, str]:
        done, ticket = trade.execution, trade.order.ticket
        listing = self._listings[ticket.symbol]
        traded_on = new_york_day(done.executed_at)
        return self._common(listing) | {
            "tradeID": str(trade.number), "transactionID": str(trade.number), "transactionType": "ExchTrade",
            "reportDate": _day(traded_on), "tradeDate": _day(traded_on), "dateTime": _time(done.executed_at),
            "settleDateTarget": _day(self._broker.calendar.next_session(traded_on).session_on),
            "exchange": listing.exchange, "buySell": ticket.action,
            "openCloseIndicator": "C" if trade.is_closing else "O",
            "quantity": _number(trade.signed_quantity), "tradePrice": _number(done.price),
            "tradeMoney": _number(-trade.proceeds_usd), "proceeds": _number(trade.proceeds_usd), "taxes": "0",
            "ibCommission": _number(-done.commission_usd), "ibCommissionCurrency": "USD",
            "netCash": _number(trade.net_cash_usd), "cost": _number(trade.cost_usd),
            "fifoPnlRealized": _number(trade.fifo_pnl_usd), "orderType": ticket.order_type,
            "ibOrderID": str(trade.order.perm_id), "ibExecID": done.exec_id, "orderReference": ticket.order_ref,
            "isAPIOrder": "Y", "levelOfDetail": "EXECUTION",
        }  # fmt: skip

    def _fill_positions(self, parent: Element) -> None:
        for listing, quantity, cost in self._positions():
            price = self._price(listing.symbol)
            mark = cost / quantity if price is None else price
            fields = {
                "reportDate": _day(self._period.last_on), "position": _number(quantity), "markPrice": _number(mark),
                "positionValue": _number(mark * quantity), "costBasisPrice": _number(cost / quantity),
                "costBasisMoney": _number(cost), "fifoPnlUnrealized": _number(mark * quantity - cost),
                "side": "Long" if quantity > 0 else "Short", "levelOfDetail": "SUMMARY",
            }  # fmt: skip
            SubElement(parent, "OpenPosition", self._common(listing) | fields)

    def _positions(self) -> list[tuple[Listing, Decimal, Decimal]]:
        """Return contract, shares and cost: the account's own now, worked out from the trades for an earlier day."""
        if self._period.last_on >= new_york_day(self._broker.state.clock):
            held = self._broker.state.holdings.items()
            return [(self._listings[s], h.quantity, h.quantity * h.average_cost) for s, h in held if h.quantity]
        found = []
        for symbol, lots in self._ledger.lots.items():
            if quantity := sum((lot.quantity for lot in lots), ZERO):
                cost = sum((lot.quantity * lot.cost_per_share for lot in lots), ZERO)
                found.append((self._listings[symbol], quantity, cost))
        return found

    def _price(self, symbol: str) -> Decimal | None:
        """Return the price at the end of the period [USD/share]."""
        if self._period.last_on >= new_york_day(self._broker.state.clock):
            return self._broker.market_price(symbol)
        session = self._broker.calendar.session(self._period.last_on)
        last = None if session is None else self._broker.feed.last_price(symbol, session.closes_at)
        return None if last is None else Decimal(repr(last))

    def _split(self, number: int, split: SplitDone) -> dict[str, str]:
        """Return a split; `quantity` is what it added."""
        listing = self._listings[split.symbol]
        before = split.quantity / split.ratio
        new, old = split.ratio.as_integer_ratio()
        return self._common(listing) | {
            "type": "FS" if split.ratio > 1 else "RS", "actionID": str(number), "transactionID": str(number),
            "reportDate": _day(new_york_day(split.applied_at)), "dateTime": _time(split.applied_at),
            "quantity": _number(split.quantity - before), "amount": "0", "proceeds": "0", "value": "0",
            "actionDescription": f"{split.symbol} SPLIT {new} FOR {old} ({LABEL})",
        }  # fmt: skip

    def _cash(self, item: CashItem) -> dict[str, str]:
        listing = None if item.symbol is None else self._listings[item.symbol]
        day = _day(new_york_day(item.booked_at))
        word = _CASH_WORDS[item.kind]
        if item.kind is CashKind.INTEREST and item.amount_usd < 0:
            word = "Broker Interest Paid"
        return self._common(listing) | {
            "type": word, "amount": _number(item.amount_usd), "dateTime": _time(item.booked_at), "reportDate": day,
            "settleDate": day, "transactionID": str(item.item_id), "description": f"{item.text} ({LABEL})",
            "levelOfDetail": "DETAIL",
        }  # fmt: skip

    def _fill_cash_report(self, parent: Element) -> None:
        trades = [t for t in self._ledger.trades if self._period.holds(t.execution.executed_at)]
        items = [i for i in self._broker.state.cash_items if self._period.holds(i.booked_at)]
        moved = sum((t.net_cash_usd for t in trades), ZERO) + sum((i.amount_usd for i in items), ZERO)
        ending = self._broker.state.cash_usd - self._moved_later()
        amounts = {
            "startingCash": ending - moved,
            "commissions": -sum((t.execution.commission_usd for t in trades), ZERO),
            "netTradesSales": sum((t.proceeds_usd for t in trades if t.signed_quantity < 0), ZERO),
            "netTradesPurchases": sum((t.proceeds_usd for t in trades if t.signed_quantity > 0), ZERO),
            "endingCash": ending,
        }
        for kind, field in _SUMMARY_FIELDS.items():
            amounts[field] = sum((i.amount_usd for i in items if i.kind is kind), ZERO)
        dates = {"fromDate": _day(self._period.first_on), "toDate": _day(self._period.last_on)}
        for currency in ("BASE_SUMMARY", "USD"):
            own = {"accountId": self._broker.state.account, "acctAlias": LABEL, "currency": currency}
            numbers = {field: _number(amount) for field, amount in amounts.items()}
            SubElement(parent, "CashReportCurrency", own | dates | numbers)

    def _moved_later(self) -> Decimal:
        """Return what moved cash after the period."""
        end = self._period.last_on
        items = (i.amount_usd for i in self._broker.state.cash_items if new_york_day(i.booked_at) > end)
        done = FlexLedger(self._broker, date.max).trades
        later = (t.net_cash_usd for t in done if new_york_day(t.execution.executed_at) > end)
        return sum(items, ZERO) + sum(later, ZERO)


def _number(value: Decimal) -> str:
    return format(value.quantize(_PLACES).normalize() + 0, "f")


def _day(on: date) -> str:
    return on.strftime("%Y%m%d")


def _time(at: datetime) -> str:
    return at.astimezone(EASTERN).strftime("%Y%m%d;%H%M%S")
