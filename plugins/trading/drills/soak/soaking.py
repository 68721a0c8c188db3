"""A soak from its first hour to its verdict."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from trading.domain.market import Session, Slot, session_slots
from trading.domain.portfolio import TradingState
from trading.drills.attempt import EndKind
from trading.drills.checker import Violation, ViolationKind, check_halted, check_sending, check_settled
from trading.drills.records import read_desk, read_gateway
from trading.drills.soak.carrying_out import Hands
from trading.drills.soak.dag import HOURLY, NIGHTLY, REBALANCE, Colour, Run, run_step
from trading.drills.soak.disturbing import Disturber
from trading.drills.soak.evidence import broken_checks, read_evidence, read_outbox, recomputed
from trading.drills.soak.judge import (
    Broken,
    Promise,
    check_market,
    check_messages,
    check_parity,
    check_told,
)
from trading.drills.soak.messages import Sender
from trading.drills.soak.plan import Family, Fault, Plan, plan_of
from trading.drills.soak.world import BOOK, SoakWorld, running_world, sessions_for
from trading.errors import AirdeskError
from trading.tasks.failing import tell_failure
from trading.tasks.operating import halt_book, resume_book

AFTER_THE_HOUR, AFTER_THE_CLOSE = timedelta(minutes=1), timedelta(minutes=90)
ACTOR = "soak"


@dataclass
class Tally:
    """What a soak did, for people.

    Attributes:
        counts: hours, tasks, orders and so on.
        seconds: that it took.
    """

    seed: int
    plan: Plan
    counts: Counter[str] = field(default_factory=Counter)
    struck: Counter[Family] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)
    seconds: float = 0.0


def planned(seed: int, sessions: int, families: Collection[Family] = tuple(Family)) -> Plan:
    """Return the faults of a soak of so many sessions."""
    return plan_of(seed, [len(tuple(session_slots(s))) for s in sessions_for(seed, sessions)], families)


def run_soak(
    plan: Plan, *, home: Path, log_file: Path, report: Callable[[Session, Tally], None] = lambda *_: None
) -> Tally:
    """Run a soak and return what it found; `report` hears of each session."""
    tally, started = Tally(plan.seed, plan), time.monotonic()
    with running_world(plan.seed, plan.sessions, home=home, log_file=log_file) as world:
        soak = Soak(world, plan, tally)
        for number, session in enumerate(world.sessions):
            soak.session(number, session)
            tally.seconds = time.monotonic() - started
            report(session, tally)
        soak.conclude()
    tally.seconds = time.monotonic() - started
    return tally


class Soak:
    """One desk on its way through a plan."""

    def __init__(self, world: SoakWorld, plan: Plan, tally: Tally) -> None:
        self._world, self._plan, self._tally = world, plan, tally
        self._disturber = Disturber(world)
        self._hands = Hands(world, self._disturber)
        self._sender = Sender(world.services, world.plain)
        self._where = ""
        self._red: list[str] = []
        self._runs: dict[Slot, Run] = {}
        self._halted_hours = 0
        self._is_eventful = False

    # --- hours ------------------------------------------------------------------------------------

    def session(self, number: int, session: Session) -> None:
        """Trade a session, and compare the books in its night."""
        self._is_eventful = self._halted_hours > 0
        for hour, slot in enumerate(self._world.slots[number]):
            self._where = f"session {number + 1} ({session.session_on}), hour {hour + 1}"
            self._hour(self._plan.at(number, hour), self._plan.in_wait(number, hour), slot)
        self._where = f"session {number + 1} ({session.session_on}), night"
        self._night(number, session, slot)

    def _hour(self, faults: tuple[Fault, ...], in_wait: tuple[Fault, ...], slot: Slot) -> None:
        world = self._world
        world.clock.at = slot.as_of + AFTER_THE_HOUR
        self._maybe_resume()
        self._disturber.begin_hour(faults, in_wait)
        run = self._runs[slot] = Run("hourly_trading", slot)
        for step in HOURLY:
            for fault in faults:
                if fault.family is Family.OPERATOR and fault.step == step.name:
                    self._halt(fault)
            run_step(run, step, self._hands)
            if step.name == "execute":
                self._rebalance(slot)
        self._disturber.end_hour()
        self._close(run)
        self._sender.after_hour([f for f in faults if f.family is Family.TELEGRAM])
        self._tally.struck[Family.TELEGRAM] += sum(f.family is Family.TELEGRAM for f in faults)
        self._look()

    def _rebalance(self, slot: Slot) -> None:
        with suppress(AirdeskError):
            with self._world.plain.transaction() as tx:
                is_due = tx.risk.rebalance_due(BOOK, slot.as_of) is not None
            if is_due:
                self._tally.counts["rebalances"] += 1
                run = Run("quarterly_rebalance", slot)
                for step in REBALANCE:
                    run_step(run, step, self._hands)
                self._close(run)

    def _close(self, run: Run) -> None:
        """End a run as Airflow does: a red one is told, if none of its tasks could do so."""
        self._tally.counts["tasks"] += len(run.ended)
        for name, ended in run.ended.items():
            if ended.kind in (EndKind.BROKEN, EndKind.CRASHED, EndKind.HUNG):
                self._break(Promise.SOUND, f"{run.dag_id}.{name} {ended.kind}: {ended.words}")
        if run.is_red:
            self._tally.counts["red runs"] += 1
            with self._world.plain.transaction() as tx:
                tell_failure(tx, BOOK, run.dag_id, run.run_id, "; ".join(run.problems)[:1000])
            self._red.append(f"failure:{run.dag_id}:{run.run_id}")

    # --- a person ---------------------------------------------------------------------------------

    def _halt(self, fault: Fault) -> None:
        world = self._world
        self._tally.struck[Family.OPERATOR] += 1
        halt_book(world.services, BOOK, reason="an operator of the soak halts", actor=ACTOR)
        self._halted_hours = fault.number + 1
        if fault.number % 2:
            self._disturber.crash_postgres()
            world.start_postgres()
        else:
            world.gateway.restart(hard=True)

    def _maybe_resume(self) -> None:
        if not self._halted_hours:
            return
        self._halted_hours -= 1
        if not self._halted_hours:
            self._resume()

    def _resume(self) -> None:
        world = self._world
        try:
            resume_book(
                world.services, world.spec, BOOK, after=TradingState.ACTIVE, reason="the soak goes on", actor=ACTOR,
                halt_file=world.folder / "halt",
            )  # fmt: skip
        except AirdeskError as error:
            self._break(Promise.SOUND, f"the book cannot be resumed: {error}")

    def _look(self) -> None:
        """Look at what must hold after every hour."""
        world = self._world
        self._tally.counts["hours"] += 1
        log, rows = read_gateway(world.gateway), read_desk(world.plain, world.url, BOOK, world.clock.at)
        self._violations(check_sending(log, rows))
        with world.plain.transaction() as tx:
            state, event = tx.controls.trading_state(BOOK), tx.controls.state_event(BOOK)
        if self._halted_hours:
            self._violations(check_halted(log, rows))
            if state is not TradingState.HALTED:
                self._break(Promise.HALT, f"the book is {state} although a person halted it")
        elif state is TradingState.HALTED:
            self._break(Promise.SOUND, f"the book halted itself: {event.reason if event else 'no reason'}")
            self._resume()

    # --- nights -----------------------------------------------------------------------------------

    def _night(self, number: int, session: Session, slot: Slot) -> None:
        world = self._world
        world.clock.at = session.closes_at + AFTER_THE_CLOSE
        run = Run("nightly_reconciliation", slot)
        for step in NIGHTLY:
            run_step(run, step, self._hands)
        self._close(run)
        for words in run.problems:
            self._break(Promise.TIES, words)
        report = run.ended["tax"].report
        if report is not None and report.notes:
            self._break(Promise.TIES, f"taxes: {report.notes[0]}")
        for words in broken_checks(world.url):
            self._break(Promise.TIES, words)
        rows = read_desk(world.plain, world.url, BOOK, world.clock.at)
        found = check_settled(read_gateway(world.gateway), rows, may_park=False)
        is_sent = self._runs[slot].colours.get("execute") is Colour.GREEN
        self._violations(v for v in found if v.kind is not ViolationKind.UNSENT or is_sent)
        with world.plain.transaction() as tx:
            day = tx.parity.days(BOOK, 1)[0]
        self._tally.counts[f"days {day.outcome}"] += 1
        is_calm = self._plan.is_calm(number)
        follows_calm = (number == 0 or self._plan.is_calm(number - 1)) and not self._is_eventful
        self._tally.counts["calm days"] += is_calm and follows_calm
        self._break_all(check_parity(day, is_calm=is_calm, follows_calm=follows_calm))

    # --- the end ----------------------------------------------------------------------------------

    def conclude(self) -> None:
        """Judge what is left."""
        world, counts = self._world, self._tally.counts
        self._where = "end"
        self._sender.drain()
        outbox = read_outbox(world.url)
        self._break_all(check_messages(outbox, self._sender.telegram.handed))
        self._break_all(check_told(self._red, outbox, "failure:"))
        self._break_all(check_market(read_evidence(world)))
        self._break_all(recomputed(world, counts))
        rows = read_desk(world.plain, world.url, BOOK, world.clock.at)
        counts.update(orders=len(rows.orders), fills=len(rows.fills), messages=len(outbox))
        counts.update(sent=len(rows.intents))
        counts.update(self._hands.counts)
        self._tally.struck.update(self._disturber.struck)

    def _violations(self, found: Iterable[Violation]) -> None:
        for violation in found:
            promise = Promise.GUARDED if violation.kind is ViolationKind.UNPROTECTED else Promise.ONCE
            self._break(promise, str(violation))

    def _break_all(self, found: Iterable[tuple[Promise, str]]) -> None:
        for promise, words in found:
            self._break(promise, words)

    def _break(self, promise: Promise, words: str) -> None:
        self._tally.broken.append(Broken(promise, self._where, words))
