"""Options of a replay about what trading costs; what they leave open follows the settings."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from trading.analysis.facts import Facts
from trading.domain.portfolio import AccountType
from trading.engine.hours import Terms, Timeline
from trading.engine.slippage import slippage_by_symbol
from trading.execution.costs import SCHEDULES, CommissionPlan, CostModel
from trading.ports import Services
from trading.strategy.spec import StrategySpec
from trading.tasks import facts as reading


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--commission", type=CommissionPlan, choices=list(CommissionPlan), help="default: AIRDESK_COMMISSION"
    )
    parser.add_argument(
        "--half-spread-bps",
        type=_up_to(1_000),
        help="paid away by market and stop orders (default: AIRDESK_HALF_SPREAD_BPS)",
    )
    parser.add_argument(
        "--slippage-volatility",
        type=_up_to(10),
        default=0.0,
        metavar="K",
        help="paid away on top: K times the daily volatility that each symbol had at the start (default: 0)",
    )
    parser.add_argument(
        "--costs-times", type=int, choices=(0, 1, 2), default=1, help="every cost times this, to see what costs decide"
    )
    parser.add_argument(
        "--account-type", type=AccountType, choices=list(AccountType), help="default: AIRDESK_ACCOUNT_TYPE"
    )


def terms_of(options: argparse.Namespace, services: Services) -> Terms:
    """Return how the replay reads its sources, and what its account allows."""
    terms = reading.terms_of(services)
    return replace(terms, account_type=options.account_type or terms.account_type)


def costs_of(
    options: argparse.Namespace, services: Services, spec: StrategySpec, facts: Facts, timeline: Timeline
) -> CostModel:
    """Return what a fill of the replay costs."""
    costs = services.costs
    if options.commission is not None:
        costs = replace(costs, commission=SCHEDULES[options.commission])
    if options.half_spread_bps is not None:
        costs = replace(costs, half_spread_frac=options.half_spread_bps / 10_000)
    if (share := options.slippage_volatility) > 0:
        terms = terms_of(options, services)
        costs = replace(costs, slippage_frac=slippage_by_symbol(spec, facts, timeline, terms, share=share))
    return costs if options.costs_times == 1 else costs.scaled(options.costs_times)


def _up_to(most: int) -> Callable[[str], float]:
    """Return what reads a number from 0 to `most`: more would leave a sale without proceeds."""

    def read(text: str) -> float:
        with suppress(ValueError):
            if 0 <= (number := float(text)) <= most:
                return number
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {most}, e.g. 5")

    return read
