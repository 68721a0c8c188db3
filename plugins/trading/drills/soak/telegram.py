"""A Telegram that fails by script: it answers with the outcomes of the adapter, and remembers what arrived."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from trading.domain.letters import Letter
from trading.drills.soak.plan import Fault
from trading.ports.messages import Fate, Outcome

PAUSE_SECONDS = 30.0
OUTCOMES: Mapping[str, Outcome] = {
    "cannot be reached": Outcome(Fate.LATER, "Telegram cannot be reached"),
    "asks for a pause": Outcome(Fate.LATER, "Telegram asks for a pause", PAUSE_SECONDS),
    "does not answer and has it": Outcome(Fate.UNCERTAIN, "no answer came, so it may have arrived or not"),
    "does not answer and has it not": Outcome(Fate.UNCERTAIN, "no answer came, so it may have arrived or not"),
    "refuses a letter": Outcome(Fate.REFUSED, "Telegram refuses it"),
    "does not let the bot write": Outcome(Fate.STOPPED, "Telegram does not let the bot write"),
}
ARRIVES = frozenset({"does not answer and has it", "the sender dies after it sent"})
DEATHS = frozenset({"the sender dies before it sends", "the sender dies after it sent"})


class SenderDied(Exception):
    """The process of the sender is gone in the middle of a letter."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A letter that was handed over.

    Attributes:
        has_arrived: whether the person has it, whatever the sender was told.
        fate: what the sender was told; None where it did not live to hear it.
    """

    reference: str
    title: str
    has_arrived: bool
    fate: Fate | None


class SoakTelegram:
    """The port `Messenger`."""

    def __init__(self) -> None:
        self.handed: list[Handed] = []
        self._script: deque[str] = deque()

    @property
    def is_healthy(self) -> bool:
        """Whether nothing bad is to come."""
        return not self._script

    def expect(self, fault: Fault) -> None:
        """Fail like this at the next letters."""
        self._script.extend([fault.name] * fault.number)

    def probe(self) -> Outcome:
        """Say whether anybody answers: not while it cannot be reached."""
        if self._script and self._script[0] in ("cannot be reached", "does not let the bot write"):
            return OUTCOMES[self._script.popleft()]
        return Outcome(Fate.SENT)

    def send(self, letter: Letter, chat_id: int) -> Outcome:
        """Take a letter, or not."""
        name = self._script.popleft() if self._script else ""
        outcome = OUTCOMES.get(name, Outcome(Fate.SENT, chat_id=chat_id, telegram_id=len(self.handed) + 1))
        has_arrived = outcome.fate is Fate.SENT if name not in DEATHS | ARRIVES else name in ARRIVES
        fate = None if name in DEATHS else outcome.fate
        self.handed.append(Handed(letter.reference, letter.title, has_arrived, fate))
        if name in DEATHS:
            raise SenderDied
        return outcome
