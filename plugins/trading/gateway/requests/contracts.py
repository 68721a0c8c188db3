"""Contract details, matching symbols, market rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading.gateway.listings import MARKET_RULE_ID, PRICE_BANDS, Listing, hours_text
from trading.gateway.records import Refusal
from trading.gateway.requests import Handler
from trading.gateway.wire import contracts as wire
from trading.gateway.wire.frames import Request

if TYPE_CHECKING:
    from trading.gateway.session import Session

NO_DEFINITION = "No security definition has been found for the request"


def resolve(session: Session, query: wire.ContractQuery) -> Listing:
    """Return the one contract that fits the query.

    Raises:
        Refusal: 200.
    """
    found = session.gateway.listings.find(query.con_id, query.symbol, query.kind, query.exchange, query.currency)
    if found is None:
        raise Refusal(200, NO_DEFINITION)
    return found


def contract_details(session: Session, request: Request) -> None:
    """Answer with the contract, its hours and its market rule."""
    request.skip()
    request_id = session.about(request.whole())
    listing = resolve(session, wire.read_contract(request))
    hours = hours_text(session.broker.calendar, session.broker.state.clock)
    session.send(wire.contract_details(request_id, listing, hours, hours, session.version))
    session.send(wire.contract_details_end(request_id))


def matching_symbols(session: Session, request: Request) -> None:
    """Answer with the contracts whose symbol or name begins with the pattern."""
    request_id = session.about(request.whole())
    found = list(session.gateway.listings.matching(request.text()))
    session.send(wire.symbol_samples(request_id, found, session.version))


def market_rule(session: Session, request: Request) -> None:
    """Answer with the price increments of a rule."""
    rule_id = session.about(request.whole())
    if rule_id != MARKET_RULE_ID:
        raise Refusal(321, f"Error validating request.-'cE' : cause - Invalid market rule id {rule_id}")
    session.send(wire.market_rule(rule_id, PRICE_BANDS))


HANDLERS: dict[int, Handler] = {9: contract_details, 81: matching_symbols, 91: market_rule}
