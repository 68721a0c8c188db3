"""Rows of ops.*: switches, messages, findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from trading.domain.instruments import BookId, Symbol
from trading.domain.interlock import LiveArm
from trading.domain.locks import Restriction
from trading.domain.messages import Buttons, MessageKind, Severity
from trading.domain.portfolio import TradingState

RESTORE = "restore"
"""Actor of the halt in which a backup comes back."""


@dataclass(frozen=True, slots=True)
class StateEvent:
    """What brought a book into its state.

    Attributes:
        actor: a rule by its name, or a person as "cli:NAME".
    """

    state: TradingState
    reason: str
    actor: str
    happened_at: datetime


class ControlRows(Protocol):
    """ops.*"""

    def trading_state(self, book: BookId, *, for_change: bool = False) -> TradingState:
        """Return the book's state; HALTED while the file flag is raised and when it cannot be read.

        Args:
            for_change: keep others from changing it until this transaction ends.
        """
        ...

    def state_reason(self, book: BookId) -> str | None:
        """Return who brought the book into its state and why; None for a book that never left ACTIVE."""
        ...

    def state_event(self, book: BookId) -> StateEvent | None:
        """Return the latest state event; None for a book that never left ACTIVE."""
        ...

    def set_state(self, book: BookId, state: TradingState, *, reason: str, actor: str) -> None:
        """Append a state event."""
        ...

    def holds(self, book: BookId) -> dict[Symbol, str]:
        """Return the symbols that get no entry until an operator releases them, with the reason."""
        ...

    def hold(self, book: BookId, symbol: Symbol, *, is_held: bool, reason: str, actor: str) -> bool:
        """Hold or release a symbol; False (and nothing written) when it already is so."""
        ...

    def restrictions(self, book: BookId) -> dict[Symbol, Restriction]:
        """Return what people put on the restricted list and did not take off, also where its day has passed."""
        ...

    def restrict(self, book: BookId, symbol: Symbol, *, until: date | None, reason: str, actor: str) -> None:
        """Put a symbol on the restricted list until the end of that day, or until further notice."""
        ...

    def unrestrict(self, book: BookId, symbol: Symbol, *, reason: str, actor: str) -> None:
        """Take a symbol off the restricted list."""
        ...

    def notify(
        self,
        *,
        dedupe_key: str,
        book: BookId | None,
        kind: MessageKind,
        body: str,
        severity: Severity | None = None,
        buttons: Buttons = (),
        picture: bytes | None = None,
    ) -> bool:
        """Put a message into the outbox once per `dedupe_key`; True if it is new.

        Args:
            body: plain text; its beginning may repeat badge and book, which every message shows anyhow.
            severity: the kind's own unless given.
            buttons: rows of (text, data), data of at most 64 bytes.
            picture: PNG bytes, at most 10 MB; the text becomes its caption.
        """
        ...

    def issue_code(self, book: BookId, action: str, *, actor: str, valid_seconds: int) -> str:
        """Return a new one-time code for `action`; an earlier one for the same action is void from now on."""
        ...

    def use_code(self, book: BookId, action: str, code: str) -> bool:
        """Use a one-time code up; False if it is wrong, used already, or too old."""
        ...

    def arm(self, book: BookId, *, account: str, code_hash: str, actor: str, expires_at: datetime) -> None:
        """Permit real money until `expires_at`."""
        ...

    def live_arm(self, book: BookId) -> LiveArm | None:
        """Return the youngest permission, expired or not, or None."""
        ...

    def audit(self, *, actor: str, action: str, detail: Mapping[str, Any]) -> None:
        """Store who did what."""
        ...

    def newest_audit(self, action: str, book: BookId) -> Mapping[str, Any] | None:
        """Return the detail of the newest act of one kind about `book`, or None."""
        ...
