"""`airdesk data release`."""

from __future__ import annotations

import argparse
import getpass

from trading.domain.gates import GATES, PERSON, Gate
from trading.entrypoints.arguments import reason
from trading.settings import load_settings
from trading.tasks.parking import release


def add_release(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `data release` to the group of `data`."""
    text = "open a gate that cannot open by its rule: a true jump, a second source that is wrong"
    parser = actions.add_parser("release", help=text, description=text)
    parser.add_argument("symbol", help="as in `data status`")
    by_person = [gate for gate, rule in GATES.items() if rule.by_person]
    parser.add_argument("gate", type=Gate, choices=list(Gate), metavar="GATE", help=", ".join(by_person))
    parser.add_argument("--why", type=reason, required=True, help="kept for ever")
    word = parser.add_mutually_exclusive_group()
    word.add_argument("--confirm", dest="took_place", action="store_true", default=None, help="the split took place")
    word.add_argument("--deny", dest="took_place", action="store_false", default=None, help="the split did not")
    parser.set_defaults(run=run_release)


def run_release(options: argparse.Namespace) -> int:
    """Open one gate before one symbol; every other gate stays."""
    from trading.bootstrap import services_for

    settings = load_settings()
    left = release(
        services_for(settings),
        settings.book,
        options.symbol.upper(),
        options.gate,
        why=options.why,
        actor=f"{PERSON}{getpass.getuser()}",
        took_place=options.took_place,
    )
    print(f"{options.symbol.upper()} released: {options.gate}")
    for parking in left:
        print(f"still parked: {parking}; it opens when {parking.rule.clears}")
    return 0
