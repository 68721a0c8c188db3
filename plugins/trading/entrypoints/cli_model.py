"""`./airdesk model …`: train, judge and promote models. Each kind of model is a module with `add_to(commands)`."""

from __future__ import annotations

import argparse

from trading.entrypoints import cli_model_barrier, cli_model_sentiment


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the group with the commands of every kind."""
    group = subparsers.add_parser("model", help="train, judge and promote models")
    commands = group.add_subparsers(title="model commands", metavar="COMMAND", required=True)
    cli_model_barrier.add_to(commands)
    cli_model_sentiment.add_to(commands)
