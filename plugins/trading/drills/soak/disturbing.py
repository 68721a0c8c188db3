"""How the faults of an hour strike: set before an attempt of their task, taken away after it."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from trading.domain.decisions import DecisionKind
from trading.domain.orders import OrderStatus
from trading.drills.databases import drop_sessions
from trading.drills.line_counter import WATCHED, KillPoint
from trading.drills.soak.clocks import SKEWS
from trading.drills.soak.plan import LEFT_OUT, Family, Fault
from trading.drills.soak.striking_store import Moment, Strike
from trading.drills.soak.world import BOOK, SoakWorld
from trading.errors import TransientError

PLACE_ORDER, OPEN_ORDER = 3, -5
"""Ids of TWS: a request, an answer."""
AT_THE_GATEWAY = frozenset({Family.GATEWAY, Family.LISTS})
GATEWAY_DOWN = "down before the task"
LASTING = frozenset(
    {
        "breaks the connection before an order", "breaks the connection after an order",
        "breaks off in the middle of a message", "rejects an order", LEFT_OUT,
    }
)  # fmt: skip
"""What waits at the gateway for its message: without a restart it would strike in another hour."""
AT_A_LINE = "killed at a line"
TWO_COPIES, AGAIN = "two copies at once", "cleared and run again"


class Disturber:
    """Strikes one desk by plan.

    Attributes:
        struck: how many faults of each family were set.
    """

    def __init__(self, world: SoakWorld) -> None:
        self._world = world
        self._hour: Sequence[Fault] = ()
        self._in_wait: Sequence[Fault] = ()
        self.struck: Counter[Family] = Counter()
        self._is_postgres_down = self._is_gateway_down = False

    def begin_hour(self, faults: Sequence[Fault], in_wait: Sequence[Fault]) -> None:
        """Take the faults of an hour, and those that wait for something to send."""
        self._hour, self._in_wait = faults, in_wait

    def end_hour(self) -> None:
        """Let everything be well."""
        world = self._world
        self.mend()
        world.clock.skew *= 0
        ours = {f.name for f in (*self._hour, *self._in_wait) if f.family in AT_THE_GATEWAY}
        if ours & LASTING:
            world.gateway.restart(hard=False)
        if ours:
            world.gateway.behave()
            for symbol in world.spec.universe.traded:
                world.gateway.tell("partial", symbol=symbol, shares=None)
                world.gateway.tell("halt", symbol=symbol, is_halted=False)
            world.gateway.tell("live_data", is_subscribed=True)
        self._hour = self._in_wait = ()

    def of_step(self, step: str, try_number: int) -> list[Fault]:
        """Return what strikes an attempt; a person acts between them."""
        mine = (f for f in self._hour if f.family is not Family.OPERATOR)
        return [f for f in mine if f.step == step and try_number <= f.tries]

    def arm(self, step: str, try_number: int) -> list[Fault]:
        """Set the faults of an attempt and return them."""
        if self._in_wait and (step, try_number) == (self._in_wait[0].step, 1):
            self._hour = (*self._hour, *(self._in_wait if self._has_orders() else ()))
        faults = self.of_step(step, try_number)
        self.struck.update(f.family for f in faults)
        world = self._world
        world.weather.faults = [f for f in faults if f.family is Family.VENDORS]
        world.store.arm(*(s for f in faults for s in self._strikes(f)))
        # A gateway that is down is told nothing more.
        for fault in sorted(faults, key=lambda f: f.name == GATEWAY_DOWN):
            if fault.family is Family.CLOCK:
                is_back = fault.name.startswith("jumps")
                world.clock.skew = SKEWS[fault.name] * (try_number > 1 or not is_back)
            elif fault.family in AT_THE_GATEWAY:
                GATEWAY_FAULTS[fault.name](world, fault)
                self._is_gateway_down = self._is_gateway_down or fault.name == GATEWAY_DOWN
        if any(f.family is Family.POSTGRES and f.name == GATEWAY_DOWN for f in faults):
            self.crash_postgres()
        return faults

    def _has_orders(self) -> bool:
        with self._world.plain.transaction() as tx:
            newest = tx.decisions.newest(BOOK, DecisionKind.HOURLY)
            orders = () if newest is None else tx.orders.of_decision(newest.decision_id)
        return any(o.status is OrderStatus.PLANNED for o in orders)

    def mend(self) -> None:
        """Take everything away that strikes an attempt."""
        world = self._world
        world.weather.faults = []
        world.store.arm()
        if not world.server.is_running():
            world.start_postgres()
        if self._is_gateway_down:
            world.gateway.start()
            self._is_gateway_down = False

    def crash_postgres(self) -> None:
        """End the server without a word."""
        self._world.server.crash()

    def _strikes(self, fault: Fault) -> list[Strike]:
        if fault.family is Family.KILLS and fault.name.startswith("killed") and fault.name != AT_A_LINE:
            return [Strike(fault.number, Moment(fault.name.removeprefix("killed ")), _die)]
        if fault.family is not Family.POSTGRES or fault.name == GATEWAY_DOWN:
            return []
        if fault.name.startswith("dies "):
            return [Strike(fault.number, Moment(fault.name.removeprefix("dies ")), self.crash_postgres)]
        if fault.name.startswith("loses"):
            return [Strike(fault.number, Moment.COMMIT, lambda: drop_sessions(self._world.owner_url))]
        return [Strike(fault.number, Moment.COMMIT, _deadlock)]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _deadlock() -> None:
    raise TransientError("Postgres gave up (deadlock detected); nothing was stored, try again")


def kill_point(fault: Fault) -> KillPoint:
    """Return the line at which an attempt dies."""
    groups = tuple(WATCHED)
    return KillPoint(groups[fault.number % len(groups)], fault.number)


def is_forked(fault: Fault) -> bool:
    """Whether a fault needs a process of its own."""
    return fault.family is Family.KILLS and fault.name != AGAIN


def _behave(**manners: object) -> Callable[[SoakWorld, Fault], None]:
    def strike(world: SoakWorld, fault: Fault) -> None:
        world.gateway.behave(**manners)

    return strike


def _on_message(fault_name: str, message_id: int, *, seconds: float = 0.0) -> Callable[[SoakWorld, Fault], None]:
    def strike(world: SoakWorld, fault: Fault) -> None:
        skip = fault.number - 1
        world.gateway.tell("fault", message_id=message_id, fault=fault_name, skip=skip, seconds=seconds)

    return strike


def _of_victim(command: str, **arguments: object) -> Callable[[SoakWorld, Fault], None]:
    def strike(world: SoakWorld, fault: Fault) -> None:
        world.gateway.tell(command, symbol=world.weather.victim(fault), **arguments)

    return strike


def _fill_in_part(world: SoakWorld, fault: Fault) -> None:
    world.gateway.tell("partial", symbol=world.weather.victim(fault), shares=fault.number)


def _reject(world: SoakWorld, fault: Fault) -> None:
    world.gateway.tell("reject", code=201, text="Order rejected - reason: the soak says no", times=fault.number)


def _leave_out(world: SoakWorld, fault: Fault) -> None:
    """Let complete answers lack open orders: the end of each list comes, some of its rows do not."""
    world.gateway.tell("fault", message_id=OPEN_ORDER, fault="drop", times=fault.number)


def _delay_quotes(world: SoakWorld, fault: Fault) -> None:
    world.gateway.tell("live_data", is_subscribed=False)


def _lose_the_broker(world: SoakWorld, fault: Fault) -> None:
    world.gateway.tell("connectivity", code=1100)
    world.gateway.tell("connectivity", code=1102)


def _end(world: SoakWorld, fault: Fault) -> None:
    world.gateway.end(hard=True)


GATEWAY_FAULTS: Mapping[str, Callable[[SoakWorld, Fault], None]] = {
    GATEWAY_DOWN: _end,
    "restarts in order": lambda world, fault: world.gateway.restart(hard=False),
    "is killed and started again": lambda world, fault: world.gateway.restart(hard=True),
    "breaks the connection before an order": _on_message("close_before", PLACE_ORDER),
    "breaks the connection after an order": _on_message("close_after", PLACE_ORDER),
    "breaks off in the middle of a message": _on_message("half_frame", OPEN_ORDER),
    "answers an order too late": _behave(hold_orders_seconds=2.0),
    "lets an order wait": _behave(hold_orders_seconds=0.1),
    "says everything twice": _behave(duplicate_messages=True, filled_before_execution=True),
    "fills in part": _fill_in_part,
    "rejects an order": _reject,
    "loses the broker for a moment": _lose_the_broker,
    "tells commissions late": _behave(commission="late", commission_delay_seconds=0.3),
    "has delayed quotes only": _delay_quotes,
    "halts a symbol": _of_victim("halt", is_halted=True),
    LEFT_OUT: _leave_out,
}
