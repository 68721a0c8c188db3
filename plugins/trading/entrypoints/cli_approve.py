"""`./airdesk approve`: what waits for a person in the running desk, and the answer."""

from __future__ import annotations

import argparse
import os

from trading.entrypoints.airflow_api import AirflowApi
from trading.entrypoints.airflow_environment import ADMIN, admin_password
from trading.entrypoints.answers import add_json, print_json
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.questions import Question, answer, waiting
from trading.entrypoints.run_record import RunRecord, is_running
from trading.errors import PermanentError


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "approve",
        help="show the orders that wait for a person, and answer",
        description="Show the orders that wait for a person. With --yes or --no answer; an answer is held back until "
        "10 seconds after the question. No answer within 15 minutes is a no.",
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--yes", action="store_true", help="send them; they are vetted again")
    choice.add_argument("--no", action="store_true", help="deny them")
    parser.add_argument("--run", dest="only", help="only the question of this run")
    add_json(choice)
    parser.set_defaults(run=_run, needs_database=False)


def _run(options: argparse.Namespace) -> int:
    checkout = Checkout.from_environment(os.environ)
    record = RunRecord.read(checkout.state)
    if not is_running(checkout.state) or not record.url:
        raise PermanentError("no desk runs here, so nothing asks; start it with ./airdesk up")
    api = AirflowApi(record.url, ADMIN, admin_password(checkout))
    found = [q for q in waiting(api) if options.only in (None, q.run_id)]
    if options.json:
        print_json("approve", questions=found)
        return 0
    if not found:
        print("nothing waits for a person")
        return 0
    for question in found:
        _show(question)
        if options.yes or options.no:
            answer(api, question, is_yes=options.yes)
            print("approved; the orders are vetted again and sent" if options.yes else "denied")
    if not (options.yes or options.no):
        print("answer with ./airdesk approve --yes or --no")
    return 0


def _show(question: Question) -> None:
    print(f"{question.subject}  (asked {question.asked_at:%H:%M:%S} UTC by {question.run_id})")
    print(question.body)
