"""What people are told: every kind of message, how grave it is, and how it arrives unless they say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

type Buttons = tuple[tuple[tuple[str, str], ...], ...]
"""Rows of buttons below a message, each (text, data); data is at most 64 bytes."""


class Severity(StrEnum):
    """How grave a message is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Delivery(StrEnum):
    """How messages of a kind arrive: with a sound, without one, not at all, or together at the end of the session."""

    ON = "on"
    SILENT = "silent"
    OFF = "off"
    DIGEST = "digest"


class MessageKind(StrEnum):
    """What a message is about."""

    DECISION = "decision"
    QUIET_HOUR = "quiet_hour"
    APPROVAL = "approval"
    ORDER_SENT = "order_sent"
    ORDER_FILLED = "order_filled"
    ORDER_PARTIAL = "order_partial"
    ORDER_REJECTED = "order_rejected"
    ORDER_CANCELLED = "order_cancelled"
    ORDER_UNKNOWN = "order_unknown"
    STOP_MOVED = "stop_moved"
    STOP_HIT = "stop_hit"
    PROTECTION = "protection"
    LOCK = "lock"
    WASH_BLOCK = "wash_block"
    STATE_CHANGE = "state_change"
    DATA_PARKED = "data_parked"
    CALENDAR = "calendar"
    CORPORATE_ACTION = "corporate_action"
    GATEWAY_DOWN = "gateway_down"
    GATEWAY_2FA = "gateway_2fa"
    GATEWAY_BACK = "gateway_back"
    BREAK_FOUND = "break_found"
    RECONCILIATION = "reconciliation"
    PARITY = "parity"
    MODEL_BENCHED = "model_benched"
    DAG_FAILURE = "dag_failure"
    BACKTEST = "backtest"
    DAILY_REPORT = "daily_report"
    WEEKLY_REPORT = "weekly_report"
    REBALANCE_REPORT = "rebalance_report"
    STRANGER = "stranger"
    START_UP = "start_up"
    SILENCE = "silence"
    CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True)
class KindRule:
    """What holds for every message of a kind.

    Attributes:
        title: its words in a message.
        delivery: how it arrives unless a setting says otherwise.
        severity: unless its writer says otherwise.
        is_urgent: never held back, put together with others, or switched off.
    """

    title: str
    delivery: Delivery = Delivery.ON
    severity: Severity = Severity.INFO
    is_urgent: bool = False


KINDS: Mapping[MessageKind, KindRule] = {
    MessageKind.DECISION: KindRule("Decision"),
    MessageKind.QUIET_HOUR: KindRule("Nothing to do", Delivery.DIGEST),
    MessageKind.APPROVAL: KindRule("Waits for you", severity=Severity.WARNING, is_urgent=True),
    MessageKind.ORDER_SENT: KindRule("Order sent", Delivery.SILENT),
    MessageKind.ORDER_FILLED: KindRule("Filled"),
    MessageKind.ORDER_PARTIAL: KindRule("Filled in part", Delivery.SILENT),
    MessageKind.ORDER_REJECTED: KindRule("Order rejected", severity=Severity.WARNING),
    MessageKind.ORDER_CANCELLED: KindRule("Order ended unfilled", Delivery.SILENT),
    MessageKind.ORDER_UNKNOWN: KindRule("Order of unknown fate", severity=Severity.ERROR, is_urgent=True),
    MessageKind.STOP_MOVED: KindRule("Stop moved", Delivery.DIGEST),
    MessageKind.STOP_HIT: KindRule("Stop hit", severity=Severity.WARNING),
    MessageKind.PROTECTION: KindRule("Protection missing", severity=Severity.ERROR, is_urgent=True),
    MessageKind.LOCK: KindRule("Lock", severity=Severity.WARNING),
    MessageKind.WASH_BLOCK: KindRule("Held back: wash sale", Delivery.SILENT),
    MessageKind.STATE_CHANGE: KindRule("Trading state", severity=Severity.WARNING, is_urgent=True),
    MessageKind.DATA_PARKED: KindRule("Data", severity=Severity.WARNING),
    MessageKind.CALENDAR: KindRule("Calendar", severity=Severity.WARNING),
    MessageKind.CORPORATE_ACTION: KindRule("Corporate action", Delivery.SILENT),
    MessageKind.GATEWAY_DOWN: KindRule("Gateway down", severity=Severity.ERROR),
    MessageKind.GATEWAY_2FA: KindRule("Gateway waits for a login", severity=Severity.ERROR, is_urgent=True),
    MessageKind.GATEWAY_BACK: KindRule("Gateway is back"),
    MessageKind.BREAK_FOUND: KindRule("Book and broker differ", severity=Severity.ERROR),
    MessageKind.RECONCILIATION: KindRule("Reconciliation", severity=Severity.WARNING),
    MessageKind.PARITY: KindRule("Replay differs", severity=Severity.WARNING),
    MessageKind.MODEL_BENCHED: KindRule("Model benched", severity=Severity.WARNING),
    MessageKind.DAG_FAILURE: KindRule("Run failed", severity=Severity.ERROR),
    MessageKind.BACKTEST: KindRule("Backtest finished"),
    MessageKind.DAILY_REPORT: KindRule("Day"),
    MessageKind.WEEKLY_REPORT: KindRule("Week"),
    MessageKind.REBALANCE_REPORT: KindRule("Rebalance"),
    MessageKind.STRANGER: KindRule("Stranger at the bot", severity=Severity.WARNING),
    MessageKind.START_UP: KindRule("Started", Delivery.SILENT),
    MessageKind.SILENCE: KindRule("Desk is silent", severity=Severity.ERROR, is_urgent=True),
    MessageKind.CONFIGURATION: KindRule("Settings changed", severity=Severity.WARNING),
}
"""Adding a kind is a name above, and its line here."""
