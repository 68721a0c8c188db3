"""Which faults strike when: a pure function of the seed, drawn apart for each session, hour and family.

Taking a family away, or adding a session, changes nothing of what the others draw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random


class Family(StrEnum):
    """Where a fault comes from."""

    VENDORS = "vendors"
    POSTGRES = "postgres"
    GATEWAY = "gateway"
    KILLS = "kills"
    CLOCK = "clock"
    TELEGRAM = "telegram"
    OPERATOR = "operator"
    LISTS = "lists"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    Attributes:
        fault_id: of docs/faults.md; "" where the catalogue has none.
        steps: tasks that it may strike.
        tries: how many attempts in a row it strikes at most; 4 are all that a task has.
        weight: how often it is drawn, beside the others of its family.
        size: largest argument; what it counts depends on the kind.
    """

    name: str
    fault_id: str
    steps: tuple[str, ...]
    tries: int = 1
    weight: int = 2
    size: int = 1


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that strikes.

    Attributes:
        session, hour: counted from 0.
        tries: the first attempts of the task that it strikes.
        number: its argument, from 1.
    """

    session: int
    hour: int
    family: Family
    name: str
    fault_id: str
    step: str
    tries: int
    number: int

    def __str__(self) -> str:
        named = f"{self.fault_id} " if self.fault_id else ""
        struck = "first attempt" if self.tries == 1 else f"first {self.tries} attempts"
        return f"{self.family}: {named}{self.name} ({', '.join(filter(None, (self.step, struck, str(self.number))))})"


PRICES, FACTS, NEWS = ("ingest_prices",), ("ingest_fundamentals",), ("ingest_news",)
INGESTS = PRICES + FACTS + NEWS
BROKER = ("sync_broker", "execute")
ANALYSES = ("technicals", "sentiment", "risk", "decide", "report")
EVERY = (*BROKER, *INGESTS, *ANALYSES)
SENDING = ("execute",)
NO_STEP = ("",)
LEFT_OUT = "leaves orders out of its answers"
BUSY_STEPS = ("sync_broker", "execute", "execute", "execute", "decide", "ingest_prices")
"""Where a loss hurts most is struck most."""

KINDS: Mapping[Family, tuple[Kind, ...]] = {
    Family.VENDORS: (
        Kind("a short pause is asked for", "V01", INGESTS, tries=3),
        Kind("a pause of an hour is asked for", "V01", INGESTS, weight=1),
        Kind("no answer", "V02", INGESTS, tries=4, weight=4),
        Kind("an answer that breaks off", "V02", INGESTS, tries=2),
        Kind("no data but a page", "V04", INGESTS),
        Kind("the key is refused", "V04", INGESTS, weight=1),
        Kind("prices that are no numbers", "V05", PRICES, tries=4, size=12),
        Kind("prices that cannot be", "V06", PRICES, tries=4, size=12),
        Kind("everything twice", "V08", INGESTS),
        Kind("out of order", "V10", INGESTS),
        Kind("the newest is late", "V10", (*PRICES, *NEWS), tries=4),
        Kind("nothing new for hours", "V11", (*PRICES, *NEWS), tries=4),
        Kind("one symbol is unknown", "V14", (*PRICES, *FACTS), tries=4, size=12),
        Kind("one symbol is empty", "V14", PRICES, tries=4, size=12),
        Kind("no VIX", "V15", PRICES, tries=4),
        Kind("rows of the future", "", (*PRICES, *NEWS), tries=4),
    ),
    Family.POSTGRES: (
        Kind("down before the task", "P01", EVERY, tries=2),
        Kind("dies before a transaction", "P02", BUSY_STEPS, size=40),
        Kind("dies before a commit", "P02", BUSY_STEPS, size=40, weight=3),
        Kind("dies after a commit", "P03", BUSY_STEPS, size=40, weight=3),
        Kind("loses its sessions before a commit", "P03", BUSY_STEPS, tries=2, size=40, weight=8),
        Kind("chooses a transaction as the victim of a deadlock", "P05", EVERY, tries=2, size=8, weight=6),
    ),
    Family.GATEWAY: (
        Kind("down before the task", "B01", BROKER, tries=4),
        Kind("restarts in order", "B12", BROKER),
        Kind("is killed and started again", "B12", BROKER),
        Kind("breaks the connection before an order", "B02", ("execute",), size=4, weight=4),
        Kind("breaks the connection after an order", "B02", ("execute",), size=4, weight=4),
        Kind("breaks off in the middle of a message", "B02", BROKER, size=8),
        Kind("answers an order too late", "B03", ("execute",), size=3),
        Kind("lets an order wait", "B03", ("execute",), size=3),
        Kind("says everything twice", "B05", BROKER),
        Kind("fills in part", "B06", BROKER, size=12, weight=4),
        Kind("rejects an order", "B08", ("execute",), size=2),
        Kind("loses the broker for a moment", "B12", BROKER),
        Kind("tells commissions late", "", BROKER),
        Kind("has delayed quotes only", "", ("execute",)),
        Kind("halts a symbol", "", BROKER, size=12),
    ),
    Family.KILLS: (
        Kind("killed before a transaction", "A01", EVERY, tries=2, size=40, weight=2),
        Kind("killed before a commit", "A01", BUSY_STEPS, tries=2, size=40, weight=4),
        Kind("killed after a commit", "A01", BUSY_STEPS, tries=2, size=40, weight=4),
        Kind("killed at a line", "A01", ("sync_broker", "execute", "execute"), tries=2, size=60_000, weight=6),
        Kind("two copies at once", "A05", (*BROKER, "decide", "report"), weight=3),
        Kind("cleared and run again", "A08", EVERY, weight=3),
    ),
    Family.CLOCK: (
        Kind("two hours ahead", "", EVERY),
        Kind("three days ahead", "", EVERY),
        Kind("two hours behind", "", EVERY),
        Kind("three days behind", "", EVERY),
        Kind("jumps back between attempts", "", EVERY),
    ),
    Family.TELEGRAM: (
        Kind("cannot be reached", "T01", NO_STEP, weight=4, size=6),
        Kind("asks for a pause", "T01", NO_STEP, size=3),
        Kind("does not answer and has it", "T01", NO_STEP, size=2, weight=3),
        Kind("does not answer and has it not", "T01", NO_STEP, size=2, weight=3),
        Kind("refuses a letter", "T05", NO_STEP, weight=1),
        Kind("does not let the bot write", "T01", NO_STEP),
        Kind("the sender dies before it sends", "T01", NO_STEP),
        Kind("the sender dies after it sent", "T01", NO_STEP),
    ),
    Family.OPERATOR: (Kind("halts the book", "S05", ("sync_broker", "execute"), size=6),),
    Family.LISTS: (Kind(LEFT_OUT, "", BROKER, size=12),),
}

CHANCES: Mapping[Family, float] = {
    Family.VENDORS: 0.45,
    Family.POSTGRES: 0.10,
    Family.GATEWAY: 0.25,
    Family.KILLS: 0.20,
    Family.CLOCK: 0.08,
    Family.TELEGRAM: 0.30,
    Family.OPERATOR: 0.015,
    Family.LISTS: 0.05,
}
"""How likely a family strikes in an hour."""
AMBUSH_CHANCE = 0.6
"""How likely something waits for the sending of an hour: most hours send nothing, and there a loss hurts most."""
AMBUSHING = (Family.KILLS, Family.POSTGRES, Family.GATEWAY)
CALM_SHARE = 0.2
"""Share of the sessions in which nothing strikes: what they must be like is known exactly."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The faults of a soak.

    Attributes:
        faults: that strike whatever the hour does.
        ambushes: at most one an hour; it strikes the sending, where there is something to send.
    """

    seed: int
    sessions: int
    faults: tuple[Fault, ...]
    ambushes: tuple[Fault, ...] = ()

    def at(self, session: int, hour: int) -> tuple[Fault, ...]:
        """Return what strikes in an hour."""
        return tuple(f for f in self.faults if (f.session, f.hour) == (session, hour))

    def in_wait(self, session: int, hour: int) -> tuple[Fault, ...]:
        """Return what waits for the sending of an hour."""
        return tuple(f for f in self.ambushes if (f.session, f.hour) == (session, hour))

    def is_calm(self, session: int) -> bool:
        """Whether nothing strikes in a session."""
        return not any(f.session == session for f in (*self.faults, *self.ambushes))

    def by_family(self) -> Mapping[Family, int]:
        """Return how many faults each family has."""
        counts = Counter(f.family for f in self.faults)
        return {family: counts[family] for family in Family}


def plan_of(seed: int, hours: Sequence[int], families: Collection[Family] = tuple(Family)) -> Plan:
    """Return the faults of a soak.

    Args:
        hours: how many hours each session has.
        families: those that strike.
    """
    faults, ambushes = tuple(_faults(seed, hours, families)), tuple(_ambushes(seed, hours, families))
    return Plan(seed, len(hours), faults, ambushes)


def _is_calm(seed: int, session: int) -> bool:
    # Calm days come in pairs: the second one starts from a book that nothing disturbed.
    return Random(f"{seed}.{session // 2}").random() < CALM_SHARE


def _faults(seed: int, hours: Iterable[int], families: Collection[Family]) -> Iterator[Fault]:
    for session, count in enumerate(hours):
        for hour in range(0 if _is_calm(seed, session) else count):
            for family in Family:
                draw = Random(f"{seed}.{session}.{hour}.{family}")
                if family in families and draw.random() < CHANCES[family]:
                    # Small arguments are the likely ones: what comes after the end of a task strikes nobody.
                    yield _fault(draw, session, hour, family, KINDS[family], draw.random() ** 2)


def _ambushes(seed: int, hours: Iterable[int], families: Collection[Family]) -> Iterator[Fault]:
    for session, count in enumerate(hours):
        for hour in range(0 if _is_calm(seed, session) else count):
            draw = Random(f"{seed}.{session}.{hour}.sending")
            family = draw.choice(AMBUSHING)
            if family in families and draw.random() < AMBUSH_CHANCE:
                kinds = tuple(replace(k, steps=SENDING) for k in KINDS[family] if set(SENDING) & set(k.steps))
                yield _fault(draw, session, hour, family, kinds, draw.random())


def _fault(draw: Random, session: int, hour: int, family: Family, kinds: Sequence[Kind], share: float) -> Fault:
    kind = draw.choices(kinds, [k.weight for k in kinds])[0]
    number = 1 + int(share * kind.size)
    step, tries = draw.choice(kind.steps), draw.randint(1, kind.tries)
    return Fault(session, hour, family, kind.name, kind.fault_id, step, tries, number)
