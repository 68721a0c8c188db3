"""ops.bot_updates, bot_intents and bot_backtests."""

from __future__ import annotations

import hashlib
import secrets
from datetime import date, datetime

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from trading.adapters.postgres_store.statements import Statements
from trading.domain.instruments import BookId
from trading.domain.people import Role
from trading.ports.bot import Backtest, Intent, IntentState, Proposal, tap_data

NONCE_BYTES = 9
LARGEST_ID = 2**63 - 1


class PostgresBotRows:
    """`BotRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "bot")

    def is_new(self, bot_id: int, update_id: int) -> bool:
        """Remember an update; False if it was seen before."""
        return self._sql.value("see_update", bot_id=bot_id, update_id=update_id) is not None

    def forget_updates(self, *, days: int) -> int:
        """Forget the updates that are older; how many."""
        return self._sql.run("forget_updates", days=days)

    def propose(self, proposal: Proposal) -> tuple[str, str]:
        """Store what waits for a tap; returns the data of the buttons for yes and for no."""
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        intent_id = self._sql.value(
            "add_intent",
            book=str(proposal.book),
            command=proposal.command,
            arguments=Json(list(proposal.arguments)),
            subject=proposal.subject,
            role=proposal.role.value,
            user_id=proposal.user_id,
            chat_id=proposal.chat_id,
            nonce_sha256=_hashed(nonce),
            seconds=proposal.valid_seconds,
        )
        return tap_data(True, int(intent_id), nonce), tap_data(False, int(intent_id), nonce)

    def intent(self, intent_id: int, nonce: str) -> Intent | None:
        """Return what a button is about; None if there is no such intent with this nonce."""
        if intent_id > LARGEST_ID:
            return None
        row = self._sql.row("read_intent", intent_id=intent_id, nonce_sha256=_hashed(nonce))
        if row is None:
            return None
        return Intent(
            **row
            | {
                "book": BookId.parse(row["book"]),
                "arguments": tuple(row["arguments"]),
                "role": Role(row["role"]),
                "state": IntentState(row["state"]),
            }
        )

    def answer(self, intent_id: int, state: IntentState, *, by: str) -> bool:
        """Let this tap decide; False if another one did, or if the time is over."""
        found = self._sql.value("answer_intent", intent_id=intent_id, state=state.value, answered_by=by)
        return found is not None

    def reopen(self, intent_id: int) -> None:
        """Let an intent wait again, whose answer could not be carried out."""
        self._sql.run("reopen_intent", intent_id=intent_id)

    def is_waiting(self, book: BookId, command: str, subject: str) -> bool:
        """Return whether something of this kind waits about a subject."""
        return bool(self._sql.value("waiting_about", book=str(book), command=command, subject=subject))

    def answerer(self, book: BookId, command: str, subject: str) -> str | None:
        """Return who answered about a subject last, or None."""
        found = self._sql.value("answerer", book=str(book), command=command, subject=subject)
        return None if found is None else str(found)

    def was_warned_of(self, who: int) -> bool:
        """Return whether people were warned of this stranger within the last hour."""
        return bool(self._sql.value("stranger_warnings", begins=f"stranger:{who}:"))

    def mute(self, until: datetime, *, by: str) -> None:
        """Let what is not grave arrive without a sound until an instant."""
        self._sql.run("add_mute", until_at=until, set_by=by)

    def muted_until(self) -> datetime | None:
        """Return until when messages make no sound, past or not; None if nobody ever asked for it."""
        found: datetime | None = self._sql.value("newest_mute")
        return found

    def queue_backtest(self, first_on: date, last_on: date, *, chat_id: int, asked_by: str, most: int) -> int | None:
        """Queue a replay; returns how many wait or run, this one included; None (and nothing done) over `most`."""
        waiting = int(self._sql.value("waiting_backtests"))
        if waiting >= most:
            return None
        self._sql.value("add_backtest", first_on=first_on, last_on=last_on, chat_id=chat_id, asked_by=asked_by)
        return waiting + 1

    def next_backtest(self) -> Backtest | None:
        """Start the oldest replay that is not done; one that a stop cut off begins again."""
        row = self._sql.row("next_backtest")
        return None if row is None else Backtest(**row)

    def end_backtest(self, backtest_id: int, *, is_done: bool, detail: str) -> None:
        """Note how a replay ended."""
        self._sql.run("end_backtest", backtest_id=backtest_id, state="done" if is_done else "failed", detail=detail)


def _hashed(nonce: str) -> str:
    return hashlib.sha256(nonce.encode()).hexdigest()
