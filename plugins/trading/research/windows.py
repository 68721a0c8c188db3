"""Walk-forward windows of whole months: search on the past, test on what follows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby

from trading.domain.searches import Plan, Window
from trading.errors import ConfigurationError

type Month = tuple[date, ...]
"""Sessions of one calendar month."""


def whole_months(sessions: Sequence[date], first_on: date, last_on: date) -> tuple[Month, ...]:
    """Return the months that lie inside [first_on, last_on] as a whole.

    Args:
        sessions: every session from the first month's first to the last month's last, ascending.
    """
    months = (tuple(days) for _, days in groupby(sessions, key=lambda on: (on.year, on.month)))
    return tuple(days for days in months if first_on <= days[0] and days[-1] <= last_on)


def windows_of(plan: Plan, months: Sequence[Month]) -> tuple[Window, ...]:
    """Return the windows of a plan: one stretch, or windows whose test months follow one another without a hole.

    A walk-forward's train months end `embargo_sessions` sessions early, so that no session just before a test was
    searched on. Rolling windows move on by the test months; anchored ones all begin with the first month. Months
    that do not fill a last test are left out.

    Raises:
        ConfigurationError: there are too few months for one window, or the embargo leaves nothing to train on.
    """
    if plan.train_months is None or plan.test_months is None:
        return (Window(0, plan.first_on, plan.last_on),)
    train, test = plan.train_months, plan.test_months
    if train < 1 or test < 1 or plan.embargo_sessions < 0:
        raise ConfigurationError("train and test need at least one month each and an embargo of 0 sessions or more")
    count = (len(months) - train) // test
    if count < 1:
        raise ConfigurationError(
            f"{plan.first_on} to {plan.last_on} holds {len(months)} of the {train + test} whole months that one window "
            "needs: widen the range or shorten --train and --test"
        )
    return tuple(_window(plan, months, number, train, test) for number in range(count))


def _window(plan: Plan, months: Sequence[Month], number: int, train: int, test: int) -> Window:
    begins = number * test
    searched = [on for month in months[0 if plan.is_anchored else begins : begins + train] for on in month]
    tested = [on for month in months[begins + train : begins + train + test] for on in month]
    if plan.embargo_sessions >= len(searched):
        raise ConfigurationError(
            f"an embargo of {plan.embargo_sessions} sessions leaves nothing of {len(searched)} to train on; shorten it"
        )
    kept = searched[: len(searched) - plan.embargo_sessions]
    return Window(number, kept[0], kept[-1], tested[0], tested[-1])
