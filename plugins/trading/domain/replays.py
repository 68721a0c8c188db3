"""Runs of a replay: what was asked, what came out, and the trials that every run adds to."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from trading.domain.instruments import BookId, Symbol
from trading.domain.orders import OrderPurpose
from trading.errors import PermanentError

type Json = str | int | float | bool | list[Json] | dict[str, Json] | None
"""What may stand in a configuration: plain values, so that its hash is the same everywhere."""


_NAME = re.compile(r"[a-z0-9_-]{1,40}")


def checked_name(name: str) -> str:
    """Return `name` if a run or a replay book may be called so.

    Raises:
        PermanentError: it is not 1 to 40 of a-z, 0-9, _ and -.
    """
    if not _NAME.fullmatch(name):
        raise PermanentError(f"{name!r} is no name of a replay: use 1 to 40 of a-z, 0-9, _ and -, without a colon")
    return name


class Driver(StrEnum):
    """Which of the drivers made a run; both call the same step."""

    IN_PROCESS = "in_process"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class Trial:
    """One outcome that was looked at. Whoever looks at many must discount the best (see `deflated_sharpe`).

    Attributes:
        sharpe: mean ÷ deviation (ddof 1) of session returns, not annualised; None without variance.
        skew, kurtosis: population moments of the returns; kurtosis 3 is normal. None without variance.
        return_count: session returns that they rest on.
    """

    spec_hash: str
    configuration_hash: str
    sharpe: float | None
    skew: float | None
    kurtosis: float | None
    return_count: int


@dataclass(frozen=True, slots=True)
class RunTrade:
    """One position from its entry to its last sale.

    Attributes:
        quantity: shares bought. entry_price, exit_price: mean fill prices [USD/share]. All three on the share basis of
            the last sale, so that a split in between does not show.
        cost_usd: what was paid, commission included. gain_usd: proceeds less cost, commissions taken off both ways;
            dividends are not in it.
        closed_by: purpose of the last sale.
    """

    symbol: Symbol
    opened_at: datetime
    closed_at: datetime
    quantity: float
    entry_price: float
    exit_price: float
    cost_usd: float
    gain_usd: float
    closed_by: OrderPurpose

    @property
    def return_frac(self) -> float:
        """Gain over cost."""
        return self.gain_usd / self.cost_usd


@dataclass(frozen=True, slots=True)
class RunEquity:
    """The book at the close of each session; all of one length.

    Attributes:
        session_on: ascending. nav_usd, cash_usd: after the session.
        benchmarks: growth of 1 USD beside it, by name; the value before the first session is 1.
    """

    session_on: tuple[date, ...]
    nav_usd: tuple[float, ...]
    cash_usd: tuple[float, ...]
    benchmarks: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReplayRun:
    """A named run.

    Attributes:
        name: of the book, without "replay:".
        made_at: when it was run; None for a book of `hourly_replay`, whose sessions are run one by one.
        configuration: everything besides data and code that the result depends on: strategy, parameters, range, cash,
            costs, delay, pricing.
        data_cutoff_at: rows known by then were read.
        code_version: as decisions store it.
        figures: by name, None where undefined.
        parameters: numbers that are not the strategy's own. search: the one that found them; None for a person.
        equity, trades: None where they were not read.
    """

    name: str
    made_at: datetime | None
    driver: Driver
    strategy: str
    spec_hash: str
    configuration: Mapping[str, Json]
    data_cutoff_at: datetime
    code_version: str
    first_on: date
    last_on: date
    starting_usd: float
    is_synthetic: bool
    trial: Trial
    figures: Mapping[str, float | None]
    search: str | None = None
    parameters: Mapping[str, Json] | None = None
    equity: RunEquity | None = None
    trades: tuple[RunTrade, ...] | None = None


@dataclass(frozen=True, slots=True)
class ReplayBook:
    """What the ledger says of a book that `hourly_replay` made.

    Attributes:
        starting_usd: its deposits. cutoff_at: of its newest decision.
    """

    book: BookId
    strategy: str
    spec_hash: str
    starting_usd: float
    code_version: str
    cutoff_at: datetime
    first_on: date
    last_on: date


def configuration_hash(configuration: Mapping[str, Json]) -> str:
    """Return 16 hex digits over a configuration, the same in whatever order it was written."""
    text = json.dumps(configuration, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
