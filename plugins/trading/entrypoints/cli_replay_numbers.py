"""Options of `replay run` that replace numbers of the strategy: single ones, or the best of a search."""

from __future__ import annotations

import argparse

from trading.domain.searches import Axis, Parameters, SearchKind, Value, best_of
from trading.errors import ConfigurationError, PermanentError
from trading.ports import Services
from trading.strategy.space import axes_of
from trading.tasks.research import read_search, stored_search


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    numbers = parser.add_mutually_exclusive_group()
    numbers.add_argument(
        "--set", dest="sets", action="append", default=[], metavar="NAME=VALUE", help="another number, as in `search`"
    )
    numbers.add_argument("--search", metavar="NAME", help="strategy and numbers of the best trial of this search")


def of(options: argparse.Namespace, services: Services, strategy: str) -> tuple[str, Parameters]:
    """Return the strategy, and the numbers that replace its own.

    Raises:
        ConfigurationError: a number has several values, or search and strategy contradict each other.
        PermanentError: no trial of the search counts.
    """
    if options.search is None:
        return strategy, {axis.name: _only(axis) for axis in axes_of(options.sets)} if options.sets else {}
    search = stored_search(services, options.search)
    if options.strategy not in (None, search.plan.strategy):
        raise ConfigurationError(f"search {search.name} is of {search.plan.strategy}; leave --strategy out")
    if search.plan.kind is SearchKind.WALK_FORWARD:
        raise PermanentError(f"{search.name} walks forward: its numbers change with each window; --set those you want")
    trials, _ = read_search(services, search)
    if (best := best_of(trials)) is None:
        raise PermanentError(f"no trial of {search.name} counts; ./airdesk replay search {search.name} says why")
    return search.plan.strategy, best.parameters


def _only(axis: Axis) -> Value:
    if len(axis.values) != 1:
        raise ConfigurationError(
            f"--set {axis.name} names {len(axis.values)} values; a run takes one, a search several"
        )
    return axis.values[0]
