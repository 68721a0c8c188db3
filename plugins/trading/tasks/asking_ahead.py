"""Questions about bars that are asked at the same time, where a source takes several.

A question over the network is mostly waiting: one after another, five hundred names wait for a minute. Answers are
kept, refusals too, and taken in their turn, so that what is made of them does not depend on which came first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from trading.domain.instruments import Symbol
from trading.domain.market import Bar, Resolution, TimeWindow
from trading.ports import BarSource, Sources

type Ask = Callable[[], Sequence[Bar]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a source."""

    source: BarSource
    symbol: Symbol
    window: TimeWindow
    resolution: Resolution

    def ask(self) -> Sequence[Bar]:
        """Return the whole answer, or raise what the source raises."""
        return tuple(self.source.bars(self.symbol, self.window, self.resolution))

    @property
    def key(self) -> tuple[str, Symbol, Resolution, TimeWindow]:
        """Return what tells it from others."""
        return self.source.name, self.symbol, self.resolution, self.window


@dataclass
class AskingAhead:
    """The questions that were asked ahead of their turn. `with` ends its threads."""

    sources: Sources
    _pools: dict[str, ThreadPoolExecutor] = field(default_factory=dict)
    _answers: dict[tuple[object, ...], Future[Sequence[Bar]]] = field(default_factory=dict)

    def ask(self, questions: Sequence[Question]) -> None:
        """Ask those whose sources take several at once; the others wait for their turn."""
        for question in questions:
            name = question.source.name
            if (at_once := self.sources.at_once.get(name, 1)) > 1:
                if name not in self._pools:
                    self._pools[name] = ThreadPoolExecutor(at_once, thread_name_prefix=f"ask-{name}")
                self._answers[question.key] = self._pools[name].submit(question.ask)

    def answer(self, question: Question) -> Ask:
        """Return the call that gives the answer to a question, whether it was asked ahead or not."""
        asked = self._answers.pop(question.key, None)
        return question.ask if asked is None else partial(asked.result)

    def forget(self, source: str) -> None:
        """Spare a source the questions that did not reach it yet; those under way end by themselves."""
        for key in [key for key in self._answers if key[0] == source]:
            self._answers.pop(key).cancel()

    def close(self) -> None:
        """Forget what nobody took."""
        for pool in self._pools.values():
            pool.shutdown(cancel_futures=True)


@contextmanager
def asking_ahead(sources: Sources) -> Iterator[AskingAhead]:
    """Ask ahead for the length of a `with` block."""
    ahead = AskingAhead(sources)
    try:
        yield ahead
    finally:
        ahead.close()
