"""Before the first order: what this client may buy by its category, and what the broker says about each symbol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trading.domain.instruments import BookId, Symbol
from trading.ports import BrokerRole, Services
from trading.strategy.spec import StrategySpec
from trading.tasks.sync import gate_of


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether one symbol may be bought.

    Attributes:
        is_signal_only: by the client's category; the desk never tries. refusal: the broker's words; None without any.
    """

    symbol: Symbol
    is_signal_only: bool
    refusal: str | None

    @property
    def is_surprise(self) -> bool:
        """Whether the desk would order what the broker refuses."""
        return self.refusal is not None and not self.is_signal_only


def ask_ahead(services: Services, spec: StrategySpec, book: BookId) -> Iterator[Answer]:
    """Yield the answer for each traded symbol; nothing is ordered.

    Raises:
        TransientError: the broker is away or silent.
    """
    barred = spec.universe.signal_only(services.client_category)
    with gate_of(services, book).connect(BrokerRole.DATA) as broker:
        for symbol in spec.universe.traded:
            yield Answer(symbol, symbol in barred, broker.refusal(symbol))
