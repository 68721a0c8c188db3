"""Protocols for the outside, and `Services` that bundles them. Tasks see ports, never an adapter.

All instants are aware and UTC. A reader takes `as_of` and `cutoff_at` and returns only bars with
`ends_at <= as_of` and rows with `known_at <= cutoff_at`.
"""

from __future__ import annotations

from trading.domain.market import Quote
from trading.ports.broker import (
    Broker,
    BrokerGate,
    BrokerIdentity,
    BrokerOrder,
    BrokerRole,
    BrokerSnapshot,
    ReservedLeg,
)
from trading.ports.checks import CheckRows, Stage, StoredDenial
from trading.ports.controls import ControlRows
from trading.ports.history import Place
from trading.ports.ledger import LedgerRows, NavRow
from trading.ports.market import AnalysisRows, IngestCounts, MarketRows, Provenance
from trading.ports.orders import DecisionRows, Intent, OrderRows
from trading.ports.reconciliations import (
    Break,
    DividendDue,
    External,
    Filed,
    Proof,
    ReconciliationKind,
    ReconciliationRows,
    StatementSource,
)
from trading.ports.replays import ReplayRows
from trading.ports.sources import (
    ActionSource,
    BarSource,
    EarningsSource,
    FilingSource,
    FundamentalsSource,
    HolidaySource,
    MacroSource,
    NewsSource,
    Sources,
)
from trading.ports.store import Services, Store, Transaction
from trading.ports.time import Clock, MarketCalendar, settlement_day

__all__ = [
    "ActionSource",
    "AnalysisRows",
    "BarSource",
    "Break",
    "Broker",
    "BrokerGate",
    "BrokerIdentity",
    "BrokerOrder",
    "BrokerRole",
    "BrokerSnapshot",
    "CheckRows",
    "Clock",
    "ControlRows",
    "DecisionRows",
    "DividendDue",
    "EarningsSource",
    "External",
    "Filed",
    "FilingSource",
    "FundamentalsSource",
    "HolidaySource",
    "IngestCounts",
    "Intent",
    "LedgerRows",
    "MacroSource",
    "MarketCalendar",
    "MarketRows",
    "NavRow",
    "NewsSource",
    "OrderRows",
    "Place",
    "Proof",
    "Provenance",
    "Quote",
    "ReconciliationKind",
    "ReconciliationRows",
    "ReplayRows",
    "ReservedLeg",
    "Services",
    "Sources",
    "Stage",
    "StatementSource",
    "Store",
    "StoredDenial",
    "Transaction",
    "settlement_day",
]
