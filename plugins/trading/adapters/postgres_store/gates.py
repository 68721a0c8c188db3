"""market.parked, market.action_states and market.session_notices: append-only, the latest event counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.postgres_store.statements import Statements
from trading.domain.gates import PERSON, ActionState, Gate, ParkEvent, Parking, SplitJudgement
from trading.domain.instruments import Symbol
from trading.domain.market import ActionKind, CorporateAction, SessionNotice
from trading.ports.gates import PRICES


class PostgresGateRows:
    """`GateRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._gates = Statements(connection, "gates")

    def park(self, events: Sequence[ParkEvent]) -> tuple[tuple[int, ParkEvent], ...]:
        """Close and open gates; return the events that changed something, each with its id. What is so stays so."""
        if not events:
            return ()
        rows = self._gates.rows(
            "add_park_events",
            symbols=[e.symbol for e in events],
            gates=[e.gate.value for e in events],
            parked=[e.is_parked for e in events],
            details=[e.detail for e in events],
            actors=[e.actor for e in events],
            instants=[e.at for e in events],
        )
        return tuple((row.pop("event_id"), ParkEvent(**(row | {"gate": Gate(row["gate"])}))) for row in rows)

    def parked(self) -> dict[Symbol, tuple[Parking, ...]]:
        """Return the symbols that are parked now, each with every gate that holds it, the oldest first."""
        held: dict[Symbol, list[Parking]] = defaultdict(list)
        for row in self._gates.rows("parked"):
            held[row.pop("symbol")].append(Parking(**(row | {"gate": Gate(row["gate"])})))
        return {symbol: tuple(gates) for symbol, gates in held.items()}

    def released_by_person(self, gate: Gate) -> dict[Symbol, datetime]:
        """Return when a person opened `gate` before a symbol, where nothing closed it since."""
        rows = self._gates.rows("released_by_person", gate=gate.value, person=PERSON)
        return {row["symbol"]: row["happened_at"] for row in rows}

    def suspect_actions(self, *, cutoff_at: datetime) -> tuple[CorporateAction, ...]:
        """Return splits and dividends known at the cutoff that `actions` leaves out because they are suspect."""
        rows = self._gates.rows("suspect_actions", cutoff_at=cutoff_at)
        return tuple(CorporateAction(**(row | {"kind": ActionKind(row["kind"])})) for row in rows)

    def judge_action(
        self, action: CorporateAction, state: ActionState, *, known_at: datetime, detail: str, actor: str = PRICES
    ) -> bool:
        """Store what prices or a person say about an action; False when it is judged so, or a person's word stands."""
        return bool(
            self._gates.run(
                "add_action_state",
                symbol=action.symbol,
                kind=action.kind.value,
                ex_on=action.ex_on,
                state=state.value,
                known_at=known_at,
                detail=detail,
                actor=actor,
                person=PERSON,
            )
        )

    def split_judgements(self) -> tuple[SplitJudgement, ...]:
        """Return the newest judgement of each split that has one, by symbol and ex-date."""
        rows = self._gates.rows("split_judgements")
        return tuple(SplitJudgement(**(row | {"state": ActionState(row["state"])})) for row in rows)

    def add_session_notice(
        self, source: str, notice: SessionNotice, *, known_at: datetime, is_in_force: bool = True
    ) -> bool:
        """Store that a source contradicts the calendar, or no longer does; False when it already stands so."""
        return bool(
            self._gates.run(
                "add_session_notice",
                source=source,
                session_on=notice.on,
                closes_at=notice.closes_at,
                is_in_force=is_in_force,
                known_at=known_at,
            )
        )

    def session_notices(self, *, first_on: date, cutoff_at: datetime) -> tuple[tuple[str, SessionNotice], ...]:
        """Return the notices in force at the cutoff, with their sources, for days from `first_on` on, ascending."""
        rows = self._gates.rows("session_notices", first_on=first_on, cutoff_at=cutoff_at)
        return tuple((row["source"], SessionNotice(row["session_on"], row["closes_at"])) for row in rows)
