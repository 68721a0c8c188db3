"""Asking several sources in one step: what one of them does not answer is missing there and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from trading.errors import (
    DataRejected,
    NotEntitled,
    PartlyAnswered,
    PermanentError,
    QuotaExhausted,
    TransientError,
    UnknownSymbol,
)


@dataclass
class Gathering:
    """What the sources of one step answered.

    Attributes:
        notes: one sentence for each answer that did not come.
        is_partial: whether anything asked for did not come, for whatever reason.
        has_failed: whether a source is out of service or unreadable; a plan or a quota that ends is no failure.
        exhausted: the first quota that ended; it says when there is more.
        was_cut: whether the last answer is only a part, because a quota or a plan ended between two questions.
        was_unknown: whether the last answer is that the source does not know, or does not serve, what was asked about.
    """

    notes: list[str] = field(default_factory=list)
    is_partial: bool = False
    has_failed: bool = False
    exhausted: QuotaExhausted | None = None
    was_cut: bool = False
    was_unknown: bool = False
    _waiting: TransientError | None = None
    _refused: PermanentError | None = None
    _has_answer: bool = False
    _left_alone: set[str] = field(default_factory=set)

    def ask[Row](self, source: str, about: str, call: Callable[[], Iterable[Row]]) -> tuple[Row, ...] | None:
        """Return all that the source delivers, or None; a source that is out of service is not asked again.

        Everything is received before anything is used, so a reply that breaks off leaves no part of itself. Of several
        questions of which a quota left some unasked, the answers come back and `was_cut` says so.
        """
        self.was_cut = self.was_unknown = False
        if source in self._left_alone:
            return None
        rows: list[Row] = []
        try:
            for row in call():
                rows.append(row)  # noqa: PERF402 - what came before an error is needed.
        except PartlyAnswered as error:
            self._lose(source, f"{about} beyond the first answers", error.end)
            self._has_answer = self.was_cut = True
            return tuple(rows)
        except UnknownSymbol as error:
            self.notes.append(f"{about}: {error}")
            self.was_unknown = True
            return None
        except DataRejected as error:
            # One unreadable reply says nothing about the next one, so the source is asked on.
            self.notes.append(f"{about}: {error}")
            self.is_partial = self.has_failed = True
            self._refused = self._refused or error
            return None
        except (TransientError, PermanentError) as error:
            self._lose(source, about, error)
            return None
        self._has_answer = True
        return tuple(rows)

    def is_left_alone(self, source: str) -> bool:
        """Return whether a source is out of service, so that asking it is of no use."""
        return source in self._left_alone

    def conclude(self, *, is_covered: bool = False) -> None:
        """Raise what the whole step must end with, after what did arrive was stored.

        An outage is raised, because the retry asks only for what is still missing. A refusal is raised only when
        nobody answered; a plan or a quota that ends is a note.

        Args:
            is_covered: whether other sources brought all that one out of service had to bring; then nothing is missing.
        """
        if self._waiting is not None and not is_covered:
            raise self._waiting
        if self._refused is not None and not self._has_answer:
            raise self._refused

    def _lose(self, source: str, about: str, error: TransientError | PermanentError) -> None:
        self._left_alone.add(source)
        self.is_partial = True
        self.notes.append(f"{about}, and nothing more from {source}: {error}")
        if isinstance(error, QuotaExhausted):
            self.exhausted = self.exhausted or error
        if isinstance(error, NotEntitled | QuotaExhausted):
            return
        self.has_failed = True
        if isinstance(error, TransientError):
            self._waiting = self._waiting or error
        else:
            self._refused = self._refused or error
